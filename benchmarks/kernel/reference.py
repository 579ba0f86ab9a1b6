"""The true answers: float64 scores in the documented order of summation, then a full sort.

A float64 matrix product finds whatever could be among the best k, with a margin that
covers its own rounding many times over; only those are then scored in the fixed order.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
_BLOCK = 65_536


@dataclass(frozen=True, slots=True)
class Truth:
    """The exact answers of some queries.

    Attributes:
        rows: Best first, shape (m, k).
        scores: Float64, shape (m, k).
    """

    rows: NDArray[np.int64]
    scores: F64

    def mismatches(self, rows: NDArray[np.int64], scores: F64) -> int:
        """Queries whose answer differs in any row or any bit of any score."""
        same = (rows == self.rows).all(axis=1) & (scores == self.scores).all(axis=1)
        return int(np.count_nonzero(~same))

    def recall(self, rows: NDArray[np.int64]) -> float:
        """Share of the true rows that were found."""
        k = int(self.rows.shape[1])
        found: list[int] = [
            len(set(one[:k]) & set(true)) for one, true in zip(rows, self.rows, strict=True)
        ]
        return sum(found) / (k * len(found))


@lru_cache(maxsize=16)
def truth(
    folder: Path, *, k: int, query_count: int, mask: str | None = None, with_history: bool = False
) -> Truth:
    """Rank some queries of a data set exactly; remembers what was asked last."""
    items: F32 = np.load(folder / "items.npy", mmap_mode="r")
    queries: F32 = np.load(folder / "queries.npy")[:query_count]
    scores = _roughly(items, queries)
    links = np.zeros((1, len(items)))
    if with_history:
        links = np.stack([_link_scores(folder, query, len(items)) for query in range(query_count)])
        scores += links
    if mask is not None:
        bitmap = np.load(folder / f"mask-{mask}.npy")
        scores[:, np.unpackbits(bitmap, count=len(items), bitorder="little") == 0] = -np.inf
    norms = np.sqrt(np.einsum("ij,ij->i", items, items).max())
    margins = 1e-6 * (norms * np.linalg.norm(queries, axis=1) + np.abs(links).max())
    best_rows, best_scores = [], []
    for query, rough in enumerate(scores):
        assert np.count_nonzero(np.isfinite(rough)) >= k, "fewer are allowed than are asked for"
        least = np.partition(rough, len(rough) - k)[len(rough) - k]
        rows = np.flatnonzero(rough >= least - margins[query])
        exact = _dots(items[rows], queries[query]) + links[query % len(links)][rows]
        order = np.lexsort((rows, -exact))[:k]
        best_rows.append(rows[order])
        best_scores.append(exact[order])
    return Truth(np.array(best_rows), np.array(best_scores))


def _roughly(items: F32, queries: F32) -> F64:
    scores = np.empty((len(queries), len(items)))
    wide = queries.astype(np.float64)
    for start in range(0, len(items), _BLOCK):
        block = slice(start, start + _BLOCK)
        scores[:, block] = wide @ items[block].astype(np.float64).T
    return scores


def _dots(items: F32, query: F32) -> F64:
    """Factor j goes to lane j mod 8; products of float32 are exact in float64."""
    products = items.astype(np.float64) * query.astype(np.float64)
    lanes = np.zeros((len(items), 8))
    for factor in range(products.shape[1]):
        lanes[:, factor % 8] += products[:, factor]
    first = (lanes[:, 0] + lanes[:, 4]) + (lanes[:, 2] + lanes[:, 6])
    second = (lanes[:, 1] + lanes[:, 5]) + (lanes[:, 3] + lanes[:, 7])
    total: F64 = first + second
    return total


def _link_scores(folder: Path, query: int, item_count: int) -> F64:
    """Term by term in the order of the history and of each row's entries."""
    rows = np.load(folder / "history-rows.npy", mmap_mode="r")[query]
    weights = np.load(folder / "history-weights.npy", mmap_mode="r")[query]
    indices = np.load(folder / "links-indices.npy", mmap_mode="r")
    data = np.load(folder / "links-data.npy", mmap_mode="r")
    sums = np.zeros(item_count)
    for row, weight in zip(rows, weights, strict=True):
        np.add.at(sums, indices[row], float(weight) * data[row].astype(np.float64))
    return sums
