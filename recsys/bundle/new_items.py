"""From what an item is like to a vector: how a model treats items that it does not know.

A linear map over hashed features, as two plain arrays. Features that the map does not have
add nothing; an item without any gets the vector of an average item.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]

_ITEMS_AT_ONCE: Final = 4_096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NewItemMap:
    """Vectors and priors of items from their features.

    Attributes:
        features: Hashes of the d features that count, uint64, ascending, shape (d,).
        weights: Float32, shape (d + 1, f + 1), finite: what an average item has, then what
            each feature adds; the last column is the prior.
    """

    features: NDArray[np.uint64]
    weights: F32

    @property
    def factor_count(self) -> int:
        """Length of the vectors."""
        return int(self.weights.shape[1]) - 1

    def vectors(
        self,
        indptr: NDArray[np.int64],
        hashes: NDArray[np.uint64],
        values: NDArray[np.float32],
    ) -> tuple[F32, F32]:
        """Return vectors and priors of items; each the same in any company.

        Args:
            indptr: Where each item's features begin, shape (m + 1,).
            hashes: Of the features, shape (z,).
            values: Of the features, shape (z,).

        Returns:
            Vectors, float32, shape (m, f), and priors, float32, shape (m,).
        """
        count = len(indptr) - 1
        found = np.empty((count, self.weights.shape[1]), dtype=np.float32)
        places, is_known = self.places(hashes)
        places = np.where(is_known, places, -1)
        for first in range(0, count, _ITEMS_AT_ONCE):
            stop = min(first + _ITEMS_AT_ONCE, count)
            found[first:stop] = self._sums(indptr[first : stop + 1], places, values)
        return np.ascontiguousarray(found[:, :-1]), np.ascontiguousarray(found[:, -1])

    def places(self, hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return where features are in `features`, and whether they are there at all."""
        if not len(self.features):
            return np.zeros(len(hashes), dtype=np.int64), np.zeros(len(hashes), dtype=np.bool_)
        places = np.minimum(np.searchsorted(self.features, hashes), len(self.features) - 1)
        return places, self.features[places] == hashes

    def _sums(
        self, indptr: NDArray[np.int64], places: NDArray[np.int64], values: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Add the rows of features up, the first of every item, then the second and so on.

        The order of sums is that of an item's own features, so a vector does not depend on
        which items are computed together.
        """
        sums = np.repeat(self.weights[:1].astype(np.float64), len(indptr) - 1, axis=0)
        lengths = np.diff(indptr)
        for number in range(int(lengths.max(initial=0))):
            rows = np.flatnonzero(lengths > number)
            at = indptr[rows] + number
            known = places[at] >= 0
            rows, at = rows[known], at[known]
            sums[rows] += self.weights[places[at] + 1] * values[at, np.newaxis].astype(np.float64)
        return sums


def new_items_problem(found: NewItemMap | None, factor_count: int) -> str | None:
    """Say what is wrong with the map of a bundle, or None; reads all of it."""
    if found is None:
        return None
    if found.weights.shape != (len(found.features) + 1, factor_count + 1):
        return (
            f"new items: weights of shape {found.weights.shape} for {len(found.features)} features"
        )
    if np.any(found.features[1:] <= found.features[:-1]):
        return "new items: features are not in order"
    if not np.isfinite(found.weights).all():
        return "new items: weights are not finite"
    return None
