"""Connections to one PostgreSQL database, for readers and writers alike."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
import psycopg
import psycopg_pool

from recsys.errors import StorageUnavailable
from recsys.profiles import IdentityRules
from recsys.storage.event_rows import EVENT_COLUMNS, SALT_FACT, Keys
from recsys.storage.link_rows import RULES_FACT, rules_text
from recsys.storage.postgres_links import lock_links, rebuild
from recsys.storage.postgres_schema import migrate

ResultT = TypeVar("ResultT")
Connection = psycopg.Connection[tuple[Any, ...]]

_WAIT_SECONDS: Final = 1.0
_CONNECT_SECONDS: Final = 2
_DOWN_SECONDS: Final = 0.5
# Classes of errors: connections that broke, and servers that are stopped by an operator.
_GONE: Final = ("08", "57P")
ARRIVING: Final = "pg_temp.arriving"
"""A table of each connection for events on their way into the log; empty between transactions."""

_MAKE_ARRIVING: Final = f"""
CREATE TEMP TABLE arriving ON COMMIT DELETE ROWS AS SELECT {EVENT_COLUMNS} FROM events WITH NO DATA
"""  # noqa: S608 - our own names
_FACT: Final = "SELECT value FROM facts WHERE name = %s"
_SET_FACT: Final = "UPDATE facts SET value = %s WHERE name = %s"


class PostgresPool:
    """Runs transactions, from any thread. Connects with the first, and again after a loss."""

    def __init__(
        self,
        url: str,
        *,
        rules: IdentityRules | None = None,
        connection_count_max: int = 4,
    ) -> None:
        """Point at a database; nothing is opened yet.

        Args:
            url: Such as `postgresql://user@host/database`.
            rules: By which profiles are made; None for those that the database has.
            connection_count_max: Upper bound of connections of this process.
        """
        self._url = url
        # Passwords stay out of errors and logs.
        parts = urlsplit(url)
        self.name = f"postgresql://{parts.hostname or ''}{parts.path}"
        self._lock = threading.Lock()
        self._keys: Keys | None = None
        self._down = False
        self._try_at = 0.0
        self._wanted_rules = rules
        self._rules = IdentityRules()
        self._pool: psycopg_pool.ConnectionPool[Connection] = psycopg_pool.ConnectionPool(
            url,
            min_size=1,
            max_size=connection_count_max,
            timeout=_WAIT_SECONDS,
            reconnect_timeout=_CONNECT_SECONDS,
            open=False,
            configure=_prepare,
            kwargs={
                "connect_timeout": _CONNECT_SECONDS,
                # An acknowledgement is a promise, whatever the server's default.
                "options": "-c synchronous_commit=on",
            },
        )

    def run(self, work: Callable[[Connection, Keys], ResultT]) -> ResultT:
        """Let somebody read or write in one transaction, which must bear being done twice.

        Raises:
            StorageUnavailable: The database does not answer or refuses. While it does not
                answer, one call in half a second tries, and all others fail at once.
        """
        if self._down and not self._is_ones_turn():
            raise StorageUnavailable(storage=self.name, problem="it did not answer a moment ago")
        try:
            keys = self._keys or self._open()
            try:
                found = self._attempt(work, keys)
            except (psycopg.errors.DeadlockDetected, psycopg.errors.UniqueViolation):
                # Somebody else was faster. What he wrote is there now.
                found = self._attempt(work, keys)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if not _is_nobody_there(error):
                    raise
                # The server may have been started again behind our back.
                self._pool.check()
                found = self._attempt(work, keys)
        except (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
            if _is_nobody_there(error):
                with self._lock:
                    self._down, self._try_at = True, time.monotonic() + _DOWN_SECONDS
            raise StorageUnavailable(storage=self.name, problem=_problem(error)) from error
        self._down = False
        return found

    @contextlib.contextmanager
    def held(self) -> Iterator[tuple[Connection, Keys]]:
        """Hold one transaction for as long as the block lasts.

        Raises:
            StorageUnavailable: As `run`; also while it is held.
        """
        # Whatever is wrong with the server or the pool shows here.
        keys = self.run(lambda _, keys: keys)
        try:
            with self._pool.connection() as connection:
                yield connection, keys
        except (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed) as error:
            raise StorageUnavailable(storage=self.name, problem=_problem(error)) from error

    def _is_ones_turn(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._try_at:
                return False
            self._try_at = now + _DOWN_SECONDS
            return True

    @property
    def rules(self) -> IdentityRules:
        """The rules of the database, during a transaction."""
        return self._rules

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _attempt(self, work: Callable[[Connection, Keys], ResultT], keys: Keys) -> ResultT:
        with self._pool.connection() as connection:
            return work(connection, keys)

    def _open(self) -> Keys:
        with self._lock:
            if self._keys is None:
                migrate(self._url)
                self._pool.open()
                with self._pool.connection() as connection:
                    keys = Keys(_fact(connection, SALT_FACT))
                    self._rules = _made_by(connection, keys, self._wanted_rules)
                self._keys = keys
            return self._keys


def _prepare(connection: Connection) -> None:
    connection.execute(_MAKE_ARRIVING)
    connection.commit()


def _is_nobody_there(error: Exception) -> bool:
    """Whether the server does not answer, rather than refuse, as with a full disk."""
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return not error.sqlstate or error.sqlstate.startswith(_GONE)


def _problem(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _made_by(connection: Connection, keys: Keys, wanted: IdentityRules | None) -> IdentityRules:
    """See to it that profiles are made by the rules that are wanted, and return the rules."""
    stored = _fact(connection, RULES_FACT)
    if wanted is None:
        return msgspec.json.decode(stored, type=IdentityRules)
    if stored != rules_text(wanted):
        lock_links(connection)
        if _fact(connection, RULES_FACT) != rules_text(wanted):
            rebuild(connection, keys, wanted)
            connection.execute(_SET_FACT, (rules_text(wanted), RULES_FACT))
    return wanted


def _fact(connection: Connection, name: str) -> str:
    found = connection.execute(_FACT, (name,)).fetchone()
    assert found is not None  # Migrations have written it.
    return str(found[0])
