"""Histories and items from an SQLite file that an import has written."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from recsys.catalog import ItemSummary
from recsys.domain import Identifier, ItemId
from recsys.errors import StorageUnavailable
from recsys.events import EMPTY_HISTORY, History
from recsys.storage.packed import unpack_lines
from recsys.storage.sqlite_connection import ReadConnections, Row

_ITEMS_PER_QUERY: Final = 500

# Two walks down a tree and one row, whatever the length of the history.
_HISTORY_OF_ONE: Final = """
SELECT h.item_ids, h.codes, h.event_times
FROM links AS l JOIN history AS h ON h.profile_key = l.profile_key
WHERE l.namespace = ? AND l.value = ?
"""
_PROFILE: Final = "SELECT profile_key FROM links WHERE namespace = ? AND value = ?"
_HISTORY_OF_PROFILE: Final = """
SELECT item_ids, codes, event_times FROM history WHERE profile_key = ?
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
        if len(identifiers) == 1:
            one = identifiers[0]
            packed = self._connections.rows(_HISTORY_OF_ONE, (one.namespace, one.value))
            return self._unpacked(packed, event_count_max)
        profiles = {
            key
            for one in dict.fromkeys(identifiers)
            for (key,) in self._connections.rows(_PROFILE, (one.namespace, one.value))
        }
        joined = EMPTY_HISTORY
        for key in sorted(profiles):
            packed = self._connections.rows(_HISTORY_OF_PROFILE, (key,))
            joined = joined.joined(self._unpacked(packed, event_count_max))
        if len(profiles) > 1:
            newest_first = np.argsort(-joined.event_times, kind="stable")
            joined = joined.taken(newest_first[:event_count_max])
        return joined

    def _unpacked(self, rows: list[Row], event_count_max: int) -> History:
        if not rows:
            return EMPTY_HISTORY
        try:
            return unpack_lines(rows[0], line_count_max=event_count_max)
        except (ValueError, TypeError, AttributeError) as error:
            # A damaged page can hold anything in place of a column.
            raise StorageUnavailable(storage=self._connections.name, problem=str(error)) from error

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
