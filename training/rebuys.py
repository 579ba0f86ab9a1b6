"""How soon and how surely items are bought again.

Intervals between two purchases of the same item by the same person, on different days, are
averaged by their logarithms, each item's beside ten intervals of all items. How likely a purchase
is after so many usual intervals is a life table (actuarial estimate: Cutler and Ederer 1958):
purchases in a class over the time that was spent in it, also by those who have not come
again yet.
"""

import itertools

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import Rebuys
from recsys.domain import SECONDS_PER_DAY, EventType
from training.interactions import Events

_INTERVALS_ADDED = 10.0
_BUYERS_ADDED = 10.0
_HALF_DAY = 0.5
_RATIOS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0, 8.0)


def rebuys_of(events: Events, *, row_of_item: NDArray[np.int32], item_count: int) -> Rebuys | None:
    """Learn what is usual.

    Args:
        events: The lines.
        row_of_item: The model's row of each item of `events.item_ids`, -1 for items that
            the model does not have.
        item_count: Items of the model, n.

    Returns:
        What was learned; None if nobody bought anything twice.
    """
    rows = row_of_item[events.items]
    bought = (events.type_codes == EventType.PURCHASE_COMPLETE.code) & (rows >= 0)
    if not bought.any():
        return None
    days = np.floor(events.times[bought] / SECONDS_PER_DAY)
    pairs = events.users[bought].astype(np.int64) * item_count + rows[bought]
    # Each purchase once a day, by person and item and time.
    order = np.lexsort((days, pairs))
    pairs, days = pairs[order], days[order]
    again = np.r_[False, pairs[1:] == pairs[:-1]]
    distinct = ~again | np.r_[True, days[1:] != days[:-1]]
    pairs, days, again = pairs[distinct], days[distinct], again[distinct]
    if not again.any():
        return None
    has_next = np.r_[again[1:], False]
    items = pairs % item_count
    gaps = np.where(has_next, np.r_[np.diff(days), 0.0], days.max() - days)
    gaps = np.maximum(gaps, _HALF_DAY)
    logs = np.log(gaps[has_next])
    intervals = np.bincount(items[has_next], minlength=item_count)
    sums = np.bincount(items[has_next], weights=logs, minlength=item_count)
    usual = np.exp((sums + _INTERVALS_ADDED * logs.mean()) / (intervals + _INTERVALS_ADDED))
    buyers = np.bincount(items[~again], minlength=item_count)
    repeaters = np.bincount(np.unique(pairs[again]) % item_count, minlength=item_count)
    share = repeaters.sum() / buyers.sum()
    shares = (repeaters + _BUYERS_ADDED * share) / (buyers + _BUYERS_ADDED)
    return Rebuys(
        shares=shares.astype(np.float32),
        days=usual.astype(np.float32),
        ratios=_RATIOS,
        rates=_life_table(gaps / usual[items], has_next),
    )


def _life_table(ratios: NDArray[np.float64], has_next: NDArray[np.bool_]) -> tuple[float, ...]:
    """Return purchases by time spent in each class, with one of each added."""
    bounds = np.r_[0.0, _RATIOS, np.inf]
    purchases, _ = np.histogram(ratios[has_next], bounds)
    spent = [
        float(np.clip(np.minimum(ratios, high) - low, 0.0, None).sum())
        for low, high in itertools.pairwise(bounds.tolist())
    ]
    rates: list[float] = ((purchases + 1.0) / (np.array(spent) + 1.0)).tolist()
    return tuple(rates)
