"""What lists show, whether right or wrong. Definitions and sources are in docs/evaluate.md."""

import numpy as np
from numpy.typing import NDArray

from recsys.sparse import CsrMatrix, expand_rows
from training.metrics import Targets, find_hits

F64 = NDArray[np.float64]

SMOOTHING = 0.01
"""Share of the history mixed into the list, so that calibration stays finite (Steck)."""


def catalogue_metrics(
    ranked: NDArray[np.int32],
    counts: NDArray[np.integer],
    k: int,
    *,
    item_users: NDArray[np.integer],
    user_count: int,
) -> dict[str, float]:
    """Describe all lists of length k together.

    Args:
        ranked: Item numbers, best first, shape (m, at least k).
        counts: Filled cells of each row, shape (m,).
        k: List length, positive.
        item_users: Users of each item in training, shape (items,); the catalogue is
            every item with at least one.
        user_count: Users in training, positive.

    Returns:
        `coverage` share of the catalogue that appears in any list;
        `novelty` mean -log2(share of users who have the item), in bits;
        `gini` inequality of how often catalogue items appear, 0 equal, 1 one item;
        `average_popularity` mean share of users who have the item.
    """
    shown = exposures(ranked, counts, k, item_count=len(item_users))
    catalogue = item_users > 0
    total = shown.sum()
    if not total or not catalogue.any():
        return {}
    shares = np.maximum(item_users, 1) / max(1, user_count)
    return {
        "coverage": float(np.count_nonzero(shown[catalogue]) / np.count_nonzero(catalogue)),
        "novelty": float(-(shown * np.log2(np.minimum(shares, 1.0))).sum() / total),
        "gini": gini(shown[catalogue]),
        "average_popularity": float((shown * shares).sum() / total),
    }


def exposures(
    ranked: NDArray[np.int32], counts: NDArray[np.integer], k: int, *, item_count: int
) -> NDArray[np.int64]:
    """Count how often each item is in the first k of a list, shape (item_count,)."""
    top = ranked[:, :k]
    filled = np.arange(top.shape[1]) < np.asarray(counts)[:, None]
    return np.bincount(top[filled], minlength=item_count)


def gini(amounts: NDArray[np.integer]) -> float:
    """Return the Gini index of amounts, not negative, with a positive sum."""
    ascending = np.sort(amounts).astype(np.float64)
    count = len(ascending)
    weighted = np.arange(1, count + 1) @ ascending
    return float(2.0 * weighted / (count * ascending.sum()) - (count + 1.0) / count)


def serendipity(
    hits: NDArray[np.bool_],
    ranked: NDArray[np.int32],
    popular: NDArray[np.int32],
    popular_counts: NDArray[np.integer],
    k: int,
    *,
    item_count: int,
) -> F64:
    """Return the share of each list of length k that is right and not obvious.

    Args:
        hits: Which ranked items are right, shape (m, at least k).
        ranked: Item numbers, best first, of the same shape.
        popular: What the popular list would have shown the same people, shape (m, p).
        popular_counts: Its filled cells, shape (m,).
        k: List length, positive.
        item_count: Bound of the item numbers.
    """
    lengths = np.minimum(np.asarray(popular_counts, dtype=np.int64), k)
    filled = np.arange(popular.shape[1]) < lengths[:, None]
    # Rows of short lists first, then ascending within a row, as targets are.
    ordered = np.sort(np.where(filled, popular, item_count), axis=1)
    obvious = Targets(np.r_[0, np.cumsum(lengths)], ordered[ordered < item_count])
    everywhere = np.full(len(ranked), min(k, ranked.shape[1]))
    known = find_hits(ranked[:, :k], everywhere, obvious, item_count=item_count)
    share: F64 = (hits[:, :k] & ~known).sum(axis=1) / k
    return share


