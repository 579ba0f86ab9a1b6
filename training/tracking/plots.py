"""The figures of a run: how good over list length, against whom, where, and how popular.

Drawn without pyplot, so no state is shared and nothing needs a display.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

from training.config import EvaluateConfig
from training.evaluate import CHANNEL_PREFIX, Evaluation

_BLUE, _ORANGE, _GREY = "#2563a6", "#d9822b", "#8a8f98"
_STYLE: Any = {
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e3e5e8",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "figure.dpi": 110,
}
_NAMES = {
    "recall": "Recall",
    "ndcg": "nDCG",
    "map": "MAP",
    "hit_rate": "Hit rate",
    "mrr": "MRR",
}
_PROTOCOLS = {"any": "every item allowed", "new": "items of the history left out"}


def figures(
    evaluation: Evaluation, config: EvaluateConfig, *, model_type: str
) -> Iterator[tuple[str, Figure]]:
    """Draw what the evaluation has numbers for, as (file name, figure)."""
    if config.primary not in evaluation.metrics:
        return
    with styled():
        yield "curves.png", _curves(evaluation.metrics, config, model_type)
        yield "against_baselines.png", _against_baselines(evaluation.metrics, config, model_type)
        yield "channels.png", _channels(evaluation.metrics, config)
        yield "popularity.png", _popularity(evaluation, config)


@contextmanager
def styled() -> Iterator[None]:
    """Draw in our style within the block."""
    with rc_context(_STYLE):
        yield


def _contestants(config: EvaluateConfig, model_type: str) -> list[tuple[str, str, str]]:
    """Return (prefix, label, colour) of the model and its rivals, best known first."""
    protocol = config.primary_protocol
    return [
        (protocol, f"{model_type}, all events", _BLUE),
        (f"purchases_only/{protocol}", f"{model_type}, purchases only", _ORANGE),
        (f"popularity/{protocol}", "popular list", _GREY),
    ]


def _curves(metrics: Mapping[str, float], config: EvaluateConfig, model_type: str) -> Figure:
    names = ("recall", "ndcg", "hit_rate")
    # Margins by hand: the automatic layout draws every figure twice.
    figure = Figure(figsize=(11, 3.8))
    figure.subplots_adjust(left=0.07, right=0.985, bottom=0.14, top=0.91, wspace=0.2)
    panels = figure.subplots(1, len(names))
    for axes, name in zip(panels, names, strict=True):
        # The model last, so that its line lies on top.
        for prefix, label, colour in reversed(_contestants(config, model_type)):
            values = [metrics.get(f"{prefix}/{name}_at_{k}") for k in config.k]
            if None not in values:
                axes.plot(config.k, values, color=colour, marker="o", markersize=4, label=label)
        axes.set_title(_NAMES[name])
        axes.set_xlabel("list length k")
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(config.k))
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.minorticks_off()
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel(f"mean over users ({_PROTOCOLS[config.primary_protocol]})")
    panels[0].legend(loc="upper left", reverse=True)
    return figure


def _against_baselines(
    metrics: Mapping[str, float], config: EvaluateConfig, model_type: str
) -> Figure:
    metric = f"{config.primary_metric}_at_{config.primary_k}"
    rows = [
        (label, colour, [metrics[f"{prefix}/{metric}{end}"] for end in ("", "_low", "_high")])
        for prefix, label, colour in _contestants(config, model_type)
        if f"{prefix}/{metric}_low" in metrics
    ]
    figure, axes = _rows_figure(len(rows), row_inches=0.5)
    for position, (_, colour, (value, low, high)) in enumerate(rows):
        axes.plot([low, high], [position] * 2, color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot(value, position, "o", color=colour, markersize=8)
        axes.annotate(
            f"{value:.4f}", (value, position), (0, 8), textcoords="offset points", ha="center"
        )
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.7)
    axes.set_xlim(left=0, right=1.12 * max(max(numbers) for _, _, numbers in rows))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(
        f"{_NAMES[config.primary_metric]}@{config.primary_k}, "
        f"{_PROTOCOLS[config.primary_protocol]}; lines are 95 % intervals"
    )
    axes.set_title("What the other events are worth")
    return figure


def _rows_figure(row_count: int, *, row_inches: float) -> tuple[Figure, Axes]:
    """Make a figure of labelled rows, with the same margins in inches for any number."""
    height = 1.3 + row_inches * row_count
    figure = Figure(figsize=(8, height))
    figure.subplots_adjust(left=0.24, right=0.97, bottom=0.65 / height, top=1 - 0.4 / height)
    return figure, figure.subplots()


def _channels(metrics: Mapping[str, float], config: EvaluateConfig) -> Figure:
    metric = f"{config.primary_protocol}/{config.primary_metric}_at_{config.primary_k}"
    rows = sorted(
        (
            (name.split("/")[0].removeprefix(CHANNEL_PREFIX).replace("_", " "), value)
            for name, value in metrics.items()
            if name.startswith(CHANNEL_PREFIX) and name.endswith(f"/{metric}")
        ),
        key=lambda row: -row[1],
    )
    labels = [channel for channel, _ in rows] + ["all channels"]
    values = [value for _, value in rows] + [metrics[metric]]
    users = [
        metrics[f"users/{CHANNEL_PREFIX}{channel.replace(' ', '_')}/{config.primary_protocol}"]
        for channel, _ in rows
    ] + [metrics[f"users/{config.primary_protocol}"]]
    figure, axes = _rows_figure(len(values), row_inches=0.42)
    colours = [_BLUE] * len(rows) + [_GREY]
    bars = axes.barh(range(len(values)), values, color=colours, height=0.62)
    axes.bar_label(
        bars,
        [f"{value:.4f}  ({count:,.0f} users)" for value, count in zip(values, users, strict=True)],
        padding=4,
    )
    axes.set_yticks(range(len(values)), labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.45 * max(*values, 1e-9))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(
        f"{_NAMES[config.primary_metric]}@{config.primary_k}, {_PROTOCOLS[config.primary_protocol]}"
    )
    axes.set_title("By channel of the purchase to be found")
    return figure


def _popularity(evaluation: Evaluation, config: EvaluateConfig) -> Figure:
    known = evaluation.item_users > 0
    users = evaluation.item_users[known]
    shown = evaluation.item_exposures[known]
    figure = Figure(figsize=(11, 4.2))
    figure.subplots_adjust(left=0.07, right=0.97, bottom=0.13, top=0.92, wspace=0.2)
    left, right = figure.subplots(1, 2)
    _exposure_density(left, users, shown, figure)
    order = np.argsort(-users, kind="stable")
    share = np.arange(1, len(order) + 1) / len(order)
    right.plot(share, _running_share(shown[order]), color=_BLUE, label="recommendations")
    right.plot(share, _running_share(users[order]), color=_GREY, label="history (user-item pairs)")
    right.set_xlabel("items, most popular first")
    right.set_ylabel("share of all")
    for axis in (right.xaxis, right.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    right.set_xlim(0, 1)
    right.set_ylim(0, 1.02)
    right.legend(loc="lower right")
    right.set_title("How much the head takes")
    left.set_title(f"Popularity against recommendations (top {config.primary_k})")
    return figure


def _exposure_density(
    axes: Axes, users: NDArray[np.int64], shown: NDArray[np.int64], figure: Figure
) -> None:
    hexagons = axes.hexbin(
        users,
        np.maximum(shown, _NEVER),
        xscale="log",
        yscale="log",
        gridsize=38,
        mincnt=1,
        bins="log",
        cmap="Blues",
        linewidths=0.2,
        edgecolors="white",
        vmin=0.5,
    )
    bar = figure.colorbar(hexagons, ax=axes, shrink=0.9, pad=0.02, format="{x:,.0f}")
    bar.ax.set_title("items", fontsize=9, fontweight="normal", loc="left")
    bar.ax.minorticks_off()
    axes.set_xlabel("users who have the item (training)")
    axes.set_ylabel("lists that show the item")
    ticks = [_NEVER, *(10**power for power in range(int(np.log10(max(shown.max(), 1))) + 1))]
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_yticks(ticks, ["never", *(f"{tick:,}" for tick in ticks[1:])])
    axes.minorticks_off()
    axes.set_ylim(bottom=_NEVER * 0.7)


_NEVER = 0.4
"""Where items that no list shows are drawn on the logarithmic axis."""


def _running_share(amounts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.cumsum(amounts) / max(1, int(amounts.sum()))
