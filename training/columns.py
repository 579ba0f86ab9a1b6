"""The canonical columns: the single home of their names, types and order.

An events table has one row per item line. A row without `item_id` (a search, a
store visit) is legal; it tells who, when and where.
"""

from typing import Final

import polars as pl

EVENT_ID: Final = "event_id"
EVENT_TYPE: Final = "event_type"
EVENT_TIME: Final = "event_time"
CHANNEL: Final = "channel"
USER_ID: Final = "user_id"
VISITOR_ID: Final = "visitor_id"
LOYALTY_CARD: Final = "loyalty_card"
STORE_ID: Final = "store_id"
SESSION_ID: Final = "session_id"
BASKET_ID: Final = "basket_id"
ITEM_ID: Final = "item_id"
QUANTITY: Final = "quantity"
UNIT_PRICE: Final = "unit_price"
CURRENCY: Final = "currency"
PROFILE_ID: Final = "profile_id"

EVENTS: Final[dict[str, pl.DataType]] = {
    EVENT_ID: pl.String(),
    EVENT_TYPE: pl.String(),
    EVENT_TIME: pl.Datetime("us", "UTC"),
    CHANNEL: pl.String(),
    USER_ID: pl.String(),
    VISITOR_ID: pl.String(),
    LOYALTY_CARD: pl.String(),
    STORE_ID: pl.String(),
    SESSION_ID: pl.String(),
    BASKET_ID: pl.String(),
    ITEM_ID: pl.String(),
    QUANTITY: pl.Float64(),
    UNIT_PRICE: pl.Float64(),
    CURRENCY: pl.String(),
}
"""Events as imported. Null means not known; `channel` is never null."""

RESOLVED_EVENTS: Final[dict[str, pl.DataType]] = {**EVENTS, PROFILE_ID: pl.String()}
"""Events of a dataset: each knows its person (never null)."""

IDENTIFIER_NAMESPACES: Final[dict[str, str]] = {
    USER_ID: "account",
    LOYALTY_CARD: "loyalty_card",
    VISITOR_ID: "visitor",
}
"""Identifier columns and their namespaces, strongest first."""

TITLE: Final = "title"
CATEGORY: Final = "category"
BRAND: Final = "brand"
PRICE: Final = "price"
IMAGE_URL: Final = "image_url"

ITEMS: Final[dict[str, pl.DataType]] = {
    ITEM_ID: pl.String(),
    TITLE: pl.String(),
    CATEGORY: pl.String(),
    BRAND: pl.String(),
    PRICE: pl.Float64(),
    CURRENCY: pl.String(),
    IMAGE_URL: pl.String(),
}

NAMESPACE: Final = "namespace"
VALUE: Final = "value"

LINKS: Final[dict[str, pl.DataType]] = {
    NAMESPACE: pl.String(),
    VALUE: pl.String(),
    PROFILE_ID: pl.String(),
}
"""Which profile an identifier leads to."""