def popularity_lift(
    ranked: NDArray[np.int32],
    counts: NDArray[np.integer],
    k: int,
    *,
    histories: CsrMatrix,
    item_users: NDArray[np.integer],
) -> F64:
    """Return how much more popular each list is than the person's own history.

    Args:
        ranked: Item numbers, best first, shape (m, at least k).
        counts: Filled cells of each row, shape (m,).
        k: List length, positive.
        histories: Items of each person, m x all items.
        item_users: Users of each item in training, shape (items,).

    Returns:
        Mean users of the list's items / mean users of the history's items - 1;
        NaN without either, shape (m,).
    """
    top, filled = _top(ranked, counts, k)
    shown = _row_means(item_users[top].astype(np.float64), filled)
    own = _csr_means(histories, item_users[histories.indices].astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        lift: F64 = np.where(own > 0, shown / own - 1.0, np.nan)
    return lift


def diversity(
    ranked: NDArray[np.int32],
    counts: NDArray[np.integer],
    k: int,
    *,
    categories: NDArray[np.int32],
) -> F64:
    """Return the share of pairs in each list of length k whose categories differ.

    Args:
        ranked: Item numbers, best first, shape (m, at least k).
        counts: Filled cells of each row, shape (m,).
        k: List length, positive.
        categories: Category of each item, -1 for unknown, shape (items,).

    Returns:
        Shape (m,), in [0, 1]; NaN with fewer than two items of known category.
    """
    rows, kinds = _kinds_of_lists(ranked, counts, k, categories)
    keys, times = _counted(rows, kinds, categories)
    width = _width(categories)
    sizes = np.bincount(rows, minlength=len(ranked)).astype(np.float64)
    alike = np.bincount(keys // width, weights=times * (times - 1.0), minlength=len(ranked))
    with np.errstate(divide="ignore", invalid="ignore"):
        spread: F64 = np.where(sizes > 1, 1.0 - alike / (sizes * (sizes - 1.0)), np.nan)
    return spread


def miscalibration(
    ranked: NDArray[np.int32],
    counts: NDArray[np.integer],
    k: int,
    *,
    histories: CsrMatrix,
    categories: NDArray[np.int32],
) -> F64:
    """Return the Kullback-Leibler divergence of each list's categories from the history's.

    Args:
        ranked: Item numbers, best first, shape (m, at least k).
        counts: Filled cells of each row, shape (m,).
        k: List length, positive.
        histories: Weights of each person's items, m x all items.
        categories: Category of each item, -1 for unknown, shape (items,).

    Returns:
        Bits, 0 where the list is spread over categories as the history is; NaN where
        either knows no category; shape (m,).
    """
    width = _width(categories)
    own_rows = expand_rows(histories.indptr)
    own_kinds = categories[histories.indices]
    known = own_kinds >= 0
    own_keys, inverse = np.unique(own_rows[known] * width + own_kinds[known], return_inverse=True)
    own = np.bincount(inverse, weights=histories.data[known], minlength=len(own_keys))
    own_owners = own_keys // width
    totals = np.bincount(own_owners, weights=own, minlength=len(ranked))
    rows, kinds = _kinds_of_lists(ranked, counts, k, categories)
    keys, times = _counted(rows, kinds, categories)
    sizes = np.bincount(rows, minlength=len(ranked))
    p = own / totals[own_owners]
    q = np.zeros(len(own_keys))
    if len(keys):
        found = np.minimum(np.searchsorted(keys, own_keys), len(keys) - 1)
        here = keys[found] == own_keys
        q[here] = times[found[here]] / sizes[own_owners[here]]
    mixed = (1.0 - SMOOTHING) * q + SMOOTHING * p
    divergence = np.bincount(own_owners, weights=p * np.log2(p / mixed), minlength=len(ranked))
    result: F64 = np.where((totals > 0) & (sizes > 0), np.maximum(divergence, 0.0), np.nan)
    return result


def price_gap(
    ranked: NDArray[np.int32],
    counts: NDArray[np.integer],
    k: int,
    *,
    histories: CsrMatrix,
    price_ranks: F64,
) -> F64:
    """Return how far each list is from the price band of the person's history.

    Args:
        ranked: Item numbers, best first, shape (m, at least k).
        counts: Filled cells of each row, shape (m,).
        k: List length, positive.
        histories: Items of each person, m x all items.
        price_ranks: Where each item's price lies among its category's, in [0, 1], NaN
            for unknown, shape (items,).

    Returns:
        Difference of the mean ranks, in [0, 1]; NaN where either knows no price.
    """
    top, filled = _top(ranked, counts, k)
    ranks = price_ranks[top]
    shown = _row_means(np.nan_to_num(ranks), filled & np.isfinite(ranks))
    gap: F64 = np.abs(shown - _csr_means(histories, price_ranks[histories.indices]))
    return gap


def _top(
    ranked: NDArray[np.int32], counts: NDArray[np.integer], k: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    top = ranked[:, :k]
    return top, np.arange(top.shape[1]) < np.asarray(counts)[:, None]


def _row_means(values: F64, used: NDArray[np.bool_]) -> F64:
    sizes = used.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        means: F64 = np.where(sizes > 0, np.where(used, values, 0.0).sum(axis=1) / sizes, np.nan)
    return means


def _csr_means(matrix: CsrMatrix, values: F64) -> F64:
    """Return the mean of each row's finite values; NaN without one."""
    rows, known = expand_rows(matrix.indptr), np.isfinite(values)
    sizes = np.bincount(rows[known], minlength=matrix.row_count)
    sums = np.bincount(rows[known], weights=values[known], minlength=matrix.row_count)
    with np.errstate(divide="ignore", invalid="ignore"):
        means: F64 = np.where(sizes > 0, sums / sizes, np.nan)
    return means


def _width(categories: NDArray[np.int32]) -> int:
    return int(categories.max(initial=-1)) + 1 or 1


def _kinds_of_lists(
    ranked: NDArray[np.int32],
    counts: NDArray[np.integer],
    k: int,
    categories: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return list and category of every shown item whose category is known."""
    top, filled = _top(ranked, counts, k)
    kinds = categories[top]
    rows, places = np.nonzero(filled & (kinds >= 0))
    return rows, kinds[rows, places]


def _counted(
    rows: NDArray[np.int64], kinds: NDArray[np.int32], categories: NDArray[np.int32]
) -> tuple[NDArray[np.int64], F64]:
    keys, times = np.unique(rows * _width(categories) + kinds, return_counts=True)
    return keys, times.astype(np.float64)
