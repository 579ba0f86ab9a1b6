"""A catalogue in memory: what `recsys.catalog.CatalogFeed` promises, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.catalog import (
    CatalogChanges,
    Item,
    KeyedItem,
    StockChange,
    StockRow,
    Store,
)
from recsys.domain import ItemId, StoreId
from recsys.errors import StorageUnavailable


class MemoryCatalog:
    """Keeps the last changes only, as storages do; can be down."""

    def __init__(self, *, kept_count: int = 1_000) -> None:
        self.is_down = False
        self.kept_count = kept_count
        self.snapshot_count = 0
        self.ids: list[ItemId] = []
        self.contents: dict[ItemId, Item | None] = {}
        self.shops: dict[StoreId, Store] = {}
        self.in_stock: dict[tuple[StoreId, int], bool] = {}
        self.log: list[tuple[str, StoreId, int]] = []

    def put(self, item_id: str, item: Item | None) -> None:
        """Write an item, or delete it."""
        name = ItemId(item_id)
        if name not in self.contents:
            self.ids.append(name)
        self.contents[name] = item
        key = self._key(name)
        self.log.append(("item", StoreId(""), key))
        if item is None:
            for cell, is_there in self.in_stock.items():
                if cell[1] == key and is_there:
                    self.in_stock[cell] = False
                    self.log.append(("stock", *cell))

    def add_store(self, store_id: str, *, place: tuple[float, float] | None = None) -> None:
        """Write a store."""
        north, east = place or (None, None)
        self.shops[StoreId(store_id)] = Store(
            store_id=StoreId(store_id), latitude=north, longitude=east
        )
        self.log.append(("store", StoreId(store_id), 0))

    def stock_up(self, store_id: str, item_id: str, *, is_in_stock: bool) -> None:
        """Say whether a store has an item."""
        cell = StoreId(store_id), self._key(ItemId(item_id))
        self.in_stock[cell] = is_in_stock
        self.log.append(("stock", *cell))

    def last_seq(self) -> int:
        """As the port."""
        self._answer()
        return len(self.log)

    def snapshot(self) -> Iterator[tuple[int, Sequence[KeyedItem]]]:
        """As the port, two at a time."""
        self._answer()
        self.snapshot_count += 1
        seq = len(self.log)
        items = [
            KeyedItem(self._key(name), name, self.contents[name])
            for name in self.ids
            if self.contents[name] is not None
        ]
        for first in range(0, max(1, len(items)), 2):
            yield seq, items[first : first + 2]

    def changes(self, after: int, *, count_max: int) -> CatalogChanges | None:
        """As the port."""
        self._answer()
        if len(self.log) - after > self.kept_count:
            return None
        some = self.log[after : after + count_max]
        items = {key for kind, _, key in some if kind == "item"}
        cells = {(store, key) for kind, store, key in some if kind == "stock"}
        return CatalogChanges(
            after + len(some),
            [KeyedItem(key, self.ids[key - 1], self.contents[self.ids[key - 1]]) for key in items],
            [StockChange(store, key, self.in_stock[store, key]) for store, key in cells],
            any(kind == "store" for kind, _, _ in some),
        )

    def stock(self, store_id: StoreId) -> tuple[int, NDArray[np.int64]]:
        """As the port."""
        self._answer()
        keys = sorted(key for (store, key), is_there in self.in_stock.items() if is_there
                      and store == store_id)  # fmt: skip
        return len(self.log), np.array(keys, dtype=np.int64)

    def find_items(self, item_ids: Sequence[ItemId]) -> Mapping[ItemId, Item]:
        """As the port."""
        self._answer()
        found = {name: self.contents.get(name) for name in item_ids}
        return {name: item for name, item in found.items() if item is not None}

    def quantities(self, item_id: ItemId) -> Sequence[StockRow]:
        """As the port."""
        self._answer()
        key = self._key(item_id) if item_id in self.contents else None
        return [
            StockRow(item_id=item_id, store_id=store, quantity=float(is_there), stock_time=0.0)
            for (store, one), is_there in self.in_stock.items()
            if one == key
        ]

    def stores(self) -> Sequence[Store]:
        """As the port."""
        self._answer()
        return [self.shops[name] for name in sorted(self.shops)]

    def _key(self, item_id: ItemId) -> int:
        return self.ids.index(item_id) + 1

    def _answer(self) -> None:
        if self.is_down:
            raise StorageUnavailable(storage="test", problem="is down")
