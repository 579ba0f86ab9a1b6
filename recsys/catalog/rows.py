"""Items, stores and stock as files hold them: one row each, in canonical columns."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from recsys.catalog.item import Attribute, Item, Price
from recsys.catalog.stock import STORE_ONLINE, StockCell, Store, StoreKind
from recsys.catalog.update import ATTRIBUTE_PREFIX
from recsys.domain import ItemId, StoreId
from recsys.errors import InvalidData
from recsys.row_values import Row, amount_of, number_of, seconds_of, text_of

ResultT = TypeVar("ResultT")

OnWrong = Callable[[str], None]
"""Told of something that is left out, and why."""

LIST_SEPARATOR: Final = "|"
"""Between several texts in one cell of a CSV file."""

PRESETS: Final[Mapping[str, Mapping[str, str]]] = {
    "google-merchant": {
        "id": "item_id",
        "link": "page_url",
        "image_link": "image_url",
        "product_type": "category",
        "availability_date": "available_start_time",
        "expiration_date": "available_end_time",
        "item_group_id": "attributes.item_group_id",
        "color": "attributes.color",
        "size": "attributes.size",
        "material": "attributes.material",
        "pattern": "attributes.pattern",
        "gender": "attributes.gender",
        "age_group": "attributes.age_group",
        "condition": "attributes.condition",
    },
    "shopify": {
        "Handle": "item_id",
        "Title": "title",
        "Vendor": "brand",
        "Product Category": "category",
        "Variant Price": "price",
        "Image Src": "image_url",
    },
}
"""Canonical column by the files' own, of feeds that many shops have already."""

# What each column says of an item.
_PARTS: Final[Mapping[str, Sequence[str]]] = {
    "title": ("title",),
    "category": ("category_paths",),
    "category_paths": ("category_paths",),
    "brand": ("brand",),
    "price": ("prices",),
    "prices": ("prices",),
    "page_url": ("page_url",),
    "image_url": ("image_url",),
    "attributes": ("attributes",),
    "available_start_time": ("available_from_time", "available_until_time"),
    "available_end_time": ("available_from_time", "available_until_time"),
    "release_time": ("release_time",),
    "primary_item_id": ("primary_item_id",),
    "age_years_min": ("age_min",),
    "margin": ("margin",),
}
ITEM_COLUMNS: Final = frozenset((*_PARTS, "item_id", "currency"))
_PRICE_WORDS: Final = 2


class ItemRow(NamedTuple):
    """An item of a file.

    Attributes:
        item_id: Its id.
        item: What is said of it.
        parts: The parts that the row has columns for, as `updated` takes them; sorted.
    """

    item_id: ItemId
    item: Item
    parts: tuple[str, ...]


def renamed(rows: Iterable[Row], names: Mapping[str, str]) -> Iterator[Row]:
    """Give columns their canonical names; a column that has one already wins."""
    for row in rows:
        mapped = {names[name]: value for name, value in row.items() if name in names}
        yield mapped | {name: value for name, value in row.items() if name not in names}


def items_of(
    rows: Iterable[Row], *, source: str, currency: str = "", on_wrong: OnWrong | None = None
) -> Iterator[ItemRow]:
    """Make items of rows.

    Args:
        rows: Canonical columns, and `attributes.NAME` for single attributes; others are
            not looked at.
        source: Names them in errors.
        currency: Of prices that say none.
        on_wrong: Told of each row that is left out because a value is not what its column
            holds: the file, the number of the row and why. None to end with the first.

    Raises:
        InvalidData: Such a row, where nobody is to be told.
    """
    return _each(rows, lambda row: _item(row, currency), source, on_wrong)


def stores_of(rows: Iterable[Row], *, source: str) -> Iterator[Store]:
    """Make stores of rows; raises as `items_of`."""
    return _each(rows, _store, source, None)


def cells_of(
    rows: Iterable[Row], *, source: str, now: float, on_wrong: OnWrong | None = None
) -> Iterator[StockCell]:
    """Make counts, and adjustments of rows with an `adjustment_id`; raises as `items_of`.

    Args:
        rows: Canonical columns. Without a `store_id` they are of the web shop.
        source: Names them in errors.
        now: For rows without a `stock_time`; seconds since 1970-01-01 UTC.
        on_wrong: As in `items_of`.
    """
    return _each(rows, lambda row: _cell(row, now), source, on_wrong)


