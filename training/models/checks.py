"""Bounds that several trainers' settings share. Each error names the key and what is allowed."""

import math

from recsys import limits

ITERATION_COUNT_MAX = 1_000
NEIGHBOUR_COUNT_MAX = 10_000
_EXPONENT_MAX = 2.0


def check_weight(name: str, value: float) -> None:
    """Refuse what is negative or not finite.

    Raises:
        ValueError: Naming the key, its value and what is allowed.
    """
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value}; allowed 0 and above")


def check_exponent(name: str, value: float) -> None:
    """Refuse exponents that cannot be meant; raises as `check_weight`."""
    if not 0 <= value <= _EXPONENT_MAX:
        raise ValueError(f"{name} is {value}; allowed 0 to {_EXPONENT_MAX:g}")


def check_neighbours(neighbours: int) -> None:
    """Refuse row lengths that cannot be meant; raises as `check_weight`."""
    if not 1 <= neighbours <= NEIGHBOUR_COUNT_MAX:
        raise ValueError(f"neighbours is {neighbours}; allowed 1 to {NEIGHBOUR_COUNT_MAX}")


def check_iterations(*, factors: int, iterations: int) -> None:
    """Refuse sizes that cannot be meant; raises as `check_weight`."""
    if not 1 <= factors <= limits.FACTOR_COUNT_MAX:
        raise ValueError(f"factors is {factors}; allowed 1 to {limits.FACTOR_COUNT_MAX}")
    if not 1 <= iterations <= ITERATION_COUNT_MAX:
        raise ValueError(f"iterations is {iterations}; allowed 1 to {ITERATION_COUNT_MAX}")
