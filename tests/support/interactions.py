"""Interactions for trainers, from lines or from a dense matrix."""

from collections.abc import Iterable

import numpy as np

from recsys.domain import EventType
from recsys.sparse import CsrMatrix
from training.models import Interactions, Lines

BUY = EventType.PURCHASE_COMPLETE


def interactions(
    lines: Iterable[tuple[int, int, float]],
    *,
    item_count: int,
    types: Iterable[EventType] | None = None,
) -> Interactions:
    """Make interactions of (user, item, time) lines of weight 1."""
    rows = list(lines)
    kinds = [BUY] * len(rows) if types is None else list(types)
    order = sorted(range(len(rows)), key=lambda number: rows[number])
    users = np.array([rows[number][0] for number in order], dtype=np.int32)
    items = np.array([rows[number][1] for number in order], dtype=np.int32)
    made = Lines(
        users=users,
        items=items,
        weights=np.ones(len(rows)),
        type_codes=np.array([kinds[number].code for number in order], dtype=np.uint8),
        times=np.array([rows[number][2] for number in order]),
    )
    dense = np.zeros((users.max() + 1, item_count), dtype=np.float32)
    np.add.at(dense, (users, items), 1.0)
    return from_dense(dense, lines=made)


def from_dense(dense: np.ndarray, lines: Lines | None = None) -> Interactions:
    """Make interactions of a dense matrix of weights."""
    indptr = np.r_[0, np.cumsum((dense > 0).sum(axis=1))].astype(np.int64)
    owners, columns = np.nonzero(dense > 0)
    return Interactions(
        weights=CsrMatrix(indptr, columns.astype(np.int32), dense[owners, columns]),
        item_count=dense.shape[1],
        popularity=dense.sum(axis=0).astype(np.float64),
        lines=None if lines is None else lambda: lines,
    )


def dense_of(matrix: CsrMatrix, column_count: int) -> np.ndarray:
    """Fill a dense matrix."""
    dense = np.zeros((matrix.row_count, column_count))
    for row in range(matrix.row_count):
        columns, values = matrix.row(row)
        assert np.all(np.diff(columns) > 0)
        dense[row, columns] = values
    return dense
