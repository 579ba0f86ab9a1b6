"""Answers become messages."""

from typing import Final

from recsys.domain import Reason, ReasonKind, Shortfall, ShortfallCause
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
    response = RecommendResponse(
        attribution_token=token,
        model_version=answer.model_version,
        shortfall=_shortfall(answer.shortfall),
    )
    _add_results(response, answer)
    return response


def similar_response(answer: Answer, *, token: str) -> SimilarItemsResponse:
    """Say an answer about an item in the words of the wire."""
    response = SimilarItemsResponse(
        attribution_token=token,
        model_version=answer.model_version,
        shortfall=_shortfall(answer.shortfall),
    )
    _add_results(response, answer)
    return response


def _add_results(response: RecommendResponse | SimilarItemsResponse, answer: Answer) -> None:
    # Adding in place takes half the time of handing a list to the constructor,
    # which copies every message. Most answers give one reason object to all
    # their results, so its message is made once.
    add = response.results.add
    known: Reason | None = None
    message = result_pb2.Reason()
    for result in answer.results:
        reason = result.reason
        if reason is not known:
            known = reason
            message = result_pb2.Reason(
                kind=_REASON_KINDS[reason.kind],
                similar_to_item_id=reason.similar_to or "",
                store_id=reason.store_id or "",
            )
        add(item_id=result.item_id, score=result.score, reason=message)


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
