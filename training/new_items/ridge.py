"""Ridge regression from hashed features to item vectors and priors, by conjugate gradients.

What is predicted is the expected vector of an item with these attributes, so its product
with a person's vector is the expected score: new items are drawn towards the average item
the less is known of what they are like, and need no further calibration. Popular items
count more, since what is known of them is certain.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags_array

from recsys.bundle import NewItemMap
from recsys.catalog import FeatureRows, feature_rows, items_of
from recsys.domain import ItemId
from recsys.sparse import expand_rows
from training import columns

F32 = NDArray[np.float32]

FEATURE_COUNT_MAX: Final = 200_000
"""Features that a map keeps, the most frequent ones."""

_FEATURE_ITEMS_MIN: Final = 2
_USERS_HALF: Final = 5.0
"""Users with whom an item weighs half."""
_ROUND_COUNT_MAX: Final = 60
_TOLERANCE: Final = 1e-2


def items_with_features(items: pl.DataFrame, item_ids: Sequence[str], *, now: float) -> FeatureRows:
    """Say what some items are like, as serving will say it of new ones.

    Args:
        items: With `item_id`; of its other columns those of the catalogue count, and
            `attributes.NAME`.
        item_ids: The items wanted, in their order; the table may lack some.
        now: Whose prices count, seconds since 1970-01-01 UTC.
    """
    wanted = pl.DataFrame({columns.ITEM_ID: pl.Series(item_ids, dtype=pl.String)})
    known = items.with_columns(pl.col(columns.ITEM_ID).cast(pl.String)).unique(
        columns.ITEM_ID, keep="first", maintain_order=True
    )
    joined = wanted.join(known, on=columns.ITEM_ID, how="left", maintain_order="left")
    rows = (
        {name: value for name, value in row.items() if value is not None}
        for row in joined.iter_rows(named=True)
    )
    found = items_of(rows, source="items")
    return feature_rows(((ItemId(one.item_id), one.item) for one in found), now=now)


def fit_map(
    features: FeatureRows,
    targets: F32,
    *,
    item_users: NDArray[np.int64],
    regularization: float,
    start: NewItemMap | None = None,
) -> NewItemMap:
    """Learn what features add to vectors and priors.

    Args:
        features: Of n items.
        targets: Their vectors, and their priors in the last column, shape (n, f + 1).
        item_users: Users of each, shape (n,); items without any count nothing.
        regularization: Pull of what a feature adds towards 0, positive.
        start: A map of the same features to start from; it makes no difference but to time.
    """
    weights = (item_users / (item_users + _USERS_HALF)).astype(np.float32)
    names, matrix = _matrix(features, weights > 0)
    mean = (weights @ targets.astype(np.float64) / weights.sum(dtype=np.float64)).astype(np.float32)
    weighted = diags_array(weights).tocsr().astype(np.float32) @ matrix
    back = weighted.T.tocsr()
    first = None
    if start is not None and np.array_equal(start.features, names):
        first = start.weights[1:]
    found = _solved(matrix, back, back @ (targets - mean), regularization, first)
    return NewItemMap(features=names, weights=np.concatenate([mean[np.newaxis], found]))


def _matrix(
    features: FeatureRows, counts: NDArray[np.bool_]
) -> tuple[NDArray[np.uint64], csr_matrix]:
    """Return the features that are kept, and items x features."""
    owners = expand_rows(features.indptr)
    names, where = np.unique(features.hashes, return_inverse=True)
    sizes = np.bincount(where[counts[owners]], minlength=len(names))
    frequent = np.flatnonzero(sizes >= _FEATURE_ITEMS_MIN)
    if len(frequent) > FEATURE_COUNT_MAX:
        order = np.argsort(-sizes[frequent], kind="stable")[:FEATURE_COUNT_MAX]
        frequent = np.sort(frequent[order])
    place = np.full(len(names), -1, dtype=np.int64)
    place[frequent] = np.arange(len(frequent))
    kept = place[where] >= 0
    matrix = csr_matrix(
        (features.values[kept], (owners[kept], place[where][kept])),
        shape=(len(features.indptr) - 1, len(frequent)),
        dtype=np.float32,
    )
    return names[frequent], matrix


def _solved(
    matrix: csr_matrix, back: csr_matrix, right: F32, ridge: float, first: F32 | None
) -> F32:
    """Solve (back matrix + ridge I) x = right for all columns at the same time."""
    diagonal = np.asarray(back.multiply(matrix.T).sum(axis=1), dtype=np.float32)
    scale = np.reciprocal(diagonal.reshape(-1, 1) + np.float32(ridge))  # Jacobi's preconditioner.

    def times(x: F32) -> F32:
        product: F32 = back @ (matrix @ x) + np.float32(ridge) * x
        return product

    solved = np.zeros_like(right) if first is None else first.copy()
    rest = right - times(solved) if first is not None else right.copy()
    bound = _TOLERANCE * np.maximum(np.linalg.norm(right, axis=0), np.finfo(np.float32).tiny)
    ready = scale * rest
    direction = ready.copy()
    product = np.einsum("ij,ij->j", rest, ready)
    for _ in range(_ROUND_COUNT_MAX):
        if np.all(np.linalg.norm(rest, axis=0) <= bound):
            break
        moved = times(direction)
        length = np.einsum("ij,ij->j", direction, moved)
        step = np.divide(product, length, out=np.zeros_like(product), where=length > 0)
        solved += step * direction
        rest -= step * moved
        ready = scale * rest
        before, product = product, np.einsum("ij,ij->j", rest, ready)
        ratio = np.divide(product, before, out=np.zeros_like(product), where=before > 0)
        direction = ready + ratio * direction
    return solved
