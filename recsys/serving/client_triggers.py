"""The part of the client that takes messages of triggers; see `recsys.serving.client`."""

from collections.abc import Callable, Generator, Sequence
from typing import Any

import grpc

from recsys.domain import Channel
from recsys.serving.client_errors import translated
from recsys.v1 import trigger_service_pb2 as service
from recsys.v1 import trigger_service_pb2_grpc


class TriggerClient:
    """Takes messages and says what became of them. Safe between threads; errors as of `Client`."""

    def __init__(self, channel: grpc.Channel, *, ask: Callable[..., Any]) -> None:
        self._stub = trigger_service_pb2_grpc.TriggerServiceStub(channel)  # type: ignore[no-untyped-call]  # generated
        self._ask = ask

    def watch(
        self,
        consumer: str,
        *,
        channels: Sequence[Channel] = (),
        triggers: Sequence[str] = (),
        lease_seconds: float | None = None,
    ) -> Generator[service.TriggerMessage, None, None]:
        """Take messages as they are decided, until the server stops or the iteration ends.

        Args:
            consumer: Who takes them.
            channels: Of these; empty for all.
            triggers: Of these; empty for all.
            lease_seconds: For how long nobody else gets them; None for the default.
        """
        request = service.WatchTriggersRequest(
            consumer=consumer,
            channels=[f"CHANNEL_{one.name}" for one in channels],
            triggers=triggers,
        )
        if lease_seconds is not None:
            request.lease_duration.FromMicroseconds(round(lease_seconds * 1e6))
        call = self._stub.WatchTriggers(request)
        try:
            with translated():
                for response in call:
                    yield from response.messages
        finally:
            call.cancel()

    def acknowledge(
        self, message_ids: Sequence[str], outcome: service.TriggerAckOutcome
    ) -> list[service.TriggerMessageState]:
        """Say what became of messages; return where they stand now."""
        request = service.AckTriggersRequest(
            acks=[service.TriggerAck(message_id=one, outcome=outcome) for one in message_ids]
        )
        response: service.AckTriggersResponse = self._ask(self._stub.AckTriggers, request)
        return list(response.states)
