"""Writes a complete SQLite store, which appears at once or not at all.

The file leaves here in rollback mode, without side files, so that one rename
replaces it, readers share it without coordination, and a read-only disk will do.
A server that writes events switches it to WAL; readers take either.
"""

import contextlib
import itertools
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from recsys.catalog import Item
from recsys.domain import Identifier, ItemId
from recsys.errors import StorageUnavailable
from recsys.events import EMPTY_HISTORY, Event
from recsys.profiles import Export
from recsys.storage.carried import carried_from, hand_over, hand_over_links, hand_over_tables
from recsys.storage.catalog_rows import item_text
from recsys.storage.event_rows import EVENT_COLUMNS, EventRow, Keys
from recsys.storage.exports import ADD_EXPORT
from recsys.storage.packed import LINE_COUNT_MAX, logged_lines, newest, pack_lines
from recsys.storage.sqlite_bulk_links import link_imported
from recsys.storage.sqlite_insert import insert
from recsys.storage.sqlite_lock import store_lock
from recsys.storage.sqlite_schema import (
    BY_ID,
    BY_IDENTIFIER,
    BY_PROFILE,
    LIVE_FACT,
    add_salt,
    create_tables,
    read_fact,
)
from recsys.storage.tombstones import matcher, without_erased

_PAGE_BYTES: Final = 4096
_EVENTS_PER_INSERT: Final = 5_000

_PREPARE: Final = f"""
PRAGMA page_size = {_PAGE_BYTES};
PRAGMA journal_mode = MEMORY; -- which holds nothing, as all pages are new
PRAGMA synchronous = OFF;
PRAGMA cache_size = -65536; -- KiB; sorting for an index takes as much
PRAGMA threads = 2; -- for sorting
BEGIN;
"""
_ADD_EVENT: Final = f"INSERT INTO events ({EVENT_COLUMNS}) VALUES {{rows}}"  # noqa: S608 - our own names
_ADD_IDENTIFIER: Final = """
INSERT INTO identifiers (identifier_key, namespace, value, profile_key) VALUES (?, ?, ?, ?)
"""
_ADD_ITEM: Final = "INSERT INTO items (item_id, content) VALUES (?, ?)"
_NAMED_TWICE: Final = """
SELECT e.seq, e.event_id FROM events AS e
WHERE EXISTS (
  SELECT 1 FROM events AS f WHERE f.id_high = e.id_high AND f.id_low = e.id_low AND f.seq < e.seq
)
"""
_RENAME: Final = "UPDATE events SET event_id = ?, id_high = ?, id_low = ? WHERE seq = ?"


