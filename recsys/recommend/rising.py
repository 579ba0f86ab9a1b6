"""What is on the rise where the answer is shown: in the store, on the channel, everywhere."""

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import SEGMENT_ALL, channel_segment, store_segment
from recsys.domain import Channel, Reason, ReasonKind, StoreId
from recsys.recommend.given import Listed
from recsys.recommend.model import ServingModel
from recsys.recommend.trends import Trends


def rising_here(
    model: ServingModel,
    trends: Trends,
    *,
    channel: Channel | None,
    store_id: StoreId | None,
    now: float,
) -> Listed:
    """List what rises in the store, then what does on the channel, then what does everywhere.

    Args:
        model: Whose items.
        trends: Has counted.
        channel: Of the context.
        store_id: Of the context.
        now: Seconds since 1970-01-01 UTC.
    """
    places = [(SEGMENT_ALL, Reason(kind=ReasonKind.TRENDING))]
    if channel is not None:
        here = Reason(kind=ReasonKind.TRENDING, channel=channel)
        places.insert(0, (channel_segment(channel), here))
    if store_id is not None:
        here = Reason(kind=ReasonKind.TRENDING, store_id=store_id)
        places.insert(0, (store_segment(store_id), here))
    rows: list[NDArray[np.int32]] = []
    scores: list[NDArray[np.float64]] = []
    why: list[Reason] = []
    for place, reason in places:
        found, strengths = trends.rising(place, model.items, now=now)
        rows.append(found)
        scores.append(strengths)
        why += [reason] * len(found)
    every = np.concatenate(rows)
    _, first = np.unique(every, return_index=True)
    first.sort()
    # What rises here comes before what rises more elsewhere.
    falling = np.minimum.accumulate(np.concatenate(scores)[first])
    return Listed(
        model=model,
        rows=every[first],
        scores=falling,
        why=[why[at] for at in first.tolist()],
        unknown_count=0,
    )
