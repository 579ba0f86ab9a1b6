"""Evaluations and comparisons in a terminal."""

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from training.benchmark import Measurement
from training.compare import Comparison, Difference, compare
from training.stored import Contestant, StoredEvaluation

_PIPE_WIDTH = 180
_ACCURACY = ("recall", "ndcg", "map", "hit_rate", "mrr")
_BEYOND = (
    "coverage", "novelty", "gini", "average_popularity", "popularity_lift",
    "serendipity", "diversity", "miscalibration", "price_gap",
)  # fmt: skip


def show_all(console: Console, found: Sequence[Contestant], *, earlier: Contestant | None) -> None:
    """Print every evaluation, and how each differs from the first (or an earlier one)."""
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    for one in found:
        show_stored(console, one.stored)
    reference, others = (found[0], found[1:]) if earlier is None else (earlier, found)
    for other in others:
        console.print()
        show_comparison(console, compare(reference, other, rng=np.random.default_rng(0)))


def show_stored(console: Console, stored: StoredEvaluation) -> None:
    """Print what one configuration does: each kind of list, then what the lists show."""
    for warning in stored.warnings:
        console.print(f"[yellow]warning[/]: {escape(warning)}")
    lists = list(dict.fromkeys(name.rpartition("/")[0] for name in stored.low))
    k = stored.primary_metric.rpartition("_at_")[2]
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.title = f"[bold]{escape(stored.name)}[/] ({stored.model_type}), list length {k}"
    for heading in ("lists", "users", *_ACCURACY, *(["±cuts"] if stored.spread else [])):
        table.add_column(heading, justify="left" if heading == "lists" else "right", no_wrap=True)
    for name in lists:
        cells = [_with_interval(stored, name, f"{metric}_at_{k}") for metric in _ACCURACY]
        users = stored.metrics.get(f"users/{name}" if name else "users", math.nan)
        spread = stored.spread.get(_path(name, stored.primary_metric))
        spreads = [f"{spread:.4f}"] if spread is not None else []
        table.add_row(escape(name or "everybody"), f"{users:,.0f}", *cells, *spreads)
    console.print(table)
    for name in lists:
        shown = [
            f"{metric} {stored.metrics[full]:.4g}"
            for metric in _BEYOND
            if (full := _path(name, f"{metric}_at_{k}")) in stored.metrics
        ]
        if shown:
            console.print(f"{escape(name or 'everybody')} shows: {', '.join(shown)}", style="dim")
    if isinstance(stored, Measurement):
        console.print(
            f"{stored.user_count:,} users or sessions, {stored.item_count:,} items; fit "
            f"{stored.fit_seconds:.1f} s ({stored.fit_processor_seconds:.1f} s of processors), "
            f"rank {stored.rank_seconds:.1f} s, {stored.model_bytes / 2**20:.0f} MiB",
            style="dim",
        )
    for cut, metrics in stored.by_cut.items():
        console.print(f"cut {cut}: {stored.primary} {metrics.get(stored.primary, math.nan):.4f}")


def _path(lists: str, metric: str) -> str:
    return f"{lists}/{metric}" if lists else metric


def _with_interval(stored: StoredEvaluation, lists: str, metric: str) -> str:
    name = _path(lists, metric)
    if name not in stored.low:
        return ""
    return f"{stored.metrics[name]:.4f} [{stored.low[name]:.4f}, {stored.high[name]:.4f}]"


def show_comparison(console: Console, comparison: Comparison) -> None:
    """Print two models side by side: the metric that decides, then each kind of list."""
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    primary_lists, _, primary = comparison.primary.rpartition("/")
    k = primary.rpartition("_at_")[2]
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.title = f"[bold]{escape(comparison.second)}[/] against {escape(comparison.first)}"
    for heading in ("lists", "metric", "users", "first", "second", "difference", "95 %", "p"):
        left = heading in ("lists", "metric")
        table.add_column(heading, justify="left" if left else "right", no_wrap=True)
    for each in comparison.differences:
        decides = each.name == comparison.primary
        among = each.lists == primary_lists and each.metric.endswith(f"_at_{k}")
        if each.metric != primary and not among:
            continue
        table.add_row(*_cells(each), style="bold" if decides else "")
    console.print(table)
    for lists, reason in comparison.left_out.items():
        console.print(f"not compared: {escape(lists or 'everybody')} ({escape(reason)})")
    console.print(verdict(comparison))


def _cells(each: Difference) -> list[str]:
    tested = each.low is not None and each.high is not None and each.p_value is not None
    return [
        escape(each.lists or "everybody"),
        each.metric,
        f"{each.users:,}" if each.users else "",
        f"{each.first:.4f}",
        f"{each.second:.4f}",
        f"{each.difference:+.4f}",
        f"[{each.low:+.4f}, {each.high:+.4f}]" if tested else "",
        f"{each.p_value:.4f}" if tested else "",
    ]


def verdict(comparison: Comparison) -> str:
    """Say in one sentence what the deciding metric says."""
    decides = comparison.primary_difference
    if decides is None or decides.low is None or decides.high is None:
        return f"{comparison.primary} cannot be compared"
    span = f"{decides.difference:+.4f} [{decides.low:+.4f}, {decides.high:+.4f}]"
    if decides.low > 0:
        return f"{comparison.second} is better in {comparison.primary}: {span}"
    if decides.high < 0:
        return f"{comparison.second} is worse in {comparison.primary}: {span}"
    return f"{comparison.primary}: {span}; the interval holds 0, so neither is shown to be better"
