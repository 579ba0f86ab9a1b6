"""The click-and-collect story: a shop sells while shoppers ask what they can pick up there."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from recsys.v1.catalog_pb2 import Item, StockCount, Store
from recsys.v1.catalog_service_pb2 import (
    SetInventoryRequest,
    UpsertItemsRequest,
    UpsertStoresRequest,
)
from recsys.v1.context_pb2 import Context
from recsys.v1.recommendation_service_pb2 import (
    CompleteBasketRequest,
    LocateItemRequest,
    RankItemsRequest,
    RecommendPageRequest,
    RecommendRequest,
    SimilarItemsRequest,
    Slot,
    TrendingRequest,
)
from recsys.v1.rules_pb2 import STOCK_RULE_STORE, Cap, Rules
from support.serving import ITEM_COUNT, Running

SHOP = "shop"
HERE = Context(store_id=SHOP)
RULES = Rules(in_stock=STOCK_RULE_STORE, caps=[Cap(field="brand", count_max=4)], diversity=0.2)
ALL = [f"item-{row}" for row in range(ITEM_COUNT)]
SALES = 30


class Till:
    """Sells and receives, and remembers since when each item is gone."""

    def __init__(self, running: Running) -> None:
        self._catalog = running.catalog
        self._rng = random.Random(5)
        self.gone: dict[str, int] = {}

    async def open(self) -> None:
        """Fill the shop."""
        items = [Item(item_id=name, brand=f"b{at % 5}") for at, name in enumerate(ALL)]
        await self._catalog.UpsertItems(UpsertItemsRequest(items=items))
        await self._catalog.UpsertStores(UpsertStoresRequest(stores=[Store(store_id=SHOP)]))
        await self._count(ALL, 1)

    async def sell(self) -> None:
        """Sell the last of some items, and receive others, again and again."""
        for number in range(SALES):
            sold = self._rng.sample([name for name in ALL if name not in self.gone], 3)
            await self._count(sold, 0)
            # From the acknowledgement on they must not be offered.
            self.gone |= dict.fromkeys(sold, number)
            if len(self.gone) > ITEM_COUNT // 2:
                back = self._rng.sample(list(self.gone), 3)
                for name in back:
                    del self.gone[name]
                await self._count(back, 1)

    async def _count(self, names: list[str], quantity: float) -> None:
        counts = [StockCount(item_id=name, store_id=SHOP, quantity=quantity) for name in names]
        answer = await self._catalog.SetInventory(SetInventoryRequest(counts=counts))
        assert not any(one.invalid_fields for one in answer.results)


def questions(running: Running) -> list[Callable[[], Awaitable[Any]]]:
    """All that a shopper sees in the shop."""
    stub = running.recommendation
    return [
        lambda: stub.Recommend(RecommendRequest(context=HERE)),
        lambda: stub.Recommend(RecommendRequest(context=HERE, rules=RULES)),
        lambda: stub.SimilarItems(SimilarItemsRequest(item_id="item-8", context=HERE)),
        lambda: stub.RankItems(RankItemsRequest(item_ids=ALL, context=HERE)),
        lambda: stub.CompleteBasket(CompleteBasketRequest(item_ids=["item-8"], context=HERE)),
        lambda: stub.Trending(TrendingRequest(context=HERE)),
        lambda: stub.RecommendPage(
            RecommendPageRequest(context=HERE, slots=[Slot(page_size=3), Slot(page_size=3)])
        ),
        lambda: stub.LocateItem(LocateItemRequest(item_id="item-8", context=HERE)),
    ]


def offered(answer: Any) -> set[str]:
    """Name the items that an answer promises in the shop."""
    fields = answer.DESCRIPTOR.fields_by_name
    if "slots" in fields:
        return {one.item_id for slot in answer.slots for one in slot.results}
    if "equivalents" in fields:
        return {one.item_id for one in answer.equivalents}
    return {one.item_id for one in answer.results}


async def test_what_was_sold_is_never_offered_for_pick_up(
    remembering: tuple[Running, Running],
) -> None:
    """By whatever is asked of the one server while the other one writes."""
    till = Till(remembering[0])
    await till.open()
    selling = asyncio.create_task(till.sell())
    seen: set[str] = set()
    asked = questions(remembering[1])
    number = 0
    try:
        while not selling.done():
            before = dict(till.gone)
            answer = await asked[number % len(asked)]()
            names = offered(answer)
            # What came back in between may be offered again.
            gone = {name for name, since in before.items() if till.gone.get(name) == since}
            assert not names & gone
            seen |= names
            number += 1
    finally:
        selling.cancel()
        await asyncio.wait([selling])
    assert selling.exception() is None
    assert len(seen) > ITEM_COUNT // 2
    for ask in asked:
        assert offered(await ask()) <= set(ALL) - set(till.gone)
