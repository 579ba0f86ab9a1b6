"""Canonical columns: one row per item line, as files hold events."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from recsys.domain import Channel, EventType, ItemId, StoreId
from recsys.errors import InvalidData
from recsys.events.event import EventContent, EventLine
from recsys.row_values import (
    IDENTIFIER_COLUMNS,
    Row,
    amount_of,
    identifiers_of,
    seconds_of,
    text_of,
)

ANONYMOUS_BASKET: Final = "basket"
"""Begins the visit of an event of nobody's, where only the receipt is known."""

EVENT_COLUMNS: Final = frozenset((
    "event_id", "event_type", "event_time", "channel", *IDENTIFIER_COLUMNS, "store_id",
    "session_id", "basket_id", "item_id", "quantity", "unit_price", "currency", "offer_id",
    "attribution_token", "search_query", "referrer",
))  # fmt: skip
"""Columns that `events_of` looks at."""

_TYPES: Final = {str(kind): kind for kind in EventType}
_CHANNELS: Final = {str(place): place for place in Channel}


def events_of(rows: Iterable[Row], *, source: str) -> Iterator[tuple[str, EventContent]]:
    """Make events of rows; neighbours of one event id are lines of one event.

    A row without an event id is an event of its own.

    Args:
        rows: Canonical columns; what is missing, null or empty is not said.
        source: Names them in errors.

    Returns:
        Each event's id, empty if it has none, and what is said of it.

    Raises:
        InvalidData: A value is not what its column holds; the number of its row, from 1, is told.
    """
    # The position parts neighbours without an id.
    numbered = enumerate(rows, start=1)
    for _, of_one in groupby(numbered, key=lambda pair: pair[1].get("event_id") or pair[0]):
        lines = list(of_one)
        number, first = lines[0]
        try:
            yield text_of(first, "event_id"), _content(first, [line for _, line in lines])
        except (ValueError, TypeError, ArithmeticError) as error:
            raise InvalidData(path=source, problem=f"row {number}: {error}") from error


def _content(first: Row, rows: list[Row]) -> EventContent:
    identifiers = identifiers_of(first)
    session_id, basket_id = text_of(first, "session_id"), text_of(first, "basket_id")
    if basket_id and not identifiers:
        # What is on nobody's receipt belongs together. Numbers start anew in every shop.
        session_id = f"{ANONYMOUS_BASKET}:{text_of(first, 'store_id')}/{basket_id}"
    return EventContent(
        event_type=_member(_TYPES, "event_type", text_of(first, "event_type")),
        event_time=seconds_of(first.get("event_time"), "event_time"),
        channel=_member(_CHANNELS, "channel", found)
        if (found := text_of(first, "channel"))
        else None,
        identifiers=identifiers,
        lines=tuple(_line(row) for row in rows if text_of(row, "item_id")),
        store_id=StoreId(text_of(first, "store_id")) or None,
        session_id=session_id,
        attribution_token=text_of(first, "attribution_token"),
        offer_id=text_of(first, "offer_id"),
        search_query=text_of(first, "search_query"),
        referrer=text_of(first, "referrer"),
    )


def _line(row: Row) -> EventLine:
    quantity, price = row.get("quantity"), row.get("unit_price")
    return EventLine(
        ItemId(text_of(row, "item_id")),
        1.0 if quantity in {None, ""} else float(str(quantity)),
        "" if price in {None, ""} else amount_of(price, "unit_price"),
        text_of(row, "currency"),
    )


def _member(members: Mapping[str, Any], name: str, value: str) -> Any:
    found = members.get(value)
    if found is None:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(members)}")
    return found
