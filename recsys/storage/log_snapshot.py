"""The whole log at one moment, for those who learn from it: people, events, items.

Both databases give a transaction one moment's view, however long it reads and whoever
writes meanwhile. Rows come some at a time, so that memory does not depend on the log.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote, urlsplit

import msgspec

from recsys.catalog import Item
from recsys.consent import ALWAYS, Permission
from recsys.domain import ItemId
from recsys.errors import StorageUnavailable
from recsys.storage.catalog_rows import read_item
from recsys.storage.open_sessions import POSTGRES_SCHEMES, SQLITE_SCHEME
from recsys.storage.sqlite_connection import ReadConnections

_ROWS_AT_ONCE: Final = 50_000

# A device goes with whoever has it now.
_PEOPLE: Final = """
SELECT i.identifier_key, i.namespace, i.value, coalesce(o.profile_key, i.profile_key)
FROM identifiers AS i
LEFT JOIN segments AS t ON t.identifier_key = i.identifier_key AND t.until_time > 1e300
LEFT JOIN identifiers AS o ON o.identifier_key = t.owner_key
"""
# What was said under a device counts for all who ever had it.
_ALLOWED: Final = """
SELECT DISTINCT coalesce(o.profile_key, i.profile_key, i.identifier_key), i.consent_bits
FROM identifiers AS i
LEFT JOIN segments AS t ON t.identifier_key = i.identifier_key
LEFT JOIN identifiers AS o ON o.identifier_key = t.owner_key
WHERE i.consent_bits <> 0
"""
# What was done on a device counts for whose turn it was.
_LINES: Final = """
SELECT e.seq, e.id_high, e.id_low, e.digest, coalesce(s.owner_key, e.identifier_key),
  e.event_time, e.event_type, e.channel, e.store_id, e.item_ids,
  CASE WHEN e.identifier_key IS NULL THEN e.content END
FROM events AS e LEFT JOIN segments AS s ON s.identifier_key = e.identifier_key
  AND s.from_time < e.event_time AND s.until_time >= e.event_time
