"""Answers become exactly the bytes that protobuf would write."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import _results
from recsys._results import encode_results
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
from recsys.serving.reply import recommend_response, similar_response
from recsys.v1 import result_pb2
from recsys.v1.recommendation_service_pb2 import RecommendResponse, SimilarItemsResponse

KINDS = {kind: getattr(result_pb2, f"REASON_KIND_{kind.name}") for kind in ReasonKind}

ids = st.text(min_size=1, max_size=140).filter(lambda text: text.isprintable() or text.isascii())
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
                ),
            )
            for result in answer.results
        ],
        attribution_token=token,
        model_version=answer.model_version,
        shortfall=shortfall,
    )


@given(results, shortfalls, st.text(max_size=20))
def test_the_bytes_are_those_of_protobuf(
    some: list[Recommendation], shortfall: Shortfall | None, token: str
) -> None:
    """Any ids, scores (also NaN, infinity and both zeros) and reasons, to the last byte."""
    answer = Answer(results=tuple(some), shortfall=shortfall, model_version="m1")
    expected = as_message(answer, token).SerializeToString()
    assert recommend_response(answer, token=token) == expected
    similar = similar_response(answer, token=token)
    assert similar == expected
    assert SimilarItemsResponse.FromString(similar).SerializeToString() == similar


def test_neighbours_with_one_reason_ask_for_its_bytes_once() -> None:
    """Most pages have one reason; it is serialized once."""
    asked: list[Reason] = []

    def bytes_of(reason: Reason) -> bytes:
        asked.append(reason)
        return b""

    first, second = Reason(kind=ReasonKind.PERSONAL), Reason(kind=ReasonKind.POPULAR)
    run = [first, first, second, first]
    encode_results(tuple(Recommendation(ItemId("i"), 1.0, reason) for reason in run), bytes_of)
    assert asked == [first, second, first]


@pytest.mark.parametrize("wrong", [("\ud800", 1.0), (7, 1.0), ("i", "high")])
def test_what_cannot_be_said_is_an_error(wrong: tuple[object, object]) -> None:
    """A lone surrogate or a wrong type raises instead of writing past the end."""
    with pytest.raises((TypeError, UnicodeEncodeError)):
        encode_results(((*wrong, None),), lambda _: b"")  # type: ignore[arg-type]  # the point


def test_the_stub_names_what_is_there(repo_root: Path) -> None:
    """`_results.pyi` and the compiled module agree."""
    functions = [name for name in vars(_results) if name.startswith("encode")]
    stub = (repo_root / "recsys/_results.pyi").read_text()
    assert [f"def {name}(" in stub for name in functions] == [True]
    assert stub.count("def ") == 1
