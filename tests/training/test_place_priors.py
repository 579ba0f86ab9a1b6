"""Rows of priors say what is bought more here than elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.bundle import PriorRows
from recsys.domain import Channel, EventType, StoreId
from support.places import DAY, purchases
from training.config import PriorsConfig
from training.interactions import Events
from training.place_priors import place_priors

WEB, STORE = Channel.WEB.code, Channel.STORE.code
LINES = [
    # user, item, channel, store, day
    (0, 0, STORE, 0, 9.0),
    (1, 0, STORE, 0, 9.0),
    (2, 1, STORE, 1, 9.0),
    (3, 1, STORE, 1, 9.0),
    (4, 2, WEB, -1, 9.0),
]
"""Three items: 0 is bought in store s0, 1 in s1, 2 on the web."""
CONFIG = PriorsConfig(store_weight=2.0, channel_weight=1.0, half_life_days=1e9, buyers_added=0.0)


def _rows(events: Events, config: PriorsConfig = CONFIG) -> PriorRows:
    found = place_priors(
        events,
        row_of_item=np.arange(len(events.item_ids), dtype=np.int32),
        item_count=len(events.item_ids),
        config=config,
        now=10.0 * DAY,
    )
    assert found is not None
    return found


def test_a_place_adds_what_its_buyers_buy_more() -> None:
    """Weight times the difference of the shares of buyers; worked out by hand."""
    found = _rows(purchases(LINES))
    assert found.names == ("channel:web", "channel:store", "store:s0", "store:s1")
    everybody = np.array([0.4, 0.4, 0.2])
    expected = np.array(
        [
            [0.0, 0.0, 1.0] - everybody,
            [0.5, 0.5, 0.0] - everybody,
            2.0 * ([1.0, 0.0, 0.0] - everybody),
            2.0 * ([0.0, 1.0, 0.0] - everybody),
        ]
    )
    np.testing.assert_allclose(found.values, expected, atol=1e-6)


def test_few_buyers_are_drawn_towards_everybody() -> None:
    """Two buyers and two of average taste: half the difference."""
    config = PriorsConfig(store_weight=2.0, half_life_days=1e9, buyers_added=2.0)
    found = _rows(purchases(LINES), config)
    np.testing.assert_allclose(found.values[found.row("store:s0")], [0.6, -0.4, -0.2], atol=1e-6)


def test_old_purchases_say_little() -> None:
    """What was bought in the store nine days ago counts a thousandth of yesterday's."""
    lines = [(0, 0, STORE, 0, 0.0), (1, 1, STORE, 0, 9.0), (2, 2, WEB, -1, 9.0)]
    config = PriorsConfig(store_weight=1.0, half_life_days=0.9, buyers_added=0.0)
    row = _rows(purchases(lines), config).values[0]
    assert row[1] > 0.45
    assert abs(row[0]) < 0.01


def test_a_buyer_counts_once_however_often_she_buys() -> None:
    """The newest of her purchases of an item stands for all of them."""
    often = [*LINES, (0, 0, STORE, 0, 1.0), (0, 0, STORE, 0, 2.0)]
    np.testing.assert_array_equal(_rows(purchases(LINES)).values, _rows(purchases(often)).values)


def test_only_the_busiest_stores_have_a_row() -> None:
    """Equal ones by name; channels are all there."""
    config = PriorsConfig(store_weight=1.0, channel_weight=1.0, store_count_max=1)
    lines = [*LINES, (5, 2, STORE, 1, 9.0)]
    assert _rows(purchases(lines), config).names == ("channel:web", "channel:store", "store:s1")


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (PriorsConfig(), EventType.PURCHASE_COMPLETE),
        (CONFIG, EventType.DETAIL_PAGE_VIEW),
    ],
    ids=["no weight", "no purchase"],
)
def test_without_weight_or_purchases_there_are_no_rows(
    config: PriorsConfig, kind: EventType
) -> None:
    """None rather than rows of zeros."""
    events = purchases(LINES, kind=kind)
    rows = np.arange(3, dtype=np.int32)
    assert place_priors(events, row_of_item=rows, item_count=3, config=config, now=0.0) is None


_LINES = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 4),
        st.sampled_from([0, WEB, STORE]),
        st.integers(-1, 2),
        st.floats(0.0, 9.0),
    ),
    min_size=1,
    max_size=30,
)


@given(lines=_LINES, added=st.floats(0.0, 10.0))
def test_rows_are_differences_of_shares(
    lines: list[tuple[int, int, int, int, float]], added: float
) -> None:
    """Between -weight and weight; with one place for all there is no difference."""
    config = PriorsConfig(store_weight=1.0, channel_weight=1.0, buyers_added=added)
    found = place_priors(
        purchases(lines), row_of_item=np.arange(5, dtype=np.int32), item_count=5,
        config=config, now=10 * DAY,
    )  # fmt: skip
    if found is not None:
        assert np.abs(found.values).max() <= 1.0 + 1e-6
    here = _rows(purchases([(user, item, WEB, 0, day) for user, item, _, _, day in lines]), config)
    assert here.names == ("channel:web", "store:s0")
    np.testing.assert_allclose(here.values, 0.0, atol=1e-6)


def test_the_row_of_a_place_is_the_stores_then_the_channels() -> None:
    """And none where neither has one."""
    rows = _rows(purchases(LINES))
    assert rows.row_of_place(channel=Channel.WEB, store_id=StoreId("s1")) == 3
    assert rows.row_of_place(channel=Channel.WEB, store_id=StoreId("elsewhere")) == 0
    assert rows.row_of_place(channel=Channel.STORE, store_id=None) == 1
    assert rows.row_of_place(channel=Channel.EMAIL, store_id=None) == -1
    assert rows.row_of_place(channel=None, store_id=None) == -1
