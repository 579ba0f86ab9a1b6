"""What is bought again: milk is, a gift is not.

The self weight of an item is scaled by how likely a buyer of it is to buy it once more,
compared with any item: ((r_i + k g) / (b_i + k) / g)^exponent, where r_i of the item's b_i
buyers bought it on two days or more, g is the same share over all items, and k buyers of
average taste stand beside each item's own: 10, or as many as make half a repeater. Where hardly
anybody buys anything twice, that somebody did not says nothing of an item. That is the part of repeat
models that pays; docs/train.md says what intervals between purchases would add.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.domain import SECONDS_PER_DAY, EventType
from training.models.protocol import Interactions, known_lines

_BUYERS_ADDED = 10.0


def repeat_scales(interactions: Interactions, *, exponent: float) -> NDArray[np.float64]:
    """Return what each item's self weight is multiplied with, shape (n,), positive.

    Args:
        interactions: With lines, unless the exponent is 0.
        exponent: How far scales follow the data, 0 or more; 0 gives ones.

    Raises:
        ValueError: Only sums of weights are known.
    """
    count = interactions.item_count
    if exponent == 0.0:
        return np.ones(count)
    lines = known_lines(interactions)
    lines = lines.where(lines.type_codes == EventType.PURCHASE_COMPLETE.code)
    pairs = lines.users.astype(np.int64) * count + lines.items
    days = np.floor(lines.times / SECONDS_PER_DAY)
    order = np.lexsort((days, pairs))
    pairs, days = pairs[order], days[order]
    is_first = np.r_[True, pairs[1:] != pairs[:-1]][: len(pairs)]
    is_again = np.r_[False, (pairs[1:] == pairs[:-1]) & (days[1:] != days[:-1])][: len(pairs)]
    buyers = np.bincount(pairs[is_first] % count, minlength=count)
    repeaters = np.bincount(np.unique(pairs[is_again]) % count, minlength=count)
    if not repeaters.any():
        return np.ones(count)
    usual = repeaters.sum() / buyers.sum()
    added = max(_BUYERS_ADDED, 0.5 / usual)
    shares = (repeaters + added * usual) / (buyers + added)
    scales: NDArray[np.float64] = (shares / usual) ** exponent
    return scales
