"""Events over a real connection, on every kind of storage: kept once, and in the next answer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from prometheus_client import CollectorRegistry

from recsys import limits
from recsys.recommend import ServingModel
from recsys.serving.config import StorageConfig
from recsys.serving.status import DETAILS_KEY
from recsys.serving.storage import open_storage
from recsys.v1 import event_service_pb2 as service
from recsys.v1.event_pb2 import (
    CHANNEL_WEB,
    EVENT_TYPE_DETAIL_PAGE_VIEW,
    EVENT_TYPE_SEARCH,
    Event,
    ItemLine,
    Money,
)
from recsys.v1.recommendation_service_pb2 import RecommendRequest
from recsys.v1.result_pb2 import REASON_KIND_PERSONAL, REASON_KIND_POPULAR
from recsys.v1.subject_pb2 import Identifier, Subject
from serving.conftest import server_on
from support.serving import Running

WRITTEN, DUPLICATE, CONFLICT, INVALID = (
    service.WRITE_OUTCOME_WRITTEN,
    service.WRITE_OUTCOME_DUPLICATE,
    service.WRITE_OUTCOME_CONFLICT,
    service.WRITE_OUTCOME_INVALID,
)


def view(event_id: str, *items: str, visitor: str = "v-1", **more: Any) -> Event:
    """Somebody looks at items."""
    return Event(
        event_id=event_id,
        event_type=more.pop("event_type", EVENT_TYPE_DETAIL_PAGE_VIEW),
        channel=CHANNEL_WEB,
        subject=Subject(visitor_id=visitor),
        lines=[ItemLine(item_id=item) for item in items or ("item-0",)],
        **more,
    )


async def write(running: Running, *events: Event) -> list[int]:
    """Write events; return their outcomes."""
    response = await running.events.WriteEvents(service.WriteEventsRequest(events=events))
    return [result.outcome for result in response.results]


async def recommended(running: Running, **subject: Any) -> tuple[list[str], set[int]]:
    """Ask for a person; return items and kinds of reasons."""
    response = await running.recommendation.Recommend(
        RecommendRequest(subject=Subject(**subject), page_size=3)
    )
    return (
        [result.item_id for result in response.results],
        {result.reason.kind for result in response.results},
    )


def details(error: grpc.aio.AioRpcError) -> tuple[ErrorInfo, BadRequest, RetryInfo]:
    """What an error says to machines."""
    found = (ErrorInfo(), BadRequest(), RetryInfo())
    packed = dict(error.trailing_metadata())[DETAILS_KEY]
    for detail in Status.FromString(packed).details:
        for one in found:
            detail.Unpack(one)
    return found


async def refused(call: Any) -> tuple[grpc.StatusCode, ErrorInfo, BadRequest]:
    """Wait for a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    info, bad, _ = details(caught.value)
    return caught.value.code(), info, bad


async def test_an_acknowledged_event_changes_the_very_next_answer_of_another_worker(
    remembering: tuple[Running, Running],
) -> None:
    """Nothing is stale, whichever worker was asked before, by visitor id alone."""
    one, other = remembering
    assert (await recommended(other, visitor_id="v-1"))[1] == {REASON_KIND_POPULAR}
    for number in range(4):
        item = f"item-{2 * number + 1}"
        response = await one.events.WriteEvent(
            service.WriteEventRequest(event=view(f"e-{number}", item))
        )
        assert (response.event_id, response.outcome) == (f"e-{number}", WRITTEN)
        items, kinds = await recommended(other, visitor_id="v-1")
        assert kinds == {REASON_KIND_PERSONAL}
        assert item not in items
        assert all(int(found.removeprefix("item-")) % 2 for found in items)
    assert one.counted("recsys_events_total", outcome="written") == 4
    assert one.counted("recsys_commit_seconds_count") == 4


async def test_freshness_holds_while_others_write_without_pause(
    remembering: tuple[Running, Running],
) -> None:
    """Forty people in turn, and each answer knows the event before it."""
    one, other = remembering
    stop = asyncio.Event()

    async def load(worker: Running, name: str) -> int:
        count = 0
        while not stop.is_set():
            await write(worker, *(view(f"{name}-{count}-{n}", visitor=name) for n in range(50)))
            count += 50
        return count

    loads = [asyncio.create_task(load(one, "a")), asyncio.create_task(load(other, "b"))]
    for number in range(40):
        await write(one, view(f"p-{number}", "item-1", visitor=f"p-{number}"))
        assert (await recommended(other, visitor_id=f"p-{number}"))[1] == {REASON_KIND_PERSONAL}
    stop.set()
    assert min(await asyncio.gather(*loads)) > 0


