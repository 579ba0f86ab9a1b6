"""Prices of what is scarce: the dual of the assignment, smoothed and then less so.

With prices, people are independent, and what they take together bounds every assignment
from above, whatever the prices are: so each price vector that is tried proves a bound, and
the smallest is kept. The smoothed dual is convex with a gradient (what is left of each
limit), and L-BFGS-B finds its least; smoothing is reduced step by step from there. First on a
sample of people with limits in proportion, then on everybody.
"""

import dataclasses
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from training.allocation.dual import Dual, Prices
from training.allocation.problem import F64, I64, Problem
from training.models.parallel import thread_count
from training.models.threads import one_blas_thread
from training.progress import ShowStep, no_show

SMOOTHINGS = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
"""Smoothing, one after the other, in parts of what people get at best on average."""

CLOSE = 5e-4
"""Smoothing is reduced no more once the smoothed dual, which the optimum cannot be below, is within
this part of the bound."""

SAMPLED_COUNT = 20_000
"""People of the sample."""

SAMPLE_PASSES, PASSES = 60, 15
"""How often people are gone through for each smoothing, at most."""

PRICE_MAX = 1e4
"""No price is higher, in multiples of what people get at best on average. Only a limit that
cannot be met would have one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solution:
    """Prices, and what they prove.

    Attributes:
        prices: Of limits and choices.
        bound: No assignment is worth more, nor the linear programme's optimum.
        smoothing: At which people took what was available, absolute.
        passes: How often everybody was gone through.
    """

    prices: Prices
    bound: float
    smoothing: float
    passes: int


class _Least(NamedTuple):
    """Where a smoothed dual is least, and the best bound seen on the way."""

    multipliers: F64
    smooth: float
    bound: float

    @property
    def is_close(self) -> bool:
        """Whether less smoothing could hardly prove more."""
        return self.bound - self.smooth <= CLOSE * abs(self.bound)


def solve(
    problem: Problem, *, seed: int = 0, threads: int | None = None, show: ShowStep = no_show
) -> Solution:
    """Find prices at which people take what there is.

    The same bits for the same problem and seed, on any number of threads.

    Args:
        problem: What is to be assigned.
        seed: Chooses the sample.
        threads: 1 or more; None for one per processor.
        show: Told what is done and how far it is.
    """
    threads = threads or thread_count()
    dual = Dual(problem, threads)
    scale = dual.best_share()
    if scale == 0.0:
        scale = 1.0
    multipliers = np.zeros(2 * len(problem.limits))
    if not problem.limits:
        point = dual.at(multipliers, 0.0)
        return _solution(dual, _Least(multipliers, point.smooth, point.bound), 0.0)
    first, passes_max = 0, SAMPLE_PASSES
    if problem.person_count > 2 * SAMPLED_COUNT:
        passes_max = PASSES
        sample = Dual(_sample(problem, seed), threads)
        for first, part in enumerate(SMOOTHINGS):
            show("prices on a sample", first / len(SMOOTHINGS))
            least = _least(sample, multipliers, part * scale, scale, SAMPLE_PASSES)
            multipliers = least.multipliers
            if least.is_close:
                break
        show("prices on a sample", 1.0)
    bound = np.inf
    for number, part in enumerate(SMOOTHINGS[first:]):
        show("prices on everybody", number / (len(SMOOTHINGS) - first))
        least = _least(dual, multipliers, part * scale, scale, passes_max)
        multipliers, bound = least.multipliers, min(bound, least.bound)
        if least.is_close:
            break
    show("prices on everybody", 1.0)
    return _solution(dual, least._replace(bound=bound), part * scale)


def _solution(dual: Dual, least: _Least, smoothing: float) -> Solution:
    return Solution(
        prices=dual.prices(least.multipliers),
        bound=least.bound,
        smoothing=smoothing,
        passes=dual.passes,
    )


def _least(dual: Dual, start: F64, smoothing: float, scale: float, passes_max: int) -> _Least:
    """Return where the smoothed dual is least.

    Multipliers are searched for in units in which all bend the dual about alike: a limit
    has about as many people near their choice as it has pieces, so its curvature goes with
    them and its unit with the root of their part of all.
    """
    count = len(dual.lower)
    total = scale * dual.problem.person_count
    units = np.tile(scale / dual.costs * np.sqrt(dual.problem.person_count / dual.pieces), 2)
    best = np.inf
    bounds = [
        *((0.0, PRICE_MAX if np.isfinite(top) else 0.0) for top in dual.upper),
        *((0.0, PRICE_MAX if low > 0 else 0.0) for low in dual.lower),
    ]
    highest = np.array([top for _, top in bounds]) * scale / np.tile(dual.costs, 2) / units

    def asked(scaled: F64) -> tuple[float, F64]:
        nonlocal best
        point = dual.at(scaled * units, smoothing)
        best = min(best, point.bound)
        return point.smooth / total, point.slope * units / total

    with one_blas_thread():
        found = minimize(
            asked,
            np.minimum(start / units, highest),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(np.zeros(2 * count), highest, strict=True)),
            options={"maxfun": passes_max, "maxcor": 20, "ftol": 1e-9, "gtol": 1e-9},
        )
    return _Least(np.asarray(found.x) * units, float(found.fun) * total, best)


def _sample(problem: Problem, seed: int) -> Problem:
    """Return some people's problem, with limits in proportion."""
    rng = np.random.default_rng(seed)
    persons = np.sort(rng.choice(problem.person_count, SAMPLED_COUNT, replace=False))
    counts = problem.starts[persons + 1] - problem.starts[persons]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    pairs = pairs_of(problem.starts, persons)
    share = SAMPLED_COUNT / problem.person_count
    limits = tuple(
        dataclasses.replace(limit, lower=limit.lower * share, upper=limit.upper * share)
        for limit in problem.limits
    )
    return Problem(
        starts=starts,
        choices=np.ascontiguousarray(problem.choices[pairs]),
        values=np.ascontiguousarray(problem.values[pairs]),
        costs=np.ascontiguousarray(problem.costs[pairs]),
        slots=np.ascontiguousarray(problem.slots[persons]),
        choice_count=problem.choice_count,
        limits=limits,
    )


def pairs_of(starts: I64, persons: NDArray[np.integer]) -> I64:
    """Return the pairs of some people, in their order."""
    counts = starts[persons + 1] - starts[persons]
    shifts = np.repeat(starts[persons] - np.cumsum(counts) + counts, counts)
    pairs: I64 = shifts + np.arange(int(counts.sum()), dtype=np.int64)
    return pairs
