"""Storages of every earlier schema version, as the code of that version wrote them.

The files in `tests/golden/stores` are dumps of real ones: an import (a card that belongs to an
account), live events with a login among them, from SQLite 4 and PostgreSQL 0002 on a consent and
an erasure, from SQLite 5 and PostgreSQL 0003 on links. Whoever changes the schema adds the dump of
a storage of the version before, made with the code of before.
"""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from recsys.domain import Identifier, ItemId
from recsys.events import EventLog, HistoryReader, Outcome
from recsys.profiles import PeopleStore, ProfileStore
from recsys.serving.config import StorageConfig
from recsys.serving.storage import open_storage
from recsys.storage import migrations
from recsys.storage.postgres_schema import HEAD
from recsys.storage.sqlite import SqliteHistory
from recsys.storage.sqlite_events import SqliteEventLog
from recsys.storage.sqlite_schema import SCHEMA_VERSION
from storage.event_log_contract import NOW
from storage.profile_contract import ANNA, BEN, CARD, PHONE, seen
from support.identity import account

STORES: Final = Path(__file__).resolve().parents[1] / "golden" / "stores"
SQLITE_VERSIONS: Final = range(3, SCHEMA_VERSION)
POSTGRES_VERSIONS: Final = sorted(
    file.stem[1:] for file in (Path(migrations.__file__).parent / "versions").glob("v*.py")
)[:-1]
EVE: Final = account("eve")
"""Who was erased, from the version on that could."""


def dump(name: str) -> str:
    """Read the dump of a storage."""
    return (STORES / f"{name}.sql").read_text("utf-8")


def old_sqlite(path: Path, version: int) -> None:
    """Make the SQLite store of a version."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump(f"sqlite-{version}"))


def old_postgres(url: str, version: str) -> None:
    """Make the PostgreSQL database of a version."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(dump(f"postgres-{version}").encode())


class Opened:
    """A storage as the processes of this version open it."""

    def __init__(self, place: str) -> None:
        self._storage = open_storage(StorageConfig(histories=place))
        assert self._storage.log is not None
        assert self._storage.people is not None
        assert self._storage.profiles is not None
        self.log: EventLog = self._storage.log
        self.people: PeopleStore = self._storage.people
        self.profiles: ProfileStore = self._storage.profiles
        self.reader: HistoryReader = self._storage.histories

    def items(self, *who: Identifier) -> list[str]:
        """Items of a person, newest first."""
        found = self.reader.history(who, event_count_max=9)
        return [] if found is None else list(found.item_ids)

    def titles(self, *item_ids: str) -> list[str]:
        """Titles of items, of SQLite."""
        assert self._storage.items is not None
        found = self._storage.items.items(map(ItemId, item_ids), now=NOW)
        return [one.title for one in found.values()]

    def close(self) -> None:
        """Let go of everything."""
        self.profiles.close()
        self._storage.close()
        if isinstance(self.reader, SqliteHistory):
            self.reader.close()


def check_histories(opened: Opened) -> None:
    """Whoever belonged together does, and the event that carried two identifiers has linked them."""
    assert opened.items(CARD) == opened.items(ANNA) == ["web", "shop"]
    assert opened.items(PHONE) == opened.items(BEN) == ["login", "before"]


def check_the_rest(opened: Opened, *, has_people: bool, has_links: bool) -> None:
    """Ids, consents, erasures and links are what they were, and go on working."""
    again = [seen([CARD], "shop", NOW - 7.0), seen([PHONE, BEN], "login", NOW - 8.0)]
    assert opened.log.append(again) == [Outcome.DUPLICATE] * 2
    late = seen([EVE], "late", NOW - 4.0)
    assert opened.log.append([late]) == [Outcome.ERASED if has_people else Outcome.WRITTEN]
    consents = opened.people.person([BEN], event_count_max=9).consents
    assert sum(map(len, consents.values())) == has_people
    assert opened.profiles.unlink([ANNA, CARD], source=None) == 1
    assert (opened.items(CARD), opened.items(ANNA)) == (["shop"], ["web"])
    email = Identifier("email_sha256", "ab")
    assert (email in opened.profiles.profile(ANNA).identifiers) is has_links
    assert opened.log.append([seen([CARD], "new", NOW)]) == [Outcome.WRITTEN]
    assert opened.items(CARD) == ["new", "shop"]


def in_parallel(count: int, work: Callable[[], None]) -> None:
    """Do the same in several threads at once."""
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work) for _ in range(count)]:
            done.result()


@pytest.mark.parametrize("first", ["reader", "writer"])
@pytest.mark.parametrize("version", SQLITE_VERSIONS)
def test_an_sqlite_store_of_an_earlier_version_is_brought_forward(
    tmp_path: Path, version: int, first: str
) -> None:
    """By whoever opens it first; others wait, and nothing is done twice."""
    path = tmp_path / "store.sqlite"
    old_sqlite(path, version)
    opened = Opened(str(path))
    if first == "writer":
        opened.log.append([])

    def work() -> None:
        each = Opened(str(path))
        check_histories(each)
        each.close()

    in_parallel(4, work)
    check_histories(opened)
    check_the_rest(opened, has_people=version >= 4, has_links=version >= 5)
    assert opened.titles("web") == ["Mug"]
    opened.close()
    fresh = tmp_path / "fresh.sqlite"
    log = SqliteEventLog(fresh)
    log.append([])
    log.close()
    assert sqlite_schema(path) == sqlite_schema(fresh)


def test_reading_an_imported_store_leaves_it_one_that_an_import_may_replace(tmp_path: Path) -> None:
    """It is brought forward, but nobody has written events to it."""
    path = tmp_path / "store.sqlite"
    old_sqlite(path, 3)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM facts WHERE name = 'live'")
    opened = Opened(str(path))
    assert opened.items(ANNA) == ["web", "shop"]
    opened.close()
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM facts")}
    assert names == {"salt", "identity_rules"}


@pytest.mark.parametrize("version", POSTGRES_VERSIONS)
def test_a_postgres_database_of_an_earlier_version_is_brought_forward(
    postgres_url: str, version: str
) -> None:
    """As an SQLite store."""
    old_postgres(postgres_url, version)

    def work() -> None:
        each = Opened(postgres_url)
        check_histories(each)
        each.close()

    in_parallel(3, work)
    opened = Opened(postgres_url)
    check_the_rest(opened, has_people=version >= "0002", has_links=version >= "0003")
    opened.close()
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    assert found == [(HEAD,)]


def sqlite_schema(path: Path) -> dict[str, Any]:
    """Columns of every table and index of a store, and its version."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")
        found = {
            name: connection.execute(f"PRAGMA table_xinfo('{name}')").fetchall()
            or connection.execute(f"PRAGMA index_xinfo('{name}')").fetchall()
            for (name,) in names.fetchall()
        }
        return found | {"version": connection.execute("PRAGMA user_version").fetchone()}
