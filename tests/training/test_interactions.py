"""Events become matrices: the same weights as in serving, stable numbers, filters that hold."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.domain import Channel, EventType
from recsys.features import EventWeighting, FeatureConfig
from recsys.sparse import CsrMatrix
from support.shops import line, write_dataset
from training.interactions import NO_STORE, Events, keep_core, read_events, sum_weights
from training.ragged import csr_from_pairs

CONFIG = FeatureConfig(
    channel_weights={Channel.STORE: 1.5}, half_life_days=30.0, decay_min=0.01, weight_max=3.0
)


def _events(lines: list[tuple[int, int, int, int, float]], *, users: int, items: int) -> Events:
    columns = list(zip(*sorted(lines, key=lambda each: each[:2]), strict=True)) or [()] * 5
    return Events(
        users=np.array(columns[0], dtype=np.int32),
        items=np.array(columns[1], dtype=np.int32),
        type_codes=np.array(columns[2], dtype=np.uint8),
        channel_codes=np.array(columns[3], dtype=np.uint8),
        stores=np.full(len(lines), NO_STORE, dtype=np.int32),
        times=np.array(columns[4], dtype=np.float64),
        user_count=users,
        item_ids=[f"i{item}" for item in range(items)],
        store_ids=[],
    )


def test_reading_numbers_ids_in_sorted_order(tmp_path: Path) -> None:
    """Rows follow the ids, not the order of the file; lines without an item are left out."""
    dataset = write_dataset(
        tmp_path / "shop",
        [
            line("zoe", "pen", "purchase-complete", day=1, channel="store", store_id="s2"),
            line("amy", "ink", "detail-page-view", day=2),
            line("amy", None, "search", day=2),
            line("amy", "pen", "return", day=3, channel="web"),
        ],
    )
    events = read_events(dataset)
    assert events.item_ids == ["ink", "pen"]
    assert events.store_ids == ["s2"]
    assert events.user_count == 2
    found = sorted(
        zip(
            events.users.tolist(),
            events.items.tolist(),
            events.type_codes.tolist(),
            events.channel_codes.tolist(),
            events.stores.tolist(),
            strict=True,
        )
    )
    assert found == [
        (0, 0, EventType.DETAIL_PAGE_VIEW.code, Channel.WEB.code, NO_STORE),
        (0, 1, EventType.RETURN.code, Channel.WEB.code, NO_STORE),
        (1, 1, EventType.PURCHASE_COMPLETE.code, Channel.STORE.code, 0),
    ]
    assert np.diff(np.sort(events.times)).tolist() == [86_400.0, 86_400.0]


LINES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.integers(0, 4),
        st.sampled_from([member.code for member in EventType]),
        st.integers(0, len(Channel)),
        st.floats(0, 1e7),
    ),
    max_size=40,
)


@given(lines=LINES)
def test_offline_weights_equal_those_of_serving(
    lines: list[tuple[int, int, int, int, float]],
) -> None:
    """Each user's row is what `EventWeighting.item_weights` says of her history."""
    now, weighting = 1.1e7, EventWeighting(CONFIG)
    events = _events(lines, users=4, items=5)
    matrix = sum_weights(events, weighting=weighting, now=now)
    for user in range(4):
        theirs = events.where(events.users == user)
        found = weighting.item_weights(
            item_rows=theirs.items,
            event_weights=weighting.event_weights(
                type_codes=theirs.type_codes,
                channel_codes=theirs.channel_codes,
                event_times=theirs.times,
                now=now,
            ),
        )
        found_rows, found_weights = matrix.row(user)
        np.testing.assert_array_equal(found_rows, found.rows)
        np.testing.assert_allclose(found_weights, found.weights, rtol=1e-6)


def test_contact_that_is_taken_back_is_gone_in_any_order() -> None:
    """0.2 + 0.6 - 0.4 - 0.4 is not a contact because of rounding."""
    kinds = (
        EventType.DETAIL_PAGE_VIEW,
        EventType.ADD_TO_CART,
        EventType.REMOVE_FROM_CART,
        EventType.REMOVE_FROM_CART,
    )
    for order in ([0, 1, 2, 3], [2, 3, 1, 0], [1, 2, 3, 0]):
        lines = [(0, 0, kinds[position].code, 0, 0.0) for position in order]
        matrix = sum_weights(
            _events(lines, users=1, items=1), weighting=EventWeighting(FeatureConfig()), now=0.0
        )
        assert len(matrix.data) == 0


def _pairs(pairs: list[tuple[int, int]], *, users: int) -> CsrMatrix:
    rows, columns = np.array(sorted(pairs), dtype=np.int32).T
    return csr_from_pairs(
        rows=rows, columns=columns, values=np.ones(len(rows), dtype=np.float32), row_count=users
    )


@pytest.mark.parametrize(
    ("item_users_min", "user_items_min", "items", "user_count", "pair_count"),
    [
        pytest.param(1, 1, [0, 1, 2], 3, 6, id="nothing filtered"),
        pytest.param(2, 1, [0, 1], 3, 5, id="item 2 has one user"),
        pytest.param(2, 2, [0, 1], 2, 4, id="then user 2 has one item"),
        pytest.param(3, 3, [], 0, 0, id="nothing left"),
    ],
)
def test_filters_repeat_until_everybody_has_enough(
    item_users_min: int, user_items_min: int, items: list[int], user_count: int, pair_count: int
) -> None:
    """Dropping an item can make a user too small, who then goes as well."""
    matrix = _pairs([(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (2, 2)], users=3)
    core = keep_core(
        matrix,
        item_count=4,
        item_users_min=item_users_min,
        user_items_min=user_items_min,
        rounds_max=10,
    )
    assert core.items.tolist() == items
    assert core.weights.row_count == user_count
    assert len(core.weights.data) == pair_count
    assert core.weights.problem(column_count=max(1, len(items))) is None
