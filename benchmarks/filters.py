"""How long filters take: reading one, a bitmap over many items, one changed item.

    .venv/bin/python benchmarks/filters.py [--rows 1000000]

The same questions are asked of Polars, over the same columns, in the same run; every answer is
compared. Polars uses all cores, ours one.
"""

import argparse
import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent))

from machine import describe

from recsys.filters import (
    Columns,
    FieldType,
    FilterCache,
    InvalidFilter,
    LiveColumns,
    Schema,
    read_filter,
)

NOW = 1_800_000_000.0
DAY = 86_400.0
SCHEMA = Schema(
    fields={
        "title": FieldType.TEXT,
        "brand": FieldType.TEXT,
        "category": FieldType.PATH,
        "price": FieldType.NUMBER,
        "release_time": FieldType.TIME,
        "in_stock": FieldType.BOOL,
    },
    maps=frozenset({"attributes"}),
)
PATHS = [f"Level {i % 10} > Middle {i % 100} > Leaf {i}" for i in range(1_000)]
BRANDS = ["brand 1", "brand 2", "brand 3"]
ISSUE = (
    'category:"Level 3" AND price < 50 AND brand IN ("brand 1", "brand 2", "brand 3") '
    'AND attributes.color = "red"'
)


def items(count: int) -> dict[str, list[Any]]:
    """Return columns of a shop: brands as skewed as they are, a tenth of prices missing."""
    rng = np.random.default_rng(6)
    price = np.round(rng.lognormal(3.0, 1.0, count), 2)
    price[rng.random(count) < 0.1] = np.nan
    return {
        "title": [f"Item number {row}" for row in range(count)],
        "brand": [f"brand {one}" for one in rng.zipf(1.3, count) % 5_000],
        "category": [PATHS[one] for one in rng.integers(0, 1_000, count)],
        "price": price.tolist(),
        "release_time": (NOW - rng.integers(0, 1_000, count) * DAY).tolist(),
        "in_stock": (rng.random(count) < 0.7).tolist(),
        "attributes.color": [["red", "blue", "green", None][i] for i in rng.integers(0, 4, count)],
    }


def questions() -> dict[str, pl.Expr]:
    """Return filters, each with the same question to Polars."""
    price, brand, color = pl.col("price"), pl.col("brand"), pl.col("attributes.color")
    cheap = (price < 50) & price.is_not_nan()
    # Of what Polars can do with paths the fastest: those that are meant are listed beforehand.
    level = pl.col("category").is_in([path for path in PATHS if path.startswith("Level 3 > ")])
    return {
        "price < 50": cheap,
        'brand = "brand 7"': brand == "brand 7",
        'brand IN ("brand 1", "brand 2", "brand 3")': brand.is_in(BRANDS),
        'brand != "brand 1"': brand != "brand 1",
        'category:"Level 3"': level,
        "in_stock = true": pl.col("in_stock"),
        "release_time > now - 30d": pl.col("release_time") > NOW - 30 * DAY,
        "NOT attributes.color = red": ~(color == "red").fill_null(value=False),
        'title = "*99*"': pl.col("title").str.contains("99", literal=True),
        ISSUE: level & cheap & brand.is_in(BRANDS) & (color == "red").fill_null(value=False),
    }


def best_ms(call: Callable[[], Any], *, times: int) -> float:
    """Return the shortest of some runs, in milliseconds."""
    seconds = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
    return 1e3 * min(seconds)


def bitmaps(columns: Columns, frame: pl.DataFrame) -> None:
    """Ask both over all rows, compare the answers, print the times."""
    print(
        f"\n| filter over {columns.row_count:,} rows | pass | first, ms | ours, ms | Polars, ms | ratio |"
    )
    print("|---|---|---|---|---|---|")
    for expression, question in questions().items():
        one = read_filter(expression, SCHEMA)
        asked = frame.lazy().select(question)
        theirs = asked.collect().to_series().to_numpy()
        ask = functools.partial(one.bitmap, columns, now=NOW)
        first = best_ms(ask, times=1)
        ours = np.unpackbits(ask(), bitorder="little")[: len(theirs)]
        assert (ours == theirs).all(), expression
        # In turns, so that what else the machine does meets both.
        mine = min(best_ms(ask, times=3) for _ in range(3))
        other = min(best_ms(asked.collect, times=3) for _ in range(3))
        share = f"{100 * ours.mean():.1f} %"
        print(
            f"| `{expression}` | {share} | {first:.2f} | {mine:.2f} | {other:.2f} | {other / mine:.1f} |"
        )


def single_steps(live: LiveColumns) -> None:
    """Print what one filter, one change and one record cost."""
    cache = FilterCache(bytes_max=2**26)
    one = read_filter(ISSUE, SCHEMA)
    record = {"category": "Level 3 > Middle 3", "price": 20.0, "brand": "brand 2"}
    cache.bitmap(ISSUE, live.columns, now=NOW)
    print("\n| step | µs |\n|---|---|")
    steps: dict[str, Callable[[], Any]] = {
        "read the filter of the issue (parse, types)": lambda: read_filter(ISSUE, SCHEMA),
        "one record, that filter": lambda: one.matches(record, now=NOW),
        "its bitmap from the cache": lambda: cache.bitmap(ISSUE, live.columns, now=NOW),
    }
    for name, step in steps.items():
        print(f"| {name} | {1e3 * best_ms(step, times=200):.0f} |")
    changes, answers = [], []
    for price in range(200):
        changes.append(best_ms(lambda price=price: live.put([5], {"price": [price]}), times=1))
        answer = cache.bitmap(ISSUE, live.columns, now=NOW)
        live.put([5], {"price": [price + 0.5]})
        answers.append(best_ms(lambda: cache.bitmap(ISSUE, live.columns, now=NOW), times=1))
    assert answer is not None
    print(f"| write one price | {1e3 * np.median(changes):.0f} |")
    print(f"| the cached bitmap after it | {1e3 * np.median(answers):.0f} |")


def hostile() -> None:
    """Print how long what must be refused takes."""
    print("\n| refused | µs |\n|---|---|")
    for name, expression in {
        "100 kB": "x" * 100_000,
        "10,000 parentheses": "(" * 10_000 + "price = 1" + ")" * 10_000,
        "8,000 parentheses": "(" * 8_000,
        "8 kB of backslashes": 'brand = "' + "\\" * 8_000,
        "8 kB of spaces after now": "release_time > now" + " " * 8_000 + "- x",
        "101 comparisons": " ".join(["price = 1"] * 101),
    }.items():

        def refuse(expression: str = expression) -> None:
            try:
                read_filter(expression, SCHEMA)
            except InvalidFilter:
                return
            raise AssertionError(expression)

        print(f"| {name} | {1e3 * best_ms(refuse, times=5):.0f} |")


def resident_mib() -> float:
    """Return the memory of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    """Make a shop, load it, ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    count = parser.parse_args().rows
    print(describe())
    shop = items(count)
    before = resident_mib()
    live = LiveColumns(SCHEMA)
    begin = time.perf_counter()
    live.put(range(count), shop)
    seconds = time.perf_counter() - begin
    print(f"\nloaded {count:,} items x {len(shop)} columns in {seconds:.1f} s")
    print(f"memory beside the texts themselves: {resident_mib() - before:.0f} MiB")
    categories = {"brand": pl.Categorical, "attributes.color": pl.Categorical}
    frame = pl.DataFrame(shop, schema_overrides={**categories, "category": pl.Categorical})
    bitmaps(live.columns, frame)
    single_steps(live)
    hostile()


if __name__ == "__main__":
    main()
