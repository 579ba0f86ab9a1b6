"""Every error of ours has a code, a reason, and says no more than it should."""

import inspect

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from recsys import errors, limits
from recsys.serving import status

TREE = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, errors.RecsysError)
]
VIOLATIONS = [errors.FieldViolation("page_size", "is -3; allowed 0 to 100")]


def unpack(answer: Status, kind: type) -> list:
    """Return the details of one kind."""
    found = []
    for detail in answer.details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found


def test_the_table_knows_every_error_by_name() -> None:
    """A new error class without a code fails here."""
    assert set(TREE) == set(status.CODES)


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (errors.InvalidRequest(VIOLATIONS), "INVALID_ARGUMENT", "INVALID_REQUEST"),
        (errors.ItemNotFound(item_id="i"), "NOT_FOUND", "ITEM_NOT_FOUND"),
        (errors.BundleUnavailable(source="/s", problem="p"), "UNAVAILABLE", "MODEL_UNAVAILABLE"),
        (
            errors.StorageUnavailable(storage="/s", problem="p"),
            "UNAVAILABLE",
            "STORAGE_UNAVAILABLE",
        ),
        (errors.BundleCorrupt(path="/s", problem="p"), "INTERNAL", "INTERNAL"),
        (errors.InvalidConfig(source="/s", problem="p"), "INTERNAL", "INTERNAL"),
        (KeyError("/s"), "INTERNAL", "INTERNAL"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_an_error_has_its_code_and_exactly_one_reason(
    error: Exception, code: str, reason: str
) -> None:
    """Clients branch on the reason; the places where things lie are not told."""
    answer = status.status_of(error, request_id="r-1")
    (info,) = unpack(answer, ErrorInfo)
    assert answer.code == grpc.StatusCode[code].value[0]
    assert (info.reason, info.domain) == (reason, "recsys")
    assert "/s" not in str(answer)


def test_a_wrong_request_lists_its_fields() -> None:
    """The message names the first field, the details name all."""
    violations = [*VIOLATIONS, errors.FieldViolation("placement", "is '?'")]
    answer = status.status_of(errors.InvalidRequest(violations), request_id="r-1")
    (bad,) = unpack(answer, BadRequest)
    (info,) = unpack(answer, ErrorInfo)
    assert [one.field for one in bad.field_violations] == ["page_size", "placement"]
    assert answer.message == "page_size is -3; allowed 0 to 100 (and 1 more)"
    assert info.metadata["violation_count"] == "2"


def test_unavailable_says_when_to_come_back() -> None:
    """A retry delay comes with every UNAVAILABLE."""
    answer = status.status_of(errors.BundleUnavailable(source="s", problem="p"), request_id="r-1")
    (retry,) = unpack(answer, RetryInfo)
    assert retry.retry_delay.seconds == limits.RETRY_DELAY_SECONDS


def test_every_unavailable_error_has_a_message_of_its_own() -> None:
    """Callers are told what is missing in words that were chosen for them."""
    reasons = {
        kind.reason for kind, code in status.CODES.items() if code is grpc.StatusCode.UNAVAILABLE
    }
    assert reasons == set(status._UNAVAILABLE_MESSAGES)


def test_an_internal_error_names_the_request_only() -> None:
    """The log has the rest."""
    answer = status.status_of(RuntimeError("secret"), request_id="r-1")
    assert "r-1" in answer.message
    assert "secret" not in str(answer)
