"""The friendly face of the compiled core: exact top-k and fold-in.

    Scorer(item_count=..., item_factors=...).top_k(user_vectors, k)   who gets what
    FoldIn(item_factors=..., gram=..., config=...).solve(rows, weights)   who they are

`docs/kernel.md` states the contract. This module validates, allocates, slices
batches over threads and raises; `recsys._scoring` only computes.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring, limits
from recsys.arrays import (
    InvalidArray,
    NotFinite,
    RowOutOfRange,
    check_array,
    check_count,
)
from recsys.bundle import Bundle
from recsys.fold_in import FoldIn, SingularSystem
from recsys.slices import in_slices
from recsys.sparse import CsrMatrix

__all__ = ["FoldIn", "RaggedRows", "RankedRows", "Scorer", "SingularSystem"]

F32 = NDArray[np.float32]

_HEAD_COUNT = 128
"""Rows of largest norm that are scored first: they raise the threshold early."""


_CODE_BYTES_MAX = 2**24
"""Most bytes of 8-bit codes: each process holds its own, unlike the mapped factors."""

_GROUP = 16
_QUAD = 4


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


class Scorer:
    """Ranks the items of one model. Immutable; share it between threads.

    One additive score: the dot product of user vector and item factors, plus
    the item-item values of the query's history times their weights, plus the
    item's prior. Parts that the scorer lacks count 0, and an item without any
    of them ranks with score 0.
    """

    def __init__(
        self,
        *,
        item_count: int,
        item_factors: F32 | None,
        prior: F32 | None = None,
        item_item: CsrMatrix | None = None,
    ) -> None:
        """Prepare the arrays, reading each once; they are kept, not copied.

        Args:
            item_count: Number of items n, 0 to 2^31 - 1.
            item_factors: Shape (n, f), 1 <= f <= 1024, C-contiguous, finite; or None.
            prior: Shape (n,), finite; or None.
            item_item: Square (n, n), finite; or None. Row h holds what an item in
                the history contributes to the others.

        Raises:
            InvalidArray: Wrong dtype, shape or layout.
            NotFinite: NaN or infinity.
            CountOutOfRange: Too many items or factors.
        """
        if item_item is not None:
            _check_csr(item_item, argument="item_item", row_count=item_count)
            problem = item_item.problem(column_count=item_count)
            if problem is not None:
                raise InvalidArray(argument="item_item", found=problem, allowed="a finite CSR")
        self._prepare(item_count, item_factors, prior, item_item)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> Self:
        """Prepare a verified bundle's arrays.

        The item-item part is not read: what a query touches of it is checked then.

        Raises:
            NotFinite: A factor or prior is NaN or infinite.
        """
        scorer = cls.__new__(cls)
        scorer._prepare(len(bundle.items), bundle.item_factors, bundle.prior, bundle.item_item)
        return scorer

    def _prepare(
        self, item_count: int, item_factors: F32 | None, prior: F32 | None, links: CsrMatrix | None
    ) -> None:
        check_count(item_count, argument="item_count", count_min=0, count_max=limits.ITEM_COUNT_MAX)
        self.item_count = item_count
        self.factor_count = 0
        prior_max = 0.0 if prior is None else _largest_prior(prior, item_count)
        norms, head, codes = None, None, None
        if item_factors is not None:
            check_array(
                item_factors, argument="item_factors", dtype=np.float32, shape=(item_count, None)
            )
            self.factor_count = _factor_count(item_factors)
            norms = _row_norms(item_factors)
            head = _largest(norms, min(_HEAD_COUNT, item_count // 16))
            if 0 < item_factors.size <= _CODE_BYTES_MAX:
                codes = _encode(item_factors, norms, prior)
        self._table = _scoring.ItemTable(
            item_count=item_count,
            factors=item_factors,
            norms=norms,
            norm_max=0.0 if norms is None else float(norms.max(initial=0.0)),
            prior=prior,
            prior_max=prior_max,
            head=head,
            codes=codes,
            link_starts=None if links is None else links.indptr,
            link_items=None if links is None else links.indices,
            link_values=None if links is None else links.data,
        )

    def top_k(
        self,
        user_vectors: F32 | None,
        k: int,
        *,
        history: CsrMatrix | None = None,
        allowed: NDArray[np.uint8] | None = None,
        excluded: RaggedRows | None = None,
        threads: int = 1,
    ) -> RankedRows:
        """Rank the best items of each query, exactly.

        Args:
            user_vectors: Shape (m, f), C-contiguous, finite; None if the scorer
                has no factors (m then comes from `history`, else from `excluded`,
                else it is 1).
            k: Items wanted per query, 0 and above.
            history: Row i holds the item rows (columns) and weights (data) of
                query i, finite; used by the item-item part.
            allowed: Which items may appear, as bits: item i is bit i%8 of byte
                i//8, shape (ceil(n/8),) for all queries or (m, ceil(n/8)).
            excluded: Item rows that may not appear, per query.
            threads: Slices of a batch to compute at the same time, 1 to 256.

        Raises:
            InvalidArray, CountOutOfRange, RowOutOfRange, NotFinite: An argument
                is wrong; the message names it.
        """
        query_count = self._check_queries(user_vectors, history, excluded)
        check_count(k, argument="k", count_min=0, count_max=2**31 - 1)
        if allowed is not None:
            allowed = self._check_allowed(allowed, query_count)
        if excluded is not None:
            _check_ragged(excluded, argument="excluded", query_count=query_count)
        width = min(k, self.item_count)
        ranked = RankedRows(
            items=np.zeros((query_count, width), dtype=np.int32),
            scores=np.zeros((query_count, width), dtype=np.float64),
            counts=np.zeros(query_count, dtype=np.int32),
        )

        def rank(start: int, stop: int) -> None:
            whole = stop - start == query_count
            part = slice(start, stop)
            fault = self._table.top_k(
                user_vectors if whole or user_vectors is None else user_vectors[part],
                _ragged(history, start, stop),
                allowed if allowed is None or len(allowed) == 1 else allowed[part],
                _ragged(excluded, start, stop),
                ranked.items[part],
                ranked.scores[part],
                ranked.counts[part],
            )
            if fault is not None:
                self._raise_fault(fault, start, history=history, rows=excluded)

        work = self.item_count * max(self.factor_count, 1)
        in_slices(rank, count=query_count, work_per_query=work, threads=threads)
        return ranked

    def score(
        self, user_vectors: F32 | None, rows: RaggedRows, *, history: CsrMatrix | None = None
    ) -> NDArray[np.float64]:
        """Score given items, bit for bit as `top_k` does; masks play no part.

        Args:
            user_vectors: As in `top_k`.
            rows: The item rows to score, per query; any order, repeats allowed.
            history: As in `top_k`.

        Returns:
            The score of each of `rows.rows`, shape (z,).

        Raises:
            InvalidArray, RowOutOfRange, NotFinite: As `top_k`.
        """
        query_count = self._check_queries(user_vectors, history, rows)
        _check_ragged(rows, argument="rows", query_count=query_count)
        scores = np.zeros(len(rows.rows), dtype=np.float64)
        fault = self._table.score(
            user_vectors,
            _ragged(history, 0, query_count),
            _ragged(rows, 0, query_count),
            scores,
        )
        if fault is not None:
            self._raise_fault(fault, 0, history=history, rows=rows)
        return scores

    def _check_queries(
        self, user_vectors: F32 | None, history: CsrMatrix | None, rows: RaggedRows | None
    ) -> int:
        query_count = 1
        if history is not None:
            query_count = history.row_count
        elif rows is not None:
            query_count = len(rows.indptr) - 1
        if user_vectors is not None:
            check_array(
                user_vectors,
                argument="user_vectors",
                dtype=np.float32,
                shape=(None, self.factor_count),
            )
            query_count = len(user_vectors)
        elif self.factor_count:
            raise InvalidArray(
                argument="user_vectors",
                found="None",
                allowed=f"C-contiguous float32 (any, {self.factor_count})",
            )
        if history is not None:
            _check_csr(history, argument="history", row_count=query_count)
        return query_count

    def _check_allowed(self, allowed: NDArray[np.uint8], query_count: int) -> NDArray[np.uint8]:
        byte_count = (self.item_count + 7) // 8
        if isinstance(allowed, np.ndarray) and allowed.ndim == 2:  # noqa: PLR2004 - a matrix
            shape: tuple[int, ...] = (query_count, byte_count)
        else:
            shape = (byte_count,)
        check_array(allowed, argument="allowed", dtype=np.uint8, shape=shape)
        return allowed if len(shape) > 1 else allowed[np.newaxis]

    def _raise_fault(
        self,
        fault: tuple[int, int, int],
        first_query: int,
        *,
        history: CsrMatrix | None,
        rows: RaggedRows | None,
    ) -> None:
        code, query, position = fault
        query += first_query
        if code == _scoring.FAULT_VECTOR:
            raise NotFinite(argument="user_vectors", row=query)
        if code == _scoring.FAULT_WEIGHT:
            raise NotFinite(argument="history", row=query)
        if code == _scoring.FAULT_LINKS:
            raise InvalidArray(
                argument="item_item", found="corrupt", allowed="rows within its own bounds"
            )
        if code == _scoring.FAULT_HISTORY and history is not None:
            raise _row_fault("history", history.indptr, history.indices, query, self.item_count)
        assert rows is not None
        name = "rows" if code == _scoring.FAULT_ROW else "excluded"
        raise _row_fault(name, rows.indptr, rows.rows, query, self.item_count)


def _row_fault(
    argument: str,
    indptr: NDArray[np.int64],
    rows: NDArray[np.int32],
    query: int,
    item_count: int,
) -> InvalidArray | RowOutOfRange:
    start, stop = int(indptr[query]), int(indptr[query + 1])
    if not 0 <= start <= stop <= len(rows):
        found = f"a list from {start} to {stop} for query {query}"
        return InvalidArray(argument=argument, found=found, allowed=f"0 to {len(rows)}, rising")
    outside = (row for row in rows[start:stop].tolist() if not 0 <= row < item_count)
    return RowOutOfRange(argument=argument, row=next(outside), item_count=item_count)


def _check_csr(matrix: CsrMatrix, *, argument: str, row_count: int) -> None:
    check_array(
        matrix.indptr, argument=f"{argument}.indptr", dtype=np.int64, shape=(row_count + 1,)
    )
    check_array(matrix.indices, argument=f"{argument}.indices", dtype=np.int32, shape=(None,))
    check_array(
        matrix.data, argument=f"{argument}.data", dtype=np.float32, shape=(len(matrix.indices),)
    )


def _check_ragged(ragged: RaggedRows, *, argument: str, query_count: int) -> None:
    check_array(
        ragged.indptr, argument=f"{argument}.indptr", dtype=np.int64, shape=(query_count + 1,)
    )
    check_array(ragged.rows, argument=f"{argument}.rows", dtype=np.int32, shape=(None,))


def _ragged(lists: CsrMatrix | RaggedRows | None, start: int, stop: int) -> _scoring.Ragged | None:
    if lists is None:
        return None
    indptr = lists.indptr[start : stop + 1]
    if isinstance(lists, CsrMatrix):
        return _scoring.Ragged(indptr, lists.indices, lists.data)
    return _scoring.Ragged(indptr, lists.rows)


def _factor_count(item_factors: F32) -> int:
    factor_count = item_factors.shape[1]
    check_count(
        factor_count,
        argument="length of item_factors' rows",
        count_min=1,
        count_max=limits.FACTOR_COUNT_MAX,
    )
    return factor_count


def _row_norms(item_factors: F32) -> F32:
    norms = np.zeros(len(item_factors), dtype=np.float32)
    bad_row = _scoring.row_norms(item_factors, norms)
    if bad_row >= 0:
        raise NotFinite(argument="item_factors", row=bad_row)
    return norms


def _largest(norms: F32, count: int) -> NDArray[np.int32]:
    if len(norms) <= count:
        return np.arange(len(norms), dtype=np.int32)
    return np.argpartition(norms, -count)[-count:].astype(np.int32)


def _encode(item_factors: F32, norms: F32, prior: F32 | None) -> _scoring.ItemCodes:
    """Encode the factors, largest norm first; about a third of their bytes."""
    group_count = -(-len(norms) // _GROUP)
    order = np.full(group_count * _GROUP, -1, dtype=np.int32)
    order[: len(norms)] = np.argsort(-norms, kind="stable")
    quad_count = -(-item_factors.shape[1] // _QUAD)
    return _scoring.ItemCodes(
        factors=item_factors,
        order=order,
        prior=None if prior is None else prior[order],  # places without an item are ignored
        codes=np.zeros((group_count, quad_count * _GROUP * _QUAD), dtype=np.int8),
        steps=np.zeros(len(order), dtype=np.float32),
        sums=np.zeros(len(order), dtype=np.int32),
        norms=np.zeros(group_count, dtype=np.float32),
        residuals=np.zeros(group_count, dtype=np.float32),
    )


def _largest_prior(prior: F32, item_count: int) -> float:
    check_array(prior, argument="prior", dtype=np.float32, shape=(item_count,))
    largest = float(np.abs(prior).max(initial=0.0))
    if not np.isfinite(largest):
        raise NotFinite(argument="prior", row=int(np.flatnonzero(~np.isfinite(prior))[0]))
    return largest
