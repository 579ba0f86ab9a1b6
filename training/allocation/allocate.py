"""Whole assignments from prices: rounded, repaired, filled up, and held against the bound."""

from dataclasses import dataclass

import numpy as np

from training.allocation.book import U8
from training.allocation.dual import Prices, slices_of
from training.allocation.prices import (
    Solution,
    solve,
)
from training.allocation.problem import CHUNK, Limit, Problem
from training.allocation.repair import STEPS, Repair
from training.models.parallel import in_parallel, thread_count
from training.progress import ShowStep, no_show


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What an assignment uses of a limit.

    Attributes:
        limit: The limit.
        amount: Assignments or costs.
        price: What one more unit would add to the value.
    """

    limit: Limit
    amount: float
    price: float

    @property
    def is_met(self) -> bool:
        """Whether it holds. Upper bounds always do."""
        return self.limit.lower <= self.amount * (1 + 1e-9)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Allocation:
    """Who gets what.

    Attributes:
        chosen: By pair, 1 where the person gets the choice, uint8, shape (pairs,).
        value: What it is worth.
        bound: No assignment is worth more.
        prices: Of what is scarce.
        used: What it takes of each limit.
    """

    chosen: U8
    value: float
    bound: float
    prices: Prices
    used: tuple[Used, ...]

    @property
    def gap(self) -> float:
        """How much more the best assignment could be worth at most, as a part of the bound."""
        return max(0.0, (self.bound - self.value) / self.bound) if self.bound > 0 else 0.0


def allocate(
    problem: Problem, *, seed: int = 0, threads: int | None = None, show: ShowStep = no_show
) -> Allocation:
    """Assign choices to people for the most value within all limits.

    The dual's prices tell what each person takes (`solve`); fractions are rounded with
    their probability, what is overdrawn is given back from where it is worth least, and what is
    left goes to where it is worth most. Deterministic in problem and seed.

    Args:
        problem: What is to be assigned.
        seed: Source of all chance.
        threads: 1 or more; None for one per processor.
        show: Told what is done and how far it is.
    """
    threads = threads or thread_count()
    solution = solve(problem, seed=seed, threads=threads, show=show)
    work = Repair(problem, solution, _rounded(problem, solution, seed=seed, threads=threads))
    work.give_back()
    work.reach_lower_bounds()
    for number, (near, far) in enumerate(STEPS):
        show("what is left", number / len(STEPS))
        work.fill(near, far)
    show("what is left", 1.0)
    return described(problem, work.chosen, prices=solution.prices, bound=solution.bound)


def described(problem: Problem, chosen: U8, *, prices: Prices, bound: float) -> Allocation:
    """Return an assignment with what it is worth and what it uses."""
    counts, spends, value = np.zeros(problem.choice_count), np.zeros(problem.choice_count), 0.0
    for first in range(0, problem.pair_count, CHUNK):
        taken = np.flatnonzero(chosen[first : first + CHUNK]) + first
        choices = problem.choices[taken]
        counts += np.bincount(choices, minlength=problem.choice_count)
        spends += np.bincount(choices, problem.costs[taken], problem.choice_count)
        value += float(problem.values[taken].sum(dtype=np.float64))
    used = tuple(
        Used(
            limit=limit,
            amount=float((spends if limit.of_costs else counts)[list(limit.choices)].sum()),
            price=float(price),
        )
        for limit, price in zip(problem.limits, prices.limits, strict=True)
    )
    return Allocation(chosen=chosen, value=value, bound=bound, prices=prices, used=used)


def _rounded(problem: Problem, solution: Solution, *, seed: int, threads: int) -> U8:
    chosen = np.zeros(problem.pair_count, dtype=np.uint8)
    draws = np.random.default_rng(seed).random(problem.person_count)
    people, prices = problem.people(), solution.prices

    def rounded(first: int, stop: int) -> None:
        people.round(first, stop, prices.unit, prices.spend, solution.smoothing, draws, chosen)

    in_parallel(rounded, slices_of(problem), threads=threads)
    return chosen
