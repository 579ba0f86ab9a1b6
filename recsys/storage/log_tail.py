"""The newest events of a log, and those that come, for people who watch.

Read straight from the storage, so it also works while no server runs.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from recsys.errors import StorageUnavailable
from recsys.events import EventContent, EventFilter
from recsys.storage.log_places import LogPlaces
from recsys.storage.log_snapshot import storage_name
from recsys.storage.open_sessions import POSTGRES_SCHEMES
from recsys.storage.sqlite_connection import ReadConnections

_SCAN_COUNT_MAX: Final = 200_000
_ROWS_AT_ONCE: Final = 1_000

_COLUMNS: Final = "SELECT seq, event_id, event_time, content FROM events"
_NEWEST: Final = f"{_COLUMNS} WHERE seq < ? ORDER BY seq DESC LIMIT {_ROWS_AT_ONCE}"
_SINCE: Final = f"{_COLUMNS} WHERE seq > ? ORDER BY seq LIMIT {_ROWS_AT_ONCE}"
_LATE: Final = f"{_COLUMNS} WHERE seq IN ({{marks}}) ORDER BY seq"
_SEQ_MAX: Final = 2**63 - 1

Query = Callable[[str, tuple[object, ...]], Sequence[tuple[Any, ...]]]


class TailEvent(NamedTuple):
    """An event as it is in the log.

    Attributes:
        seq: Its place.
        event_id: Its name.
        event_time: Seconds since 1970-01-01 UTC.
        content: What was sent.
    """

    seq: int
    event_id: str
    event_time: float
    content: EventContent


_decode: Final = msgspec.json.Decoder(EventContent).decode


class LogTail:
    """The end of one log. What two looks return never overlaps."""

    def __init__(self, query: Query, which: EventFilter) -> None:
        """Look by `query`; see `open_tail`."""
        self._query = query
        self._which = which
        self._places = LogPlaces()

    def newest(self, count: int) -> list[TailEvent]:
        """Return the last events that are meant, oldest first; the log's end is where it begins.

        It looks at the last 200,000 events at most.
        """
        found: list[TailEvent] = []
        before, scanned = _SEQ_MAX, 0
        while scanned < _SCAN_COUNT_MAX:
            rows = self._query(_NEWEST, (before,))
            if rows:
                self._places.last = max(self._places.last, rows[0][0])
                before = rows[-1][0]
            scanned += len(rows)
            found += self._meant(rows)
            if len(rows) < _ROWS_AT_ONCE or len(found) >= count:
                break
        return found[:count][::-1]

    def since(self, *, now: float) -> list[TailEvent]:
        """Return what has come since the last look.

        Several writers' places can become visible in another order than they are numbered,
        so a place that is missing is looked for again for ten seconds.

        Args:
            now: Seconds on any clock that goes forward.
        """
        rows = list(self._late(now))
        while more := self._query(_SINCE, (self._places.last,)):
            self._places.read((seq for seq, *_ in more), now=now)
            rows += more
            if len(more) < _ROWS_AT_ONCE:
                break
        return self._meant(rows)

    def _late(self, now: float) -> Sequence[tuple[Any, ...]]:
        some = self._places.missing(now=now)
        if not some:
            return ()
        rows = self._query(_LATE.format(marks=",".join("?" * len(some))), some)
        self._places.found(seq for seq, *_ in rows)
        return rows

    def _meant(self, rows: Sequence[tuple[Any, ...]]) -> list[TailEvent]:
        events = (TailEvent._make((*row[:3], _decode(row[3]))) for row in rows)
        return [one for one in events if self._which.matches(one.event_time, one.content)]


@contextlib.contextmanager
def open_tail(place: str, which: EventFilter) -> Iterator[LogTail]:
    """Watch a log.

    Args:
        place: `postgresql://user@host/database`, an SQLite file, or `sqlite:///file`.
        which: The events that are meant; an empty filter means all.

    Raises:
        StorageUnavailable: It does not answer; also while watching, and the next look may
            find it again.
    """
    if place.startswith(POSTGRES_SCHEMES):
        with _postgres_query(place) as query:
            yield LogTail(query, which)
        return
    connections = ReadConnections(Path(storage_name(place)))
    try:
        yield LogTail(connections.rows, which)
    finally:
        connections.close()


@contextlib.contextmanager
def _postgres_query(url: str) -> Iterator[Query]:
    from recsys.storage.postgres_pool import PostgresPool  # noqa: PLC0415 - only where it is used

    pool = PostgresPool(url, connection_count_max=1)

    def query(statement: str, values: tuple[object, ...]) -> Sequence[tuple[Any, ...]]:
        wanted = statement.replace("?", "%s")
        return pool.run(lambda connection, _: connection.execute(wanted, values).fetchall())

    try:
        yield query
    finally:
        pool.close()


def follow(tail: LogTail, *, seconds: float = 0.25) -> Iterator[list[TailEvent]]:
    """Return what comes, for ever; a storage that is away is waited for."""
    while True:
        with contextlib.suppress(StorageUnavailable, sqlite3.Error):
            if found := tail.since(now=time.monotonic()):
                yield found
        time.sleep(seconds)
