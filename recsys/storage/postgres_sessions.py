"""Transactions with a PostgreSQL database; see `recsys.storage.sessions`."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from recsys.domain import Identifier
from recsys.profiles import IdentityRules, Link
from recsys.storage.event_rows import Keys
from recsys.storage.postgres_links import (
    forget_links,
    links_touching,
    lock_links,
    stored_rules,
)
from recsys.storage.postgres_pool import Connection, PostgresPool
from recsys.storage.sessions import Answer, Row, Session

ResultT = TypeVar("ResultT")

# Lists of values are planned for anew each time, which takes longer than what is asked.
_PLAN_ONCE: Final = "SET LOCAL plan_cache_mode = force_generic_plan"
_ONE_STATE: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"

# Whoever writes of people holds this lock together with all others who do. Whoever
# erases somebody holds it alone: else a writer who looked for her tombstone a moment
# ago would bring her back.
_WITH_OTHERS: Final = "SELECT pg_advisory_xact_lock_shared(hashtext('recsys.people'))"
_CLOCK: Final = "SELECT extract(epoch FROM clock_timestamp())::float8"
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext(?))"
_ALONE: Final = "SELECT pg_advisory_xact_lock(hashtext('recsys.people'))"


class PostgresSession:
    """A transaction with a database."""

    packs = False

    def __init__(self, connection: Connection, keys: Keys) -> None:
        """Talk over a connection, whose transaction is somebody else's."""
        self._connection = connection
        self.keys = keys

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return all rows of a query."""
        return self._connection.execute(_of_postgres(query), values).fetchall()

    def ask(self, query: str, *values: object) -> Answer:
        """Ask for all rows of a query; while statements are queued, do not wait for them."""
        return self._connection.execute(_of_postgres(query), values).fetchall

    def change(self, statement: str, *values: object) -> int:
        """Insert, update or delete; return how many rows, unless statements are queued."""
        return self._connection.execute(_of_postgres(statement), values).rowcount

    def change_each(self, statement: str, rows: Iterable[Sequence[object]]) -> None:
        """Do the same with several rows of values."""
        with self._connection.cursor() as cursor:
            cursor.executemany(_of_postgres(statement), rows)

    def lock(self, name: str) -> None:
        """Wait until nobody else holds the lock of a name; hold it to the end."""
        self.ask(_LOCK, name)

    def clock(self) -> float:
        """Return the time of the server, whatever those of its clients say."""
        ((now,),) = self.rows(_CLOCK)
        return float(now)

    def rules(self) -> IdentityRules:
        """Return the rules by which profiles are made."""
        return stored_rules(self._connection)

    def links(self, identifiers: Sequence[Identifier]) -> list[Link]:
        """Return all links of these identifiers."""
        return links_touching(self._connection, self.keys, identifiers)

    def unlink(self, identifiers: Sequence[Identifier]) -> int:
        """Forget all links of these identifiers; return how many."""
        lock_links(self._connection)
        links, rules = self.links(identifiers), self.rules()
        forget_links(self._connection, self.keys, links, rules)
        return len(links)


class PostgresSessions:
    """Transactions with a database; implements `recsys.storage.sessions.Sessions`."""

    def __init__(self, pool: PostgresPool) -> None:
        """Share a pool, which whoever made it closes."""
        self._pool = pool

    def read(self, work: Callable[[Session], ResultT], *, queued: bool = False) -> ResultT:
        """Let somebody read one state; as `Sessions.read`."""

        def in_one_state(connection: Connection, keys: Keys) -> ResultT:
            with _queue(connection, queued=queued):
                connection.execute(_ONE_STATE)
                return work(PostgresSession(connection, keys))

        return self._pool.run(in_one_state)

    def rows(self, query: str, *values: object) -> list[Row]:
        """Return all rows of one query; as `Sessions.rows`."""
        return self._pool.run(
            lambda connection, keys: PostgresSession(connection, keys).rows(query, *values)
        )

    @contextlib.contextmanager
    def held(self) -> Iterator[Session]:
        """Hold one state; as `Sessions.held`."""
        with self._pool.held() as (connection, keys):
            connection.execute(_ONE_STATE)
            yield PostgresSession(connection, keys)

    def write(
        self, work: Callable[[Session], ResultT], *, alone: bool = False, queued: bool = False
    ) -> ResultT:
        """Let somebody write; as `Sessions.write`."""

        def in_one_step(connection: Connection, keys: Keys) -> ResultT:
            with _queue(connection, queued=queued):
                done = work(writing(connection, keys, alone=alone))
                # Behind what waits in the queue, if there is one: they go together.
                connection.commit()
            return done

        return self._pool.run(in_one_step)


@contextlib.contextmanager
def _queue(connection: Connection, *, queued: bool) -> Iterator[None]:
    if not queued:
        yield
        return
    with connection.pipeline():
        connection.execute(_PLAN_ONCE)
        yield


def writing(connection: Connection, keys: Keys, *, alone: bool = False) -> PostgresSession:
    """Wait until one may write of people, to the end of the transaction.

    Args:
        connection: In a transaction that has read nothing yet.
        keys: Of the storage.
        alone: Whether nobody else may write at the same time.
    """
    connection.execute(_ALONE if alone else _WITH_OTHERS)
    return PostgresSession(connection, keys)


@functools.cache
def _of_postgres(statement: str) -> str:
    return statement.replace("?", "%s")
