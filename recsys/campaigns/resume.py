"""Resume tokens: where a batch is, so that it goes on after a broken connection."""

import hashlib
from typing import Final

import msgspec

from recsys import limits
from recsys.campaigns.people import WalkPosition
from recsys.errors import FieldViolation, InvalidRequest
from recsys.tokens import decode_bytes, encode_bytes

_FINGERPRINT_BYTES: Final = 8


class Resume(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where a batch is.

    Attributes:
        fingerprint: Of what was asked; another question cannot go on from here.
        as_of: The moment for which people are ranked, seconds since 1970-01-01 UTC.
        send_time: When messages are sent; likewise.
        position: Where the walk is; None for a list.
        subject_count: How much of a list was answered.
        considered_count: How many people were looked at.
    """

    fingerprint: bytes
    as_of: float
    send_time: float
    position: WalkPosition | None = None
    subject_count: int = 0
    considered_count: int = 0


def fingerprint(asked: bytes) -> bytes:
    """Return the fingerprint of a question."""
    return hashlib.blake2b(asked, digest_size=_FINGERPRINT_BYTES).digest()


def encode_resume(where: Resume) -> str:
    """Make a URL-safe token; callers treat it as opaque."""
    return encode_bytes(_encode(where))


def decode_resume(token: str, *, asked: bytes) -> Resume:
    """Read a token back.

    Raises:
        InvalidRequest: It was not made by `encode_resume`, or for another question.
    """
    try:
        if len(token) > limits.RESUME_TOKEN_BYTES_MAX:
            raise ValueError("too long")  # noqa: TRY301 - one exit for every wrong token
        found = _decode(decode_bytes(token))
    except (ValueError, msgspec.DecodeError) as error:
        violation = FieldViolation("batch.resume_token", "is not a token of this service")
        raise InvalidRequest([violation]) from error
    if found.fingerprint != fingerprint(asked):
        violation = FieldViolation("batch.resume_token", "is of another batch")
        raise InvalidRequest([violation])
    return found


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Resume).decode
