"""One way to talk to either database, for statements that are the same on both.

Statements are written once: `?` stands for a value, `= ANY(?)` for a list of values,
which SQLite takes as JSON and PostgreSQL as an array. `FOR UPDATE` at the end of a query
holds its rows for the transaction, and `FOR UPDATE SKIP LOCKED` those that nobody else holds;
whoever writes to SQLite is alone anyway.
"""

import contextlib
import functools
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from recsys.domain import Identifier
from recsys.errors import StorageUnavailable
from recsys.profiles import IdentityRules, Link, merged
from recsys.storage.event_rows import Keys
from recsys.storage.sqlite_connection import Handle, ReadConnections
from recsys.storage.sqlite_links import forget_links, links_touching
from recsys.storage.sqlite_live import LiveConnection
from recsys.storage.sqlite_migrations import stored_rules

ResultT = TypeVar("ResultT")
Row = tuple[Any, ...]
Answer = Callable[[], list[Row]]
"""Gives the rows of a query that was asked; waits for them if they are not there yet."""

_LIST: Final = "= ANY(?)"
_LIST_OF_SQLITE: Final = "IN (SELECT value FROM json_each(?))"
_HOLDS: Final = (" FOR UPDATE", " FOR UPDATE SKIP LOCKED")


class Session(Protocol):
    """A transaction under way.

    Attributes:
        keys: Names identifiers in this storage.
        packs: Whether the storage keeps packed histories beside the log.
    """

    keys: Keys
    packs: bool

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return all rows of a query."""
        ...

    def ask(self, query: str, *values: object) -> Answer:
        """Ask for all rows of a query, and go on; call what is returned to have them."""
        ...

    def change(self, statement: str, *values: object) -> int:
        """Insert, update or delete; return how many rows, unless statements are queued."""
        ...

    def change_each(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Do the same with several rows of values."""
        ...

    def lock(self, name: str) -> None:
        """Wait until nobody else holds the lock of a name; hold it to the end."""
        ...

    def clock(self) -> float:
        """Return the time by the storage's own clock, seconds since 1970-01-01 UTC."""
        ...

    def rules(self) -> IdentityRules:
        """Return the rules by which profiles are made."""
        ...

    def links(self, identifiers: Sequence[Identifier]) -> list[Link]:
        """Return all links of these identifiers."""
        ...

    def unlink(self, identifiers: Sequence[Identifier]) -> int:
        """Forget all links of these identifiers, as if they had never been; return how many."""
        ...


Clock = Callable[[Session], float]
"""Tells the time in seconds since 1970-01-01 UTC."""


def storage_clock(session: Session) -> float:
    """Return the time by the storage's clock."""
    return session.clock()


class Sessions(Protocol):
    """Transactions with one storage. Safe to share by threads."""

    def read(self, work: Callable[[Session], ResultT], *, queued: bool = False) -> ResultT:
        """Let somebody read one state of the storage.

        Args:
            work: Reads.
            queued: As `write`.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        ...

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return all rows of one query, which costs less than a transaction.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        ...

    def held(self) -> contextlib.AbstractContextManager[Session]:
        """Hold one state of the storage, however long it is read, on a connection of its own.

        Raises:
            StorageUnavailable: The storage does not answer; also while it is read.
        """
        ...

    def write(
        self, work: Callable[[Session], ResultT], *, alone: bool = False, queued: bool = False
    ) -> ResultT:
        """Let somebody write, all or nothing; durable when this returns.

        Args:
            work: Must bear being done twice.
            alone: Whether nobody else may write at the same time, and nothing deleted
                may be left in the files.
            queued: Whether statements go to the storage one after the other without
                waiting for answers, until rows are looked at.

        Raises:
            StorageUnavailable: Nothing was written.
        """
        ...


class SqliteSession:
    """A transaction with an SQLite store."""

    packs = True

    def __init__(self, connection: sqlite3.Connection, keys: Keys) -> None:
        """Talk over a connection, whose transaction is somebody else's."""
        self._connection = connection
        self.keys = keys

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return all rows of a query."""
        return self._connection.execute(_of_sqlite(query), _plain(values)).fetchall()

    def ask(self, query: str, *values: object) -> Answer:
        """Ask for all rows of a query; here nobody has to wait for them."""
        rows = self.rows(query, *values)
        return lambda: rows

    def change(self, statement: str, *values: object) -> int:
        """Insert, update or delete; return how many rows."""
        return self._connection.execute(_of_sqlite(statement), _plain(values)).rowcount

    def change_each(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Do the same with several rows of values."""
        self._connection.executemany(_of_sqlite(statement), rows)

    def lock(self, name: str) -> None:
        """Hold a lock; whoever writes here is alone anyway."""

    def clock(self) -> float:
        """Return the time of this machine, on which all are who share a file."""
        return time.time()

    def rules(self) -> IdentityRules:
        """Return the rules by which profiles are made."""
        return stored_rules(self._connection)

    def links(self, identifiers: Sequence[Identifier]) -> list[Link]:
        """Return all links of these identifiers."""
        keys = map(self.keys.identifier, identifiers)
        return merged(link for key in keys for link in links_touching(self._connection, key))

    def unlink(self, identifiers: Sequence[Identifier]) -> int:
        """Forget all links of these identifiers; return how many."""
        links, rules = self.links(identifiers), self.rules()
        forget_links(self._connection, self.keys, links, rules)
        return len(links)


