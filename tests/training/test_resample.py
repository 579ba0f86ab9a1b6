"""Intervals and tests between models, against what can be worked out or counted."""

import itertools

import numpy as np
import pytest

from training.resample import bootstrap, paired_tests, resampled_means

RNG = np.random.default_rng


def test_the_p_value_is_that_of_all_exchanges() -> None:
    """Five people, 32 ways to exchange two models: counted one by one."""
    first = np.array([0.1, 0.4, 0.2, 0.3, 0.0])
    second = np.array([0.3, 0.5, 0.1, 0.7, 0.2])
    gaps = second - first
    extreme = sum(
        abs(np.dot(signs, gaps)) >= abs(gaps.sum()) - 1e-12
        for signs in itertools.product((-1, 1), repeat=5)
    )
    (found,) = paired_tests([first[:, None]], [second[:, None]], count=20_000, rng=RNG(0))
    assert found is not None
    assert found.p_value == pytest.approx(extreme / 32, abs=0.01)
    assert found.difference == pytest.approx(gaps.mean())
    assert (found.first, found.second) == pytest.approx((first.mean(), second.mean()))
    assert found.users == 5


def test_equal_models_never_differ() -> None:
    """No spread and no evidence."""
    values = RNG(1).random((50, 1))
    (found,) = paired_tests([values], [values], count=500, rng=RNG(0))
    assert found is not None
    assert (found.difference, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_a_clear_lead_is_significant_and_noise_is_not() -> None:
    """A tenth more for everybody, and a coin's toss for everybody."""
    rng = RNG(2)
    base = rng.random((400, 1))
    noise = rng.normal(0, 0.3, (400, 1))
    lead, toss = paired_tests(
        [base, base], [base + 0.1 + 0.1 * noise, base + noise], count=2_000, rng=RNG(0)
    )
    assert lead is not None
    assert toss is not None
    assert lead.p_value < 0.001
    assert toss.p_value > 0.05
    assert lead.low > 0.0
    assert toss.low < 0.0 < toss.high


def test_false_alarms_come_as_often_as_the_level_says() -> None:
    """Of 200 pairs of equally good models about one in twenty seems to differ."""
    rng = RNG(3)
    alarms = 0
    for seed in range(200):
        gaps = rng.normal(0, 1, (60, 1))
        (found,) = paired_tests([np.zeros((60, 1))], [gaps], count=300, rng=RNG(seed))
        assert found is not None
        alarms += found.p_value <= 0.05
    assert 2 <= alarms <= 22


def test_cuts_count_alike_and_people_are_drawn_whole() -> None:
    """Ten people at one cut weigh as much as a thousand at the other."""
    first = np.full((1_010, 2), np.nan)
    first[:1_000, 0], first[1_000:, 1] = 0.0, 0.0
    second = first.copy()
    second[:1_000, 0], second[1_000:, 1] = 0.0, 1.0
    (found,) = paired_tests([first], [second], count=300, rng=RNG(0))
    assert found is not None
    assert found.difference == pytest.approx(0.5)
    # The same person at both cuts adds to both: her draws do not average out.
    one = RNG(4).normal(0, 1, (200, 1))
    (alone,) = paired_tests([one * 0], [one], count=2_000, rng=RNG(0))
    (twice,) = paired_tests(
        [np.zeros((200, 2))], [np.repeat(one, 2, axis=1)], count=2_000, rng=RNG(0)
    )
    assert alone is not None
    assert twice is not None
    assert twice.high - twice.low == pytest.approx(alone.high - alone.low, rel=0.15)


def test_nobody_with_both_values_gives_no_test() -> None:
    """A metric that only one model has is left out, and the others are not touched."""
    known, unknown = np.ones((4, 1)), np.full((4, 1), np.nan)
    none, some = paired_tests([known, known], [unknown, known], count=100, rng=RNG(0))
    assert none is None
    assert some is not None


def test_gaps_are_left_out_of_means() -> None:
    """NaN stands for a person who has no value."""
    values = np.array([1.0, 3.0, np.nan, np.nan])
    found = bootstrap({"x": values, "y": np.ones(4)}, count=400, rng=RNG(0))
    assert found["x"].mean == 2.0
    assert 1.0 <= found["x"].low <= found["x"].high <= 3.0
    means = resampled_means(np.stack([values, np.ones(4)], axis=1), count=50, rng=RNG(1))
    assert means.shape == (50, 2)
    assert np.all(means[:, 1] == 1.0)
