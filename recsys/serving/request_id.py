"""Request ids: what ties a call, its log lines and its attribution token together."""

import hashlib
import os
import re
from typing import Final, Self

import msgspec

from recsys import limits

METADATA_KEY: Final = "x-request-id"
TOKEN_BYTES: Final = 16
_SANE: Final = re.compile(rf"[A-Za-z0-9._:/=+-]{{1,{limits.REQUEST_ID_CHARS_MAX}}}")
_HEX: Final = re.compile(r"[0-9a-f]{32}")


class RequestId(msgspec.Struct, frozen=True):
    """A request id as text (metadata, logs) and as bytes (attribution token).

    Attributes:
        text: What the caller sent, or 32 hex digits.
        token: 16 bytes; 32 hex digits and UUIDs stand for themselves, any other
            text for the start of its SHA-256.
    """

    text: str
    token: bytes

    @classmethod
    def make(cls) -> Self:
        """Make a random id."""
        token = os.urandom(TOKEN_BYTES)
        return cls(token.hex(), token)

    @classmethod
    def accept(cls, text: str | bytes | None) -> Self:
        """Take a caller's id if it is sane, else make one."""
        if not isinstance(text, str) or _SANE.fullmatch(text) is None:
            return cls.make()
        digits = text.replace("-", "").lower()
        if _HEX.fullmatch(digits):
            return cls(text, bytes.fromhex(digits))
        return cls(text, hashlib.sha256(text.encode()).digest()[:TOKEN_BYTES])
