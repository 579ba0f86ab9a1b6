"""Histories from an SQLite store."""

import functools
import math
import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from recsys import limits
from recsys.consent import ALWAYS, Permission
from recsys.domain import Identifier
from recsys.events import EMPTY_HISTORY, History, OneByOne
from recsys.profiles import IdentityRules
from recsys.storage.packed import logged_lines, newest, unpack_lines
from recsys.storage.sqlite_connection import Handle, ReadConnections, Row

# Two walks down a tree, whatever the length of the history: what is packed, and the
# events that have come since. Nothing packed is read of somebody who does not permit
# it, nor of a profile, before all that its identifiers say is known.
_PACKED: Final = """
SELECT i.profile_key, i.consent_bits, h.item_ids, h.codes, h.event_times, h.packed_seq
FROM identifiers AS i LEFT JOIN history AS h ON h.identifier_key = i.identifier_key
AND i.profile_key IS NULL AND (i.consent_bits & ?) = ?
WHERE i.identifier_key = ? AND i.namespace = ? AND i.value = ?
"""
_IDENTIFIER: Final = """
SELECT profile_key, consent_bits FROM identifiers
WHERE identifier_key = ? AND namespace = ? AND value = ?
"""
# From who has an identifier at last to all that are one with that, and to what counts for
# them.
_WITH_PARTS: Final = """
FROM segments AS t
JOIN identifiers AS o ON o.identifier_key = t.owner_key
JOIN identifiers AS m ON m.profile_key = o.profile_key
JOIN segments AS s ON s.owner_key = m.identifier_key
JOIN identifiers AS i ON i.identifier_key = s.identifier_key
WHERE t.identifier_key = ? AND t.until_time = 9e999
"""
_OF_PROFILE: Final = f"""
SELECT o.namespace, i.consent_bits, s.identifier_key, s.from_time, s.until_time {_WITH_PARTS}
ORDER BY s.login_day DESC, s.identifier_key, s.from_time LIMIT ?
"""
_SAID_IN_PROFILE: Final = f"SELECT DISTINCT i.consent_bits {_WITH_PARTS}"
_PACKED_OF_KEY: Final = """
SELECT item_ids, codes, event_times, packed_seq FROM history WHERE identifier_key = ?
"""
_NOTHING_PACKED: Final = (None, None, None, None)
_SINCE: Final = """
SELECT event_time, event_type, channel, item_ids FROM events
WHERE identifier_key = ? AND seq > ? AND item_ids <> '' ORDER BY seq DESC LIMIT ?
"""
_WITHIN: Final = """
SELECT event_time, event_type, channel, item_ids FROM events
WHERE identifier_key = ? AND event_time > ? AND event_time <= ? AND item_ids <> ''
ORDER BY event_time DESC, seq DESC LIMIT ?
"""
_ALWAYS: Final = (-math.inf, math.inf)

_Part = tuple[int, float, float]
"""Key of an identifier, and the moments after and until which it counts."""


