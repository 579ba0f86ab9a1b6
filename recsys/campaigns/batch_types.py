"""What a batch is asked, and what becomes of each person of it."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

import msgspec

from recsys.campaigns.frequency import FrequencyRules
from recsys.campaigns.people import WalkPosition
from recsys.campaigns.suppression import SuppressionCause
from recsys.consent import Purpose
from recsys.domain import Channel, Identifier, ItemId
from recsys.errors import RecsysError
from recsys.offers.query import RankedOffer
from recsys.offers.recommender import OfferRecommender
from recsys.offers.rule import OfferRefusal, Rule
from recsys.recommend import Answer, RecommendQuery


class CategoriesOf(Protocol):
    """Finds the categories of items."""

    def __call__(self, item_ids: Collection[ItemId], /, *, now: float) -> Mapping[ItemId, str]:
        """Return those of the items that have one."""
        ...


class BatchOffers(msgspec.Struct, frozen=True, kw_only=True):
    """Which offers go with answers.

    Attributes:
        count: Offers wanted for each, 1 to 100.
        is_required: Whether whoever gets none is left out.
        is_alone: Whether each offer is looked at alone; as `OfferRecommender.decide`.
    """

    count: int = 1
    is_required: bool = False
    is_alone: bool = False


class BatchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """To whom, and what.

    Attributes:
        question: What is asked of each, without identifiers.
        filter: Over people; empty for everybody.
        purpose: What the answers are for: MARKETING needs her consent to messages on the
            question's channel, PERSONALISE does not.
        address_namespaces: She needs an identifier of one of these; empty for none.
        holdout_share: Who is left alone, 0 to 1 of all.
        holdout_name: Of the experiment.
        with_habits: Whether to say on which channel and at which hour of which time zone she
            answers.
        offers: Which offers go with answers; None for none.
        as_of: The moment for which she is ranked, seconds since 1970-01-01 UTC.
        send_time: When messages are sent; likewise.
    """

    question: RecommendQuery
    filter: str = ""
    purpose: Purpose = Purpose.MARKETING
    address_namespaces: tuple[str, ...] = ()
    holdout_share: float = 0.0
    holdout_name: str = ""
    with_habits: bool = False
    offers: BatchOffers | None = None
    as_of: float = 0.0
    send_time: float = 0.0


class BatchPerson(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one person.

    Attributes:
        asked: The identifiers that were asked for; empty in a walk.
        identifiers: All of hers, the strongest first.
        suppression: Why she gets nothing; None if she does.
        answer: What she gets; None if nothing.
        address: Where to send it; None where no address was asked for.
        channel: On which she answers most; None if that is not known.
        hour: Of her day, in which she answers most; None likewise.
        time_zone: Hers, as an IANA name; empty where habits were not asked for.
        error: What went wrong for her alone.
        offers: Those that were chosen for her, the best first.
    """

    asked: tuple[Identifier, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    suppression: SuppressionCause | None = None
    answer: Answer | None = None
    address: Identifier | None = None
    channel: Channel | None = None
    hour: int | None = None
    time_zone: str = ""
    error: RecsysError | None = None
    offers: tuple[RankedOffer, ...] = ()


class BatchPart(msgspec.Struct, frozen=True, kw_only=True):
    """Some people of a batch.

    Attributes:
        people: With suppressed ones, but for those whom a walk's filter leaves out.
        considered_count: How many people were looked at.
        next: Where a walk goes on; None if that was all, or for a list.
        refused_offers: How often offers were not for those who get something, by rule.
    """

    people: list[BatchPerson]
    considered_count: int
    next: WalkPosition | None = None
    refused_offers: Mapping[Rule, int] = MappingProxyType({})

    def suppressed(self) -> Counter[SuppressionCause]:
        """Return how many get nothing, by cause."""
        return Counter(one.suppression for one in self.people if one.suppression)


class Sent(NamedTuple):
    """What somebody is about to get.

    Attributes:
        identifiers: How she is known.
        offer_ids: Of the offers in it.
    """

    identifiers: tuple[Identifier, ...]
    offer_ids: tuple[str, ...] = ()


class Checked(NamedTuple):
    """What speaks against a message that is about to be sent.

    Attributes:
        cause: Why she must get nothing; None if she may.
        refused: What refuses offers in it, by their ids.
    """

    cause: SuppressionCause | None
    refused: Mapping[str, OfferRefusal]


class Messaged(NamedTuple):
    """Somebody who may be messaged.

    Attributes:
        identifiers: Hers, the strongest first.
        address: Where to send it; None where no address was asked for.
    """

    identifiers: tuple[Identifier, ...]
    address: Identifier | None


class MessagedPart(NamedTuple):
    """Some people of a walk who may be messaged.

    Attributes:
        people: Any number of them.
        considered_count: How many people were looked at.
        next: Where it goes on; None if that was all.
    """

    people: list[Messaged]
    considered_count: int
    next: WalkPosition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSettings:
    """What holds for all campaigns of a server.

    Attributes:
        time_zone: Whose days and hours count where somebody's own are not known.
        messages_by_default: Whether those may be messaged who have said nothing.
        frequency: How often and when; asked anew for every part of a batch.
        categories_of: Finds the categories of items.
        offers: Finds the offers for people; None where there are none.
    """

    time_zone: dt.tzinfo
    messages_by_default: bool
    frequency: Callable[[], FrequencyRules]
    categories_of: CategoriesOf
    offers: OfferRecommender | None = None
