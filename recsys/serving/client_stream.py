"""Sending many messages to a server, over broken connections.

A message that is not acknowledged is sent again, on a new stream. So what is sent must be
such that twice does no harm.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final, Generic, TypeVar

import grpc
from google.protobuf.message import Message

from recsys import limits
from recsys.serving.client_errors import CallFailed

RequestT = TypeVar("RequestT", bound=Message)
ResponseT = TypeVar("ResponseT", bound=Message)

_MESSAGES_UNDER_WAY_MAX: Final = limits.IMPORT_MESSAGE_COUNT_MAX
_WAIT_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0)
_LOOK_SECONDS: Final = 0.1
_AGAIN: Final = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN}


class StreamSender(Generic[RequestT, ResponseT]):
    """Sends messages in streams and waits for each to be acknowledged."""

    def __init__(
        self,
        method: Callable[[Iterator[RequestT]], Any],
        settle: Callable[[RequestT, ResponseT], None],
        *,
        patience_seconds: float,
    ) -> None:
        """Send by a method.

        Args:
            method: Opens a stream.
            settle: Told of each message and its acknowledgement.
            patience_seconds: How long to try without any acknowledgement.
        """
        self._method = method
        self._settle = settle
        self._patience_seconds = patience_seconds
        self._unsettled: deque[RequestT] = deque()
        self._settled_count = 0
        self._reading = threading.Lock()
        self._stopping = threading.Event()

    def send(
        self, messages: Iterator[RequestT], *, on_reconnect: Callable[[], None] = lambda: None
    ) -> None:
        """Send all messages, and return when the server has answered for each.

        Interrupted, it waits for what is under way, so that what was read is settled.

        Args:
            messages: Are read as there is room for them.
            on_reconnect: Told of each new stream after the first.

        Raises:
            CallFailed: The server refuses the stream, or is away for too long.
        """
        tries = 0
        quiet_since = time.monotonic()
        while True:
            settled_count = self._settled_count
            try:
                self._stream(messages)
            except grpc.RpcError as error:
                now = time.monotonic()
                if self._settled_count > settled_count:
                    tries, quiet_since = 0, now
                if error.code() not in _AGAIN or now - quiet_since >= self._patience_seconds:
                    raise CallFailed.from_rpc(error) from error
                time.sleep(_WAIT_SECONDS[min(tries, len(_WAIT_SECONDS) - 1)])
                tries += 1
                on_reconnect()
            else:
                return

    def stop(self) -> None:
        """Read no more messages; `send` returns when those under way are settled."""
        self._stopping.set()

    @property
    def is_stopping(self) -> bool:
        """Whether no more messages are read."""
        return self._stopping.is_set()

    def _stream(self, messages: Iterator[RequestT]) -> None:
        room = threading.Semaphore(_MESSAGES_UNDER_WAY_MAX)
        ended = threading.Event()
        failures: list[BaseException] = []

        def under_way() -> Iterator[RequestT]:
            try:
                yield from self._under_way(messages, room, ended)
            except Exception as error:  # noqa: BLE001 - gRPC would say that it failed, and not why
                failures.append(error)

        call = self._method(under_way())
        try:
            for answer in call:
                self._settle(self._unsettled.popleft(), answer)
                self._settled_count += 1
                room.release()
        finally:
            ended.set()
            call.cancel()
        if failures:
            raise failures[0]

    def _under_way(
        self, messages: Iterator[RequestT], room: threading.Semaphore, ended: threading.Event
    ) -> Iterator[RequestT]:
        """Return what one stream sends: first what the one before left unsettled."""
        with self._reading:
            again = deque(self._unsettled)
        while not ended.is_set():
            if not room.acquire(timeout=_LOOK_SECONDS):
                continue
            if again:
                yield again.popleft()
                continue
            # gRPC reads this in a thread of its own, and that of a stream that has ended
            # may still be at it: it must not take a message that nobody sends.
            with self._reading:
                if ended.is_set() or self._stopping.is_set():
                    return
                message = next(messages, None)
                if message is None:
                    return
                self._unsettled.append(message)
            yield message
