"""Links in both storages: the contract, and imports."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from recsys.domain import Identifier
from recsys.profiles import IdentityRules, LinkKind, ProfileStore, Segment
from recsys.storage import people as people_store
from recsys.storage.postgres import PostgresHistory
from recsys.storage.postgres_events import PostgresEventLog
from recsys.storage.postgres_pool import PostgresPool
from recsys.storage.postgres_profiles import PostgresProfiles
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite import SqliteHistory
from recsys.storage.sqlite_events import SqliteEventLog
from recsys.storage.sqlite_profiles import SqliteProfiles
from recsys.storage.sqlite_writer import SqliteWriter
from storage.event_log_contract import NOW
from storage.profile_contract import (
    ANNA,
    BEN,
    CARD,
    PHONE,
    People,
    ProfileContract,
    Snapshot,
    said,
    seen,
)
from support.identity import STRICT, account, card, visitor

KNOWN = "SELECT namespace, value FROM identifiers"
LINKS = """
SELECT a.namespace, a.value, b.namespace, b.value, l.is_login, l.kind, l.source, l.confidence,
  l.first_time, l.last_time, l.times
FROM links AS l JOIN identifiers AS a ON a.identifier_key = l.one_key
JOIN identifiers AS b ON b.identifier_key = l.other_key
"""
HEADS = """
SELECT i.namespace, i.value, h.namespace, h.value
FROM identifiers AS i JOIN identifiers AS h ON h.identifier_key = i.profile_key
"""
SEGMENTS = """
SELECT o.namespace, o.value, i.namespace, i.value, s.from_time, s.until_time, s.login_day
FROM segments AS s JOIN identifiers AS o ON o.identifier_key = s.owner_key
JOIN identifiers AS i ON i.identifier_key = s.identifier_key
"""


def snapshot_by(execute: Callable[[str], list[Any]]) -> Snapshot:
    """Read all links, heads and segments."""
    return (
        sorted(tuple(map(str, row)) for row in execute(LINKS)),
        {Identifier(*row[:2]): Identifier(*row[2:]) for row in execute(HEADS)},
        {Segment(Identifier(*row[:2]), Identifier(*row[2:4]), *row[4:]) for row in execute(SEGMENTS)},
    )  # fmt: skip


def sqlite_snapshot(path: Path) -> Snapshot:
    """Read the tables of a file."""
    connection = sqlite3.connect(path)
    try:
        return snapshot_by(lambda query: connection.execute(query).fetchall())
    finally:
        connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where an SQLite store lies."""
    return tmp_path / "store.sqlite"


class TestSqliteProfiles(ProfileContract):
    """The contract holds for SQLite."""

    @pytest.fixture
    def people(self, path: Path) -> Iterator[People]:
        """Make a store."""
        profiles, log = SqliteProfiles(path, STRICT), SqliteEventLog(path, STRICT)
        reader = SqliteHistory(path, STRICT)
        profiles.link([])

        def open_profiles(rules: IdentityRules) -> ProfileStore:
            return SqliteProfiles(path, rules)

        def known() -> set[Identifier]:
            with closing(sqlite3.connect(path)) as connection:
                return {Identifier(*row) for row in connection.execute(KNOWN)}

        yield People(profiles, log, reader, open_profiles, lambda: sqlite_snapshot(path), known)
        profiles.close()
        log.close()
        reader.close()


class TestPostgresProfiles(ProfileContract):
    """The contract holds for PostgreSQL."""

    @pytest.fixture
    def people(self, postgres_url: str) -> Iterator[People]:
        """Make a database."""
        pools: list[PostgresPool] = []

        def open_pool(rules: IdentityRules = STRICT) -> PostgresPool:
            pools.append(PostgresPool(postgres_url, rules=rules))
            return pools[-1]

        def snapshot() -> Snapshot:
            with psycopg.connect(postgres_url) as connection:
                return snapshot_by(lambda query: connection.execute(query).fetchall())

        def known() -> set[Identifier]:
            with psycopg.connect(postgres_url) as connection:
                return {Identifier(*row) for row in connection.execute(KNOWN)}

        pool = open_pool()
        yield People(
            PostgresProfiles(pool), PostgresEventLog(pool), PostgresHistory(open_pool()),
            lambda rules: PostgresProfiles(open_pool(rules)), snapshot, known,
        )  # fmt: skip
        for one in pools:
            one.close()


