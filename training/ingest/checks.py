"""What is wrong with a row, if anything: one reason each, the first that applies."""

import datetime as dt
import enum
from typing import Final

import polars as pl

from recsys import limits
from recsys.domain import Channel, EventType
from training import columns
from training.ingest.mapping import RAW_QUANTITY, RAW_TIME, UNDECODED
from training.ingest.preset import Preset

REASON: Final = "_reason"

TIME_MIN: Final = dt.datetime(1990, 1, 1, tzinfo=dt.UTC)
"""Nothing older is believed: clocks that lost their battery say 1970 or 1980."""


class Reason(enum.StrEnum):
    """Why a row is not in the dataset."""

    MALFORMED_ROW = "malformed-row"
    NOT_UTF8 = "not-utf-8"
    MISSING_EVENT_TYPE = "missing-event-type"
    UNKNOWN_EVENT_TYPE = "unknown-event-type"
    MISSING_CHANNEL = "missing-channel"
    UNKNOWN_CHANNEL = "unknown-channel"
    MISSING_TIME = "missing-time"
    UNREADABLE_TIME = "unreadable-time"
    TIME_IN_FUTURE = "time-in-future"
    TIME_TOO_OLD = "time-before-1990"
    MISSING_ITEM = "missing-item"
    NOT_AN_ITEM = "not-an-item"
    ID_TOO_LONG = "id-too-long"
    CONTROL_CHARACTERS = "control-characters"
    UNREADABLE_QUANTITY = "unreadable-quantity"
    QUANTITY_NOT_FINITE = "quantity-not-finite"
    QUANTITY_NOT_POSITIVE = "quantity-not-positive"
    QUANTITY_TOO_LARGE = "quantity-too-large"
    NO_IDENTIFIER = "no-identifier"
    IN_EARLIER_FILE = "in-earlier-file"
    DUPLICATE = "duplicate"


NEEDS_ITEM: Final = (
    EventType.DETAIL_PAGE_VIEW,
    EventType.ADD_TO_CART,
    EventType.REMOVE_FROM_CART,
    EventType.ADD_TO_WISHLIST,
    EventType.PURCHASE_COMPLETE,
    EventType.RETURN,
    EventType.RATE,
)

_BYTES_MAX: Final[dict[str, int]] = {
    columns.EVENT_ID: limits.EVENT_ID_BYTES_MAX,
    columns.USER_ID: limits.IDENTIFIER_BYTES_MAX,
    columns.VISITOR_ID: limits.IDENTIFIER_BYTES_MAX,
    columns.LOYALTY_CARD: limits.IDENTIFIER_BYTES_MAX,
    columns.STORE_ID: limits.STORE_ID_BYTES_MAX,
    columns.SESSION_ID: limits.IDENTIFIER_BYTES_MAX,
    columns.BASKET_ID: limits.IDENTIFIER_BYTES_MAX,
    columns.ITEM_ID: limits.ITEM_ID_BYTES_MAX,
}

# Without a person there must at least be a basket or a session to hold the row's
# items together; see identity.py.
_WHO: Final = (
    columns.USER_ID,
    columns.LOYALTY_CARD,
    columns.VISITOR_ID,
    columns.BASKET_ID,
    columns.SESSION_ID,
)


def reason(preset: Preset, *, now: dt.datetime) -> pl.Expr:
    """Return the reason against each row of `mapping.canonical`; null for none."""
    event_type, channel = pl.col(columns.EVENT_TYPE), pl.col(columns.CHANNEL)
    time, item = pl.col(columns.EVENT_TIME), pl.col(columns.ITEM_ID)
    quantity = pl.col(columns.QUANTITY)
    latest = now + dt.timedelta(seconds=limits.CLOCK_SKEW_SECONDS_MAX)
    tests: dict[Reason, pl.Expr] = {
        Reason.NOT_UTF8: pl.col(UNDECODED),
        Reason.MISSING_EVENT_TYPE: event_type.is_null(),
        Reason.UNKNOWN_EVENT_TYPE: ~event_type.is_in([str(kind) for kind in EventType]),
        Reason.MISSING_CHANNEL: channel.is_null(),
        Reason.UNKNOWN_CHANNEL: ~channel.is_in([str(place) for place in Channel]),
        Reason.MISSING_TIME: ~pl.col(RAW_TIME),
        Reason.UNREADABLE_TIME: time.is_null(),
        Reason.TIME_IN_FUTURE: time > latest,
        Reason.TIME_TOO_OLD: time < TIME_MIN,
        Reason.MISSING_ITEM: item.is_null() & event_type.is_in([str(kind) for kind in NEEDS_ITEM]),
        Reason.NOT_AN_ITEM: not_an_item(preset),
        Reason.ID_TOO_LONG: pl.any_horizontal(
            pl.col(name).str.len_bytes() > most for name, most in _BYTES_MAX.items()
        ),
        Reason.CONTROL_CHARACTERS: pl.any_horizontal(
            pl.col(name).str.contains(r"\p{Cc}") for name in _BYTES_MAX
        ),
        Reason.UNREADABLE_QUANTITY: quantity.is_null() & pl.col(RAW_QUANTITY),
        Reason.QUANTITY_NOT_FINITE: ~quantity.is_finite(),
        Reason.QUANTITY_NOT_POSITIVE: quantity <= 0,
        Reason.QUANTITY_TOO_LARGE: quantity > limits.QUANTITY_MAX,
        Reason.NO_IDENTIFIER: pl.all_horizontal(pl.col(name).is_null() for name in _WHO),
    }
    found = [pl.when(test).then(pl.lit(str(why))) for why, test in tests.items()]
    return pl.coalesce(*found, pl.lit(None, dtype=pl.String)).alias(REASON)


def not_an_item(preset: Preset) -> pl.Expr:
    """Say which item ids are postage, fees and the like."""
    item = pl.col(columns.ITEM_ID)
    listed = item.is_in(preset.not_items) if preset.not_items else pl.lit(value=False)
    if preset.not_items_pattern is None:
        return listed
    return listed | item.str.contains(preset.not_items_pattern)
