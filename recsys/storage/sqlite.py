"""Histories and items from an SQLite store."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Final

from recsys import limits
from recsys.catalog import ItemSummary
from recsys.domain import Identifier, ItemId
from recsys.events import EMPTY_HISTORY, History
from recsys.storage.packed import logged_lines, newest, unpack_lines
from recsys.storage.sqlite_connection import Handle, ReadConnections, Row

_ITEMS_PER_QUERY: Final = 500

# Two walks down a tree, whatever the length of the history: what is packed, and the
# events that have come since.
_PACKED: Final = """
SELECT i.profile_key, h.item_ids, h.codes, h.event_times, h.packed_seq
FROM identifiers AS i LEFT JOIN history AS h ON h.identifier_key = i.identifier_key
WHERE i.identifier_key = ? AND i.namespace = ? AND i.value = ?
"""
_PACKED_OF_PROFILE: Final = """
SELECT i.identifier_key, h.item_ids, h.codes, h.event_times, h.packed_seq
FROM identifiers AS i LEFT JOIN history AS h ON h.identifier_key = i.identifier_key
WHERE i.profile_key = ?
"""
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

    def history(self, identifiers: Sequence[Identifier], *, event_count_max: int) -> History:
        """Return the newest events of the person behind these identifiers.

        What was committed before the call, by any process, is in it.

        Args:
            identifiers: Any identifiers, known or not. If they lead to several
                profiles, the answer joins these.
            event_count_max: Upper bound of lines returned, newest kept, positive.

        Returns:
            The history, newest first; empty if no identifier is known.

        Raises:
            StorageUnavailable: The file is missing, locked, damaged or of another
                version; the next call tries anew.
        """
        return self._connections.read(
            lambda handle: self._history(handle, identifiers, event_count_max)
        )

    def _history(
        self, handle: Handle, identifiers: Sequence[Identifier], event_count_max: int
    ) -> History:
        found: dict[int, Row] = {}
        for one in identifiers:
            key = handle.keys.identifier(one)
            row = handle.connection.execute(_PACKED, (key, *_columns(one))).fetchone()
            if row is None or key in found:
                continue
            found[key] = row
            if row[0] is not None:
                profile = handle.connection.execute(_PACKED_OF_PROFILE, row[:1])
                found.update((other[0], other) for other in profile)
        if len(found) == 1:
            ((key, row),) = found.items()
            return self._lines(handle, key, row, event_count_max)
        joined = EMPTY_HISTORY
        for key, row in sorted(found.items(), key=itemgetter(0)):
            joined = joined.joined(self._lines(handle, key, row, event_count_max))
        return newest(joined, line_count_max=event_count_max) if len(joined) else joined

    def _lines(self, handle: Handle, key: int, row: Row, event_count_max: int) -> History:
        _, item_ids, codes, event_times, packed_seq = row
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
