"""What trials cost, learned from those that ran, and what is left of the budget."""

import math
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean

from training.auto.judge import Clock
from training.auto.portfolio import BY_NAME, Facts
from training.models.blend import PartConfig

_SLOWNESS_UNKNOWN = 2.0
"""How much slower than its table a family is thought to be before anything ran."""
_REMEMBERED = 4
_SAFETY = 1.15


class Costs:
    """Seconds of fits by family, against what the table of families says."""

    def __init__(self, facts: Facts, *, learns: bool = True) -> None:
        """Begin with the table alone.

        Args:
            facts: Of the lines that trials with all users fit on.
            learns: Whether what trials took is taken note of. Without, the same trials are
                predicted to cost the same on every machine.
        """
        self._facts = facts
        self._learns = learns
        self._slowness: dict[str, list[float]] = {}
        self._rests: dict[float, list[float]] = {}

    def learn(
        self,
        parts: Iterable[PartConfig],
        *,
        share: float,
        fit_seconds: Mapping[str, float],
        seconds: float,
    ) -> None:
        """Take note of a trial.

        Args:
            parts: Of the candidate.
            share: Of the users that it was fitted on.
            fit_seconds: Of each part that was fitted for it, by tag.
            seconds: All of it.
        """
        if not self._learns:
            return
        for part in parts:
            name = _tag(part)
            if name in fit_seconds:
                told = self._table(part, share=share)
                self._slowness.setdefault(name, []).append(fit_seconds[name] / told)
        self._rests.setdefault(share, []).append(max(0.0, seconds - sum(fit_seconds.values())))

    def predict(
        self, unfitted: Iterable[PartConfig], *, share: float, facts: Facts | None = None
    ) -> float:
        """Return the seconds of a candidate, rather too many than too few.

        Args:
            unfitted: The parts that have to be fitted.
            share: Of the users.
            facts: Of the lines, if not those that trials fit on.
        """
        fits = sum(
            self._table(part, share=share, facts=facts) * self._slowness_of(_tag(part))
            for part in unfitted
        )
        return _SAFETY * (fits + self._rest(share))

    def _table(self, part: PartConfig, *, share: float, facts: Facts | None = None) -> float:
        lines = facts or self._facts
        return lines.cut_count * BY_NAME[_tag(part)].seconds(lines.of_share(share), part)

    def _slowness_of(self, name: str) -> float:
        own = self._slowness.get(name)
        if own:
            return fmean(own[-_REMEMBERED:])
        others = [fmean(seen[-_REMEMBERED:]) for seen in self._slowness.values()]
        return max([_SLOWNESS_UNKNOWN, *others]) if others else _SLOWNESS_UNKNOWN

    def _rest(self, share: float) -> float:
        seen = self._rests.get(share)
        if seen:
            return fmean(seen[-_REMEMBERED:])
        # Fewer users are fitted on, but as many are asked.
        return max((fmean(rests[-_REMEMBERED:]) for rests in self._rests.values()), default=0.0)


def _tag(part: PartConfig) -> str:
    return str(part.__struct_config__.tag)


class Budget:
    """Seconds of a search, over all the calls that made it."""

    def __init__(
        self, seconds: float, *, clock: Clock, start: float | None = None, spent: float = 0.0
    ) -> None:
        """Start the clock.

        Args:
            seconds: Of the whole search, positive.
            clock: Where seconds come from.
            start: What the clock said when this call began; None for now.
            spent: Seconds that earlier calls took.
        """
        self.seconds = seconds
        self.reserve = 0.0
        """Seconds kept for what comes after the search."""
        self._clock = clock
        self._start = (clock() if start is None else start) - spent

    @property
    def elapsed(self) -> float:
        """Seconds so far."""
        return self._clock() - self._start

    @property
    def left(self) -> float:
        """Seconds left to search in; below 0 if there are none."""
        return self.seconds - self.reserve - self.elapsed

    def share(self) -> float:
        """Return how much of what may be spent is over, 0 and above."""
        return self.elapsed / max(1e-9, self.seconds - self.reserve)


class TrialBudget(Budget):
    """Trials in the place of seconds: as many on every machine."""

    def __init__(
        self, trials: int, *, ended: Callable[[], int], clock: Clock, spent: float = 0.0
    ) -> None:
        """Count.

        Args:
            trials: Of the whole search, positive.
            ended: Says how many have ended.
            clock: Where seconds come from.
            spent: Seconds that earlier calls took.
        """
        super().__init__(math.inf, clock=clock, spent=spent)
        self._trials = trials
        self._ended = ended

    def share(self) -> float:
        """Return how much of what may be spent is over, 0 and above."""
        return self._ended() / self._trials
