"""The event log in a PostgreSQL database."""

from collections.abc import Callable, Sequence
from typing import Final

from recsys.events import Event, EventFilter, Outcome
from recsys.profiles import LinkOutcomes, Refusal, links_of_events, outcomes_of, update
from recsys.storage.event_rows import EVENT_COLUMNS, EventRow, Keys
from recsys.storage.link_rows import identifier_rows
from recsys.storage.postgres_identifiers import add_identifiers
from recsys.storage.postgres_links import PostgresGraph, columns_of, keep_links, lock_links
from recsys.storage.postgres_pool import ARRIVING, Connection, PostgresPool
from recsys.storage.postgres_sessions import writing
from recsys.storage.tombstones import append_living

# Copying is by far the quickest way in, but knows nothing of rows that are there already.
_COPY: Final = f"COPY {ARRIVING} ({EVENT_COLUMNS}) FROM STDIN"
_ADD: Final = f"""
INSERT INTO events ({EVENT_COLUMNS}) SELECT {EVENT_COLUMNS} FROM {ARRIVING}
ON CONFLICT (id_high, id_low) DO NOTHING RETURNING id_high, id_low
"""  # noqa: S608 - our own names
_FIRST: Final = """
SELECT id_high, id_low, digest FROM events
JOIN unnest(%s::bigint[], %s::bigint[]) AS asked (id_high, id_low) USING (id_high, id_low)
"""
_PURGED_AT_ONCE: Final = 5_000


class PostgresEventLog:
    """Appends to the log of a database; implements `recsys.events.EventLog`."""

    def __init__(
        self, pool: PostgresPool, *, on_links: Callable[[LinkOutcomes], None] = lambda _: None
    ) -> None:
        """Share a pool, which whoever made it closes.

        Args:
            pool: Of the database.
            on_links: Told what became of the links that appended events have brought.
        """
        self._pool = pool
        self._on_links = on_links

    def append(self, events: Sequence[Event]) -> list[Outcome]:
        """Keep events in one transaction; as `EventLog.append`."""

        def write(connection: Connection, keys: Keys) -> tuple[list[Outcome], LinkOutcomes]:
            link_outcomes: list[Refusal | None] = []

            def append(living: Sequence[Event]) -> list[Outcome]:
                return self._append(connection, keys, living, link_outcomes)

            session = writing(connection, keys)
            if any(len(event.content.identifiers) > 1 for event in events):
                lock_links(connection)
            return append_living(session, events, append), link_outcomes

        outcomes, link_outcomes = self._pool.run(write)
        self._on_links(link_outcomes)
        return outcomes

    def purge(self, which: EventFilter, *, validate_only: bool) -> int:
        """Forget events; as `EventLog.purge`. Others may write in between."""
        if which.is_empty:
            raise ValueError("purging needs a filter")
        if validate_only:
            return self._pool.run(lambda connection, keys: _count(connection, keys, which))
        purged_count = 0
        while count := self._pool.run(lambda connection, keys: _purge(connection, keys, which)):
            purged_count += count
        return purged_count

    def close(self) -> None:
        """Let go; the pool stays open."""

    def _append(
        self,
        connection: Connection,
        keys: Keys,
        events: Sequence[Event],
        link_outcomes: list[Refusal | None],
    ) -> list[Outcome]:
        rules = self._pool.rules
        # Of those that turn out to be there already, too: identifiers do no harm.
        links = links_of_events(events, rules)
        identifiers, rows = keys.rows(events)
        add_identifiers(connection, identifiers | identifier_rows(links, keys))
        outcomes = _append(connection, rows)
        if links:
            written = (
                event
                for event, outcome in zip(events, outcomes, strict=True)
                if outcome is Outcome.WRITTEN
            )
            change = keep_links(connection, keys, links_of_events(written, rules), rules)
            refusals = update(PostgresGraph(connection, keys), change, rules)
            link_outcomes += outcomes_of(change, refusals)
        return outcomes


def _append(connection: Connection, rows: Sequence[EventRow]) -> list[Outcome]:
    with connection.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            # Always in one order, or two writers could wait for each other.
            for row in sorted(rows, key=_id):
                copy.write_row(row)
        written = set(cursor.execute(_ADD).fetchall())
    if len(written) == len(rows):
        return [Outcome.WRITTEN] * len(rows)
    there = connection.execute(_FIRST, columns_of([_id(row) for row in rows], width=2))
    digests = {(high, low): digest for high, low, digest in there}
    outcomes = []
    for row in rows:
        if _id(row) in written:
            written.remove(_id(row))
            outcomes.append(Outcome.WRITTEN)
        else:
            # One that was purged a moment ago has no digest left: it was there.
            same = digests.get(_id(row), row.digest) == row.digest
            outcomes.append(Outcome.DUPLICATE if same else Outcome.CONFLICT)
    return outcomes


def _id(row: EventRow) -> tuple[int, int]:
    return row.id_high, row.id_low


def _count(connection: Connection, keys: Keys, which: EventFilter) -> int:
    condition, values = _condition(which, keys)
    found = connection.execute(f"SELECT count(*) FROM events WHERE {condition}", values).fetchone()  # noqa: S608 - our own words
    assert found is not None  # A count is one row.
    return int(found[0])


def _purge(connection: Connection, keys: Keys, which: EventFilter) -> int:
    condition, values = _condition(which, keys)
    some = f"SELECT seq FROM events WHERE {condition} ORDER BY seq LIMIT {_PURGED_AT_ONCE}"  # noqa: S608 - our own words
    return connection.execute(f"DELETE FROM events WHERE seq IN ({some})", values).rowcount  # noqa: S608 - our own words


def _condition(which: EventFilter, keys: Keys) -> tuple[str, list[object]]:
    parts: list[str] = []
    values: list[object] = []
    if which.identifier is not None:
        parts.append("identifier_key = %s")
        values.append(keys.identifier(which.identifier))
    for column, codes in (
        ("event_type", [kind.code for kind in which.event_types]),
        ("channel", [place.code for place in which.channels]),
        ("store_id", list(which.store_ids)),
    ):
        if codes:
            parts.append(f"{column} = ANY(%s)")
            values.append(codes)
    for condition, moment in (
        ("event_time >= %s", which.start_time),
        ("event_time < %s", which.end_time),
    ):
        if moment is not None:
            parts.append(condition)
            values.append(moment)
    return " AND ".join(parts), values
