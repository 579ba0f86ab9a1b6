"""Batches: for all people of a segment or of a list, whether she gets a message, and what is in it."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from recsys import limits
from recsys.campaigns.batch_types import (
    BatchOffers,
    BatchPart,
    BatchPerson,
    BatchQuery,
    CampaignSettings,
    Checked,
    Messaged,
    MessagedPart,
    Sent,
)
from recsys.campaigns.frequency import MESSAGE_CHANNELS, FrequencyRules
from recsys.campaigns.habits import Habits, habit_needs, preferred_channel, preferred_hour
from recsys.campaigns.offers import PartOffers, ReadFacts, Receiver, refused_counts
from recsys.campaigns.people import NO_EVENTS, EventNeeds, FoundPerson, PeopleSource, WalkPosition
from recsys.campaigns.screening import Candidate, Records, Screening, unknown
from recsys.campaigns.suppression import SuppressionCause, may_be_messaged
from recsys.domain import Identifier
from recsys.errors import RecsysError
from recsys.offers.decision import Promised
from recsys.offers.rule import OfferRefusal, Rule
from recsys.profiles import Person
from recsys.recommend import Answer, ManyPeople, Recommender, ServingModel
from recsys.recommend.known import Known

_POPULATION_COUNT: Final = 2_000
_POPULATION_SEED: Final = 1


class _Rules(NamedTuple):
    """What holds for a whole part, whatever is changed meanwhile.

    Attributes:
        frequency: How often people may be messaged.
        offers: Finds offers; None for none.
    """

    frequency: FrequencyRules
    offers: PartOffers | None


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
        self._recommender = recommender
        self._many = ManyPeople(recommender)
        self._settings = settings
        self._screening = Screening(query, settings, recommender.permissions.catalog)
        self._everybody = Habits()
        if query.with_habits:
            sample = people.sample(
                count=_POPULATION_COUNT, seed=_POPULATION_SEED, needs=habit_needs(now=query.as_of)
            )
            for one in sample.people:
                zone = self._screening.zone(one.person)
                self._everybody.add(one.person.events, zone, now=query.as_of)

    def walk(self, model: ServingModel, position: WalkPosition, *, threads: int = 1) -> BatchPart:
        """Answer the next people of a walk; as `PeopleSource.walk`."""
        rules = self._rules()
        part = self._people.walk(position, count=limits.WALK_COUNT, needs=self._needs(rules))
        there = self._screening.within([Candidate(one) for one in part.people])
        people, refused = self._answered(model, there, rules, threads=threads)
        return BatchPart(
            people=people,
            considered_count=len(part.people),
            next=part.next,
            refused_offers=refused,
        )

    def messaged(self, position: WalkPosition) -> MessagedPart:
        """Return the next people of a walk who may be messaged, without answers."""
        rules = self._settings.frequency()
        needs = self._screening.needs(rules)
        part = self._people.walk(position, count=limits.WALK_COUNT, needs=needs)
        there = self._screening.within([Candidate(one) for one in part.people])
        return MessagedPart(
            [
                Messaged(one.person.identifiers, one.address)
                for one in there
                if self._screening.cause(one, rules) is None
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
        rules = None if model is None else self._rules()
        needs = NO_EVENTS if rules is None else self._needs(rules)
        found = self._people.find(asked, needs=needs)
        there = [Candidate(one, who) for one, who in zip(found, asked, strict=True)]
        for one in there:
            one.cause = self._screening.unmet(one)
        if model is None or rules is None:
            return BatchPart(people=[], considered_count=0)
        kept = self._screening.within([one for one in there if one.cause is None])
        within = {id(one) for one in kept}
        for one in there:
            if one.cause is None and id(one) not in within:
                one.cause = SuppressionCause.NOT_IN_SEGMENT
        people, refused = self._answered(model, there, rules, threads=threads)
        return BatchPart(people=people, considered_count=len(there), refused_offers=refused)

    def are_in(self, people: Sequence[FoundPerson]) -> list[bool]:
        """Say of each whether she passes the filter."""
        there = [Candidate(one) for one in people]
        kept = {id(one) for one in self._screening.within(there)}
        return [id(one) in kept for one in there]

    def checked(self, sent: Sequence[Sent], *, made_time: float | None = None) -> list[Checked]:
        """Say for each of a list what speaks now against what she is about to get.

        Args:
            sent: To whom, and which offers.
            made_time: When that was decided, seconds since 1970-01-01 UTC; None where uses of
                offers since then do not matter.
        """
        frequency = self._settings.frequency()
        has_offers = any(one.offer_ids for one in sent)
        rules = _Rules(frequency, self._part_offers(BatchOffers() if has_offers else None))
        asked = [one.identifiers for one in sent]
        found = self._people.find(asked, needs=self._needs(rules))
        there = [Candidate(one, who) for one, who in zip(found, asked, strict=True)]
        causes = [unknown(one) or self._screening.cause(one, frequency) for one in there]
        refused: Sequence[Mapping[str, OfferRefusal]] = [{}] * len(there)
        if rules.offers is not None:
            records = self._records(there, rules.offers)
            promised = [
                Promised(one.identifiers, self._facts(one, records), each.offer_ids)
                for one, each in zip(there, sent, strict=True)
            ]
            refused = rules.offers.refusals(promised, used_since=made_time)
        return list(map(Checked, causes, refused))

    def _rules(self) -> _Rules:
        return _Rules(self._settings.frequency(), self._part_offers(self._query.offers))

    def _part_offers(self, asked: BatchOffers | None) -> PartOffers | None:
        offers = self._settings.offers
        return None if asked is None or offers is None else PartOffers(offers, asked, self._query)

    def _records(self, there: Iterable[Candidate], offers: PartOffers) -> Records:
        return Records(
            there,
            self._settings,
            with_events=offers.needs() != NO_EVENTS,
            with_categories=offers.needs_categories,
            now=self._query.as_of,
        )

    def _facts(self, one: Candidate, records: Records) -> ReadFacts:
        """Return what filters of offers see of somebody of whom nothing else is looked up."""
        asking = msgspec.structs.replace(self._query.question, identifiers=one.identifiers)
        return ReadFacts(
            functools.partial(records.of, one),
            functools.partial(self._recommender.acquaintance.may_know, asking),
        )

    def _needs(self, rules: _Rules) -> EventNeeds:
        needs = self._screening.needs(rules.frequency)
        return needs if rules.offers is None else needs.joined(rules.offers.needs())

    def _answered(
        self, model: ServingModel, there: Sequence[Candidate], rules: _Rules, *, threads: int
    ) -> tuple[list[BatchPerson], Counter[Rule]]:
        """Answer people; also returns how often offers were refused to them, by rule."""
        for one in there:
            one.cause = one.cause or self._screening.cause(one, rules.frequency)
        open_ones = [one for one in there if one.cause is None]
        question, now = self._query.question, self._query.as_of
        queries = [
            msgspec.structs.replace(question, identifiers=one.identifiers) for one in open_ones
        ]
        met = self._many.meet(model, queries, now=now)
        answers = self._many.recommend(model, queries, met, now=now, threads=threads)
        people = {
            id(one): self._person(one, answer)
            for one, answer in zip(open_ones, answers, strict=True)
        }
        refused = Counter[Rule]()
        if rules.offers is not None:
            known = [
                (one, person.known)
                for one, person in zip(open_ones, met, strict=True)
                if not isinstance(person, RecsysError) and people[id(one)].answer is not None
            ]
            refused = self._put_offers(model, known, people, rules.offers, threads=threads)
        everybody = [people.get(id(one)) or _suppressed(one, one.cause) for one in there]
        return everybody, refused

    def _put_offers(
        self,
        model: ServingModel,
        known: Sequence[tuple[Candidate, Known]],
        people: dict[int, BatchPerson],
        offers: PartOffers,
        *,
        threads: int,
    ) -> Counter[Rule]:
        """Give offers to those who get something; returns how often they were refused."""
        records = self._records([one for one, _ in known], offers)
        receivers = [
            Receiver(
                one.identifiers,
                hers,
                ReadFacts(functools.partial(records.of, one), functools.partial(_may_know, hers)),
            )
            for one, hers in known
        ]
        decided = offers.choose(model, receivers, threads=threads)
        for (one, _), each in zip(known, decided, strict=True):
            if each.offers or not offers.is_required:
                person = msgspec.structs.replace(people[id(one)], offers=tuple(each.offers))
            else:
                person = _suppressed(one, SuppressionCause.NO_OFFER)
            people[id(one)] = person
        return refused_counts(decided)

    def _person(self, one: Candidate, answer: Answer | RecsysError) -> BatchPerson:
        if isinstance(answer, RecsysError):
            failed = _suppressed(one, SuppressionCause.FAILED)
            return msgspec.structs.replace(failed, error=answer)
        if not len(answer.results):
            return _suppressed(one, SuppressionCause.NOTHING_TO_SHOW)
        person = BatchPerson(
            asked=one.asked,
            identifiers=one.person.identifiers,
            answer=answer,
            address=one.address,
        )
        return self._with_habits(person, one.person) if self._query.with_habits else person

    def _with_habits(self, said: BatchPerson, person: Person) -> BatchPerson:
        """Add where and when she answers messages."""
        zone = self._screening.zone(person)
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


def _may_know(known: Known) -> bool:
    return known.is_allowed


def _suppressed(one: Candidate, cause: SuppressionCause | None) -> BatchPerson:
    return BatchPerson(asked=one.asked, identifiers=one.person.identifiers, suppression=cause)
