"""What may vary, and steps from one setting to a near one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import exp, log

import numpy as np
import optuna

Value = float | int | str | bool | None
Params = dict[str, Value]

_STEP = 0.18
"""Standard deviation of a near step, as a share of a range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Numbers between two bounds.

    Attributes:
        low: The smallest.
        high: The largest.
        log: Whether equal factors are equal steps; `low` is positive then.
        whole: Whether only whole numbers are meant.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False

    def suggest(self, trial: optuna.Trial, name: str) -> Value:
        """Let Optuna choose."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)

    def near(self, value: Value, rng: np.random.Generator) -> Value:
        """Take a step."""
        assert isinstance(value, int | float), "ranges hold numbers"
        low, high = (log(self.low), log(self.high)) if self.log else (self.low, self.high)
        place = log(value) if self.log else float(value)
        moved = min(max(place + rng.normal(0.0, _STEP) * (high - low), low), high)
        moved = exp(moved) if self.log else moved
        if not self.whole:
            return float(min(max(float(f"{moved:.3g}"), self.low), self.high))
        number = round(moved)
        if number == value:
            number += 1 if rng.random() < 0.5 else -1  # noqa: PLR2004 - a coin
        return int(min(max(number, self.low), self.high))


@dataclass(frozen=True, slots=True)
class Choice:
    """Some values, neighbours next to each other."""

    values: tuple[Value, ...]

    def suggest(self, trial: optuna.Trial, name: str) -> Value:
        """Let Optuna choose."""
        chosen: Value = trial.suggest_categorical(name, self.values)
        return chosen

    def near(self, value: Value, rng: np.random.Generator) -> Value:
        """Go to a neighbour."""
        place = self.values.index(value)
        neighbours = [n for n in (place - 1, place + 1) if 0 <= n < len(self.values)]
        return self.values[int(rng.choice(neighbours))] if neighbours else value


Space = dict[str, Range | Choice]


def near(
    params: Mapping[str, Value], space: Space, *, among: Collection[str], rng: np.random.Generator
) -> Params:
    """Change one to three settings a little.

    Args:
        params: Where to start; every name of the space.
        space: The bounds.
        among: Which may change, at least one.
        rng: Source of the step.
    """
    names = sorted(among)
    count = min(len(names), 1 + int(rng.integers(3)))
    moved = set(rng.choice(names, count, replace=False).tolist())
    return {
        name: dimension.near(params[name], rng) if name in moved else params[name]
        for name, dimension in space.items()
    }


def suggest(trial: optuna.Trial, space: Space) -> Params:
    """Let Optuna choose everything."""
    return {name: dimension.suggest(trial, name) for name, dimension in space.items()}
