"""One ranking problem as plain arrays, and strategies that make nasty ones."""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.scoring import RaggedRows
from recsys.sparse import CsrMatrix

# Around the sizes at which the core changes its step: bytes of the bitmap,
# 16 dot products at a time, blocks of 64.
ITEM_COUNTS = (0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 200, 321)
FACTOR_COUNTS = (1, 2, 7, 8, 9, 16, 17, 31, 64)
STYLES = ("integer", "sparse", "normal", "decaying", "denormal", "huge", "mixed", "equal")


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything that one `top_k` call gets. `allowed` is boolean, (n,) or (m, n)."""

    item_count: int
    query_count: int
    k: int
    factors: NDArray[np.float32] | None = None
    vectors: NDArray[np.float32] | None = None
    prior: NDArray[np.float32] | None = None
    item_item: CsrMatrix | None = None
    history: CsrMatrix | None = None
    allowed: NDArray[np.bool_] | None = None
    excluded: RaggedRows | None = None
    priors: NDArray[np.float32] | None = None
    prior_rows: NDArray[np.int32] | None = None
    boosts: CsrMatrix | None = None

    def with_k(self, k: int) -> "Case":
        """The same problem with another result count."""
        return replace(self, k=k)

    def only(self, query: int) -> "Case":
        """The same problem with one of its queries alone."""
        allowed = self.allowed
        if allowed is not None and allowed.ndim == 2:
            allowed = allowed[query : query + 1]
        return replace(
            self,
            query_count=1,
            vectors=None if self.vectors is None else self.vectors[query : query + 1],
            history=None if self.history is None else _csr_row(self.history, query),
            allowed=allowed,
            excluded=None if self.excluded is None else _ragged_row(self.excluded, query),
            prior_rows=None if self.prior_rows is None else self.prior_rows[query : query + 1],
            boosts=None if self.boosts is None else _csr_row(self.boosts, query),
        )

    def may_appear(self, query: int) -> NDArray[np.bool_]:
        """Which items may be in a query's answer, shape (n,)."""
        free = np.ones(self.item_count, dtype=bool)
        if self.allowed is not None:
            free &= self.allowed if self.allowed.ndim == 1 else self.allowed[query]
        if self.excluded is not None:
            start, stop = self.excluded.indptr[query : query + 2]
            free[self.excluded.rows[start:stop]] = False
        return free


def _csr_row(matrix: CsrMatrix, row: int) -> CsrMatrix:
    columns, values = matrix.row(row)
    return CsrMatrix(np.array([0, len(columns)]), columns.copy(), values.copy())


def _ragged_row(ragged: RaggedRows, row: int) -> RaggedRows:
    start, stop = ragged.indptr[row : row + 2]
    return RaggedRows(np.array([0, stop - start]), ragged.rows[start:stop].copy())


def matrix(rng: np.random.Generator, rows: int, width: int, style: str) -> NDArray[np.float32]:
    """Float32 values that are difficult in the way that `style` says."""
    normal = rng.standard_normal((rows, width))
    match style:
        case "integer":  # many exact ties
            values = rng.integers(-2, 3, (rows, width)).astype(float)
        case "sparse":  # many rows of zeros, and zeros of both signs
            values = normal * (rng.random((rows, 1)) < 0.3)
        case "normal":
            values = normal
        case "decaying":  # norms that let most items be skipped
            values = normal * np.exp(-3.0 * rng.random((rows, 1)))
        case "denormal":  # products vanish in float32 but not in float64
            values = normal * 1e-41
        case "huge":  # sums overflow in float32 but not in float64
            values = np.clip(normal, -3, 3) * 1e38
        case "mixed":  # cancellation: large parts that almost add up to nothing
            values = normal * 10.0 ** rng.integers(-30, 30, (rows, width))
        case "equal":  # everything ties
            values = np.full((rows, width), 0.1)
        case _:
            raise AssertionError(style)
    return values.astype(np.float32)


def csr(rng: np.random.Generator, rows: int, columns: int, length_max: int) -> CsrMatrix:
    """A random sparse matrix; columns are not sorted and may repeat."""
    lengths = rng.integers(0, length_max + 1, rows) if columns else np.zeros(rows, dtype=int)
    indptr = np.zeros(rows + 1, dtype=np.int64)
    np.cumsum(lengths, out=indptr[1:])
    indices = rng.integers(0, max(columns, 1), indptr[-1]).astype(np.int32)
    integers = rng.integers(-3, 4, indptr[-1]).astype(np.float32)
    data = np.where(rng.random(indptr[-1]) < 0.5, integers, rng.standard_normal(indptr[-1]))
    return CsrMatrix(indptr, indices, data.astype(np.float32))


@st.composite
def cases(
    draw: st.DrawFn,
    *,
    item_counts: tuple[int, ...] = ITEM_COUNTS,
    query_counts: tuple[int, ...] = (1, 2, 3, 4),
) -> Case:
    """Problems with any combination of parts, masks and exclusions."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    item_count = draw(st.sampled_from(item_counts))
    query_count = draw(st.sampled_from(query_counts))
    factors = vectors = prior = item_item = history = allowed = excluded = None
    priors = prior_rows = boosts = None
    if draw(st.sampled_from((True, True, True, False))):
        width = draw(st.sampled_from(FACTOR_COUNTS))
        factors = matrix(rng, item_count, width, draw(st.sampled_from(STYLES)))
        vectors = matrix(rng, query_count, width, draw(st.sampled_from(STYLES)))
        if draw(st.booleans()):
            vectors[0] = 0.0
    if draw(st.booleans()):
        prior = matrix(rng, item_count, 1, draw(st.sampled_from(STYLES)))[:, 0].copy()
    if draw(st.booleans()):
        item_item = csr(rng, item_count, item_count, 6)
        history = csr(rng, query_count, item_count, 8)
    if draw(st.booleans()):
        priors = matrix(rng, 3, item_count, draw(st.sampled_from(STYLES)))
        prior_rows = rng.integers(-1, 3, query_count).astype(np.int32)
    if draw(st.booleans()):
        boosts = csr(rng, query_count, item_count, 6)
    match draw(st.sampled_from(("all", "shared", "each"))):
        case "shared":
            allowed = rng.random(item_count) < draw(st.sampled_from((0.0, 0.02, 0.5, 0.99)))
        case "each":
            allowed = rng.random((query_count, item_count)) < rng.random((query_count, 1))
    if draw(st.booleans()) or (factors is None and history is None):
        lists = csr(rng, query_count, item_count, 12)
        excluded = RaggedRows(lists.indptr, lists.indices)
    return Case(
        item_count=item_count,
        query_count=query_count,
        k=draw(st.sampled_from((0, 1, 2, 5, 20, 64, 400))),
        factors=factors,
        vectors=vectors,
        prior=prior,
        item_item=item_item,
        history=history,
        allowed=allowed,
        excluded=excluded,
        priors=priors,
        prior_rows=prior_rows,
        boosts=boosts,
    )
