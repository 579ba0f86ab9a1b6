"""What is popular here, when nothing personal can be said. Never silent: each result says so."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.bitmaps import allows
from recsys.bundle import SEGMENT_ALL, channel_segment, store_segment
from recsys.domain import Channel, FallbackCause, Reason, ReasonKind, StoreId
from recsys.person_ranker import Ranking
from recsys.recommend.model import ServingModel
from recsys.recommend.results import Results
from recsys.rules import Permitted

_UNLISTED: Final = 0.0
"""Score of an item that is on no list: nobody has been seen to want it."""

POPULAR = Reason(kind=ReasonKind.POPULAR)


def popular_order(
    model: ServingModel,
    *,
    channel: Channel | None,
    store_id: StoreId | None,
    cause: FallbackCause | None = None,
) -> tuple[NDArray[np.int32], Sequence[Reason]]:
    """Return all rows that are on a list, the store's first, and on which each is."""
    lists = []
    reasons: list[Reason] = []
    for segment, reason in _segments(model, channel, store_id, cause):
        listed, _ = model.popular.list(segment)
        lists.append(listed)
        reasons += [reason] * len(listed)
    rows = np.concatenate([np.empty(0, dtype=np.int32), *lists])
    _, first = np.unique(rows, return_index=True)
    first.sort()
    return rows[first], [reasons[at] for at in first.tolist()]


def popular_results(
    model: ServingModel,
    *,
    channel: Channel | None,
    store_id: StoreId | None,
    result_count: int,
    blocked: NDArray[np.int32],
    permitted: Permitted,
    cause: FallbackCause | None = None,
) -> Results:
    """List what is popular in the store, then on the channel, then everywhere.

    Args:
        model: The model with its popular lists.
        channel: The context's channel, if said.
        store_id: The context's store, if said; unknown ones have no list.
        result_count: Results wanted, positive.
        blocked: Rows that must not appear, ascending.
        permitted: What may appear.
        cause: Why nothing stored of the person was used, for the reasons to say.

    Returns:
        Results without duplicates, best first within each list.
    """
    taken = set(blocked.tolist())
    bitmap = permitted.bitmap()
    rows: list[int] = []
    scores: list[float] = []
    reasons: list[Reason] = []
    for segment, reason in _segments(model, channel, store_id, cause):
        listed, popularity = model.popular.list(segment)
        if bitmap is not None:
            is_allowed = allows(bitmap, listed)
            listed, popularity = listed[is_allowed], popularity[is_allowed]
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
    if len(rows) < result_count and bitmap is not None:
        # The lists are short; whoever asks for what few stores have must still find it.
        rest = model.rank_for_nobody(
            result_count=result_count - len(rows),
            excluded=np.array(sorted(taken), dtype=np.int32),
            allowed=permitted.masks,
        )
        rows += rest.rows.tolist()
        scores += [_UNLISTED] * rest.count
        popular = Reason(kind=ReasonKind.POPULAR, fallback_cause=cause)
        new = Reason(kind=ReasonKind.NEW, fallback_cause=cause)
        is_new = model.items.is_new(rest.rows).tolist()
        reasons += [new if one else popular for one in is_new]
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
