"""No catalogue: everything that a model knows is offered, and nothing is known of it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.catalog.item import Item
from recsys.catalog.ports import CatalogChanges, KeyedItem
from recsys.catalog.stock import StockRow, Store
from recsys.domain import ItemId, StoreId


class NoCatalog:
    """A catalogue in which nothing was ever written. Implements `CatalogFeed`."""

    def last_seq(self) -> int:
        """Return 0."""
        return 0

    def snapshot(self) -> Iterator[tuple[int, Sequence[KeyedItem]]]:
        """Give no items."""
        yield 0, ()

    def changes(self, after: int, *, count_max: int) -> CatalogChanges | None:
        """Return that nothing has changed."""
        del count_max
        return CatalogChanges(after, (), (), stores_changed=False)

    def stock(self, store_id: StoreId) -> tuple[int, NDArray[np.int64]]:
        """Return nothing."""
        del store_id
        return 0, np.empty(0, dtype=np.int64)

    def find_items(self, item_ids: Sequence[ItemId]) -> Mapping[ItemId, Item]:
        """Return none."""
        del item_ids
        return {}

    def quantities(self, item_id: ItemId) -> Sequence[StockRow]:
        """Return nothing."""
        del item_id
        return ()

    def stores(self) -> Sequence[Store]:
        """Return none."""
        return ()
