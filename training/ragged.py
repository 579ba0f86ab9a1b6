"""Rows of different lengths as flat arrays: the few operations that NumPy lacks."""

import numpy as np
from numpy.typing import NDArray

from recsys.sparse import CsrMatrix, row_pointers


def positions_of_rows(
    indptr: NDArray[np.int64], rows: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Say where the entries of some rows are.

    Args:
        indptr: Row pointers, shape (m + 1,).
        rows: Rows wanted, in any order, with or without repeats, shape (r,).

    Returns:
        New row pointers, shape (r + 1,), and positions of the entries, row by row.
    """
    starts = indptr[rows]
    lengths = indptr[np.asarray(rows) + 1] - starts
    taken = row_pointers(lengths)
    return taken, np.arange(taken[-1]) + np.repeat(starts - taken[:-1], lengths)


def take_rows(matrix: CsrMatrix, rows: NDArray[np.integer]) -> CsrMatrix:
    """Return some rows of a sparse matrix, in the order asked for."""
    indptr, positions = positions_of_rows(matrix.indptr, rows)
    return CsrMatrix(indptr, matrix.indices[positions], matrix.data[positions])


def csr_from_pairs(
    *,
    rows: NDArray[np.integer],
    columns: NDArray[np.integer],
    values: NDArray[np.float32],
    row_count: int,
) -> CsrMatrix:
    """Build a sparse matrix.

    Args:
        rows: Rows in [0, row_count), ascending, shape (z,).
        columns: Columns, ascending within a row, shape (z,).
        values: Values, shape (z,).
        row_count: Number of rows.
    """
    lengths = np.bincount(rows, minlength=row_count)
    return CsrMatrix(
        row_pointers(lengths),
        columns.astype(np.int32, copy=False),
        values.astype(np.float32, copy=False),
    )
