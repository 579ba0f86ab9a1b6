"""What is to be assigned: people, what each may get, what it is worth, and what is scarce."""

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys.errors import FieldViolation, InvalidRequest
from training._allocation import People

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Bounds of a sum over all people.

    Attributes:
        name: For reports; each limit has its own.
        choices: Whose assignments are summed, rows of choices, ascending.
        of_costs: Whether costs are summed; else assignments are counted.
        lower: At least so much, not negative.
        upper: At most so much; infinity for no bound.
    """

    name: str
    choices: tuple[int, ...]
    of_costs: bool = False
    lower: float = 0.0
    upper: float = np.inf


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """An assignment to be found; arrays may be mapped from files.

    Attributes:
        starts: Of each person's pairs, int64, shape (people + 1,).
        choices: What a person may get, int32 rows below `choice_count`, no row twice for a
            person, shape (pairs,).
        values: What it is worth, float32, finite, shape (pairs,). Pairs that are worth
            nothing or less are taken only where a limit asks for more than there is.
        costs: What it costs, float32, finite, not negative, shape (pairs,).
        slots: How many choices each person may get, int32, not negative, shape (people,).
        choice_count: How many choices there are.
        limits: What is scarce.
    """

    starts: I64
    choices: I32
    values: F32
    costs: F32
    slots: I32
    choice_count: int
    limits: tuple[Limit, ...] = ()
    pairs_max: int = field(init=False)
    slots_max: int = field(init=False)

    def __post_init__(self) -> None:
        """Check what the compiled core relies on.

        Raises:
            InvalidRequest: With each thing that is wrong.
        """
        violations = [*_wrong_arrays(self), *_wrong_limits(self)]
        if violations:
            raise InvalidRequest(violations)
        object.__setattr__(self, "pairs_max", int(np.diff(self.starts).max(initial=1)))
        object.__setattr__(self, "slots_max", int(self.slots.max()))

    @property
    def person_count(self) -> int:
        """How many people there are."""
        return len(self.slots)

    @property
    def pair_count(self) -> int:
        """How many pairs of a person and a choice there are."""
        return len(self.choices)

    def people(self) -> People:
        """Return the compiled view of this problem."""
        return People(
            self.starts,
            self.choices,
            self.values,
            self.costs,
            self.slots,
            self.choice_count,
            self.pairs_max,
            self.slots_max,
        )


CHUNK = 1 << 22
"""Pairs looked at together."""


def people_blocks(starts: I64) -> list[tuple[int, int]]:
    """Cut people into blocks of about as many pairs as may be looked at together."""
    ends = np.arange(CHUNK, int(starts[-1]), CHUNK)
    bounds = np.unique([0, *np.searchsorted(starts, ends).tolist(), len(starts) - 1])
    return list(itertools.pairwise(bounds.tolist()))


def _wrong_arrays(problem: Problem) -> list[FieldViolation]:
    starts, pair_count = problem.starts, len(problem.choices)
    if len(problem.slots) == 0 or pair_count == 0:
        return [FieldViolation("people", "there is nobody, or nothing that anybody may get")]
    if len(starts) != len(problem.slots) + 1 or starts[0] != 0 or starts[-1] != pair_count:
        return [FieldViolation("starts", "do not fit people and pairs")]
    if not len(problem.values) == len(problem.costs) == pair_count:
        return [FieldViolation("values", "and costs are not as many as pairs")]
    if (np.diff(starts) < 0).any():
        return [FieldViolation("starts", "descend")]
    if problem.slots.min() < 0:
        return [FieldViolation("slots", "are negative for somebody; allowed from 0")]
    parts = (slice(first, first + CHUNK) for first in range(0, pair_count, CHUNK))
    wrong = (_wrong_pairs(problem, part) for part in parts)
    return next((found for found in wrong if found), [])


def _wrong_pairs(problem: Problem, part: slice) -> list[FieldViolation]:
    choices, costs, wrong = problem.choices[part], problem.costs[part], []
    if choices.min() < 0 or choices.max() >= problem.choice_count:
        wrong.append(FieldViolation("choices", f"are outside 0 to {problem.choice_count - 1}"))
    if not np.isfinite(problem.values[part]).all():
        wrong.append(FieldViolation("values", "hold NaN or infinity"))
    if not (np.isfinite(costs).all() and costs.min() >= 0):
        wrong.append(FieldViolation("costs", "hold NaN, infinity or less than 0"))
    return wrong


def _wrong_limits(problem: Problem) -> list[FieldViolation]:
    wrong = []
    names: set[str] = set()
    for number, limit in enumerate(problem.limits):
        place = f"limits[{number}]"
        if limit.name in names:
            wrong.append(FieldViolation(f"{place}.name", f"{limit.name!r} is there twice"))
        names.add(limit.name)
        if not limit.choices:
            wrong.append(FieldViolation(f"{place}.choices", "are none"))
        elif not all(0 <= choice < problem.choice_count for choice in limit.choices):
            description = f"are outside 0 to {problem.choice_count - 1}"
            wrong.append(FieldViolation(f"{place}.choices", description))
        elif list(limit.choices) != sorted(set(limit.choices)):
            wrong.append(FieldViolation(f"{place}.choices", "do not ascend"))
        if not 0 <= limit.lower < np.inf:
            wrong.append(FieldViolation(f"{place}.lower", f"is {limit.lower}; allowed from 0"))
        if not limit.upper >= limit.lower:
            description = f"is {limit.upper}; allowed from {limit.lower}, its lower bound"
            wrong.append(FieldViolation(f"{place}.upper", description))
    return wrong
