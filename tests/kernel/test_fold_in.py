"""Fold-in solves the normal equations, as `implicit` does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from kernel.cases import csr
from recsys import _scoring
from recsys.arrays import InvalidArray, RowOutOfRange
from recsys.bundle.writer import gram_matrix
from recsys.features import FoldInConfig
from recsys.scoring import FoldIn, SingularSystem
from recsys.sparse import CsrMatrix

F32 = NDArray[np.float32]


def model(n: int, f: int, *, seed: int = 0, alpha: float = 2.5) -> tuple[FoldIn, F32]:
    """Fold-in over random items."""
    factors = np.random.default_rng(seed).standard_normal((n, f)).astype(np.float32)
    gram = factors.T.astype(np.float64) @ factors.astype(np.float64)
    config = FoldInConfig(alpha=alpha, regularization=0.3)
    return FoldIn(item_factors=factors, gram=gram, config=config), factors


def normal_equations(factors: F32, rows: NDArray[np.int32], weights: F32) -> NDArray[np.float64]:
    """The textbook solve, dense, over all items."""
    y = factors.astype(np.float64)
    confidence, liked = np.ones(len(y)), np.zeros(len(y))
    for row, weight in zip(rows, weights, strict=True):
        confidence[row] += 2.5 * float(weight)
        liked[row] += 1.0 + 2.5 * float(weight)
    system = y.T @ (confidence[:, None] * y) + 0.3 * np.eye(y.shape[1])
    return np.linalg.solve(system, y.T @ liked)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    f=st.sampled_from((1, 2, 7, 8, 9, 33, 64)),
    h=st.sampled_from((1, 2, 30, 200)),
)
def test_solve_equals_the_normal_equations(seed: int, f: int, h: int) -> None:
    """Float32 accuracy against NumPy, for histories with repeats too."""
    rng = np.random.default_rng(seed)
    fold_in, factors = model(120, f, seed=seed)
    rows = rng.integers(0, 120, h).astype(np.int32)
    weights = rng.uniform(0, 50, h).astype(np.float32)
    expected = normal_equations(factors, rows, weights)
    np.testing.assert_allclose(fold_in.solve(rows, weights), expected, rtol=1e-5, atol=1e-6)


def test_every_instruction_set_gives_the_same_bits() -> None:
    """Vector width plays no part."""
    rng = np.random.default_rng(1)
    before, found = _scoring.simd(), []
    for f in (1, 5, 8, 16, 31, 64, 100):
        fold_in, _ = model(300, f)
        histories = csr(rng, 20, 300, 40)
        weighted = CsrMatrix(histories.indptr, histories.indices, np.abs(histories.data))
        try:
            for simd in _scoring.available_simd():
                _scoring._force_simd(simd)
                found.append(fold_in.solve_batch(weighted).tobytes())
        finally:
            _scoring._force_simd(before)
        assert len(set(found)) == 1
        found.clear()


def test_recalculate_user_of_implicit_agrees() -> None:
    """The same vectors as implicit's exact half-step, to 1e-4; their data are 1 + alpha w."""
    rng = np.random.default_rng(2)
    interactions = rng.random((60, 90)) < 0.15
    weights = np.where(interactions, rng.uniform(0.1, 8.0, (60, 90)), 0.0).astype(np.float32)
    confidence = csr_matrix(np.where(interactions, 1.0 + 3.0 * weights, 0.0).astype(np.float32))
    with threadpool_limits(1, "blas"):  # implicit warns otherwise
        als = AlternatingLeastSquares(
            factors=16, regularization=0.05, alpha=1.0, iterations=5, random_state=0, num_threads=1
        )
        als.fit(confidence, show_progress=False)
    factors = np.ascontiguousarray(als.item_factors, dtype=np.float32)
    fold_in = FoldIn(
        item_factors=factors,
        gram=factors.T.astype(np.float64) @ factors.astype(np.float64),
        config=FoldInConfig(alpha=3.0, regularization=0.05),
    )
    sparse = csr_matrix(weights)
    histories = CsrMatrix(
        sparse.indptr.astype(np.int64), sparse.indices.astype(np.int32), sparse.data
    )
    expected = als.recalculate_user(np.arange(60), confidence)
    np.testing.assert_allclose(fold_in.solve_batch(histories), expected, atol=1e-4)


@pytest.mark.parametrize("threads", [1, 3])
def test_batch_equals_single(threads: int) -> None:
    """Bit for bit, on any number of threads; nobody gets zeros but the empty."""
    fold_in, _ = model(200, 12)
    random = csr(np.random.default_rng(4), 50, 200, 9)
    histories = CsrMatrix(random.indptr, random.indices, np.abs(random.data))
    vectors = fold_in.solve_batch(histories, threads=threads)
    for user in range(50):
        rows, weights = histories.row(user)
        expected = fold_in.solve(rows, weights) if len(rows) else np.zeros(12, dtype=np.float32)
        assert vectors[user].tobytes() == expected.tobytes()
    assert (np.diff(histories.indptr) == 0).any()


