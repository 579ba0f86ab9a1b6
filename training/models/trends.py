"""What is on the rise: asked for more of late than it used to be.

The prior of item i is `weight * ln((r_i + s) / (e_i + s))`: r_i sums the weights of the item's
lines, each halved for every half-life of age behind the newest line of all; e_i is what
r_i would be, had the item kept its share of all lines; s = one line of average weight keeps
rare items near 0. An item that nobody has asked for of late falls, one in season rises.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.domain import SECONDS_PER_DAY
from training.models.protocol import Interactions, known_lines


def trend_prior(
    interactions: Interactions, *, weight: float, half_life_days: float
) -> NDArray[np.float32]:
    """Return the prior, shape (n,).

    Args:
        interactions: With lines.
        weight: What being asked for e times as much as usual adds to a score.
        half_life_days: What counts as of late, positive.

    Raises:
        ValueError: Only sums of weights are known.
    """
    lines = known_lines(interactions)
    lines = lines.where(lines.weights > 0)
    count = interactions.item_count
    if not len(lines):
        return np.zeros(count, dtype=np.float32)
    ages = (lines.times.max() - lines.times) / SECONDS_PER_DAY
    usual = np.bincount(lines.items, weights=lines.weights, minlength=count)
    late = np.bincount(
        lines.items, weights=lines.weights * np.exp2(-ages / half_life_days), minlength=count
    )
    expected = usual * (late.sum() / usual.sum())
    added = lines.weights.mean()
    rise: NDArray[np.float64] = np.log((late + added) / (expected + added))
    return (weight * rise).astype(np.float32)
