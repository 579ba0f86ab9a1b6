"""Newest purchases hidden from their own past: what can be learned about foreseeing them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.domain import EventType
from training.interactions import Events
from training.metrics import Targets
from training.testset import distinct_targets, newest_lines


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HiddenPurchases:
    """Some people's newest purchases, and what was known before them.

    Attributes:
        users: Numbers in `Events`, ascending, shape (m,).
        rest: Lines of others, and of these people before their newest purchase.
        histories: Lines of these people before it, the newest ones, as in serving.
        ages: Seconds from each line of `histories` to the purchase, float64.
        targets: What they bought then, by person.
    """

    users: NDArray[np.int64]
    rest: Events
    histories: Events
    ages: NDArray[np.float64]
    targets: Targets


def hide_newest_purchases(
    events: Events,
    *,
    user_count_max: int,
    line_count_max: int,
    rng: np.random.Generator,
) -> HiddenPurchases:
    """Hide what people bought last, and that they ever had to do with it before.

    Args:
        events: The lines, at least one.
        user_count_max: People to hide a purchase of, drawn by chance if more have something
            before it, positive.
        line_count_max: Lines of `rest`, roughly; more are thinned by leaving others out.
        rng: Source of all chance.
    """
    item_count = len(events.item_ids)
    bought = events.type_codes == EventType.PURCHASE_COMPLETE.code
    moments = np.full(events.user_count, -np.inf)
    np.maximum.at(moments, events.users[bought], events.times[bought])
    earlier = events.times < moments[events.users]
    users = np.unique(events.users[earlier]).astype(np.int64)
    if len(users) > user_count_max:
        users = np.sort(rng.choice(users, user_count_max, replace=False))
    is_asked = np.zeros(events.user_count, dtype=np.bool_)
    is_asked[users] = True
    asked = is_asked[events.users]
    row_of_user = np.full(events.user_count, -1, dtype=np.int64)
    row_of_user[users] = np.arange(len(users))
    last = asked & bought & (events.times == moments[events.users])
    targets = distinct_targets(
        row_of_user[events.users[last]],
        events.items[last],
        user_count=len(users),
        item_count=item_count,
    )
    keys = events.users.astype(np.int64) * item_count + events.items
    known = asked & earlier & ~np.isin(keys, keys[last])
    histories = newest_lines(events.where(known), limits.HISTORY_EVENT_COUNT_MAX)
    others = ~asked
    share = (line_count_max - int(known.sum())) / max(1, int(others.sum()))
    if share < 1.0:
        others &= rng.random(events.user_count)[events.users] < share
    return HiddenPurchases(
        users=users,
        rest=events.where(known | others),
        histories=histories,
        ages=moments[histories.users] - histories.times,
        targets=targets,
    )
