"""What is popular here, when nothing personal can be said. Never silent: each result says so."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import SEGMENT_ALL, channel_segment, store_segment
from recsys.domain import Channel, FallbackCause, Reason, ReasonKind, StoreId
from recsys.person_ranker import Ranking
from recsys.recommend.model import ServingModel
from recsys.recommend.results import Results

POPULAR = Reason(kind=ReasonKind.POPULAR)


def popular_results(
    model: ServingModel,
    *,
    channel: Channel | None,
    store_id: StoreId | None,
    result_count: int,
    blocked: NDArray[np.int32],
    cause: FallbackCause | None = None,
) -> Results:
    """List what is popular in the store, then on the channel, then everywhere.

    Args:
        model: The model with its popular lists.
        channel: The context's channel, if said.
        store_id: The context's store, if said; unknown ones have no list.
        result_count: Results wanted, positive.
        blocked: Rows that must not appear, ascending.
        cause: Why nothing stored of the person was used, for the reasons to say.

    Returns:
        Results without duplicates, best first within each list.
    """
    taken = set(blocked.tolist())
    rows: list[int] = []
    scores: list[float] = []
    reasons: list[Reason] = []
    for segment, reason in _segments(model, channel, store_id, cause):
        listed, popularity = model.popular.list(segment)
        # Further down than this nothing can be needed, and lists can be long.
        depth = result_count - len(rows) + len(taken)
        for row, score in zip(listed[:depth].tolist(), popularity[:depth].tolist(), strict=True):
            if len(rows) == result_count:
                break
            if row not in taken:
                taken.add(row)
                rows.append(row)
                scores.append(score)
                reasons.append(reason)
    ranking = Ranking.of(np.array(rows, dtype=np.int32), np.array(scores, dtype=np.float64))
    return Results(model.items, ranking, reasons)


def _segments(
    model: ServingModel,
    channel: Channel | None,
    store_id: StoreId | None,
    cause: FallbackCause | None,
) -> Iterator[tuple[str, Reason]]:
    if store_id is not None and store_segment(store_id) in model.popular:
        here = Reason(kind=ReasonKind.POPULAR_HERE, store_id=store_id, fallback_cause=cause)
        yield store_segment(store_id), here
    if channel is not None and channel_segment(channel) in model.popular:
        here = Reason(kind=ReasonKind.POPULAR_HERE, fallback_cause=cause)
        yield channel_segment(channel), here
    yield SEGMENT_ALL, Reason(kind=ReasonKind.POPULAR, fallback_cause=cause)
