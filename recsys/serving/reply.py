"""Answers become messages."""

from typing import Final

from recsys._results import encode_results
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


def recommend_response(answer: Answer, *, token: str) -> bytes:
    """Say an answer for a person in the words of the wire: a RecommendResponse."""
    return _response(RecommendResponse, answer, token)


def similar_response(answer: Answer, *, token: str) -> bytes:
    """Say an answer about an item in the words of the wire: a SimilarItemsResponse."""
    return _response(SimilarItemsResponse, answer, token)


def _response(
    message_type: type[RecommendResponse] | type[SimilarItemsResponse], answer: Answer, token: str
) -> bytes:
    rest = message_type(
        attribution_token=token,
        model_version=answer.model_version,
        shortfall=_shortfall(answer.shortfall),
    )
    # `results` has the lowest field number of both messages, so this is what
    # protobuf itself writes for the whole.
    results: bytes = encode_results(answer.results, _reason_bytes)
    return results + rest.SerializeToString()


def _reason_bytes(reason: Reason) -> bytes:
    return result_pb2.Reason(
        kind=_REASON_KINDS[reason.kind],
        similar_to_item_id=reason.similar_to or "",
        store_id=reason.store_id or "",
    ).SerializeToString()


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
