"""The decision: whether somebody gets a message about what she has just done, and what it says."""

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from recsys.campaigns import NO_EVENTS, FrequencyRules, PeopleSource
from recsys.campaigns.habits import store_zones
from recsys.offers.live import LiveStores
from recsys.offers.recommender import OfferRecommender
from recsys.profiles import Person
from recsys.recommend import Recommender, ServingModel
from recsys.recommend.attribution import encode_token
from recsys.triggers.bench import PURPOSE, Bench
from recsys.triggers.candidate import Candidate
from recsys.triggers.judging import Defaults, Judged, Judging
from recsys.triggers.message import Message, Proposal
from recsys.triggers.ports import TriggerStore
from recsys.triggers.trigger import Trigger

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
        self._settings = settings
        self._judging = Judging(
            store=store,
            recommender=recommender,
            offers=offers,
            defaults=Defaults(settings.messages_by_default, settings.personalises_by_default),
        )
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
        # The same for all, or what the last word asks for would not have been read.
        rules = self._settings.frequency()
        found = self._found(candidates, rules, now=now)
        judged = self._judging.judged(model, candidates, found, now=now)
        proposals = [
            _proposal(candidate, one, model.version)
            for candidate, one in zip(candidates, judged, strict=True)
        ]
        people = {
            (one.name, one.event_id): (one.trigger, person)
            for one, person in zip(candidates, found, strict=True)
        }
        return proposals, self._bench(people, rules, now=now)

    def judge_again(
        self, model: ServingModel, messages: Sequence[tuple[Trigger, Message]], *, now: float
    ) -> list[Judged]:
        """Look at everything once more just before messages go out.

        Args:
            model: Judges what people like.
            messages: As they were decided, of people who are known; each with its trigger.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: Something cannot be read.
        """
        if not messages:
            return []
        candidates = [Candidate.of_message(trigger, message) for trigger, message in messages]
        rules = self._settings.frequency()
        found = self._found(candidates, rules, now=now)
        judged = self._judging.judged(model, candidates, found, now=now)
        earlier = self._store.before([message for _, message in messages], now=now)
        bench = self._bench({}, rules, now=now)
        return [
            one
            if one.cause is not None
            else one._replace(cause=bench.refusal(candidate.trigger, one.person, hers))
            for candidate, one, hers in zip(candidates, judged, earlier, strict=True)
        ]

    def _found(
        self, candidates: Sequence[Candidate], rules: FrequencyRules, *, now: float
    ) -> list[Person]:
        needs = NO_EVENTS
        for channel in {one.trigger.channel for one in candidates}:
            needs = needs.joined(rules.needs(channel, PURPOSE, now=now))
        found = self._people.find([(one.owner,) for one in candidates], needs=needs)
        return [one.person for one in found]

    def _bench(
        self,
        people: Mapping[tuple[str, str], tuple[Trigger, Person]],
        rules: FrequencyRules,
        *,
        now: float,
    ) -> "Bench":
        zones = store_zones(self._stores.current().values())
        return Bench(people, rules, zones, self._settings.time_zone, now=now)


def _proposal(candidate: Candidate, judged: Judged, model_version: str) -> Proposal:
    content = msgspec.structs.replace(
        candidate.content,
        attribution_token=_token(candidate, model_version),
        offer_id="" if judged.offer is None else judged.offer.offer_id,
        item_ids=judged.item_ids,
    )
    return Proposal(
        trigger=candidate.name,
        event_id=candidate.event_id,
        owner=candidate.owner,
        channel=candidate.trigger.channel,
        event_time=candidate.event_time,
        expire_time=candidate.expire_time,
        content=content,
        cause=judged.cause,
    )


def _token(candidate: Candidate, model_version: str) -> str:
    name = f"{candidate.name}\0{candidate.event_id}".encode(errors="surrogatepass")
    return encode_token(
        request_id=hashlib.blake2b(name, digest_size=_TOKEN_BYTES).digest(),
        placement=candidate.placement,
        model_version=model_version,
    )