async def test_the_same_event_again_is_a_duplicate_and_another_of_its_id_is_refused(
    remembering: tuple[Running, Running],
) -> None:
    """Whichever worker it is sent to."""
    one, other = remembering
    request = service.WriteEventRequest(event=view("e-1", "item-1"))
    assert (await one.events.WriteEvent(request)).outcome == WRITTEN
    assert (await other.events.WriteEvent(request)).outcome == DUPLICATE
    code, info, _ = await refused(
        other.events.WriteEvent(service.WriteEventRequest(event=view("e-1", "item-2")))
    )
    assert (code, info.reason) == (grpc.StatusCode.ALREADY_EXISTS, "EVENT_CONFLICT")
    assert info.metadata["event_id"] == "e-1"
    assert (await recommended(one, visitor_id="v-1"))[0] == ["item-3", "item-5", "item-7"]


async def test_each_event_of_a_batch_has_its_own_outcome(
    remembering: tuple[Running, Running],
) -> None:
    """The good ones are kept, whatever the others are."""
    one, _ = remembering
    response = await one.events.WriteEvents(
        service.WriteEventsRequest(
            events=[
                view("a"), view("a"), view("a", "item-2"), view("b", ""),
                view("", event_time={"seconds": 1_700_000_000}), view("c"),
            ]
        )
    )  # fmt: skip
    assert [result.outcome for result in response.results] == [
        WRITTEN, DUPLICATE, CONFLICT, INVALID, WRITTEN, WRITTEN,
    ]  # fmt: skip
    (wrong,) = response.results[3].invalid_fields
    assert (wrong.field, response.results[3].event_id) == ("lines[0].item_id", "b")
    assert response.results[4].event_id.startswith("auto-")
    assert one.counted("recsys_events_total", outcome="invalid") == 1
    assert one.counted("recsys_invalid_fields_total", field="lines[].item_id") == 1


NOW = {"seconds": int(time.time())}


@pytest.mark.parametrize(
    ("event", "field"),
    [
        (view("e", visitor="x" * 10_000), "event.subject.visitor_id"),
        (view("e", visitor="nul\x00"), "event.subject.visitor_id"),
        (
            Event(event_id="e", event_type=EVENT_TYPE_SEARCH,
                  subject=Subject(identifiers=[Identifier(namespace="account")])),
            "event.subject.identifiers[0].value",
        ),
        (
            Event(event_id="e", event_type=EVENT_TYPE_SEARCH,
                  subject=Subject(identifiers=[Identifier(namespace="a", value="b")] * 1_000)),
            "event.subject.identifiers",
        ),
        (view("e", event_time={"seconds": NOW["seconds"] + 86_400 * 700}), "event.event_time"),
        (view("e", event_time={"seconds": 2**60}), "event.event_time"),
        (view(""), "event.event_id"),
        (view("e" * 129), "event.event_id"),
        (view("e", event_type=99), "event.event_type"),
        (view("e", *["i"] * 101), "event.lines"),
        (view("e", search_query="q" * 1_025), "event.search_query"),
        (view("e", referrer="r" * 2_049), "event.referrer"),
        (view("e", attribution_token="t" * 513), "event.attribution_token"),
        (view("e", offer_id="o\n"), "event.offer_id"),
        (
            Event(event_id="e", event_type=1, lines=[
                ItemLine(item_id="i", unit_price=Money(currency_code="euro", units=1))]),
            "event.lines[0].unit_price.currency_code",
        ),
        (
            Event(event_id="e", event_type=1, lines=[
                ItemLine(item_id="i", unit_price=Money(currency_code="EUR", units=-1))]),
            "event.lines[0].unit_price.units",
        ),
        (
            Event(event_id="e", event_type=1, lines=[
                ItemLine(item_id="i", unit_price=Money(currency_code="EUR", nanos=10**9))]),
            "event.lines[0].unit_price.nanos",
        ),
    ],
    ids=[
        "10 kB value", "NUL", "no value", "1000 identifiers", "skew of years", "no such year",
        "neither id nor time", "long id", "unknown type", "many lines", "long query",
        "long referrer", "long token", "control character", "currency", "negative price", "nanos",
    ],
)  # fmt: skip
async def test_a_wrong_field_is_refused_under_its_path(
    remembering_sqlite: Running, event: Event, field: str
) -> None:
    """And nothing is kept."""
    code, info, bad = await refused(
        remembering_sqlite.events.WriteEvent(service.WriteEventRequest(event=event))
    )
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
    assert [violation.field for violation in bad.field_violations] == [field]
    assert remembering_sqlite.counted("recsys_events_total", outcome="invalid") == 1
    assert remembering_sqlite.counted("recsys_commit_seconds_count") == 0


async def test_accents_in_any_form_name_one_person(remembering_sqlite: Running) -> None:
    """Composed and decomposed letters are the same identifier."""
    await write(remembering_sqlite, view("e", "item-1", visitor="Zoe\u0308"))
    assert (await recommended(remembering_sqlite, visitor_id="Zo\u00eb"))[1] == {
        REASON_KIND_PERSONAL
    }


