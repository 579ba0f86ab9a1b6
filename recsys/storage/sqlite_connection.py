"""Read connections to one SQLite file: one per thread, reopened when the file changes.

An import replaces the whole file by a rename. A reader notices by the inode, within
a hundredth of a second, and opens the new one; calls in flight finish on the old
one, which the operating system keeps until they let go. What is written into the
same file is seen by the next call.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

from recsys.errors import StorageUnavailable
from recsys.profiles import IdentityRules
from recsys.storage.event_rows import Keys
from recsys.storage.sqlite_lock import SEEN_STORES
from recsys.storage.sqlite_migrations import (
    bring_up_to_date,
    is_current,
    make_current,
    stored_rules,
)
from recsys.storage.sqlite_schema import read_salt

_BUSY_SECONDS: Final = 0.25
_CACHE_KIBIBYTES: Final = 16 * 1024

_LOOK_SECONDS: Final = 0.01
"""How long a file is taken for the same one; a look costs as much as a small query."""

_NOTHING: Final = (-1, -1)
"""Mark of a file that was never there."""

Row = tuple[Any, ...]
ResultT = TypeVar("ResultT")


class Handle:
    """A connection, and of its file the mark, the keys and the rules; closes when forgotten."""

    __slots__ = ("connection", "good_until", "keys", "mark", "rules")

    def __init__(self, connection: sqlite3.Connection, mark: tuple[int, int]) -> None:
        self.connection = connection
        self.keys = Keys(read_salt(connection))
        self.rules = stored_rules(connection)
        self.mark = mark
        self.good_until = 0.0

    def __del__(self) -> None:
        self.connection.close()


class ReadConnections:
    """Runs queries against one file, from any thread.

    A thread's connection closes when the thread ends or the file is replaced.
    """

    def __init__(
        self, path: Path, rules: IdentityRules | None = None, *, may_be_missing: bool = False
    ) -> None:
        """Point at a file; nothing is opened yet.

        Args:
            path: The file.
            rules: By which profiles must have been made, else they are made anew; None
                for those that the store has.
            may_be_missing: Whether a file that was never there is taken for an empty
                store; one that has gone is missing all the same.
        """
        self._path = path
        self._may_be_missing = may_be_missing
        self._rules = rules
        self.name = str(path)
        self._uri = f"file:{quote(str(path.absolute()))}?mode=ro"
        self._local = threading.local()

    def rows(self, query: str, parameters: tuple[object, ...]) -> list[Row]:
        """Return all rows of a query; raises as `read`."""
        return self.read(lambda handle: handle.connection.execute(query, parameters).fetchall())

    def read(self, work: Callable[[Handle], ResultT]) -> ResultT:
        """Let somebody read one file by several queries.

        Raises:
            StorageUnavailable: The file is missing, locked, damaged or of another
                version. The next call tries anew.
        """
        try:
            return work(self._handle())
        # A damaged page can hold anything in place of a column.
        except (sqlite3.Error, OSError, ValueError, TypeError, AttributeError) as error:
            self.close()
            raise StorageUnavailable(storage=self.name, problem=_problem(error)) from error

    def close(self) -> None:
        """Close this thread's connection; the next call opens another."""
        self._local.handle = None

    def _handle(self) -> Handle:
        now = time.monotonic()
        handle: Handle | None = getattr(self._local, "handle", None)
        if handle is not None and now < handle.good_until:
            return handle
        mark = self._mark()
        if handle is None or handle.mark != mark:
            opened = self._open_nothing() if mark == _NOTHING else self._open()
            handle = self._local.handle = Handle(opened, mark)
        # A store that nobody has made yet can be there in the next moment.
        handle.good_until = -1.0 if mark == _NOTHING else now + _LOOK_SECONDS
        return handle

    def _mark(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            if self._may_be_missing and self._path not in SEEN_STORES:
                return _NOTHING
            raise
        SEEN_STORES.add(self._path)
        return found.st_dev, found.st_ino

    def _open_nothing(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        make_current(connection, self._rules, storage=self.name)
        return connection

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._uri,
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            # Only its own thread uses it, but any thread may drop the last reference.
            check_same_thread=False,
        )
        try:
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
            if not is_current(connection, self._rules, storage=self.name):
                bring_up_to_date(self._path, self._rules)
        except BaseException:
            connection.close()
            raise
        return connection


def _problem(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file does not exist"
    return str(error) or type(error).__name__
