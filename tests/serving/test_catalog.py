"""The catalogue over a real connection, on every kind of storage."""

import math
import signal
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import CollectorRegistry

from recsys import limits
from recsys.serving.config import StorageConfig
from recsys.serving.storage import open_storage
from recsys.v1 import catalog_service_pb2 as service
from recsys.v1.catalog_pb2 import (
    ITEM_VIEW_FULL,
    AttributeValues,
    Availability,
    Item,
    Price,
    StockAdjustment,
    StockCount,
)
from recsys.v1.event_pb2 import Money
from serving.conftest import server_on
from serving.test_events import details, refused
from support.postgres import missing, running_postgres
from support.serving import Running

NAN, INF = math.nan, math.inf
WRITTEN, UNCHANGED, INVALID = (
    service.ITEM_OUTCOME_WRITTEN,
    service.ITEM_OUTCOME_UNCHANGED,
    service.ITEM_OUTCOME_INVALID,
)


def at(seconds: float) -> Timestamp:
    """A moment."""
    return Timestamp(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))


def price(units: int = 12, nanos: int = 500_000_000, **more: Any) -> Price:
    """A price in euros."""
    return Price(amount=Money(currency_code="EUR", units=units, nanos=nanos), **more)


MUG = Item(
    item_id="mug",
    title="Mug ☕",
    category_paths=["Home > Kitchen", "Gifts"],
    brand="Pott",
    prices=[price(), price(9, 0, start_time=at(1.5e9), end_time=at(1.9e9))],
    page_url="https://shop.example/mug",
    image_url="https://shop.example/mug.jpg",
    attributes={
        "color": AttributeValues(texts=["red", "blue"]),
        "litres": AttributeValues(numbers=[0.3]),
    },
    availability=Availability(start_time=at(1e9)),
    release_time=at(1.25),
    primary_item_id="cup",
    age_years_min=18,
    margin=3.25,
)


async def upsert(running: Running, *items: Item, **more: Any) -> list[service.ItemResult]:
    """Write items; return what became of each."""
    response = await running.catalog.UpsertItems(service.UpsertItemsRequest(items=items, **more))
    return list(response.results)


async def wrong_fields(running: Running, item: Item) -> dict[str, str]:
    """What is wrong with an item."""
    (result,) = await upsert(running, item)
    assert result.outcome == INVALID
    return {one.field: one.description for one in result.invalid_fields}


async def get(running: Running, item_id: str, **more: Any) -> Item:
    """Read an item."""
    response = await running.catalog.GetItem(service.GetItemRequest(item_id=item_id, **more))
    item: Item = response.item
    return item


async def stream(call: Any, requests: Iterable[Any]) -> list[Any]:
    """Send messages; return all acknowledgements."""

    async def messages() -> AsyncIterator[Any]:
        for request in requests:
            yield request

    return [answer async for answer in call(messages())]


async def test_an_item_is_read_as_it_was_written_by_another_worker(
    remembering: tuple[Running, Running],
) -> None:
    """Every field of it; the margin only by those who ask for all."""
    one, other = remembering
    assert [result.outcome for result in await upsert(one, MUG, Item(item_id="cup"))] == [
        WRITTEN, WRITTEN
    ]  # fmt: skip
    assert await get(other, "mug", view=ITEM_VIEW_FULL) == MUG
    public = Item.FromString(MUG.SerializeToString())
    public.ClearField("margin")
    assert await get(other, "mug") == public
    listed = await other.catalog.ListItems(service.ListItemsRequest())
    assert list(listed.items) == [Item(item_id="cup"), public]
    assert (listed.total_size, listed.next_page_token) == (2, "")
    assert abs(listed.feed_time.seconds - time.time()) < 600
    assert (await upsert(one, MUG))[0].outcome == UNCHANGED
    assert one.counted("recsys_catalog_items_total", outcome="written") == 2
    assert one.counted("recsys_catalog_items_total", outcome="unchanged") == 1


async def test_parts_of_items_are_written_by_a_mask(remembering_sqlite: Running) -> None:
    """What is not said of a part that the mask names is gone."""
    running = remembering_sqlite
    await upsert(running, MUG)
    news = Item(item_id="mug", title="Cup", attributes={"color": AttributeValues(texts=["green"])})
    mask = FieldMask(paths=["title", "attributes.color", "availability"])
    assert (await upsert(running, news, update_mask=mask))[0].outcome == WRITTEN
    found = await get(running, "mug", view=ITEM_VIEW_FULL)
    assert (found.title, found.brand, found.margin) == ("Cup", "Pott", 3.25)
    assert found.attributes["color"] == news.attributes["color"]
    assert found.attributes["litres"] == MUG.attributes["litres"]
    assert not found.HasField("availability")
    await upsert(running, news, update_mask=FieldMask(paths=["*"]))
    assert await get(running, "mug", view=ITEM_VIEW_FULL) == news