async def test_events_of_unknown_items_join_when_the_model_learns_them(
    remembering_sqlite: Running, make_model: Callable[..., ServingModel]
) -> None:
    """They are kept, and count from the first answer of a model that knows the item."""
    await write(remembering_sqlite, view("e", "item-41"))
    assert (await recommended(remembering_sqlite, visitor_id="v-1"))[1] == {REASON_KIND_POPULAR}
    await remembering_sqlite.server.serve_model(make_model("v2", item_count=60))
    items, kinds = await recommended(remembering_sqlite, visitor_id="v-1")
    assert kinds == {REASON_KIND_PERSONAL}
    assert all(int(item.removeprefix("item-")) % 2 for item in items)


async def test_a_busy_person_is_packed_in_the_background(remembering_sqlite: Running) -> None:
    """Answers stay the same while her events move into one row."""
    count = limits.UNPACKED_EVENT_COUNT + 1
    await write(remembering_sqlite, *(view(f"e-{n}", f"item-{2 * n % 40}") for n in range(count)))
    before = await recommended(remembering_sqlite, visitor_id="v-1")
    storage = remembering_sqlite.server._writer._storage
    for _ in range(500):
        if not storage.unpacked:
            break
        await asyncio.sleep(0.02)
    assert not storage.unpacked
    assert await recommended(remembering_sqlite, visitor_id="v-1") == before


async def messages(batches: Iterable[Sequence[Event]]) -> AsyncIterator[Any]:
    """Send messages of events."""
    for events in batches:
        yield service.ImportEventsRequest(events=events)


async def test_a_stream_is_acknowledged_message_by_message(
    remembering: tuple[Running, Running],
) -> None:
    """In order, with what was refused named by its place."""
    one, other = remembering
    batches = [[view(f"e-{number}-{n}") for n in range(100)] for number in range(30)]
    batches[7][3] = view("e-7-3", "")
    batches[8][4] = view("e-0-0", "item-9")
    batches[9][5] = view("e-0-0")
    answers = [answer async for answer in one.events.ImportEvents(messages(batches))]
    assert [answer.settled_count for answer in answers] == list(range(100, 3_001, 100))
    assert [answer.written_count for answer in answers] == [100] * 7 + [99] * 3 + [100] * 20
    places = [
        (number, refused.position, refused.result.outcome)
        for number, answer in enumerate(answers)
        for refused in answer.refused_events
    ]
    assert places == [(7, 3, INVALID), (8, 4, CONFLICT)]
    assert answers[9].duplicate_count == 1
    again = [answer async for answer in other.events.ImportEvents(messages(batches[:3]))]
    assert [answer.duplicate_count for answer in again] == [100] * 3


async def test_a_writer_that_dies_in_the_middle_goes_on_after_what_was_acknowledged(
    remembering: tuple[Running, Running],
) -> None:
    """Nothing acknowledged is lost, and what is sent again is kept once."""
    one, other = remembering
    batches = [[view(f"e-{number}-{n}") for n in range(50)] for number in range(20)]

    async def unending() -> AsyncIterator[Any]:
        async for message in messages(batches[:10]):
            yield message
        await asyncio.Event().wait()

    stream = one.events.ImportEvents(unending())
    settled_count = 0
    async for answer in stream:
        settled_count = answer.settled_count
        if settled_count >= 250:
            break
    stream.cancel()
    rest = [answer async for answer in other.events.ImportEvents(messages(batches[5:]))]
    assert sum(answer.written_count + answer.duplicate_count for answer in rest) == 750
    all_again = [answer async for answer in other.events.ImportEvents(messages(batches))]
    assert sum(answer.duplicate_count for answer in all_again) == 1_000


@pytest.mark.parametrize("count", [0, limits.WRITE_EVENT_COUNT_MAX + 1])
async def test_a_message_has_its_bounds(remembering_sqlite: Running, count: int) -> None:
    """Neither nothing nor too much, alone or in a stream; what came before stays."""
    too_much = [view(f"e-{n}") for n in range(count)]
    code, _, bad = await refused(
        remembering_sqlite.events.WriteEvents(service.WriteEventsRequest(events=too_much))
    )
    assert (code, bad.field_violations[0].field) == (grpc.StatusCode.INVALID_ARGUMENT, "events")
    stream = aiter(
        remembering_sqlite.events.ImportEvents(
            messages([[view("first")], too_much, [view("never")]])
        )
    )
    assert (await anext(stream)).settled_count == 1
    code, _, _ = await refused(anext(stream))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert await write(remembering_sqlite, view("first"), view("never")) == [DUPLICATE, WRITTEN]


