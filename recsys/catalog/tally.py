"""What is known of one item in one store: a count, and what came and went after it.

The quantity is what was counted at the latest counted moment T, and all adjustments of
moments after T. It does not depend on the order in which these arrive; of several counts
of one moment, the last to arrive counts.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from recsys import limits
from recsys.catalog.stock import StockOutcome


class Adjustment(NamedTuple):
    """That pieces came or went.

    Attributes:
        stock_time: When; seconds since 1970-01-01 UTC.
        quantity: How many came, or, negative, went.
    """

    stock_time: float
    quantity: float


class Tally:
    """One item in one store; takes what is said of it.

    Only `STOCK_ADJUSTMENT_COUNT_MAX` adjustments are kept. The oldest of more become part
    of the count, as if somebody had counted at their moment: what is said later of a
    moment before that is stale.
    """

    __slots__ = ("adjustments", "counted", "counted_time")

    adjustments: Mapping[str, Adjustment]

    def __init__(self, counted: float = 0.0, counted_time: float | None = None) -> None:
        """Begin with a count, or with nothing.

        Args:
            counted: Pieces, finite.
            counted_time: When that was; seconds since 1970-01-01 UTC. None if nobody ever
                counted.
        """
        self.counted = counted
        self.counted_time = counted_time
        self.adjustments = {}

    @property
    def quantity(self) -> float:
        """Pieces that are there; below 0 if more went than was counted."""
        if not self.adjustments:
            return self.counted
        # Exactly rounded, so that it does not depend on the order either.
        return math.fsum([self.counted, *(one.quantity for one in self.adjustments.values())])

    @property
    def stock_time(self) -> float:
        """When it was counted or adjusted last; -inf if never."""
        times = [one.stock_time for one in self.adjustments.values()]
        return max(times, default=-math.inf if self.counted_time is None else self.counted_time)

    def count(self, quantity: float, *, stock_time: float) -> StockOutcome:
        """Take what was counted at a moment."""
        if self.counted_time is not None:
            if stock_time < self.counted_time:
                return StockOutcome.STALE
            if (stock_time, quantity) == (self.counted_time, self.counted):
                return StockOutcome.DUPLICATE
        self._settle(quantity, stock_time)
        return StockOutcome.WRITTEN

    def adjust(self, adjustment_id: str, quantity: float, *, stock_time: float) -> StockOutcome:
        """Take what came or went at a moment; each `adjustment_id` once."""
        if adjustment_id in self.adjustments:
            return StockOutcome.DUPLICATE
        if self.counted_time is not None and stock_time <= self.counted_time:
            return StockOutcome.STALE
        self.adjustments = {**self.adjustments, adjustment_id: Adjustment(stock_time, quantity)}
        surplus = len(self.adjustments) - limits.STOCK_ADJUSTMENT_COUNT_MAX
        if surplus > 0:
            until = sorted(one.stock_time for one in self.adjustments.values())[surplus - 1]
            old = [one.quantity for one in self.adjustments.values() if one.stock_time <= until]
            self._settle(math.fsum([self.counted, *old]), until)
        return StockOutcome.WRITTEN

    def _settle(self, quantity: float, stock_time: float) -> None:
        self.counted, self.counted_time = quantity, stock_time
        self.adjustments = {
            name: one for name, one in self.adjustments.items() if one.stock_time > stock_time
        }
