"""Page tokens: what was shown on the pages before, carried by the caller.

The service keeps nothing between pages, and what it knows of a person changes while she
scrolls. So a token holds the items themselves, as rows of the model, and not a position:
the next page is the best of what is left.
"""

import functools
import hashlib
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.errors import FieldViolation, InvalidRequest
from recsys.recommend.model import ServingModel
from recsys.recommend.query import Answer, ListQuery
from recsys.row_sets import union
from recsys.tokens import decode_bytes, encode_bytes

I32 = NDArray[np.int32]

_FORMAT: Final = b"\x01"
_MODEL_BYTES: Final = 4
_QUESTION_BYTES: Final = 8
_HEAD_BYTES: Final = len(_FORMAT) + _MODEL_BYTES + _QUESTION_BYTES
_ROW_BYTES: Final = 4
_FIELD: Final = "page_token"
_VARYING: Final = ("result_count", "excluded", "recent_events", "explains", "page_token")
"""What of a question may change between its pages."""

_UNORDERED: Final = ("identifiers", "item_ids")
"""What says the same in every order."""

_NO_ROWS: Final = np.empty(0, dtype=np.int32)

# Four letters stand for three bytes.
assert limits.PAGE_TOKEN_BYTES_MAX * 3 // 4 >= _HEAD_BYTES + _ROW_BYTES * limits.PAGED_COUNT_MAX


class Before(NamedTuple):
    """What is shown already: in the slots above, or on the pages before.

    Attributes:
        slots: Rows of the slots, ascending.
        pages: Shared rows (`ItemIndex.shared_rows`) of the pages, ascending.
    """

    slots: I32 = _NO_ROWS
    pages: I32 = _NO_ROWS

    @property
    def first_place(self) -> int:
        """How many results of the same list precede."""
        return len(self.pages)

    def shown(self, model: ServingModel) -> I32:
        """Return the rows of all, ascending; with the model's newest items looked at."""
        if not len(self.pages):
            return self.slots
        return union(self.slots, model.items.own_rows(self.pages))


NOTHING_BEFORE: Final = Before()


def pages_before(model: ServingModel, query: ListQuery) -> Before:
    """Return what the pages before have shown; raises as `decode_page_token`."""
    return Before(pages=decode_page_token(model, query)) if query.page_token else NOTHING_BEFORE


def with_next_page(model: ServingModel, query: ListQuery, before: Before, answer: Answer) -> Answer:
    """Add the token of the next page, unless this is the last one.

    Args:
        model: Has answered.
        query: The question.
        before: What the pages before have shown.
        answer: This page.
    """
    shown_count = before.first_place + len(answer.results)
    if answer.shortfall is not None or shown_count > limits.PAGED_COUNT_MAX:
        return answer
    added = model.items.shared_rows(answer.results.ranking.rows)
    token = encode_page_token(model, query, union(before.pages, added))
    return msgspec.structs.replace(answer, next_page_token=token)


def encode_page_token(model: ServingModel, query: ListQuery, shown: I32) -> str:
    """Make the token that asks for the next page; URL-safe, and opaque to callers.

    Layout before base64: format (1 byte), digest of the model's version (4), digest of
    the question (8), shared rows as int32, little endian, ascending.

    Args:
        model: Whose rows.
        query: The question of all pages.
        shown: Distinct shared rows (`ItemIndex.shared_rows`) on the pages so far, ascending,
            at most PAGED_COUNT_MAX.
    """
    head = _FORMAT + _model_digest(model) + _question_digest(query)
    return encode_bytes(head + shown.astype("<i4").tobytes())


def decode_page_token(model: ServingModel, query: ListQuery) -> I32:
    """Return what was shown on the pages before, ascending shared rows; none without a token.

    Raises:
        InvalidRequest: The token is none, or of another question or model.
    """
    token = query.page_token
    if not token:
        return _NO_ROWS
    try:
        body = decode_bytes(token)
    except ValueError as error:
        raise _refused("is not a token of this service") from error
    row_count, rest = divmod(len(body) - _HEAD_BYTES, _ROW_BYTES)
    if body[:1] != _FORMAT or rest or not 1 <= row_count <= limits.PAGED_COUNT_MAX:
        raise _refused("is not a token of this service")
    if body[1 : 1 + _MODEL_BYTES] != _model_digest(model):
        raise _refused(
            f"is not of the model {model.version}, which answers now; begin with the first page"
        )
    if body[1 + _MODEL_BYTES : _HEAD_BYTES] != _question_digest(query):
        raise _refused("is of another question; only page_size, exclude_item_ids and"
                       " context.recent_events may change between pages")  # fmt: skip
    rows = np.frombuffer(body, dtype="<i4", offset=_HEAD_BYTES).astype(np.int32)
    is_wrong = rows[0] < 0 or (rows[-1] >= len(model.items) and not model.items.shows_new)
    if is_wrong or np.any(np.diff(rows) <= 0):
        raise _refused("is not a token of this service")
    return rows


def _model_digest(model: ServingModel) -> bytes:
    return _version_digest(model.version)


@functools.lru_cache(maxsize=16)
def _version_digest(version: str) -> bytes:
    return hashlib.blake2b(version.encode(), digest_size=_MODEL_BYTES).digest()


def _question_digest(query: ListQuery) -> bytes:
    """Digest what all pages of one list have in common: the call, and all that it asks."""
    asked = msgspec.structs.asdict(query)
    for name in _VARYING:
        del asked[name]
    for name in _UNORDERED:
        if name in asked:
            asked[name] = sorted(set(asked[name]))
    # Sets have another order in every process.
    question = msgspec.msgpack.encode((type(query).__name__, asked), order="deterministic")
    return hashlib.blake2b(question, digest_size=_QUESTION_BYTES).digest()


def _refused(problem: str) -> InvalidRequest:
    return InvalidRequest([FieldViolation(_FIELD, problem)])
