"""Popular lists: purchases first, then contact, then the row; one list per place."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recsys.bundle import SEGMENT_ALL, PopularLists
from recsys.features import FeatureConfig
from support.shops import START, line, write_dataset
from training.interactions import read_events
from training.popular import PopularCounter

NOW = START.timestamp() + 100 * 86_400


def _lists(folder: Path, lines: list[dict[str, Any]], **options: Any) -> tuple[PopularLists, Any]:
    events = read_events(write_dataset(folder, lines))
    item_count = len(events.item_ids)
    rows = options.pop("row_of_item", np.arange(item_count, dtype=np.int32))
    counter = PopularCounter(
        events,
        row_of_item=rows,
        item_count=int(rows.max()) + 1,
        features=FeatureConfig(),
        half_life_days=30.0,
        now=NOW,
    )
    return counter.lists(store_count_max=options.pop("store_count_max", 10)), counter


def test_the_list_of_everything_ranks_each_item_once(tmp_path: Path) -> None:
    """By purchases, then by contact, then by row; also items that nobody bought."""
    lines = [
        line("u1", "a", "detail-page-view", day=99),
        line("u1", "b", "purchase-complete", day=99),
        line("u2", "b", "purchase-complete", day=99),
        line("u1", "c", "purchase-complete", day=99),
        line("u1", "d", "add-to-cart", day=99),
        line("u1", "e", "return", day=99),
        line("u1", "f", "return", day=99),
    ]
    lists, counter = _lists(tmp_path / "shop", lines)
    rows, scores = lists.list(SEGMENT_ALL)
    assert rows.tolist() == [1, 2, 3, 0, 4, 5]
    assert np.all(np.diff(scores) <= 0)
    assert np.argsort(-counter.popularity()).tolist() == rows.tolist()


def test_recent_purchases_weigh_more(tmp_path: Path) -> None:
    """Two purchases three half-lives ago lose against one of today."""
    lines = [
        line("u1", "a", "purchase-complete", day=10),
        line("u2", "a", "purchase-complete", day=10),
        line("u1", "b", "purchase-complete", day=100),
    ]
    lists, _ = _lists(tmp_path / "shop", lines)
    rows, scores = lists.list(SEGMENT_ALL)
    assert rows.tolist() == [1, 0]
    assert scores.tolist() == pytest.approx([1.0, 2 * 0.125])


def test_channels_and_stores_have_their_own_lists(tmp_path: Path) -> None:
    """A place without purchases ranks by contact; places without events have no list."""
    lines = [
        line("u1", "a", "purchase-complete", day=99, channel="store", store_id="s1"),
        line("u2", "b", "purchase-complete", day=99, channel="store", store_id="s2"),
        line("u3", "b", "purchase-complete", day=99, channel="store", store_id="s2"),
        line("u1", "c", "detail-page-view", day=99, channel="email"),
    ]
    lists, _ = _lists(tmp_path / "shop", lines)
    assert set(lists.segments) == {
        SEGMENT_ALL,
        "channel:store",
        "channel:email",
        "store:s1",
        "store:s2",
    }
    assert lists.list("channel:store")[0].tolist() == [1, 0]
    assert lists.list("store:s1")[0].tolist() == [0]
    assert lists.list("store:s2")[0].tolist() == [1]
    assert lists.list("channel:email")[0].tolist() == [2]
    assert lists.list("channel:email")[1][0] > 0


def test_only_the_busiest_stores_get_a_list(tmp_path: Path) -> None:
    """The number of stores is bounded."""
    lines = [
        line("u1", "a", "purchase-complete", day=99, channel="store", store_id=store)
        for store in ("s1", "s2", "s2", "s3", "s3", "s3")
    ]
    lists, _ = _lists(tmp_path / "shop", lines, store_count_max=2)
    assert [name for name in lists.segments if name.startswith("store:")] == [
        "store:s2",
        "store:s3",
    ]


def test_items_outside_the_model_are_not_listed(tmp_path: Path) -> None:
    """Filtered items have no row, however popular."""
    lines = [
        line("u1", "a", "purchase-complete", day=99),
        line("u1", "b", "purchase-complete", day=99),
        line("u2", "a", "purchase-complete", day=99),
    ]
    lists, _ = _lists(tmp_path / "shop", lines, row_of_item=np.array([-1, 0], dtype=np.int32))
    assert lists.list(SEGMENT_ALL)[0].tolist() == [0]
