"""Who gets which offer: the most value within budgets, pieces and shares."""

from training.allocation.allocate import Allocation, Used, allocate
from training.allocation.dual import Prices
from training.allocation.greedy import allocate_in_turn
from training.allocation.prices import Solution, solve
from training.allocation.problem import Limit, Problem

__all__ = [
    "Allocation",
    "Limit",
    "Prices",
    "Problem",
    "Solution",
    "Used",
    "allocate",
    "allocate_in_turn",
    "solve",
]
