"""How often offers are redeemed, smoothed: few views say little, and none at all nothing."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


class Shown(NamedTuple):
    """What became of an offer.

    Attributes:
        seen: How often it was seen, long enough ago that all of what comes of it is known.
        redeemed: How many of these were followed by a redemption.
    """

    seen: int
    redeemed: int


class Rates:
    """Rates of offers, each drawn towards that of all of them (empirical Bayes). Immutable.

    With a prior rate p of strength s, an offer that was seen n times and redeemed r times has
    the rate (r + p s) / (n + s): the mean of a beta distribution after what was observed.
    """

    def __init__(self, shown: Mapping[str, Shown], *, prior: float, strength: float) -> None:
        """Take what was counted.

        Args:
            shown: By offer.
            prior: Rate of an offer that nobody has seen yet, between 0 and 1.
            strength: How many views the prior counts as much as, positive.
        """
        self.shown = shown
        self.prior = prior
        self.strength = strength

    def logits(self, offer_ids: Sequence[str]) -> F64:
        """Return the log odds of each offer's rate, shape (len(offer_ids),)."""
        nothing = Shown(0, 0)
        counts = np.array([self.shown.get(name, nothing) for name in offer_ids], dtype=np.float64)
        counts = counts.reshape(-1, 2)
        rates = (counts[:, 1] + self.prior * self.strength) / (counts[:, 0] + self.strength)
        found: F64 = np.log(rates / (1.0 - rates))
        return found
