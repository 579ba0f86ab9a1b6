"""Storages that go away and come back, for real: answers go on, events are refused or kept.

What is acknowledged is there afterwards, and nobody has to restart anything.
"""

import asyncio
import contextlib
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import grpc.aio
import psycopg
import pytest
from prometheus_client import CollectorRegistry

from recsys import limits
from recsys.recommend import ServingModel
from recsys.serving.config import StorageConfig
from recsys.serving.storage import Storage, open_storage
from recsys.storage import sqlite_live
from recsys.v1 import event_service_pb2 as service
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import EVENT_TYPE_DETAIL_PAGE_VIEW, Event, ItemLine
from recsys.v1.profile_service_pb2 import GetProfileRequest, ListLinksRequest
from recsys.v1.recommendation_service_pb2 import RecommendRequest
from recsys.v1.result_pb2 import (
    REASON_KIND_PERSONAL,
    REASON_KIND_POPULAR,
    REASON_KIND_POPULAR_HERE,
    REASON_KIND_SIMILAR,
)
from recsys.v1.subject_pb2 import Subject
from serving.conftest import server_on
from serving.test_events import (
    DUPLICATE,
    WRITTEN,
    details,
    recommended,
    refused,
    view,
    write,
)
from support.postgres import Server, missing, running_postgres
from support.serving import Running

SOON_SECONDS = 20.0


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Where the SQLite store lies."""
    return tmp_path / "store.sqlite"


@pytest.fixture
def storage(store: Path) -> Storage:
    """An SQLite storage, not there yet."""
    return open_storage(StorageConfig(histories=str(store)))


@pytest.fixture
async def one(
    storage: Storage, registry: CollectorRegistry, make_model: Callable[..., ServingModel]
) -> AsyncIterator[Running]:
    """A server that answers from it and has kept an event."""
    async with server_on(storage, registry) as running:
        await running.server.serve_model(make_model())
        assert await write(running, view("before")) == [WRITTEN]
        yield running


def move(path: Path, target: Path) -> None:
    """Rename a file; nothing may be where it goes."""
    assert not target.exists()
    path.rename(target)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what must become true soon."""
    async with asyncio.timeout(SOON_SECONDS):
        while not condition():  # noqa: ASYNC110 - what changes tells nobody
            await asyncio.sleep(0.005)


async def kinds_with_a_session(running: Running) -> set[int]:
    """Ask for somebody stored who brings along what she just did; return kinds of reasons."""
    request = RecommendRequest(
        subject=Subject(visitor_id="v-1"),
        context=Context(
            recent_events=[
                Event(event_type=EVENT_TYPE_DETAIL_PAGE_VIEW, lines=[ItemLine(item_id="item-1")])
            ]
        ),
        page_size=3,
    )
    response = await running.recommendation.Recommend(request)
    return {result.reason.kind for result in response.results}