IMPORTED = [
    (ANNA, ANNA), (CARD, ANNA), (PHONE, ANNA), (visitor("pc"), ANNA), (BEN, BEN),
    (account("many"), account("many")), *((card(f"m{n}"), account("many")) for n in range(6)),
    (card("alone"), card("alone")), (visitor("of-a-card"), card("alone")),
]  # fmt: skip


def test_an_import_makes_the_profiles_of_its_links(path: Path) -> None:
    """Those made at once are those that would be made one by one, limits included."""
    with SqliteWriter(path) as writer:
        writer.add_identifiers(IMPORTED)
        writer.add_events([seen([PHONE], "phone", NOW - 9e7)])
        writer.add_events([seen([ANNA], "web", NOW)])
    made = sqlite_snapshot(path)
    assert made[1][card("m0")] == account("many")
    assert len(made[2]) > 6
    profiles = SqliteProfiles(path, IdentityRules(confidence_min=0.4))
    profiles.link([])
    assert sqlite_snapshot(path) == made
    evidence = profiles.profile(account("many")).evidence
    assert {(one.link.kind, one.link.source) for one in evidence} == {(LinkKind.RULE, "import")}
    assert [one.refusal for one in evidence].count(None) == 4
    profiles.close()
    reader = SqliteHistory(path)
    assert list(reader.history([CARD], event_count_max=9).item_ids) == ["web", "phone"]
    reader.close()


def test_an_import_beside_a_store_carries_what_was_said_there(tmp_path: Path) -> None:
    """Links of calls and of logins go along, but for those of the erased; its own rule decides anew."""
    old, new = tmp_path / "old.sqlite", tmp_path / "new.sqlite"
    with SqliteWriter(old) as writer:
        writer.add_identifiers([(ANNA, ANNA), (card("moved"), ANNA)])
    profiles, log = SqliteProfiles(old), SqliteEventLog(old)
    profiles.link([said(ANNA, CARD), said(ANNA, account("gone"), source="till")])
    log.append([seen([PHONE, BEN], "login", NOW - 8.0)])
    sessions = SqliteSessions(old)
    people_store.People(sessions).erase([account("eve"), card("eve")], now=NOW)
    before = sqlite_snapshot(old)
    for one in (profiles, log, sessions):
        one.close()
    with SqliteWriter(new, people=old) as writer:
        writer.add_identifiers([(ANNA, ANNA), (BEN, BEN), (card("new"), ANNA)])
        for who, item in sorted(
            [(ANNA, "web"), (BEN, "book")], key=lambda pair: writer.key(pair[0])
        ):
            writer.add_events([seen([who], item, NOW)])
    after = sqlite_snapshot(new)
    assert after[1] == {
        **dict.fromkeys((ANNA, CARD, card("new"), account("gone")), ANNA), BEN: BEN, PHONE: PHONE
    }  # fmt: skip
    is_rule = str(int(LinkKind.RULE))
    assert [row for row in before[0] if row[5] != is_rule] == [
        row for row in after[0] if row[5] != is_rule
    ]
    reader = SqliteHistory(new)
    assert list(reader.history([CARD], event_count_max=9).item_ids) == ["web"]
    assert list(reader.history([PHONE], event_count_max=9).item_ids) == ["book"]
    reader.close()
    # As a server makes them, from the same links.
    profiles = SqliteProfiles(new, IdentityRules(confidence_min=0.4))
    profiles.link([])
    profiles.close()
    assert sqlite_snapshot(new) == after
