"""Looks at everything that speaks against messages, but how often she gets one.

People are looked at together, in as many questions to the storage as one alone; what is found of
each is what would be found of her alone.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from recsys import limits
from recsys.campaigns import BatchQuery, may_be_messaged, withdrawn
from recsys.campaigns.suppression import address_of
from recsys.consent import Purpose, effective
from recsys.domain import SECONDS_PER_DAY, Channel, ItemId
from recsys.errors import StorageUnavailable
from recsys.offers.query import BasketLine, OfferQuery, RankedOffer
from recsys.offers.recommender import OfferRecommender
from recsys.profiles import Person
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.triggers.candidate import Candidate
from recsys.triggers.message import TriggerCause
from recsys.triggers.ports import TriggerStore
from recsys.triggers.trigger import Occasion, OfferNeed

log = logging.getLogger(__name__)


class Defaults(NamedTuple):
    """What holds of those who have said nothing.

    Attributes:
        messages: Whether they may be messaged.
        personalises: Whether what they do may be used.
    """

    messages: bool
    personalises: bool


class Judged(NamedTuple):
    """What was found of a message.

    Attributes:
        person: Who she is.
        cause: Why there is none; None if there is.
        offer: That it carries; None for none.
        item_ids: Of her cart, those that may be shown.
    """

    person: Person
    cause: TriggerCause | None
    offer: RankedOffer | None = None
    item_ids: tuple[ItemId, ...] = ()


class Judging:
    """Looks at messages. Stateless between calls; safe between threads."""

    def __init__(
        self,
        *,
        store: TriggerStore,
        recommender: Recommender,
        offers: OfferRecommender,
        defaults: Defaults,
    ) -> None:
        """Share what knows items and offers.

        Args:
            store: Knows who does more than a person can.
            recommender: Knows what may be shown.
            offers: Knows which offers are for whom.
            defaults: What holds of those who have said nothing.
        """
        self._store = store
        self._recommender = recommender
        self._offers = offers
        self._defaults = defaults

    def judged(
        self,
        model: ServingModel,
        candidates: Sequence[Candidate],
        people: Sequence[Person],
        *,
        now: float,
    ) -> list[Judged]:
        """Look at candidates, each as if alone.

        Args:
            model: Judges what people like.
            candidates: What was set off; with the offer that was decided on, or none to
                choose one.
            people: Whoever did it, by all that is known now.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: Something cannot be read.
        """
        try:
            return self._together(model, candidates, people, now=now)
        except StorageUnavailable:
            raise
        except Exception:
            # What nobody has foreseen must not come again and again before all others.
            if len(candidates) == 1:
                log.exception("trigger_failed", extra={"trigger": candidates[0].name})
                return [Judged(people[0], TriggerCause.FAILED)]
        # One of them has spoilt it for all.
        return [
            found
            for one, person in zip(candidates, people, strict=True)
            for found in self.judged(model, [one], [person], now=now)
        ]

    def _together(
        self,
        model: ServingModel,
        candidates: Sequence[Candidate],
        people: Sequence[Person],
        *,
        now: float,
    ) -> list[Judged]:
        causes = self._causes(candidates, people, now=now)
        shown = self._shown(model, candidates, causes, now=now)
        for at, one in enumerate(candidates):
            is_cart = one.content.occasion is Occasion.CART_LEFT
            if causes[at] is None and is_cart and not shown[at]:
                causes[at] = TriggerCause.NOTHING_TO_SHOW
        wanted = [
            at
            for at, one in enumerate(candidates)
            if causes[at] is None and one.trigger.offer is not OfferNeed.NEVER
        ]
        queries = [_offer_query(candidates[at], shown[at]) for at in wanted]
        answers = self._offers.recommend_each(model, queries, now=now)
        offers = {
            at: answer.offers[0]
            for at, answer in zip(wanted, answers, strict=True)
            if answer.offers
        }
        for at in wanted:
            if at not in offers and candidates[at].trigger.offer is OfferNeed.REQUIRED:
                causes[at] = TriggerCause.NO_OFFER
        return [
            Judged(person, None, offers.get(at), shown[at])
            if (cause := causes[at]) is None
            else Judged(person, cause)
            for at, person in enumerate(people)
        ]

    def _causes(
        self, candidates: Sequence[Candidate], people: Sequence[Person], *, now: float
    ) -> list[TriggerCause | None]:
        causes = list(map(self._cause, candidates, people))
        owners = {one.owner for one, cause in zip(candidates, causes, strict=True) if cause is None}
        robots = self._store.robots(
            owners, since=now - SECONDS_PER_DAY, count_max=limits.PERSON_DAY_EVENT_COUNT_MAX
        )
        return [
            TriggerCause.ROBOT if cause is None and one.owner in robots else cause
            for one, cause in zip(candidates, causes, strict=True)
        ]

    def _cause(self, candidate: Candidate, person: Person) -> TriggerCause | None:
        trigger = candidate.trigger
        if not person.identifiers:
            return TriggerCause.ERASED
        if trigger.addresses and address_of(person, trigger.addresses) is None:
            return TriggerCause.NO_ADDRESS
        allowed = may_be_messaged(
            person, trigger.channel, by_default=self._defaults.messages
        ) and _may_be_used(person, trigger.channel, by_default=self._defaults.personalises)
        return None if allowed else TriggerCause.NO_CONSENT

    def _shown(
        self,
        model: ServingModel,
        candidates: Sequence[Candidate],
        causes: Sequence[TriggerCause | None],
        *,
        now: float,
    ) -> list[tuple[ItemId, ...]]:
        """Return of each cart what may be shown now."""
        shown: list[tuple[ItemId, ...]] = [()] * len(candidates)
        places: dict[RecommendQuery, list[int]] = defaultdict(list)
        for at, one in enumerate(candidates):
            if causes[at] is None and one.content.item_ids:
                question = RecommendQuery(
                    placement=one.placement,
                    channel=one.trigger.channel,
                    store_id=one.content.store_id,
                )
                places[question].append(at)
        for question, those in places.items():
            carts = [candidates[at].content.item_ids for at in those]
            query = BatchQuery(question=question)
            gone = withdrawn(self._recommender, model, query, carts, now=now)
            for at, cart, hers in zip(those, carts, gone, strict=True):
                shown[at] = tuple(one for one in cart if one not in hers)
        return shown


def _offer_query(candidate: Candidate, item_ids: Sequence[ItemId]) -> OfferQuery:
    """Ask for the best offer for her; or whether a chosen one still is for her."""
    trigger, content = candidate.trigger, candidate.content
    used = trigger.offer_channel
    if used is None:
        is_visit = content.occasion is Occasion.STORE_VISIT
        used = Channel.STORE if is_visit else content.cart_channel
    offer_ids = trigger.offers or None
    if candidate.is_decided:
        is_meant = offer_ids is None or content.offer_id in offer_ids
        offer_ids = (content.offer_id,) if is_meant else ()
    return OfferQuery(
        identifiers=(candidate.owner,),
        placement=candidate.placement,
        channel=used,
        store_id=content.store_id,
        basket=tuple(BasketLine(item_id=one) for one in item_ids) if item_ids else None,
        offer_ids=offer_ids,
        is_applicable=bool(item_ids) and not candidate.is_decided,
        result_count=1,
    )


def _may_be_used(person: Person, channel: Channel, *, by_default: bool) -> bool:
    """Whether she allows that what she does is used for her."""
    found = effective(person.consents.values(), Purpose.PERSONALISE, channel)
    return by_default if found is None else found.is_granted
