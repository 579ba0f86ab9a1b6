"""Attribution tokens: which answer an item was seen in, carried by the caller."""

from dataclasses import dataclass

from recsys import limits
from recsys.errors import FieldViolation, InvalidRequest
from recsys.tokens import decode_bytes, encode_bytes

_FORMAT = 1
_REQUEST_ID_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """What a token says.

    Attributes:
        request_id: 16 bytes, unique per answer.
        placement: The slot that was filled.
        model_version: The model that answered.
    """

    request_id: bytes
    placement: str
    model_version: str


def encode_token(*, request_id: bytes, placement: str, model_version: str) -> str:
    """Make a URL-safe token; callers treat it as opaque.

    Layout before base64: format (1 byte), request id (16), placement, NUL, model version.
    """
    if len(request_id) != _REQUEST_ID_BYTES:
        raise ValueError(f"request_id has {len(request_id)} bytes; it must have 16")
    body = b"%c%b%b\0%b" % (_FORMAT, request_id, placement.encode(), model_version.encode())
    return encode_bytes(body)


def decode_token(token: str) -> Attribution:
    """Read a token back.

    Raises:
        InvalidRequest: It was not made by `encode_token`.
    """
    try:
        if len(token) > limits.ATTRIBUTION_TOKEN_BYTES_MAX:
            raise ValueError("too long")  # noqa: TRY301 - one exit for every wrong token
        body = decode_bytes(token)
        head, request_id = body[:1], body[1 : 1 + _REQUEST_ID_BYTES]
        placement, separator, model_version = body[1 + _REQUEST_ID_BYTES :].partition(b"\0")
        if head != bytes([_FORMAT]) or not separator or not model_version:
            raise ValueError("wrong layout")  # noqa: TRY301 - as above
        return Attribution(
            request_id=request_id,
            placement=placement.decode(),
            model_version=model_version.decode(),
        )
    except ValueError as error:
        violation = FieldViolation("attribution_token", "is not a token of this service")
        raise InvalidRequest([violation]) from error
