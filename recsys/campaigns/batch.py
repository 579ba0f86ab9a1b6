"""Batches: for all people of a segment or of a list, whether she gets a message, and what is in it.

What is asked of a campaign is checked person by person and read live, so that who says no while
a batch runs is left out from that moment on.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from recsys import limits
from recsys.campaigns.batch_types import (
    BatchPart,
    BatchPerson,
    BatchQuery,
    CampaignSettings,
    Messaged,
    MessagedPart,
)
from recsys.campaigns.frequency import MESSAGE_CHANNELS, FrequencyRules
from recsys.campaigns.habits import (
    Habits,
    habit_needs,
    preferred_channel,
    preferred_hour,
    time_zone_of,
)
from recsys.campaigns.key_set import KeySet
from recsys.campaigns.people import NO_EVENTS, EventNeeds, FoundPerson, PeopleSource, WalkPosition
from recsys.campaigns.segments import needs_of
from recsys.campaigns.suppression import (
    SuppressionCause,
    address_of,
    is_held_out,
    may_be_messaged,
)
from recsys.consent import Purpose
from recsys.domain import Identifier, ItemId
from recsys.errors import RecsysError
from recsys.profiles import Person, Traits, people_filter, person_record, traits
from recsys.recommend import Answer, ManyPeople, Recommender, ServingModel
from recsys.time_zones import zone_of

_POPULATION_COUNT: Final = 2_000
_POPULATION_SEED: Final = 1
_NO_TRAITS: Final = Traits()


@dataclass(slots=True)
class _Candidate:
    """Somebody on the way through the checks."""

    found: FoundPerson
    asked: tuple[Identifier, ...] = ()
    cause: SuppressionCause | None = None
    address: Identifier | None = None

    @property
    def person(self) -> Person:
        return self.found.person


class Batch:
    """One batch under way. Used by one thread at a time."""

    def __init__(
        self,
        query: BatchQuery,
        *,
        people: PeopleSource,
        recommender: Recommender,
        settings: CampaignSettings,
    ) -> None:
        """Prepare; reads who answers messages when, if that is asked for.

        Raises:
            InvalidFilter: The filter is none.
            StorageUnavailable: The storage does not answer.
        """
        self._query = query
        self._people = people
        self._many = ManyPeople(recommender)
        self._settings = settings
        self._filter = people_filter(query.filter) if query.filter else None
        self._zones = _zones(recommender)
        self._seen = KeySet()
        self._everybody = Habits()
        if query.with_habits:
            sample = people.sample(
                count=_POPULATION_COUNT, seed=_POPULATION_SEED, needs=habit_needs(now=query.as_of)
            )
            for one in sample.people:
                self._everybody.add(one.person.events, self._zone(one.person), now=query.as_of)

    def walk(self, model: ServingModel, position: WalkPosition, *, threads: int = 1) -> BatchPart:
        """Answer the next people of a walk; as `PeopleSource.walk`."""
        rules = self._settings.frequency()
        part = self._people.walk(position, count=limits.WALK_COUNT, needs=self._needs(rules))
        there = [_Candidate(one) for one in part.people]
        return BatchPart(
            people=self._answered(model, self._within(there), rules, threads=threads),
            considered_count=len(there),
            next=part.next,
        )

    def messaged(self, position: WalkPosition) -> MessagedPart:
        """Return the next people of a walk who may be messaged, without answers."""
        rules = self._settings.frequency()
        part = self._people.walk(position, count=limits.WALK_COUNT, needs=self._needs(rules))
        there = self._within([_Candidate(one) for one in part.people])
        return MessagedPart(
            [
                Messaged(one.person.identifiers, one.address)
                for one in there
                if self._cause(one, rules) is None
            ],
            len(part.people),
            part.next,
        )

    def subjects(
        self,
        model: ServingModel | None,
        asked: Sequence[tuple[Identifier, ...]],
        *,
        threads: int = 1,
    ) -> BatchPart:
        """Answer the next people of a list.

        Args:
            model: The model to answer with; None to note only that they were on the list.
            asked: Identifiers of each.
            threads: Slices of a batch to compute at the same time.
        """
        rules = self._settings.frequency()
        found = self._people.find(asked, needs=NO_EVENTS if model is None else self._needs(rules))
        there = [_Candidate(one, who) for one, who in zip(found, asked, strict=True)]
        for one in there:
            one.cause = self._unmet(one)
        if model is None:
            return BatchPart(people=[], considered_count=0)
        kept = self._within([one for one in there if one.cause is None])
        within = {id(one) for one in kept}
        for one in there:
            if one.cause is None and id(one) not in within:
                one.cause = SuppressionCause.NOT_IN_SEGMENT
        return BatchPart(
            people=self._answered(model, there, rules, threads=threads),
            considered_count=len(there),
        )

    def are_in(self, people: Sequence[FoundPerson]) -> list[bool]:
        """Say of each whether she passes the filter."""
        kept = {id(one.found) for one in self._within([_Candidate(one) for one in people])}
        return [id(one) in kept for one in people]

    def checked(self, asked: Sequence[tuple[Identifier, ...]]) -> list[SuppressionCause | None]:
        """Say for each of a list why she must get nothing now; None if nothing speaks against it."""
        rules = self._settings.frequency()
        found = self._people.find(asked, needs=self._needs(rules))
        there = [_Candidate(one, who) for one, who in zip(found, asked, strict=True)]
        for one in there:
            one.cause = self._unknown(one) or self._cause(one, rules)
        return [one.cause for one in there]

    def _needs(self, rules: FrequencyRules) -> EventNeeds:
        query = self._query
        needs = NO_EVENTS if self._filter is None else needs_of(self._filter)
        needs = needs.joined(
            rules.needs(query.question.channel, query.purpose, now=query.send_time)
        )
        return needs.joined(habit_needs(now=query.as_of)) if query.with_habits else needs

    def _unmet(self, one: _Candidate) -> SuppressionCause | None:
        """Say why somebody on the list is nobody, or met her before; else she is met now."""
        cause = self._unknown(one)
        if cause is None and not self._seen.add_all(one.found.keys):
            cause = SuppressionCause.DUPLICATE
        return cause

    def _unknown(self, one: _Candidate) -> SuppressionCause | None:
        if one.person.identifiers:
            return None
        if one.person.erase_time is not None:
            return SuppressionCause.ERASED
        return SuppressionCause.UNKNOWN

    def _within(self, there: Sequence[_Candidate]) -> list[_Candidate]:
        """Return those who pass the filter."""
        which = self._filter
        if which is None:
            return list(there)
        now = self._query.as_of
        needs_traits = needs_of(which) != NO_EVENTS
        categories = self._categories(there) if "top_categories" in which.fields else {}
        kept = []
        for one in there:
            hers = _NO_TRAITS
            if needs_traits:
                hers = traits(
                    one.person.events,
                    now=now,
                    time_zone=self._settings.time_zone,
                    categories_of=lambda ids: {i: categories[i] for i in ids if i in categories},
                )
            if which.matches(person_record(one.person, hers, now=now), now=now):
                kept.append(one)
        return kept

    def _categories(self, there: Iterable[_Candidate]) -> Mapping[ItemId, str]:
        ids = {item_id for one in there for event in one.person.events for item_id in event.ids()}
        return self._settings.categories_of(ids, now=self._query.as_of) if ids else {}

    def _cause(self, one: _Candidate, rules: FrequencyRules) -> SuppressionCause | None:
        """Say why somebody gets no message."""
        query, person = self._query, one.person
        channel = query.question.channel
        if query.address_namespaces:
            one.address = address_of(person, query.address_namespaces)
            if one.address is None:
                return SuppressionCause.NO_ADDRESS
        if query.purpose is Purpose.MARKETING and not may_be_messaged(
            person, channel, by_default=self._settings.messages_by_default
        ):
            return SuppressionCause.NO_CONSENT
        if is_held_out(person, query.holdout_name, query.holdout_share):
            return SuppressionCause.HOLDOUT
        return rules.refuses(
            person.events,
            channel=channel,
            purpose=query.purpose,
            time_zone=self._zone(person),
            now=query.send_time,
        )

    def _answered(
        self,
        model: ServingModel,
        there: Sequence[_Candidate],
        rules: FrequencyRules,
        *,
        threads: int,
    ) -> list[BatchPerson]:
        for one in there:
            one.cause = one.cause or self._cause(one, rules)
        open_ones = [one for one in there if one.cause is None]
        queries = [
            msgspec.structs.replace(
                self._query.question, identifiers=one.asked or one.person.identifiers[:1]
            )
            for one in open_ones
        ]
        answers = self._many.recommend(model, queries, now=self._query.as_of, threads=threads)
        by_candidate = {id(one): each for one, each in zip(open_ones, answers, strict=True)}
        people = [self._person(one, by_candidate.get(id(one))) for one in there]
        return self._with_offers(there, people)

    def _with_offers(
        self, there: Sequence[_Candidate], people: list[BatchPerson]
    ) -> list[BatchPerson]:
        """Give an offer to each who gets something."""
        if self._settings.offers is None:
            return people
        places = [at for at, one in enumerate(people) if one.answer is not None]
        chosen = self._settings.offers.choose(
            [there[at].person for at in places],
            self._query.question.channel,
            now=self._query.send_time,
        )
        for at, offer_id in zip(places, chosen, strict=True):
            people[at] = msgspec.structs.replace(people[at], offer_id=offer_id)
        return people

    def _person(self, one: _Candidate, answer: Answer | RecsysError | None) -> BatchPerson:
        error = answer if isinstance(answer, RecsysError) else None
        cause = one.cause
        if error is not None:
            cause = SuppressionCause.FAILED
        elif isinstance(answer, Answer) and not len(answer.results):
            cause = SuppressionCause.NOTHING_TO_SHOW
        if cause is not None or not isinstance(answer, Answer):
            return BatchPerson(
                asked=one.asked, identifiers=one.person.identifiers, suppression=cause, error=error
            )
        person = BatchPerson(
            asked=one.asked,
            identifiers=one.person.identifiers,
            answer=answer,
            address=one.address,
        )
        return self._with_habits(person, one.person) if self._query.with_habits else person

    def _with_habits(self, said: BatchPerson, person: Person) -> BatchPerson:
        """Add where and when she answers messages."""
        zone = self._zone(person)
        hers = Habits()
        hers.add(person.events, zone, now=self._query.as_of)
        allowed = [
            place
            for place in sorted(MESSAGE_CHANNELS)
            if may_be_messaged(person, place, by_default=self._settings.messages_by_default)
        ]
        channel = preferred_channel(hers, self._everybody, allowed)
        return msgspec.structs.replace(
            said,
            channel=channel,
            hour=preferred_hour(hers, self._everybody, self._query.question.channel or channel),
            time_zone=str(zone),
        )

    def _zone(self, person: Person) -> dt.tzinfo:
        return time_zone_of(person.events, self._zones, self._settings.time_zone)


def _zones(recommender: Recommender) -> dict[str, dt.tzinfo]:
    # A zone that this machine does not know is as good as none.
    return {
        store.store_id: zone
        for store in recommender.permissions.catalog.stores()
        if store.time_zone and (zone := zone_of(store.time_zone))
    }
