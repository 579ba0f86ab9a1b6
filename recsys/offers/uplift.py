"""How many of an offer's redemptions would not have come to a purchase without it.

Learned from holdouts (`recsys offers learn`): people who never get an offer, by lot, buy in its scope
all the same. What they buy, the others would have bought without a discount, too.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from recsys.offers.features import FEATURE_NAMES

F64 = NDArray[np.float64]
_Count = Annotated[int, Meta(ge=0)]

_RATE_MIN: Final = 1e-9


class Line(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number that depends on features in a straight line.

    Attributes:
        intercept: Where all features are 0.
        weights: What one of a feature adds, by its name; of the others 0.
    """

    intercept: float
    weights: dict[str, float] = {}


class OfferUplift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the holdout of an offer has taught.

    Attributes:
        held_out: People who never got it.
        others: People who might have.
        wasted: Redemptions per person of these others by people who would have bought anyway.
        redeemed: Log odds that one of these others redeems it.
    """

    held_out: _Count
    others: _Count
    wasted: Line
    redeemed: Line

    def misfits(self) -> Iterator[str]:
        """Yield why it cannot be used."""
        for line in (self.wasted, self.redeemed):
            unknown = sorted(line.weights.keys() - {*FEATURE_NAMES})
            if unknown:
                yield f"has features of another version: {', '.join(unknown)}"
            if not all(map(math.isfinite, (line.intercept, *line.weights.values()))):
                yield "holds what is no finite number"


class Uplift:
    """The shares of many offers' redemptions that are incremental. Immutable."""

    def __init__(self, offers: Mapping[str, OfferUplift], low: F64, high: F64) -> None:
        """Take what was learned.

        Args:
            offers: By offer; of those that are not there, every redemption counts.
            low: The smallest value of each feature that was learned from.
            high: The largest, likewise.
        """
        self._low, self._high = low, high
        self._places = {name: at for at, name in enumerate(offers)}
        self._wasted = _lines([one.wasted for one in offers.values()])
        self._redeemed = _lines([one.redeemed for one in offers.values()])

    def shares(self, offer_ids: Sequence[str], features: F64) -> F64 | None:
        """Return the share of each offer's redemptions by a person that is incremental.

        Args:
            offer_ids: The offers.
            features: Of the person and each of them, shape (m, len(FEATURE_NAMES)).

        Returns:
            From 0 to 1, shape (m,); None where nothing is known of any of them.
        """
        if not self._places:
            return None
        found = [
            (at, self._places[name]) for at, name in enumerate(offer_ids) if name in self._places
        ]
        if not found:
            return None
        rows, places = np.array(found, dtype=np.intp).T
        some = np.clip(features[rows], self._low, self._high)
        odds = _along(some, self._redeemed[places])
        rates = np.maximum(1.0 / (1.0 + np.exp(-np.clip(odds, -50.0, 50.0))), _RATE_MIN)
        shares = np.ones(len(offer_ids))
        shares[rows] = 1.0 - np.clip(_along(some, self._wasted[places]) / rates, 0.0, 1.0)
        return shares


def _lines(lines: Sequence[Line]) -> F64:
    """Return weights, and the intercepts behind them, shape (lines, features + 1)."""
    found = np.zeros((len(lines), len(FEATURE_NAMES) + 1))
    for at, one in enumerate(lines):
        found[at, :-1] = [one.weights.get(name, 0.0) for name in FEATURE_NAMES]
        found[at, -1] = one.intercept
    return found


def _along(features: F64, lines: F64) -> F64:
    found: F64 = (features * lines[:, :-1]).sum(axis=1) + lines[:, -1]
    return found