@pytest.mark.parametrize(
    ("rows", "weights", "error", "message"),
    [
        ([], [], InvalidArray, "rows is empty"),
        ([5], [1.0], RowOutOfRange, "row 5; allowed 0 to 4"),
        ([0, -1], [1.0, 1.0], RowOutOfRange, "row -1"),
        ([0], [-1.0], InvalidArray, r"weights is -1\.0 for user 0; allowed finite, 0 and above"),
        ([0], [np.nan], InvalidArray, "weights is nan"),
        ([0], [np.inf], InvalidArray, "weights is inf"),
        ([0, 1], [1.0], InvalidArray, r"weights is float32 \(1,\); .*\(2,\)"),
    ],
)
def test_bad_history_is_refused(
    rows: list[int], weights: list[float], error: type[Exception], message: str
) -> None:
    """The message names what is wrong."""
    fold_in, _ = model(5, 3)
    with pytest.raises(error, match=message):
        fold_in.solve(np.array(rows, dtype=np.int32), np.array(weights, dtype=np.float32))


def test_gram_of_other_factors_is_refused() -> None:
    """Equations that are not positive definite are an error, not a vector of NaN."""
    factors = np.ones((4, 2), dtype=np.float32)
    config = FoldInConfig(alpha=1.0, regularization=0.1)
    fold_in = FoldIn(item_factors=factors, gram=-9.0 * np.eye(2), config=config)
    with pytest.raises(SingularSystem, match="history 0"):
        fold_in.solve(np.array([1], dtype=np.int32), np.ones(1, dtype=np.float32))


def axes_model(n: int, f: int, config: FoldInConfig) -> tuple[FoldIn, F32, FoldIn]:
    """Fold-in over items along their principal axes, by the short way and by the long."""
    drawn = np.random.default_rng(f).standard_normal((n, f))
    _, axes = np.linalg.eigh(drawn.T @ drawn)
    factors = np.ascontiguousarray(drawn @ axes, dtype=np.float32)
    gram = gram_matrix(factors)
    rest = np.zeros_like(gram)
    if f > 1:
        rest[0, 1] = rest[1, 0] = 1e-12 * gram[0, 0]  # no longer diagonal, and next to nothing
    return (
        FoldIn(item_factors=factors, gram=gram, config=config),
        factors,
        FoldIn(item_factors=factors, gram=gram + rest, config=config),
    )


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    f=st.sampled_from((2, 7, 16, 33, 64)),
    h=st.sampled_from((1, 2, 6, 30, 200)),
    exponent=st.sampled_from((0.0, 0.5, 1.0)),
    unobserved=st.sampled_from((0.01, 1.0, 3.0)),
)
def test_a_diagonal_gram_gives_the_same_vector_by_the_short_way(
    seed: int, f: int, h: int, exponent: float, unobserved: float
) -> None:
    """With any confidences, for histories shorter and longer than the vectors, with repeats."""
    rng = np.random.default_rng(seed)
    config = FoldInConfig(
        alpha=2.5,
        regularization=0.3,
        regularization_exponent=exponent,
        unobserved_weight=unobserved,
    )
    short, factors, long = axes_model(120, f, config)
    rows = rng.integers(0, 120, h).astype(np.int32)
    weights = rng.uniform(0, 50, h).astype(np.float32)
    weights[rng.random(h) < 0.05] = 0.0  # a weight of nothing has no inverse
    y = factors.astype(np.float64)[rows]
    extra = 2.5 * weights.astype(np.float64)
    ridge = 0.3 * (h + unobserved * 120) ** exponent
    gram = unobserved * factors.T.astype(np.float64) @ factors.astype(np.float64)
    system = gram + ridge * np.eye(f) + (y.T * extra) @ y
    expected = np.linalg.solve(system, y.T @ (unobserved + extra))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(short.solve(rows, weights), expected, rtol=1e-4, atol=1e-5 * scale)
    np.testing.assert_allclose(long.solve(rows, weights), expected, rtol=1e-4, atol=1e-5 * scale)


def test_the_short_way_gives_the_same_bits_on_every_instruction_set() -> None:
    """Vector width plays no part there either."""
    rng = np.random.default_rng(4)
    config = FoldInConfig(
        alpha=2.0, regularization=0.1, regularization_exponent=0.5, unobserved_weight=0.1
    )
    short, _, _ = axes_model(300, 48, config)
    histories = csr(rng, 20, 300, 40)
    weighted = CsrMatrix(histories.indptr, histories.indices, np.abs(histories.data))
    before, found = _scoring.simd(), set()
    try:
        for simd in _scoring.available_simd():
            _scoring._force_simd(simd)
            found.add(short.solve_batch(weighted).tobytes())
    finally:
        _scoring._force_simd(before)
    assert len(found) == 1


def test_rounding_off_the_diagonal_is_left_out_and_nothing_else() -> None:
    """Columns that lean towards each other by a thousandth stay as they are."""
    rng = np.random.default_rng(8)
    drawn = np.linalg.qr(rng.standard_normal((5_000, 4)))[0]
    assert np.count_nonzero(gram_matrix(drawn.astype(np.float32))) == 4
    drawn[:, 1] += 1e-3 * drawn[:, 0]
    assert np.count_nonzero(gram_matrix(drawn.astype(np.float32))) == 16
