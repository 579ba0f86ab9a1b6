"""`recsys.v1.TriggerService`: hands messages out, and hears what became of them."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from recsys.domain import EventType
from recsys.errors import StorageMissing
from recsys.events import Event, EventContent, EventLine
from recsys.serving import wire_triggers
from recsys.serving.call import Call
from recsys.serving.event_writer import EventWriter
from recsys.serving.metrics import Metrics
from recsys.serving.models import ModelSlot
from recsys.triggers import AckOutcome, HandOut, Message, MessageState, TriggerStore
from recsys.v1 import trigger_service_pb2 as service

_EVENT_ID_PREFIX: Final = "trigger-"


class TriggerServicer:
    """Hands messages out, and hears what became of them."""

    def __init__(
        self,
        *,
        store: TriggerStore | None,
        hand_out: HandOut | None,
        slot: ModelSlot,
        writer: EventWriter,
        metrics: Metrics,
        poll_seconds: float,
    ) -> None:
        """Answer from a storage and the model in service.

        Args:
            store: Keeps messages; None for a server without a storage.
            hand_out: Takes them; None likewise.
            slot: Holds the model.
            writer: Writes what was shown.
            metrics: Counts what happens.
            poll_seconds: How often messages are looked for.
        """
        self._store = store
        self._hand_out = hand_out
        self._slot = slot
        self._writer = writer
        self._metrics = metrics
        self._poll_seconds = poll_seconds
        # One thread, as cards of items are for one.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="trigger-messages")
        self._stopping = asyncio.Event()

    async def watch_triggers(
        self, request: service.WatchTriggersRequest, call: Call
    ) -> AsyncIterator[bytes]:
        """Hand messages out until the caller hangs up, or the server stops."""
        query = wire_triggers.parse_watch(request)
        hand_out = self._hand_out
        if hand_out is None:
            raise StorageMissing
        loop = asyncio.get_running_loop()
        is_resuming = True
        while not self._stopping.is_set():
            call.check_deadline()
            model, now = self._slot.current().model, call.renewed_now()
            take = functools.partial(hand_out.take, model, query, is_resuming=is_resuming, now=now)
            given = await loop.run_in_executor(self._thread, take)
            is_resuming = False
            if given:
                yield service.WatchTriggersResponse(
                    messages=[wire_triggers.encode_message(one, now=now) for one in given]
                ).SerializeToString()
                continue
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._poll_seconds)

    async def ack_triggers(self, request: service.AckTriggersRequest, call: Call) -> bytes:
        """Keep what became of messages."""
        acks = wire_triggers.parse_acks(request)
        store = self._store
        if store is None:
            raise StorageMissing
        found = await call.compute(self._thread, store.find, [one for one, _ in acks])
        sent = {one for one, outcome in acks if outcome is AckOutcome.SENT}
        shown = [
            message
            for message_id, message in found.items()
            if message_id in sent and message.state is not MessageState.SUPPRESSED
        ]
        # First, so that no message is taken for sent that does not count. Twice it is a duplicate.
        await self._write_shown(shown, now=call.now)
        states = await call.compute(self._thread, store.acknowledge, acks)
        for message_id, outcome in acks:
            before = found.get(message_id)
            if before is not None and before.state is not states.get(message_id):
                self._metrics.trigger(before.trigger, "ack", outcome.value)
        return service.AckTriggersResponse(
            states=[wire_triggers.state_name(states.get(one)) for one, _ in acks]
        ).SerializeToString()

    def stop(self) -> None:
        """End all streams; their callers go elsewhere."""
        self._stopping.set()

    async def close(self) -> None:
        """Finish what is under way."""
        await asyncio.to_thread(self._thread.shutdown)

    async def _write_shown(self, messages: Sequence[Message], *, now: float) -> None:
        events = [
            Event.of(
                EventContent(
                    event_type=EventType.IMPRESSION,
                    channel=one.channel,
                    identifiers=(one.owner,),
                    lines=tuple(EventLine(item_id) for item_id in one.content.item_ids),
                    store_id=one.content.store_id,
                    attribution_token=one.content.attribution_token,
                    offer_id=one.content.offer_id,
                ),
                event_id=f"{_EVENT_ID_PREFIX}{one.message_id}",
                now=now,
            )
            for one in messages
            if one.owner is not None and one.state is not MessageState.SENT
        ]
        if events:
            await self._writer.submit(events)
