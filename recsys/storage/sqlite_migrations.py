"""Brings an SQLite store to this version's schema and to a server's rules, forward only."""

import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from recsys.events import Event, EventContent
from recsys.profiles import IdentityRules, links_of_events
from recsys.storage.event_rows import Keys
from recsys.storage.link_rows import RULES_FACT, rules_text
from recsys.storage.sqlite_bulk_links import add_links_of_heads
from recsys.storage.sqlite_links import keep_links, rebuild
from recsys.storage.sqlite_lock import store_lock
from recsys.storage.sqlite_schema import (
    LIVE_FACT,
    SCHEMA_VERSION,
    create_store,
    fact,
    migrate,
    read_salt,
    refuse_foreign,
    set_fact,
)

_BUSY_SECONDS: Final = 5.0
_EVENTS_AT_ONCE: Final = 10_000

_WITH_SEVERAL_IDENTIFIERS: Final = """
SELECT event_time, content FROM events WHERE json_array_length(content, '$.identifiers') > 1
"""


def make_current(
    connection: sqlite3.Connection, rules: IdentityRules | None, *, storage: str
) -> IdentityRules:
    """Make a new store's tables or bring an old one up to date, within a transaction.

    Args:
        connection: In a transaction.
        rules: By which profiles are made; None for those that the store has.
        storage: What to call it in errors.

    Returns:
        The rules of the store.

    Raises:
        StorageUnavailable: It is of a version that this one cannot carry on from.
    """
    if _is_empty(connection):
        create_store(connection)
    migrate(connection, storage=storage)
    made_by = fact(connection, RULES_FACT)
    if not made_by:
        _add_links(connection, rules or IdentityRules())
    elif rules is not None and made_by != rules_text(rules):
        rebuild(connection, Keys(read_salt(connection)), rules)
        set_fact(connection, RULES_FACT, rules_text(rules))
    return stored_rules(connection)


def bring_up_to_date(path: Path, rules: IdentityRules | None) -> None:
    """Do as `make_current` with a store that is there, without making it a live one.

    An empty file is no store, unless whoever is at it now makes one.

    Raises:
        StorageUnavailable: As `make_current`.
        sqlite3.Error: It cannot be written.
        OSError: As above.
    """
    with store_lock(path):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            if _is_empty(connection):
                refuse_foreign(0, storage=str(path))
            make_current(connection, rules, storage=str(path))
            connection.execute("COMMIT")
        finally:
            connection.close()


def is_current(
    connection: sqlite3.Connection, rules: IdentityRules | None, *, storage: str
) -> bool:
    """Whether `make_current` has nothing to do; raises as it does.

    A file without tables is one that somebody may be about to fill.
    """
    if _is_empty(connection):
        return False
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    refuse_foreign(version, storage=storage)
    if version != SCHEMA_VERSION:
        return False
    made_by = fact(connection, RULES_FACT)
    return bool(made_by) if rules is None else made_by == rules_text(rules)


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()


def stored_rules(connection: sqlite3.Connection) -> IdentityRules:
    """Return the rules by which profiles were made.

    Raises:
        ValueError: The fact is damaged.
    """
    try:
        return msgspec.json.decode(fact(connection, RULES_FACT), type=IdentityRules)
    except msgspec.DecodeError as error:
        raise ValueError(f"the fact {RULES_FACT} is damaged: {error}") from error


def _add_links(connection: sqlite3.Connection, rules: IdentityRules) -> None:
    """Make evidence of who belongs to whom, and of what events carry."""
    add_links_of_heads(connection, rules)
    connection.execute("DROP TABLE heads")
    keys = Keys(read_salt(connection))
    if fact(connection, LIVE_FACT):
        cursor = connection.cursor()
        cursor.execute(_WITH_SEVERAL_IDENTIFIERS)
        while rows := cursor.fetchmany(_EVENTS_AT_ONCE):
            events = [Event("", time, _decoder.decode(content), 0) for time, content in rows]
            keep_links(connection, keys, links_of_events(events, rules), rules)
    rebuild(connection, keys, rules)
    set_fact(connection, RULES_FACT, rules_text(rules))


_decoder: Final = msgspec.json.Decoder(EventContent)
