"""The decision: whether somebody gets a message about what she has just done, and what it says."""

import datetime as dt
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from recsys import limits
from recsys.campaigns import (
    NO_EVENTS,
    BatchQuery,
    FrequencyRules,
    PeopleSource,
    may_be_messaged,
    withdrawn,
)
from recsys.campaigns.habits import store_zones, time_zone_of
from recsys.campaigns.suppression import address_of, is_held_out
from recsys.consent import Purpose, effective
from recsys.domain import CHANNEL_BY_CODE, SECONDS_PER_DAY, Channel, Identifier, ItemId, StoreId
from recsys.errors import StorageUnavailable
from recsys.offers.live import LiveStores
from recsys.offers.query import BasketLine, OfferQuery, RankedOffer
from recsys.offers.recommender import OfferRecommender
from recsys.profiles import Person
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from recsys.recommend.attribution import encode_token
from recsys.triggers.cart import Cart
from recsys.triggers.message import Message, MessageContent, Proposal, TriggerCause
from recsys.triggers.ports import TriggerEvent, TriggerStore
from recsys.triggers.trigger import Occasion, OfferNeed, Trigger

log = logging.getLogger(__name__)

_PURPOSE: Final = Purpose.MARKETING
_TOKEN_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerSettings:
    """What holds for all triggers of a server.

    Attributes:
        time_zone: Whose hours count where somebody's own are not known.
        messages_by_default: Whether those may be messaged who have said nothing.
        personalises_by_default: Whether what they do may be used of those who have said nothing.
        frequency: How often and when; asked anew for every look.
    """

    time_zone: dt.tzinfo
    messages_by_default: bool
    personalises_by_default: bool
    frequency: Callable[[], FrequencyRules]


class Candidate(NamedTuple):
    """A trigger and what has set it off.

    Attributes:
        name: Of the trigger.
        trigger: What it says.
        owner: To whom the event belongs.
        event_id: Of the event.
        event_time: When it happened, seconds since 1970-01-01 UTC.
        content: What is known of the message.
    """

    name: str
    trigger: Trigger
    owner: Identifier
    event_id: str
    event_time: float
    content: MessageContent

    @classmethod
    def of_visit(cls, name: str, trigger: Trigger, event: TriggerEvent) -> "Candidate":
        """Say that somebody who is known enters a shop."""
        assert event.owner is not None  # It was looked at.
        store_id = None if event.store_id is None else StoreId(event.store_id)
        content = MessageContent(occasion=Occasion.STORE_VISIT, store_id=store_id)
        return cls(name, trigger, event.owner, event.event_id, event.event_time, content)

    @classmethod
    def of_cart(cls, name: str, trigger: Trigger, owner: Identifier, cart: Cart) -> "Candidate":
        """Say that somebody has left a cart behind."""
        content = MessageContent(
            occasion=Occasion.CART_LEFT,
            item_ids=cart.item_ids,
            store_id=None if cart.last.store_id is None else StoreId(cart.last.store_id),
            cart_channel=CHANNEL_BY_CODE.get(cart.last.channel),
        )
        return cls(name, trigger, owner, cart.last.event_id, cart.last.event_time, content)

    @property
    def expire_time(self) -> float:
        """Until when a message is of use."""
        return self.trigger.expire_time(self.event_time)


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


