"""How a catalogue is laid out in rows, whatever the database.

A cell, which is an item in a store, has one number for a key: that of the store in the
high bits, that of the item in the low ones. So a store's cells are neighbours, and a list
of cells is a list of numbers.
"""

import enum
from typing import Final

import msgspec

from recsys import limits
from recsys.catalog import Item, Price, Store
from recsys.row_values import amount_of

STORE_BITS: Final = 32
"""By how many bits the key of a store is shifted in the key of a cell."""


ONLINE_KEY: Final = 1
"""Key of the store that exists always."""

ADD_CHANGE: Final = "INSERT INTO catalog_changes (seq, kind, subject_key) VALUES (?, ?, ?)"


class ChangeKind(enum.IntEnum):
    """What has changed; `subject_key` says which one."""

    ITEM = 1
    STOCK = 2
    STORES = 3


Change = tuple[ChangeKind, int]
"""What has changed: its kind and the key of the item or of the cell; 0 for stores."""


def cell_key(*, store_key: int, item_key: int) -> int:
    """Return the key of a cell."""
    return store_key << STORE_BITS | item_key


def store_key_of(cell: int) -> int:
    """Return the key of a cell's store."""
    return cell >> STORE_BITS


def item_text(item: Item) -> str:
    """Say an item as JSON; equal items give equal texts."""
    return msgspec.json.encode(item, order="deterministic").decode()


def store_text(store: Store) -> str:
    """Say a store as JSON; equal stores give equal texts."""
    return msgspec.json.encode(store, order="deterministic").decode()


read_item: Final = msgspec.json.Decoder(Item).decode
read_store: Final = msgspec.json.Decoder(Store).decode


def plain_item(
    title: str | None,
    category: str | None,
    brand: str | None,
    price: float | None,
    currency: str | None,
) -> Item:
    """Make an item of what imports and stores of earlier versions know of it.

    A price that nobody could ask stays out.
    """
    prices: tuple[Price, ...] = ()
    if price is not None and 0.0 <= price <= limits.MONEY_UNITS_MAX:
        prices = (Price(amount=amount_of(price, "price"), currency=currency or ""),)
    return Item(
        title=title or "",
        category_paths=(category,) if category else (),
        brand=brand or "",
        prices=prices,
    )
