"""Ranking metrics, one value per user, vectorised. Definitions are in docs/train.md.

Ranked lists are matrices of item numbers whose row r is filled up to `counts[r]`;
cells beyond it hold anything and count as nothing. Targets are sorted pairs of
list and item.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]

_RESAMPLE_CELLS_MAX = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What each user should have been shown.

    Attributes:
        indptr: Where each user's items begin, int64, shape (m + 1,).
        items: Item numbers, ascending and unique within a user, int32.
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Targets per user, shape (m,)."""
        return np.diff(self.indptr)


def find_hits(
    ranked: NDArray[np.int32], counts: NDArray[np.integer], targets: Targets, *, item_count: int
) -> NDArray[np.bool_]:
    """Say which ranked items are targets.

    Args:
        ranked: Item numbers in [0, item_count), best first, shape (m, k).
        counts: Filled cells of each row, shape (m,).
        targets: Targets of the m users.
        item_count: Bound of the item numbers.

    Returns:
        Shape (m, k); False beyond `counts`.
    """
    user_count, list_length = ranked.shape
    filled = np.arange(list_length) < np.asarray(counts)[:, None]
    owners = np.repeat(np.arange(user_count, dtype=np.int64), targets.counts)
    wanted = owners * item_count + targets.items
    keys = np.arange(user_count, dtype=np.int64)[:, None] * item_count + ranked
    keys[~filled] = -1
    if not len(wanted):
        return np.zeros(ranked.shape, dtype=np.bool_)
    found = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
    hits: NDArray[np.bool_] = (wanted[found] == keys) & filled
    return hits


def accuracy(hits: NDArray[np.bool_], target_counts: NDArray[np.integer], k: int) -> dict[str, F64]:
    """Measure lists of length k.

    Args:
        hits: As `find_hits` returns, shape (m, at least k or the whole catalogue).
        target_counts: Targets of each user, positive, shape (m,).
        k: List length, positive.

    Returns:
        Values per user, shape (m,), in [0, 1], by metric:
        `recall` found targets / all targets;
        `ndcg` binary gains, 1 / log2(rank + 1), over the best possible list;
        `map` precision at each hit, summed, / min(targets, k);
        `hit_rate` 1 if anything was found;
        `mrr` 1 / rank of the first hit, 0 without.
    """
    top = hits[:, :k]
    ranks = np.arange(1, top.shape[1] + 1)
    gains = 1.0 / np.log2(np.arange(1, k + 1) + 1.0)
    reachable = np.minimum(target_counts, k)
    found = top.sum(axis=1)
    precision = np.cumsum(top, axis=1) / ranks
    first = np.where(found > 0, top.argmax(axis=1) + 1, 1)
    return {
        "recall": found / target_counts,
        "ndcg": top @ gains[: top.shape[1]] / np.cumsum(gains)[reachable - 1],
        "map": (precision * top).sum(axis=1) / reachable,
        "hit_rate": (found > 0).astype(np.float64),
        "mrr": (found > 0) / first,
    }


def beyond_accuracy(
    ranked: NDArray[np.int32],
    counts: NDArray[np.integer],
    k: int,
    *,
    item_users: NDArray[np.integer],
    user_count: int,
) -> dict[str, float]:
    """Describe what lists of length k show, whether right or wrong.

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


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def bootstrap(
    values: Mapping[str, F64], *, count: int, rng: np.random.Generator
) -> dict[str, Interval]:
    """Estimate means with percentile intervals, resampling users.

    All values use the same resamples, so the interval of a difference between two
    models is that of the paired difference.

    Args:
        values: Values per user by name, each of shape (m,), m positive.
        count: Resamples, positive.
        rng: Source of the resamples.
    """
    names: Sequence[str] = list(values)
    table = np.stack([values[name] for name in names])
    user_count = table.shape[1]
    means = np.empty((count, len(names)))
    block = max(1, _RESAMPLE_CELLS_MAX // user_count)
    for start in range(0, count, block):
        rows = min(block, count - start)
        drawn = rng.integers(user_count, size=(rows, user_count), dtype=np.int32)
        # How often each user was drawn; one product then serves every metric.
        offsets = np.arange(rows, dtype=np.int64)[:, None] * user_count
        times = np.bincount((drawn + offsets).ravel(), minlength=rows * user_count)
        means[start : start + rows] = times.reshape(rows, user_count) @ table.T / user_count
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    return {
        name: Interval(float(table[row].mean()), float(low[row]), float(high[row]))
        for row, name in enumerate(names)
    }
