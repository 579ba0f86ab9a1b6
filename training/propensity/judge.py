"""How well scores find the views that are redeemed, with intervals over people.

AUC is the chance that a redeemed view scores above another, ties counting half; within a person
it compares only her own views, so who redeems at all does not help; the lift of the top tenth is
how many times as many of the best tenth of views are redeemed as of all. Intervals are
bootstraps by person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from training.resample import LEVEL, Interval

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

BOOTSTRAPS: Final = 200
TOP_SHARE: Final = 0.1
PARTS: Final = 10
_PROBABILITY_MIN: Final = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What scores are worth.

    Attributes:
        auc: Over all views.
        within: Mean over people with a redeemed and another view in one group.
        lift: Of the top tenth.
    """

    auc: Interval
    within: Interval
    lift: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A tenth of all views, by what was expected of them.

    Attributes:
        count: Views.
        expected: Mean probability.
        observed: Share that was redeemed.
    """

    count: int
    expected: float
    observed: float


class Auc:
    """AUC of one set of scores under any weights of the views."""

    def __init__(self, scores: F64, redeemed: Flags) -> None:
        """Sort once; every draw of people only weighs anew."""
        self._order = np.argsort(scores, kind="stable")
        values = scores[self._order]
        self._group = np.cumsum(np.r_[True, values[1:] != values[:-1]]) - 1
        self._hits = redeemed[self._order]

    def of(self, weights: F64) -> float:
        """Return it with each view as often as its weight says; NaN where one kind is missing."""
        weight = weights[self._order]
        others = np.bincount(self._group, weights=weight * ~self._hits)
        found = np.bincount(self._group, weights=weight * self._hits)
        below = np.cumsum(others) - others
        pairs = found.sum() * others.sum()
        return float((found * (below + others / 2)).sum() / pairs) if pairs else float("nan")


class Lift:
    """Lift of the top tenth of one set of scores under any weights of the views."""

    def __init__(self, scores: F64, redeemed: Flags) -> None:
        """Sort once."""
        self._order = np.argsort(-scores, kind="stable")
        self._hits = redeemed[self._order]

    def of(self, weights: F64) -> float:
        """Return it with each view as often as its weight says; NaN where nothing is redeemed."""
        weight = weights[self._order]
        best = np.cumsum(weight) <= TOP_SHARE * weight.sum()
        of_all = (weight * self._hits).sum() / weight.sum()
        if not of_all or not weight[best].sum():
            return float("nan")
        return float((weight * self._hits)[best].sum() / weight[best].sum() / of_all)


def within_groups(scores: F64, redeemed: Flags, groups: I64) -> tuple[F64, I64]:
    """Return the AUC within each group that has both kinds, and the group's number."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) != 0])
    aucs, names = [], []
    for positions in np.split(order, starts[1:]):
        hits = redeemed[positions]
        count = int(hits.sum())
        if 0 < count < len(hits):
            above = rankdata(scores[positions])[hits].sum() - count * (count + 1) / 2
            aucs.append(above / (count * (len(hits) - count)))
            names.append(int(groups[positions[0]]))
    return np.array(aucs), np.array(names, dtype=np.int64)


def judge(
    scored: Mapping[str, F64],
    redeemed: Flags,
    people: I64,
    *,
    groups: I64 | None = None,
    rng: np.random.Generator,
    count: int = BOOTSTRAPS,
) -> dict[str, Judged]:
    """Judge several sets of scores on the same draws of people.

    Args:
        scored: Scores by name, each of shape (m,), m positive.
        redeemed: Which views were redeemed, at least one and not all.
        people: Whose each view is.
        groups: What is compared within; a group is of one person. None for all of hers.
        rng: Source of the draws.
        count: Draws.
    """
    names, person = np.unique(people, return_inverse=True)
    groups = person.astype(np.int64) if groups is None else groups
    owners = np.zeros(int(groups.max()) + 1, dtype=np.int64)
    owners[groups] = person
    aucs = {name: Auc(scores, redeemed) for name, scores in scored.items()}
    lifts = {name: Lift(scores, redeemed) for name, scores in scored.items()}
    inner = {name: within_groups(scores, redeemed, groups) for name, scores in scored.items()}
    drawn = {name: np.empty((count, 3)) for name in scored}
    for draw in range(count):
        times = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
        weights = times[person].astype(np.float64)
        for name in scored:
            values, found = inner[name]
            drawn[name][draw] = (
                aucs[name].of(weights),
                _mean(values, times[owners[found]].astype(np.float64)),
                lifts[name].of(weights),
            )
    ones = np.ones(len(redeemed))
    judged = {}
    for name in scored:
        values, _ = inner[name]
        means = (aucs[name].of(ones), _mean(values, np.ones(len(values))), lifts[name].of(ones))
        judged[name] = Judged(
            **{
                what: _interval(means[at], drawn[name][:, at])
                for at, what in enumerate(("auc", "within", "lift"))
            }
        )
    return judged


def _mean(values: F64, weights: F64) -> float:
    return float(np.average(values, weights=weights)) if weights.sum() else float("nan")


def _interval(mean: float, drawn: F64) -> Interval:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return Interval(mean, float("nan"), float("nan"))
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high))


def log_loss(probabilities: F64, redeemed: Flags) -> float:
    """Return the mean surprise of what happened, in nats."""
    likely = np.where(redeemed, probabilities, 1.0 - probabilities)
    return float(-np.log(np.maximum(likely, _PROBABILITY_MIN)).mean())


def calibration(probabilities: F64, redeemed: Flags) -> list[Part]:
    """Return what was expected and what came, by tenths of the views; fewer where there are fewer."""
    order = np.argsort(probabilities, kind="stable")
    return [
        Part(
            count=len(some),
            expected=float(probabilities[some].mean()),
            observed=float(redeemed[some].mean()),
        )
        for some in np.array_split(order, PARTS)
        if len(some)
    ]
