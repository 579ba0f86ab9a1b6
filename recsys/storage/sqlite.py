"""Histories and items from an SQLite store."""

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from recsys import limits
from recsys.catalog import ItemSummary
from recsys.consent import ALWAYS, Permission
from recsys.domain import Identifier, ItemId
from recsys.events import EMPTY_HISTORY, History
from recsys.storage.packed import logged_lines, newest, unpack_lines
from recsys.storage.sqlite_connection import Handle, ReadConnections, Row

_ITEMS_PER_QUERY: Final = 500

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
_OF_PROFILE: Final = """
SELECT identifier_key, consent_bits FROM identifiers WHERE profile_key = ?
"""
_PACKED_OF_KEY: Final = """
SELECT item_ids, codes, event_times, packed_seq FROM history WHERE identifier_key = ?
"""
_NOTHING_PACKED: Final = (None, None, None, None)
_SINCE: Final = """
SELECT event_time, event_type, channel, item_ids FROM events
WHERE identifier_key = ? AND seq > ? AND item_ids <> '' ORDER BY seq DESC LIMIT ?
"""
_ITEMS: Final = """
SELECT item_id, title, category, brand, price, currency FROM items WHERE item_id IN ({marks})
"""


class SqliteHistory:
    """Reads histories; implements `recsys.events.HistoryReader`. Safe to share by threads."""

    def __init__(self, path: Path, *, on_unpacked: Callable[[int], None] | None = None) -> None:
        """Point at a file. It is opened by the first call, so it may come later.

        Args:
            path: The file.
            on_unpacked: Told the key of an identifier that waits to be packed.
        """
        self._connections = ReadConnections(path)
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
                profiles, the answer joins these.
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
        bits_of = _bits_of_profile(handle, identifiers)
        if not permission.given_by(functools.reduce(operator.or_, bits_of.values(), 0)):
            return None
        joined = EMPTY_HISTORY
        for key in sorted(bits_of):
            row = handle.connection.execute(_PACKED_OF_KEY, (key,)).fetchone() or _NOTHING_PACKED
            joined = joined.joined(self._lines(handle, key, row, event_count_max))
        return newest(joined, line_count_max=event_count_max) if len(joined) else joined

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


class SqliteItems:
    """Reads items; implements `recsys.catalog.ItemReader`. Safe to share by threads."""

    def __init__(self, path: Path) -> None:
        """Point at a file. It is opened by the first call, so it may come later."""
        self._connections = ReadConnections(path)

    def items(self, item_ids: Iterable[ItemId]) -> Mapping[ItemId, ItemSummary]:
        """Return the known items among these.

        Raises:
            StorageUnavailable: The file is missing, locked, damaged or of another
                version; the next call tries anew.
        """
        wanted = list(dict.fromkeys(item_ids))
        found: dict[ItemId, ItemSummary] = {}
        for first in range(0, len(wanted), _ITEMS_PER_QUERY):
            some = wanted[first : first + _ITEMS_PER_QUERY]
            query = _ITEMS.format(marks=",".join("?" * len(some)))
            for row in self._connections.rows(query, tuple(some)):
                item = _item(row)
                found[item.item_id] = item
        return found

    def close(self) -> None:
        """Close the calling thread's connection."""
        self._connections.close()


def _bits_of_profile(handle: Handle, identifiers: Sequence[Identifier]) -> dict[int, int]:
    """Return the keys of a person's identifiers with what each of them allows."""
    bits_of: dict[int, int] = {}
    for one in identifiers:
        key = handle.keys.identifier(one)
        row = handle.connection.execute(_IDENTIFIER, (key, *_columns(one))).fetchone()
        if row is None or key in bits_of:
            continue
        bits_of[key] = row[1]
        if row[0] is not None:
            bits_of.update(handle.connection.execute(_OF_PROFILE, row[:1]))
    return bits_of


def _columns(identifier: Identifier) -> tuple[str, str]:
    return identifier.namespace, identifier.value


def _item(row: Row) -> ItemSummary:
    item_id, title, category, brand, price, currency = row
    return ItemSummary(
        item_id=ItemId(item_id),
        title=title or "",
        category=category or "",
        brand=brand or "",
        price=price,
        currency=currency or "",
    )
