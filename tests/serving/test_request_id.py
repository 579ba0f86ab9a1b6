"""Which request ids are taken over, and what they are in a token."""

import hashlib
import uuid

import pytest

from recsys.serving.request_id import RequestId


def test_a_uuid_stands_for_itself() -> None:
    """With hyphens or without, the same 16 bytes."""
    one = uuid.uuid4()
    assert RequestId.accept(str(one)).token == one.bytes
    assert RequestId.accept(one.hex).token == one.bytes


def test_other_text_is_hashed() -> None:
    """The token has room for 16 bytes; the text is kept for logs."""
    accepted = RequestId.accept("edge/2026:17")
    assert accepted.text == "edge/2026:17"
    assert accepted.token == hashlib.sha256(b"edge/2026:17").digest()[:16]


@pytest.mark.parametrize("text", [None, "", "a b", "a\n", "ü", "x" * 129, b"bytes", '{"a":1}'])
def test_insane_ids_are_replaced(text: str | bytes | None) -> None:
    """A fresh random id instead."""
    made, again = RequestId.accept(text), RequestId.accept(text)
    assert made.text == made.token.hex()
    assert made.text != again.text
