"""The tables of an SQLite store. An import fills them in bulk, a server appends to them."""

import sqlite3
from typing import Final

from recsys.storage.event_rows import SALT_FACT, new_salt

SCHEMA_VERSION: Final = 3
"""Kept in the file's `user_version`. A file of another version is refused: versions
before 3 hold no events, so that there is nothing to carry on from."""

LIVE_FACT: Final = "live"
"""Fact of a store that a server has written to, so that an import must not replace it."""

TABLES: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE identifiers (
  identifier_key INTEGER PRIMARY KEY, namespace TEXT NOT NULL, value TEXT NOT NULL,
  profile_key INTEGER -- key of the profile's first identifier; NULL for one that is alone
);
CREATE TABLE events ( -- as `recsys.storage.event_rows.EventRow`
  seq INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again, whatever is deleted
  identifier_key INTEGER, id_high INTEGER NOT NULL, id_low INTEGER NOT NULL,
  digest INTEGER NOT NULL, event_id TEXT NOT NULL, event_time REAL NOT NULL,
  event_type INTEGER NOT NULL, channel INTEGER NOT NULL, store_id TEXT, item_ids TEXT NOT NULL,
  content TEXT NOT NULL
);
CREATE TABLE history ( -- a cache of events; columns as `recsys.storage.packed` says
  identifier_key INTEGER PRIMARY KEY, packed_seq INTEGER NOT NULL, -- the last event in it
  item_ids TEXT NOT NULL, codes BLOB NOT NULL,
  event_times BLOB NOT NULL -- seconds since 1970-01-01 UTC
);
CREATE TABLE items (
  item_id TEXT PRIMARY KEY, title TEXT, category TEXT, brand TEXT, price REAL, currency TEXT
) WITHOUT ROWID;
"""

BY_PROFILE: Final = """
CREATE INDEX identifiers_by_profile ON identifiers (profile_key) WHERE profile_key IS NOT NULL
"""
BY_IDENTIFIER: Final = """
CREATE INDEX events_by_identifier ON events (identifier_key, seq)
WHERE identifier_key IS NOT NULL
"""
BY_ID: Final = "CREATE UNIQUE INDEX events_by_id ON events (id_high, id_low)"

ADD_IDENTIFIER: Final = """
INSERT INTO identifiers (identifier_key, namespace, value) VALUES {rows}
ON CONFLICT (identifier_key) DO UPDATE SET namespace = NULL -- which no row may have
WHERE namespace <> excluded.namespace OR value <> excluded.value
"""
"""Adds identifiers that are new. Two of one key fail the statement: better an error in
an age than two people in one history."""


def create_store(connection: sqlite3.Connection) -> None:
    """Make the tables of a new store and draw its salt, within a transaction."""
    for statement in (*TABLES.split(";\n"), BY_PROFILE, BY_IDENTIFIER, BY_ID):
        connection.execute(statement)
    add_salt(connection)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def add_salt(connection: sqlite3.Connection) -> str:
    """Draw the salt of a new store and return it."""
    salt = new_salt()
    connection.execute("INSERT INTO facts VALUES (?, ?)", (SALT_FACT, salt))
    return salt


def read_salt(connection: sqlite3.Connection) -> str:
    """Return the salt of a store; empty if it has none."""
    found = connection.execute("SELECT value FROM facts WHERE name = ?", (SALT_FACT,)).fetchone()
    return str(found[0]) if found else ""
