"""Lines of events as numbers, with what they should lead to planted."""

import numpy as np

from recsys.domain import EventType
from training.interactions import NO_STORE, Events

BUY, VIEW = EventType.PURCHASE_COMPLETE, EventType.DETAIL_PAGE_VIEW
DAY = 86_400.0


def events_of(
    rows: list[tuple[int, int, float]], *, item_count: int, kinds: list[EventType] | None = None
) -> Events:
    """Make events of (user, item, time) rows."""
    types = [BUY] * len(rows) if kinds is None else kinds
    order = sorted(range(len(rows)), key=lambda number: (rows[number], types[number].code))
    users = np.array([rows[number][0] for number in order], dtype=np.int32)
    return Events(
        users=users,
        items=np.array([rows[number][1] for number in order], dtype=np.int32),
        type_codes=np.array([types[number].code for number in order], dtype=np.uint8),
        channel_codes=np.zeros(len(rows), dtype=np.uint8),
        stores=np.full(len(rows), NO_STORE, dtype=np.int32),
        times=np.array([rows[number][2] for number in order]),
        user_count=int(users.max()) + 1,
        item_ids=[f"i{item}" for item in range(item_count)],
        store_ids=[],
    )


def circles(
    *, user_count: int, steps: int = 6, item_count: int = 24, seed: int = 0, pause: float = DAY
) -> Events:
    """Make users who walk around circles of eight items: the next item is the obvious one.

    Everybody begins at some item at some time and takes a step after each pause.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for user in range(user_count):
        circle, place = int(rng.integers(item_count // 8)), int(rng.integers(8))
        begun = float(rng.uniform(0, 40 * DAY))
        rows += [
            (user, circle * 8 + (place + step) % 8, begun + step * pause) for step in range(steps)
        ]
    return events_of(rows, item_count=item_count)
