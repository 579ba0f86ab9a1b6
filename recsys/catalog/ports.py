"""What the catalogue needs of a storage.

Items have keys there: small integers, given once and never again to another item, also
when it is deleted. Every change of an item, a store or of whether something is in stock
gets a number, in the order in which changes become visible. Where an item is deleted,
the stores that had it have it no longer, and that is a change of each.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.catalog.item import Item, ItemSummary
from recsys.catalog.stock import StockCell, StockOutcome, StockRow, Store
from recsys.domain import ItemId, StoreId


class KeyedItem(NamedTuple):
    """An item as workers follow it.

    Attributes:
        item_key: Its key, positive.
        item_id: Its id.
        item: What is said of it; None if it was deleted.
    """

    item_key: int
    item_id: ItemId
    item: Item | None


class StockChange(NamedTuple):
    """That something is in stock now, or is no longer."""

    store_id: StoreId
    item_key: int
    is_in_stock: bool


class CatalogChanges(NamedTuple):
    """What has changed, each thing as it is now.

    Attributes:
        seq: The number of the last change among these.
        items: Items that were written or deleted.
        stock: What came into stock or went.
        stores_changed: Whether stores were written.
    """

    seq: int
    items: Sequence[KeyedItem]
    stock: Sequence[StockChange]
    stores_changed: bool


class Upserted(NamedTuple):
    """What became of items that were written.

    Attributes:
        changed: Those that are other than before, in the order in which they were given.
        oversized: Those of which nothing was written, as all that is said of them would be
            more than ITEM_KEPT_BYTES_MAX; likewise.
        item_keys: Of all that exist now, likewise.
    """

    changed: Sequence[ItemId]
    oversized: Sequence[ItemId]
    item_keys: Sequence[int]


class ItemPage(NamedTuple):
    """Some items in the order of their ids.

    Attributes:
        items: Ids and what is said of them.
        next_id: After which id the next page begins; None if this was the last one.
    """

    items: Sequence[tuple[ItemId, Item]]
    next_id: ItemId | None


class ItemReader(Protocol):
    """Finds items by id."""

    def items(self, item_ids: Iterable[ItemId], *, now: float) -> Mapping[ItemId, ItemSummary]:
        """Return the known items among these, with the prices of a moment.

        Raises:
            StorageUnavailable: The storage does not answer.
        """
        ...


def categories_of(
    items: ItemReader | None, item_ids: Iterable[ItemId], *, now: float
) -> Mapping[ItemId, str]:
    """Find the categories of items; those without one are absent.

    Args:
        items: Knows them; None where nothing does.
        item_ids: Of which.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        StorageUnavailable: The storage does not answer.
    """
    if items is None:
        return {}
    found = items.items(item_ids, now=now)
    return {item_id: item.category for item_id, item in found.items() if item.category}


class CatalogFeed(Protocol):
    """What workers follow. All methods raise StorageUnavailable if the storage does not answer."""

    def last_seq(self) -> int:
        """Return the number of the last change; 0 where nothing was ever written."""
        ...

    def snapshot(self) -> Iterator[tuple[int, Sequence[KeyedItem]]]:
        """Give all items that are not deleted, some at a time, as of one moment.

        Each comes with the number of that moment's last change. There is always at least
        one, maybe of no items.
        """
        ...

    def changes(self, after: int, *, count_max: int) -> CatalogChanges | None:
        """Return the changes that follow a number, the first `count_max` of them.

        None if they are no longer kept: take a new snapshot.
        """
        ...

    def stock(self, store_id: StoreId) -> tuple[int, NDArray[np.int64]]:
        """Return which items a store has, as ascending keys, and the last change's number."""
        ...

    def find_items(self, item_ids: Sequence[ItemId]) -> Mapping[ItemId, Item]:
        """Return those of these items that exist."""
        ...

    def quantities(self, item_id: ItemId) -> Sequence[StockRow]:
        """Return what is known of one item in all stores that ever had it."""
        ...

    def stores(self) -> Sequence[Store]:
        """Return all stores, in the order of their ids."""
        ...


class CatalogStore(Protocol):
    """Where the catalogue is written. All methods raise StorageUnavailable; nothing is written then."""

    def upsert_items(
        self,
        items: Mapping[ItemId, Item],
        *,
        parts: Collection[str] | None = None,
        now: float,
    ) -> Upserted:
        """Write items, whether or not they exist.

        Items that already are what is written leave no change.

        Args:
            items: What is said of each.
            parts: What of it counts, as `recsys.catalog.updated` takes it; what was said
                before of all else stays. None for everything.
            now: Seconds since 1970-01-01 UTC.
        """
        ...

    def find_items(self, item_ids: Sequence[ItemId]) -> Mapping[ItemId, Item]:
        """Return those of these items that exist."""
        ...

    def item_keys(self, item_ids: Sequence[ItemId]) -> Sequence[int]:
        """Return the keys of those of these items that exist."""
        ...

    def list_items(self, *, after: ItemId | None, count_max: int) -> ItemPage:
        """Return items whose ids come after one, in the order of their UTF-8 bytes."""
        ...

    def delete_items(self, item_ids: Sequence[ItemId], *, now: float) -> Sequence[ItemId]:
        """Delete items; return those that existed. Their stock is forgotten."""
        ...

    def keep_only(
        self, item_keys: NDArray[np.int64], *, deleted_count_max: int | None, now: float
    ) -> int:
        """Delete all items but these; return how many.

        Args:
            item_keys: Of those that stay, in any order.
            deleted_count_max: How many may be deleted; None for any number.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            FeedTooSmall: It would be more than that. None was deleted.
        """
        ...

    def item_count(self) -> int:
        """Return how many items there are."""
        ...

    def feed_time(self) -> float | None:
        """Return when items or stock were last written; None if never."""
        ...

    def upsert_stores(self, stores: Sequence[Store], *, now: float) -> None:
        """Write stores, whatever was said of them."""
        ...

    def set_stock(self, cells: Sequence[StockCell], *, now: float) -> Sequence[StockOutcome]:
        """Write what was counted, for each cell what became of it.

        A count that is older than the one before is stale; see `recsys.catalog.Tally`.
        """
        ...

    def adjust_stock(self, cells: Sequence[StockCell], *, now: float) -> Sequence[StockOutcome]:
        """Add to what was counted, for each cell what became of it.

        Each `adjustment_id` counts once. An adjustment of a moment not after that of the
        last count is stale: the count knew of it.
        """
        ...
