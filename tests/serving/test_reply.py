"""Answers become exactly the bytes that protobuf would write."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys._results import encode_answer
from recsys._scoring import Ranking
from recsys.bundle import ItemIndex
from recsys.domain import (
    ItemId,
    Reason,
    ReasonKind,
    Recommendation,
    Shortfall,
    ShortfallCause,
    StoreId,
)
from recsys.recommend import Answer
from recsys.recommend.message_keys import message_key
from recsys.recommend.results import Results
from recsys.serving.reply import answer_bytes
from recsys.v1 import result_pb2
from recsys.v1.recommendation_service_pb2 import RecommendResponse, SimilarItemsResponse

KINDS = {kind: getattr(result_pb2, f"REASON_KIND_{kind.name}") for kind in ReasonKind}

ids = st.text(min_size=1, max_size=30)
reasons = st.builds(
    Reason,
    kind=st.sampled_from(ReasonKind),
    similar_to=st.none() | ids.map(ItemId),
    store_id=st.none() | ids.map(StoreId),
)
results = st.lists(st.builds(Recommendation, ids.map(ItemId), st.floats(), reasons), max_size=100)
shortfalls = st.none() | st.builds(
    Shortfall,
    missing_count=st.integers(1, 100),
    parts=st.lists(
        st.tuples(st.sampled_from(ShortfallCause), st.integers(1, 1_000)), max_size=3
    ).map(tuple),
)


def as_message(answer: Answer, token: str) -> RecommendResponse:
    """Build the response from messages, field by field."""
    shortfall = answer.shortfall and result_pb2.Shortfall(
        missing_count=answer.shortfall.missing_count,
        parts=[
            result_pb2.ShortfallPart(
                cause=getattr(result_pb2, f"SHORTFALL_CAUSE_{cause.name}"), item_count=count
            )
            for cause, count in answer.shortfall.parts
        ],
    )
    return RecommendResponse(
        results=[
            result_pb2.Result(
                item_id=result.item_id,
                score=result.score,
                reason=result_pb2.Reason(
                    kind=KINDS[result.reason.kind],
                    similar_to_item_id=result.reason.similar_to or "",
                    store_id=result.reason.store_id or "",
                    message_key=message_key(result.reason),
                ),
            )
            for result in answer.results
        ],
        attribution_token=token,
        model_version=answer.model_version,
        shortfall=shortfall,
    )


def answer_of(
    some: list[Recommendation], shortfall: Shortfall | None, model_version: str = "m1"
) -> Answer:
    """An answer with these results; their items are all there are."""
    item_ids = list(dict.fromkeys(result.item_id for result in some))
    rows = [item_ids.index(result.item_id) for result in some]
    ranking = Ranking.of(
        np.array(rows, dtype=np.int32), np.array([result.score for result in some])
    )
    return Answer(
        results=Results(ItemIndex.from_ids(item_ids), ranking, [result.reason for result in some]),
        shortfall=shortfall,
        model_version=model_version,
    )


@given(results, shortfalls, st.text(max_size=200), st.text(max_size=20))
def test_the_bytes_are_those_of_protobuf(
    some: list[Recommendation], shortfall: Shortfall | None, token: str, model_version: str
) -> None:
    """Any ids, scores (also NaN, infinity and both zeros), texts and reasons, to the last byte."""
    answer = answer_of(some, shortfall, model_version)
    expected = as_message(answer, token).SerializeToString()
    encoded = answer_bytes(answer, token=token)
    assert encoded == expected
    assert SimilarItemsResponse.FromString(encoded).SerializeToString() == encoded


@given(results.filter(bool))
def test_one_reason_may_stand_for_all(some: list[Recommendation]) -> None:
    """Most pages have one reason; it is said once and written for each result."""
    each = [result._replace(reason=some[0].reason) for result in some]
    full = answer_of(each, None)
    short = Answer(
        results=Results(full.results.items, full.results.ranking, [some[0].reason]),
        shortfall=None,
        model_version="m1",
    )
    assert answer_bytes(short, token="t") == answer_bytes(full, token="t")
    assert [repr(one) for one in short.results] == [repr(one) for one in each]
    assert short.results.reason_counts() == full.results.reason_counts()


def test_what_cannot_be_said_is_an_error() -> None:
    """A lone surrogate, a row without an item or a missing reason raises; nothing is written."""
    ids_of_one = ItemIndex.from_ids(["i"]).compiled
    one = Ranking.of(np.zeros(1, dtype=np.int32), np.ones(1))
    outside = Ranking.of(np.ones(1, dtype=np.int32), np.ones(1))
    with pytest.raises(UnicodeEncodeError):
        encode_answer(ids_of_one, one, [b""], "\ud800", "m1", None)
    with pytest.raises(IndexError, match="row 1 has no id"):
        encode_answer(ids_of_one, outside, [b""], "", "m1", None)
    with pytest.raises(IndexError, match="0 reasons for 1 results"):
        encode_answer(ids_of_one, one, [], "", "m1", None)
    with pytest.raises(ValueError, match="2 reasons for 1 results"):
        Results(ItemIndex.from_ids(["i"]), one, [Reason(kind=ReasonKind.POPULAR)] * 2)
