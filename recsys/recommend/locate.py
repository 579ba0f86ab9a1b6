"""Where an item is: in the shop asked for, in the nearest ones, and what is there in its place."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from recsys import limits
from recsys.catalog import CatalogFeed, Item, Place, StockRow, StoreMap, place_of
from recsys.domain import Channel, ItemId, StockRule, StoreId
from recsys.filters.nodes import Quoted
from recsys.recommend.query import Answer, SimilarQuery
from recsys.rules import NO_RULES, PLACEMENT_DEFAULT, Rules
from recsys.rules.filter_rules import rounded_price

_PRICE_BAND: Final = 0.3
"""How far the price of an equivalent may be from the item's."""


class LocateQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where is an item, as seen from a store or a place?

    Attributes:
        item_id: The item.
        store_id: The shop asked for; None for none.
        place: Where the person is; None for where the shop is.
        store_count: Other shops wanted, 1 to 20.
        placement: The slot of the frontend.
        channel: Where the answer is shown.
        result_count: Equivalents wanted, 1 to 100.
        rules: What is asked of equivalents beside being in stock.
    """

    item_id: ItemId
    store_id: StoreId | None = None
    place: Place | None = None
    store_count: int = limits.NEARBY_COUNT_DEFAULT
    placement: str = PLACEMENT_DEFAULT
    channel: Channel | None = None
    result_count: int = limits.RESULT_COUNT_DEFAULT
    rules: Rules = NO_RULES


class StoreWithItem(NamedTuple):
    """A shop that has an item.

    Attributes:
        stock: What is known of the item there; above 0.
        distance_km: As the crow flies; None where it cannot be said.
    """

    stock: StockRow
    distance_km: float | None


class Located(msgspec.Struct, frozen=True, kw_only=True):
    """Where an item is.

    Attributes:
        here: What is known of it in the shop asked for; None if nothing is.
        stores: Other shops that have it, the nearest first; those whose distance cannot be
            said come last.
        equivalents: Similar items of its category and price that the shop asked for has,
            where it does not have the item; None where it does, or none was asked for.
    """

    here: StockRow | None
    stores: tuple[StoreWithItem, ...]
    equivalents: Answer | None

    @property
    def is_here(self) -> bool:
        """Whether the shop asked for has it."""
        return self.here is not None and self.here.quantity > 0.0


def stores_with_item(
    query: LocateQuery, rows: Sequence[StockRow], catalog: CatalogFeed
) -> tuple[StoreWithItem, ...]:
    """Return other shops that have an item, the nearest first.

    Args:
        query: The question.
        rows: What is known of the item in all stores.
        catalog: Knows where they are.

    Raises:
        StorageUnavailable: The storage does not answer.
    """
    stocked = {row.store_id: row for row in rows if row.quantity > 0.0}
    stocked.pop(query.store_id or StoreId(""), None)
    stores = {store.store_id: store for store in catalog.stores()}
    asked = None if query.store_id is None else stores.get(query.store_id)
    place = query.place or place_of(asked)
    found: list[StoreWithItem] = []
    if place is not None:
        near = StoreMap(stores[name] for name in stocked if name in stores)
        found = [
            StoreWithItem(stocked.pop(one.store_id), one.distance_km)
            for one in near.nearest(place, count_max=query.store_count)
        ]
    rest = [StoreWithItem(stocked[name], None) for name in sorted(stocked)]
    return (*found, *rest)[: query.store_count]


def equivalents_query(query: LocateQuery, item: Item | None, *, now: float) -> SimilarQuery:
    """Say what equivalents of an item are: similar, of its category, near its price, in stock."""
    words = [f"({query.rules.filter})"] if query.rules.filter else []
    if item is not None and item.category_paths:
        words.append(f"category:{Quoted((item.category_paths[0],))}")
    price = None if item is None else item.price(now)
    if price is not None:
        amount = float(price.amount)
        low, high = amount * (1.0 - _PRICE_BAND), amount * (1.0 + _PRICE_BAND)
        words.append(f"price >= {rounded_price(low)} AND price <= {rounded_price(high)}")
    return SimilarQuery(
        item_id=query.item_id,
        placement=query.placement,
        channel=query.channel,
        store_id=query.store_id,
        result_count=query.result_count,
        rules=msgspec.structs.replace(
            query.rules, filter=" AND ".join(words) or None, in_stock=StockRule.STORE
        ),
    )
