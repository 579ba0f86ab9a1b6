"""The fields of an item that filters may name; docs/filters.md lists them."""

from collections.abc import Sequence
from typing import Final

from recsys.catalog.item import Item
from recsys.domain import normal_text
from recsys.filters import FieldType, Record, Schema

ITEM_SCHEMA: Final = Schema(
    fields={
        "category": FieldType.PATH,
        "brand": FieldType.TEXT,
        "price": FieldType.NUMBER,
        "currency": FieldType.TEXT,
        "age_min": FieldType.NUMBER,
        "release_time": FieldType.TIME,
        "available_from_time": FieldType.TIME,
        "available_until_time": FieldType.TIME,
        "primary_item_id": FieldType.TEXT,
    },
    maps=frozenset({"attributes"}),
)


def item_record(item: Item, *, now: float) -> Record:
    """Return what filters see of an item.

    Args:
        item: What is said of it.
        now: Which of its prices counts, seconds since 1970-01-01 UTC.
    """
    price = item.price(now)
    return {
        "category": item.category_paths,
        "brand": item.brand,
        "price": None if price is None else float(price.amount),
        "currency": "" if price is None else price.currency,
        "age_min": float(item.age_min),
        "release_time": item.release_time,
        "available_from_time": item.available_from_time,
        "available_until_time": item.available_until_time,
        "primary_item_id": item.primary_item_id,
        "attributes": {
            name: value.texts or value.numbers for name, value in item.attributes.items()
        },
    }


def item_columns(items: Sequence[Item | None], *, now: float) -> dict[str, list[object]]:
    """Return what filters see of many items, by field: the same as `item_record`, in less time.

    Args:
        items: What is said of each; None for items of which nothing is.
        now: Which of their prices count, seconds since 1970-01-01 UTC.
    """
    columns: dict[str, list[object]] = {name: [None] * len(items) for name in ITEM_SCHEMA.fields}
    for at, item in enumerate(items):
        if item is None:
            continue
        columns["category"][at] = item.category_paths
        columns["brand"][at] = item.brand
        columns["age_min"][at] = float(item.age_min)
        price = item.price(now)
        if price is not None:
            columns["price"][at] = float(price.amount)
            columns["currency"][at] = price.currency
        for name in _SELDOM:
            columns[name][at] = getattr(item, name)
        for name, value in item.attributes.items():
            column = f"attributes.{normal_text(name)}"
            if column not in columns:
                columns[column] = [None] * len(items)
            columns[column][at] = value.texts or value.numbers
    return columns


_SELDOM: Final = ("release_time", "available_from_time", "available_until_time", "primary_item_id")