@pytest.mark.parametrize(
    ("paths", "field"),
    [
        ([], "update_mask.paths"),
        (["title", "item_id"], "update_mask.paths[1]"),
        (["attributes."], "update_mask.paths[0]"),
        (["attributes.a b"], "update_mask.paths[0]"),
        (["prices.amount"], "update_mask.paths[0]"),
        (["title"] * 101, "update_mask.paths"),
    ],
)
async def test_a_wrong_mask_is_refused(
    remembering_sqlite: Running, paths: list[str], field: str
) -> None:
    """Naming the path; nothing is written."""
    request = service.UpsertItemsRequest(items=[MUG], update_mask=FieldMask(paths=paths))
    code, info, bad = await refused(remembering_sqlite.catalog.UpsertItems(request))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [one.field for one in bad.field_violations] == [field]


def changed(**fields: Any) -> Item:
    """A mug that is a little different."""
    item = Item.FromString(MUG.SerializeToString())
    for name in fields:
        item.ClearField(name)
    item.MergeFrom(Item(**fields))
    return item


LONG = "x" * 10_000


@pytest.mark.parametrize(
    ("item", "fields"),
    [
        (Item(), ["item_id"]),
        (Item(item_id="a\x00b"), ["item_id"]),
        (Item(item_id="ä" * 65), ["item_id"]),
        (changed(title=LONG), ["title"]),
        (changed(title="a\nb", brand="b" * 257), ["title", "brand"]),
        (changed(page_url=LONG, image_url=LONG), ["page_url", "image_url"]),
        (changed(primary_item_id="mug"), ["primary_item_id"]),
        (changed(age_years_min=-1), ["age_years_min"]),
        (changed(age_years_min=151), ["age_years_min"]),
        (changed(margin=NAN), ["margin"]),
        (changed(margin=-INF), ["margin"]),
        (changed(prices=[price(-1)]), ["prices[0].amount.units"]),
        (changed(prices=[price(2**62)]), ["prices[0].amount.units"]),
        (changed(prices=[price(1, -1)]), ["prices[0].amount.nanos"]),
        (changed(prices=[Price()]), ["prices[0].amount.currency_code"]),
        (changed(prices=[price()] * 17), ["prices"]),
        (
            changed(prices=[price(), price(start_time=at(9), end_time=at(9))]),
            ["prices[1].end_time"],
        ),
        (
            changed(prices=[price(start_time=Timestamp(seconds=2**60))]),
            ["prices[0].start_time"],
        ),
        (
            changed(availability=Availability(start_time=at(9), end_time=at(8))),
            ["availability.end_time"],
        ),
        (changed(category_paths=["A > B", ""]), ["category_paths[1]", "category_paths[1]"]),
        (
            changed(category_paths=["A >  > B", "> A", "A >"]),
            [f"category_paths[{n}]" for n in range(3)],
        ),
        (changed(category_paths=["A > B > A"]), ["category_paths[0]"]),
        (changed(category_paths=[" > ".join(map(str, range(17)))]), ["category_paths[0]"]),
        (changed(category_paths=["A"] * 17), ["category_paths"]),
        (changed(attributes={"a b": AttributeValues(texts=["x"])}), ["attributes[0]"]),
        (changed(attributes={"": AttributeValues(texts=["x"])}), ["attributes[0]"]),
        (changed(attributes={"size": AttributeValues()}), ["attributes.size"]),
        (
            changed(attributes={"size": AttributeValues(texts=["x"], numbers=[1])}),
            ["attributes.size"],
        ),
        (
            changed(attributes={"size": AttributeValues(numbers=[1, NAN])}),
            ["attributes.size.numbers[1]"],
        ),
        (
            changed(attributes={"size": AttributeValues(texts=["", "x" * 257])}),
            ["attributes.size.texts[0]", "attributes.size.texts[1]"],
        ),
        (
            changed(attributes={f"a{n}": AttributeValues(numbers=[1]) for n in range(101)}),
            ["attributes"],
        ),
        (
            changed(
                attributes={f"a{n}": AttributeValues(texts=["x" * 250] * 100) for n in range(4)}
            ),
            ["attributes"],
        ),
    ],
)
async def test_a_wrong_item_is_refused_field_by_field(
    remembering_sqlite: Running, item: Item, fields: list[str]
) -> None:
    """The others of its message are written, and what was known of it stays."""
    running = remembering_sqlite
    await upsert(running, Item(item_id="mug", title="before"))
    results = await upsert(running, Item(item_id="a"), item, Item(item_id="b"))
    assert [one.outcome for one in results] == [WRITTEN, INVALID, WRITTEN]
    assert [one.field for one in results[1].invalid_fields] == fields
    assert all(one.description for one in results[1].invalid_fields)
    assert (await get(running, "mug")).title == "before"
    assert running.counted("recsys_catalog_items_total", outcome="invalid") == 1


