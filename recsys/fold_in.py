"""User vectors from histories: the same solve in training and in serving."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring
from recsys.arrays import InvalidArray, NotFinite, RowOutOfRange, check_array, check_factors
from recsys.bundle.writer import gram_matrix
from recsys.errors import InvalidInput
from recsys.features import FoldInConfig
from recsys.row_lists import check_csr, compiled_lists
from recsys.slices import in_slices
from recsys.sparse import CsrMatrix

F32 = NDArray[np.float32]


class SingularSystem(InvalidInput):
    """A user's normal equations have no unique solution."""

    reason = "SINGULAR_SYSTEM"

    def __init__(self, *, query: int) -> None:
        self.query = query
        super().__init__(
            f"the equations of history {query} are not positive definite; "
            "gram must be item_factors^T item_factors"
        )


class FoldIn:
    """Solves for user vectors against fixed item factors. Immutable; share it between threads.

    The vector x of a history with weights w_h solves, in float64,

        (a gram + ridge I + sum_h alpha w_h y_h y_h^T) x = sum_h (a + alpha w_h) y_h

    which is one half-step of implicit ALS; `FoldInConfig` says what a and ridge are.
    With a diagonal gram (`recsys.bundle.writer.gram_matrix` makes it so for factors
    along the principal axes) short histories cost O(f h^2) instead of O(f^3).
    """

    def __init__(
        self, *, item_factors: F32, gram: NDArray[np.float64], config: FoldInConfig
    ) -> None:
        """Keep the arrays; nothing is copied or read.

        Args:
            item_factors: Shape (n, f), 1 <= f <= 1024, C-contiguous, finite.
            gram: `item_factors^T item_factors`, shape (f, f), C-contiguous, finite.
            config: Confidence and regularization.

        Raises:
            InvalidArray: Wrong dtype, shape or layout.
            CountOutOfRange: Too many factors.
            NotFinite: `gram` holds NaN or infinity.
        """
        check_factors(item_factors, item_count=None)
        width = item_factors.shape[1]
        check_array(gram, argument="gram", dtype=np.float64, shape=(width, width))
        finite = np.isfinite(gram).all(axis=1)
        if not finite.all():
            raise NotFinite(argument="gram", row=int(np.flatnonzero(~finite)[0]))
        self.item_factors = item_factors
        self.gram = gram
        self.compiled = _scoring.FoldInModel(
            item_factors,
            gram,
            alpha=config.alpha,
            regularization=config.regularization,
            regularization_exponent=config.regularization_exponent,
            unobserved=config.unobserved_weight,
            is_diagonal=np.count_nonzero(gram) == np.count_nonzero(np.diagonal(gram)),
        )

    @classmethod
    def of_factors(cls, item_factors: F32, config: FoldInConfig) -> Self:
        """Compute the Gram matrix too, as publishing does; reads all factors.

        Raises:
            As the constructor.
        """
        check_factors(item_factors, item_count=None)
        return cls(item_factors=item_factors, gram=gram_matrix(item_factors), config=config)

    def solve(self, rows: NDArray[np.int32], weights: F32) -> F32:
        """Solve for one user.

        Args:
            rows: Item rows, shape (h,), h >= 1. A repeated row counts twice.
            weights: Their weights, shape (h,), finite, 0 and above.

        Returns:
            The user vector, shape (f,).

        Raises:
            InvalidArray: Wrong dtype, shape or layout, or an empty history.
            RowOutOfRange: A row is not an item's.
            NotFinite: A weight is negative, NaN or infinite.
            SingularSystem: `gram` does not belong to the factors.
        """
        self._check_history(rows, weights)
        indptr = np.array([0, len(rows)], dtype=np.int64)
        vectors = np.empty((1, len(self.gram)), dtype=np.float32)
        self._solve_slice(CsrMatrix(indptr, rows, weights), vectors, 0, 1)
        vector: F32 = vectors[0]
        return vector

    def split(
        self, rows: NDArray[np.int32], weights: F32, ranked: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Split what `solve` gives to the scores of some items over the history.

        Args:
            rows: As in `solve`.
            weights: As in `solve`.
            ranked: Item rows, shape (r,).

        Returns:
            Shape (r, h), float64. Row j sums to the product of item j with the vector
            before its rounding to float32.

        Raises:
            As `solve`.
        """
        self._check_history(rows, weights)
        check_array(ranked, argument="ranked", dtype=np.int32, shape=(None,))
        item_count = len(self.item_factors)
        outside = ranked[(ranked < 0) | (ranked >= item_count)]
        if len(outside):
            raise RowOutOfRange(argument="ranked", row=int(outside[0]), item_count=item_count)
        parts = np.zeros((len(ranked), len(rows)), dtype=np.float64)
        if len(ranked):
            history = CsrMatrix(np.array([0, len(rows)], dtype=np.int64), rows, weights)
            fault = _scoring.fold_in_split(self.compiled, rows, weights, ranked, parts)
            if fault is not None:
                raise self._fault_error(fault, history, 0)
        return parts

    def solve_batch(self, histories: CsrMatrix, *, threads: int = 1) -> F32:
        """Solve for many users; each as `solve` does, to the last bit.

        Args:
            histories: Row i holds the item rows (columns) and weights (data) of
                user i. An empty row gives a zero vector.
            threads: Slices to compute at the same time, 1 to 256.

        Returns:
            User vectors, shape (m, f).

        Raises:
            As `solve`; CountOutOfRange for `threads`.
        """
        check_csr(histories, argument="histories", row_count=None)
        count, width = histories.row_count, len(self.gram)
        vectors = np.empty((count, width), dtype=np.float32)

        def solve(start: int, stop: int) -> None:
            self._solve_slice(histories, vectors, start, stop)

        per_user = len(histories.indices) // max(count, 1) * width * width + width**3
        in_slices(solve, count=count, work_per_query=per_user, threads=threads)
        return vectors

    def _solve_slice(self, histories: CsrMatrix, vectors: F32, start: int, stop: int) -> None:
        fault = _scoring.fold_in(
            self.compiled,
            compiled_lists(histories, start, stop),
            vectors[start:stop],
        )
        if fault is not None:
            raise self._fault_error(fault, histories, start)

    def _check_history(self, rows: NDArray[np.int32], weights: F32) -> None:
        check_array(rows, argument="rows", dtype=np.int32, shape=(None,))
        check_array(weights, argument="weights", dtype=np.float32, shape=(len(rows),))
        if len(rows) == 0:
            raise InvalidArray(argument="rows", found="empty", allowed="1 row and more")

    def _fault_error(
        self, fault: tuple[int, int, int], histories: CsrMatrix, start: int
    ) -> InvalidInput:
        code, query, position = fault
        indptr = histories.indptr[start:]
        if code == _scoring.FOLD_IN_FAULT_SYSTEM:
            return SingularSystem(query=start + query)
        first, last = int(indptr[query]), int(indptr[query + 1])
        if not 0 <= first <= last <= len(histories.indices):
            return InvalidArray(
                argument="histories.indptr",
                found=f"from {first} to {last} for user {start + query}",
                allowed=f"0 to {len(histories.indices)}, rising",
            )
        if code == _scoring.FOLD_IN_FAULT_WEIGHT:
            return InvalidArray(
                argument="weights",
                found=f"{histories.data[first + position]} for user {start + query}",
                allowed="finite, 0 and above",
            )
        return RowOutOfRange(
            argument="rows",
            row=int(histories.indices[first + position]),
            item_count=len(self.item_factors),
        )
