"""What filters of offers see of a person, read only if an offer asks, and no more than it asks."""

import datetime as dt
import functools
from typing import Protocol

from recsys import limits
from recsys.catalog import ItemReader, categories_of
from recsys.filters import Record
from recsys.offers.query import OfferQuery
from recsys.profiles import PeopleStore, Traits, person_record, traits


class PeopleRecords:
    """Reads people. Safe between threads."""

    def __init__(self, people: PeopleStore, items: ItemReader, time_zone: dt.tzinfo) -> None:
        """Share a storage.

        Args:
            people: What is known of people.
            items: Knows the categories of items.
            time_zone: Whose days and hours traits are said in.
        """
        self._people = people
        self._items = items
        self._time_zone = time_zone

    def read(self, query: OfferQuery, *, needs_events: bool, now: float) -> Record:
        """Read a person.

        Args:
            query: Names her.
            needs_events: Whether anything of what she did is asked for, and so her traits.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        event_count_max = limits.PROFILE_EVENT_COUNT_MAX if needs_events else 0
        person = self._people.person(query.identifiers, event_count_max=event_count_max)
        hers = Traits()
        if needs_events:
            hers = traits(
                person.events,
                now=now,
                time_zone=self._time_zone,
                categories_of=functools.partial(categories_of, self._items, now=now),
            )
        return person_record(person, hers, now=now)


class PersonFacts(Protocol):
    """What filters see of one person."""

    def record(self, *, needs_events: bool) -> Record | None:
        """Return what filters see of her; None if it may not be known.

        Args:
            needs_events: Whether anything of what she did is asked for.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        ...


class PersonReader:
    """Reads one person for one call, at most once with what she did; as `PersonFacts`."""

    def __init__(
        self, people: PeopleRecords, query: OfferQuery, *, allowed: bool, now: float
    ) -> None:
        """Read nothing yet.

        Args:
            people: Reads her.
            query: Names her.
            allowed: Whether what is known of her may be used.
            now: Seconds since 1970-01-01 UTC.
        """
        self._people = people
        self._query = query
        self._allowed = allowed
        self._now = now
        self._found: Record | None = None
        self._has_events = False

    def record(self, *, needs_events: bool) -> Record | None:
        """Return what filters see of her; as `PersonFacts.record`."""
        if self._allowed and (self._found is None or needs_events > self._has_events):
            self._found = self._people.read(self._query, needs_events=needs_events, now=self._now)
            self._has_events = needs_events
        return self._found