class SqliteSessions:
    """Transactions with an SQLite store; implements `Sessions`."""

    def __init__(self, path: Path, rules: IdentityRules | None = None) -> None:
        """Point at a file, which the first writing makes if it is not there.

        Args:
            path: The file.
            rules: By which profiles are made; None for those that the store has.
        """
        self._path = path
        self._rules = rules
        self._live = LiveConnection(path, rules)
        self._readers = ReadConnections(path, rules, may_be_missing=True)
        self._writing = threading.Lock()

    def read(self, work: Callable[[Session], ResultT], *, queued: bool = False) -> ResultT:
        """Let somebody read one state; as `Sessions.read`. Before the first file, that of nobody."""
        del queued  # There is no way to the storage that would be long.

        def in_one_state(handle: Handle) -> ResultT:
            handle.connection.execute("BEGIN")
            try:
                return work(SqliteSession(handle.connection, handle.keys))
            finally:
                handle.connection.execute("ROLLBACK")

        return self._readers.read(in_one_state)

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return all rows of one query; as `Sessions.rows`."""
        return self._readers.rows(_of_sqlite(query), _plain(values))

    @contextlib.contextmanager
    def held(self) -> Iterator[Session]:
        """Hold one state; as `Sessions.held`."""
        readers = ReadConnections(self._path, self._rules, may_be_missing=True)
        handle = readers.read(_begin)
        try:
            yield SqliteSession(handle.connection, handle.keys)
        except sqlite3.Error as error:
            raise StorageUnavailable(storage=readers.name, problem=str(error)) from error
        finally:
            handle.connection.close()

    def write(
        self, work: Callable[[Session], ResultT], *, alone: bool = False, queued: bool = False
    ) -> ResultT:
        """Let somebody write; as `Sessions.write`. Whoever writes here is alone anyway."""
        del queued  # As above.
        with self._writing:
            with self._live.turn() as (connection, keys):
                done = work(SqliteSession(connection, keys))
            if alone:
                # It is done, whether or not the log can be cut just now.
                with contextlib.suppress(StorageUnavailable):
                    self._live.overwrite()
        return done

    def close(self) -> None:
        """Close the connections; the next call opens others."""
        with self._writing:
            self._live.close()
        self._readers.close()


def _begin(handle: Handle) -> Handle:
    handle.connection.execute("BEGIN")
    # The state is that of the first look.
    handle.connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
    return handle


def _plain(values: Sequence[object]) -> tuple[object, ...]:
    return tuple(json.dumps(value) if isinstance(value, list) else value for value in values)


@functools.cache
def _of_sqlite(statement: str) -> str:
    for hold in _HOLDS:
        statement = statement.removesuffix(hold)
    return statement.replace(_LIST, _LIST_OF_SQLITE)
