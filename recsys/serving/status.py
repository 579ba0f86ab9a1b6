"""Errors become google.rpc.Status, by table.

Every status carries one ErrorInfo (its `reason` is what callers branch on) and
what helps to act: the wrong fields, or how long to wait before trying again.
"""

from typing import Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from recsys import errors, limits

DOMAIN: Final = "recsys"
DETAILS_KEY: Final = "grpc-status-details-bin"
REASON_DEADLINE_EXCEEDED: Final = "DEADLINE_EXCEEDED"

# Looked up along the class's ancestors: the nearest entry counts.
CODES: Final[dict[type[errors.RecsysError], grpc.StatusCode]] = {
    errors.RecsysError: grpc.StatusCode.INTERNAL,
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidRequest: grpc.StatusCode.INVALID_ARGUMENT,
    errors.InvalidConfig: grpc.StatusCode.INTERNAL,
    errors.InvalidData: grpc.StatusCode.INTERNAL,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.ItemNotFound: grpc.StatusCode.NOT_FOUND,
    errors.OfferNotFound: grpc.StatusCode.NOT_FOUND,
    errors.ReservationNotFound: grpc.StatusCode.NOT_FOUND,
    errors.OfferRefused: grpc.StatusCode.FAILED_PRECONDITION,
    errors.ReservationConflict: grpc.StatusCode.ALREADY_EXISTS,
    errors.ReservationSettled: grpc.StatusCode.FAILED_PRECONDITION,
    errors.CostTooHigh: grpc.StatusCode.FAILED_PRECONDITION,
    errors.SegmentNotFound: grpc.StatusCode.NOT_FOUND,
    errors.PersonErased: grpc.StatusCode.FAILED_PRECONDITION,
    errors.EventConflict: grpc.StatusCode.ALREADY_EXISTS,
    errors.BundleError: grpc.StatusCode.INTERNAL,
    errors.BundleCorrupt: grpc.StatusCode.INTERNAL,
    errors.BundleIncompatible: grpc.StatusCode.INTERNAL,
    errors.BundleUnavailable: grpc.StatusCode.UNAVAILABLE,
    errors.FeedTooSmall: grpc.StatusCode.FAILED_PRECONDITION,
    errors.GateFailed: grpc.StatusCode.INTERNAL,
    errors.StorageMissing: grpc.StatusCode.FAILED_PRECONDITION,
    errors.StorageUnavailable: grpc.StatusCode.UNAVAILABLE,
}


def code_of(error: Exception) -> grpc.StatusCode:
    """Return the code of any error; what the table does not know is INTERNAL."""
    for ancestor in type(error).__mro__:
        if ancestor in CODES:
            return CODES[ancestor]
    return grpc.StatusCode.INTERNAL


def status_of(error: Exception, *, request_id: str) -> Status:
    """Say an error as google.rpc.Status.

    An INTERNAL error says nothing of its cause, which is ours to know: callers
    get the request id, under which the log has the rest.
    """
    code = code_of(error)
    if code is grpc.StatusCode.INTERNAL or not isinstance(error, errors.RecsysError):
        return _status(
            grpc.StatusCode.INTERNAL,
            f"internal error; the server's log has it under request id {request_id}",
            ErrorInfo(reason="INTERNAL", domain=DOMAIN, metadata={"request_id": request_id}),
        )
    if isinstance(error, errors.InvalidRequest):
        return _invalid_request(error)
    info = ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata())
    if code is grpc.StatusCode.UNAVAILABLE:
        # Where the server looks for models and data is not the callers' business.
        info.ClearField("metadata")
        wait = Duration(seconds=limits.RETRY_DELAY_SECONDS)
        return _status(code, _UNAVAILABLE_MESSAGES[error.reason], info, RetryInfo(retry_delay=wait))
    return _status(code, str(error), info)


_UNAVAILABLE_MESSAGES: Final = {
    errors.BundleUnavailable.reason: "no model yet; try again later",
    errors.StorageUnavailable.reason: "the storage does not answer; try again later",
}


def deadline_exceeded() -> Status:
    """Say that the caller's time was over before the work began."""
    return _status(
        grpc.StatusCode.DEADLINE_EXCEEDED,
        "the deadline passed before the answer was computed",
        ErrorInfo(reason=REASON_DEADLINE_EXCEEDED, domain=DOMAIN),
    )


def _invalid_request(error: errors.InvalidRequest) -> Status:
    violations = error.violations
    first = violations[0]
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return _status(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"{first.field} {first.description}{more}",
        ErrorInfo(
            reason=error.reason,
            domain=DOMAIN,
            metadata={
                "field": first.field,
                "description": first.description,
                "violation_count": str(len(violations)),
            },
        ),
        BadRequest(
            field_violations=[
                BadRequest.FieldViolation(
                    field=violation.field,
                    description=violation.description,
                    reason=error.reason,
                )
                for violation in violations
            ]
        ),
    )


def _status(code: grpc.StatusCode, message: str, *details: Message) -> Status:
    status = Status(code=code.value[0], message=message)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status
