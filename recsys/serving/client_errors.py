"""What a client is told when there is no answer."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from recsys.errors import FieldViolation, InvalidInput, RecsysError
from recsys.serving.request_id import METADATA_KEY
from recsys.serving.status import DETAILS_KEY


class CallFailed(RecsysError):
    """The server could not be asked, or could not answer.

    Attributes:
        code: gRPC's name of the code, such as `UNAVAILABLE`.
        server_reason: What to branch on, such as `MODEL_UNAVAILABLE`; the code's
            name if no server of ours answered.
        violations: Wrong fields of the request.
        retry_seconds: When to try again, if the server said so.
        request_id: The server's name of the call; empty if none arrived.
    """

    reason = "CALL_FAILED"

    def __init__(
        self,
        *,
        code: str,
        server_reason: str,
        message: str,
        violations: Sequence[FieldViolation] = (),
        retry_seconds: float | None = None,
        request_id: str = "",
    ) -> None:
        self.code = code
        self.server_reason = server_reason
        self.violations = tuple(violations)
        self.retry_seconds = retry_seconds
        self.request_id = request_id
        super().__init__(f"{server_reason}: {message}")

    @classmethod
    def from_rpc(cls, error: grpc.RpcError) -> "CallFailed":
        """Translate gRPC's error; `CallRefused` if the request itself is wrong."""
        code, message = error.code(), error.details() or "no details"
        metadata: dict[str, Any] = {
            pair.key: pair.value for pair in error.trailing_metadata() or ()
        }
        facts = _details(metadata.get(DETAILS_KEY))
        if facts.get("violations"):
            message = "; ".join(f"{one.field} {one.description}" for one in facts["violations"])
        elif code is grpc.StatusCode.UNAVAILABLE and not facts:
            message = f"no server answers ({message}); `recsys serve` starts one"
        refused = code in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND}
        kind = CallRefused if refused else cls
        return kind(
            code=code.name,
            server_reason=facts.pop("reason", code.name),
            message=message,
            request_id=metadata.get(METADATA_KEY, ""),
            **facts,
        )


class CallRefused(CallFailed, InvalidInput):
    """The request is wrong; trying again unchanged will fail again."""


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Say gRPC's errors in our words."""
    try:
        yield
    except grpc.RpcError as error:
        raise CallFailed.from_rpc(error) from error


def _details(packed: bytes | None) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for detail in Status.FromString(packed).details if packed else ():
        info, bad, retry = ErrorInfo(), BadRequest(), RetryInfo()
        if detail.Unpack(info):
            facts["reason"] = info.reason
        elif detail.Unpack(bad):
            facts["violations"] = [
                FieldViolation(violation.field, violation.description)
                for violation in bad.field_violations
            ]
        elif detail.Unpack(retry):
            facts["retry_seconds"] = retry.retry_delay.ToTimedelta().total_seconds()
    return facts
