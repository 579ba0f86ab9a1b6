"""Ranking metrics, one value per user, vectorised. Definitions are in docs/evaluate.md.

Ranked lists are matrices of item numbers whose row r is filled up to `counts[r]`;
cells beyond it hold anything and count as nothing. Targets are sorted pairs of
list and item.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


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
