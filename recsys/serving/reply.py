"""Answers become messages."""

from typing import Final

from recsys.domain import ReasonKind, Recommendation, Shortfall, ShortfallCause
from recsys.recommend import Answer
from recsys.v1 import result_pb2
from recsys.v1.recommendation_service_pb2 import RecommendResponse, SimilarItemsResponse

_REASON_KINDS: Final = {
    ReasonKind.PERSONAL: result_pb2.REASON_KIND_PERSONAL,
    ReasonKind.SIMILAR: result_pb2.REASON_KIND_SIMILAR,
    ReasonKind.POPULAR_HERE: result_pb2.REASON_KIND_POPULAR_HERE,
    ReasonKind.POPULAR: result_pb2.REASON_KIND_POPULAR,
    ReasonKind.EDITORIAL: result_pb2.REASON_KIND_EDITORIAL,
}
_CAUSES: Final = {
    ShortfallCause.EXCLUDED: result_pb2.SHORTFALL_CAUSE_EXCLUDED,
    ShortfallCause.SEEN: result_pb2.SHORTFALL_CAUSE_SEEN,
    ShortfallCause.CATALOG: result_pb2.SHORTFALL_CAUSE_CATALOG,
}


def recommend_response(answer: Answer, *, token: str) -> RecommendResponse:
    """Say an answer for a person in the words of the wire."""
    return RecommendResponse(
        results=_results(answer.results),
        attribution_token=token,
        model_version=answer.model_version,
        shortfall=_shortfall(answer.shortfall),
    )


def similar_response(answer: Answer, *, token: str) -> SimilarItemsResponse:
    """Say an answer about an item in the words of the wire."""
    return SimilarItemsResponse(
        results=_results(answer.results),
        attribution_token=token,
        model_version=answer.model_version,
        shortfall=_shortfall(answer.shortfall),
    )


def _results(results: tuple[Recommendation, ...]) -> list[result_pb2.Result]:
    # Most answers give one reason to all their results, so its message is made once.
    reasons: dict[int, result_pb2.Reason] = {}
    messages = []
    for result in results:
        key = id(result.reason)
        if key not in reasons:
            reasons[key] = result_pb2.Reason(
                kind=_REASON_KINDS[result.reason.kind],
                similar_to_item_id=result.reason.similar_to or "",
                store_id=result.reason.store_id or "",
            )
        messages.append(
            result_pb2.Result(item_id=result.item_id, score=result.score, reason=reasons[key])
        )
    return messages


def _shortfall(shortfall: Shortfall | None) -> result_pb2.Shortfall | None:
    if shortfall is None:
        return None
    return result_pb2.Shortfall(
        missing_count=shortfall.missing_count,
        parts=[
            result_pb2.ShortfallPart(cause=_CAUSES[cause], item_count=item_count)
            for cause, item_count in shortfall.parts
        ],
    )
