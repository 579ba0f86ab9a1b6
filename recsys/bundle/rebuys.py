"""How soon and how surely items are bought again, as learned from everybody."""

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from recsys.bundle.format import RebuysInfo

F32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rebuys:
    """What is usual between two purchases of the same item by the same person.

    Attributes:
        shares: Share of each item's buyers who bought it on two days or more, above 0 to 1,
            float32, shape (n,).
        days: Days between two purchases, the geometric mean, positive, float32, shape (n,).
        ratios: Times since the last purchase, in usual intervals: bounds of b classes, ascending.
        rates: How likely a purchase is in each class, of those who have not bought again
            so far, per usual interval; positive, length b + 1.
    """

    shares: F32
    days: F32
    ratios: tuple[float, ...]
    rates: tuple[float, ...]

    @functools.cached_property
    def typical(self) -> tuple[float, float]:
        """The median share and the median days: what is assumed of items that nobody has bought.

        Reads all of both, once.
        """
        return float(np.median(self.shares)), float(np.median(self.days))

    def rate(self, ratios: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return how likely a purchase is now.

        Args:
            ratios: Times since the last purchase, in usual intervals, shape (m,).
        """
        return np.array(self.rates)[np.searchsorted(self.ratios, ratios, side="right")]


def mapped_rebuys(info: "RebuysInfo | None", shares: F32 | None, days: F32 | None) -> Rebuys | None:
    """Put together what lies in a bundle; None where it has none."""
    if info is None or shares is None or days is None:
        return None
    return Rebuys(shares=shares, days=days, ratios=info.ratios, rates=info.rates)


def rebuys_problem(found: Rebuys | None) -> str | None:
    """Say what is wrong with the habits of a bundle, or None; reads all of them."""
    if found is None:
        return None
    if not (np.all(found.shares > 0.0) and np.all(found.shares <= 1.0)):
        return "rebuys: a share is outside 0 to 1"
    if not (np.isfinite(found.days).all() and np.all(found.days > 0.0)):
        return "rebuys: days are not positive"
    return None