async def test_purging_counts_first_and_then_forgets(remembering: tuple[Running, Running]) -> None:
    """The next answer of any worker no longer knows what was purged."""
    one, other = remembering
    await write(one, view("a", "item-1"), view("b", "item-3", visitor="v-2"))
    request = service.PurgeEventsRequest(
        filter={"identifier": Identifier(namespace="visitor", value="v-1")}, validate_only=True
    )
    assert (await one.events.PurgeEvents(request)).purged_count == 1
    assert (await recommended(other, visitor_id="v-1"))[1] == {REASON_KIND_PERSONAL}
    request.validate_only = False
    assert (await one.events.PurgeEvents(request)).purged_count == 1
    assert (await recommended(other, visitor_id="v-1"))[1] == {REASON_KIND_POPULAR}
    assert (await recommended(other, visitor_id="v-2"))[1] == {REASON_KIND_PERSONAL}


@pytest.mark.parametrize(
    ("which", "field"),
    [
        ({}, "filter"),
        ({"event_types": [0]}, "filter.event_types[0]"),
        ({"channels": [0]}, "filter.channels[0]"),
        ({"channels": [99]}, "filter.channels[0]"),
        ({"store_ids": ["s"] * 101}, "filter.store_ids"),
        ({"store_ids": [""]}, "filter.store_ids[0]"),
        ({"start_time": {"nanos": -1}}, "filter.start_time"),
        ({"identifier": {"namespace": "visitor"}}, "filter.identifier.value"),
    ],
    ids=["nothing", "type 0", "channel 0", "no channel", "many", "empty", "time", "identifier"],
)
async def test_a_wrong_filter_is_refused_under_its_path(
    remembering_sqlite: Running, which: dict[str, Any], field: str
) -> None:
    """And nothing is forgotten."""
    await write(remembering_sqlite, view("e"))
    code, _, bad = await refused(
        remembering_sqlite.events.PurgeEvents(service.PurgeEventsRequest(filter=which))
    )
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert bad.field_violations[0].field == field
    assert await write(remembering_sqlite, view("e")) == [DUPLICATE]


async def test_a_server_without_a_storage_says_so(running: Running) -> None:
    """For every method that writes."""
    calls = [
        running.events.WriteEvent(service.WriteEventRequest(event=view("e"))),
        running.events.WriteEvents(service.WriteEventsRequest(events=[view("e")])),
        running.events.PurgeEvents(
            service.PurgeEventsRequest(filter={"store_ids": ["s"]}, validate_only=True)
        ),
        anext(aiter(running.events.ImportEvents(messages([[view("e")]])))),
    ]
    for call in calls:
        code, info, _ = await refused(call)
        assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STORAGE_MISSING")


async def test_a_storage_that_is_down_refuses_events_and_answers_go_on(
    tmp_path: Path, registry: CollectorRegistry, make_model: Callable[..., ServingModel]
) -> None:
    """With a delay to wait for; and it comes back by itself."""
    blocked = tmp_path / "blocked"
    blocked.write_text("no folder")
    storage = open_storage(StorageConfig(histories=str(blocked / "store.sqlite")))
    async with server_on(storage, registry) as running:
        await running.server.serve_model(make_model())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await write(running, view("e"))
        info, _, retry = details(caught.value)
        assert (caught.value.code(), info.reason) == (
            grpc.StatusCode.UNAVAILABLE, "STORAGE_UNAVAILABLE",
        )  # fmt: skip
        assert retry.retry_delay.seconds == limits.RETRY_DELAY_SECONDS
        assert (await recommended(running, visitor_id="v-1"))[1] == {REASON_KIND_POPULAR}
        assert running.counted("recsys_notes_total", note="storage-unavailable") == 1
        blocked.unlink()
        assert await write(running, view("e", "item-1")) == [WRITTEN]
        assert (await recommended(running, visitor_id="v-1"))[1] == {REASON_KIND_PERSONAL}


async def test_draining_writes_what_waits(
    tmp_path: Path, make_model: Callable[..., ServingModel]
) -> None:
    """Whoever was told that her event is kept finds it after a restart."""
    config = StorageConfig(histories=str(tmp_path / "store.sqlite"))
    async with server_on(open_storage(config), CollectorRegistry()) as running:
        calls = [asyncio.create_task(write(running, view(f"e-{n}"))) for n in range(20)]
        await asyncio.sleep(0.01)
    done = []
    for call in calls:
        with contextlib.suppress(grpc.aio.AioRpcError):
            done.append(await call)
    assert done
    async with server_on(open_storage(config), CollectorRegistry()) as running:
        await running.server.serve_model(make_model())
        outcomes = await write(running, *(view(f"e-{n}") for n in range(20)))
        assert outcomes.count(DUPLICATE) >= len(done)
