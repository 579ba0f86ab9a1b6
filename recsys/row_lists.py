"""Lists of item rows per query: what goes into the core and what comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring
from recsys.arrays import InvalidArray, RowOutOfRange, check_array
from recsys.sparse import CsrMatrix, row_pointers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankedRows:
    """Ranked items of m queries. Lists are short rather than padded.

    Attributes:
        items: Item rows, int32, shape (m, min(k, n)). Cells from `counts[i]` on
            in row i hold nothing and must not be read.
        scores: Their scores, float64, same shape, descending within `counts[i]`.
        counts: How many there are, int32, shape (m,).
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float64]
    counts: NDArray[np.int32]

    def row(self, query: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return item rows and scores of one query, best first, as views."""
        count = self.counts[query]
        return self.items[query, :count], self.scores[query, :count]


@dataclass(frozen=True, slots=True, eq=False)
class RaggedRows:
    """A list of item rows for each of m queries.

    Attributes:
        indptr: Where each list begins, int64, shape (m + 1,), from 0, never falling.
        rows: Item rows, int32, shape (z,); repeats are harmless.
    """

    indptr: NDArray[np.int64]
    rows: NDArray[np.int32]

    @classmethod
    def of(cls, lists: Sequence[NDArray[np.integer]]) -> Self:
        """Lay lists out, one after the other."""
        rows = np.concatenate([*lists, np.empty(0, dtype=np.int32)], dtype=np.int32)
        return cls(row_pointers([len(one) for one in lists]), rows)

    @classmethod
    def one(cls, rows: NDArray[np.integer]) -> Self:
        """Return the list of a single query."""
        indptr = np.array([0, len(rows)], dtype=np.int64)
        return cls(indptr, rows.astype(np.int32, copy=False))


def row_error(
    lists: CsrMatrix | RaggedRows, *, argument: str, query: int, item_count: int
) -> InvalidArray | RowOutOfRange:
    """Say which row of a query's list the core stumbled over."""
    indptr = lists.indptr
    rows = lists.indices if isinstance(lists, CsrMatrix) else lists.rows
    start, stop = int(indptr[query]), int(indptr[query + 1])
    if not 0 <= start <= stop <= len(rows):
        found = f"a list from {start} to {stop} for query {query}"
        return InvalidArray(argument=argument, found=found, allowed=f"0 to {len(rows)}, rising")
    outside = (row for row in rows[start:stop].tolist() if not 0 <= row < item_count)
    return RowOutOfRange(argument=argument, row=next(outside), item_count=item_count)


def broken_item_item() -> InvalidArray:
    """Say that an item-item part which nobody verified is not one."""
    return InvalidArray(
        argument="item_item",
        found="not what was published",
        allowed="finite values and rows within its bounds",
    )


def check_csr(matrix: CsrMatrix, *, argument: str, row_count: int | None) -> None:
    """Refuse arrays of another dtype or length; values are the core's to check.

    Raises:
        InvalidArray: An array is not what it must be.
    """
    pointer_count = None if row_count is None else row_count + 1
    check_array(
        matrix.indptr, argument=f"{argument}.indptr", dtype=np.int64, shape=(pointer_count,)
    )
    check_array(matrix.indices, argument=f"{argument}.indices", dtype=np.int32, shape=(None,))
    check_array(
        matrix.data, argument=f"{argument}.data", dtype=np.float32, shape=(len(matrix.indices),)
    )


def check_ragged(ragged: RaggedRows, *, argument: str, query_count: int) -> None:
    """Refuse arrays of another dtype or length, as `check_csr`.

    Raises:
        InvalidArray: An array is not what it must be.
    """
    check_array(
        ragged.indptr, argument=f"{argument}.indptr", dtype=np.int64, shape=(query_count + 1,)
    )
    check_array(ragged.rows, argument=f"{argument}.rows", dtype=np.int32, shape=(None,))


def compiled_lists(lists: CsrMatrix | RaggedRows, start: int, stop: int) -> _scoring.Ragged:
    """Hand the lists of queries `start` to `stop` to the core."""
    indptr = lists.indptr[start : stop + 1]
    if isinstance(lists, CsrMatrix):
        return _scoring.Ragged(indptr, lists.indices, lists.data)
    return _scoring.Ragged(indptr, lists.rows)
