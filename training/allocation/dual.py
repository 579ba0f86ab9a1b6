"""The dual of an assignment: what all people take at given prices, and what that proves."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from training.allocation.problem import CHUNK, F64, Problem
from training.models.parallel import even_slices, in_parallel

_SLICES, _SLICE_PAIRS = 64, 100_000
"""Slices of people at most, and about how many pairs each has at least."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prices:
    """What a unit of each limit is worth at the margin.

    Attributes:
        limits: By limit, float64, shape (limits,): what one more unit would add. Negative where a
            limit asks for more than people would take.
        unit: By choice, float64, shape (choices,): taken off its value for each assignment.
        spend: By choice, float64, shape (choices,): for each unit of cost.
    """

    limits: F64
    unit: F64
    spend: F64


@dataclass(frozen=True, slots=True)
class Point:
    """The dual function at one vector of multipliers.

    Attributes:
        smooth: Its smoothed value.
        bound: Its exact value, which no assignment exceeds.
        slope: Of the smoothed one: what upper bounds leave, then what is above lower ones.
    """

    smooth: float
    bound: float
    slope: F64


class Dual:
    """The dual function of a problem: multipliers of upper bounds, then of lower ones."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self.problem = problem
        self.threads = threads
        self.passes = 0
        self._people = problem.people()
        self._slices = slices_of(problem)
        limits = problem.limits
        self.lower = np.array([limit.lower for limit in limits])
        self.upper = np.array([limit.upper for limit in limits])
        self._of_costs = np.array([limit.of_costs for limit in limits], dtype=bool)
        self._members = _memberships(problem)
        self.costs = np.where(self._of_costs, self._mean_costs(), 1.0)
        sizes = np.where(np.isfinite(self.upper), self.upper, self.lower)
        self.pieces = np.clip(sizes / self.costs, 1.0, problem.person_count)

    def _mean_costs(self) -> F64:
        """Return what a piece of each limit costs on average; 1 where it costs nothing."""
        counts, costs = sums_of_choices(self.problem)
        means = (self._members @ costs) / np.maximum(self._members @ counts, 1.0)
        return np.where(means > 0, means, 1.0)

    def best_share(self) -> float:
        """Return what people would get on average if nothing were scarce."""
        none = np.zeros(self.problem.choice_count)
        _, _, exact, _ = self._taken(none, none, 0.0)
        return exact / self.problem.person_count

    def prices(self, multipliers: F64) -> Prices:
        """Return prices of choices."""
        count = len(self.problem.limits)
        limits = multipliers[:count] - multipliers[count:]
        return Prices(
            limits=limits,
            unit=np.asarray(self._members.T @ np.where(self._of_costs, 0.0, limits)),
            spend=np.asarray(self._members.T @ np.where(self._of_costs, limits, 0.0)),
        )

    def at(self, multipliers: F64, smoothing: float) -> Point:
        """Go through all people once."""
        prices = self.prices(multipliers)
        counts, spends, exact, smooth = self._taken(prices.unit, prices.spend, smoothing)
        used = np.where(self._of_costs, self._members @ spends, self._members @ counts)
        count = len(self.lower)
        ceilings = np.where(np.isfinite(self.upper), self.upper, 0.0)
        fixed = float(multipliers[:count] @ ceilings - multipliers[count:] @ self.lower)
        slope = np.concatenate([ceilings - used, used - self.lower])
        return Point(smooth=fixed + smooth, bound=fixed + exact, slope=slope)

    def _taken(self, unit: F64, spend: F64, smoothing: float) -> tuple[F64, F64, float, float]:
        choice_count = self.problem.choice_count

        def add(first: int, stop: int) -> tuple[F64, F64, float, float]:
            counts, spends = np.zeros(choice_count), np.zeros(choice_count)
            exact, smooth = self._people.add(first, stop, unit, spend, smoothing, counts, spends)
            return counts, spends, exact, smooth

        self.passes += 1
        parts = in_parallel(add, self._slices, threads=self.threads)
        counts, spends = np.zeros(choice_count), np.zeros(choice_count)
        exact = smooth = 0.0
        for part in parts:
            counts += part[0]
            spends += part[1]
            exact += part[2]
            smooth += part[3]
        return counts, spends, exact, smooth


def sums_of_choices(problem: Problem) -> tuple[F64, F64]:
    """Return of each choice how many pairs it has and what they cost, shape (choices,)."""
    counts, costs = np.zeros(problem.choice_count), np.zeros(problem.choice_count)
    for first in range(0, problem.pair_count, CHUNK):
        part = slice(first, first + CHUNK)
        choices = problem.choices[part]
        counts += np.bincount(choices, minlength=problem.choice_count)
        costs += np.bincount(choices, problem.costs[part], problem.choice_count)
    return counts, costs


def slices_of(problem: Problem) -> list[tuple[int, int]]:
    """Cut people into slices of about equal work, the same ones on any number of threads."""
    count = int(np.clip(problem.pair_count // _SLICE_PAIRS, 1, _SLICES))
    return even_slices(np.diff(problem.starts), count=count)


def _memberships(problem: Problem) -> csr_array:
    """Return which limits have which choices, shape (limits, choices), float64."""
    ends = np.cumsum([0, *(len(limit.choices) for limit in problem.limits)])
    columns = np.concatenate(
        [np.asarray(limit.choices, dtype=np.int64) for limit in problem.limits]
        or [np.empty(0, dtype=np.int64)]
    )
    shape = (len(problem.limits), problem.choice_count)
    return csr_array((np.ones(len(columns)), columns, ends), shape=shape)
