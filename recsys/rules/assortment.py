"""What may be shown of one model's items: what is offered now, and which store has it.

A worker follows the catalogue's changes by their numbers and asks before every answer
whether there are more, so what is written counts in the next answer of every worker.
What it keeps is as large as the model: a bit per item for what is offered and for each
store that was asked for, and four bytes for each item of the catalogue.
"""

import heapq
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bitmaps import bitmap_of
from recsys.bundle import ItemIndex
from recsys.catalog import (
    ITEM_SCHEMA,
    CatalogChanges,
    CatalogFeed,
    Item,
    KeyedItem,
    Store,
    StoreMap,
    item_columns,
)
from recsys.domain import ItemRow, StoreId
from recsys.filters import Columns, LiveColumns
from recsys.new_items import LiveItems
from recsys.rules.exploration import NewItemLots
from recsys.rules.filtered import FilteredMasks
from recsys.rules.variants import variant_column
from recsys.scoring import Mask

I32 = NDArray[np.int32]

_CHANGES_AT_ONCE: Final = 10_000
_NOWHERE: Final = -1
_KEYS_AT_FIRST: Final = 1_024
_TURNS_PER_ITEM_MAX: Final = 4
_NEW_ROWS_MIN: Final = 8_192
_NEW_ROWS_SHARE: Final = 8
"""Bitmaps have room for as many new items again, and for one to so many known ones."""


