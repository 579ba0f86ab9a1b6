"""The offers of a batch: for some people at a time, as `RecommendOffers` finds them for each."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from recsys.campaigns.batch_types import BatchOffers, BatchQuery
from recsys.campaigns.people import ALL_EVENTS, NO_EVENTS, EventNeeds
from recsys.domain import Identifier
from recsys.filters import Record
from recsys.offers.decision import Decided, OfferPerson, Promised
from recsys.offers.people import PersonFacts
from recsys.offers.query import OfferQuery
from recsys.offers.recommender import OfferRecommender
from recsys.offers.rule import OfferRefusal, Rule
from recsys.recommend import ServingModel
from recsys.recommend.known import Known


class Receiver(NamedTuple):
    """Somebody who may get offers.

    Attributes:
        identifiers: How she is known.
        known: What may be known of what she did.
        facts: What filters see of her.
    """

    identifiers: tuple[Identifier, ...]
    known: Known
    facts: PersonFacts


class PartOffers:
    """The offers of one part of a batch, as they are now. Used by one thread at a time.

    Attributes:
        is_required: Whether whoever gets none is left out.
    """

    def __init__(self, offers: OfferRecommender, asked: BatchOffers, query: BatchQuery) -> None:
        """Look at all offers once.

        Args:
            offers: Decides.
            asked: How many, and of which kind.
            query: Where they are shown, and when.

        Raises:
            StorageUnavailable: Offers cannot be read.
        """
        question = query.question
        self._offers = offers
        self._asked = asked
        self.is_required = asked.is_required
        self._now = query.send_time
        self._query = OfferQuery(
            placement=question.placement,
            channel=question.channel,
            store_id=question.store_id,
            result_count=asked.count,
        )
        self._situation = offers.situation(self._query, now=query.send_time)

    @property
    def needs_categories(self) -> bool:
        """Whether offers ask about categories."""
        return any("top_categories" in one.fields for one in self._situation.filters)

    def needs(self) -> EventNeeds:
        """Return which events of each person offers ask about."""
        return ALL_EVENTS if self._situation.needs_events else NO_EVENTS

    def choose(
        self, model: ServingModel, people: Sequence[Receiver], *, threads: int
    ) -> list[Decided]:
        """Find the offers of each, in their order.

        Raises:
            StorageUnavailable: What is used of offers cannot be read.
        """
        return self._offers.decide(
            model,
            self._situation,
            [
                OfferPerson(
                    query=msgspec.structs.replace(self._query, identifiers=one.identifiers),
                    known=one.known,
                    facts=one.facts,
                )
                for one in people
            ],
            is_alone=self._asked.is_alone,
            now=self._now,
            threads=threads,
        )

    def refusals(
        self, promised: Sequence[Promised], *, used_since: float | None
    ) -> list[dict[str, OfferRefusal]]:
        """Say what refuses offers that were promised; as `OfferRecommender.refusals`."""
        return self._offers.refusals(
            self._situation, promised, used_since=used_since, now=self._now
        )


def refused_counts(decided: Sequence[Decided]) -> Counter[Rule]:
    """Return how often each rule has refused an offer to somebody."""
    return Counter(refusal.rule for one in decided for refusal in one.refused.values())


class ReadFacts:
    """What a batch has read of somebody anyway; implements `PersonFacts`."""

    def __init__(self, record: Callable[[], Record], is_allowed: Callable[[], bool]) -> None:
        """Ask nothing yet.

        Args:
            record: Returns what filters see of her, with what she did if any offer asks for it.
            is_allowed: Returns whether it may be used.
        """
        self._record = record
        self._is_allowed = is_allowed
        self._has_found = False
        self._found: Record | None = None

    def record(self, *, needs_events: bool) -> Record | None:
        """Return what filters see of her; as `PersonFacts.record`."""
        del needs_events  # They were read if any offer asks for them.
        if not self._has_found:
            self._found = self._record() if self._is_allowed() else None
            self._has_found = True
        return self._found
