"""The choice among the best, by everybody who was asked, and what it is worth.

The best of a hundred candidates is the luckiest, too. So the last few are asked of those who
have not chosen so far, and everybody decides among them. What those say of the winner is
still nearly honest: they chose among few, which were all chosen without them.
"""

import itertools
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.auto.book import Book, Tried
from training.auto.judge import Judge, Outcome
from training.auto.runner import Setting
from training.config import TrainConfig
from training.resample import Interval, bootstrap

_RESAMPLES = 1_000
FINALISTS_MAX = 10


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen and how it did with users who did not choose.

    Attributes:
        chosen: The candidate.
        overruled: The candidate that was best for those who chose, if it is not the best
            for everybody.
        finalist_count: Candidates that those who check were asked about.
        tuned: Its metric for those who chose: too high, since it was chosen by it.
        checked: Its metric for those who checked.
        popular: The popular list's metric for those who checked.
        gain_over_popular: The difference, paired by user.
        gain_over_start: The difference to the first candidate that was tried.
        user_count: Users who checked.
    """

    chosen: Tried
    overruled: Tried | None
    finalist_count: int
    tuned: Figure
    checked: Figure
    popular: Figure
    gain_over_popular: Figure
    gain_over_start: Figure
    user_count: int


class Checker(Judge, Protocol):
    """Fits candidates, and asks those who check."""

    @property
    def user_counts(self) -> tuple[int, int]:
        """Users who choose, and users who check."""
        ...

    def check(self, config: TrainConfig, *, share: float) -> Outcome:
        """Ask those who check."""
        ...

    def popular(self, config: TrainConfig, *, share: float) -> NDArray[np.float64]:
        """Return the metric of the popular list for each of those who check."""
        ...


def judged(setting: Setting, judge: Checker, best: Tried, *, share: float) -> Verdict:
    """Let everybody choose among the best candidates, as long as there is time.

    Args:
        setting: Of the search.
        judge: Asks those who check.
        best: The best candidate for those who chose.
        share: Share of the users to fit on.
    """

    def values(tried: Tried) -> NDArray[np.float64]:
        config = setting.configured(tried.shape, tried.params)
        return judge.check(config, share=share).values

    checked = {best.name: values(best)}
    finalists = [best]
    # Each part of the people counts by its size.
    tuning, checking = judge.user_counts
    # Time was kept back for questions; what is left besides may go into fits.
    room = max(0.0, setting.budget.left) + FINALISTS_MAX * setting.costs.predict((), share=share)
    for rival in _rivals(setting.book, best):
        config = setting.configured(rival.shape, rival.params)
        cost = setting.costs.predict(judge.unfitted(config, share=share), share=share)
        if cost > room:
            continue
        room -= cost
        finalists.append(rival)
        checked[rival.name] = values(rival)

    def everybody(tried: Tried) -> float:
        mean = float(checked[tried.name].mean())
        return (tuning * tried.value + checking * mean) / (tuning + checking)

    chosen = max(finalists, key=everybody)
    its = checked[chosen.name]
    start = values(next(one for one in setting.book.tried if not one.pruned))
    popular = judge.popular(setting.configured(chosen.shape, chosen.params), share=share)
    found = _figures(
        {
            "checked": its,
            "popular": popular,
            "gain_over_popular": its - popular,
            "gain_over_start": its - start,
        },
        setting.seed,
    )
    figures = chosen.figures
    return Verdict(
        chosen=chosen,
        overruled=None if chosen is best else best,
        finalist_count=len(finalists),
        tuned=Figure(mean=chosen.value, low=figures.low, high=figures.high),
        user_count=len(its),
        **found,
    )


def _rivals(book: Book, best: Tried) -> list[Tried]:
    """Return those that may be as good as the best: the next ones, and the best of one part."""
    ended = [one for one in book.tried if not one.pruned and one.name != best.name]
    ended.sort(key=lambda one: -one.value)
    found = ended[: FINALISTS_MAX - 2]
    singles = (one for one in ended if len(one.shape) == 1 and one not in found)
    return [*found, *itertools.islice(singles, 1)]


def _figures(values: dict[str, NDArray[np.float64]], seed: int) -> dict[str, Figure]:
    found: dict[str, Interval] = bootstrap(
        values, count=_RESAMPLES, rng=np.random.default_rng(seed)
    )
    return {name: Figure(mean=one.mean, low=one.low, high=one.high) for name, one in found.items()}
