"""Events become weights by rules that a person can check by hand."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.domain import SECONDS_PER_DAY, Channel, EventType
from recsys.features import (
    EventWeighting,
    FeatureConfig,
    FoldInConfig,
    HistoryConfig,
)

NOW = 1_000_000_000.0


def weigh(config: FeatureConfig, *events: tuple[EventType, Channel | None, float]) -> list[float]:
    """Weigh (type, channel, age in days) events."""
    return (
        EventWeighting(config)
        .event_weights(
            type_codes=np.array([event.code for event, _, _ in events], dtype=np.uint8),
            channel_codes=np.array([c.code if c else 0 for _, c, _ in events], dtype=np.uint8),
            event_times=np.array([NOW - age * SECONDS_PER_DAY for _, _, age in events]),
            now=NOW,
        )
        .tolist()
    )


@pytest.mark.parametrize(
    ("event_type", "channel", "age_days", "expected"),
    [
        (EventType.PURCHASE_COMPLETE, Channel.WEB, 0.0, 1.0),
        (EventType.PURCHASE_COMPLETE, Channel.STORE, 0.0, 2.0),
        (EventType.PURCHASE_COMPLETE, None, 0.0, 1.0),
        (EventType.DETAIL_PAGE_VIEW, Channel.WEB, 0.0, 0.25),
        (EventType.DETAIL_PAGE_VIEW, Channel.STORE, 30.0, 0.25),
        (EventType.PURCHASE_COMPLETE, Channel.WEB, 30.0, 0.5),
        (EventType.PURCHASE_COMPLETE, Channel.WEB, 60.0, 0.25),
        (EventType.PURCHASE_COMPLETE, Channel.WEB, -5.0, 1.0),
        (EventType.RETURN, Channel.WEB, 0.0, -1.0),
        (EventType.IMPRESSION, Channel.WEB, 0.0, 0.0),
    ],
    ids=[
        "bought",
        "bought in a store",
        "bought somewhere",
        "viewed",
        "viewed in a store a half-life ago",
        "bought a half-life ago",
        "bought two half-lives ago",
        "a clock ahead of ours counts as now",
        "returned",
        "an unlisted type is no contact",
    ],
)
def test_an_events_weight_is_type_times_channel_times_decay(
    event_type: EventType, channel: Channel | None, age_days: float, expected: float
) -> None:
    """Each factor multiplies."""
    config = FeatureConfig(
        event_weights={
            EventType.PURCHASE_COMPLETE: 1.0,
            EventType.DETAIL_PAGE_VIEW: 0.25,
            EventType.RETURN: -1.0,
        },
        channel_weights={Channel.STORE: 2.0},
        half_life_days=30.0,
    )
    assert weigh(config, (event_type, channel, age_days)) == [pytest.approx(expected)]


def test_a_returned_purchase_leaves_no_trace_in_the_weights() -> None:
    """Bought and returned on the same day cancels out."""
    weighting = EventWeighting(FeatureConfig())
    found = weighting.item_weights(
        item_rows=np.array([4, 4, 2], dtype=np.int32), event_weights=np.array([1.0, -1.0, 0.5])
    )
    assert found.rows.tolist() == [2]
    assert found.weights.tolist() == [0.5]
    assert found.seen.tolist() == [2, 4]


def test_one_item_weighs_at_most_the_bound() -> None:
    """A thousand views of one item do not drown everything else."""
    weighting = EventWeighting(FeatureConfig(weight_max=3.0))
    found = weighting.item_weights(
        item_rows=np.zeros(1000, dtype=np.int32), event_weights=np.ones(1000)
    )
    assert found.weights.tolist() == [3.0]


@given(
    st.lists(st.tuples(st.integers(0, 20), st.floats(-2.0, 2.0, width=32)), max_size=60),
    st.randoms(use_true_random=False),
)
def test_the_order_of_events_does_not_matter(
    events: list[tuple[int, float]], random: "np.random.Generator"
) -> None:
    """Late and out-of-order events give the same weights, up to rounding."""
    weighting = EventWeighting(FeatureConfig())

    def summed(pairs: list[tuple[int, float]]) -> dict[int, float]:
        found = weighting.item_weights(
            item_rows=np.array([row for row, _ in pairs], dtype=np.int32),
            event_weights=np.array([weight for _, weight in pairs], dtype=np.float64),
        )
        return dict(zip(found.rows.tolist(), found.weights.tolist(), strict=True))

    shuffled = list(events)
    random.shuffle(shuffled)
    once, twice = summed(events), summed(shuffled)
    for row in once.keys() | twice.keys():
        assert math.isclose(once.get(row, 0.0), twice.get(row, 0.0), abs_tol=1e-6)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"event_weights": {"bought": 1}}', "bought"),
        ('{"event_weights": {"return": 1e999}}', "out of range|finite"),
        ('{"channel_weights": {"web": -1}}', "allowed 0 and above"),
        ('{"half_life_days": 0}', "half_life_days is 0"),
        ('{"weight_max": -1}', "weight_max is -1"),
        ('{"half_live_days": 3}', "half_live_days"),
    ],
    ids=["unknown type", "infinite", "negative channel", "no life", "no bound", "misspelt key"],
)
def test_a_wrong_configuration_is_refused_by_name(text: str, problem: str) -> None:
    """The error names the key and what is allowed."""
    with pytest.raises(msgspec.DecodeError, match=problem):
        msgspec.json.decode(text, type=FeatureConfig)


@pytest.mark.parametrize("field", ["alpha", "regularization"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_fold_in_needs_positive_finite_numbers(field: str, value: float) -> None:
    """A regularisation of zero or NaN would make the solve meaningless."""
    with pytest.raises(ValueError, match=field):
        FoldInConfig(**{"alpha": 1.0, "regularization": 1.0, field: value})


def test_newer_steps_take_from_older_ones() -> None:
    """Events at one time are one step, and what is no contact makes none."""
    history = HistoryConfig(step_decay=0.5)
    weights = np.array([1.0, 1.0, 2.0, 0.0, 4.0])
    times = np.array([10.0, 30.0, 30.0, 40.0, 20.0])
    assert history.decayed(weights, times).tolist() == [0.25, 1.0, 2.0, 0.0, 2.0]


def test_steps_are_counted_for_each_person_alone() -> None:
    """The same lines as of two people, in any order."""
    history = HistoryConfig(step_decay=0.5)
    times = np.array([1.0, 5.0, 3.0, 2.0])
    rows = np.array([7, 2, 7, 2])
    assert history.decayed(np.ones(4), times, rows=rows).tolist() == [0.5, 1.0, 1.0, 0.5]


def test_long_histories_can_be_shortened() -> None:
    """Divided by a power of their sum; empty rows stay empty."""
    weights = np.array([1.0, 3.0, 16.0], dtype=np.float32)
    indptr = np.array([0, 2, 2, 3])
    assert HistoryConfig().shortened(weights, indptr=indptr) is weights
    half = HistoryConfig(length_exponent=0.5)
    assert half.shortened(weights, indptr=indptr).tolist() == [0.5, 1.5, 4.0]


@pytest.mark.parametrize(
    "fields",
    [
        {"step_decay": 0.0},
        {"step_decay": 1.1},
        {"length_exponent": -0.1},
        {"length_exponent": 2},
        {"newest_boost": math.inf},
        {"newest_boost": math.nan},
    ],
)
def test_histories_refuse_what_cannot_be_meant(fields: dict[str, float]) -> None:
    """By name."""
    with pytest.raises(ValueError, match=next(iter(fields))):
        HistoryConfig(**fields)
