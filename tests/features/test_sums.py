"""Weights summed per item in compiled code are those that a dictionary would hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys import _features
from recsys.bundle import ItemIndex
from recsys.domain import Channel, EventType, ItemEvent, ItemId
from recsys.events import History
from recsys.features import WEIGHT_MIN, EventWeighting, FeatureConfig, HistoryConfig

weights = st.floats(-3, 3) | st.sampled_from([0.0, 1.0, -1.0, 1e-6, 1e300])
lines = st.lists(st.tuples(st.integers(0, 9) | st.just(2**31 - 1), weights), max_size=300)


@given(lines, st.floats(0.5, 60))
def test_sums_equal_a_dictionary(some: list[tuple[int, float]], weight_max: float) -> None:
    """To the last bit: lines are added in their order, bounded, rounded, and cut off."""
    sums: dict[int, float] = {}
    for row, weight in some:
        sums[row] = sums.get(row, 0.0) + weight
    bounded = {row: np.float32(min(total, weight_max)) for row, total in sums.items()}
    expected = {
        row: kept for row, kept in sorted(bounded.items()) if kept >= np.float32(WEIGHT_MIN)
    }
    found = EventWeighting(FeatureConfig(weight_max=weight_max)).item_weights(
        item_rows=np.array([row for row, _ in some], dtype=np.int32),
        event_weights=np.array([weight for _, weight in some], dtype=np.float64),
    )
    dtypes = (found.rows.dtype, found.weights.dtype, found.seen.dtype)
    assert dtypes == (np.int32, np.float32, np.int32)
    assert found.rows.tolist() == list(expected)
    assert found.weights.tolist() == list(expected.values())
    assert found.seen.tolist() == sorted({row for row, weight in some if weight})
    assert found.unknown_count == 0


@given(lines, st.integers(0, 300))
def test_unknown_items_are_counted_and_nothing_else(
    some: list[tuple[int, float]], unknown_count: int
) -> None:
    """Lines whose item the model lacks change no weight."""
    weighting = EventWeighting(FeatureConfig())
    rows = np.array([row for row, _ in some], dtype=np.int32)
    line_weights = np.array([weight for _, weight in some], dtype=np.float64)
    known = weighting.item_weights(item_rows=rows, event_weights=line_weights)
    mixed = weighting.item_weights(
        item_rows=np.insert(rows, 0, np.full(unknown_count, -1, dtype=np.int32)),
        event_weights=np.insert(line_weights, 0, np.ones(unknown_count)),
    )
    assert mixed.unknown_count == unknown_count
    for name in ("rows", "weights", "seen"):
        np.testing.assert_array_equal(getattr(mixed, name), getattr(known, name))


def history(some: list[tuple[str, EventType, Channel | None, float]]) -> History:
    """Pack lines of (item, type, channel, time)."""
    return History.from_events(
        ItemEvent(item_id=ItemId(item), event_type=kind, channel=channel, event_time=time)
        for item, kind, channel, time in some
    )


ITEMS = [f"i{number}" for number in range(60)]
packed = st.lists(
    st.tuples(
        st.sampled_from(ITEMS) | st.text(max_size=5),
        st.sampled_from(EventType),
        st.none() | st.sampled_from(Channel),
        st.floats(0, 1e7),
    ),
    max_size=80,
)


@given(packed, st.none() | st.floats(1, 100))
def test_a_packed_history_weighs_what_its_lines_weigh(
    some: list[tuple[str, EventType, Channel | None, float]], half_life_days: float | None
) -> None:
    """One call over the packed columns equals lookup, weighing and summing one by one."""
    weighting = EventWeighting(
        FeatureConfig(half_life_days=half_life_days, channel_weights={Channel.STORE: 2.0})
    )
    index = ItemIndex.from_ids(ITEMS)
    lines = history(some)
    rows, positions = index.find(lines.item_ids)
    one_by_one = weighting.item_weights(
        item_rows=rows,
        event_weights=weighting.event_weights(
            type_codes=lines.type_codes,
            channel_codes=lines.channel_codes,
            event_times=lines.event_times,
            now=5e6,
        )[positions],
    )
    at_once = weighting.history_weights(lines, index.compiled, now=5e6)
    assert at_once.unknown_count == len(some) - len(rows)
    for name in ("rows", "weights", "seen"):
        np.testing.assert_array_equal(getattr(at_once, name), getattr(one_by_one, name))


def test_arrays_of_another_length_are_refused() -> None:
    """Nothing is ever written past the end."""
    compiled = _features.EventWeights(
        np.ones((2, 2)), decay_per_second=0.0, decay_min=0.0, weight_max=1.0, weight_min=0.0
    )
    two = np.zeros(2, dtype=np.int32)
    index = ItemIndex.from_ids(["a"])
    with pytest.raises(ValueError, match="differ in length"):
        compiled.by_item(two, np.zeros(1))
    with pytest.raises(ValueError, match="differ in length"):
        compiled.of_events(
            np.zeros(2, dtype=np.uint8), np.zeros(1, dtype=np.uint8), np.zeros(2), 0.0, np.zeros(2)
        )
    with pytest.raises(ValueError, match="differ in length"):
        compiled.of_lines(index.compiled, "a\x1fb", b"\1\1", b"\1\1", bytes(8), 0.0)
    with pytest.raises(ValueError, match="differ in length"):
        compiled.of_lines(index.compiled, "a\x1fb\x1fc", b"\1\1", b"\1\1", bytes(16), 0.0)
    with pytest.raises(ValueError, match="differ in length"):
        _features.ItemWeights.of(two, np.ones(1, dtype=np.float32), two)


def test_codes_that_this_version_does_not_know_are_no_contact() -> None:
    """An event type or channel of a newer version weighs nothing instead of failing."""
    compiled = _features.EventWeights(
        np.ones((2, 2)), decay_per_second=0.0, decay_min=0.0, weight_max=9.0, weight_min=0.0
    )
    found = np.zeros(4)
    types, channels = np.array([1, 2, 1, 255]), np.array([1, 1, 2, 255])
    compiled.of_events(types.astype(np.uint8), channels.astype(np.uint8), np.zeros(4), 0.0, found)
    assert found.tolist() == [1.0, 0.0, 0.0, 0.0]


newest_lines = st.lists(
    st.tuples(
        st.sampled_from(ITEMS[:6]) | st.just("unheard-of"),
        st.sampled_from(
            [EventType.PURCHASE_COMPLETE, EventType.RETURN, EventType.SEARCH, EventType.CLICK]
        ),
        st.integers(0, 4).map(float),
    ),
    max_size=12,
)


@given(newest_lines, st.sampled_from([-2.0, 0.5]), st.sampled_from([1.0, 0.5]))
def test_items_of_the_newest_step_are_boosted_by_their_weight(
    some: list[tuple[str, EventType, float]], boost: float, step_decay: float
) -> None:
    """The last time with any contact decides, also where its item is not known."""
    config = HistoryConfig(step_decay=step_decay, newest_boost=boost, decayed_vectors=True)
    weighting = EventWeighting(FeatureConfig(), config)
    index = ItemIndex.from_ids(ITEMS[:6])
    lines = history([(item, kind, None, time) for item, kind, time in some])
    found = weighting.history_weights(lines, index.compiled, now=10.0)
    contact = [(item, time) for item, kind, time in some if kind is not EventType.SEARCH]
    latest = max((time for _, time in contact), default=0.0)
    newest = {item for item, time in contact if time == latest}
    expected = {}
    if found.links is not None:
        held = zip(found.links.rows.tolist(), found.links.weights.tolist(), strict=True)
        expected = {row: boost * weight for row, weight in held if ITEMS[row] in newest}
        assert found.links.boosted.tolist() == list(expected)
        assert found.links.boosts.tolist() == pytest.approx(list(expected.values()))
        assert found.folded is found.links
    assert (found.links is None) == (not some)
    assert found.boosted_count == 0
