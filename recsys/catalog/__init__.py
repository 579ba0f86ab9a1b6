"""What can be bought, where, and what is in stock; see docs/catalog.md."""

from recsys.catalog.distance import NearStore, Place, StoreMap, place_of
from recsys.catalog.fields import ITEM_SCHEMA, item_columns, item_record
from recsys.catalog.item import CATEGORY_SEPARATOR, Attribute, Item, ItemSummary, Price
from recsys.catalog.item_features import FeatureRows, feature_rows
from recsys.catalog.nothing import NoCatalog
from recsys.catalog.ports import (
    CatalogChanges,
    CatalogFeed,
    CatalogStore,
    ItemPage,
    ItemReader,
    KeyedItem,
    StockChange,
    Upserted,
    categories_of,
)
from recsys.catalog.rows import ITEM_COLUMNS, PRESETS, cells_of, items_of, renamed, stores_of
from recsys.catalog.stock import (
    STORE_ONLINE,
    StockCell,
    StockOutcome,
    StockRow,
    Store,
    StoreKind,
)
from recsys.catalog.tally import Adjustment, Tally
from recsys.catalog.update import ATTRIBUTE_PREFIX, updated

__all__ = [
    "ATTRIBUTE_PREFIX",
    "CATEGORY_SEPARATOR",
    "ITEM_COLUMNS",
    "ITEM_SCHEMA",
    "PRESETS",
    "STORE_ONLINE",
    "Adjustment",
    "Attribute",
    "CatalogChanges",
    "CatalogFeed",
    "CatalogStore",
    "FeatureRows",
    "Item",
    "ItemPage",
    "ItemReader",
    "ItemSummary",
    "KeyedItem",
    "NearStore",
    "NoCatalog",
    "Place",
    "Price",
    "StockCell",
    "StockChange",
    "StockOutcome",
    "StockRow",
    "Store",
    "StoreKind",
    "StoreMap",
    "Tally",
    "Upserted",
    "categories_of",
    "cells_of",
    "feature_rows",
    "item_columns",
    "item_record",
    "items_of",
    "place_of",
    "renamed",
    "stores_of",
    "updated",
]
