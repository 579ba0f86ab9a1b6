"""What filters of offers see of a person, read once and only if an offer asks."""

import datetime as dt
import functools
from collections.abc import Callable, Collection, Mapping

from recsys import limits
from recsys.catalog import ItemReader
from recsys.domain import ItemId
from recsys.filters import Record
from recsys.offers.query import OfferQuery
from recsys.profiles import PeopleStore, person_record, traits


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

    def record_of(
        self, query: OfferQuery, *, allowed: bool, now: float
    ) -> Callable[[], Record | None]:
        """Return what reads a person at most once.

        Args:
            query: Names her.
            allowed: Whether what is known of her may be used.
            now: Seconds since 1970-01-01 UTC.
        """

        @functools.cache
        def record() -> Record | None:
            return self._record(query, now=now) if allowed else None

        return record

    def _record(self, query: OfferQuery, *, now: float) -> Record:
        person = self._people.person(
            query.identifiers, event_count_max=limits.PROFILE_EVENT_COUNT_MAX
        )

        def categories_of(item_ids: Collection[ItemId]) -> Mapping[ItemId, str]:
            found = self._items.items(item_ids, now=now)
            return {name: item.category for name, item in found.items() if item.category}

        found = traits(
            person.events, now=now, time_zone=self._time_zone, categories_of=categories_of
        )
        return person_record(person, found, now=now)
