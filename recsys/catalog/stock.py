"""Shops, and how much of what they have."""

import enum
from typing import Final

import msgspec

from recsys.domain import ItemId, StoreId

STORE_ONLINE: Final = StoreId("online")
"""The store that the web shop sells from. It exists always and has no place."""


class StoreKind(enum.StrEnum):
    """What a store is."""

    PHYSICAL = "physical"
    ONLINE = "online"


class Store(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A shop, or what the web shop sells from.

    Attributes:
        store_id: As the retailer calls it.
        title: For people.
        kind: What it is.
        latitude: Degrees north, -90 to 90; None where it is not known.
        longitude: Degrees east, -180 to 180; None likewise.
        time_zone: IANA name; empty where it is not known.
    """

    store_id: StoreId
    title: str = ""
    kind: StoreKind = StoreKind.PHYSICAL
    latitude: float | None = None
    longitude: float | None = None
    time_zone: str = ""


class StockCell(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something said of one item in one store.

    Attributes:
        item_id: The item.
        store_id: The store.
        quantity: Pieces that are there, not negative; or, of an adjustment, how many came
            (or, negative, went).
        stock_time: When it was so; seconds since 1970-01-01 UTC.
        adjustment_id: Of an adjustment, what it is called, so that it counts once.
    """

    item_id: ItemId
    store_id: StoreId
    quantity: float
    stock_time: float
    adjustment_id: str = ""


class StockOutcome(enum.StrEnum):
    """What became of something said of stock."""

    WRITTEN = "written"
    DUPLICATE = "duplicate"
    STALE = "stale"
    UNKNOWN_ITEM = "unknown-item"
    UNKNOWN_STORE = "unknown-store"


class StockRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one item in one store.

    Attributes:
        item_id: The item.
        store_id: The store.
        quantity: What was counted last and all adjustments of later moments. Below 0 if
            more went than was counted.
        stock_time: When it was counted or adjusted last; seconds since 1970-01-01 UTC.
    """

    item_id: ItemId
    store_id: StoreId
    quantity: float
    stock_time: float
