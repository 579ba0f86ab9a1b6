"""Masks of filters follow the items and the hour."""

import numpy as np

from recsys.catalog import ITEM_SCHEMA
from recsys.filters import LiveColumns
from recsys.rules.filtered import FilteredMasks
from recsys.scoring import Mask

NOW = 1_800_000_000.0
DAY = 86_400.0


def rows_of(mask: Mask) -> list[int]:
    """Return the rows that a mask allows."""
    return np.flatnonzero(np.unpackbits(mask.state.bitmap, bitorder="little")).tolist()


def test_one_mask_follows_its_items() -> None:
    """It is changed where an item passes that did not, and left alone otherwise."""
    live = LiveColumns(ITEM_SCHEMA)
    live.write([0, 1], [{"price": 10.0}, {"price": 60.0}])
    masks = FilteredMasks(2)
    mask = masks.mask("price < 50", live.columns, now=NOW)
    assert rows_of(mask) == [0]
    version = mask.state.version
    live.put([0, 1], {"price": [11.0, 61.0], "brand": ["a", "b"]})
    assert masks.mask("price < 50", live.columns, now=NOW) is mask
    assert mask.state.version == version
    live.put([1], {"price": [20.0]})
    assert rows_of(masks.mask("price < 50", live.columns, now=NOW)) == [0, 1]
    assert mask.state.version == version + 1


def test_what_depends_on_the_hour_is_right_to_the_second() -> None:
    """Not to the minute."""
    live = LiveColumns(ITEM_SCHEMA)
    live.write([0], [{"release_time": NOW}])
    masks = FilteredMasks(1)
    for seconds, rows in ((0, []), (1, [0]), (DAY - 1, [0]), (DAY, []), (2 * DAY, [])):
        expression = "release_time < now AND release_time > now - 1d"
        assert rows_of(masks.mask(expression, live.columns, now=NOW + seconds)) == rows


def test_a_reader_of_older_columns_does_not_set_the_mask_back() -> None:
    """Answers may be of newer items than were asked for, never of older ones."""
    live = LiveColumns(ITEM_SCHEMA)
    older = live.write([0], [{"price": 60.0}])
    newer = live.put([0], {"price": [10.0]})
    masks = FilteredMasks(1)
    assert rows_of(masks.mask("price < 50", newer, now=NOW)) == [0]
    assert rows_of(masks.mask("price < 50", older, now=NOW)) == [0]