def _each(
    rows: Iterable[Row],
    make: Callable[[Row], ResultT],
    source: str,
    on_wrong: OnWrong | None,
) -> Iterator[ResultT]:
    reading = iter(rows)
    try:
        for number, row in enumerate(reading, start=1):
            try:
                made = make(row)
            except (ValueError, TypeError, ArithmeticError) as error:
                wrong = InvalidData(path=source, problem=f"row {number}: {error}")
                if on_wrong is None:
                    raise wrong from error
                on_wrong(str(wrong))
            else:
                yield made
    finally:
        # Whatever file is behind it is read no further.
        if isinstance(reading, Generator):
            reading.close()


def _item(row: Row, currency: str) -> ItemRow:
    named = {
        name.removeprefix(ATTRIBUTE_PREFIX): _attribute(value, name)
        for name, value in row.items()
        if name.startswith(ATTRIBUTE_PREFIX) and value not in (None, "", [])
    }
    given = row.get("attributes") or {}
    if not isinstance(given, Mapping):
        raise TypeError("attributes are no object")
    attributes = {name: _attribute(value, name) for name, value in given.items()} | named
    parts = {part for name in row for part in _PARTS.get(name, ())}
    parts |= {name for name in row if name.startswith(ATTRIBUTE_PREFIX)}
    item = Item(
        title=text_of(row, "title"),
        category_paths=tuple(
            filter(None, (text_of(row, "category"), *_texts(row.get("category_paths"))))
        ),
        brand=text_of(row, "brand"),
        prices=tuple(_prices(row, currency)),
        page_url=text_of(row, "page_url"),
        image_url=text_of(row, "image_url"),
        attributes=attributes,
        available_from_time=_seconds(row, "available_start_time"),
        available_until_time=_seconds(row, "available_end_time"),
        release_time=_seconds(row, "release_time"),
        primary_item_id=text_of(row, "primary_item_id"),
        age_min=int(number_of(row, "age_years_min") or 0),
        margin=number_of(row, "margin"),
    )
    return ItemRow(ItemId(text_of(row, "item_id")), item, tuple(sorted(parts)))


def _prices(row: Row, currency: str) -> Iterator[Price]:
    """Read the list of prices, and the one price, which may be said as `12.50 EUR`."""
    for one in row.get("prices") or ():
        if not isinstance(one, Mapping):
            raise TypeError("prices are no list of objects")
        yield Price(
            amount=amount_of(one.get("amount"), "prices.amount"),
            currency=text_of(one, "currency") or currency,
            from_time=_seconds(one, "start_time"),
            until_time=_seconds(one, "end_time"),
        )
    words = text_of(row, "price").split()
    if not words:
        return
    said = text_of(row, "currency") or currency
    if len(words) == _PRICE_WORDS:
        said = words.pop()
    yield Price(amount=amount_of(" ".join(words), "price"), currency=said)


def _texts(value: object) -> tuple[str, ...]:
    if value in (None, ""):
        return ()
    if isinstance(value, str):
        return tuple(text.strip() for text in value.split(LIST_SEPARATOR))
    if not isinstance(value, Sequence):
        raise TypeError("category_paths are no list")
    return tuple(map(str, value))


def _attribute(value: Any, name: str) -> Attribute:
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        return Attribute(numbers=tuple(map(float, values)))
    if any(isinstance(one, Mapping) for one in values):
        raise TypeError(f"{name} is an object; it must be texts or numbers")
    texts = [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
    return Attribute(
        texts=tuple(part.strip() for text in texts for part in text.split(LIST_SEPARATOR))
    )


def _store(row: Row) -> Store:
    kind = text_of(row, "kind")
    store_id = StoreId(text_of(row, "store_id"))
    if kind and kind not in set(StoreKind):
        raise ValueError(f"kind is {kind!r}; it must be one of {', '.join(StoreKind)}")
    usual = StoreKind.ONLINE if store_id == STORE_ONLINE else StoreKind.PHYSICAL
    return Store(
        store_id=store_id,
        title=text_of(row, "title"),
        kind=StoreKind(kind) if kind else usual,
        latitude=number_of(row, "latitude"),
        longitude=number_of(row, "longitude"),
        time_zone=text_of(row, "time_zone"),
    )


def _cell(row: Row, now: float) -> StockCell:
    adjustment_id = text_of(row, "adjustment_id")
    column = "quantity_change" if adjustment_id and text_of(row, "quantity_change") else "quantity"
    quantity = number_of(row, column)
    if quantity is None:
        raise ValueError(f"{column} is empty; it must be a number")
    stock_time = _seconds(row, "stock_time")
    return StockCell(
        item_id=ItemId(text_of(row, "item_id")),
        store_id=StoreId(text_of(row, "store_id") or STORE_ONLINE),
        quantity=quantity,
        stock_time=now if stock_time is None else stock_time,
        adjustment_id=adjustment_id,
    )


def _seconds(row: Row, name: str) -> float | None:
    return seconds_of(row.get(name), name)
