"""The figures of a search: what was tried, what mattered, how it went, and what quality costs."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from training.auto.book import Tried
from training.auto.importance import importances
from training.auto.space import Value
from training.tracking.plots import styled

_MEGABYTE = 1e6
_COST_MIN = 1e-3
_LOG_FROM = 20.0
_ROWS_MAX = 12
_AXES_MAX = 9
_BLUE, _ORANGE, _GREY = "#2563a6", "#d9822b", "#8a8f98"
_PALETTE = ("#2563a6", "#d9822b", "#3a8f5c", "#8a5aa8", "#b5443c", "#5f6b7a", "#a3893a", "#3f8fa8")


def figures(tried: Sequence[Tried], chosen: Tried, *, metric: str) -> Iterator[tuple[str, Figure]]:
    """Draw, as (file name, figure).

    Args:
        tried: The trials in the order they ended, at least one of them not pruned.
        chosen: The one that was chosen.
        metric: What was to be as high as possible.
    """
    ended = [one for one in tried if not one.pruned]
    with styled():
        yield "progress.png", _progress(ended, metric)
        yield "parallel.png", _parallel(ended, chosen, metric)
        yield "importance.png", _importance(ended, chosen)
        yield "pareto.png", _pareto(ended, chosen, metric)


def _colours(tried: Sequence[Tried]) -> dict[str, str]:
    shapes = list(dict.fromkeys("+".join(one.shape) for one in tried))
    return {shape: _PALETTE[number % len(_PALETTE)] for number, shape in enumerate(shapes)}


def _dots(axes: Axes, tried: Sequence[Tried], xs: Sequence[float]) -> None:
    for shape, colour in _colours(tried).items():
        mine = [number for number, one in enumerate(tried) if "+".join(one.shape) == shape]
        axes.plot(
            [xs[number] for number in mine],
            [tried[number].value for number in mine],
            "o",
            color=colour,
            markersize=5,
            label=shape,
        )


def _progress(tried: Sequence[Tried], metric: str) -> Figure:
    figure = Figure(figsize=(9, 4.4))
    figure.subplots_adjust(left=0.09, right=0.98, bottom=0.12, top=0.92)
    axes = figure.subplots()
    times = [one.figures.elapsed for one in tried]
    best = np.maximum.accumulate([one.value for one in tried])
    axes.step(times, best, where="post", color=_GREY, label="best so far")
    _dots(axes, tried, times)
    axes.set_xlabel("seconds of search")
    axes.set_ylabel(f"{metric}, those who choose")
    axes.set_title("How the search went")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _pareto(tried: Sequence[Tried], chosen: Tried, metric: str) -> Figure:
    figure = Figure(figsize=(11, 4.4))
    figure.subplots_adjust(left=0.08, right=0.98, bottom=0.13, top=0.92, wspace=0.2)
    panels = figure.subplots(1, 2)
    sizes = [one.figures.model_bytes / _MEGABYTE for one in tried]
    latencies = [one.figures.user_microseconds for one in tried]
    place = tried.index(chosen)
    for axes, label, amounts in (
        (panels[0], "model size, MB", sizes),
        (panels[1], "fold-in and ranking, µs per user", latencies),
    ):
        costs = [max(amount, _COST_MIN) for amount in amounts]
        _dots(axes, tried, costs)
        front = _front(costs, [one.value for one in tried])
        axes.plot(
            [costs[number] for number in front],
            [tried[number].value for number in front],
            color=_GREY,
            zorder=1,
        )
        axes.plot(costs[place], chosen.value, "*", color=_ORANGE, markersize=14, zorder=5)
        axes.set_xscale("log")
        axes.set_xlabel(label)
    panels[0].set_ylabel(f"{metric}, those who choose")
    panels[0].legend(loc="lower right", fontsize=8)
    panels[0].set_title("Quality against size (star: chosen)")
    panels[1].set_title("Quality against latency")
    return figure


def _front(costs: Sequence[float], values: Sequence[float]) -> list[int]:
    """Return what nothing beats in both, the cheapest first."""
    front: list[int] = []
    for number in sorted(range(len(costs)), key=lambda one: (costs[one], -values[one])):
        if not front or values[number] > values[front[-1]]:
            front.append(number)
    return front


def _parallel(tried: Sequence[Tried], chosen: Tried, metric: str) -> Figure:
    mine = [one for one in tried if one.shape == chosen.shape]
    ranked = list(importances(mine))
    rest = [name for name in chosen.params if name not in ranked]
    names = [*ranked, *rest][:_AXES_MAX]
    figure = Figure(figsize=(max(7.0, 1.5 * (len(names) + 1)), 4.6))
    figure.subplots_adjust(left=0.06, right=0.97, bottom=0.2, top=0.9)
    axes = figure.subplots()
    columns = [_scaled([one.params[name] for one in mine]) for name in names]
    columns.append(_scaled([one.value for one in mine]))
    lines = np.stack(
        [np.column_stack([np.arange(len(columns)), row]) for row in np.transpose(columns)]
    )
    order = np.argsort([one.value for one in mine])
    drawn = LineCollection(list(lines[order]), cmap="viridis", linewidths=1.4, alpha=0.8)
    drawn.set_array(np.array([one.value for one in mine])[order])
    axes.add_collection(drawn)
    axes.set_xlim(-0.1, len(columns) - 0.9)
    axes.set_ylim(-0.05, 1.05)
    labels = [*(name.replace(".", "\n") for name in names), metric]
    axes.set_xticks(range(len(columns)), labels, fontsize=8, rotation=20)
    axes.set_yticks([0, 1], ["least", "most"])
    axes.set_title(f"Settings of {'+'.join(chosen.shape)}; bright is good")
    return figure


def _scaled(values: Sequence[Value]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Bring values to [0, 1]: numbers by size, others by the order of their names."""
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        names = sorted({str(value) for value in values})
        places = np.array([names.index(str(value)) for value in values], dtype=np.float64)
        return places / max(1, len(names) - 1)
    raw = np.array(numbers, dtype=np.float64)
    if raw.min() > 0 and raw.max() > _LOG_FROM * raw.min():
        raw = np.log(raw)
    span = np.ptp(raw)
    return (raw - raw.min()) / span if span else np.full(len(raw), 0.5)


def _importance(tried: Sequence[Tried], chosen: Tried) -> Figure:
    mine = [one for one in tried if one.shape == chosen.shape]
    rows = list(importances(mine).items())[:_ROWS_MAX]
    figure = Figure(figsize=(8, 1.4 + 0.34 * max(1, len(rows))))
    figure.subplots_adjust(left=0.34, right=0.96, bottom=0.2, top=0.86)
    axes = figure.subplots()
    axes.barh(range(len(rows)), [value for _, value in rows], color=_BLUE, height=0.6)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("share of what settings explain (PED-ANOVA)")
    axes.set_title(f"What mattered for {'+'.join(chosen.shape)} ({len(mine)} trials)")
    return figure
