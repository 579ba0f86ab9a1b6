"""Writes a complete SQLite file of histories and items, which appears at once or not at all.

The file leaves here in rollback mode, without side files, so that one rename
replaces it, readers share it without coordination, and a read-only disk will do.
A writer of live events may switch it to WAL; readers take either.
"""

import itertools
import os
import sqlite3
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from recsys.errors import StorageUnavailable
from recsys.storage.packed import Line, pack_lines
from recsys.storage.sqlite_connection import SCHEMA_VERSION

_PAGE_BYTES: Final = 8192

_SCHEMA: Final = f"""
PRAGMA page_size = {_PAGE_BYTES};
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA user_version = {SCHEMA_VERSION};
BEGIN;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE profiles (profile_key INTEGER PRIMARY KEY, profile_id TEXT NOT NULL);
CREATE TABLE links (
  namespace TEXT NOT NULL, value TEXT NOT NULL, profile_key INTEGER NOT NULL,
  PRIMARY KEY (namespace, value)
) WITHOUT ROWID;
CREATE TABLE history ( -- what `recsys.storage.packed` says; one row per person with lines
  profile_key INTEGER PRIMARY KEY, item_ids TEXT NOT NULL, codes BLOB NOT NULL,
  event_times BLOB NOT NULL -- seconds since 1970-01-01 UTC
);
CREATE TABLE items (
  item_id TEXT PRIMARY KEY, title TEXT, category TEXT, brand TEXT, price REAL, currency TEXT
) WITHOUT ROWID;
"""


class SqliteWriter:
    """Builds one file; use as a context manager.

    Rows arrive in any number of calls. Giving them in the order of their keys is
    several times faster than not. On success the file takes the place of `path`;
    on failure nothing is left and the old file stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._scratch = path.with_name(f".{path.name}.part-{os.getpid()}")
        self._open_key: int | None = None
        self._open_lines: list[Line] = []

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._scratch.unlink(missing_ok=True)
            self._connection = sqlite3.connect(self._scratch, isolation_level=None)
            self._connection.executescript(_SCHEMA)
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

    def add_profiles(self, rows: Iterable[tuple[int, str]]) -> None:
        """Add people: (profile_key, profile_id)."""
        self._insert("INSERT INTO profiles VALUES (?, ?)", rows)

    def add_links(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """Add identifiers: (namespace, value, profile_key)."""
        self._insert("INSERT INTO links VALUES (?, ?, ?)", rows)

    def add_history(self, rows: Iterable[tuple[int, float, int, str, int, int]]) -> None:
        """Add item lines: (profile_key, event_time, line, item_id, type_code, channel_code).

        `line` tells apart what happened at the same moment. All lines of a profile
        come one after the other, in any order, over as many calls as need be.
        """
        for key, lines in itertools.groupby(rows, key=itemgetter(0)):
            if key != self._open_key:
                self._close_profile()
                self._open_key = key
            self._open_lines.extend(line[1:] for line in lines)

    def _close_profile(self) -> None:
        if self._open_lines:
            packed = pack_lines(self._open_lines)
            self._insert("INSERT INTO history VALUES (?, ?, ?, ?)", [(self._open_key, *packed)])
        self._open_lines = []

    def add_items(
        self,
        rows: Iterable[tuple[str, str | None, str | None, str | None, float | None, str | None]],
    ) -> None:
        """Add items: (item_id, title, category, brand, price, currency)."""
        self._insert("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)", rows)

    def _insert(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        try:
            self._connection.executemany(statement, rows)
        except sqlite3.Error as error:
            raise StorageUnavailable(storage=str(self._path), problem=str(error)) from error

    def _finish(self) -> None:
        self._close_profile()
        self._connection.execute("COMMIT")
        # What a crash must not undo is written through once, here.
        self._connection.execute("PRAGMA journal_mode = DELETE")
        self._connection.close()
        with self._scratch.open("rb") as file:
            os.fsync(file.fileno())
        self._refuse_busy_target()
        self._scratch.replace(self._path)

    def _refuse_busy_target(self) -> None:
        """Never slip a new file under the write-ahead log of the old one: it would be replayed."""
        log = self._path.with_name(f"{self._path.name}-wal")
        if log.exists() and log.stat().st_size:
            problem = f"is being written by another process ({log.name} is there); stop it first"
            raise StorageUnavailable(storage=str(self._path), problem=problem)


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