class SqliteWriter:
    """Builds one file; use as a context manager.

    Rows arrive in any number of calls. Giving them in the order of the keys of their
    identifiers is several times faster than not. On success the file takes the place of `path`;
    on failure nothing is left and the old file stays.
    """

    def __init__(self, path: Path, *, people: Path | None = None) -> None:
        """Point at the file to write.

        Args:
            path: The file.
            people: The store whose erased people stay out and whose consents go on
                counting; the one that is replaced unless given.
        """
        self._path = path
        self._people = people or path
        self._scratch = path.with_name(f".{path.name}.part-{os.getpid()}")
        self._open_key: int | None = None
        self._open_lines = EMPTY_HISTORY
        self._seq = 0

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._scratch.unlink(missing_ok=True)
            self._connection = sqlite3.connect(self._scratch, isolation_level=None)
            self._connection.executescript(_PREPARE)
            create_tables(self._connection)
            self._carried = carried_from(self._people)
            self._keys = Keys(add_salt(self._connection, self._carried.salt))
            self._is_erased = matcher(self._carried.tombstones, self._keys.identifier)
            self._gone = {one.identifier_key for one in self._carried.tombstones if one.is_for_good}
        except (sqlite3.Error, OSError) as error:
            raise StorageUnavailable(storage=str(self._path), problem=str(error)) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        except (sqlite3.Error, OSError) as failure:
            raise StorageUnavailable(storage=str(self._path), problem=str(failure)) from failure
        finally:
            self._connection.close()
            self._scratch.unlink(missing_ok=True)

    def add_facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Add facts about the whole file: (name, value)."""
        self._insert("INSERT INTO facts VALUES (?, ?)", rows)

    def key(self, identifier: Identifier) -> int:
        """Return the key of an identifier; see the class."""
        return self._keys.identifier(identifier)

    def add_identifiers(self, rows: Iterable[tuple[Identifier, Identifier]]) -> None:
        """Add identifiers, each with the one that heads its profile: itself if alone.

        That they belong together becomes a link, which joins as far as the rules allow.
        Those that were erased stay out; whoever they head is then alone, or headed by
        the first of the others.
        """
        if self._carried.tombstones:
            rows = _without_heads(rows, self._is_gone)

        def keyed() -> Iterator[tuple[int, str, str, int | None]]:
            for one, head in rows:
                head_key = None if one == head else self.key(head)
                yield self.key(one), one.namespace, one.value, head_key

        self._insert(_ADD_IDENTIFIER, keyed())

    def _is_gone(self, one: Identifier) -> bool:
        return self.key(one) in self._gone

    def add_events(self, events: Iterable[Event]) -> None:
        """Add events to the log and to the histories.

        All events of an identifier come one after the other, in any order, over as many
        calls as need be. It must be among the identifiers when all is done. Those of
        people who were erased stay out.
        """
        if self._carried.tombstones:
            left = (without_erased(event, self._is_erased) for event in events)
            events = (event for event in left if event is not None)
        waiting = iter(events)
        while some := list(itertools.islice(waiting, _EVENTS_PER_INSERT)):
            _, rows = self._keys.rows(some)
            with self._translated():
                insert(self._connection, _ADD_EVENT, rows)
            for key, of_one in itertools.groupby(rows, key=attrgetter("identifier_key")):
                if key != self._open_key:
                    self._close_history()
                    self._open_key = key
                self._keep_open(list(of_one))

    def _keep_open(self, rows: list[EventRow]) -> None:
        self._seq += len(rows)
        if self._open_key is None:
            return
        lines = logged_lines(
            (row.event_time, row.event_type, row.channel, row.item_ids)
            for row in reversed(rows)
            if row.item_ids
        )
        joined = lines.joined(self._open_lines)
        if len(joined):
            self._open_lines = newest(joined, line_count_max=LINE_COUNT_MAX)

    def _close_history(self) -> None:
        if len(self._open_lines):
            row = (self._open_key, self._seq, *pack_lines(self._open_lines))
            self._insert("INSERT INTO history VALUES (?, ?, ?, ?, ?)", [row])
        self._open_lines = EMPTY_HISTORY

    def add_export(self, export: Export) -> None:
        """Note that a file holds everybody whose events were added so far."""
        row = (None, export.kind, export.place, export.time, self._seq)
        self._insert(ADD_EXPORT, [row])

    def add_items(self, items: Iterable[tuple[ItemId, Item]]) -> None:
        """Add items, each once."""
        self._insert(_ADD_ITEM, ((item_id, item_text(item)) for item_id, item in items))

    def _insert(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        with self._translated():
            self._connection.executemany(statement, rows)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageUnavailable(storage=str(self._path), problem=str(error)) from error

    def _finish(self) -> None:
        self._close_history()
        hand_over(self._connection, self._carried)
        self._connection.execute(BY_PROFILE)
        link_imported(self._connection, self._keys)
        if is_live(self._people):
            hand_over_links(self._people, self._connection, self._keys, self._is_gone)
            hand_over_tables(self._people, self._connection)
        self._connection.execute(BY_IDENTIFIER)
        try:
            self._connection.execute(BY_ID)
        except sqlite3.IntegrityError:
            self._name_apart()
        self._connection.execute("COMMIT")
        # What a crash must not undo is written through once, here.
        self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
        with self._scratch.open("rb") as file:
            os.fsync(file.fileno())
        with store_lock(self._path):
            refuse_live(self._path)
            self._scratch.replace(self._path)

    def _name_apart(self) -> None:
        """Give events of one id, which belong to several identifiers, names of their own."""
        self._connection.execute(BY_ID.replace(" UNIQUE ", " "))
        for seq, event_id in self._connection.execute(_NAMED_TWICE).fetchall():
            name = f"{event_id}#{seq}"
            self._connection.execute(_RENAME, (name, *self._keys.event(name), seq))
        self._connection.execute("DROP INDEX events_by_id")
        self._connection.execute(BY_ID)


def _without_heads(
    rows: Iterable[tuple[Identifier, Identifier]], is_erased: Callable[[Identifier], bool]
) -> Iterator[tuple[Identifier, Identifier]]:
    """Leave erased identifiers out, and give those whom they headed another head."""
    heads: dict[Identifier, Identifier] = {}
    for one, head in rows:
        if is_erased(one):
            continue
        yield one, heads.setdefault(head, one) if is_erased(head) else head


def is_live(path: Path) -> bool:
    """Say whether a server has written to the file, which then holds what no import has."""
    return read_fact(path, LIVE_FACT) is not None


def refuse_live(path: Path) -> None:
    """Refuse to replace what only a file at this path holds.

    A new file under the write-ahead log of the old one would be damaged by it, too.

    Raises:
        StorageUnavailable: A server has written there, or somebody writes just now.
    """
    log = path.with_name(f"{path.name}-wal")
    if is_live(path):
        problem = "holds events that servers have written; import to another file"
    elif log.exists() and log.stat().st_size:
        problem = f"is being written by another process ({log.name} is there); stop it first"
    else:
        return
    raise StorageUnavailable(storage=str(path), problem=problem)
