"""The choice, and whether it holds for users who did not choose it."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.auto.book import Book, Tried
from training.auto.judge import ValidationJudge
from training.auto.runner import Setting
from training.resample import Interval, bootstrap

_RESAMPLES = 1_000


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
        overruled: A blend that was better for those who chose and clearly worse for
            those who did not, if there was one.
        tuned: Its metric for those who chose: too high, since it was chosen by it.
        checked: Its metric for those who did not.
        popular: The popular list's metric for those who did not.
        gain_over_popular: The difference, paired by user.
        gain_over_start: The difference to the first candidate that was tried.
        user_count: Users who did not choose.
    """

    chosen: Tried
    overruled: Tried | None
    tuned: Figure
    checked: Figure
    popular: Figure
    gain_over_popular: Figure
    gain_over_start: Figure
    user_count: int


def judged(setting: Setting, judge: ValidationJudge, best: Tried, *, share: float) -> Verdict:
    """Check the best candidate; if a single part is clearly better there, take that.

    Args:
        setting: Of the search.
        judge: Asks those who did not choose.
        best: The candidate.
        share: Share of the users to fit on.
    """

    def values(tried: Tried) -> NDArray[np.float64]:
        config = setting.configured(tried.shape, tried.params)
        return judge.check(config, share=share).values

    chosen, overruled, its = best, None, values(best)
    single = _best_single(setting.book)
    if len(best.shape) > 1 and single is not None:
        other = values(single)
        if _figures({"gain": its - other}, setting.seed)["gain"].high < 0:
            chosen, overruled, its = single, best, other
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
        overruled=overruled,
        tuned=Figure(mean=chosen.value, low=figures.low, high=figures.high),
        user_count=len(its),
        **found,
    )


def _best_single(book: Book) -> Tried | None:
    ended = [one for one in book.tried if not one.pruned and len(one.shape) == 1]
    return max(ended, key=lambda one: one.value, default=None)


def _figures(values: dict[str, NDArray[np.float64]], seed: int) -> dict[str, Figure]:
    found: dict[str, Interval] = bootstrap(
        values, count=_RESAMPLES, rng=np.random.default_rng(seed)
    )
    return {name: Figure(mean=one.mean, low=one.low, high=one.high) for name, one in found.items()}
