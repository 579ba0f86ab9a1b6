"""Items to be written become values, every field checked; and back."""

import math
import re
from collections.abc import Sequence
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask

from recsys import limits
from recsys.catalog import ATTRIBUTE_PREFIX, CATEGORY_SEPARATOR, Attribute, Item, Price
from recsys.domain import ItemId
from recsys.serving import fields
from recsys.serving.encode import put_moment
from recsys.serving.money import amount_of, money_of
from recsys.v1 import catalog_pb2
from recsys.violations import Violations

_ATTRIBUTE: Final = re.compile(
    rf"[A-Za-z][A-Za-z0-9_]{{0,{limits.ATTRIBUTE_NAME_CHARS_MAX - 1}}}", re.ASCII
)
_ATTRIBUTE_ALLOWED: Final = (
    f"allowed 1 to {limits.ATTRIBUTE_NAME_CHARS_MAX} letters, digits and underscores,"
    " starting with a letter"
)
_LEVEL_MARK: Final = CATEGORY_SEPARATOR.strip()
_TEXTS: Final = (
    ("title", limits.TITLE_BYTES_MAX),
    ("brand", limits.BRAND_BYTES_MAX),
    ("page_url", limits.URL_BYTES_MAX),
    ("image_url", limits.URL_BYTES_MAX),
    ("primary_item_id", limits.ITEM_ID_BYTES_MAX),
)
_EVERYTHING: Final = "*"
# What the wire says in one field is kept in these parts of an item.
_PARTS: Final = {
    "title": ("title",),
    "category_paths": ("category_paths",),
    "brand": ("brand",),
    "prices": ("prices",),
    "page_url": ("page_url",),
    "image_url": ("image_url",),
    "attributes": ("attributes",),
    "availability": ("available_from_time", "available_until_time"),
    "release_time": ("release_time",),
    "primary_item_id": ("primary_item_id",),
    "age_years_min": ("age_min",),
    "margin": ("margin",),
}


