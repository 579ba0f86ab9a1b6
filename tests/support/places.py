"""Purchases in stores and on channels, without a dataset around them."""

from collections.abc import Iterable

import numpy as np

from recsys.domain import EventType
from training.interactions import Events

DAY = 86_400.0


def purchases(
    lines: Iterable[tuple[int, int, int, int, float]],
    *,
    kind: EventType = EventType.PURCHASE_COMPLETE,
) -> Events:
    """Make events of (user, item, channel code, store, day), in the order of `read_events`."""
    table = np.array(sorted(lines, key=lambda line: (line[0], line[1], line[4])), dtype=float)
    stores = table[:, 3].astype(np.int32)
    return Events(
        users=table[:, 0].astype(np.int32),
        items=table[:, 1].astype(np.int32),
        type_codes=np.full(len(table), kind.code, dtype=np.uint8),
        channel_codes=table[:, 2].astype(np.uint8),
        stores=stores,
        times=table[:, 4] * DAY,
        user_count=int(table[:, 0].max()) + 1,
        item_ids=[f"i{item}" for item in range(int(table[:, 1].max()) + 1)],
        store_ids=[f"s{store}" for store in range(int(stores.max()) + 1)],
    )
