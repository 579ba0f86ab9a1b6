"""Attribution tokens carry the answer's identity and refuse forgeries of form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import limits
from recsys.errors import InvalidRequest
from recsys.recommend.attribution import Attribution, decode_token, encode_token

PLACEMENTS = st.from_regex(r"[a-z][a-z0-9-]{0,63}", fullmatch=True)
VERSIONS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=128)


@given(st.binary(min_size=16, max_size=16), PLACEMENTS, VERSIONS)
def test_a_token_says_what_was_put_in(request_id: bytes, placement: str, version: str) -> None:
    """Encode then decode is the identity, within the size promised to callers."""
    token = encode_token(request_id=request_id, placement=placement, model_version=version)
    assert len(token) <= limits.ATTRIBUTION_TOKEN_BYTES_MAX
    assert token.isascii()
    assert not set(token) & set("+/= ")
    assert decode_token(token) == Attribution(
        request_id=request_id, placement=placement, model_version=version
    )


@given(st.text(max_size=600))
def test_anything_else_is_refused_as_a_bad_field(text: str) -> None:
    """Garbage never raises anything but INVALID_REQUEST."""
    try:
        attribution = decode_token(text)
    except InvalidRequest as error:
        fields = [violation.field for violation in error.violations]
        assert fields == ["attribution_token"]
    else:
        assert attribution.model_version


def test_a_request_id_of_the_wrong_length_is_a_programming_error() -> None:
    """Only 16 bytes can be told apart again."""
    with pytest.raises(ValueError, match="16"):
        encode_token(request_id=b"short", placement="home", model_version="v1")
