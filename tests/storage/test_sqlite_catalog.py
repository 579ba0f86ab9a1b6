"""A catalogue in SQLite: the contract, stores of earlier versions, and replaced files."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from recsys.catalog import Item, ItemSummary, Price
from recsys.domain import ItemId
from recsys.errors import StorageUnavailable
from recsys.storage import sqlite_connection
from recsys.storage.catalog import Catalog
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite_lock import SEEN_STORES
from recsys.storage.sqlite_writer import SqliteWriter
from storage.catalog_contract import (
    MUG,
    NOW,
    ONE,
    THREE,
    TWO,
    CatalogContract,
    Open,
    count,
    shop,
    snapshot,
)
from storage.test_migrations import old_sqlite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store lies."""
    return tmp_path / "store.sqlite"


@pytest.fixture
def open_catalog(path: Path) -> Iterator[Open]:
    """Open a store, which the first writing makes."""
    opened: list[SqliteSessions] = []

    def open_one() -> Catalog:
        opened.append(SqliteSessions(path))
        return Catalog(opened[-1])

    yield open_one
    for sessions in opened:
        sessions.close()


class TestSqliteCatalog(CatalogContract):
    """The contract holds for SQLite."""

    @pytest.fixture
    def open_catalog(self, open_catalog: Callable[[], Catalog]) -> Open:
        """Open a store."""
        return open_catalog


def test_items_of_an_earlier_version_are_items(path: Path, open_catalog: Open) -> None:
    """With all that was known of them, whoever brings the store up to date."""
    old_sqlite(path, 5)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM items")
    rows = [
        ("b", "Mug", "Home > Kitchen", "Pott", 8.790000000000001, "EUR"),
        ("a", None, None, None, 1e11, None),
        ("d", None, None, None, 1e21, None),
        ("c", "", "", "", None, "EUR"),
    ]
    connection.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    catalog = open_catalog()
    seq, items = snapshot(catalog)
    assert items == [
        (1, "a", Item(prices=(Price(amount="100000000000", currency=""),))),
        (
            2,
            "b",
            Item(
                title="Mug",
                category_paths=("Home > Kitchen",),
                brand="Pott",
                prices=(Price(amount="8.79", currency="EUR"),),
            ),
        ),
        (3, "c", Item()),
        (4, "d", Item()),
    ]
    # They are what a data set said; nobody has offered them yet.
    assert seq == catalog.last_seq() == 0
    assert catalog.upsert_items({ONE: MUG}, now=NOW).item_keys == [5]


def test_items_of_an_import_are_items(path: Path, open_catalog: Open) -> None:
    """Whatever is known of them."""
    known = ItemSummary(
        item_id=ONE, title="Mug", category="A > B", brand="Pott", price=1.5, currency="EUR"
    )
    with SqliteWriter(path) as writer:
        mug = Item(
            title="Mug",
            category_paths=("A > B",),
            brand="Pott",
            prices=(Price(amount="1.5", currency="EUR"),),
        )
        writer.add_items([(ONE, mug), (TWO, Item())])
    found = open_catalog().items([TWO, ONE, THREE, ONE], now=NOW)
    assert found == {ONE: known, TWO: ItemSummary(item_id=TWO, title="")}


def test_whoever_followed_a_store_that_was_lost_begins_anew(path: Path, open_catalog: Open) -> None:
    """The numbers of one store say nothing about the next, and are higher."""
    before = open_catalog()
    shop(before)
    seq = before.last_seq()
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    after = open_catalog()
    # Somebody else has made it, such as the next server.
    SEEN_STORES.discard(path)
    after.upsert_items({TWO: MUG}, now=NOW + 1)
    assert after.last_seq() > seq
    assert after.changes(seq, count_max=9) is None
    assert [one.item_id for one in snapshot(after)[1]] == [TWO]


def test_any_number_of_items_can_be_asked_for(open_catalog: Open) -> None:
    """More than one query takes."""
    catalog = open_catalog()
    ids = [ItemId(f"i{number:05}") for number in range(10_001)]
    catalog.upsert_items(dict.fromkeys(ids, Item()), now=NOW)
    assert sorted(catalog.find_items(ids)) == ids
    assert catalog.find_items([]) == {}


def test_a_damaged_store_is_unavailable(path: Path, open_catalog: Open) -> None:
    """No item is taken for unknown because nothing can be read."""
    path.write_bytes(b"no database at all" * 500)
    catalog = open_catalog()
    for ask in (
        catalog.last_seq, catalog.stores, lambda: snapshot(catalog), lambda: shop(catalog),
        lambda: catalog.set_stock([count(1)], now=NOW),
    ):  # fmt: skip
        with pytest.raises(StorageUnavailable):
            ask()


def test_the_first_writing_of_all_is_part_of_the_next_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever found no store a moment ago looks again at once."""
    monkeypatch.setattr(sqlite_connection, "_LOOK_SECONDS", 3_600.0)
    path = tmp_path / "store.sqlite"
    here, there = SqliteSessions(path), SqliteSessions(path)
    assert Catalog(here).feed_time() is None
    Catalog(there).upsert_items({ItemId("mug"): Item()}, now=7.0)
    assert Catalog(here).feed_time() == 7.0
    for sessions in (here, there):
        sessions.close()
