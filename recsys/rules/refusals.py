"""Why an item is not shown, in words and figures, for those who have to answer that question."""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from recsys.catalog import CatalogFeed, Item, item_record
from recsys.domain import ItemId, ShortfallCause
from recsys.filters import Failure
from recsys.rules.filtered import item_filter
from recsys.rules.permitted import Part


class Refusal(NamedTuple):
    """One rule that does not let an item through.

    Attributes:
        cause: Which kind of rule.
        detail: What it asks for and what the item has; English, for staff.
    """

    cause: ShortfallCause
    detail: str


def refusals(
    parts: Sequence[Part], item_id: ItemId, catalog: CatalogFeed, *, now: float
) -> list[Refusal]:
    """Say why each of some rules does not let an item through.

    Args:
        parts: The rules that do not.
        item_id: The item.
        catalog: What is known of it.
        now: Seconds since 1970-01-01 UTC.

    Raises:
        StorageUnavailable: The storage does not answer.
    """
    if not parts:
        return []
    item = catalog.find_items([item_id]).get(item_id)
    return [Refusal(part.cause, _detail(part, item_id, item, catalog, now=now)) for part in parts]


def _detail(
    part: Part, item_id: ItemId, item: Item | None, catalog: CatalogFeed, *, now: float
) -> str:
    match part.cause:
        case ShortfallCause.NOT_OFFERED:
            return "is not in the catalogue" if item is None else _hours(item)
        case ShortfallCause.OUT_OF_STOCK:
            return _stock(part.text, item_id, catalog)
        case _:
            record = {} if item is None else item_record(item, now=now)
            failures = item_filter(part.text).explain(record, now=now)
            return "; ".join(map(_failure, failures)) or part.text


def _hours(item: Item) -> str:
    words = []
    for word, time in (("from", item.available_from_time), ("until", item.available_until_time)):
        if time is not None:
            words.append(f"{word} {dt.datetime.fromtimestamp(time, dt.UTC).isoformat()}")
    return f"is offered {' '.join(words)}"


def _stock(stores: str, item_id: ItemId, catalog: CatalogFeed) -> str:
    names = stores.split(", ") if stores else []
    known = {row.store_id: row for row in catalog.quantities(item_id)}
    said = []
    for name in names:
        row = next((one for store, one in known.items() if store == name), None)
        if row is None:
            said.append(f"{name} has never had it")
        else:
            when = dt.datetime.fromtimestamp(row.stock_time, dt.UTC).isoformat(timespec="seconds")
            said.append(f"{name} had {row.quantity:g} at {when}")
    return "; ".join(said) or "no store is meant"


def _failure(failure: Failure) -> str:
    has = ", ".join(
        f"{name} is {' and '.join(map(str, values)) if values else 'missing'}"
        for name, values in failure.values.items()
    )
    return f"{failure.expression}: {has}"
