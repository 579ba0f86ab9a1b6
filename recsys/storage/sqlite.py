"""Histories and items from an SQLite file that an import has written."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from recsys.catalog import ItemSummary
from recsys.domain import Identifier, ItemId
from recsys.events import EMPTY_HISTORY, History
from recsys.storage.sqlite_connection import ReadConnections, Row

_ITEMS_PER_QUERY: Final = 500

# The primary keys of links and history are the order in which they lie on disk,
# so each query walks one contiguous stretch and sorts nothing.
_HISTORY_OF_ONE: Final = """
SELECT h.item_id, h.type_code, h.channel_code, h.event_time
FROM links AS l JOIN history AS h ON h.profile_key = l.profile_key
WHERE l.namespace = ? AND l.value = ?
ORDER BY h.event_time DESC, h.line DESC LIMIT ?
"""
_PROFILE: Final = "SELECT profile_key FROM links WHERE namespace = ? AND value = ?"
_HISTORY_OF_PROFILE: Final = """
SELECT item_id, type_code, channel_code, event_time FROM history
WHERE profile_key = ? ORDER BY event_time DESC, line DESC LIMIT ?
"""
_ITEMS: Final = """
SELECT item_id, title, category, brand, price, currency FROM items WHERE item_id IN ({marks})
"""


class SqliteHistory:
    """Reads histories; implements `recsys.events.HistoryReader`. Safe to share by threads."""

    def __init__(self, path: Path) -> None:
        """Point at a file. It is opened by the first call, so it may come later."""
        self._connections = ReadConnections(path)

    def history(self, identifiers: Sequence[Identifier], *, event_count_max: int) -> History:
        """Return the newest events of the person behind these identifiers.

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
        distinct = list(dict.fromkeys(identifiers))
        if len(distinct) == 1:
            one = distinct[0]
            parameters = (one.namespace, one.value, event_count_max)
            return _history(self._connections.rows(_HISTORY_OF_ONE, parameters))
        profiles = {
            key
            for one in distinct
            for (key,) in self._connections.rows(_PROFILE, (one.namespace, one.value))
        }
        rows = [
            row
            for key in sorted(profiles)
            for row in self._connections.rows(_HISTORY_OF_PROFILE, (key, event_count_max))
        ]
        if len(profiles) > 1:
            rows.sort(key=lambda row: row[3], reverse=True)
        return _history(rows[:event_count_max])

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


def _history(rows: list[Row]) -> History:
    if not rows:
        return EMPTY_HISTORY
    item_ids, type_codes, channel_codes, event_times = zip(*rows, strict=True)
    return History(
        item_ids=item_ids,
        type_codes=np.array(type_codes, dtype=np.uint8),
        channel_codes=np.array(channel_codes, dtype=np.uint8),
        event_times=np.array(event_times, dtype=np.float64),
    )


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
