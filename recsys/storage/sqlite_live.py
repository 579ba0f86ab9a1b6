"""One connection that writes to an SQLite store, in turns with other processes and threads."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from recsys.errors import StorageUnavailable
from recsys.profiles import IdentityRules
from recsys.storage.event_rows import Keys
from recsys.storage.sqlite_lock import SEEN_STORES, store_lock
from recsys.storage.sqlite_migrations import make_current
from recsys.storage.sqlite_schema import LIVE_FACT, read_salt

_BUSY_SECONDS: Final = 5.0
_CACHE_KIBIBYTES: Final = 64 * 1024
_CHECKPOINT_PAGES: Final = 8_000


class LiveConnection:
    """Writes to a store that is made if it is not there.

    Writers take turns by a lock on the store's folder, which wakes the next one at
    once; SQLite's own waiting is a sleep. Whoever replaces the store takes the same
    lock, and writers look what is there before each turn, so nothing is written into
    a file that was replaced.
    """

    def __init__(self, path: Path, rules: IdentityRules | None = None) -> None:
        """Point at a file; nothing is opened yet.

        Args:
            path: The file.
            rules: By which profiles are made; None for those that the store has.
        """
        self._path = path
        self._wanted_rules = rules
        self._rules = IdentityRules()
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

    @property
    def rules(self) -> IdentityRules:
        """The rules of the store, during a turn."""
        return self._rules

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
            SEEN_STORES.add(self._path)
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
            self._rules = make_current(connection, self._wanted_rules, storage=self.name)
            connection.execute("INSERT OR IGNORE INTO facts VALUES (?, 'yes')", (LIVE_FACT,))
            connection.execute("COMMIT")
            self._keys = Keys(read_salt(connection))
        except BaseException:
            connection.close()
            raise
        return connection


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _problem(error: Exception) -> str:
    return str(error) or type(error).__name__
