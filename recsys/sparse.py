"""Compressed sparse rows as three plain arrays, without SciPy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class CsrMatrix:
    """A sparse matrix whose rows can be sliced and memory-mapped.

    Attributes:
        indptr: Where each row begins, int64, shape (rows + 1,), from 0, never falling.
        indices: Columns, int32, shape (z,).
        data: Values, float32, shape (z,).
    """

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[np.float32]

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.indptr) - 1

    def row(self, row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return columns and values of one row, as views."""
        start, stop = self.indptr[row], self.indptr[row + 1]
        return self.indices[start:stop], self.data[start:stop]

    def problem(self, *, column_count: int) -> str | None:
        """Say what is wrong with the arrays, or None; reads everything once."""
        indptr, indices = self.indptr, self.indices
        if len(indptr) == 0 or indptr[0] != 0 or indptr[-1] != len(indices):
            return "row pointers do not span the indices"
        if len(indices) != len(self.data):
            return f"{len(indices)} indices but {len(self.data)} values"
        if np.any(np.diff(indptr) < 0):
            return "row pointers fall"
        if len(indices) and (indices.min() < 0 or indices.max() >= column_count):
            return f"indices outside 0 to {column_count - 1}"
        if not np.isfinite(self.data).all():
            return "values are not finite"
        return None