class Decider:
    """Decides. Stateless between calls; safe between threads."""

    def __init__(
        self,
        *,
        people: PeopleSource,
        store: TriggerStore,
        recommender: Recommender,
        offers: OfferRecommender,
        settings: TriggerSettings,
    ) -> None:
        """Share what knows people, items and offers.

        Args:
            people: Who is who, what they allow and what they were shown.
            store: What was decided before.
            recommender: Knows what may be shown.
            offers: Knows which offers are for whom.
            settings: What holds for all triggers.
        """
        self._people = people
        self._store = store
        self._recommender = recommender
        self._offers = offers
        self._settings = settings
        self._stores = LiveStores(recommender.permissions.catalog)

    def propose(
        self, model: ServingModel, candidates: Sequence[Candidate], *, now: float
    ) -> tuple[list[Proposal], "Bench"]:
        """Say what speaks for and against messages, before the last word; see `Bench`.

        Args:
            model: Judges what she likes.
            candidates: What was set off.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: Something cannot be read; nothing was decided.
        """
        proposals, people = [], {}
        # The same for all, or what the last word asks for would not have been read.
        rules = self._settings.frequency()
        found = self._found(candidates, rules, now=now)
        for candidate, person in zip(candidates, found, strict=True):
            judged = self._judged_or_failed(model, candidate, person, now=now)
            offer_id = "" if judged.offer is None else judged.offer.offer_id
            content = msgspec.structs.replace(
                candidate.content,
                attribution_token=_token(candidate, model.version),
                offer_id=offer_id,
                item_ids=judged.item_ids,
            )
            proposal = Proposal(
                trigger=candidate.name,
                event_id=candidate.event_id,
                owner=candidate.owner,
                channel=candidate.trigger.channel,
                event_time=candidate.event_time,
                expire_time=candidate.expire_time,
                content=content,
                cause=judged.cause,
            )
            proposals.append(proposal)
            people[proposal.trigger, proposal.event_id] = candidate.trigger, person
        return proposals, self._bench(people, rules, now=now)

    def judge_again(
        self, model: ServingModel, trigger: Trigger, message: Message, *, now: float
    ) -> Judged:
        """Look at everything once more just before a message goes out.

        Args:
            model: Judges what she likes.
            trigger: What set the message off.
            message: As it was decided.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: Something cannot be read.
        """
        assert message.owner is not None  # Whoever is not known any more gets nothing.
        candidate = Candidate(
            message.trigger, trigger, message.owner, "", message.event_time, message.content
        )
        rules = self._settings.frequency()
        (person,) = self._found([candidate], rules, now=now)
        judged = self._judged_or_failed(model, candidate, person, now=now)
        if judged.cause is not None:
            return judged
        bench = self._bench({}, rules, now=now)
        cause = bench.refusal(trigger, person, self._store.before(message, now=now))
        return judged._replace(cause=cause)

    def _found(
        self, candidates: Sequence[Candidate], rules: FrequencyRules, *, now: float
    ) -> list[Person]:
        needs = NO_EVENTS
        for one in candidates:
            needs = needs.joined(rules.needs(one.trigger.channel, _PURPOSE, now=now))
        found = self._people.find([(one.owner,) for one in candidates], needs=needs)
        return [one.person for one in found]

    def _judged_or_failed(
        self, model: ServingModel, candidate: Candidate, person: Person, *, now: float
    ) -> Judged:
        try:
            return self._judged(model, candidate, person, now=now)
        except StorageUnavailable:
            raise
        except Exception:
            # What nobody has foreseen must not come again and again before all others.
            log.exception("trigger_failed", extra={"trigger": candidate.name})
            return Judged(person, TriggerCause.FAILED)

    def _judged(
        self, model: ServingModel, candidate: Candidate, person: Person, *, now: float
    ) -> Judged:
        """Look at everything but how often she is messaged.

        Args:
            model: Judges what she likes.
            candidate: What was set off; with the offer that was decided on, or none to
                choose one.
            person: Whoever did it, by all that is known now.
            now: Seconds since 1970-01-01 UTC.
        """
        trigger = candidate.trigger
        cause = self._cause(candidate, person, now=now)
        if cause is not None:
            return Judged(person, cause)
        item_ids = self._shown(model, candidate, now=now)
        if candidate.content.occasion is Occasion.CART_LEFT and not item_ids:
            return Judged(person, TriggerCause.NOTHING_TO_SHOW)
        offer = self._offer(model, candidate, item_ids, now=now)
        if offer is None and trigger.offer is OfferNeed.REQUIRED:
            return Judged(person, TriggerCause.NO_OFFER)
        return Judged(person, None, offer, item_ids)

    def _cause(self, candidate: Candidate, person: Person, *, now: float) -> TriggerCause | None:
        trigger, settings = candidate.trigger, self._settings
        if not person.identifiers:
            return TriggerCause.ERASED
        if trigger.addresses and address_of(person, trigger.addresses) is None:
            return TriggerCause.NO_ADDRESS
        allowed = may_be_messaged(
            person, trigger.channel, by_default=settings.messages_by_default
        ) and _may_be_used(person, trigger.channel, by_default=settings.personalises_by_default)
        if not allowed:
            return TriggerCause.NO_CONSENT
        is_robot = self._store.is_robot(
            candidate.owner,
            since=now - SECONDS_PER_DAY,
            count_max=limits.PERSON_DAY_EVENT_COUNT_MAX,
        )
        return TriggerCause.ROBOT if is_robot else None

    def _shown(
        self, model: ServingModel, candidate: Candidate, *, now: float
    ) -> tuple[ItemId, ...]:
        """Return of her cart what may be shown now."""
        content = candidate.content
        if not content.item_ids:
            return ()
        question = RecommendQuery(
            placement=candidate.trigger.placement or candidate.name,
            channel=candidate.trigger.channel,
            store_id=content.store_id,
        )
        gone = withdrawn(
            self._recommender, model, BatchQuery(question=question), [content.item_ids], now=now
        )
        return tuple(one for one in content.item_ids if one not in gone[0])

    def _offer(
        self,
        model: ServingModel,
        candidate: Candidate,
        item_ids: Sequence[ItemId],
        *,
        now: float,
    ) -> RankedOffer | None:
        """Choose the best offer for her; or look whether a chosen one still is for her."""
        trigger, content = candidate.trigger, candidate.content
        if trigger.offer is OfferNeed.NEVER:
            return None
        used = trigger.offer_channel
        if used is None:
            is_visit = content.occasion is Occasion.STORE_VISIT
            used = Channel.STORE if is_visit else content.cart_channel
        query = OfferQuery(
            identifiers=(candidate.owner,),
            placement=trigger.placement or candidate.name,
            channel=used,
            store_id=content.store_id,
            basket=tuple(BasketLine(item_id=one) for one in item_ids) if item_ids else None,
            result_count=limits.OFFER_COUNT_MAX,
        )
        decided = content.offer_id
        for one in self._offers.recommend(model, query, now=now).offers:
            is_meant = one.offer_id == decided if decided else one.is_applicable is not False
            if is_meant and (not trigger.offers or one.offer_id in trigger.offers):
                return one
        return None

    def _bench(
        self,
        people: Mapping[tuple[str, str], tuple[Trigger, Person]],
        rules: FrequencyRules,
        *,
        now: float,
    ) -> "Bench":
        zones = store_zones(self._stores.current().values())
        return Bench(people, rules, zones, self._settings.time_zone, now=now)