class Assortment:
    """One model's items as the catalogue has them. Safe to share between threads."""

    def __init__(self, items: ItemIndex, feed: CatalogFeed) -> None:
        """Follow a catalogue; nothing is read before `refresh`.

        Args:
            items: Of the model.
            feed: The catalogue's changes.
        """
        self._items = items
        self.row_count = items.row_count
        """Rows of every bitmap; it stays, once something is known."""
        self.is_outgrown = False
        """Whether there are more new items than rows, so that another one has to follow."""
        self.lots = NewItemLots(items)
        self._feed = feed
        self._lock = threading.Lock()
        self._seq: int | None = None
        self._rows: I32 = np.full(_KEYS_AT_FIRST, _NOWHERE, dtype=np.int32)
        self._listed: Mask | None = None
        self._turning: list[tuple[float, ItemRow]] = []
        self._turned: dict[ItemRow, Item] = {}
        self._live = self._no_columns()
        self._filtered = FilteredMasks(self.row_count)
        self._stocked: OrderedDict[StoreId, Mask] = OrderedDict()
        self._stores: Mapping[StoreId, Store] = {}
        self._map = StoreMap(())

    def refresh(self, *, now: float) -> None:
        """Take in what has changed, and what begins or ends at its hour.

        Args:
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: The storage does not answer; what was known stays.
        """
        last = self._feed.last_seq()
        # Nobody has to wait to learn that there is nothing new.
        if last == self._seq and not (self._turning and self._turning[0][0] <= now):
            return
        with self._lock:
            self._catch_up(last, now=now)
            self._turn(now)

    @property
    def item_count(self) -> int:
        """Items that there are, new ones included."""
        return len(self._items)

    @property
    def offered(self) -> Mask | None:
        """Which items are offered now; None for all, as no catalogue was ever written."""
        # Without a single change it is no live catalogue but what a data set said.
        return self._listed if self._seq else None

    @property
    def items(self) -> ItemIndex:
        """Of the model."""
        return self._items

    @property
    def stores(self) -> Mapping[StoreId, Store]:
        """All stores of the catalogue."""
        return self._stores

    @property
    def map(self) -> StoreMap:
        """Where they are."""
        return self._map

    @property
    def columns(self) -> Columns:
        """The fields of the model's items, in their order."""
        return self._live.columns

    @property
    def has_variants(self) -> bool:
        """Whether any of the model's items is a variant of another."""
        return variant_column(self._live.columns) is not None

    def filtered(self, expression: str, *, now: float) -> Mask:
        """Return which items pass a filter; raises InvalidFilter."""
        return self._filtered.mask(expression, self._live.columns, now=now)

    def stocked(self, store_id: StoreId, *, now: float) -> Mask | None:
        """Return which items a store has; None if no catalogue was ever written.

        Raises:
            StorageUnavailable: It is asked for the first time, and the storage does not answer.
        """
        with self._lock:
            mask = self._stocked.get(store_id)
            if mask is None and self.offered is not None:
                mask = self._first_look(store_id, now=now)
            elif mask is not None:
                self._stocked.move_to_end(store_id)
            return mask

    def _first_look(self, store_id: StoreId, *, now: float) -> Mask:
        seq, keys = self._feed.stock(store_id)
        # Of what is newer than what is known here, the items have to be known, too.
        self._catch_up(seq, now=now)
        found = self._rows[keys[keys < len(self._rows)]]
        mask = Mask(bitmap_of(found[found >= 0], self.row_count), item_count=self.row_count)
        while self._seq is not None and seq < self._seq:
            # More was taken in than there was when the store was read.
            changes = self._feed.changes(seq, count_max=_CHANGES_AT_ONCE)
            if changes is None or changes.seq <= seq:
                return self._first_look(store_id, now=now)
            self._restock(changes, {store_id: mask})
            seq = changes.seq
        self._stocked[store_id] = mask
        bytes_each = max(1, (self.row_count + 7) // 8)
        while len(self._stocked) > max(1, limits.STOCK_MASK_BYTES_MAX // bytes_each):
            self._stocked.popitem(last=False)
        return mask

    def _catch_up(self, last: int, *, now: float) -> None:
        if self._seq is None or (last < self._seq and self._feed.last_seq() < self._seq):
            # Numbers go back only where another catalogue has taken the place of this one.
            self._load(now=now)
        while self._seq is not None and self._seq < last and not self.is_outgrown:
            changes = self._feed.changes(self._seq, count_max=_CHANGES_AT_ONCE)
            if changes is None:
                self._load(now=now)
            else:
                self._apply(changes, now=now)

    def _load(self, *, now: float) -> None:
        # What was known stays until all of the new is there.
        rows = np.full(len(self._rows), _NOWHERE, dtype=np.int32)
        offered: list[I32] = []
        turned: dict[ItemRow, Item] = {}
        live = self._no_columns()
        seq = 0
        for number, some in self._feed.snapshot():
            seq = number
            found, positions = self._found(some, now=now)
            rows = _with_rows(rows, _keys(some, positions), found)
            offered.append(_offered(some, found, positions, now=now))
            turned |= _turning(some, found, positions, now=now)
            _describe(live, some, found, positions, now=now)
        # After the number, or what is written in between would never be seen.
        stores = self._feed.stores()
        if not self._has_room(is_first=self._seq is None):
            return
        live.put([self.row_count - 1] if self.row_count else [], {})
        self._rows, self._turned = rows, turned
        # Filters that are asked just now may be of the columns before.
        self._live, self._filtered = live, FilteredMasks(self.row_count)
        self._turning = _turns(turned, now=now)
        bitmap = bitmap_of(np.concatenate([*offered, np.empty(0, np.int32)]), self.row_count)
        if self._listed is None:
            self._listed = Mask(bitmap, item_count=self.row_count)
        else:
            self._listed.replace(bitmap)
        self._stocked.clear()
        self._take_stores(stores)
        self._at(seq)

    def _found(self, some: Sequence[KeyedItem], *, now: float) -> tuple[I32, I32]:
        """Look items up; those that the model does not know get rows, if it has vectors for them."""
        item_ids = [one.item_id for one in some]
        if not isinstance(self._items, LiveItems):
            return self._items.find(item_ids)
        self._items.admit(some, now=now)
        return self._items.find_any(item_ids)

    def _has_room(self, *, is_first: bool) -> bool:
        """Say whether all rows fit into bitmaps; how long they are is said at first."""
        known_count = self._items.row_count
        if is_first and isinstance(self._items, LiveItems):
            new_count = known_count - min(known_count, self._items.first_row)
            room = max(_NEW_ROWS_MIN, self._items.known_count // _NEW_ROWS_SHARE, new_count)
            self.row_count = self._items.first_row + new_count + room
        self.is_outgrown = known_count > self.row_count
        return not self.is_outgrown

    def _at(self, seq: int) -> None:
        if seq and isinstance(self._items, LiveItems):
            self._items.open()
        self._seq = seq

    def _apply(self, changes: CatalogChanges, *, now: float) -> None:
        found, positions = self._found(changes.items, now=now)
        if not self._has_room(is_first=False):
            return
        self._rows = _with_rows(self._rows, _keys(changes.items, positions), found)
        turned = _turning(changes.items, found, positions, now=now)
        for row in map(ItemRow, found.tolist()):
            self._turned.pop(row, None)
        self._turned |= turned
        for row, item in turned.items():
            heapq.heappush(self._turning, (_next_turn(item, now), row))
        if len(self._turning) > _TURNS_PER_ITEM_MAX * (len(self._turned) + 1):
            self._turning = _turns(self._turned, now=now)
        _describe(self._live, changes.items, found, positions, now=now)
        allow = _offered(changes.items, found, positions, now=now)
        assert self._listed is not None  # Loading has made it.
        self._listed.change(allow=allow, forbid=np.setdiff1d(found, allow))
        self._restock(changes, self._stocked)
        if changes.stores_changed:
            self._take_stores(self._feed.stores())
        self._at(changes.seq)

    def _take_stores(self, stores: Sequence[Store]) -> None:
        self._stores = {store.store_id: store for store in stores}
        self._map = StoreMap(stores)

    def _no_columns(self) -> LiveColumns:
        columns = LiveColumns(ITEM_SCHEMA)
        if self.row_count:
            # Bitmaps are as long as the model, whatever the catalogue knows.
            columns.put([self.row_count - 1], {})
        return columns

    def _restock(self, changes: CatalogChanges, masks: Mapping[StoreId, Mask]) -> None:
        by_store: dict[StoreId, dict[int, bool]] = {}
        for store_id, item_key, is_in_stock in changes.stock:
            if store_id in masks and item_key < len(self._rows):
                row = int(self._rows[item_key])
                if row != _NOWHERE:
                    by_store.setdefault(store_id, {})[row] = is_in_stock
        for store_id, rows in by_store.items():
            come = np.array([row for row, is_there in rows.items() if is_there], dtype=np.int32)
            gone = np.array([row for row, is_there in rows.items() if not is_there], dtype=np.int32)
            masks[store_id].change(allow=come, forbid=gone)

    def _turn(self, now: float) -> None:
        come: list[int] = []
        gone: list[int] = []
        turned: dict[int, Item] = {}
        while self._turning and self._turning[0][0] <= now:
            _, row = heapq.heappop(self._turning)
            item = self._turned.get(row)
            if item is None:
                continue  # It has changed meanwhile, and its hours with it.
            (come if item.is_available(now) else gone).append(row)
            turned[row] = item
            turn = _next_turn(item, now)
            if turn < np.inf:
                heapq.heappush(self._turning, (turn, row))
            else:
                del self._turned[row]
        if turned:
            self._live.put(list(turned), item_columns(list(turned.values()), now=now))
        if self._listed is not None and (come or gone):
            self._listed.change(
                allow=np.array(come, dtype=np.int32), forbid=np.array(gone, dtype=np.int32)
            )


def _keys(some: Sequence[KeyedItem], positions: I32) -> NDArray[np.int64]:
    return np.array([some[at].item_key for at in positions.tolist()], dtype=np.int64)


def _with_rows(rows: I32, keys: NDArray[np.int64], found: I32) -> I32:
    """Return where each key's item is in the model; readers of the old array keep theirs."""
    top = int(keys.max(initial=-1)) + 1
    size = len(rows) if top <= len(rows) else max(top, 2 * len(rows))
    grown = np.full(size, _NOWHERE, dtype=np.int32)
    grown[: len(rows)] = rows
    grown[keys] = found
    return grown


def _offered(some: Sequence[KeyedItem], found: I32, positions: I32, *, now: float) -> I32:
    items = (some[at].item for at in positions.tolist())
    is_offered = [item is not None and item.is_available(now) for item in items]
    return found[np.array(is_offered, dtype=np.bool_)]


def _describe(
    live: LiveColumns, some: Sequence[KeyedItem], found: I32, positions: I32, *, now: float
) -> None:
    columns = item_columns([some[at].item for at in positions.tolist()], now=now)
    live.replace(found.tolist(), columns)


def _turning(
    some: Sequence[KeyedItem], found: I32, positions: I32, *, now: float
) -> dict[ItemRow, Item]:
    turning: dict[ItemRow, Item] = {}
    for row, at in zip(found.tolist(), positions.tolist(), strict=True):
        item = some[at].item
        if item is not None and item.can_turn() and _next_turn(item, now) < np.inf:
            turning[ItemRow(row)] = item
    return turning


def _turns(turned: dict[ItemRow, Item], *, now: float) -> list[tuple[float, ItemRow]]:
    turns = [(_next_turn(item, now), row) for row, item in turned.items()]
    heapq.heapify(turns)
    return turns


def _next_turn(item: Item, now: float) -> float:
    return min((time for time in item.turning_times() if time > now), default=np.inf)