async def test_an_id_counts_once_in_a_message(remembering_sqlite: Running) -> None:
    """The first of them; nobody knows which one was meant."""
    first, second = Item(item_id="mug", title="1"), Item(item_id="mug", title="2")
    results = await upsert(remembering_sqlite, first, second)
    assert [one.outcome for one in results] == [WRITTEN, INVALID]
    assert "position 0" in results[1].invalid_fields[0].description
    assert (await get(remembering_sqlite, "mug")).title == "1"


async def test_items_are_listed_page_by_page(remembering_sqlite: Running) -> None:
    """Each once, in the order of their ids; large ones make short pages."""
    running = remembering_sqlite
    texts = ["x" * 250] * 100
    ids = [f"i{number:03}" for number in range(150)]
    for first in range(0, 150, 50):
        await upsert(
            running,
            *(
                Item(item_id=one, attributes={"a": AttributeValues(texts=texts)})
                for one in ids[first : first + 50]
            ),
        )
    found, token, sizes = [], "", []
    while True:
        page = await running.catalog.ListItems(
            service.ListItemsRequest(page_size=99_999, page_token=token)
        )
        found += [item.item_id for item in page.items]
        sizes.append(len(page.items))
        token = page.next_page_token
        if not token:
            break
    assert found == ids
    assert len(sizes) > 1
    page = await running.catalog.ListItems(service.ListItemsRequest(page_size=2))
    assert [item.item_id for item in page.items] == ids[:2]
    for request, field in (
        (service.ListItemsRequest(page_size=-1), "page_size"),
        (service.ListItemsRequest(page_token="!!"), "page_token"),
        (service.ListItemsRequest(page_token="/w=="), "page_token"),
    ):
        code, _, bad = await refused(running.catalog.ListItems(request))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert [one.field for one in bad.field_violations] == [field]


async def test_deleted_items_are_not_found(remembering_sqlite: Running) -> None:
    """With their stock; unknown ones are no error."""
    running = remembering_sqlite
    await upsert(running, MUG)
    request = service.DeleteItemsRequest(item_ids=["mug", "nothing", "mug"])
    assert (await running.catalog.DeleteItems(request)).deleted_count == 1
    assert (await running.catalog.DeleteItems(request)).deleted_count == 0
    for call in (
        running.catalog.GetItem(service.GetItemRequest(item_id="mug")),
        running.catalog.GetInventory(service.GetInventoryRequest(item_id="mug")),
    ):
        code, info, _ = await refused(call)
        assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "ITEM_NOT_FOUND")


async def test_too_much_or_nothing_at_once_is_refused(remembering_sqlite: Running) -> None:
    """The bounds of every method."""
    catalog = remembering_sqlite.catalog
    for call, request, field in (
        (catalog.UpsertItems, service.UpsertItemsRequest(), "items"),
        (catalog.UpsertItems, service.UpsertItemsRequest(items=[Item()] * 1_001), "items"),
        (catalog.DeleteItems, service.DeleteItemsRequest(), "item_ids"),
        (catalog.DeleteItems, service.DeleteItemsRequest(item_ids=["", "a"]), "item_ids[0]"),
        (catalog.UpsertStores, service.UpsertStoresRequest(), "stores"),
        (catalog.SetInventory, service.SetInventoryRequest(), "counts"),
        (
            catalog.AdjustInventory,
            service.AdjustInventoryRequest(adjustments=[StockAdjustment()] * 1_001),
            "adjustments",
        ),
        (catalog.GetItem, service.GetItemRequest(), "item_id"),
        (catalog.GetItem, service.GetItemRequest(item_id="a", view=7), "view"),  # type: ignore[arg-type]  # from a later client
        (catalog.GetInventory, service.GetInventoryRequest(), "item_id"),
    ):
        code, _, bad = await refused(call(request))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert [one.field for one in bad.field_violations] == [field]


