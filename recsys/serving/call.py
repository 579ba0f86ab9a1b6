"""What happens to every call, whatever it asks: id, deadline, errors, counting, logging.

One function per method instead of gRPC interceptors, because those cost more
per call than all of this together.
"""

import asyncio
import functools
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final, Generic, NoReturn, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import DecodeError, Message
from google.rpc.status_pb2 import Status

from recsys.errors import FieldViolation, InvalidRequest, RecsysError
from recsys.serving import status
from recsys.serving.config import LogConfig
from recsys.serving.metrics import OTHER, Metrics
from recsys.serving.request_id import METADATA_KEY, RequestId

log = logging.getLogger(__name__)

RequestT = TypeVar("RequestT", bound=Message)
ResultT = TypeVar("ResultT")
Context = grpc.aio.ServicerContext[Any, Any]

_CANCELLED: Final = "CANCELLED"
_OK: Final = "OK"
_QUIET_SECONDS: Final = 0.005
_QUIET_ATTEMPTS_MAX: Final = 40


class DeadlinePassed(Exception):
    """The caller no longer waits; nothing was computed."""


@dataclass(slots=True, eq=False)
class Call:
    """One call under way.

    Attributes:
        context: gRPC's side of it.
        request_id: Its name in logs and in the attribution token.
        now: When it arrived, seconds since 1970-01-01 UTC.
        placement: Known once the request has been read; a label of metrics.
    """

    context: Context
    request_id: RequestId
    now: float
    placement: str = OTHER

    def check_deadline(self) -> None:
        """Raise DeadlinePassed if nobody waits for the answer any more."""
        remaining = self.context.time_remaining()
        if remaining is not None and remaining <= 0:
            raise DeadlinePassed

    def renewed_now(self) -> float:
        """Look at the clock again, in a call that lasts."""
        self.now = time.time()
        return self.now

    async def compute(
        self, pool: Executor, work: Callable[..., ResultT], *args: Any, **kwargs: Any
    ) -> ResultT:
        """Do in a thread what would hold up other calls, unless the deadline has passed.

        Args:
            pool: The threads.
            work: What to compute.
            *args: For `work`.
            **kwargs: For `work`.
        """

        def in_time() -> ResultT:
            self.check_deadline()  # Time has passed in the pool's queue.
            return work(*args, **kwargs)

        self.check_deadline()
        return await asyncio.get_running_loop().run_in_executor(pool, in_time)


