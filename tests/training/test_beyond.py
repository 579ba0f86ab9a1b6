"""What lists show: numbers worked out by hand."""

import numpy as np
import polars as pl
import pytest

from recsys.sparse import CsrMatrix
from training import beyond
from training.catalog import Catalog

# Two people's lists over six items; the second list has two entries, the rest is not there.
RANKED = np.array([[0, 1, 2, 3], [4, 5, 0, 0]], dtype=np.int32)
COUNTS = np.array([4, 2], dtype=np.int32)
CATEGORIES = np.array([0, 0, 1, -1, 1, 1], dtype=np.int32)
HISTORIES = CsrMatrix(
    np.array([0, 2, 3]), np.array([0, 2, 5], dtype=np.int32), np.array([3, 1, 2], dtype=np.float32)
)


def test_diversity_is_the_share_of_pairs_that_differ() -> None:
    """Known categories are 0, 0, 1: of three pairs two differ. Then 1, 1: none does."""
    found = beyond.diversity(RANKED, COUNTS, 4, categories=CATEGORIES)
    np.testing.assert_allclose(found, [2 / 3, 0.0])
    alone = beyond.diversity(RANKED, COUNTS, 1, categories=CATEGORIES)
    assert np.isnan(alone).all()


def test_miscalibration_is_the_divergence_from_the_history() -> None:
    """History 3/4 and 1/4, list 2/3 and 1/3; the second list is as the history."""
    found = beyond.miscalibration(RANKED, COUNTS, 4, histories=HISTORIES, categories=CATEGORIES)
    p, q = np.array([3 / 4, 1 / 4]), np.array([2 / 3, 1 / 3])
    expected = float((p * np.log2(p / (0.99 * q + 0.01 * p))).sum())
    np.testing.assert_allclose(found, [expected, 0.0], atol=1e-12)


def test_a_list_of_other_categories_is_miscalibrated_by_a_finite_number() -> None:
    """Nothing in common: log2(1 / 0.01) bits."""
    histories = CsrMatrix(
        np.array([0, 1]), np.array([2], dtype=np.int32), np.ones(1, dtype=np.float32)
    )
    found = beyond.miscalibration(
        RANKED[:1, :2], np.array([2]), 2, histories=histories, categories=CATEGORIES
    )
    np.testing.assert_allclose(found, [np.log2(100.0)])


def test_serendipity_counts_what_is_right_and_not_popular() -> None:
    """Two of four are right, one of them popular; a shorter popular list lacks the other."""
    hits = np.array([[True, False, True, False], [False, True, False, False]])
    popular = np.array([[2, 5, 4, 0], [4, 0, 0, 0]], dtype=np.int32)
    found = beyond.serendipity(hits, RANKED, popular, np.array([3, 1]), 4, item_count=6)
    np.testing.assert_allclose(found, [1 / 4, 1 / 4])


def test_popularity_lift_compares_with_the_history() -> None:
    """Lists of items with 10 users after a history of items with 5: twice as popular."""
    item_users = np.array([10, 10, 0, 10, 10, 10])
    histories = CsrMatrix(
        np.array([0, 2, 2]), np.array([1, 2], dtype=np.int32), np.ones(2, dtype=np.float32)
    )
    found = beyond.popularity_lift(
        RANKED[:, :2], COUNTS, 2, histories=histories, item_users=item_users
    )
    np.testing.assert_allclose(found, [1.0, np.nan])


def test_price_gap_compares_bands_within_categories() -> None:
    """The dearest of its kind after the cheapest of another kind: as far as it goes."""
    catalog = Catalog.of_frame(
        pl.DataFrame(
            {
                "item_id": ["a", "b", "c", "d", "e"],
                "category": ["x", "x", "y", "y", None],
                "price": [1.0, 9.0, 100.0, 900.0, 5.0],
            }
        ),
        item_ids=["a", "b", "c", "d", "e", "unheard-of"],
    )
    np.testing.assert_array_equal(catalog.price_ranks, [0, 1, 0, 1, np.nan, np.nan])
    histories = CsrMatrix(
        np.array([0, 1, 2]), np.array([0, 1], dtype=np.int32), np.ones(2, dtype=np.float32)
    )
    ranked = np.array([[3, 4], [3, 1]], dtype=np.int32)
    found = beyond.price_gap(
        ranked, np.array([2, 2]), 2, histories=histories, price_ranks=catalog.price_ranks
    )
    np.testing.assert_allclose(found, [1.0, 0.0])


@pytest.mark.parametrize(
    ("columns", "expected"),
    [(["item_id", "sellable"], [True, False, False]), (["item_id"], [True, True, True])],
    ids=["says what is sold", "says nothing of it"],
)
def test_items_are_sold_unless_the_catalogue_says_otherwise(
    columns: list[str], expected: list[bool]
) -> None:
    """What a catalogue of sold items lacks is not sold; another one says nothing of it."""
    frame = pl.DataFrame({"item_id": ["a", "b"], "sellable": [True, False]}).select(columns)
    catalog = Catalog.of_frame(frame, item_ids=["a", "b", "c"])
    assert catalog.sellable.tolist() == expected
    assert catalog.categories.tolist() == [-1, -1, -1]
