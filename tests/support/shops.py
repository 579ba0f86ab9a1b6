"""Tiny datasets with a planted truth, as an import would leave them."""

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from training import columns
from training.dataset import INFO_NAME, Dataset, DatasetInfo

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def write_dataset(
    folder: Path, lines: Iterable[Mapping[str, Any]], *, fingerprint: str = "f0"
) -> Dataset:
    """Write event lines (canonical columns; what is missing is null) as a dataset."""
    rows = [
        {
            columns.EVENT_ID: f"e{number}",
            columns.CHANNEL: "web",
            columns.QUANTITY: 1.0,
            **line,
        }
        for number, line in enumerate(lines)
    ]
    events = pl.DataFrame(rows, schema=columns.RESOLVED_EVENTS)
    (folder / "events").mkdir(parents=True)
    events.write_parquet(folder / "events" / "part-0.parquet")
    items = sorted(set(events[columns.ITEM_ID].drop_nulls()))
    pl.DataFrame({columns.ITEM_ID: items}, schema_overrides=columns.ITEMS).write_parquet(
        folder / "items.parquet"
    )
    info = DatasetInfo(
        fingerprint=fingerprint,
        source=str(folder),
        preset="generic",
        event_count=len(events),
        item_count=len(items),
        profile_count=events[columns.PROFILE_ID].n_unique(),
        start_time=events[columns.EVENT_TIME].min(),
        end_time=events[columns.EVENT_TIME].max(),
    )
    (folder / INFO_NAME).write_bytes(msgspec.json.encode(info))
    return Dataset.open(folder)


def line(
    user: str, item: str | None, event_type: str, *, day: float, **more: Any
) -> dict[str, Any]:
    """One event line `day` days after `START`."""
    return {
        columns.PROFILE_ID: user,
        columns.ITEM_ID: item,
        columns.EVENT_TYPE: event_type,
        columns.EVENT_TIME: START + dt.timedelta(days=day),
        **more,
    }


def checkerboard(
    *, user_count: int = 60, item_count: int = 24, seed: int = 7
) -> list[dict[str, Any]]:
    """People of even and odd taste; each wants the items of her own parity.

    Before day 80 everybody views half of her taste's items on the web and buys a
    few in a shop. From day 90 on she buys items of her taste that she never
    touched: what to recommend is obvious, and popularity cannot tell.
    """
    rng = np.random.default_rng(seed)
    lines = []
    for user in range(user_count):
        own = [item for item in range(item_count) if item % 2 == user % 2]
        touched = rng.permutation(own)
        half = len(own) // 2
        for item in touched[:half]:
            day = float(rng.uniform(0, 80))
            lines.append(line(f"u{user:03d}", f"i{item:03d}", "detail-page-view", day=day))
        for item in touched[: half // 3]:
            day = float(rng.uniform(0, 80))
            lines.append(
                line(
                    f"u{user:03d}",
                    f"i{item:03d}",
                    "purchase-complete",
                    day=day,
                    channel="store",
                    store_id=f"s{user % 3}",
                )
            )
        for item in touched[half : half + 2]:
            day = float(rng.uniform(90, 100))
            channel = "store" if item % 4 < 2 else "web"
            lines.append(
                line(f"u{user:03d}", f"i{item:03d}", "purchase-complete", day=day, channel=channel)
            )
    return lines
