"""Compressed sparse rows as three plain arrays, without SciPy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

_NO_COLUMNS: Final = np.empty(0, dtype=np.int32)
_NO_VALUES: Final = np.empty(0, dtype=np.float32)


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

    @classmethod
    def of(
        cls, columns: Sequence[NDArray[np.int32]], values: Sequence[NDArray[np.float32]]
    ) -> Self:
        """Lay rows out, one after the other.

        Args:
            columns: Of each row.
            values: Of each row, as long as its columns.
        """
        return cls(
            row_pointers([len(one) for one in columns]),
            np.concatenate([*columns, _NO_COLUMNS], dtype=np.int32),
            np.concatenate([*values, _NO_VALUES], dtype=np.float32),
        )

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


def row_pointers(lengths: NDArray[np.integer] | Sequence[int]) -> NDArray[np.int64]:
    """Return where each row begins, shape (rows + 1,), from the rows' lengths."""
    indptr = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=indptr[1:])
    return indptr


def expand_rows(indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the row of every entry, shape (z,), from where each row begins."""
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
