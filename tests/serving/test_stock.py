"""Stores and stock over a real connection, on every kind of storage."""

import math
import time
from typing import Any

import grpc
import grpc.aio
import pytest

from recsys import limits
from recsys.v1 import catalog_service_pb2 as service
from recsys.v1.catalog_pb2 import (
    STORE_KIND_ONLINE,
    STORE_KIND_PHYSICAL,
    Place,
    StockAdjustment,
    StockCount,
    Store,
)
from serving.test_catalog import LONG, MUG, at, stream, upsert
from serving.test_events import details, refused
from support.serving import Running

NAN, INF = math.nan, math.inf


async def count(running: Running, *counts: StockCount) -> list[str]:
    """Write counts; return what became of each."""
    response = await running.catalog.SetInventory(service.SetInventoryRequest(counts=counts))
    return [outcome(result) for result in response.results]


async def adjust(running: Running, *adjustments: StockAdjustment) -> list[str]:
    """Write adjustments; return what became of each."""
    response = await running.catalog.AdjustInventory(
        service.AdjustInventoryRequest(adjustments=adjustments)
    )
    return [outcome(result) for result in response.results]


def outcome(result: service.StockResult) -> str:
    """Say what became of a cell."""
    name = service.StockOutcome.Name(result.outcome).removeprefix("STOCK_OUTCOME_")
    return " ".join([name, *(one.field for one in result.invalid_fields)])


async def levels(running: Running, item_id: str) -> dict[str, float]:
    """How much of an item is where."""
    response = await running.catalog.GetInventory(service.GetInventoryRequest(item_id=item_id))
    return {level.store_id: level.quantity for level in response.levels}


async def test_stores_are_written_and_listed(remembering: tuple[Running, Running]) -> None:
    """The online store is always there."""
    one, other = remembering
    ulm = Store(
        store_id="ulm", title="Ulm", kind=STORE_KIND_PHYSICAL, time_zone="Europe/Berlin",
        place=Place(latitude=48.4, longitude=9.99),
    )  # fmt: skip
    await one.catalog.UpsertStores(
        service.UpsertStoresRequest(stores=[ulm, Store(store_id="berlin")])
    )
    page = await other.catalog.ListStores(service.ListStoresRequest(page_size=2))
    online = Store(store_id="online", kind=STORE_KIND_ONLINE)
    assert list(page.stores) == [Store(store_id="berlin", kind=STORE_KIND_PHYSICAL), online]
    page = await other.catalog.ListStores(
        service.ListStoresRequest(page_token=page.next_page_token)
    )
    assert (list(page.stores), page.next_page_token) == ([ulm], "")


@pytest.mark.parametrize(
    ("store", "field"),
    [
        (Store(), "store_id"),
        (Store(store_id="s", title=LONG), "title"),
        (Store(store_id="s", kind=9), "kind"),  # type: ignore[arg-type]  # from a later client
        (Store(store_id="s", place=Place(latitude=90.1)), "place.latitude"),
        (Store(store_id="s", place=Place(longitude=NAN)), "place.longitude"),
        (Store(store_id="s", time_zone="Mars/Olympus"), "time_zone"),
        (Store(store_id="s", time_zone="../../etc/passwd"), "time_zone"),
        (Store(store_id="s", time_zone="Europe"), "time_zone"),
        (Store(store_id="online", kind=STORE_KIND_PHYSICAL), "kind"),
        (Store(store_id="online", place=Place()), "place"),
        (Store(store_id="a"), "store_id"),
    ],
)
async def test_a_wrong_store_refuses_all_of_them(
    remembering_sqlite: Running, store: Store, field: str
) -> None:
    """Naming the field."""
    catalog = remembering_sqlite.catalog
    request = service.UpsertStoresRequest(stores=[Store(store_id="a"), store])
    code, _, bad = await refused(catalog.UpsertStores(request))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [one.field for one in bad.field_violations] == [f"stores[1].{field}"]
    assert len((await catalog.ListStores(service.ListStoresRequest())).stores) == 1


async def test_stock_is_counted_and_adjusted(remembering: tuple[Running, Running]) -> None:
    """Older counts never overwrite newer ones, and what is sent twice counts once."""
    one, other = remembering
    await upsert(one, MUG)
    now = time.time()
    counted = StockCount(item_id="mug", store_id="online", quantity=5, stock_time=at(now - 60))
    older = StockCount(item_id="mug", store_id="online", quantity=9, stock_time=at(now - 90))
    assert await count(one, counted, older, counted) == ["WRITTEN", "STALE", "DUPLICATE"]
    sale = StockAdjustment(
        item_id="mug", store_id="online", quantity_change=-2, adjustment_id="receipt-1"
    )
    known = StockAdjustment(
        item_id="mug", store_id="online", quantity_change=-1, adjustment_id="receipt-0",
        stock_time=at(now - 70),
    )  # fmt: skip
    assert await adjust(other, sale, known, sale) == ["WRITTEN", "STALE", "DUPLICATE"]
    assert await levels(one, "mug") == {"online": 3}
    assert one.counted("recsys_stock_cells_total", outcome="stale") == 1