class Bench:
    """Has the last word on proposals, where nobody else decides; implements `Judge`."""

    def __init__(
        self,
        people: Mapping[tuple[str, str], tuple[Trigger, Person]],
        rules: FrequencyRules,
        zones: Mapping[str, dt.tzinfo],
        time_zone: dt.tzinfo,
        *,
        now: float,
    ) -> None:
        """Remember what was read of people.

        Args:
            people: By trigger and event.
            rules: How often and when.
            zones: By store.
            time_zone: Where none is known.
            now: Seconds since 1970-01-01 UTC.
        """
        self._people = people
        self._rules = rules
        self._zones = zones
        self._time_zone = time_zone
        self._now = now

    def __call__(self, proposal: Proposal, hers: Sequence[Message]) -> TriggerCause | None:
        """Say why there is no message; as `Judge`."""
        if proposal.cause is not None:
            return proposal.cause
        trigger, person = self._people[proposal.trigger, proposal.event_id]
        cause = self.refusal(trigger, person, hers)
        if cause is None and any(
            one.trigger == proposal.trigger and one.decide_time > self._now - trigger.again_seconds
            for one in hers
        ):
            return TriggerCause.REPEATED
        name = trigger.holdout_name or proposal.trigger
        # Last of all, so that those who are left alone compare with those who are not.
        if cause is None and is_held_out(person, name, trigger.holdout_share):
            return TriggerCause.HOLDOUT
        return cause

    def refusal(
        self, trigger: Trigger, person: Person, hers: Sequence[Message]
    ) -> TriggerCause | None:
        """Say what of the frequency rules refuses a message.

        Args:
            trigger: What set it off.
            person: What she was shown.
            hers: The messages that count of her and are perhaps not among that yet.
        """
        zone = time_zone_of(person.events, self._zones, self._time_zone)
        cause = self._rules.refuses(
            [*person.events, *(one.as_shown() for one in hers)],
            channel=trigger.channel,
            purpose=_PURPOSE,
            time_zone=zone,
            now=self._now,
        )
        return TriggerCause.of(cause)


def _may_be_used(person: Person, channel: Channel, *, by_default: bool) -> bool:
    """Whether she allows that what she does is used for her."""
    found = effective(person.consents.values(), Purpose.PERSONALISE, channel)
    return by_default if found is None else found.is_granted


def _token(candidate: Candidate, model_version: str) -> str:
    name = f"{candidate.name}\0{candidate.event_id}".encode(errors="surrogatepass")
    return encode_token(
        request_id=hashlib.blake2b(name, digest_size=_TOKEN_BYTES).digest(),
        placement=candidate.trigger.placement or candidate.name,
        model_version=model_version,
    )
