"""Rules over the wire: what one server is told counts in the next answer of the other."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import BadRequest
from grpc_status import rpc_status

from recsys.catalog import Attribute, Item, Price, StockCell, Store
from recsys.domain import ItemId, StoreId
from recsys.errors import InvalidConfig
from recsys.rules import read_placements
from recsys.serving.config import StorageConfig
from recsys.serving.rules_file import placements_file
from recsys.serving.storage import Storage, open_storage
from recsys.v1.catalog_pb2 import Place
from recsys.v1.context_pb2 import Context
from recsys.v1.recommendation_service_pb2 import (
    ExplainItemRequest,
    LocateItemRequest,
    RecommendRequest,
    SimilarItemsRequest,
)
from recsys.v1.result_pb2 import (
    REASON_KIND_EDITORIAL,
    SHORTFALL_CAUSE_CATALOG,
    SHORTFALL_CAUSE_FILTERED,
    SHORTFALL_CAUSE_OUT_OF_STOCK,
)
from recsys.v1.rules_pb2 import (
    STOCK_RULE_ANYWHERE,
    STOCK_RULE_NEARBY,
    STOCK_RULE_STORE,
    Boost,
    Cap,
    Pin,
    Rebuy,
    Rules,
    Share,
)
from support.serving import ITEM_COUNT, Running, SyncError

SHOP = StoreId("shop")


def item(row: int) -> Item:
    """Five brands, prices by row, the last ten for adults."""
    return Item(
        title=f"Item {row}",
        category_paths=("Even" if row % 2 == 0 else "Odd > Odder",),
        brand=f"b{row % 5}",
        prices=(Price(amount=str(row), currency="EUR"),),
        attributes={"color": Attribute(texts=("red",) if row < 20 else ("blue",))},
        age_min=18 if row >= ITEM_COUNT - 10 else 0,
    )


@pytest.fixture
def storage(storage_config: StorageConfig) -> Storage:
    """The storage of both servers, with a catalogue and a shop."""
    storage = open_storage(storage_config)
    assert storage.catalog_store is not None
    now = time.time()
    storage.catalog_store.upsert_items(
        {ItemId(f"item-{row}"): item(row) for row in range(ITEM_COUNT)}, now=now
    )
    storage.catalog_store.upsert_stores([Store(store_id=SHOP)], now=now)
    stock(storage, {3: 1, 4: 2, 6: 1}, now=now)
    return storage


def stock(storage: Storage, quantities: dict[int, int], *, now: float | None = None) -> None:
    """Count what the shop has."""
    assert storage.catalog_store is not None
    now = time.time() if now is None else now
    cells = [
        StockCell(item_id=ItemId(f"item-{row}"), store_id=SHOP, quantity=quantity, stock_time=now)
        for row, quantity in quantities.items()
    ]
    storage.catalog_store.set_stock(cells, now=now)


async def asked(running: Running, **rules: Any) -> tuple[list[int], Any]:
    """Ask for nobody; return rows and the answer."""
    request = RecommendRequest(page_size=10, rules=Rules(**rules))
    answer = await running.recommendation.Recommend(request)
    return [int(one.item_id.removeprefix("item-")) for one in answer.results], answer


async def test_stock_counts_in_the_next_answer_of_every_server(
    storage: Storage, remembering: tuple[Running, Running]
) -> None:
    """The click-and-collect story: what is sold this moment is not offered the next."""
    here = RecommendRequest(page_size=5, context=Context(store_id=SHOP))
    for running in remembering:
        answer = await running.recommendation.Recommend(here)
        assert {one.item_id for one in answer.results} == {"item-3", "item-4", "item-6"}
        causes = {part.cause: part.item_count for part in answer.shortfall.parts}
        assert causes == {SHORTFALL_CAUSE_OUT_OF_STOCK: ITEM_COUNT - 3}
    for round_ in range(10):
        sold, arrived = (4, 7) if round_ % 2 == 0 else (7, 4)
        stock(storage, {sold: 0, arrived: 5})
        for running in remembering:
            answer = await running.recommendation.Recommend(here)
            found = {one.item_id for one in answer.results}
            assert found == {"item-3", "item-6", f"item-{arrived}"}
    similar = SimilarItemsRequest(item_id="item-8", page_size=3, context=Context(store_id=SHOP))
    answer = await remembering[0].recommendation.SimilarItems(similar)
    assert [one.item_id for one in answer.results][:2] == ["item-4", "item-6"]


@pytest.mark.parametrize("storage_config", ["sqlite"], indirect=True)
async def test_rules_of_a_request(storage: Storage, remembering: tuple[Running, Running]) -> None:
    """Each of them, against the real catalogue."""
    running = remembering[0]
    assert storage.catalog is not None
    rows, _ = await asked(running, filter="price < 12 AND brand = b1")
    assert set(rows) == {1, 6, 11}
    rows, answer = await asked(running, filter='category:Odder AND NOT attributes.color = "red"')
    assert len(rows) == 10
    assert all(row % 2 == 1 and row >= 20 for row in rows)
    rows, answer = await asked(running, filter="price > 100")
    assert rows == []
    assert answer.shortfall.parts[0].cause == SHORTFALL_CAUSE_FILTERED
    rows, _ = await asked(running, filter="price >= 20", caps=[Cap(field="brand", count_max=1)])
    assert sorted(row % 5 for row in rows) == [0, 1, 2, 3, 4]
    rows, answer = await asked(
        running, pins=[Pin(item_id="item-39", position=2), Pin(item_id="nothing", position=1)]
    )
    assert rows[1] == 39
    assert answer.results[1].reason.kind == REASON_KIND_EDITORIAL
    assert len(rows) == 10
    rows, _ = await asked(running, boosts=[Boost(filter="brand = b4", factor=1000)])
    assert [row % 5 for row in rows[:8]] == [4] * 8
    rows, _ = await asked(running, boosts=[Boost(filter="category:Even", factor=0.001)])
    assert all(row % 2 == 1 for row in rows)
    rows, _ = await asked(running, shares=[Share(filter="brand = b2", share=0.5)])
    assert sum(row % 5 == 2 for row in rows) >= 5
    rows, _ = await asked(running, age_restricted=False, filter="price >= 25")
    assert set(rows) == set(range(25, ITEM_COUNT - 10))
    for age, count in ((17, 5), (18, 10)):
        request = RecommendRequest(
            page_size=10, context=Context(buyer_age=age), rules=Rules(filter="price >= 25")
        )
        assert len((await running.recommendation.Recommend(request)).results) == count
    rows, _ = await asked(running, in_stock=STOCK_RULE_ANYWHERE, diversity=1.0)
    assert {row % 2 for row in rows[:2]} == {0, 1}


async def test_where_an_item_is_and_what_is_there_in_its_place(
    storage: Storage, remembering: tuple[Running, Running]
) -> None:
    """The shop asked for, the nearest ones that have it, and equivalents that the shop has."""
    assert storage.catalog_store is not None
    now = time.time()
    places = {"shop": (48.86, 2.35), "lille": (50.63, 3.06), "lyon": (45.76, 4.84)}
    storage.catalog_store.upsert_stores(
        [
            Store(store_id=StoreId(name), latitude=north, longitude=east)
            for name, (north, east) in places.items()
        ],
        now=now,
    )
    for name, quantity in (("lille", 2), ("lyon", 1), ("online", 7), ("shop", 0)):
        cell = StockCell(
            item_id=ItemId("item-8"), store_id=StoreId(name), quantity=quantity, stock_time=now
        )
        storage.catalog_store.set_stock([cell], now=now)
    locate = remembering[1].recommendation.LocateItem
    found = await locate(LocateItemRequest(item_id="item-8", context=Context(store_id=SHOP)))
    assert not found.is_here
    assert found.here.quantity == 0
    assert [one.store_id for one in found.stores] == ["lille", "lyon", "online"]
    assert found.stores[0].distance_km == pytest.approx(203.6, abs=1.0)
    assert not found.stores[2].HasField("distance_km")
    # Of the even ones, 6 is within 30 % of 8, and the shop has it; 4 is too cheap.
    assert [one.item_id for one in found.equivalents] == ["item-6"]
    assert found.equivalents[0].reason.similar_to_item_id == "item-8"
    assert found.shortfall.missing_count == 19
    assert found.attribution_token
    near_lyon = Context(store_id=SHOP, place=Place(latitude=45.0, longitude=5.0))
    found = await locate(LocateItemRequest(item_id="item-8", context=near_lyon, store_count=1))
    assert [one.store_id for one in found.stores] == ["lyon"]
    found = await locate(LocateItemRequest(item_id="item-6", context=Context(store_id=SHOP)))
    assert found.is_here
    assert (found.here.quantity, len(found.equivalents)) == (1, 0)
    assert not found.attribution_token
    with pytest.raises(grpc.aio.AioRpcError, match="is not known"):
        await locate(LocateItemRequest(item_id="nothing"))
    wrong = Context(place=Place(latitude=91.0, longitude=float("nan")))
    with pytest.raises(grpc.aio.AioRpcError, match=r"context\.place\.latitude is 91"):
        await locate(LocateItemRequest(item_id="item-6", context=wrong))
    rules = Rules(in_stock=STOCK_RULE_NEARBY, nearby_km=250.0)
    request = RecommendRequest(context=Context(store_id=SHOP), rules=rules, page_size=20)
    answer = await remembering[0].recommendation.Recommend(request)
    assert {one.item_id for one in answer.results} == {"item-3", "item-4", "item-6", "item-8"}


@pytest.mark.usefixtures("storage")
async def test_why_an_item_is_not_shown(remembering: tuple[Running, Running]) -> None:
    """What the shop has of it, and which part of a filter it fails."""
    request = RecommendRequest(
        context=Context(store_id=SHOP), rules=Rules(filter="price < 5 AND brand != b4")
    )
    explain = remembering[1].recommendation.ExplainItem
    found = await explain(ExplainItemRequest(item_id="item-3", request=request))
    assert found.position == 1
    assert not found.refusals
    assert not found.HasField("score")
    found = await explain(ExplainItemRequest(item_id="item-9", request=request))
    assert [one.cause for one in found.refusals] == [
        SHORTFALL_CAUSE_OUT_OF_STOCK, SHORTFALL_CAUSE_FILTERED,
    ]  # fmt: skip
    assert found.refusals[0].detail == "shop has never had it"
    assert found.refusals[1].detail == "price < 5: price is 9.0; brand != b4: brand is b4"
    assert not (await explain(ExplainItemRequest(item_id="nothing"))).is_known
    request = RecommendRequest(
        explain=True,
        rules=Rules(pins=[Pin(item_id="nothing", position=1), Pin(item_id="item-3", position=2)]),
    )
    found = await explain(ExplainItemRequest(item_id="nothing", request=request))
    assert (found.is_known, found.pinned_position) == (False, 1)
    answer = await remembering[1].recommendation.Recommend(request)
    (pin,) = answer.explanation.pins_left_out
    assert (pin.item_id, pin.position) == ("nothing", 1)
    assert [one.cause for one in pin.refusals] == [SHORTFALL_CAUSE_CATALOG]
    with pytest.raises(grpc.aio.AioRpcError, match=r"request\.page_size is -1"):
        await explain(ExplainItemRequest(item_id="i", request=RecommendRequest(page_size=-1)))


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        (Rules(filter="prise < 5"), {"rules.filter": "column 1"}),
        (Rules(filter="price < NaN"), {"rules.filter": "column 9"}),
        (Rules(filter="("), {"rules.filter": "column 2"}),
        (Rules(filter="(" * 9_000), {"rules.filter": "8192"}),
        (Rules(in_stock=99), {"rules.in_stock": "is 99; allowed 0 to 5"}),  # type: ignore[arg-type]  # wrong on purpose
        (Rules(in_stock=STOCK_RULE_STORE), {"context.store_id": "missing"}),
        (
            Rules(boosts=[Boost(filter="brand = b1", factor=float("inf")), Boost(factor=1.0)]),
            {
                "rules.boosts[0].factor": "is inf; allowed 0.001 to 1000",
                "rules.boosts[1].filter": "",
            },
        ),
        (
            Rules(pins=[Pin(item_id="a", position=1), Pin(item_id="a", position=1)]),
            {"rules.pins[1].position": "another pin", "rules.pins[1].item_id": "twice"},
        ),
        (
            Rules(pins=[Pin(position=101)]),
            {"rules.pins[0].item_id": "", "rules.pins[0].position": ""},
        ),
        (
            Rules(caps=[Cap(field="price", count_max=0)]),
            {"rules.caps[0].field": "brand", "rules.caps[0].count_max": "allowed 1 to 100"},
        ),
        (
            Rules(shares=[Share(filter="price > 1", share=0.6)] * 2),
            {"rules.shares": "add up to 1.2"},
        ),
        (Rules(shares=[Share(filter="price > 1", share=0.1)] * 5), {"rules.shares": "0 to 4"}),
        (Rules(rebuys=[Rebuy(days=-1.0)]), {"rules.rebuys[0].days": "is -1"}),
        (Rules(diversity=float("nan")), {"rules.diversity": "is nan; allowed 0 to 1"}),
        (Rules(price_band=-0.5), {"rules.price_band": "is -0.5"}),
        (Rules(newer_than_days=1e9), {"rules.newer_than_days": "is 1e+09"}),
    ],
)
async def test_wrong_rules_name_the_field(
    running: Running, rules: Rules, found: dict[str, str]
) -> None:
    """With what it is and what is allowed; of filters, with the column."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await running.recommendation.Recommend(RecommendRequest(rules=rules))
    error = caught.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rpc_status.from_call(SyncError(error))
    bad = BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    said = {one.field: one.description for one in bad.field_violations}
    assert said.keys() == found.keys()
    for field, text in found.items():
        assert text in said[field]


