"""What workers keep of stores and people, and when they read it again."""

import contextlib
import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from recsys import limits
from recsys.catalog import Item, Store
from recsys.domain import Identifier
from recsys.offers import Eligibility, Rule, Standing
from recsys.offers.eligibility import refused_person
from recsys.offers.live import LiveStores
from recsys.offers.people import PeopleRecords, PersonReader
from recsys.offers.query import OfferQuery
from recsys.offers.scope import item_filter_of
from recsys.profiles import Person, people_filter
from recsys.storage.catalog import Catalog
from recsys.storage.people import People
from recsys.storage.sessions import Sessions, SqliteSessions
from support.catalogs import MemoryCatalog
from support.offers import offer
from support.offers_shop import CARD, NOW


class CountingCatalog(MemoryCatalog):
    """Counts how often all stores are read."""

    read_count = 0

    def stores(self) -> Sequence[Store]:
        """As the port."""
        self.read_count += 1
        return super().stores()


class CountingPeople(People):
    """Keeps how many of a person's events were asked for."""

    def __init__(self, sessions: Sessions) -> None:
        super().__init__(sessions)
        self.asked: list[int] = []

    def person(self, identifiers: Sequence[Identifier], *, event_count_max: int) -> Person:
        """As the port."""
        self.asked.append(event_count_max)
        return super().person(identifiers, event_count_max=event_count_max)


def test_stores_are_read_again_where_stores_were_written() -> None:
    """And not where only items were."""
    catalog = CountingCatalog()
    catalog.add_store("ulm")
    live = LiveStores(catalog)
    assert list(live.current()) == ["ulm"]
    for number in range(3):
        catalog.put(f"item-{number}", Item())
        assert list(live.current()) == ["ulm"]
    assert catalog.read_count == 1
    catalog.put("item-9", Item())
    catalog.add_store("bonn")
    assert sorted(live.current()) == ["bonn", "ulm"]
    assert catalog.read_count == 2


def test_stores_of_another_catalogue_or_of_changes_that_are_gone_are_read_again() -> None:
    """Numbers that went back, and changes that are no longer kept, say nothing of stores."""
    catalog = CountingCatalog(kept_count=2)
    catalog.add_store("ulm")
    live = LiveStores(catalog)
    assert list(live.current()) == ["ulm"]
    catalog.add_store("bonn")
    for number in range(3):
        catalog.put(f"item-{number}", Item())
    assert sorted(live.current()) == ["bonn", "ulm"]
    catalog.log, catalog.shops = [], {}
    catalog.add_store("jena")
    assert list(live.current()) == ["jena"]


def test_events_are_read_once_and_only_where_an_offer_asks_for_them(tmp_path: Path) -> None:
    """A filter of identifiers and consents needs none."""
    with contextlib.closing(SqliteSessions(tmp_path / "events.db")) as sessions:
        people = CountingPeople(sessions)
        records = PeopleRecords(people, Catalog(sessions), dt.UTC)
        reader = PersonReader(records, OfferQuery(identifiers=(CARD,)), allowed=True, now=NOW)
        standing = Standing(now=NOW, person_key=1, spends={}, uses={})

        def refused(**who: Any) -> list[Rule]:
            asking = offer(eligibility=Eligibility(**who))
            found = refused_person("ten", asking, standing, reader=reader, said_tier="", now=NOW)
            return [one.rule for one in found]

        assert refused() == []
        assert people.asked == []
        assert refused(person_filter='known_by = "account"') == [Rule.PERSON]
        assert refused(person_filter='consent:"marketing"') == [Rule.PERSON]
        assert refused(loyalty_tiers=("gold",)) == [Rule.LOYALTY_TIER]
        assert people.asked == [0]
        assert refused(new_customers_only=True) == []
        assert refused(person_filter="order_count < 3", new_customers_only=True) == []
        assert refused(person_filter='known_by = "account"') == [Rule.PERSON]
        assert people.asked == [0, limits.PROFILE_EVENT_COUNT_MAX]


@pytest.mark.parametrize(
    ("read", "each"), [(people_filter, 1), (item_filter_of, 3)], ids=["people", "items"]
)
def test_the_filters_of_all_offers_are_kept(read: object, each: int) -> None:
    """None is read again in every call because another one has taken its place."""
    kept = read.cache_parameters()["maxsize"]  # type: ignore[attr-defined] # of lru_cache
    assert kept >= each * limits.OFFER_COUNT_MAX
