"""What was learned of offers, as tables and a figure."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from training.propensity.judge import Part
from training.propensity.learn import AFFINITY, LEARNED, POPULARITY, Learning, Measured
from training.propensity.uplift import Taught
from training.resample import Interval
from training.tracking.plots import styled

_COLOURS: Final = {LEARNED: "#2563a6", AFFINITY: "#c2702a", POPULARITY: "#8a8f98"}
_POINTS: Final = 101
_WEIGHTS_SHOWN: Final = 5


def show(console: Console, learning: Learning) -> None:
    """Print what was learned and how good it is."""
    file, measured = learning.file, learning.measured
    table = Table("order by", "AUC", "within a person", "lift of the top tenth", box=None)
    for name, one in measured.judged.items():
        table.add_row(name, _text(one.auc), _text(one.within), _text(one.lift, places=2))
    console.print(table)
    parts = Table("tenth of views", "expected", "redeemed", box=None)
    for number, part in enumerate(measured.parts, start=1):
        parts.add_row(str(number), f"{part.expected:.2%}", f"{part.observed:.2%}")
    console.print(parts)
    console.print(
        f"on {len(measured.redeemed):,} later views, 95 % intervals over people; log loss "
        f"{measured.loss:.4f}, of one rate for all {measured.constant_loss:.4f}"
    )
    heaviest = sorted(file.columns, key=lambda one: -abs(one.weight))[:_WEIGHTS_SHOWN]
    console.print("most weight: " + ", ".join(f"{one.name} {one.weight:+.2f}" for one in heaviest))
    _show_taught(console, learning.taught)
    console.print(
        f"learned from {file.pair_count:,} views, {file.redemption_count:,} of them redeemed within "
        f"{file.horizon_days:g} days; {learning.unripe_count:,} are too young to say, "
        f"{learning.unknown_count:,} of offers that do not exist any more"
    )


def _show_taught(console: Console, taught: Sequence[Taught]) -> None:
    if not taught:
        return
    table = Table("holdout of", "incremental redemptions", "by", box=None)
    for one in taught:
        share = "" if one.share is None else f"{one.share:.0%}"
        table.add_row(one.offer_id, share, one.learner or f"nothing changes: {one.why}")
    console.print(table)


def _text(interval: Interval, *, places: int = 4) -> str:
    low, high = f"{interval.low:.{places}f}", f"{interval.high:.{places}f}"
    return f"{interval.mean:.{places}f} [{low}, {high}]"


def figure(measured: Measured) -> Figure:
    """Draw how many redemptions the best views hold, and what was expected of tenths."""
    with styled():
        drawn = Figure(figsize=(9, 4.2))
        left, right = drawn.subplots(1, 2)
        drawn.subplots_adjust(left=0.08, right=0.98, bottom=0.14, top=0.9, wspace=0.28)
        _found(left, measured)
        _expected(right, measured.parts)
    return drawn


def _found(axes: Axes, measured: Measured) -> None:
    shares = np.linspace(0.0, 1.0, _POINTS)
    for name, colour in _COLOURS.items():
        axes.plot(shares, _captured(measured.scores[name], measured.redeemed, shares),
                  color=colour, label=name)  # fmt: skip
    axes.plot([0, 1], [0, 1], color="#c8ccd2", linestyle=":", label="by lot")
    axes.set_xlabel("share of later views, the best first")
    axes.set_ylabel("share of redemptions among them")
    axes.set_title("Who redeems")
    axes.legend(frameon=False)


def _captured(
    scores: NDArray[np.float64], redeemed: NDArray[np.bool_], shares: NDArray[np.float64]
) -> NDArray[np.float64]:
    found = np.r_[0.0, np.cumsum(redeemed[np.argsort(-scores, kind="stable")])]
    drawn: NDArray[np.float64] = np.interp(
        shares, np.linspace(0.0, 1.0, len(found)), found / found[-1]
    )
    return drawn


def _expected(axes: Axes, parts: Sequence[Part]) -> None:
    expected, observed = [one.expected for one in parts], [one.observed for one in parts]
    most = max(*expected, *observed)
    axes.plot([0, most], [0, most], color="#c8ccd2", linestyle=":")
    axes.plot(expected, observed, color=_COLOURS[LEARNED], marker="o")
    axes.set_xlabel("expected share")
    axes.set_ylabel("redeemed share")
    axes.set_title("Tenths of later views")