async def test_a_stream_of_items_is_acknowledged_on_the_way(remembering_sqlite: Running) -> None:
    """Message by message, with what was refused."""
    running = remembering_sqlite
    answers = await stream(
        running.catalog.ImportItems,
        [
            service.ImportItemsRequest(items=[MUG, Item(item_id="cup")]),
            service.ImportItemsRequest(items=[MUG, Item(title="x"), Item(item_id="pot")]),
        ],
    )
    assert [one.settled_count for one in answers] == [2, 5]
    assert (answers[1].written_count, answers[1].unchanged_count) == (1, 1)
    (wrong,) = answers[1].refused_items
    assert (wrong.position, wrong.result.invalid_fields[0].field) == (1, "item_id")


async def test_a_replacement_deletes_what_the_stream_did_not_name(
    remembering_sqlite: Running,
) -> None:
    """Refused items are named, too, and stay as they were."""
    running = remembering_sqlite
    await upsert(running, *(Item(item_id=f"i{number}") for number in range(4)))
    answers = await stream(
        running.catalog.ImportItems,
        [
            service.ImportItemsRequest(items=[Item(item_id="i0"), Item(item_id="new")]),
            service.ImportItemsRequest(
                items=[Item(item_id="i1"), Item(item_id="i2", title=LONG)],
                replacement=service.Replacement(),
            ),
        ],
    )
    assert [one.deleted_count for one in answers] == [0, 1]
    listed = await running.catalog.ListItems(service.ListItemsRequest())
    assert [item.item_id for item in listed.items] == ["i0", "i1", "i2", "new"]


async def test_a_replacement_that_empties_the_catalogue_is_refused(
    remembering_sqlite: Running,
) -> None:
    """Unless it is allowed; half of it may go."""
    running = remembering_sqlite
    await upsert(running, *(Item(item_id=f"i{number}") for number in range(4)))

    def replace(*names: str, **more: Any) -> service.ImportItemsRequest:
        return service.ImportItemsRequest(
            items=[Item(item_id=name) for name in names], replacement=service.Replacement(**more)
        )

    for names in ([], ["i0"], ["new-1", "new-2", "new-3", "new-4", "new-5"]):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream(running.catalog.ImportItems, [replace(*names)])
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert details(caught.value)[0].reason == "FEED_TOO_SMALL"
    request = service.DeleteItemsRequest(item_ids=[f"new-{number}" for number in range(1, 6)])
    assert (await running.catalog.DeleteItems(request)).deleted_count == 5
    (answer,) = await stream(running.catalog.ImportItems, [replace("i0", "i1")])
    assert answer.deleted_count == 2
    (answer,) = await stream(running.catalog.ImportItems, [replace(allow_empty=True)])
    assert answer.deleted_count == 2
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream(running.catalog.ImportItems, [replace("i0", allow_empty=True), replace("i1")])
    assert [one.field for one in details(caught.value)[1].field_violations] == ["replacement"]


async def test_a_stream_without_its_last_message_deletes_nothing(
    remembering_sqlite: Running,
) -> None:
    """Whatever ended it."""
    running = remembering_sqlite
    await upsert(running, *(Item(item_id=f"i{number}") for number in range(4)))
    message = service.ImportItemsRequest(items=[Item(item_id="i0"), Item(item_id="i1")])
    await stream(running.catalog.ImportItems, [message])
    with pytest.raises(grpc.aio.AioRpcError):
        await stream(running.catalog.ImportItems, [message, service.ImportItemsRequest()])
    assert (await running.catalog.ListItems(service.ListItemsRequest())).total_size == 4


async def test_a_server_without_a_storage_says_so(empty_server: Running) -> None:
    """To every method."""
    catalog = empty_server.catalog
    online = StockCount(item_id="mug", store_id="online", quantity=1)
    for call in (
        catalog.UpsertItems(service.UpsertItemsRequest(items=[MUG])),
        catalog.GetItem(service.GetItemRequest(item_id="mug")),
        catalog.ListStores(service.ListStoresRequest()),
        catalog.SetInventory(service.SetInventoryRequest(counts=[online])),
    ):
        code, info, _ = await refused(call)
        assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STORAGE_MISSING")


@pytest.mark.skipif(bool(missing()), reason=missing())
async def test_a_storage_that_is_down_is_unavailable() -> None:
    """With the time to wait, and nothing is written."""
    with running_postgres() as postgres:
        storage = open_storage(StorageConfig(histories=postgres.url("postgres")))
        async with server_on(storage, CollectorRegistry()) as running:
            await upsert(running, MUG)
            postgres.stop(signal.SIGQUIT)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await upsert(running, Item(item_id="cup"))
            info, _, retry = details(caught.value)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
            assert info.reason == "STORAGE_UNAVAILABLE"
            assert retry.retry_delay.seconds == limits.RETRY_DELAY_SECONDS
