"""`recsys.v1.EventService`: decode, write in groups, say what became of each event."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from recsys import limits
from recsys.errors import EventConflict, StorageUnavailable
from recsys.events import Event, Outcome
from recsys.serving import wire_events
from recsys.serving.call import Call
from recsys.serving.event_writer import EventWriter
from recsys.serving.metrics import Metrics
from recsys.v1 import event_pb2, event_service_pb2
from recsys.violations import Violations

_EVENTS_PER_STEP: Final = 50
"""Events read before other calls get their turn; half a millisecond's work or so."""

_OUTCOMES: Final = {
    Outcome.WRITTEN: event_service_pb2.WRITE_OUTCOME_WRITTEN,
    Outcome.DUPLICATE: event_service_pb2.WRITE_OUTCOME_DUPLICATE,
    Outcome.CONFLICT: event_service_pb2.WRITE_OUTCOME_CONFLICT,
    Outcome.ERASED: event_service_pb2.WRITE_OUTCOME_ERASED,
}
_WriteResult = event_service_pb2.WriteResult


class _Batch:
    """Events of one message: those that can be written, and what is wrong with the others."""

    def __init__(self, sent: Sequence[event_pb2.Event]) -> None:
        self._sent = sent
        self._wrong: dict[int, Violations] = {}
        self.events: list[Event] = []

    async def read(self, metrics: Metrics, *, now: float) -> None:
        """Check all events."""
        for position, sent in enumerate(self._sent):
            if position % _EVENTS_PER_STEP == _EVENTS_PER_STEP - 1:
                await asyncio.sleep(0)
            wrong = Violations()
            event = wire_events.parse_event(sent, wrong, "", now=now)
            if event is None:
                self._wrong[position] = wrong
                metrics.invalid_event(wrong.found)
            else:
                self.events.append(event)

    def results(self, outcomes: Sequence[Outcome]) -> "list[event_service_pb2.WriteResult]":
        """Say what became of every event, given the outcomes of those that could be written."""
        written = zip(self.events, outcomes, strict=True)
        results = []
        for position, sent in enumerate(self._sent):
            if position in self._wrong:
                results.append(_invalid(sent, self._wrong[position]))
            else:
                event, outcome = next(written)
                results.append(_WriteResult(event_id=event.event_id, outcome=_OUTCOMES[outcome]))
        return results


def _invalid(sent: event_pb2.Event, wrong: Violations) -> "event_service_pb2.WriteResult":
    return _WriteResult(
        event_id=sent.event_id if len(sent.event_id) <= limits.EVENT_ID_BYTES_MAX else "",
        outcome=event_service_pb2.WRITE_OUTCOME_INVALID,
        invalid_fields=[
            event_service_pb2.InvalidField(field=one.field, description=one.description)
            for one in wrong.found
        ],
    )


class EventServicer:
    """Keeps events; what it has acknowledged is in the storage for good."""

    def __init__(self, *, writer: EventWriter, metrics: Metrics) -> None:
        self._writer = writer
        self._metrics = metrics

    async def write_event(self, request: event_service_pb2.WriteEventRequest, call: Call) -> bytes:
        """Keep one event."""
        wrong = Violations()
        event = wire_events.parse_event(request.event, wrong, "event.", now=call.now)
        if event is None:
            self._metrics.invalid_event(())
            wrong.raise_any()
        assert event is not None  # Else something was wrong.
        (outcome,) = await self._writer.submit([event])
        if outcome is Outcome.CONFLICT:
            raise EventConflict(event_id=event.event_id)
        return event_service_pb2.WriteEventResponse(
            event_id=event.event_id, outcome=_OUTCOMES[outcome]
        ).SerializeToString()

    async def write_events(
        self, request: event_service_pb2.WriteEventsRequest, call: Call
    ) -> bytes:
        """Keep several events."""
        _check_count(request.events)
        batch = _Batch(request.events)
        await batch.read(self._metrics, now=call.now)
        outcomes = await self._writer.submit(batch.events) if batch.events else []
        return event_service_pb2.WriteEventsResponse(
            results=batch.results(outcomes)
        ).SerializeToString()

    async def import_events(
        self, requests: AsyncIterator[event_service_pb2.ImportEventsRequest], call: Call
    ) -> AsyncIterator[bytes]:
        """Keep a stream of events; reading goes on while commits are under way."""
        under_way: asyncio.Queue[_UnderWay | None] = asyncio.Queue(limits.IMPORT_MESSAGE_COUNT_MAX)

        async def read() -> None:
            try:
                async for request in requests:
                    _check_count(request.events)
                    batch = _Batch(request.events)
                    await batch.read(self._metrics, now=call.renewed_now())
                    await under_way.put((batch, await self._submitted(batch)))
            finally:
                await under_way.put(None)

        reading = asyncio.create_task(read())
        settled_count = 0
        try:
            while (message := await under_way.get()) is not None:
                batch, written = message
                results = batch.results(await written)
                settled_count += len(results)
                yield _acknowledgement(results, settled_count)
            await reading  # Raises what ended it.
        finally:
            reading.cancel()

    async def _submitted(self, batch: _Batch) -> "asyncio.Future[list[Outcome]]":
        if not batch.events:
            nothing: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
            nothing.set_result([])
            return nothing
        while True:
            await self._writer.room()
            try:
                written = self._writer.submit(batch.events)
            except StorageUnavailable:
                # Another stream was quicker to take the room.
                continue
            # Nobody may be left to hear of it when the stream has ended.
            written.add_done_callback(lambda done: done.cancelled() or done.exception())
            return written

    async def purge_events(
        self, request: event_service_pb2.PurgeEventsRequest, call: Call
    ) -> bytes:
        """Forget events."""
        del call
        which = wire_events.parse_purge(request)
        count = await self._writer.purge(which, validate_only=request.validate_only)
        return event_service_pb2.PurgeEventsResponse(purged_count=count).SerializeToString()


_UnderWay = tuple[_Batch, "asyncio.Future[list[Outcome]]"]


def _acknowledgement(
    results: "Sequence[event_service_pb2.WriteResult]", settled_count: int
) -> bytes:
    outcomes = [result.outcome for result in results]
    written = outcomes.count(event_service_pb2.WRITE_OUTCOME_WRITTEN)
    duplicates = outcomes.count(event_service_pb2.WRITE_OUTCOME_DUPLICATE)
    kept = {event_service_pb2.WRITE_OUTCOME_WRITTEN, event_service_pb2.WRITE_OUTCOME_DUPLICATE}
    refused = []
    if written + duplicates < len(results):
        refused = [
            event_service_pb2.RefusedEvent(position=position, result=result)
            for position, result in enumerate(results)
            if result.outcome not in kept
        ]
    return event_service_pb2.ImportEventsResponse(
        settled_count=settled_count,
        written_count=written,
        duplicate_count=duplicates,
        refused_events=refused,
    ).SerializeToString()


def _check_count(events: Sequence[event_pb2.Event]) -> None:
    wrong = Violations()
    wrong.count_from_one(events, "events", count_max=limits.WRITE_EVENT_COUNT_MAX)
    wrong.raise_any()
