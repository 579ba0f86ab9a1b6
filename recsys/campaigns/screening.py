"""Whether somebody gets a message: who she is, whether she is meant, and what she allows.

Each is read live, so that who says no while a batch runs is left out from that moment on.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from recsys.campaigns.batch_types import BatchQuery, CampaignSettings
from recsys.campaigns.frequency import FrequencyRules
from recsys.campaigns.habits import habit_needs, store_zones, time_zone_of
from recsys.campaigns.key_set import KeySet
from recsys.campaigns.people import NO_EVENTS, EventNeeds, FoundPerson
from recsys.campaigns.segments import needs_of
from recsys.campaigns.suppression import (
    SuppressionCause,
    address_of,
    is_held_out,
    may_be_messaged,
)
from recsys.catalog import CatalogFeed
from recsys.consent import Purpose
from recsys.domain import Identifier, ItemId
from recsys.filters import Record
from recsys.profiles import (
    Person,
    Traits,
    needs_events,
    people_filter,
    person_record,
    traits,
)

_NO_TRAITS: Final = Traits()


@dataclass(slots=True)
class Candidate:
    """Somebody on the way through the checks.

    Attributes:
        found: Who she is.
        asked: The identifiers that were asked for; empty in a walk.
        cause: Why she gets nothing, as far as that is found.
        address: Where to send it.
    """

    found: FoundPerson
    asked: tuple[Identifier, ...] = ()
    cause: SuppressionCause | None = None
    address: Identifier | None = None

    @property
    def person(self) -> Person:
        """What is stored of her."""
        return self.found.person

    @property
    def identifiers(self) -> tuple[Identifier, ...]:
        """By what she is looked up: as she was asked for, else her strongest."""
        return self.asked or self.person.identifiers[:1]


class Screening:
    """The checks of one batch. Used by one thread at a time."""

    def __init__(self, query: BatchQuery, settings: CampaignSettings, catalog: CatalogFeed) -> None:
        """Prepare.

        Args:
            query: Who is meant.
            settings: What holds for all campaigns.
            catalog: Knows in which time zone stores are.

        Raises:
            InvalidFilter: The filter is none.
            StorageUnavailable: The storage does not answer.
        """
        self._query = query
        self._settings = settings
        self._filter = people_filter(query.filter) if query.filter else None
        self._seen = KeySet()
        self._zones = store_zones(catalog.stores())

    def needs(self, rules: FrequencyRules) -> EventNeeds:
        """Return which events of each person the checks and her habits ask about."""
        query = self._query
        needs = NO_EVENTS if self._filter is None else needs_of(self._filter)
        needs = needs.joined(
            rules.needs(query.question.channel, query.purpose, now=query.send_time)
        )
        return needs.joined(habit_needs(now=query.as_of)) if query.with_habits else needs

    def unmet(self, one: Candidate) -> SuppressionCause | None:
        """Say why somebody on the list is nobody, or met her before; else she is met now."""
        cause = unknown(one)
        if cause is None and not self._seen.add_all(one.found.keys):
            cause = SuppressionCause.DUPLICATE
        return cause

    def within(self, there: Sequence[Candidate]) -> list[Candidate]:
        """Return those who pass the filter."""
        which = self._filter
        if which is None:
            return list(there)
        records = Records(
            there,
            self._settings,
            with_events=needs_events(which),
            with_categories="top_categories" in which.fields,
            now=self._query.as_of,
        )
        return [one for one in there if which.matches(records.of(one), now=self._query.as_of)]

    def cause(self, one: Candidate, rules: FrequencyRules) -> SuppressionCause | None:
        """Say why somebody gets no message; finds her address."""
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
            time_zone=self.zone(person),
            now=query.send_time,
        )

    def zone(self, person: Person) -> dt.tzinfo:
        """Return somebody's time zone."""
        return time_zone_of(person.events, self._zones, self._settings.time_zone)


class Records:
    """What filters see of some people, who are summed up once they are asked for."""

    def __init__(
        self,
        there: Iterable[Candidate],
        settings: CampaignSettings,
        *,
        with_events: bool,
        with_categories: bool,
        now: float,
    ) -> None:
        """Look up categories, if filters ask for any.

        Args:
            there: The people.
            settings: Knows categories, and whose days count.
            with_events: Whether filters ask about anything that they did.
            with_categories: Whether they ask for categories.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        self._settings = settings
        self._with_events = with_events
        self._now = now
        self._categories: Mapping[ItemId, str] = {}
        if with_categories:
            events = [event for one in there for event in one.person.events]
            ids = {item_id for event in events for item_id in event.ids()}
            self._categories = settings.categories_of(ids, now=now) if ids else {}

    def of(self, one: Candidate) -> Record:
        """Return what filters see of somebody."""
        hers = _NO_TRAITS
        if self._with_events:
            known = self._categories
            hers = traits(
                one.person.events,
                now=self._now,
                time_zone=self._settings.time_zone,
                categories_of=lambda ids: {i: known[i] for i in ids if i in known},
            )
        return person_record(one.person, hers, now=self._now)


def unknown(one: Candidate) -> SuppressionCause | None:
    """Say why somebody is nobody."""
    if one.person.identifiers:
        return None
    if one.person.erase_time is not None:
        return SuppressionCause.ERASED
    return SuppressionCause.UNKNOWN
