"""Single values in the words of the wire."""

import math

from google.protobuf.timestamp_pb2 import Timestamp

from recsys.domain import Identifier
from recsys.v1 import subject_pb2


def encode_identifier(one: Identifier) -> subject_pb2.Identifier:
    """Say how somebody is known."""
    return subject_pb2.Identifier(namespace=one.namespace, value=one.value)


def encode_time(seconds: float) -> Timestamp:
    """Say a moment, to the nanosecond; seconds since 1970-01-01 UTC, finite."""
    whole = math.floor(seconds)
    return Timestamp(seconds=whole, nanos=int((seconds - whole) * 1e9))


def put_moment(sent: Timestamp, seconds: float | None) -> None:
    """Say a moment, to the microsecond; an absent one stays absent."""
    if seconds is not None:
        sent.FromMicroseconds(round(seconds * 1e6))
