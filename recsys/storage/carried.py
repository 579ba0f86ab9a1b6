"""What a new store takes over from the one before it.

Who was erased, what people allow, links, saved segments, offers with the ledger of their uses,
and what triggers have decided.
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from recsys.domain import Identifier
from recsys.profiles import LinkKind, update
from recsys.storage.event_rows import SALT_FACT, Keys
from recsys.storage.exports import ADD_EXPORT, ALL
from recsys.storage.people_consents import ADD_CONSENT
from recsys.storage.sessions import Session, SqliteSessions
from recsys.storage.sqlite_connection import Handle, ReadConnections
from recsys.storage.sqlite_links import SqliteGraph, keep_links, pages_of_links
from recsys.storage.sqlite_migrations import stored_rules
from recsys.storage.sqlite_schema import read_fact
from recsys.storage.tombstones import Tombstone

_TOMBSTONES = "SELECT identifier_key, from_time, until_time, erase_time FROM tombstones"
_CONSENTS = """
SELECT identifier_key, purpose, channel, status, consent_time, record_time, source
FROM consents ORDER BY seq
"""
_SAID = (
    "SELECT identifier_key, namespace, value, consent_bits FROM identifiers WHERE consent_bits <> 0"
)
_ERASURES = "SELECT * FROM erasures"
# Files of everybody hold whoever is known of the former store, wherever her events lie now.
_EXPORTS = f"""
SELECT identifier_key, kind, place, export_time, CASE WHEN last_seq IS NOT NULL THEN {ALL} END
FROM exports ORDER BY seq
"""  # noqa: S608 - our own number

_SEGMENTS = "SELECT name, content FROM saved_segments"

_ADD_TOMBSTONE = "INSERT INTO tombstones VALUES (?, ?, ?, ?)"
_ADD_SAID = """
INSERT INTO identifiers (identifier_key, namespace, value, consent_bits) VALUES (?, ?, ?, ?)
ON CONFLICT (identifier_key) DO UPDATE SET consent_bits = excluded.consent_bits
"""
_ADD_ERASURE = "INSERT INTO erasures VALUES (?, ?, ?, ?, ?, ?)"
_ADD_SEGMENT = "INSERT INTO saved_segments VALUES (?, ?)"
# Places in the log are those of another log.
_TABLES = (
    "offers", "offer_spends", "reservations", "offer_uses", "trigger_waits", "trigger_messages",
    "loyalty_tiers",
)  # fmt: skip
_USERS = """
SELECT identifier_key, namespace, value FROM identifiers
WHERE identifier_key IN (
  SELECT identifier_key FROM offer_uses
  UNION SELECT identifier_key FROM trigger_waits UNION SELECT identifier_key FROM trigger_messages
  UNION SELECT identifier_key FROM loyalty_tiers
)
"""
_ADD_USER = """
INSERT INTO identifiers (identifier_key, namespace, value) VALUES (?, ?, ?)
ON CONFLICT (identifier_key) DO NOTHING
"""


class Carried(NamedTuple):
    """What is taken over; keys are those of the former store, whose salt comes along.

    Attributes:
        salt: Empty if there was no store.
        tombstones: Who must stay out.
        consents: Rows of the table `consents` without `seq`.
        said: Rows of `identifiers` under which something was said.
        erasures: Rows of the table `erasures`.
        exports: Rows of the table `exports` without `seq`.
        segments: Rows of the table `saved_segments`.
    """

    salt: str = ""
    tombstones: tuple[Tombstone, ...] = ()
    consents: tuple[tuple[Any, ...], ...] = ()
    said: tuple[tuple[Any, ...], ...] = ()
    erasures: tuple[tuple[Any, ...], ...] = ()
    exports: tuple[tuple[Any, ...], ...] = ()
    segments: tuple[tuple[Any, ...], ...] = ()


def carried_from(path: Path) -> Carried:
    """Read what a store hands over; nothing if there is no store at the path.

    Raises:
        StorageUnavailable: There is one, and it cannot be read.
    """
    salt = read_fact(path, SALT_FACT)
    if not salt:
        return Carried()

    def read(session: Session) -> Carried:
        return Carried(
            salt,
            tuple(map(Tombstone._make, session.rows(_TOMBSTONES))),
            tuple(session.rows(_CONSENTS)),
            tuple(session.rows(_SAID)),
            tuple(session.rows(_ERASURES)),
            tuple(session.rows(_EXPORTS)),
            tuple(session.rows(_SEGMENTS)),
        )

    sessions = SqliteSessions(path)
    try:
        return sessions.read(read)
    finally:
        sessions.close()


def hand_over(connection: sqlite3.Connection, carried: Carried) -> None:
    """Write what was taken over into a new store with the same salt, within a transaction."""
    connection.executemany(_ADD_TOMBSTONE, carried.tombstones)
    connection.executemany(ADD_CONSENT, carried.consents)
    connection.executemany(_ADD_SAID, carried.said)
    connection.executemany(_ADD_ERASURE, carried.erasures)
    connection.executemany(_ADD_SEGMENT, carried.segments)
    written = connection.execute("SELECT kind, place FROM exports").fetchall()
    connection.executemany(ADD_EXPORT, [row for row in carried.exports if row[1:3] not in written])


def hand_over_links(
    path: Path, connection: sqlite3.Connection, keys: Keys, is_erased: Callable[[Identifier], bool]
) -> None:
    """Write the links of a store into a new one with the same salt, within a transaction.

    Those that an import has found are left out: the new one has found its own.

    Args:
        path: The former store.
        connection: To the new one, whose profiles are made.
        keys: Of both.
        is_erased: Whose links stay out.

    Raises:
        StorageUnavailable: It cannot be read.
    """
    rules = stored_rules(connection)

    def copy(handle: Handle) -> None:
        for page in pages_of_links(handle.connection):
            links = [
                link
                for link in page
                if link.kind is not LinkKind.RULE and not any(map(is_erased, link.ends))
            ]
            change = keep_links(connection, keys, links, rules)
            update(SqliteGraph(connection, keys), change, rules)

    reading = ReadConnections(path)
    try:
        reading.read(copy)
    finally:
        reading.close()


def hand_over_tables(path: Path, connection: sqlite3.Connection) -> None:
    """Write offers, their ledger, loyalty tiers and what triggers decided into a new store.

    Both have the same salt.

    Args:
        path: The former store.
        connection: To the new one, in a transaction.

    Raises:
        StorageUnavailable: It cannot be read.
    """

    def copy(handle: Handle) -> None:
        connection.executemany(_ADD_USER, handle.connection.execute(_USERS))
        for table in _TABLES:
            rows = handle.connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own names
            places = ", ".join("?" * len(rows.description))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)  # noqa: S608 - as above

    reading = ReadConnections(path)
    try:
        reading.read(copy)
    finally:
        reading.close()
