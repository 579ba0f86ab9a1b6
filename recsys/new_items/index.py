"""The items of a model, and behind them those that the catalogue has got since.

Rows of new items begin at the first multiple of 8 that is no row of the model, so that the
bytes of a bitmap belong to one or the other. A new item keeps its row as long as the model
is in service. Each worker gives rows in the order in which it learns of items; what leaves a
worker, such as a page token, has the keys that the catalogue gave them.
"""

import threading
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bundle import ItemIndex, NewItemMap
from recsys.catalog import KeyedItem, feature_rows
from recsys.domain import ItemId
from recsys.new_items.table import Found, NewItemTable

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]

_UNKNOWN: Final = -1


class LiveItems(ItemIndex):
    """Ids and rows of known and new items. Safe between threads."""

    def __init__(self, known: ItemIndex, found: NewItemMap) -> None:
        """Begin with what a model knows.

        Args:
            known: Its items.
            found: How it treats others.
        """
        super().__init__(id_bytes=known.id_bytes, offsets=known.offsets, slots=known.slots)
        self.known_count = super().__len__()
        self.first_row = (self.known_count + 7) // 8 * 8
        self.table = NewItemTable(found.factor_count)
        self._map = found
        self._lock = threading.Lock()
        self._rows: dict[str, int] = {}
        self._ids: list[ItemId] = []
        self._keys = np.empty(0, dtype=np.int32)
        self._row_of_key: dict[int, int] = {}
        self._is_open = False

    @property
    def shows_new(self) -> bool:
        """Whether there are new items that may appear."""
        return self._is_open and bool(self._ids)

    @property
    def row_count(self) -> int:
        """Rows that a bitmap needs."""
        return self.first_row + len(self._ids) if self._ids else self.known_count

    def __len__(self) -> int:
        return self.known_count + (len(self._ids) if self._is_open else 0)

    def open(self) -> None:
        """Say that the catalogue is live: before, it only says what items are called."""
        self._is_open = True

    def admit(self, some: Sequence[KeyedItem], *, now: float) -> None:
        """Take in items that the model does not know; deleted ones keep what they have.

        Args:
            some: As the catalogue has them.
            now: Whose prices count, seconds since 1970-01-01 UTC.
        """
        known = np.zeros(len(some), dtype=np.bool_)
        known[super().find([one.item_id for one in some])[1]] = True
        with self._lock:
            # The last of the same item counts.
            given = {
                one.item_id: (one, one.item)
                for one in (some[at] for at in np.flatnonzero(~known).tolist())
                if one.item is not None
            }
            rows: dict[ItemId, int] = {}
            fresh: list[KeyedItem] = []
            for item_id, (one, _) in given.items():
                row = self._rows.get(item_id)
                if row is None:
                    row = len(self._ids) + len(fresh)
                    if row >= limits.NEW_ITEM_COUNT_MAX:
                        continue
                    fresh.append(one)
                rows[item_id] = row
            if not rows:
                return
            features = feature_rows(((name, given[name][1]) for name in rows), now=now)
            vectors, priors = self._map.vectors(*features)
            self.table.put(np.array(list(rows.values()), np.int32), vectors, priors)
            # Whoever finds an item asks for its vector next.
            self._publish(fresh)

    def _publish(self, fresh: Sequence[KeyedItem]) -> None:
        """Name the items that the last rows are of; each is found when all is known of it."""
        for one in fresh:
            row = len(self._ids)
            self._keys = _with_value(self._keys, row, one.item_key)
            self._row_of_key[one.item_key] = self.first_row + row
            self._ids.append(one.item_id)
            self._rows[one.item_id] = row

    def ids(self, rows: I32) -> list[ItemId]:
        """Return the ids at rows, in their order; IndexError outside."""
        if not self._ids or not np.any(rows >= self.known_count):
            return super().ids(rows)
        return [
            self._ids[row - self.first_row] if row >= self.first_row else self.id(row)
            for row in rows.tolist()
        ]

    def id(self, row: int) -> ItemId:
        """Return the id at a row."""
        if row >= self.first_row:
            return self._ids[row - self.first_row]
        return super().ids(np.array([row], dtype=np.int32))[0]

    def find(self, item_ids: Sequence[str]) -> tuple[I32, I32]:
        """Look many ids up at once, as `ItemIndex.find`; new ones if they may appear."""
        return self._find(item_ids) if self.shows_new else super().find(item_ids)

    def find_any(self, item_ids: Sequence[str]) -> tuple[I32, I32]:
        """Look many ids up at once, also where new ones may not appear."""
        return self._find(item_ids)

    def _find(self, item_ids: Sequence[str]) -> tuple[I32, I32]:
        rows, positions = super().find(item_ids)
        if len(rows) == len(item_ids):
            return rows, positions
        everywhere = np.full(len(item_ids), _UNKNOWN, dtype=np.int32)
        everywhere[positions] = rows
        for at in np.flatnonzero(everywhere == _UNKNOWN).tolist():
            row = self._rows.get(item_ids[at])
            if row is not None:
                everywhere[at] = self.first_row + row
        found = np.flatnonzero(everywhere != _UNKNOWN)
        return everywhere[found], found.astype(np.int32)

    def is_new(self, rows: I32) -> NDArray[np.bool_]:
        """Say of each row whether its item is new."""
        return rows >= self.known_count

    def new_keys(self) -> I32:
        """Return the keys in the catalogue of all new items, in the order of their rows."""
        return self._keys[: len(self._ids)]

    def shared_rows(self, rows: I32) -> I32:
        """Return numbers for rows that mean the same on every worker, ascending."""
        new = rows >= self.first_row
        shared = rows.copy()
        shared[new] = self.first_row + self._keys[rows[new] - self.first_row]
        shared.sort()
        return shared

    def own_rows(self, shared: I32) -> I32:
        """Return the rows, ascending, of such numbers; without those not known here (yet)."""
        new = shared >= self.first_row
        keys = (shared[new] - self.first_row).tolist()
        rows = [self._row_of_key[key] for key in keys if key in self._row_of_key]
        return np.sort(np.concatenate([shared[~new], np.array(rows, dtype=np.int32)]))

    def search(self, vector: F32, count: int, bitmaps: Sequence[U8], *, excluded: I32) -> Found:
        """Rank new items exactly; see `NewItemTable.search`. Bitmaps and rows are of all items."""
        first_byte = self.first_row // 8
        found = self.table.search(
            vector,
            count,
            [bitmap[first_byte:] for bitmap in bitmaps],
            excluded=excluded[excluded >= self.first_row] - np.int32(self.first_row),
        )
        return Found(found.rows + np.int32(self.first_row), found.scores)

    def vectors(self, rows: I32) -> F32:
        """Return the vectors of rows of new items."""
        return self.table.vectors(rows - np.int32(self.first_row))


def _with_value(values: I32, at: int, value: int) -> I32:
    """Write one value behind the others; readers of a shorter array keep theirs."""
    if at >= len(values):
        longer = np.zeros(max(64, 2 * len(values)), dtype=np.int32)
        longer[: len(values)] = values
        values = longer
    values[at] = value
    return values
