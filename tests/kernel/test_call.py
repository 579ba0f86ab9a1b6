"""What the face accepts, refuses and leaves alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from kernel.cases import Case, cases
from kernel.ours import as_ranking, ask, scorer_of
from kernel.reference import Ranking, all_scores
from recsys import _scoring
from recsys.arrays import CountOutOfRange, InvalidArray, NotFinite, RowOutOfRange
from recsys.errors import InvalidInput
from recsys.scoring import RaggedRows, Scorer
from recsys.sparse import CsrMatrix

N, F = 10, 4
FACTORS = np.ones((N, F), dtype=np.float32)
VECTORS = np.ones((2, F), dtype=np.float32)


def i64(*values: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Row pointers."""
    return np.array(values, dtype=np.int64)


def i32(*values: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Item rows."""
    return np.array(values, dtype=np.int32)


def f32(*values: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Weights."""
    return np.array(values, dtype=np.float32)


def scorer(**parts: Any) -> Scorer:
    """A small valid scorer, changed in parts."""
    return Scorer(**({"item_count": N, "item_factors": FACTORS} | parts))


def top_k(**parts: Any) -> Ranking:
    """A small valid call, changed in parts."""
    arguments = {"user_vectors": VECTORS, "k": 3} | parts
    vectors, k = arguments.pop("user_vectors"), arguments.pop("k")
    links = CsrMatrix(i64(*range(N + 1)), i32(*range(N)), f32(*range(N)))
    return as_ranking(scorer(item_item=links).top_k(vectors, k, **arguments))


def with_value(shape: tuple[int, ...], value: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Ones with one foreign value in row 1."""
    array = np.ones(shape, dtype=np.float32)
    array[1] = value
    return array


BAD_CALLS: dict[str, tuple[Callable[[], object], type[InvalidInput], str]] = {
    "factors float64": (
        lambda: scorer(item_factors=FACTORS.astype(np.float64)),
        InvalidArray,
        r"item_factors is float64 \(10, 4\); allowed C-contiguous float32 \(10, any\)",
    ),
    "factors in columns": (
        lambda: scorer(item_factors=np.asfortranarray(FACTORS)),
        InvalidArray,
        "item_factors .* not C-contiguous",
    ),
    "factors of other length": (lambda: scorer(item_count=9), InvalidArray, "item_factors"),
    "factors a list": (lambda: scorer(item_factors=[[1.0]]), InvalidArray, "is list"),
    "factors nan": (
        lambda: scorer(item_factors=with_value((N, F), np.nan)),
        NotFinite,
        "item_factors .* row 1",
    ),
    "factors infinite": (
        lambda: scorer(item_factors=with_value((N, F), -np.inf)),
        NotFinite,
        "item_factors .* row 1",
    ),
    "no factor": (lambda: scorer(item_factors=FACTORS[:, :0].copy()), CountOutOfRange, "1 to"),
    "too many factors": (
        lambda: scorer(item_factors=np.ones((N, 1025), dtype=np.float32)),
        CountOutOfRange,
        "1025; allowed 1 to 1024",
    ),
    "too many items": (lambda: scorer(item_count=2**31), CountOutOfRange, "2147483647"),
    "prior nan": (lambda: scorer(prior=with_value((N,), np.nan)), NotFinite, "prior .* row 1"),
    "prior short": (lambda: scorer(prior=f32(1.0)), InvalidArray, r"prior .* \(10,\)"),
    "item_item not square": (
        lambda: scorer(item_item=CsrMatrix(i64(0), i32(), f32())),
        InvalidArray,
        "item_item.indptr",
    ),
    "item_item column outside": (
        lambda: scorer(item_item=CsrMatrix(i64(*[0] * N, 1), i32(N), f32(1.0))),
        InvalidArray,
        "item_item is indices outside 0 to 9",
    ),
    "item_item nan": (
        lambda: scorer(item_item=CsrMatrix(i64(*[0] * N, 1), i32(0), f32(np.nan))),
        InvalidArray,
        "item_item is values are not finite",
    ),
    "priors nan": (
        lambda: scorer(priors=with_value((2, N), np.nan)),
        NotFinite,
        "priors holds NaN",
    ),
    "priors short": (lambda: scorer(priors=f32(1.0)), InvalidArray, r"priors .*\(any, 10\)"),
    "prior row outside": (
        lambda: top_k(prior_rows=i32(0, -1)),
        InvalidArray,
        "prior_rows is out of range for query 0; allowed -1 to -1",
    ),
    "prior rows too few": (lambda: top_k(prior_rows=i32(0)), InvalidArray, "prior_rows"),
    "boost of a row outside": (
        lambda: top_k(boosts=CsrMatrix(i64(0, 1, 1), i32(N), f32(1.0))),
        RowOutOfRange,
        "boosts holds row 10",
    ),
    "boost nan": (
        lambda: top_k(boosts=CsrMatrix(i64(0, 0, 1), i32(0), f32(np.nan))),
        NotFinite,
        "boosts holds NaN or infinity in row 1",
    ),
    "nine masks": (
        lambda: top_k(allowed=[np.zeros(2, dtype=np.uint8)] * 9),
        CountOutOfRange,
        "masks is 9; allowed 0 to 8",
    ),
    "vectors float64": (
        lambda: top_k(user_vectors=VECTORS.astype(np.float64)),
        InvalidArray,
        r"user_vectors is float64 \(2, 4\); allowed C-contiguous float32 \(any, 4\)",
    ),
    "one flat vector": (lambda: top_k(user_vectors=VECTORS[0]), InvalidArray, "user_vectors"),
    "no vectors": (lambda: top_k(user_vectors=None), InvalidArray, "user_vectors is None"),
    "vectors nan": (
        lambda: top_k(user_vectors=with_value((2, F), np.nan)),
        NotFinite,
        "user_vectors .* row 1",
    ),
    "vectors infinite": (
        lambda: top_k(user_vectors=with_value((2, F), np.inf)),
        NotFinite,
        "user_vectors .* row 1",
    ),
    "k negative": (lambda: top_k(k=-1), CountOutOfRange, "k is -1; allowed 0 to"),
    "no threads": (lambda: top_k(threads=0), CountOutOfRange, "threads is 0; allowed 1 to 256"),
    "allowed boolean": (
        lambda: top_k(allowed=np.ones(N, dtype=bool)),
        InvalidArray,
        r"allowed is bool \(10,\); allowed C-contiguous uint8 \(2,\)",
    ),
    "allowed for other queries": (
        lambda: top_k(allowed=np.ones((3, 2), dtype=np.uint8)),
        InvalidArray,
        r"allowed .* \(2, 2\)",
    ),
    "excluded of other queries": (
        lambda: top_k(excluded=RaggedRows(i64(0, 1), i32(0))),
        InvalidArray,
        "excluded.indptr",
    ),
    "excluded int64": (
        lambda: top_k(excluded=RaggedRows(i64(0, 1, 1), i64(0))),
        InvalidArray,
        "excluded.rows is int64",
    ),
    "excluded outside": (
        lambda: top_k(excluded=RaggedRows(i64(0, 0, 2), i32(3, N))),
        RowOutOfRange,
        "excluded holds row 10; allowed 0 to 9",
    ),
    "excluded negative": (
        lambda: top_k(excluded=RaggedRows(i64(0, 1, 1), i32(-1))),
        RowOutOfRange,
        "excluded holds row -1",
    ),
    "excluded pointers fall": (
        lambda: top_k(excluded=RaggedRows(i64(0, 2, 1), i32(1, 2))),
        InvalidArray,
        "excluded is a list from 2 to 1 for query 1",
    ),
    "excluded pointers too far": (
        lambda: top_k(excluded=RaggedRows(i64(0, 1, 9), i32(1))),
        InvalidArray,
        "excluded",
    ),
    "history outside": (
        lambda: top_k(history=CsrMatrix(i64(0, 0, 1), i32(N), f32(1.0))),
        RowOutOfRange,
        "history holds row 10",
    ),
    "history weight nan": (
        lambda: top_k(history=CsrMatrix(i64(0, 0, 1), i32(1), f32(np.nan))),
        NotFinite,
        "history .* row 1",
    ),
    "history weights missing": (
        lambda: top_k(history=CsrMatrix(i64(0, 0, 1), i32(1), f32())),
        InvalidArray,
        "history.data",
    ),
    "history pointers negative": (
        lambda: top_k(history=CsrMatrix(i64(-1, 0, 1), i32(1), f32(1.0))),
        InvalidArray,
        "history",
    ),
    "score row outside": (
        lambda: scorer().score(VECTORS, RaggedRows(i64(0, 1, 2), i32(0, N))),
        RowOutOfRange,
        "rows holds row 10",
    ),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_argument_is_refused_by_name(name: str) -> None:
    """A wrong dtype, shape, layout, range or value names the argument and what is allowed."""
    call, error, message = BAD_CALLS[name]
    with pytest.raises(error, match=message) as raised:
        call()
    assert raised.value.metadata()["argument"]


def test_broken_item_item_of_a_trusted_bundle_is_an_error_and_no_crash() -> None:
    """Arrays that no one verified cannot make the core read outside them."""
    for starts, items, values in (
        (i64(*[0] * N, 5), i32(1), f32(1.0)),
        (i64(*[-3] * N, 1), i32(1), f32(1.0)),
        (i64(*[0] * N, 1), i32(N), f32(1.0)),
        (i64(*[0] * N, 1), i32(1), f32(np.inf)),
    ):
        trusting = Scorer.__new__(Scorer)
        trusting._take(N, FACTORS, None, CsrMatrix(starts, items, values), None, None)
        history = CsrMatrix(i64(0, 1), i32(N - 1), f32(1.0))
        with pytest.raises(InvalidArray, match="item_item"):
            trusting.top_k(VECTORS[:1], 3, history=history)


def test_short_lists_are_short() -> None:
    """Two allowed items give two results, of ten asked for."""
    allowed = np.packbits(np.arange(N) < 2, bitorder="little")
    assert [len(answer) for answer in top_k(k=10, allowed=allowed)] == [2, 2]


def test_bits_beyond_the_last_item_mean_nothing() -> None:
    """A bitmap of all ones allows the items there are."""
    answers = top_k(k=100, allowed=np.full(2, 255, dtype=np.uint8))
    assert [len(answer) for answer in answers] == [N, N]


def test_without_parts_every_item_scores_zero() -> None:
    """A scorer without any part ranks by row."""
    ranked = Scorer(item_count=3, item_factors=None).top_k(None, 2)
    assert as_ranking(ranked) == [[(0, 0.0), (1, 0.0)]]


def test_queries_without_vectors_are_counted_by_their_lists() -> None:
    """History, else exclusions, tell how many queries there are."""
    bare = Scorer(item_count=3, item_factors=None, prior=f32(1, 3, 2))
    assert len(bare.top_k(None, 2).counts) == 1
    lists = RaggedRows(i64(0, 1, 1), i32(1))
    assert as_ranking(bare.top_k(None, 1, excluded=lists)) == [[(2, 2.0)], [(1, 3.0)]]
    history = CsrMatrix(i64(0, 0, 0, 0), i32(), f32())
    assert len(bare.top_k(None, 2, history=history).counts) == 3


def test_cells_beyond_the_count_are_untouched() -> None:
    """The core writes what it found and nothing else."""
    items = np.full((2, 5), -7, dtype=np.int32)
    scores = np.full((2, 5), -7.0)
    counts = np.zeros(2, dtype=np.int32)
    allowed = np.packbits(np.arange(N) == 4, bitorder="little")[np.newaxis]
    table = scorer().table
    assert (
        table.top_k(VECTORS, None, (allowed,), None, None, None, None, None, items, scores, counts)
        is None
    )
    assert counts.tolist() == [1, 1]
    assert items.tolist() == [[4, -7, -7, -7, -7]] * 2
    assert scores.tolist() == [[4.0, -7.0, -7.0, -7.0, -7.0]] * 2


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_score_agrees_with_top_k_bit_for_bit(case: Case) -> None:
    """Re-ranking sees the scores that ranking saw, and the reference's."""
    built = scorer_of(case)
    ranked = ask(built, case)
    everything = RaggedRows(
        np.arange(case.query_count + 1, dtype=np.int64) * case.item_count,
        np.tile(np.arange(case.item_count, dtype=np.int32), case.query_count),
    )
    scores = built.score(
        case.vectors,
        everything,
        history=case.history,
        boosts=case.boosts,
        prior_rows=case.prior_rows,
    )
    matrix = scores.reshape(case.query_count, case.item_count)
    for query in range(case.query_count):
        items, values = ranked.row(query)
        assert values.tolist() == matrix[query, items].tolist()
        assert matrix[query].tolist() == all_scores(case, query).tolist()


def test_read_only_arrays_are_enough() -> None:
    """Memory-mapped bundles cannot be written to."""
    frozen = FACTORS.copy()
    frozen.flags.writeable = False
    answers = as_ranking(Scorer(item_count=N, item_factors=frozen).top_k(VECTORS, 1))
    assert answers == [[(0, 4.0)], [(0, 4.0)]]


def test_simd_in_use_is_the_best_there_is_or_the_one_forced() -> None:
    """The name is one of those available."""
    assert _scoring.simd() in _scoring.available_simd()
