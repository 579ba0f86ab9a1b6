"""Answers become messages."""

import datetime as dt
import functools
from collections.abc import Iterable, Mapping, Sequence

from recsys._results import encode_answer
from recsys.catalog import StockRow
from recsys.domain import Reason, Shortfall
from recsys.recommend import Answer, Explanation, Located, RankAnswer
from recsys.recommend.message_keys import BECAUSE, message_key
from recsys.recommend.splits import AnswerExplanation, Influence
from recsys.rules.refusals import Refusal
from recsys.serving.encode import put_moment
from recsys.serving.kinds import FALLBACK_CAUSES, REASON_KINDS, SHORTFALL_CAUSES
from recsys.v1 import event_pb2, result_pb2
from recsys.v1 import recommendation_service_pb2 as pb2
from recsys.v1.recommendation_service_pb2 import (
    ExplainItemResponse,
    LocateItemResponse,
    RankItemsResponse,
    RecommendPageResponse,
    RecommendResponse,
    ScorePart,
    StoreStock,
)


def answer_bytes(answer: Answer, *, token: str) -> bytes:
    """Say an answer in the words of the wire.

    Returns:
        A RecommendResponse, and as well any other response of the service with the same
        fields; one without `next_page_token` is for answers without.
    """
    results = answer.results
    ids, ranking = results.packed()
    encoded = encode_answer(
        ids,
        ranking,
        [_reason_bytes(reason) for reason in results.reasons],
        token,
        answer.model_version,
        None if answer.shortfall is None else _shortfall_bytes(answer.shortfall),
    )
    if not answer.next_page_token and answer.explanation is None:
        return encoded
    # Messages one after the other are one message.
    rest = RecommendResponse(next_page_token=answer.next_page_token)
    if answer.explanation is not None:
        rest.explanation.CopyFrom(_explanation(answer, answer.explanation))
    return encoded + rest.SerializeToString()


def _explanation(answer: Answer, explained: AnswerExplanation) -> pb2.AnswerExplanation:
    return pb2.AnswerExplanation(
        results=[
            pb2.ResultExplanation(item_id=one.item_id)
            if split is None
            else pb2.ResultExplanation(
                item_id=one.item_id,
                score_parts=_score_parts(split.parts),
                influences=_influences(split.influences),
            )
            for one, split in zip(answer.results, explained.splits, strict=True)
        ],
        filtered=[
            pb2.FilteredItems(
                cause=SHORTFALL_CAUSES[one.cause], rule=one.rule, item_count=one.item_count
            )
            for one in explained.filtered
        ],
        pins_left_out=[
            pb2.PinLeftOut(
                item_id=pin.item_id, position=pin.position, refusals=_refusals(pin.refusals)
            )
            for pin in explained.pins_left_out
        ],
    )


def _score_parts(parts: Mapping[str, float]) -> list[ScorePart]:
    return [ScorePart(name=name, value=value) for name, value in parts.items()]


def _influences(influences: Sequence[Influence]) -> list[pb2.Influence]:
    return [
        pb2.Influence(
            item_id=one.item_id,
            value=one.value,
            message_key="" if one.contact is None else BECAUSE[one.contact],
        )
        for one in influences
    ]


def rank_bytes(answer: RankAnswer, *, token: str) -> bytes:
    """Say given items in order in the words of the wire."""
    unknown = RankItemsResponse(unknown_item_ids=answer.unknown)
    return answer_bytes(answer, token=token) + unknown.SerializeToString()


def page_bytes(slots: Iterable[bytes]) -> bytes:
    """Say a page in the words of the wire; each slot as `answer_bytes` says it."""
    page = RecommendPageResponse()
    for slot in slots:
        page.slots.add().ParseFromString(slot)
    return page.SerializeToString()


def explanation_bytes(explanation: Explanation) -> bytes:
    """Say what became of one item in the words of the wire."""
    return ExplainItemResponse(
        is_known=explanation.is_known,
        position=explanation.position,
        score=explanation.score,
        score_parts=_score_parts(explanation.parts),
        influences=_influences(explanation.influences),
        refusals=_refusals(explanation.refusals),
        pinned_position=explanation.pinned_position,
        model_version=explanation.model_version,
    ).SerializeToString()


def _refusals(refusals: Sequence[Refusal]) -> list[pb2.Refusal]:
    return [pb2.Refusal(cause=SHORTFALL_CAUSES[one.cause], detail=one.detail) for one in refusals]


def located_bytes(located: Located, *, token: str, model_version: str) -> bytes:
    """Say where an item is in the words of the wire."""
    response = LocateItemResponse(
        is_here=located.is_here,
        here=None if located.here is None else _store_stock(located.here),
        stores=[_store_stock(one.stock, one.distance_km) for one in located.stores],
        model_version=model_version,
    )
    if located.equivalents is not None:
        # The fields are the same; an answer is made of bytes.
        answer = RecommendResponse.FromString(answer_bytes(located.equivalents, token=token))
        response.equivalents.extend(answer.results)
        if answer.HasField("shortfall"):
            response.shortfall.CopyFrom(answer.shortfall)
        response.attribution_token = answer.attribution_token
    return response.SerializeToString()


def _store_stock(row: StockRow, distance_km: float | None = None) -> StoreStock:
    sent = StoreStock(store_id=row.store_id, quantity=row.quantity, distance_km=distance_km)
    put_moment(sent.stock_time, row.stock_time)
    return sent


@functools.lru_cache(maxsize=4096)
def _reason_bytes(reason: Reason) -> bytes:
    sent = result_pb2.Reason(
        kind=REASON_KINDS[reason.kind],
        similar_to_item_id=reason.similar_to or "",
        store_id=reason.store_id or "",
        fallback_cause=FALLBACK_CAUSES[reason.fallback_cause],
        goes_with_item_id=reason.goes_with or "",
        message_key=message_key(reason),
        channel=None if reason.channel is None else event_pb2.Channel.Name(reason.channel.code),
    )
    if reason.purchase_time is not None:
        put_moment(sent.purchase_time, reason.purchase_time)
    if reason.usual_days is not None:
        sent.usual_interval.FromTimedelta(dt.timedelta(days=reason.usual_days))
    return sent.SerializeToString()


def _shortfall_bytes(shortfall: Shortfall) -> bytes:
    return result_pb2.Shortfall(
        missing_count=shortfall.missing_count,
        parts=[
            result_pb2.ShortfallPart(cause=SHORTFALL_CAUSES[cause], item_count=item_count)
            for cause, item_count in shortfall.parts
        ],
    ).SerializeToString()
