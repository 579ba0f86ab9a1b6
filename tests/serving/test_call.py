"""Deadlines and the moment of quiet, apart from gRPC."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from recsys.serving.call import Call, DeadlinePassed, Quiet
from recsys.serving.request_id import RequestId


def call(remaining: float | None) -> Call:
    """A call with so much time left."""
    context: Any = SimpleNamespace(time_remaining=lambda: remaining)
    return Call(context, RequestId.make(), now=0.0)


@pytest.mark.parametrize("remaining", [0.0, -1.0])
async def test_a_spent_deadline_stops_the_work(remaining: float) -> None:
    """Nothing is computed any more."""
    done: list[int] = []
    with ThreadPoolExecutor(1) as pool, pytest.raises(DeadlinePassed):
        await call(remaining).compute(pool, done.append, 1)
    with pytest.raises(DeadlinePassed):
        call(remaining).check_deadline()
    assert done == []


@pytest.mark.parametrize("remaining", [None, 0.001])
async def test_work_within_the_deadline_is_done(remaining: float | None) -> None:
    """Calls without a deadline never run out of time."""
    with ThreadPoolExecutor(1) as pool:
        assert await call(remaining).compute(pool, max, 1, 2) == 2


async def test_a_deadline_that_passes_in_the_queue_stops_the_work() -> None:
    """It is looked at again when a thread is free."""
    remaining = iter([1.0, -1.0])
    context: Any = SimpleNamespace(time_remaining=lambda: next(remaining))
    late = Call(context, RequestId.make(), now=0.0)
    with ThreadPoolExecutor(1) as pool, pytest.raises(DeadlinePassed):
        await late.compute(pool, max, 1, 2)


async def test_quiet_is_found_when_calls_stop_arriving() -> None:
    """Held replies keep callers from sending more, so it comes soon."""
    quiet = Quiet()

    async def arrivals() -> None:
        for _ in range(5):
            quiet.call_count += 1
            await asyncio.sleep(0.002)

    task = asyncio.create_task(arrivals())
    await quiet.find()
    assert task.done()
    assert quiet.holding


async def test_quiet_is_not_waited_for_without_end() -> None:
    """Callers that never pause do not keep a server from stopping."""
    quiet = Quiet()

    async def arrivals() -> None:
        while True:
            quiet.call_count += 1
            await asyncio.sleep(0.001)

    task = asyncio.create_task(arrivals())
    began = time.monotonic()
    await quiet.find()
    assert time.monotonic() - began < 5
    task.cancel()
