"""Asking a server under test with the client, and what a session is made of."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from recsys.domain import EventType, ItemEvent, ItemId
from recsys.serving.client import Client, connect
from support.serving import Running


async def asked(running: Running, ask_: Callable[[Client], Any]) -> Any:
    """Ask with the client, beside the server's loop."""

    def answer() -> Any:
        with connect(f"127.0.0.1:{running.port}") as client:
            return ask_(client)

    return await asyncio.to_thread(answer)


def views(*rows: int) -> tuple[ItemEvent, ...]:
    """A session of page views, the last one the latest."""
    now = time.time()
    return tuple(
        ItemEvent(
            item_id=ItemId(f"item-{row}"),
            event_type=EventType.DETAIL_PAGE_VIEW,
            channel=None,
            event_time=now - len(rows) + at,
        )
        for at, row in enumerate(rows)
    )
