"""Bytes as texts that travel: URL-safe base64 without padding (RFC 4648, section 5)."""

import base64


def encode_bytes(body: bytes) -> str:
    """Return bytes as a text of letters, digits, hyphens and underscores."""
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def decode_bytes(token: str) -> bytes:
    """Return the bytes of a text.

    Raises:
        ValueError: It is none of `encode_bytes`.
    """
    # `binascii.Error` is a ValueError, and so is what letters beyond ASCII raise.
    return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