WHERE e.item_ids <> '' ORDER BY e.seq
"""
_ITEMS: Final = "SELECT item_id, content FROM items WHERE content IS NOT NULL"

Row = Sequence[Any]
Rows = Callable[[str], Iterator[list[Row]]]


class SnapshotEvent(NamedTuple):
    """An event with items.

    Attributes:
        seq: Its place in the log.
        id_high: Key of the event id, first half.
        id_low: Second half.
        digest: Of what the caller sent.
        identifier_key: For whom it counts; None for nobody.
        event_time: Seconds since 1970-01-01 UTC.
        event_type: `EventType.code`.
        channel: `Channel.code`, 0 for unknown.
        store_id: The shop, or None.
        item_ids: Joined by `ID_SEPARATOR`.
        session_id: The visit, of nobody's events only; empty if not said.
    """

    seq: int
    id_high: int
    id_low: int
    digest: int
    identifier_key: int | None
    event_time: float
    event_type: int
    channel: int
    store_id: str | None
    item_ids: str
    session_id: str


class LogSnapshot:
    """One moment of a storage. What is read twice is the same."""

    def __init__(self, rows: Rows, *, name: str) -> None:
        """Read by `rows`, which runs a query within the snapshot; see `open_snapshot`.

        Attributes:
            rows: Runs a query and yields what it finds, some rows at a time.
            name: Of the storage, for people.
        """
        self.rows = rows
        self.name = name

    def people(self, permission: Permission = ALWAYS) -> Iterator[list[Row]]:
        """Return the identifiers: (identifier_key, namespace, value, profile_key).

        Args:
            permission: What a person must allow to be among them, over all of her
                identifiers; the most restrictive of these counts.

        `profile_key` is the key of the identifier that heads the profile; None if it is alone.
        """
        allowed: dict[int, int] = {}
        for some in self.rows(_ALLOWED):
            for head, bits in some:
                allowed[head] = allowed.get(head, 0) | bits
        for rows in self.rows(_PEOPLE):
            yield [
                row
                for row in rows
                if permission.given_by(allowed.get(row[0] if row[3] is None else row[3], 0))
            ]

    def events(self) -> Iterator[list[SnapshotEvent]]:
        """Return the events that have items, in the order of arrival."""
        for rows in self.rows(_LINES):
            yield [SnapshotEvent._make((*row[:-1], _session(row[-1]))) for row in rows]

    def items(self) -> Iterator[list[tuple[ItemId, Item]]]:
        """Return the items of the catalogue."""
        for rows in self.rows(_ITEMS):
            yield [(ItemId(item_id), read_item(content)) for item_id, content in rows]


class _Session(msgspec.Struct):
    session_id: str = ""


_decode_session: Final = msgspec.json.Decoder(_Session).decode


def _session(content: str | None) -> str:
    return _decode_session(content).session_id if content else ""


def storage_name(place: str) -> str:
    """Name a storage without its password."""
    if not place.startswith(POSTGRES_SCHEMES):
        return place.removeprefix(SQLITE_SCHEME)
    parts = urlsplit(place)
    return f"postgresql://{parts.hostname or ''}{parts.path}"


@contextlib.contextmanager
def open_snapshot(place: str) -> Iterator[LogSnapshot]:
    """Hold one moment of a storage.

    Args:
        place: `postgresql://user@host/database`, an SQLite file, or `sqlite:///file`.

    Raises:
        StorageUnavailable: It does not answer, or is of another version; also while reading.
    """
    name = storage_name(place)
    if place.startswith(POSTGRES_SCHEMES):
        with _postgres_rows(place, name) as rows:
            yield LogSnapshot(rows, name=name)
    else:
        with _SqliteRows(name) as sqlite_rows:
            yield LogSnapshot(sqlite_rows, name=name)


class _SqliteRows:
    """Runs queries in one read transaction of an SQLite file."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> Self:
        path = Path(self._name)
        with self._translated():
            if not path.is_file():
                raise FileNotFoundError(f"there is no file {path}")
            _bring_up_to_date(path)
            uri = f"file:{quote(str(path.absolute()))}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            with self._translated():
                self._connection.execute("BEGIN")
                # The moment is that of the first look.
                self._connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __call__(self, query: str) -> Iterator[list[Row]]:
        with self._translated():
            cursor = self._connection.execute(query)
            rows: list[Row] = cursor.fetchmany(_ROWS_AT_ONCE)
        while rows:
            yield rows
            with self._translated():
                rows = cursor.fetchmany(_ROWS_AT_ONCE)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageUnavailable(storage=self._name, problem=str(error)) from error


def _bring_up_to_date(path: Path) -> None:
    """Bring an older file to this version's schema, and refuse what is none or later."""
    reader = ReadConnections(path)
    reader.rows("SELECT 1", ())
    reader.close()


@contextlib.contextmanager
def _postgres_rows(url: str, name: str) -> Iterator[Rows]:
    import psycopg  # noqa: PLC0415 - only where it is used

    from recsys.storage.postgres_schema import migrate  # noqa: PLC0415 - as above

    @contextlib.contextmanager
    def translated() -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            problem = str(error).partition("\n")[0] or type(error).__name__
            raise StorageUnavailable(storage=name, problem=problem) from error

    with translated():
        migrate(url)
        connection = psycopg.connect(url)
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True

        def rows(query: str) -> Iterator[list[Row]]:
            # A cursor of the server: the client would fetch everything.
            with connection.cursor(name="snapshot") as cursor:
                with translated():
                    cursor.execute(query)
                    found: list[Row] = list(cursor.fetchmany(_ROWS_AT_ONCE))
                while found:
                    yield found
                    with translated():
                        found = list(cursor.fetchmany(_ROWS_AT_ONCE))

        with translated():
            connection.execute("SELECT 1 FROM facts").fetchone()
        yield rows
    finally:
        connection.close()
