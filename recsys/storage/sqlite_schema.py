"""The tables of an SQLite store. An import fills them in bulk, a server appends to them."""

import sqlite3
from pathlib import Path
from typing import Final

from recsys.catalog import STORE_ONLINE, Store, StoreKind
from recsys.errors import StorageUnavailable
from recsys.storage.catalog_rows import ONLINE_KEY, item_text, plain_item, store_text
from recsys.storage.event_rows import SALT_FACT, new_salt

SCHEMA_VERSION: Final = 11
"""Kept in the file's `user_version`. Files of earlier versions are brought up to date,
back to `_OLDEST`; those before that hold no events, so there is nothing to carry on from."""

_OLDEST: Final = 3

LIVE_FACT: Final = "live"
"""Fact of a store that a server has written to, so that an import must not replace it."""

TABLES: Final = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE identifiers (
  identifier_key INTEGER PRIMARY KEY, namespace TEXT NOT NULL, value TEXT NOT NULL,
  profile_key INTEGER -- of the strongest one that it is one with; NULL if nothing is linked
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

_ONLINE: Final = store_text(Store(store_id=STORE_ONLINE, kind=StoreKind.ONLINE))

MIGRATIONS: Final = {
    4: """
ALTER TABLE identifiers ADD COLUMN consent_bits INTEGER NOT NULL DEFAULT 0;
CREATE TABLE consents ( -- every statement; what counts of an identifier is in consent_bits
  seq INTEGER PRIMARY KEY, identifier_key INTEGER NOT NULL, purpose INTEGER NOT NULL,
  channel INTEGER NOT NULL, -- 0 for every one
  status INTEGER NOT NULL, consent_time REAL NOT NULL, record_time REAL NOT NULL,
  source TEXT NOT NULL
);
CREATE INDEX consents_by_identifier ON consents (identifier_key);
CREATE TABLE tombstones ( -- identifiers of the erased, always or from one moment to another
  identifier_key INTEGER NOT NULL, from_time REAL NOT NULL, until_time REAL NOT NULL,
  erase_time REAL NOT NULL, PRIMARY KEY (identifier_key, from_time)
) WITHOUT ROWID;
CREATE TABLE erasures ( -- that somebody was erased, and not who
  erasure_id TEXT PRIMARY KEY, erase_time REAL NOT NULL, identifier_count INTEGER NOT NULL,
  event_count INTEGER NOT NULL, consent_count INTEGER NOT NULL, link_count INTEGER NOT NULL
) WITHOUT ROWID;
""",
    5: """
CREATE TABLE links ( -- evidence; as `recsys.storage.link_rows.LinkRow`
  one_key INTEGER NOT NULL, is_login INTEGER NOT NULL, other_key INTEGER NOT NULL,
  kind INTEGER NOT NULL, source TEXT NOT NULL, confidence REAL NOT NULL,
  first_time REAL NOT NULL, last_time REAL NOT NULL, times BLOB NOT NULL,
  PRIMARY KEY (one_key, is_login, other_key, kind, source)
) WITHOUT ROWID;
CREATE INDEX links_by_other ON links (other_key, is_login);
CREATE TABLE segments ( -- what links make of it; as `recsys.storage.link_rows.SegmentRow`
  owner_key INTEGER NOT NULL, identifier_key INTEGER NOT NULL, from_time REAL NOT NULL,
  until_time REAL NOT NULL, login_day INTEGER NOT NULL,
  PRIMARY KEY (owner_key, identifier_key, from_time)
) WITHOUT ROWID;
CREATE INDEX segments_by_identifier ON segments (identifier_key, until_time);
""",
    6: f"""
ALTER TABLE items RENAME TO plain_items;
CREATE TABLE items (
  item_key INTEGER PRIMARY KEY, item_id TEXT NOT NULL UNIQUE,
  content TEXT -- JSON; NULL of those that were deleted, whose keys are not given again
);
CREATE INDEX items_deleted ON items (item_key) WHERE content IS NULL;
INSERT INTO items (item_id, content)
SELECT item_id, item_text(title, category, brand, price, currency) FROM plain_items
ORDER BY item_id;
DROP TABLE plain_items;
CREATE TABLE stores (
  store_key INTEGER PRIMARY KEY, store_id TEXT NOT NULL UNIQUE, content TEXT NOT NULL
);
INSERT INTO stores VALUES ({ONLINE_KEY}, '{STORE_ONLINE}', '{_ONLINE}');
CREATE TABLE stock ( -- keys as `recsys.storage.catalog_rows.cell_key`
  cell_key INTEGER PRIMARY KEY, counted REAL NOT NULL,
  counted_time REAL, -- NULL if it never was
  total REAL -- NULL if nothing was adjusted since
);
CREATE TABLE stock_adjustments (
  cell_key INTEGER NOT NULL, adjustment_id TEXT NOT NULL, stock_time REAL NOT NULL,
  quantity REAL NOT NULL, PRIMARY KEY (cell_key, adjustment_id)
) WITHOUT ROWID;
CREATE TABLE catalog_changes ( -- as `recsys.storage.catalog_log`
  seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, subject_key INTEGER NOT NULL
);
""",  # noqa: S608 - our own names
    7: """
CREATE TABLE exports ( -- files that hold people; as `recsys.storage.exports`
  seq INTEGER PRIMARY KEY, identifier_key INTEGER, kind TEXT NOT NULL, place TEXT NOT NULL,
  export_time REAL NOT NULL, last_seq INTEGER
);
CREATE INDEX exports_by_identifier ON exports (identifier_key);
""",
    8: """
ALTER TABLE identifiers ADD COLUMN added_number INTEGER;
UPDATE identifiers SET added_number = n.added_number FROM (
  SELECT identifier_key, row_number() OVER (ORDER BY identifier_key) AS added_number
  FROM identifiers
) AS n WHERE n.identifier_key = identifiers.identifier_key;
CREATE INDEX identifiers_by_number -- in the order in which they came
ON identifiers (added_number);
CREATE TRIGGER identifiers_numbered AFTER INSERT ON identifiers BEGIN
  UPDATE identifiers SET added_number = (SELECT coalesce(max(added_number), 0) + 1 FROM identifiers)
  WHERE identifier_key = new.identifier_key; END;
CREATE TABLE saved_segments (name TEXT PRIMARY KEY, content TEXT NOT NULL) WITHOUT ROWID;
""",
    9: """
CREATE TABLE offers (
  offer_key INTEGER PRIMARY KEY, offer_id TEXT NOT NULL UNIQUE,
  seq INTEGER NOT NULL, -- of the last change
  content TEXT -- JSON; NULL of those that were deleted, whose keys are not given again
);
CREATE INDEX offers_by_seq ON offers (seq);
CREATE TABLE offer_spends ( -- sums of reservations; costs in millionths
  offer_key INTEGER PRIMARY KEY, reserved_count INTEGER NOT NULL, reserved_cost INTEGER NOT NULL,
  committed_count INTEGER NOT NULL, committed_cost INTEGER NOT NULL
);
CREATE TABLE reservations ( -- as `recsys.storage.offers_rows.ReservationRow`
  reservation_key INTEGER PRIMARY KEY AUTOINCREMENT, id_high INTEGER NOT NULL,
  id_low INTEGER NOT NULL, digest INTEGER NOT NULL, offer_key INTEGER NOT NULL,
  state INTEGER NOT NULL, cost INTEGER NOT NULL, reserve_time REAL NOT NULL,
  expire_time REAL NOT NULL, settle_time REAL, channel INTEGER NOT NULL, store_id TEXT
);
CREATE UNIQUE INDEX reservations_by_id ON reservations (id_high, id_low);
CREATE INDEX reservations_held ON reservations (offer_key, expire_time) WHERE state = 1;
CREATE INDEX reservations_over ON reservations (settle_time) WHERE state >= 3;
CREATE TABLE offer_uses ( -- whose reservations are; by each identifier that was named
  identifier_key INTEGER NOT NULL, offer_key INTEGER NOT NULL, reservation_key INTEGER NOT NULL,
  use_time REAL NOT NULL, -- when it was reserved
  PRIMARY KEY (identifier_key, offer_key, reservation_key)
) WITHOUT ROWID;
CREATE INDEX offer_uses_by_reservation ON offer_uses (reservation_key);
""",
    10: """
CREATE TABLE trigger_turns ( -- whose turn it is to decide, and how far the log has been seen to
  name TEXT PRIMARY KEY, holder TEXT NOT NULL, until_time REAL NOT NULL, place INTEGER
) WITHOUT ROWID;
CREATE TABLE trigger_waits ( -- carts that are looked at later
  name TEXT NOT NULL, identifier_key INTEGER NOT NULL, due_time REAL NOT NULL,
  PRIMARY KEY (name, identifier_key)
) WITHOUT ROWID;
CREATE INDEX trigger_waits_by_time ON trigger_waits (due_time);
CREATE INDEX trigger_waits_by_identifier ON trigger_waits (identifier_key);
CREATE TABLE trigger_messages ( -- what was decided; as `recsys.triggers.Message`
  message_key INTEGER PRIMARY KEY AUTOINCREMENT, id_high INTEGER NOT NULL, id_low INTEGER NOT NULL,
  name TEXT NOT NULL, identifier_key INTEGER NOT NULL, channel INTEGER NOT NULL,
  state INTEGER NOT NULL, cause TEXT, event_time REAL NOT NULL, decide_time REAL NOT NULL,
  expire_time REAL NOT NULL, consumer TEXT NOT NULL DEFAULT '', -- who took it last
  lease_time REAL, -- until when nobody else gets it
  content TEXT NOT NULL
);
CREATE UNIQUE INDEX trigger_messages_by_id ON trigger_messages (id_high, id_low);
CREATE INDEX trigger_messages_by_identifier ON trigger_messages (identifier_key);
CREATE INDEX trigger_messages_by_time ON trigger_messages (decide_time);
CREATE INDEX trigger_messages_open ON trigger_messages (message_key) WHERE state <= 2;
""",
    11: """
CREATE TABLE loyalty_tiers ( -- what was said last of an identifier
  identifier_key INTEGER PRIMARY KEY, tier TEXT NOT NULL, -- empty for none any more
  tier_time REAL NOT NULL
);
""",
}
"""What makes a store of each version from one of the version before; what there is to be
filled in is by `recsys.storage.sqlite_migrations`."""

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
    create_tables(connection)
    for index in (BY_PROFILE, BY_IDENTIFIER, BY_ID):
        connection.execute(index)
    add_salt(connection)


def create_tables(connection: sqlite3.Connection) -> None:
    """Make the tables of a new store without the indexes, within a transaction."""
    _run(connection, TABLES)
    connection.execute(f"PRAGMA user_version = {_OLDEST}")
    migrate(connection, storage="a new store")


def migrate(connection: sqlite3.Connection, *, storage: str) -> None:
    """Bring a store to this version's schema, within a transaction.

    Raises:
        StorageUnavailable: The store is of a later version, or too old.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    refuse_foreign(version, storage=storage)
    if version == SCHEMA_VERSION:
        return
    connection.create_function("item_text", 5, lambda *row: item_text(plain_item(*row)))
    for step in range(version + 1, SCHEMA_VERSION + 1):
        _run(connection, MIGRATIONS[step])
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def refuse_foreign(version: int, *, storage: str) -> None:
    """Refuse a schema version that `migrate` cannot bring up to date; raises as it does."""
    if not _OLDEST <= version <= SCHEMA_VERSION:
        problem = f"schema version is {version}; this version reads {_OLDEST} to {SCHEMA_VERSION}"
        raise StorageUnavailable(storage=storage, problem=problem)


def _run(connection: sqlite3.Connection, statements: str) -> None:
    # `executescript` would end the transaction.
    for statement in statements.split(";\n"):
        connection.execute(statement)


def add_salt(connection: sqlite3.Connection, salt: str = "") -> str:
    """Give a new store its salt, drawn anew unless given, and return it."""
    salt = salt or new_salt()
    connection.execute("INSERT INTO facts VALUES (?, ?)", (SALT_FACT, salt))
    return salt


def set_fact(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Write one fact, whatever it was."""
    connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def fact(connection: sqlite3.Connection, name: str) -> str:
    """Return one fact of a store; empty if there is none."""
    found = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return str(found[0]) if found else ""


def read_salt(connection: sqlite3.Connection) -> str:
    """Return the salt of a store; empty if it has none."""
    return fact(connection, SALT_FACT)


def read_fact(path: Path, name: str) -> str | None:
    """Read one fact of a file; None if there is no such fact or no such file."""
    if not path.is_file():
        return None
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error:
        return None
    try:
        found = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    except sqlite3.Error:
        return None
    finally:
        connection.close()
    return str(found[0]) if found else None
