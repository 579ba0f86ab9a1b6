"""The event log in an SQLite store."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from recsys import limits
from recsys.domain import CHANNEL_UNKNOWN_CODE
from recsys.events import EMPTY_HISTORY, Event, EventFilter, Outcome
from recsys.profiles import IdentityRules, LinkOutcomes, links_of_events, outcomes_of, update
from recsys.storage.event_rows import EVENT_COLUMNS, EventRow, Keys
from recsys.storage.packed import LINE_COUNT_MAX, logged_lines, pack_lines, unpack_lines
from recsys.storage.sessions import SqliteSession
from recsys.storage.sqlite_insert import insert
from recsys.storage.sqlite_links import SqliteGraph, keep_links
from recsys.storage.sqlite_live import LiveConnection
from recsys.storage.sqlite_schema import ADD_IDENTIFIER
from recsys.storage.tombstones import append_living

_ADD_EVENT: Final = f"INSERT OR IGNORE INTO events (seq, {EVENT_COLUMNS}) VALUES {{rows}}"  # noqa: S608 - our own names
_LAST_SEQ: Final = "SELECT seq FROM sqlite_sequence WHERE name = 'events'"
_ADDED: Final = "SELECT json_group_array(seq) FROM events WHERE seq > ?"
_FIRST: Final = "SELECT digest FROM events WHERE id_high = ? AND id_low = ?"
_PURGED_AT_ONCE: Final = 5_000

_PACKED: Final = """
SELECT item_ids, codes, event_times, packed_seq FROM history WHERE identifier_key = ?
"""
_SINCE: Final = """
SELECT event_time, event_type, channel, item_ids, seq FROM events
WHERE identifier_key = ? AND seq > ? ORDER BY seq DESC
"""
_PACK: Final = "INSERT OR REPLACE INTO history VALUES (?, ?, ?, ?, ?)"


class SqliteEventLog:
    """Appends to the log of an SQLite store; implements `recsys.events.EventLog`.

    One instance writes from one thread at a time; several, in any number of threads and
    processes, take turns.
    """

    def __init__(
        self,
        path: Path,
        rules: IdentityRules | None = None,
        *,
        on_links: Callable[[LinkOutcomes], None] = lambda _: None,
    ) -> None:
        """Point at a file, which the first append makes if it is not there.

        Args:
            path: The file.
            rules: By which profiles are made; None for those that the store has.
            on_links: Told what became of the links that appended events have brought.
        """
        self._live = LiveConnection(path, rules)
        self._on_links = on_links

    def append(self, events: Sequence[Event]) -> list[Outcome]:
        """Keep events in one transaction; as `EventLog.append`."""
        link_outcomes: LinkOutcomes = ()
        with self._live.turn() as (connection, keys):

            def append(living: Sequence[Event]) -> list[Outcome]:
                identifiers, rows = keys.rows(living)
                insert(connection, ADD_IDENTIFIER, list(identifiers.values()))
                outcomes = _append(connection, rows)
                written = (
                    event
                    for event, outcome in zip(living, outcomes, strict=True)
                    if outcome is Outcome.WRITTEN
                )
                if links := links_of_events(written, self._live.rules):
                    change = keep_links(connection, keys, links, self._live.rules)
                    refusals = update(SqliteGraph(connection, keys), change, self._live.rules)
                    nonlocal link_outcomes
                    link_outcomes = outcomes_of(change, refusals)
                return outcomes

            found = append_living(SqliteSession(connection, keys), events, append)
        self._on_links(link_outcomes)
        return found

    def pack(self, identifier_keys: Iterable[int]) -> None:
        """Pack what has come since the last time, for the readers' sake.

        Raises:
            StorageUnavailable: Nothing was packed, and no harm done.
        """
        with self._live.turn(makes_store=False) as (connection, _):
            for key in identifier_keys:
                _pack(connection, key)

    def purge(self, which: EventFilter, *, validate_only: bool) -> int:
        """Forget events; as `EventLog.purge`. Others may write in between."""
        if which.is_empty:
            raise ValueError("purging needs a filter")
        purged_count = 0
        after = 0
        while True:
            with self._live.turn() as (connection, keys):
                condition, values = _condition(which, keys)
                found = connection.execute(
                    f"SELECT seq, identifier_key FROM events WHERE seq > ? AND {condition}"  # noqa: S608 - our own words
                    f" ORDER BY seq LIMIT {_PURGED_AT_ONCE}",
                    (after, *values),
                ).fetchall()
                if not found:
                    return purged_count
                if not validate_only:
                    _delete(connection, found)
                purged_count += len(found)
                after = found[-1][0]

    def close(self) -> None:
        """Close the connection; the next append opens another."""
        self._live.close()


def _append(connection: sqlite3.Connection, rows: Sequence[EventRow]) -> list[Outcome]:
    found = connection.execute(_LAST_SEQ).fetchone()
    last = found[0] if found else 0
    before = connection.total_changes
    insert(connection, _ADD_EVENT, [(seq, *row) for seq, row in enumerate(rows, start=last + 1)])
    if connection.total_changes - before == len(rows):
        return [Outcome.WRITTEN] * len(rows)
    added = set(json.loads(connection.execute(_ADDED, (last,)).fetchone()[0]))
    return [
        Outcome.WRITTEN if seq in added else _outcome_of_second(connection, row)
        for seq, row in enumerate(rows, start=last + 1)
    ]


def _outcome_of_second(connection: sqlite3.Connection, row: EventRow) -> Outcome:
    (digest,) = connection.execute(_FIRST, (row.id_high, row.id_low)).fetchone()
    return Outcome.DUPLICATE if digest == row.digest else Outcome.CONFLICT


def _pack(connection: sqlite3.Connection, key: int) -> None:
    row = connection.execute(_PACKED, (key,)).fetchone()
    packed, packed_seq = EMPTY_HISTORY, 0
    if row is not None:
        packed = unpack_lines(row[:3], line_count_max=LINE_COUNT_MAX)
        packed_seq = row[3]
    since = connection.execute(_SINCE, (key, packed_seq)).fetchall()
    lines = logged_lines(event[:4] for event in since if event[3]).joined(packed)
    if since and len(lines):
        connection.execute(_PACK, (key, since[0][4], *pack_lines(lines)))


def _delete(connection: sqlite3.Connection, found: Sequence[tuple[int, int | None]]) -> None:
    seqs = json.dumps([seq for seq, _ in found])
    connection.execute("DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?))", (seqs,))
    # What was packed with them is packed anew when somebody asks for it.
    owners = json.dumps(sorted({owner for _, owner in found if owner is not None}))
    connection.execute(
        "DELETE FROM history WHERE identifier_key IN (SELECT value FROM json_each(?))", (owners,)
    )


def _condition(which: EventFilter, keys: Keys) -> tuple[str, list[object]]:
    parts: list[str] = []
    values: list[object] = []

    def want(part: str, *wanted: object) -> None:
        parts.append(part)
        values.extend(wanted)

    if which.identifier is not None:
        want("identifier_key = ?", keys.identifier(which.identifier))
    for column, codes in (
        ("event_type", [kind.code for kind in which.event_types]),
        ("channel", [place.code for place in which.channels]),
        ("store_id", list(which.store_ids)),
    ):
        if codes:
            want(f"{column} IN (SELECT value FROM json_each(?))", json.dumps(codes))  # noqa: S608 - as above
    if which.start_time is not None:
        want("event_time >= ?", which.start_time)
    if which.end_time is not None:
        want("event_time < ?", which.end_time)
    return " AND ".join(parts), values


assert CHANNEL_UNKNOWN_CODE == 0  # Of no channel, so no filter means it.
assert _PURGED_AT_ONCE <= limits.COMMIT_EVENT_COUNT_MAX
