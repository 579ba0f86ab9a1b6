"""How items and stores look on a terminal, and to programs."""

from collections.abc import Sequence
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.table import Table

from recsys.serving.enum_words import enum_word
from recsys.serving.wire_items import parse_item
from recsys.v1 import catalog_pb2
from recsys.v1 import catalog_service_pb2 as service
from recsys.violations import Violations

_TITLE_CHARS: Final = 48
_LEVELS_SHOWN: Final = 20
_NANOS: Final = 1e9
_AGES: Final = ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


def as_object(message: Message) -> dict[str, Any]:
    """Say a message for programs, in the words of the contract."""
    said: dict[str, Any] = MessageToDict(message, preserving_proto_field_name=True)
    return said


def item_line(item: catalog_pb2.Item) -> str:
    """Say an item in one line."""
    title = item.title if len(item.title) <= _TITLE_CHARS else f"{item.title[:_TITLE_CHARS]}..."
    parts = [item.item_id, title, *item.category_paths[:1], item.brand, *_prices(item)[-1:]]
    return "  ".join(part for part in parts if part)


def store_line(store: catalog_pb2.Store) -> str:
    """Say a store in one line."""
    place = ""
    if store.HasField("place"):
        place = f"{store.place.latitude:g} N {store.place.longitude:g} E"
    kind = enum_word(catalog_pb2.StoreKind, store.kind)
    return "  ".join(
        part for part in (store.store_id, kind, store.title, place, store.time_zone) if part
    )


def summary_line(page: service.ListItemsResponse, *, now: float) -> str:
    """Say how many items there are, and how old the feed is."""
    return f"{page.total_size:,} items; {_feed(page, now=now)}"


def show_item(
    console: Console,
    item: catalog_pb2.Item,
    levels: Sequence[catalog_pb2.StockLevel],
    page: service.ListItemsResponse,
    *,
    now: float,
) -> None:
    """Show all of an item, where it is, and how old the feed is."""
    table = Table(show_header=False, box=None)
    _, known = parse_item(item, Violations(), "")
    rows = [
        ("item", item.item_id),
        ("title", item.title),
        *(("category", path) for path in item.category_paths),
        ("brand", item.brand),
        *(("price", price) for price in _prices(item)),
        ("margin", f"{item.margin:g}" if item.HasField("margin") else ""),
        *(
            (name, ", ".join([*one.texts, *(f"{number:g}" for number in one.numbers)]))
            for name, one in sorted(item.attributes.items())
        ),
        ("variant of", item.primary_item_id),
        ("age", f"from {item.age_years_min}" if item.age_years_min else ""),
        ("offered", "now" if known.is_available(now) else "not now"),
        ("page", item.page_url),
        ("image", item.image_url),
    ]
    in_stock = [level for level in levels if level.quantity > 0]
    rows += [(f"in {level.store_id}", f"{level.quantity:g}") for level in in_stock[:_LEVELS_SHOWN]]
    for name, value in rows:
        if value:
            table.add_row(name, value)
    console.print(table)
    more = len(in_stock) - _LEVELS_SHOWN
    others = f", {more} of them not shown" if more > 0 else ""
    console.print(f"in stock in {len(in_stock)} of {len(levels)} stores{others}", markup=False)
    console.print(_feed(page, now=now), markup=False)


def _prices(item: catalog_pb2.Item) -> list[str]:
    return [
        f"{one.amount.units + one.amount.nanos / _NANOS:g} {one.amount.currency_code}".strip()
        for one in item.prices
    ]


def _feed(page: service.ListItemsResponse, *, now: float) -> str:
    if not page.HasField("feed_time"):
        return "nothing was written through the service yet"
    age = max(0.0, now - page.feed_time.ToNanoseconds() / _NANOS)
    for seconds, name in _AGES:
        if age >= seconds:
            return f"last written {age / seconds:.0f} {name} ago"
    return "last written just now"
