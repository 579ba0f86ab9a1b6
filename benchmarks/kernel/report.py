"""Printing: a table per section and data set, and the aims at the end."""

from collections.abc import Callable, Iterable

from kernel.ceilings import multiply_share, read_share
from kernel.rows import Row

from kernel import aims

Limits = dict[str, float]

_COLUMNS: tuple[tuple[str, int, Callable[[Row, Limits], str]], ...] = (
    ("p50 us", 10, lambda row, _: _number(row.p50_us, 1)),
    ("p99 us", 10, lambda row, _: _number(row.p99_us, 1)),
    ("queries/s", 11, lambda row, _: _number(row.queries_per_second, 0)),
    ("ours x", 8, lambda row, _: _number(row.ours_is_faster, 2)),
    ("MB/query", 9, lambda row, _: _number(row.megabytes, 2)),
    ("of DRAM", 8, lambda row, limits: _share(read_share(row, limits))),
    ("of VNNI", 8, lambda row, limits: _share(multiply_share(row, limits))),
    ("recall", 8, lambda row, _: _number(row.recall, 3)),
    ("wrong", 9, lambda row, _: f"{row.mismatches}/{row.compared}" if row.compared else ""),
)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def print_rows(rows: Iterable[Row], limits: Limits) -> None:
    """A table for each case."""
    heading = None
    for row in rows:
        if (row.section, row.data, row.case) != heading:
            heading = (row.section, row.data, row.case)
            print(f"\n{row.section}, {row.data}, {row.case}")
            print(" " * 32 + "".join(f"{name:>{width}}" for name, width, _ in _COLUMNS))
        cells = "".join(f"{value(row, limits):>{width}}" for _, width, value in _COLUMNS)
        print(f"{row.label:32}{cells}  {row.note}".rstrip(), flush=True)


def print_aims(rows: list[Row], limits: Limits) -> None:
    """The list of aims, judged by everything that has been measured."""
    print("\n" + "\n".join(aims.lines(rows, limits)))