def parse_item(sent: catalog_pb2.Item, wrong: Violations, path: str) -> tuple[ItemId, Item]:
    """Check an item.

    Args:
        sent: Anything that arrived.
        wrong: Collects its wrong fields.
        path: Of the item in the request, with a dot at its end; empty for itself.

    Returns:
        Its id and what is said of it; of no use if a field is wrong.
    """
    wrong.text(sent.item_id, f"{path}item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
    for name, bytes_max in _TEXTS:
        text: str = getattr(sent, name)
        if text:
            wrong.text(text, f"{path}{name}", bytes_max=bytes_max)
    if sent.primary_item_id and sent.primary_item_id == sent.item_id:
        wrong.add(f"{path}primary_item_id", "is the item itself; allowed is another item")
    if not 0 <= sent.age_years_min <= limits.AGE_MAX:
        wrong.add(f"{path}age_years_min", f"is {sent.age_years_min}; allowed 0 to {limits.AGE_MAX}")
    margin = sent.margin if sent.HasField("margin") else None
    if margin is not None and not abs(margin) <= limits.MONEY_UNITS_MAX:  # True for NaN too.
        bound = limits.MONEY_UNITS_MAX
        wrong.add(f"{path}margin", f"is {margin:g}; allowed -{bound} to {bound}")
    available_from, available_until = _span(sent.availability, wrong, f"{path}availability")
    return ItemId(sent.item_id), Item(
        title=sent.title,
        category_paths=_categories(sent.category_paths, wrong, f"{path}category_paths"),
        brand=sent.brand,
        prices=_prices(sent.prices, wrong, f"{path}prices"),
        page_url=sent.page_url,
        image_url=sent.image_url,
        attributes=_attributes(sent, wrong, f"{path}attributes"),
        available_from_time=available_from,
        available_until_time=available_until,
        release_time=_moment(sent, "release_time", wrong, path),
        primary_item_id=sent.primary_item_id,
        age_min=sent.age_years_min,
        margin=margin,
    )


def parse_mask(mask: FieldMask, wrong: Violations, path: str) -> tuple[str, ...] | None:
    """Return the parts of an item that a mask names; None for everything."""
    paths = mask.paths
    if not 1 <= len(paths) <= limits.MASK_PATH_COUNT_MAX:
        wrong.add(
            f"{path}.paths",
            f"has {len(paths)} entries; allowed 1 to {limits.MASK_PATH_COUNT_MAX}",
        )
        return ()
    if list(paths) == [_EVERYTHING]:
        return None
    parts: list[str] = []
    for position, one in enumerate(paths):
        name = one.removeprefix(ATTRIBUTE_PREFIX)
        if one in _PARTS:
            parts += _PARTS[one]
        elif name != one and _ATTRIBUTE.fullmatch(name):
            parts.append(one)
        else:
            known = ", ".join(_PARTS)
            wrong.add(
                f"{path}.paths[{position}]",
                f"is no field of an item; allowed {known} and {ATTRIBUTE_PREFIX}NAME",
            )
    return tuple(parts)


def mask_of(parts: Sequence[str]) -> FieldMask:
    """Say parts of an item in the words of the wire."""
    names = [name for name, some in _PARTS.items() if set(some) & set(parts)]
    return FieldMask(paths=[*names, *(one for one in parts if one.startswith(ATTRIBUTE_PREFIX))])


def encode_item(item_id: ItemId, item: Item, *, with_margin: bool = False) -> catalog_pb2.Item:
    """Say an item in the words of the wire."""
    sent = catalog_pb2.Item(
        item_id=item_id,
        title=item.title,
        category_paths=item.category_paths,
        brand=item.brand,
        prices=[_encode_price(price) for price in item.prices],
        page_url=item.page_url,
        image_url=item.image_url,
        primary_item_id=item.primary_item_id,
        age_years_min=item.age_min,
        margin=item.margin if with_margin else None,
    )
    for name, one in item.attributes.items():
        sent.attributes[name].texts.extend(one.texts)
        sent.attributes[name].numbers.extend(one.numbers)
    put_moment(sent.availability.start_time, item.available_from_time)
    put_moment(sent.availability.end_time, item.available_until_time)
    put_moment(sent.release_time, item.release_time)
    return sent


def _encode_price(price: Price) -> catalog_pb2.Price:
    sent = catalog_pb2.Price(amount=money_of(price.amount, price.currency))
    put_moment(sent.start_time, price.from_time)
    put_moment(sent.end_time, price.until_time)
    return sent


def _moment(
    sent: catalog_pb2.Item | catalog_pb2.Price | catalog_pb2.Availability,
    name: str,
    wrong: Violations,
    path: str,
) -> float | None:
    if not sent.HasField(name):
        return None
    return fields.moment(getattr(sent, name), wrong, f"{path}{name}")


def _span(
    sent: catalog_pb2.Price | catalog_pb2.Availability, wrong: Violations, path: str
) -> tuple[float | None, float | None]:
    start = _moment(sent, "start_time", wrong, f"{path}.")
    end = _moment(sent, "end_time", wrong, f"{path}.")
    if start is not None and end is not None and end <= start:
        wrong.add(f"{path}.end_time", "is not after start_time; allowed are later ones")
    return start, end


def _prices(sent: Sequence[catalog_pb2.Price], wrong: Violations, path: str) -> tuple[Price, ...]:
    if not wrong.count_within(sent, path, count_max=limits.PRICE_COUNT_MAX):
        return ()
    prices = []
    for position, one in enumerate(sent):
        amount = amount_of(one.amount, wrong, f"{path}[{position}].amount")
        start, end = _span(one, wrong, f"{path}[{position}]")
        prices.append(
            Price(amount=amount, currency=one.amount.currency_code, from_time=start, until_time=end)
        )
    return tuple(prices)


def _categories(sent: Sequence[str], wrong: Violations, path: str) -> tuple[str, ...]:
    if not wrong.count_within(sent, path, count_max=limits.CATEGORY_PATH_COUNT_MAX):
        return ()
    found = []
    for position, text in enumerate(sent):
        field = f"{path}[{position}]"
        wrong.text(text, field, bytes_max=limits.CATEGORY_PATH_BYTES_MAX)
        levels = [level.strip() for level in text.split(_LEVEL_MARK)]
        if not all(levels):
            wrong.add(field, f"has an empty level at {levels.index('')}; allowed are none")
        elif len(set(levels)) < len(levels):
            wrong.add(field, "has a level twice; allowed once each, for a path leads down")
        if len(levels) > limits.PATH_LEVEL_COUNT_MAX:
            wrong.add(
                field, f"has {len(levels)} levels; allowed 1 to {limits.PATH_LEVEL_COUNT_MAX}"
            )
        found.append(CATEGORY_SEPARATOR.join(levels))
    # The same path twice says nothing more.
    return tuple(dict.fromkeys(found))


def _attributes(sent: catalog_pb2.Item, wrong: Violations, path: str) -> dict[str, Attribute]:
    if not wrong.count_within(sent.attributes, path, count_max=limits.ATTRIBUTE_COUNT_MAX):
        return {}
    found = {}
    for position, name in enumerate(sorted(sent.attributes)):
        one = sent.attributes[name]
        if _ATTRIBUTE.fullmatch(name) is None:
            # Its name may be anything, and would end up in logs.
            wrong.add(f"{path}[{position}]", f"has another name; {_ATTRIBUTE_ALLOWED}")
            continue
        field = f"{path}.{name}"
        if bool(one.texts) == bool(one.numbers):
            wrong.add(field, "has both texts and numbers, or neither; allowed is one of them")
        if wrong.count_within(
            one.texts, f"{field}.texts", count_max=limits.ATTRIBUTE_VALUE_COUNT_MAX
        ):
            for at, text in enumerate(one.texts):
                wrong.text(text, f"{field}.texts[{at}]", bytes_max=limits.ATTRIBUTE_VALUE_BYTES_MAX)
        if wrong.count_within(
            one.numbers, f"{field}.numbers", count_max=limits.ATTRIBUTE_VALUE_COUNT_MAX
        ):
            for at, number in enumerate(one.numbers):
                if not math.isfinite(number):
                    wrong.add(f"{field}.numbers[{at}]", f"is {number}; allowed are finite ones")
        found[name] = Attribute(tuple(one.texts), tuple(one.numbers))
    return found