async def check_down(running: Running, event_id: str) -> None:
    """Events are refused with a time to wait, answers go on, and somebody counts it."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await write(running, view(event_id))
    info, _, retry = details(caught.value)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert info.reason == "STORAGE_UNAVAILABLE"
    assert retry.retry_delay.seconds == limits.RETRY_DELAY_SECONDS


async def check_answers_without_storage(running: Running) -> None:
    """Popular items for those who bring nothing along, and the session for those who do."""
    before = running.counted("recsys_notes_total", note="storage-unavailable")
    _, kinds = await recommended(running, visitor_id="v-1")
    assert kinds <= {REASON_KIND_POPULAR, REASON_KIND_POPULAR_HERE}
    assert REASON_KIND_SIMILAR in await kinds_with_a_session(running)
    assert running.counted("recsys_notes_total", note="storage-unavailable") == before + 2


async def check_up(running: Running, *kept: str) -> None:
    """Within moments, events are kept and known, and what was acknowledged is there."""
    number = 0
    async with asyncio.timeout(SOON_SECONDS):
        while True:
            number += 1
            with contextlib.suppress(grpc.aio.AioRpcError):
                if await write(running, view(f"after-{number}")) == [WRITTEN]:
                    break
            await asyncio.sleep(0.05)
    assert (await recommended(running, visitor_id="v-1"))[1] == {REASON_KIND_PERSONAL}
    assert await write(running, *(view(name) for name in kept)) == [DUPLICATE] * len(kept)


async def test_a_locked_store_refuses_events_until_it_is_free(
    store: Path, monkeypatch: pytest.MonkeyPatch, storage: Storage, registry: CollectorRegistry,
    make_model: Callable[..., ServingModel],
) -> None:  # fmt: skip
    """Readers of a write-ahead log need no lock, so answers stay personal."""
    monkeypatch.setattr(sqlite_live, "_BUSY_SECONDS", 0.05)
    async with server_on(storage, registry) as running:
        await running.server.serve_model(make_model())
        await write(running, view("before"))
        other = sqlite3.connect(store, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await check_down(running, "during")
        assert (await recommended(running, visitor_id="v-1"))[1] == {REASON_KIND_PERSONAL}
        other.execute("ROLLBACK")
        other.close()
        await check_up(running, "before")


async def test_a_store_that_is_taken_away_is_not_made_anew(store: Path, one: Running) -> None:
    """Whoever puts it back would replace what was acknowledged in the meantime."""
    away = store.with_suffix(".away")
    move(store, away)
    await asyncio.sleep(0.02)
    await check_down(one, "during")
    await check_answers_without_storage(one)
    for call in (
        one.profiles.GetProfile(GetProfileRequest(subject=Subject(visitor_id="v-1"))),
        one.profiles.ListLinks(ListLinksRequest(identifier={"namespace": "visitor", "value": "v"})),
    ):
        code, _, _ = await refused(call)
        assert code is grpc.StatusCode.UNAVAILABLE
    move(away, store)
    await check_up(one, "before")


async def test_a_full_disk_refuses_events_and_answers_stay_personal(
    storage: Storage, one: Running
) -> None:
    """With room again, the same events are kept."""
    connection = storage.log._live._connection  # type: ignore[union-attr]  # SQLite's own limit
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    large = [view(f"large-{number}", referrer="x" * 2_000) for number in range(200)]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await write(one, *large)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert (await recommended(one, visitor_id="v-1"))[1] == {REASON_KIND_PERSONAL}
    # The connection that failed is replaced, and with it the limit.
    assert await write(one, *large) == [WRITTEN] * 200
    assert await write(one, *large) == [DUPLICATE] * 200
    await check_up(one, "before")


FULL = """
CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END
$$;
CREATE TRIGGER no_room BEFORE INSERT ON events EXECUTE FUNCTION is_full()
"""


async def test_a_full_disk_of_a_database_refuses_events_and_answers_stay_personal(
    postgres_url: str, registry: CollectorRegistry, make_model: Callable[..., ServingModel]
) -> None:
    """A server that refuses to write still answers, and is not taken for one that is down."""
    async with server_on(open_storage(StorageConfig(histories=postgres_url)), registry) as running:
        await running.server.serve_model(make_model())
        assert await write(running, view("before")) == [WRITTEN]
        with psycopg.connect(postgres_url) as connection:
            connection.execute(FULL)
        for _ in range(3):
            await check_down(running, "during")
            assert (await recommended(running, visitor_id="v-1"))[1] == {REASON_KIND_PERSONAL}
        with psycopg.connect(postgres_url) as connection:
            connection.execute("DROP TRIGGER no_room ON events")
        assert await write(running, view("during"), view("before")) == [WRITTEN, DUPLICATE]


async def test_a_stream_ends_with_the_storage_and_goes_on_after_it(
    store: Path, one: Running
) -> None:
    """What is sent again from the last acknowledgement on is kept once."""
    away = store.with_suffix(".away")
    batches = [[view(f"s-{number}-{n}") for n in range(20)] for number in range(12)]
    settled_count = 0

    async def sent() -> AsyncIterator[service.ImportEventsRequest]:
        for number, events in enumerate(batches):
            if number == 5:
                # Only when the first ones are kept, or there would be nothing to go on after.
                await until(lambda: settled_count >= 5 * 20)
                move(store, away)
            yield service.ImportEventsRequest(events=events)
            if number == 7:
                # Sending on while the stream ends is a race that clients lose in many ways.
                await asyncio.Event().wait()

    async def stream() -> None:
        nonlocal settled_count
        async for answer in one.events.ImportEvents(sent()):
            settled_count = answer.settled_count

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stream()
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert settled_count == 5 * 20
    move(away, store)
    await check_up(one, "before", "s-0-0", "s-4-19")
    rest = [service.ImportEventsRequest(events=events) for events in batches[settled_count // 20 :]]
    answers = [answer async for answer in one.events.ImportEvents(messages_of(rest))]
    # What was under way when the stream ended may have been kept without saying so.
    kept = sum(answer.written_count + answer.duplicate_count for answer in answers)
    assert kept == 7 * 20


async def messages_of(
    requests: list[service.ImportEventsRequest],
) -> AsyncIterator[service.ImportEventsRequest]:
    """Send requests."""
    for request in requests:
        yield request


@dataclass
class Load:
    """Writers and askers without pause, and what they saw."""

    running: Running
    kept: list[str] = field(default_factory=list)
    refused: set[grpc.StatusCode] = field(default_factory=set)
    failed_answers: list[grpc.StatusCode] = field(default_factory=list)
    stopped: bool = False

    async def write(self, name: str) -> None:
        """Write one event after the other; what is refused is sent again."""
        number = 0
        while not self.stopped:
            event_id = f"{name}-{number}"
            try:
                await write(self.running, view(event_id))
            except grpc.aio.AioRpcError as error:
                self.refused.add(error.code())
                await asyncio.sleep(0.02)
            else:
                self.kept.append(event_id)
                number += 1

    async def ask(self) -> None:
        """Ask without pause."""
        while not self.stopped:
            try:
                await recommended(self.running, visitor_id="v-1")
            except grpc.aio.AioRpcError as error:
                self.failed_answers.append(error.code())
            await asyncio.sleep(0.005)


@pytest.mark.skipif(bool(missing()), reason=missing())
async def test_postgres_restarted_under_load_costs_refusals_and_nothing_else(
    registry: CollectorRegistry, make_model: Callable[..., ServingModel]
) -> None:
    """A crash while many write: no answer fails, and no event is lost."""
    with running_postgres() as server:
        storage = open_storage(StorageConfig(histories=server.url("postgres")))
        async with server_on(storage, registry) as running:
            await running.server.serve_model(make_model())
            await write(running, view("before"))
            load = Load(running)
            async with asyncio.TaskGroup() as tasks:
                for name in ("a", "b", "c"):
                    tasks.create_task(load.write(name))
                tasks.create_task(load.ask())
                await restarted_under(load, server)
                load.stopped = True
            assert load.refused == {grpc.StatusCode.UNAVAILABLE}
            assert load.failed_answers == []
            await check_up(running, "before", *load.kept[:800])


async def restarted_under(load: Load, server: Server) -> None:
    """Stop a server under load, see what happens without it, and start it again."""
    await until(lambda: len(load.kept) >= 20)
    await asyncio.to_thread(server.stop, signal.SIGQUIT)
    await until(lambda: bool(load.refused))
    await check_answers_without_storage_now(load.running)
    await asyncio.to_thread(server.start)
    count = len(load.kept)
    await until(lambda: len(load.kept) >= count + 20)


async def check_answers_without_storage_now(running: Running) -> None:
    """As `check_answers_without_storage`, while others ask too."""
    assert (await recommended(running, visitor_id="v-1"))[1] <= {
        REASON_KIND_POPULAR, REASON_KIND_POPULAR_HERE,
    }  # fmt: skip
    assert REASON_KIND_SIMILAR in await kinds_with_a_session(running)