class SqliteHistory(OneByOne):
    """Reads histories; implements `recsys.events.HistoryReader`. Safe to share by threads."""

    def __init__(
        self,
        path: Path,
        rules: IdentityRules | None = None,
        *,
        on_unpacked: Callable[[int], None] | None = None,
    ) -> None:
        """Point at a file. It is opened by the first call, so it may come later.

        Args:
            path: The file.
            rules: By which profiles are made; None for those that the store has.
            on_unpacked: Told the key of an identifier that waits to be packed.
        """
        self._connections = ReadConnections(path, rules)
        self._on_unpacked = on_unpacked or (lambda _: None)

    def history(
        self,
        identifiers: Sequence[Identifier],
        *,
        event_count_max: int,
        permission: Permission = ALWAYS,
    ) -> History | None:
        """Return the newest events of the person behind these identifiers.

        What was committed before the call, by any process, is in it.

        Args:
            identifiers: Any identifiers, known or not. If they lead to several
                profiles, the answer joins these; but a device that is named beside a
                person adds nothing of another person.
            event_count_max: Upper bound of lines returned, newest kept, positive.
            permission: What she must allow, before anything else of her is read.

        Returns:
            The history, newest first, empty if no identifier is known; None without
            permission.

        Raises:
            StorageUnavailable: The file is missing, locked, damaged or of another
                version; the next call tries anew.
        """
        return self._connections.read(
            lambda handle: self._history(handle, identifiers, event_count_max, permission)
        )

    def _history(
        self,
        handle: Handle,
        identifiers: Sequence[Identifier],
        event_count_max: int,
        permission: Permission,
    ) -> History | None:
        if len(identifiers) == 1:
            (one,) = identifiers
            key = handle.keys.identifier(one)
            row = handle.connection.execute(_PACKED, (*permission, key, *_columns(one))).fetchone()
            if row is None:
                return EMPTY_HISTORY if permission.given_by(0) else None
            if row[0] is None:
                if not permission.given_by(row[1]):
                    return None
                return self._lines(handle, key, row[2:], event_count_max)
        parts, bits = _parts_of(handle, identifiers)
        if not permission.given_by(bits):
            return None
        joined = EMPTY_HISTORY
        for part in sorted(parts):
            joined = joined.joined(self._part(handle, part, event_count_max))
        return newest(joined, line_count_max=event_count_max) if len(joined) else joined

    def _part(self, handle: Handle, part: _Part, event_count_max: int) -> History:
        key, from_time, until_time = part
        row = handle.connection.execute(_PACKED_OF_KEY, (key,)).fetchone() or _NOTHING_PACKED
        lines = self._lines(handle, key, row, limits.HISTORY_EVENT_COUNT_MAX)
        if (from_time, until_time) == _ALWAYS:
            return lines
        if until_time < math.inf and len(lines) == limits.HISTORY_EVENT_COUNT_MAX:
            # Of what was done that long ago, some may not be packed any more.
            within = (key, from_time, until_time, event_count_max)
            return logged_lines(handle.connection.execute(_WITHIN, within))
        times = lines.event_times
        return lines.taken(np.flatnonzero((times > from_time) & (times <= until_time)))

    def _lines(self, handle: Handle, key: int, row: Row, event_count_max: int) -> History:
        item_ids, codes, event_times, packed_seq = row
        packed = EMPTY_HISTORY
        if packed_seq is not None:
            packed = unpack_lines((item_ids, codes, event_times), line_count_max=event_count_max)
        since = handle.connection.execute(
            _SINCE, (key, packed_seq or 0, limits.UNPACKED_EVENT_COUNT_MAX)
        ).fetchall()
        if not since:
            return packed
        if len(since) > limits.UNPACKED_EVENT_COUNT:
            self._on_unpacked(key)
        joined = logged_lines(since).joined(packed)
        return newest(joined, line_count_max=event_count_max)

    def close(self) -> None:
        """Close the calling thread's connection."""
        self._connections.close()


def _parts_of(handle: Handle, identifiers: Sequence[Identifier]) -> tuple[set[_Part], int]:
    """Return what counts for the person behind identifiers, and what all of it allows."""
    devices = handle.rules.devices
    names_person = any(one.namespace not in devices for one in identifiers)
    parts: set[_Part] = set()
    bits = 0
    for one in identifiers:
        key = handle.keys.identifier(one)
        row = handle.connection.execute(_IDENTIFIER, (key, *_columns(one))).fetchone()
        if row is None:
            continue
        bits |= row[1]
        is_beside_person = names_person and one.namespace in devices
        if row[0] is None:
            parts.add((key, *_ALWAYS))
            continue
        found = handle.connection.execute(
            _OF_PROFILE, (key, limits.HISTORY_PART_COUNT_MAX)
        ).fetchall()
        if not found:
            # A public device: its own for those who have nothing but it.
            if not is_beside_person:
                parts.add((key, *_ALWAYS))
        elif not is_beside_person or found[0][0] in devices:
            parts.update((part, start, until) for _, _, part, start, until in found)
            said = {consent_bits for _, consent_bits, *_ in found}
            if len(found) == limits.HISTORY_PART_COUNT_MAX:
                # What she said long ago on a device counts, though its history does not.
                said.update(*handle.connection.execute(_SAID_IN_PROFILE, (key,)))
            bits = functools.reduce(operator.or_, said, bits)
    return parts, bits


def _columns(identifier: Identifier) -> tuple[str, str]:
    return identifier.namespace, identifier.value
