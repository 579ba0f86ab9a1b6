"""Cutting time: histories before, purchases after, nothing across."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from support.shops import START, line, write_dataset
from training.config import SplitConfig
from training.interactions import read_events
from training.split import cut_seconds, split_events

DAY = 86_400.0


@pytest.mark.parametrize(
    ("config", "days", "cut_day"),
    [
        pytest.param(SplitConfig(), 365, 337.0, id="four weeks of a year"),
        pytest.param(SplitConfig(), 30, 24.0, id="a fifth of a month"),
        pytest.param(SplitConfig(test_days=7), 365, 358.0, id="a week"),
        pytest.param(SplitConfig(test_share_max=0.5), 40, 20.0, id="half at most"),
        pytest.param(
            SplitConfig(cut_time=dt.datetime(1970, 1, 11, tzinfo=dt.UTC)), 99, 10.0, id="given"
        ),
    ],
)
def test_the_cut_leaves_enough_to_learn_from(
    config: SplitConfig, days: int, cut_day: float
) -> None:
    """The test period is bounded in days and as a share of the data."""
    times = np.array([0.0, days * DAY])
    assert cut_seconds(times, config) == pytest.approx(cut_day * DAY)


def test_only_purchases_after_the_cut_are_targets_and_nothing_of_them_is_history(
    tmp_path: Path,
) -> None:
    """An event at the very moment of the cut is after it."""
    lines = [
        line("amy", "a", "detail-page-view", day=1),
        line("amy", "b", "purchase-complete", day=9.999),
        line("amy", "c", "purchase-complete", day=10),
        line("amy", "d", "detail-page-view", day=11),
        line("amy", "e", "purchase-complete", day=12),
    ]
    events = read_events(write_dataset(tmp_path / "shop", lines))
    split = split_events(events, SplitConfig(cut_time=START + dt.timedelta(days=10)))
    ids = np.array(events.item_ids)
    assert ids[split.before.items].tolist() == ["a", "b"]
    assert ids[split.purchases_after.items].tolist() == ["c", "e"]
    assert split.name == "2026-01-11T00:00:00+00:00"
