"""Metrics against numbers worked out by hand."""

import numpy as np
import pytest

from training.beyond import catalogue_metrics, gini
from training.metrics import Targets, accuracy, find_hits
from training.resample import bootstrap

LOG3 = np.log2(3.0)

# One list per row; the third has only two entries, the 9s beyond are not there.
RANKED = np.array([[3, 1, 4, 5], [2, 7, 1, 8], [6, 0, 9, 9]], dtype=np.int32)
COUNTS = np.array([4, 4, 2], dtype=np.int32)
TARGETS = Targets(np.array([0, 2, 3, 5]), np.array([1, 5, 0, 0, 9], dtype=np.int32))


def test_hits_are_targets_within_the_filled_part() -> None:
    """Cells beyond the count never hit, even if they hold a target."""
    hits = find_hits(RANKED, COUNTS, TARGETS, item_count=10)
    assert hits.astype(int).tolist() == [[0, 1, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_without_targets_nothing_hits() -> None:
    """An empty set of targets is no error."""
    none = Targets(np.zeros(4, dtype=np.int64), np.empty(0, dtype=np.int32))
    assert not find_hits(RANKED, COUNTS, none, item_count=10).any()


@pytest.mark.parametrize(
    ("name", "k", "expected"),
    [
        ("recall", 2, [1 / 2, 0, 1 / 2]),
        ("recall", 4, [1, 0, 1 / 2]),
        ("hit_rate", 1, [0, 0, 0]),
        ("hit_rate", 2, [1, 0, 1]),
        ("mrr", 1, [0, 0, 0]),
        ("mrr", 4, [1 / 2, 0, 1 / 2]),
        # Ranks 2 and 4 hit; two targets could be reached.
        ("map", 4, [(1 / 2 + 2 / 4) / 2, 0, (1 / 2) / 2]),
        ("map", 2, [(1 / 2) / 2, 0, (1 / 2) / 2]),
        ("ndcg", 1, [0, 0, 0]),
        ("ndcg", 2, [(1 / LOG3) / (1 + 1 / LOG3), 0, (1 / LOG3) / (1 + 1 / LOG3)]),
        ("ndcg", 4, [(1 / LOG3 + 1 / np.log2(5)) / (1 + 1 / LOG3), 0, (1 / LOG3) / (1 + 1 / LOG3)]),
    ],
)
def test_accuracy_equals_the_numbers_worked_out_by_hand(
    name: str, k: int, expected: list[float]
) -> None:
    """Per user, in the order of the users."""
    hits = find_hits(RANKED, COUNTS, TARGETS, item_count=10)
    np.testing.assert_allclose(accuracy(hits, TARGETS.counts, k)[name], expected)


def test_a_perfect_list_scores_one_everywhere() -> None:
    """With more targets than places as well, except for recall."""
    targets = Targets(np.array([0, 3]), np.array([0, 1, 2], dtype=np.int32))
    ranked = np.array([[2, 0]], dtype=np.int32)
    hits = find_hits(ranked, np.array([2]), targets, item_count=3)
    values = {name: value[0] for name, value in accuracy(hits, targets.counts, 2).items()}
    assert values == pytest.approx(
        {"recall": 2 / 3, "ndcg": 1.0, "map": 1.0, "hit_rate": 1.0, "mrr": 1.0}
    )


def test_lists_shorter_than_k_are_measured_as_they_are() -> None:
    """A catalogue of two items has no twentieth place."""
    targets = Targets(np.array([0, 1]), np.array([1], dtype=np.int32))
    hits = find_hits(np.array([[0, 1]], dtype=np.int32), np.array([2]), targets, item_count=2)
    assert accuracy(hits, targets.counts, 20)["mrr"].tolist() == [0.5]


def test_beyond_accuracy_equals_the_numbers_worked_out_by_hand() -> None:
    """Two lists of two show item 0 twice, items 1 and 2 once; item 3 is never shown."""
    ranked = np.array([[0, 1], [0, 2]], dtype=np.int32)
    values = catalogue_metrics(
        ranked, np.array([2, 2]), 2, item_users=np.array([4, 2, 1, 1, 0]), user_count=8
    )
    assert values["coverage"] == pytest.approx(3 / 4)
    # Shares of users are 1/2, 1/4, 1/8: 1, 2 and 3 bits.
    assert values["novelty"] == pytest.approx((1 + 1 + 2 + 3) / 4)
    assert values["average_popularity"] == pytest.approx((1 / 2 + 1 / 2 + 1 / 4 + 1 / 8) / 4)
    # Ascending 0, 1, 1, 2: 2 * (0*1 + 1*2 + 1*3 + 2*4) / (4 * 4) - 5 / 4.
    assert values["gini"] == pytest.approx(2 * 13 / 16 - 5 / 4)


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [([5, 5, 5], 0.0), ([0, 0, 9], 2 / 3), ([1, 3], 0.25)],
)
def test_gini_is_zero_for_equal_and_grows_with_inequality(
    amounts: list[int], expected: float
) -> None:
    """One of n that takes all gives (n - 1) / n."""
    assert gini(np.array(amounts)) == pytest.approx(expected)


def test_bootstrap_intervals_hold_the_mean_and_repeat_with_their_seed() -> None:
    """The width is that of the normal approximation, roughly."""
    values = np.random.default_rng(1).normal(10.0, 2.0, size=2_500)
    one, again = (
        bootstrap({"x": values}, count=2_000, rng=np.random.default_rng(5))["x"] for _ in range(2)
    )
    assert one == again
    assert one.low < one.mean < one.high
    expected = 2 * 1.96 * 2.0 / np.sqrt(2_500)
    assert one.high - one.low == pytest.approx(expected, rel=0.1)


def test_differences_are_paired_by_user() -> None:
    """A constant lead has no spread, however the users differ among themselves."""
    base = np.random.default_rng(2).uniform(0, 100, size=200)
    gain = bootstrap(
        {"model": base + 1.0, "rival": base, "gain": (base + 1.0) - base},
        count=200,
        rng=np.random.default_rng(0),
    )["gain"]
    assert (gain.low, gain.high) == pytest.approx((1.0, 1.0))
