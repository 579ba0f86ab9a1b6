"""What can be bought, where, and what is in stock; see docs/catalog.md."""

from recsys.catalog.item import Attribute, Item, ItemSummary, Price
from recsys.catalog.ports import (
    CatalogChanges,
    CatalogFeed,
    CatalogStore,
    ItemPage,
    ItemReader,
    KeyedItem,
    StockChange,
)
from recsys.catalog.stock import (
    STORE_ONLINE,
    StockCell,
    StockOutcome,
    StockRow,
    Store,
    StoreKind,
)

__all__ = [
    "STORE_ONLINE",
    "Attribute",
    "CatalogChanges",
    "CatalogFeed",
    "CatalogStore",
    "Item",
    "ItemPage",
    "ItemReader",
    "ItemSummary",
    "KeyedItem",
    "Price",
    "StockCell",
    "StockChange",
    "StockOutcome",
    "StockRow",
    "Store",
    "StoreKind",
]