async def test_wrong_cells_are_refused_each_for_itself(remembering_sqlite: Running) -> None:
    """And counted; the others are written."""
    running = remembering_sqlite
    await upsert(running, MUG)
    online: dict[str, Any] = {"item_id": "mug", "store_id": "online"}
    ahead = at(time.time() + limits.CLOCK_SKEW_SECONDS_MAX + 60)
    assert await count(
        running,
        StockCount(**online),
        StockCount(**online, quantity=-1),
        StockCount(**online, quantity=NAN),
        StockCount(**online, quantity=INF),
        StockCount(**online, quantity=1, stock_time=ahead),
        StockCount(item_id="nothing", store_id="online", quantity=1),
        StockCount(item_id="mug", store_id="nowhere", quantity=1),
        StockCount(quantity=1),
        StockCount(**online, quantity=4),
    ) == [
        "INVALID quantity", "INVALID quantity", "INVALID quantity", "INVALID quantity",
        "INVALID stock_time", "UNKNOWN_ITEM", "UNKNOWN_STORE", "INVALID item_id store_id",
        "WRITTEN",
    ]  # fmt: skip
    assert (
        await adjust(
            running,
            StockAdjustment(**online, adjustment_id="a"),
            StockAdjustment(**online, adjustment_id="a", quantity_change=0),
            StockAdjustment(**online, adjustment_id="a", quantity_change=NAN),
            StockAdjustment(**online, quantity_change=1),
            StockAdjustment(**online, quantity_change=1, adjustment_id=LONG),
        )
        == ["INVALID quantity_change"] * 3 + ["INVALID adjustment_id"] * 2
    )
    assert await levels(running, "mug") == {"online": 4}
    counted = {
        kind: running.counted("recsys_stock_cells_total", outcome=kind)
        for kind in ("invalid", "unknown_item", "unknown_store", "written")
    }
    assert counted == {"invalid": 11, "unknown_item": 1, "unknown_store": 1, "written": 1}


async def test_a_clock_that_runs_ahead_makes_nothing_stale(remembering_sqlite: Running) -> None:
    """What is said to be in a moment counts as now."""
    running = remembering_sqlite
    await upsert(running, MUG)
    ahead = StockCount(
        item_id="mug", store_id="online", quantity=5, stock_time=at(time.time() + 200)
    )
    assert await count(running, ahead) == ["WRITTEN"]
    sale = StockAdjustment(
        item_id="mug", store_id="online", quantity_change=-5, adjustment_id="receipt-1"
    )
    assert await adjust(running, sale) == ["WRITTEN"]
    assert await levels(running, "mug") == {"online": 0}


async def test_a_stream_of_stock_is_acknowledged_on_the_way(remembering_sqlite: Running) -> None:
    """Counts first, then adjustments."""
    running = remembering_sqlite
    await upsert(running, MUG)
    past = at(time.time() - 60)
    counted = StockCount(item_id="mug", store_id="online", quantity=5, stock_time=past)
    sale = StockAdjustment(
        item_id="mug", store_id="online", quantity_change=-2, adjustment_id="receipt-1"
    )
    stray = StockCount(item_id="mug", store_id="nowhere", quantity=1)
    answers = await stream(
        running.catalog.ImportInventory,
        [
            service.ImportInventoryRequest(counts=[counted, stray], adjustments=[sale]),
            service.ImportInventoryRequest(adjustments=[sale]),
        ],
    )
    assert [one.settled_count for one in answers] == [3, 4]
    assert [one.written_count for one in answers] == [2, 0]
    assert answers[1].duplicate_count == 1
    assert [one.position for one in answers[0].refused_cells] == [1]
    assert await levels(running, "mug") == {"online": 3}
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream(running.catalog.ImportInventory, [service.ImportInventoryRequest()])
    assert [one.field for one in details(caught.value)[1].field_violations] == ["counts"]


async def test_the_stock_of_a_deleted_item_is_forgotten(remembering_sqlite: Running) -> None:
    """Also when it comes back."""
    running = remembering_sqlite
    await upsert(running, MUG)
    await count(running, StockCount(item_id="mug", store_id="online", quantity=1))
    await running.catalog.DeleteItems(service.DeleteItemsRequest(item_ids=["mug"]))
    await upsert(running, MUG)
    assert await levels(running, "mug") == {}
