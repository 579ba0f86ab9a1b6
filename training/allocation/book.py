"""What is taken and what is left while an assignment is being changed."""

import numpy as np
from numpy.typing import NDArray

from training._allocation import Limits
from training.allocation.dual import sums_of_choices
from training.allocation.problem import F64, I64, Limit, Problem

U8 = NDArray[np.uint8]


class Book:
    """What is taken and what is left: slots of people, and room in limits."""

    def __init__(self, problem: Problem, chosen: U8) -> None:
        """Count what is taken; `chosen` is changed from here on."""
        self.problem = problem
        self.chosen = chosen
        self.people = problem.people()
        self.slots_left = problem.slots.copy()
        self.ceilings = _ceilings(problem)
        self.left = self.ceilings.copy()
        self.limits = _limits(problem, self.left)
        taken = np.flatnonzero(chosen)
        np.subtract.at(self.slots_left, self.persons(taken), 1)
        for number, limit in enumerate(problem.limits):
            inside = taken[np.isin(problem.choices[taken], limit.choices)]
            self.left[number] -= self.amount(limit, inside)

    def missing(self, number: int) -> float:
        """Return how much a limit lacks of its lower bound; 0 or less if nothing."""
        return float(self.problem.limits[number].lower - self.ceilings[number] + self.left[number])

    def amount(self, limit: Limit, pairs: I64) -> float:
        """Return what pairs use of a limit that has them all."""
        if not limit.of_costs:
            return float(len(pairs))
        return float(self.problem.costs[pairs].sum(dtype=np.float64))

    def persons(self, pairs: I64) -> I64:
        """Return whose pairs these are."""
        found = np.searchsorted(self.problem.starts, pairs, side="right") - 1
        return found.astype(np.int64)

    def take(self, pairs: I64) -> int:
        """Take pairs in this order as far as slots and limits allow; returns how many."""
        return self.people.take(
            self.limits, pairs, self.persons(pairs), self.slots_left, self.chosen
        )

    def drop(self, pairs: I64) -> int:
        """Give pairs back in this order while their limits are overdrawn; returns how many."""
        return self.people.drop(
            self.limits, pairs, self.persons(pairs), self.slots_left, self.chosen
        )

    def put(self, pair: int, *, back: bool) -> None:
        """Take one pair, or give it back, whatever slots and limits say."""
        one = np.array([pair], dtype=np.int64)
        sign = 1 if back else -1
        self.chosen[pair] = 0 if back else 1
        self.slots_left[self.persons(one)[0]] += sign
        for number, limit in enumerate(self.problem.limits):
            if int(self.problem.choices[pair]) in limit.choices:
                self.left[number] += sign * self.amount(limit, one)


def _ceilings(problem: Problem) -> F64:
    """Return upper bounds, and where there is none, more than all pairs together use."""
    if all(np.isfinite(limit.upper) for limit in problem.limits):
        return np.array([limit.upper for limit in problem.limits], dtype=np.float64)
    counts, costs = sums_of_choices(problem)
    return np.array(
        [
            limit.upper
            if np.isfinite(limit.upper)
            else 1.0 + (costs if limit.of_costs else counts)[list(limit.choices)].sum()
            for limit in problem.limits
        ],
        dtype=np.float64,
    )


def _limits(problem: Problem, left: F64) -> Limits:
    """Return which limits each choice has, for the compiled core; it shares `left`."""
    by_choice: list[list[int]] = [[] for _ in range(problem.choice_count)]
    for number, limit in enumerate(problem.limits):
        for choice in limit.choices:
            by_choice[choice].append(number)
    starts = np.cumsum([0, *map(len, by_choice)]).astype(np.int64)
    flat = np.array([number for numbers in by_choice for number in numbers], dtype=np.int32)
    of_costs = np.array([limit.of_costs for limit in problem.limits], dtype=np.uint8)
    return Limits(starts, flat, of_costs, left)
