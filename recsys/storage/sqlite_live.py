"""One connection that writes to an SQLite store, in turns with other processes and threads."""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from recsys.errors import StorageUnavailable
from recsys.storage.event_rows import Keys
from recsys.storage.sqlite_schema import LIVE_FACT, create_store, migrate, read_salt

_BUSY_SECONDS: Final = 5.0
_CACHE_KIBIBYTES: Final = 64 * 1024
_CHECKPOINT_PAGES: Final = 8_000

_ROWS_PER_STATEMENT: Final = 128
"""Every step of a statement lets other threads of Python run, who may take their time."""


class LiveConnection:
    """Writes to a store that is made if it is not there.

    Writers take turns by a lock on the store's folder, which wakes the next one at
    once; SQLite's own waiting is a sleep. Whoever replaces the store takes the same
    lock, and writers look what is there before each turn, so nothing is written into
    a file that was replaced.
    """

    def __init__(self, path: Path) -> None:
        """Point at a file; nothing is opened yet."""
        self._path = path
        self.name = str(path)
        self._connection: sqlite3.Connection | None = None
        self._mark: tuple[int, int] | None = None
        self._keys: Keys | None = None
        self._has_seen_it = path.exists()

    @contextlib.contextmanager
    def turn(self, *, makes_store: bool = True) -> Iterator[tuple[sqlite3.Connection, Keys]]:
        """Open a transaction that ends with the block: kept, or undone after an error.

        Args:
            makes_store: Whether to make a store that is missing.

        Raises:
            StorageUnavailable: Nothing was written.
        """
        try:
            with store_lock(self._path):
                connection, keys = self._ready(makes_store=makes_store)
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection, keys
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise StorageUnavailable(storage=self.name, problem=_problem(error)) from error

    def overwrite(self) -> None:
        """Make the file forget what was deleted, which is still in its write-ahead log.

        Raises:
            StorageUnavailable: Somebody reads too long; what was deleted leaves the log
                with one of the next commits.
        """
        try:
            with store_lock(self._path):
                connection, _ = self._ready(makes_store=False)
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except (sqlite3.Error, OSError) as error:
            raise StorageUnavailable(storage=self.name, problem=_problem(error)) from error

    def close(self) -> None:
        """Close the connection; the next turn opens another."""
        connection, self._connection, self._mark = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _ready(self, *, makes_store: bool) -> tuple[sqlite3.Connection, Keys]:
        mark = _mark(self._path)
        if self._connection is None or mark != self._mark:
            self.close()
            if mark is None and not makes_store:
                raise StorageUnavailable(storage=self.name, problem="the file does not exist")
            if mark is None and self._has_seen_it:
                # Whoever took it away may bring it back, over whatever is there then.
                raise StorageUnavailable(
                    storage=self.name, problem="the file has gone; put it back, or restart"
                )
            self._connection = self._open()
            self._has_seen_it = True
            self._mark = _mark(self._path)
        assert self._keys is not None  # Opening has read them.
        return self._connection, self._keys

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            # The lock sees to it that one thread at a time uses it.
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            # What is deleted must not be found in the file's free pages.
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            connection.execute("BEGIN IMMEDIATE")
            if not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                create_store(connection)
            migrate(connection, storage=self.name)
            connection.execute("INSERT OR IGNORE INTO facts VALUES (?, 'yes')", (LIVE_FACT,))
            connection.execute("COMMIT")
            self._keys = Keys(read_salt(connection))
        except BaseException:
            connection.close()
            raise
        return connection


def bring_up_to_date(path: Path) -> None:
    """Migrate a store of an earlier version in its turn, without making it a live one.

    Raises:
        OSError: The store's folder cannot be had.
        sqlite3.Error: The store cannot be written.
        StorageUnavailable: It is of a later version.
    """
    with store_lock(path):
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            migrate(connection, storage=str(path))
            connection.execute("COMMIT")
        finally:
            connection.close()


@contextlib.contextmanager
def store_lock(path: Path) -> Iterator[None]:
    """Wait for the turn to write to a store or to replace it.

    Raises:
        OSError: Its folder cannot be had.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def insert(
    connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Insert rows by few steps.

    Args:
        connection: In a transaction.
        statement: Holds `{rows}` where the rows go.
        rows: All of one length.
    """
    first = 0
    size = _ROWS_PER_STATEMENT
    while first < len(rows):
        # Few sizes, so that the prepared statements are found again.
        while size > len(rows) - first:
            size //= 2
        part = rows[first : first + size]
        marks = f"({','.join('?' * len(part[0]))})"
        values = [value for row in part for value in row]
        connection.execute(statement.format(rows=",".join([marks] * size)), values)
        first += size


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _problem(error: Exception) -> str:
    return str(error) or type(error).__name__
