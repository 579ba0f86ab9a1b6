"""Sending many events to a server, over broken connections, so that each is kept once.

What the server kept without saying so it recognises by the events' ids.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

import grpc

from recsys.domain import Channel, EventType
from recsys.events import EventContent, EventFilter, EventLine
from recsys.serving.client_errors import CallFailed
from recsys.serving.client_stream import StreamSender
from recsys.serving.encode import encode_identifier, put_moment
from recsys.serving.money import money_of
from recsys.v1 import event_pb2, event_service_pb2, event_service_pb2_grpc, subject_pb2

EVENTS_PER_MESSAGE: Final = 500
_REFUSALS_KEPT: Final = 20

NamedEvent = tuple[str, EventContent]
"""An event's id, empty if it has none, and what is said of it."""


@dataclass(slots=True)
class Sent:
    """What became of what was sent.

    Attributes:
        written: Events that were kept.
        duplicates: Events that had been kept before.
        refused: Events that were refused.
        refusals: The first of them, in words.
        reconnects: How often the connection was made anew.
    """

    written: int = 0
    duplicates: int = 0
    refused: int = 0
    refusals: list[str] = field(default_factory=list)
    reconnects: int = 0

    @property
    def settled(self) -> int:
        """Events that the server has answered for."""
        return self.written + self.duplicates + self.refused


class EventSender:
    """Sends events in streams and waits for what became of them."""

    def __init__(
        self,
        channel: grpc.Channel,
        *,
        patience_seconds: float,
        on_progress: Callable[[Sent], None] = lambda _: None,
    ) -> None:
        """Send over a channel.

        Args:
            channel: To the server; it connects anew by itself.
            patience_seconds: How long to try without any acknowledgement.
            on_progress: Told after each acknowledgement.
        """
        stub = event_service_pb2_grpc.EventServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self._streams = StreamSender(
            stub.ImportEvents, self._settle, patience_seconds=patience_seconds
        )
        self._on_progress = on_progress
        self.sent = Sent()

    def send(self, events: Iterable[NamedEvent]) -> Sent:
        """Send all events, and return when the server has answered for each.

        Interrupted, it waits for what is under way, so that what was read is settled.

        Raises:
            CallFailed: The server refuses the stream, or is away for too long. `sent`
                tells what is settled; sending everything again keeps each event once.
        """
        self._streams.send(_messages(events), on_reconnect=self._count_reconnect)
        return self.sent

    def stop(self) -> None:
        """Read no more events; `send` returns when those under way are settled."""
        self._streams.stop()

    def _count_reconnect(self) -> None:
        self.sent.reconnects += 1

    def _settle(
        self,
        message: event_service_pb2.ImportEventsRequest,
        answer: event_service_pb2.ImportEventsResponse,
    ) -> None:
        sent = self.sent
        sent.written += answer.written_count
        sent.duplicates += answer.duplicate_count
        sent.refused += len(answer.refused_events)
        for one in answer.refused_events[: _REFUSALS_KEPT - len(sent.refusals)]:
            sent.refusals.append(_in_words(message.events[one.position], one.result))
        self._on_progress(sent)


def _in_words(event: event_pb2.Event, result: event_service_pb2.WriteResult) -> str:
    name = result.event_id or event.event_id or "an event without an id"
    if result.outcome == event_service_pb2.WRITE_OUTCOME_CONFLICT:
        return f"{name}: another event of this id is kept already"
    wrong = "; ".join(f"{one.field} {one.description}" for one in result.invalid_fields)
    return f"{name}: {wrong}"


def _messages(events: Iterable[NamedEvent]) -> Iterator[event_service_pb2.ImportEventsRequest]:
    waiting = iter(events)
    while some := [encode_event(*event) for event in islice(waiting, EVENTS_PER_MESSAGE)]:
        yield event_service_pb2.ImportEventsRequest(events=some)


def encode_event(event_id: str, content: EventContent) -> event_pb2.Event:
    """Say an event in the words of the wire."""
    sent = event_pb2.Event(
        event_id=event_id,
        event_type=content.event_type.code,  # type: ignore[arg-type]  # the proto's number
        channel=content.channel.code if content.channel else 0,  # type: ignore[arg-type]  # as above
        store_id=content.store_id or "",
        session_id=content.session_id,
        lines=[_line(line) for line in content.lines],
        subject=subject_pb2.Subject(
            identifiers=[encode_identifier(one) for one in content.identifiers]
        ),
        attribution_token=content.attribution_token,
        offer_id=content.offer_id,
        search_query=content.search_query,
        referrer=content.referrer,
    )
    put_moment(sent.event_time, content.event_time)
    return sent


def _line(line: EventLine) -> event_pb2.ItemLine:
    sent = event_pb2.ItemLine(item_id=line.item_id, quantity=line.quantity)
    if line.unit_price:
        sent.unit_price.CopyFrom(money_of(line.unit_price, line.currency))
    return sent


def purge(
    channel: grpc.Channel, which: EventFilter, *, validate_only: bool, timeout_seconds: float
) -> int:
    """Forget events on a server, or count them.

    Raises:
        CallRefused: The filter is wrong.
        CallFailed: There is no answer; some may be forgotten and some not.
    """
    sent = event_service_pb2.EventFilter(
        event_types=[kind.code for kind in which.event_types],  # type: ignore[misc]  # the proto's numbers
        channels=[place.code for place in which.channels],  # type: ignore[misc]  # as above
        store_ids=which.store_ids,
    )
    if which.identifier is not None:
        sent.identifier.CopyFrom(encode_identifier(which.identifier))
    for field_, moment in ((sent.start_time, which.start_time), (sent.end_time, which.end_time)):
        if moment is not None:
            field_.FromMicroseconds(round(moment * 1e6))
    stub = event_service_pb2_grpc.EventServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
    request = event_service_pb2.PurgeEventsRequest(filter=sent, validate_only=validate_only)
    try:
        response: event_service_pb2.PurgeEventsResponse = stub.PurgeEvents(
            request, timeout=timeout_seconds
        )
    except grpc.RpcError as error:
        raise CallFailed.from_rpc(error) from error
    return response.purged_count


assert {kind.code for kind in EventType} <= set(event_pb2.EventType.values())
assert {place.code for place in Channel} <= set(event_pb2.Channel.values())