class Quiet:
    """Finds the moment at which a server can stop without cancelling a call.

    gRPC hands over one call at a time. Those that wait for their turn when a
    server stops are cancelled, although their callers sent them in good faith.
    So replies are held back for a moment: callers that wait for a reply send
    nothing new, the queue empties, the server stops, and the replies go out.
    """

    def __init__(self) -> None:
        self.call_count = 0
        self.holding = False
        self._released = asyncio.Event()

    async def find(self) -> None:
        """Hold replies until no call arrives for a while; 0.2 s at most."""
        self.holding = True
        for _ in range(_QUIET_ATTEMPTS_MAX):
            before = self.call_count
            await asyncio.sleep(_QUIET_SECONDS)
            if self.call_count == before:
                return

    def release(self) -> None:
        """Let the replies go."""
        self._released.set()

    async def released(self) -> None:
        """Wait until replies may go."""
        await self._released.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every method shares."""

    metrics: Metrics
    log: LogConfig
    quiet: Quiet


class _Method(Generic[RequestT]):
    """What unary and streaming methods have in common."""

    def __init__(self, name: str, request_type: type[RequestT], surroundings: Surroundings) -> None:
        self._name = name
        self._request_type = request_type
        self._metrics = surroundings.metrics
        self._quiet = surroundings.quiet
        self._slow_seconds = surroundings.log.slow_ms / 1000.0
        self._sample = surroundings.log.sample

    def _read(self, body: bytes) -> RequestT:
        try:
            return self._request_type.FromString(body)
        except DecodeError as error:
            name = self._request_type.DESCRIPTOR.full_name
            raise InvalidRequest([FieldViolation("request", f"is not a {name}")]) from error

    async def _fail(self, call: Call, error: Exception, started: float) -> NoReturn:
        if isinstance(error, DeadlinePassed):
            self._metrics.deadlines_missed.inc()
            answer = status.deadline_exceeded()
        else:
            answer = status.status_of(error, request_id=call.request_id.text)
        if isinstance(error, InvalidRequest):
            self._metrics.invalid(error.violations)
        code = _code(answer)
        if code is grpc.StatusCode.INTERNAL:
            log.error(
                "call_failed",
                exc_info=error,
                extra={"method": self._name, "request_id": call.request_id.text},
            )
        self._finish(call, code.name, started, error=error)
        await call.context.abort(
            code,
            answer.message,
            trailing_metadata=(
                (METADATA_KEY, call.request_id.text),
                (status.DETAILS_KEY, answer.SerializeToString()),
            ),
        )

    def _finish(
        self,
        call: Call,
        code: str,
        started: float,
        *,
        error: Exception | None = None,
        is_slow: bool = True,
    ) -> None:
        seconds = time.perf_counter() - started
        self._metrics.call(method=self._name, placement=call.placement, code=code, seconds=seconds)
        # How long a stream lasts is up to its caller.
        slow = is_slow and seconds > self._slow_seconds
        if not slow and not (self._sample and random.random() < self._sample):  # noqa: S311 - sampling
            return
        fields = {
            "method": self._name,
            "placement": call.placement,
            "code": code,
            "duration_ms": round(seconds * 1000.0, 3),
            "request_id": call.request_id.text,
        }
        if isinstance(error, RecsysError):
            fields["reason"] = error.reason
        log.log(
            logging.WARNING if slow else logging.INFO, "call_slow" if slow else "call", extra=fields
        )

    async def _replies(
        self, answer: Callable[[Call], AsyncIterator[bytes]], context: Context
    ) -> AsyncIterator[bytes]:
        """Pass a stream of replies on, and say what ended it."""
        started = time.perf_counter()
        call = Call(context, RequestId.accept(_sent_id(context)), time.time())
        try:
            async for reply in answer(call):
                yield reply
        except (asyncio.CancelledError, GeneratorExit):
            self._finish(call, _CANCELLED, started, is_slow=False)
            raise
        except Exception as error:  # noqa: BLE001 - the last resort of every call
            await self._fail(call, error, started)
        context.set_trailing_metadata(((METADATA_KEY, call.request_id.text),))
        self._finish(call, _OK, started, is_slow=False)


class Method(_Method[RequestT]):
    """A unary method: bytes in, bytes out, and never an unexplained error."""

    def __init__(
        self,
        name: str,
        request_type: type[RequestT],
        answer: Callable[[RequestT, Call], Awaitable[bytes]],
        surroundings: Surroundings,
    ) -> None:
        """Wrap a servicer's method.

        Args:
            name: As in the proto.
            request_type: What the bytes are.
            answer: The servicer's method.
            surroundings: What every method shares.
        """
        super().__init__(name, request_type, surroundings)
        self._answer = answer

    async def __call__(self, body: bytes, context: Context) -> bytes:
        """Answer a call."""
        started = time.perf_counter()
        self._quiet.call_count += 1
        call = Call(context, RequestId.accept(_sent_id(context)), time.time())
        try:
            reply = await self._answer(self._read(body), call)
        except asyncio.CancelledError:
            self._finish(call, _CANCELLED, started)
            raise
        except Exception as error:  # noqa: BLE001 - the last resort of every call
            await self._fail(call, error, started)
        context.set_trailing_metadata(((METADATA_KEY, call.request_id.text),))
        self._finish(call, _OK, started)
        if self._quiet.holding:
            await self._quiet.released()
        return reply

    def handler(self) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return what gRPC registers. Bytes come in unread, so that garbage has our error."""
        return grpc.unary_unary_rpc_method_handler(self.__call__)


class ServerStreamMethod(_Method[RequestT]):
    """A method that takes one message and gives many."""

    def __init__(
        self,
        name: str,
        request_type: type[RequestT],
        answer: Callable[[RequestT, Call], AsyncIterator[bytes]],
        surroundings: Surroundings,
    ) -> None:
        """Wrap a servicer's method; arguments as of `Method`."""
        super().__init__(name, request_type, surroundings)
        self._answer = answer

    async def __call__(self, body: bytes, context: Context) -> AsyncIterator[bytes]:
        """Answer a call."""

        def answer(call: Call) -> AsyncIterator[bytes]:
            return self._answer(self._read(body), call)

        async for reply in self._replies(answer, context):
            yield reply

    def handler(self) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return what gRPC registers."""
        return grpc.unary_stream_rpc_method_handler(self.__call__)


class StreamMethod(_Method[RequestT]):
    """A method that takes messages and gives messages until the caller has no more.

    While the server drains, streams end like calls under way: at the end of the grace
    period at the latest.
    """

    def __init__(
        self,
        name: str,
        request_type: type[RequestT],
        answer: Callable[[AsyncIterator[RequestT], Call], AsyncIterator[bytes]],
        surroundings: Surroundings,
    ) -> None:
        """Wrap a servicer's method; arguments as of `Method`."""
        super().__init__(name, request_type, surroundings)
        self._answer = answer

    async def __call__(
        self, bodies: AsyncIterator[bytes], context: Context
    ) -> AsyncIterator[bytes]:
        """Answer a call."""

        def answer(call: Call) -> AsyncIterator[bytes]:
            return self._answer((self._read(body) async for body in bodies), call)

        async for reply in self._replies(answer, context):
            yield reply

    def handler(self) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Return what gRPC registers."""
        return grpc.stream_stream_rpc_method_handler(self.__call__)


@functools.cache
def _codes() -> dict[int, grpc.StatusCode]:
    return {code.value[0]: code for code in grpc.StatusCode}


def _code(answer: Status) -> grpc.StatusCode:
    return _codes()[answer.code]


def _sent_id(context: Context) -> str | bytes | None:
    for key, value in context.invocation_metadata() or ():
        if key == METADATA_KEY:
            return value
    return None
