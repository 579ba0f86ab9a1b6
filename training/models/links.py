"""The friendly face of the compiled item-item core: rows made in slices, pruned at once.

Row h of the matrix holds what an item h of the history adds to the scores of
others. Rows keep their best columns, so pruning is by history item; pruning by
candidate costs far more quality for the same size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from recsys.sparse import CsrMatrix, expand_rows, row_pointers
from training import _item_item
from training.models.parallel import SLICES_PER_THREAD, even_slices, in_parallel, thread_count
from training.ragged import csr_from_pairs

F32 = NDArray[np.float32]

_SLICE_CELLS_MAX = 2**24


class _Rows(Protocol):
    """Either of the compiled row makers."""

    def rows(
        self,
        first: int,
        row_scale: F32,
        column_scale: F32,
        measure: int,
        total: float,
        out_counts: NDArray[np.int32],
        out_columns: NDArray[np.int32],
        out_values: F32,
    ) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measure:
    """How sums of co-occurrences become values.

    Attributes:
        row_scale: Factor by history item (or its total), float32, shape (n,).
        column_scale: Factor by candidate (or its total), float32, shape (n,).
        is_surprise: Whether the value is the log-likelihood ratio of the pair (Dunning
            1993) out of the totals rather than sum x factor x factor.
        total: Users in all, of whom the totals are counts.
    """

    row_scale: F32
    column_scale: F32
    is_surprise: bool = False
    total: float = 0.0


def make_links(
    maker: _Rows, measure: Measure, *, neighbours: int, work: NDArray[np.integer]
) -> CsrMatrix:
    """Make all rows, in parallel; the same bits for any number of threads.

    Args:
        maker: `_item_item.Products` or `_item_item.Pairs`.
        measure: What becomes of the sums.
        neighbours: Largest entries kept of each row, positive.
        work: Additions that each row takes, roughly, shape (n,).

    Returns:
        Shape (n, n), positive finite values, no diagonal, columns ascending.
    """
    keep = min(neighbours, len(measure.column_scale))
    threads = thread_count()

    def make(start: int, stop: int) -> tuple[NDArray[np.int32], NDArray[np.int32], F32]:
        counts = np.zeros(stop - start, dtype=np.int32)
        columns = np.empty((stop - start, keep), dtype=np.int32)
        values = np.empty((stop - start, keep), dtype=np.float32)
        kind = _item_item.MEASURE_LLR if measure.is_surprise else _item_item.MEASURE_POWER
        maker.rows(
            start,
            measure.row_scale,
            measure.column_scale,
            kind,
            measure.total,
            counts,
            columns,
            values,
        )
        filled = np.arange(keep) < counts[:, None]
        return counts, columns[filled], values[filled]

    # Outputs of a slice are as long as all rows full; bound them.
    count = max(threads * SLICES_PER_THREAD, -(-len(work) * keep // _SLICE_CELLS_MAX))
    parts = in_parallel(make, even_slices(work, count=count), threads=threads)
    return CsrMatrix(
        row_pointers(np.concatenate([part[0] for part in parts])),
        np.concatenate([part[1] for part in parts]),
        np.concatenate([part[2] for part in parts]),
    )


def products(sources: CsrMatrix, targets: CsrMatrix, *, item_count: int) -> _item_item.Products:
    """Make the rows of sources^T targets; both are users x items, positive."""
    starts, users, values = transposed(sources, column_count=item_count)
    return _item_item.Products(starts, users, values, targets.indptr, targets.indices, targets.data)


def product_work(sources: CsrMatrix, targets: CsrMatrix, *, item_count: int) -> NDArray[np.int64]:
    """Count the additions of each row of sources^T targets, shape (n,)."""
    lengths = np.diff(targets.indptr)[expand_rows(sources.indptr)]
    return np.bincount(sources.indices, weights=lengths, minlength=item_count).astype(np.int64)


def transposed(
    matrix: CsrMatrix, *, column_count: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], F32]:
    """Return starts, rows and values by column; rows ascend within a column."""
    order = np.argsort(matrix.indices, kind="stable")
    rows = expand_rows(matrix.indptr)[order].astype(np.int32)
    starts = row_pointers(np.bincount(matrix.indices, minlength=column_count))
    return starts, rows, np.ascontiguousarray(matrix.data[order])


def with_diagonal(matrix: CsrMatrix, own: NDArray[np.floating]) -> CsrMatrix:
    """Add links of items to themselves, shape (n,); the diagonal must be empty."""
    count = matrix.row_count
    # Entries are in order already, so that the new ones have a place each.
    places = np.searchsorted(
        expand_rows(matrix.indptr) * count + matrix.indices, np.arange(count) * (count + 1)
    )
    return CsrMatrix(
        matrix.indptr + np.arange(count + 1),
        np.insert(matrix.indices, places, np.arange(count, dtype=np.int32)),
        np.insert(matrix.data, places, own.astype(np.float32)),
    )


def summed_links(parts: Sequence[tuple[CsrMatrix, float]], *, neighbours: int) -> CsrMatrix | None:
    """Add scaled item-item rows up and keep the largest amounts of each row."""
    if not parts:
        return None
    count = parts[0][0].row_count
    total = sum(
        (
            scipy.sparse.csr_matrix(
                (matrix.data * np.float32(scale), matrix.indices, matrix.indptr), (count, count)
            )
            for matrix, scale in parts[1:]
        ),
        start=scipy.sparse.csr_matrix(
            (parts[0][0].data * np.float32(parts[0][1]), parts[0][0].indices, parts[0][0].indptr),
            (count, count),
        ),
    )
    total.sort_indices()
    whole = CsrMatrix(total.indptr.astype(np.int64), total.indices.astype(np.int32), total.data)
    return _largest(whole, neighbours=neighbours)


def _largest(matrix: CsrMatrix, *, neighbours: int) -> CsrMatrix:
    """Keep the largest amounts of each row; of equal ones the first columns."""
    starts, amounts = matrix.indptr, np.abs(matrix.data)
    kept = np.ones(len(amounts), dtype=np.bool_)
    for row in np.flatnonzero(np.diff(starts) > neighbours):
        mine = slice(starts[row], starts[row + 1])
        values = amounts[mine]
        least = np.partition(values, len(values) - neighbours)[len(values) - neighbours]
        above = values > least
        ties = np.flatnonzero(values == least)[: neighbours - np.count_nonzero(above)]
        above[ties] = True
        kept[mine] = above
    if kept.all():
        return matrix
    return csr_from_pairs(
        rows=expand_rows(starts)[kept],
        columns=matrix.indices[kept],
        values=matrix.data[kept],
        row_count=matrix.row_count,
    )


def power(counts: NDArray[Any], exponent: float) -> F32:
    """Return counts ** -exponent, 0 where the count is 0; any real dtype, not negative."""
    scale = np.zeros(len(counts), dtype=np.float64)
    there = counts > 0
    scale[there] = np.asarray(counts, dtype=np.float64)[there] ** -exponent
    powers: F32 = scale.astype(np.float32)
    return powers
