"""A rounded assignment made to fit its limits, and then filled up."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from training.allocation.book import U8, Book
from training.allocation.prices import Solution
from training.allocation.problem import F64, I32, I64, Limit, Problem, people_blocks

Mask = NDArray[np.bool_]

STEPS = tuple(itertools.pairwise((-np.inf, 1.0, 8.0, 64.0, np.inf)))
"""From and to how far below their price pairs are looked at, in smoothings: those that
are worth most first, without sorting all that there are."""


class Repair:
    """Makes a rounded assignment fit, and then better."""

    def __init__(self, problem: Problem, solution: Solution, chosen: U8) -> None:
        self.problem = problem
        self.chosen = chosen
        self._prices = solution.prices
        self._smoothing = solution.smoothing or 1.0
        self._book = Book(problem, chosen)

    def give_back(self) -> None:
        """Give back what is overdrawn, from where it is worth least after prices."""
        limits, left = self.problem.limits, self._book.left
        overdrawn = [limit for limit, rest in zip(limits, left, strict=True) if rest < 0]
        if overdrawn:
            taken = np.flatnonzero(self.chosen)
            inside = np.unique(np.concatenate([limit.choices for limit in overdrawn]))
            taken = taken[np.isin(self.problem.choices[taken], inside)]
            self._book.drop(taken[np.argsort(self._reduced(taken), kind="stable")])

    def reach_lower_bounds(self) -> None:
        """Take what is missing from lower bounds, in place of other things if need be."""
        for number in range(len(self.problem.limits)):
            for near, far in STEPS:
                if self._book.missing(number) > 0:
                    self._reach(number, near, far)

    def fill(self, near: float, far: float) -> None:
        """Take pairs that are worth from `far` to `near` below their price, the best first."""
        problem, book = self.problem, self._book
        is_open = np.ones(problem.choice_count, dtype=bool)
        for limit, left in zip(problem.limits, book.left, strict=True):
            if left < 1.0 and not limit.of_costs:
                is_open[list(limit.choices)] = False
        if not is_open.any():
            return

        def wanted(pairs: slice) -> Mask:
            is_worth: Mask = problem.values[pairs] > 0
            return is_worth & is_open[self._choices(pairs)] & self._has_slot(pairs)

        for pairs in self._within(near, far, wanted):
            book.take(pairs)

    def _within(self, near: float, far: float, wanted: Callable[[slice], Mask]) -> Iterator[I64]:
        """Yield pairs that nobody has taken, worth from `far` to `near` smoothings below price.

        In blocks of people, the best of each first.
        """
        starts, smoothing = self.problem.starts, self._smoothing
        for first, stop in people_blocks(starts):
            part = slice(int(starts[first]), int(starts[stop]))
            pairs = np.flatnonzero(wanted(part) & (self.chosen[part] == 0)) + part.start
            reduced = self._reduced(pairs)
            inside = (reduced <= -near * smoothing) & (reduced > -far * smoothing)
            yield pairs[inside][np.argsort(-reduced[inside], kind="stable")]

    def _reach(self, number: int, near: float, far: float) -> None:
        """Take pairs for a limit that lacks some, until it does not."""
        limit = self.problem.limits[number]
        members = np.zeros(self.problem.choice_count, dtype=bool)
        members[list(limit.choices)] = True

        def wanted(pairs: slice) -> Mask:
            is_member: Mask = members[self._choices(pairs)]
            return is_member

        for pairs in self._within(near, far, wanted):
            for pair, person in zip(
                pairs.tolist(), self._book.persons(pairs).tolist(), strict=True
            ):
                if self._book.missing(number) <= 0:
                    return
                self._take(pair, person, limit)

    def _take(self, pair: int, person: int, limit: Limit) -> None:
        """Take a pair for a limit if the others allow it, in place of another if need be."""
        book = self._book
        swapped = None if book.slots_left[person] > 0 else self._least(person, limit)
        if swapped is not None:
            book.put(swapped, back=True)
        if not book.take(np.array([pair], dtype=np.int64)) and swapped is not None:
            book.put(swapped, back=False)

    def _least(self, person: int, limit: Limit) -> int | None:
        """Return the pair of a person that she could best do without; None if there is none."""
        start, end = self.problem.starts[person], self.problem.starts[person + 1]
        taken = np.flatnonzero(self.chosen[start:end]) + start
        keep = {
            choice
            for number, other in enumerate(self.problem.limits)
            if other is limit or (other.lower and self._book.missing(number) >= 0)
            for choice in other.choices
        }
        free = taken[[int(self.problem.choices[pair]) not in keep for pair in taken]]
        if len(free) == 0:
            return None
        return int(free[np.argmin(self._reduced(free))])

    def _choices(self, pairs: slice) -> I32:
        return self.problem.choices[pairs]

    def _has_slot(self, pairs: slice) -> Mask:
        starts = self.problem.starts
        first, stop = np.searchsorted(starts, [pairs.start, pairs.stop])
        has_slot = self._book.slots_left[first:stop] > 0
        return np.repeat(has_slot, np.diff(starts[first : stop + 1]))

    def _reduced(self, pairs: I64) -> F64:
        choices: I32 = self.problem.choices[pairs]
        found: F64 = (
            self.problem.values[pairs].astype(np.float64)
            - self._prices.unit[choices]
            - self._prices.spend[choices] * self.problem.costs[pairs]
        )
        return found
