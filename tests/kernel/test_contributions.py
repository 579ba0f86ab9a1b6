"""Scores taken apart: the parts are exact, and they are all there is."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from kernel.cases import Case, cases, csr, matrix
from kernel.ours import scorer_of
from kernel.reference import boost_scores, dot_scores, link_scores
from recsys.arrays import InvalidArray, NotFinite, RowOutOfRange
from recsys.contributions import PARTS, Contributions
from recsys.features import FoldInConfig
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix


def every_row(case: Case) -> RaggedRows:
    """All items for each query."""
    return RaggedRows(
        np.arange(case.query_count + 1, dtype=np.int64) * case.item_count,
        np.tile(np.arange(case.item_count, dtype=np.int32), case.query_count),
    )


def taken_apart(scorer: Scorer, case: Case, rows: RaggedRows) -> Contributions:
    """Ask for the parts as the case describes."""
    return scorer.contributions(
        case.vectors, rows, history=case.history, boosts=case.boosts, prior_rows=case.prior_rows
    )


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases())
def test_parts_add_up_to_the_score_bit_for_bit(case: Case) -> None:
    """So do the terms of each history item, to the item-item part."""
    scorer, rows = scorer_of(case), every_row(case)
    found = taken_apart(scorer, case, rows)
    scores = scorer.score(
        case.vectors, rows, history=case.history, boosts=case.boosts, prior_rows=case.prior_rows
    )
    assert found.scores().tobytes() == scores.tobytes()
    for at in range(len(rows.rows)):
        total = 0.0
        for term in found.terms(at)[1]:
            total += term
        assert total == found.parts[at, PARTS.index("item_item")]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=cases(item_counts=(1, 17, 65)))
def test_each_part_is_that_of_the_reference(case: Case) -> None:
    """What is in which column, and which entry of the history each term belongs to."""
    found = taken_apart(scorer_of(case), case, every_row(case))
    parts = found.parts.reshape(case.query_count, case.item_count, len(PARTS))
    for query in range(case.query_count):
        dots = np.zeros(case.item_count)
        if case.factors is not None and case.vectors is not None:
            dots = dot_scores(case.factors, case.vectors[query])
        assert parts[query, :, 0].tolist() == dots.tolist()
        assert parts[query, :, 1].tolist() == link_scores(case, query).tolist()
        if case.prior is not None:
            assert parts[query, :, 2].tolist() == case.prior.tolist()
        if case.priors is not None and case.prior_rows is not None:
            row = case.prior_rows[query]
            own = case.priors[row] if row >= 0 else np.zeros(case.item_count)
            assert parts[query, :, 3].tolist() == own.tolist()
        assert parts[query, :, 4].tolist() == boost_scores(case, query).tolist()
        if case.history is None or case.item_item is None:
            continue
        history, weights = case.history.row(query)
        for item in range(case.item_count):
            expected = [
                (position, float(weights[position]) * float(value))
                for position in range(len(history))
                for other, value in zip(*case.item_item.row(history[position]), strict=True)
                if other == item
            ]
            positions, terms = found.terms(query * case.item_count + item)
            assert list(zip(positions.tolist(), terms.tolist(), strict=True)) == expected


def test_wrong_arguments_are_refused_as_by_score() -> None:
    """Nothing is taken apart then."""
    rng = np.random.default_rng(1)
    scorer = Scorer(
        item_count=9, item_factors=matrix(rng, 9, 3, "normal"), item_item=csr(rng, 9, 9, 4)
    )
    vectors = matrix(rng, 1, 3, "normal")
    one = RaggedRows(np.array([0, 1]), np.array([8], dtype=np.int32))
    with pytest.raises(RowOutOfRange, match="rows holds row 9"):
        scorer.contributions(vectors, RaggedRows(one.indptr, one.rows + 1))
    with pytest.raises(NotFinite, match="user_vectors"):
        scorer.contributions(vectors * np.inf, one)
    outside = CsrMatrix(np.array([0, 1]), np.array([9], dtype=np.int32), np.ones(1, np.float32))
    with pytest.raises(RowOutOfRange, match="history holds row 9"):
        scorer.contributions(vectors, one, history=outside)
    with pytest.raises(InvalidArray, match=r"rows\.indptr"):
        scorer.contributions(vectors, RaggedRows(np.array([0, 1, 1]), one.rows))


def fold_in(width: int = 6, item_count: int = 40) -> FoldIn:
    """A solver over random factors."""
    factors = matrix(np.random.default_rng(2), item_count, width, "normal")
    config = FoldInConfig(
        alpha=3.0, regularization=0.2, regularization_exponent=0.5, unobserved_weight=0.3
    )
    return FoldIn.of_factors(factors, config)


@pytest.mark.parametrize("length", [1, 4, 20])
def test_a_vector_splits_over_its_history(length: int) -> None:
    """The shares of a row add up to its product with the vector, but for float32 rounding."""
    model, rng = fold_in(), np.random.default_rng(length)
    rows = rng.choice(40, length, replace=False).astype(np.int32)
    weights = rng.uniform(0.1, 3.0, length).astype(np.float32)
    ranked = np.array([5, 0, 39, 5], dtype=np.int32)
    shares = model.split(rows, weights, ranked)
    vector = model.solve(rows, weights).astype(np.float64)
    whole = model.item_factors[ranked].astype(np.float64) @ vector
    assert shares.shape == (4, length)
    assert shares.sum(axis=1) == pytest.approx(whole, rel=1e-5, abs=1e-5)
    assert shares[0].tolist() == shares[3].tolist()


def test_shares_are_those_of_the_normal_equations() -> None:
    """Each is what leaving its item out of the right side takes away."""
    model = fold_in()
    rows, weights = np.array([3, 7, 31], dtype=np.int32), np.array([1, 2, 0.5], dtype=np.float32)
    vectors = model.item_factors[rows].astype(np.float64)
    extra = 3.0 * weights.astype(np.float64)
    normal = 0.3 * model.gram + (vectors.T * extra) @ vectors
    normal += 0.2 * (3 + 0.3 * 40) ** 0.5 * np.eye(6)
    expected = model.item_factors.astype(np.float64) @ np.linalg.solve(
        normal, vectors.T * (0.3 + extra)
    )
    shares = model.split(rows, weights, np.arange(40, dtype=np.int32))
    assert shares == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_split_refuses_what_a_solve_refuses() -> None:
    """And rows that are to be ranked but do not exist."""
    model, one = fold_in(), np.ones(1, dtype=np.float32)
    row = np.zeros(1, dtype=np.int32)
    with pytest.raises(RowOutOfRange, match="ranked holds row 40"):
        model.split(row, one, np.array([40], dtype=np.int32))
    with pytest.raises(RowOutOfRange, match="rows holds row 40"):
        model.split(row + 40, one, row)
    with pytest.raises(InvalidArray, match="weights"):
        model.split(row, -one, row)
    assert model.split(row, one, row[:0]).shape == (0, 1)