PLACEMENTS = """
[default]
age_restricted = false

[till]
in_stock = "store"
filter = "price < 50"
caps = [{ field = "brand", count_max = 3 }]
"""


def test_placements_have_their_own_rules_and_those_of_default() -> None:
    """One that is not in the file has those of default alone."""
    placements = read_placements(PLACEMENTS, source="test")
    till = placements.of("till")
    assert till.age_restricted is False
    assert till.caps is not None
    assert till.caps[0].count_max == 3
    assert placements.of("home") == placements.of("default")
    assert placements.of("home").caps is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[till", ["declaration"]),
        ("[Till]", ["[Till]", "lower case"]),
        ("[till]\nin_stok = 'store'", ["[till]", "in_stok"]),
        ("[till]\nin_stock = 'shop'", ["[till]", "shop"]),
        ("[till]\nfilter = 'prise < 5'", ["[till] filter", "column 1", "price"]),
        ("[till]\ndiversity = 2.0", ["[till] diversity is 2; allowed 0 to 1"]),
        ("[till]\ncaps = [{ field = 'price', count_max = 1 }]", ["caps[0].field", "'price'"]),
    ],
)
def test_wrong_placements_are_refused(text: str, words: Sequence[str]) -> None:
    """With the placement and the key."""
    with pytest.raises(InvalidConfig) as caught:
        read_placements(text, source="placements.toml")
    for word in ("placements.toml", *words):
        assert word in str(caught.value)


def test_a_file_of_placements_is_read_when_it_has_changed(tmp_path: Path) -> None:
    """What is wrong is said once for each change; a file that is away changes nothing."""
    path = tmp_path / "placements.toml"
    path.write_text(PLACEMENTS)
    file = placements_file(str(path))
    assert file.read().of("till").filter == "price < 50"
    assert file.changed() is None
    path.write_text("[till]\nfilter = 'price <'")
    with pytest.raises(InvalidConfig):
        file.changed()
    assert file.changed() is None
    path.unlink()
    assert file.changed() is None
    path.write_text("[till]\nfilter = 'price < 7'")
    changed = file.changed()
    assert changed is not None
    assert changed.of("till").filter == "price < 7"
    with pytest.raises(InvalidConfig, match="No such file"):
        placements_file(str(tmp_path / "nowhere.toml")).read()
