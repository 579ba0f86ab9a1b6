"""What rule engines do: person by person, the best that is still there."""

import numpy as np

from training.allocation.allocate import Allocation, described
from training.allocation.book import Book
from training.allocation.dual import Prices
from training.allocation.prices import pairs_of
from training.allocation.problem import Problem

_TOGETHER = 10_000
"""People whose turns are prepared together."""


def allocate_in_turn(problem: Problem, *, seed: int = 0) -> Allocation:
    """Give each person, in random order, what is worth most to her while it lasts.

    Lower bounds are not looked at. The bound is infinite: nothing is proved.
    """
    book = Book(problem, np.zeros(problem.pair_count, dtype=np.uint8))
    order = np.random.default_rng(seed).permutation(problem.person_count)
    for first in range(0, problem.person_count, _TOGETHER):
        persons = order[first : first + _TOGETHER]
        pairs = pairs_of(problem.starts, persons)
        turns = np.repeat(np.arange(len(persons)), np.diff(problem.starts)[persons])
        worth = problem.values[pairs]
        best = np.lexsort((-worth, turns))
        book.take(pairs[best[worth[best] > 0]])
    nothing = np.zeros(problem.choice_count)
    prices = Prices(limits=np.zeros(len(problem.limits)), unit=nothing, spend=nothing)
    return described(problem, book.chosen, prices=prices, bound=np.inf)
