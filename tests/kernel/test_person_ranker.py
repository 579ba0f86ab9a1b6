"""One person's ranking in one call is the fold-in and the top-k of many, to the last bit."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recsys.allowed import Allowed
from recsys.arrays import CountOutOfRange, InvalidArray, RowOutOfRange
from recsys.features import FoldInConfig
from recsys.person_ranker import ItemWeights, PersonRanker, Ranking
from recsys.scoring import FoldIn, Mask, RaggedRows, Scorer, SingularSystem
from recsys.sparse import CsrMatrix

CONFIG = FoldInConfig(alpha=5.0, regularization=0.5)
I32 = NDArray[np.int32]


class Model:
    """A random model with the parts asked for."""

    def __init__(
        self,
        *,
        item_count: int,
        width: int,
        linked: bool,
        prior: bool,
        seed: int,
        prior_row_count: int = 0,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.item_count = item_count
        self.fold_in: FoldIn | None = None
        factors = None
        if width:
            factors = rng.standard_normal((item_count, width)).astype(np.float32)
            gram = factors.astype(np.float64).T @ factors.astype(np.float64)
            self.fold_in = FoldIn(item_factors=factors, gram=gram, config=CONFIG)
        self.linked = linked
        dense = rng.random((item_count, item_count)) * (rng.random((item_count, item_count)) < 0.3)
        rows, columns = np.nonzero(dense)
        self.scorer = Scorer(
            item_count=item_count,
            item_factors=factors,
            prior=rng.random(item_count).astype(np.float32) if prior else None,
            item_item=CsrMatrix(
                np.searchsorted(rows, np.arange(item_count + 1)).astype(np.int64),
                columns.astype(np.int32),
                dense[rows, columns].astype(np.float32),
            )
            if linked
            else None,
            priors=rng.normal(size=(prior_row_count, item_count)).astype(np.float32)
            if prior_row_count
            else None,
        )

    def in_two_calls(
        self,
        weights: ItemWeights,
        k: int,
        blocked: I32,
        *,
        prior_row: int = -1,
        allowed: Allowed | None = None,
    ) -> tuple[list[int], list[float]]:
        """Fold in, then rank."""
        ranked = self.scorer.top_k(
            None
            if self.fold_in is None
            else self.fold_in.solve(weights.rows, weights.weights)[np.newaxis],
            k,
            history=CsrMatrix.of([weights.rows], [weights.weights]) if self.linked else None,
            excluded=RaggedRows.one(blocked),
            prior_rows=np.array([prior_row], dtype=np.int32),
            allowed=allowed,
        )
        rows, scores = ranked.row(0)
        return rows.tolist(), scores.tolist()


@st.composite
def histories(draw: st.DrawFn, item_count: int) -> ItemWeights:
    """Weights of some items, and contact with some more."""
    rows = draw(st.sets(st.integers(0, item_count - 1), min_size=1, max_size=30))
    others = draw(st.sets(st.integers(0, item_count - 1), max_size=10))
    weights = draw(
        st.lists(st.floats(0.0625, 50, width=32), min_size=len(rows), max_size=len(rows))
    )
    return ItemWeights.of(
        np.array(sorted(rows), dtype=np.int32),
        np.array(weights, dtype=np.float32),
        np.array(sorted(rows | others), dtype=np.int32),
    )


@st.composite
def masks(draw: st.DrawFn, item_count: int) -> NDArray[np.uint8] | Mask:
    """A bitmap, or a mask of it; of as many rows as there are items, and of more."""
    row_count = item_count + draw(st.sampled_from([0, 1, 8, 30]))
    bits = draw(st.lists(st.booleans(), min_size=row_count, max_size=row_count))
    bitmap = np.packbits(np.array(bits, dtype=np.bool_), bitorder="little")
    return Mask(bitmap, item_count=row_count) if draw(st.booleans()) else bitmap


@settings(deadline=None)
@given(data=st.data())
def test_one_call_equals_two(data: st.DataObject) -> None:
    """With and without vectors, links, priors, exclusions, contact and masks."""
    item_count = data.draw(st.integers(1, 60))
    model = Model(
        item_count=item_count,
        width=data.draw(st.sampled_from([0, 1, 3, 8, 9])),
        linked=data.draw(st.booleans()),
        prior=data.draw(st.booleans()),
        seed=data.draw(st.integers(0, 9)),
        prior_row_count=data.draw(st.sampled_from([0, 3])),
    )
    prior_row = data.draw(st.integers(-1, model.scorer.prior_row_count - 1))
    weights = data.draw(histories(item_count))
    k = data.draw(st.sampled_from([0, 1, 5, item_count, item_count + 7]))
    rows = st.lists(st.integers(0, item_count - 1), max_size=20)
    excluded = np.array(data.draw(rows), dtype=np.int32)
    without_seen = data.draw(st.booleans())
    allowed = data.draw(st.none() | st.lists(masks(item_count), max_size=3))
    blocked = np.concatenate([excluded, weights.seen]) if without_seen else excluded
    for releases_gil in (True, False):
        ranker = PersonRanker(model.scorer, model.fold_in, releases_gil=releases_gil)
        vector = None
        if model.fold_in is not None:
            vector = np.empty(model.scorer.factor_count, dtype=np.float32)
        ranking = ranker.rank(
            weights,
            k,
            excluded=excluded,
            without_seen=without_seen,
            prior_row=prior_row,
            allowed=allowed,
            out_vector=vector,
        )
        if model.fold_in is not None:
            solved = model.fold_in.solve(weights.rows, weights.weights)
            np.testing.assert_array_equal(vector, solved)
        found = (ranking.rows.tolist(), ranking.scores.tolist())
        assert found == model.in_two_calls(
            weights, k, blocked, prior_row=prior_row, allowed=allowed
        )
        assert len(ranking) == ranking.count == len(ranking.rows)


def test_each_model_folds_the_same_weights_in_by_itself() -> None:
    """What one of them found out is not taken for the other's."""
    models = [Model(item_count=40, width=6, linked=False, prior=False, seed=n) for n in (1, 2)]
    rows = np.arange(0, 40, 9, dtype=np.int32)
    weights = ItemWeights.of(rows, np.ones(len(rows), dtype=np.float32), rows)
    nothing = np.empty(0, dtype=np.int32)
    expected = [model.in_two_calls(weights, 7, nothing) for model in models]
    rankers = [PersonRanker(model.scorer, model.fold_in) for model in models]
    for _ in range(3):
        for ranker, known in zip(rankers, expected, strict=True):
            ranking = ranker.rank(weights, 7)
            assert (ranking.rows.tolist(), ranking.scores.tolist()) == known


def test_a_vector_of_another_length_is_refused() -> None:
    """Nothing is written behind its end, nor where there is no vector."""
    model = Model(item_count=20, width=4, linked=False, prior=False, seed=1)
    ranker = PersonRanker(model.scorer, model.fold_in)
    for vector in (np.empty(3, np.float32), np.empty(4), np.empty((4, 1), np.float32)):
        with pytest.raises(InvalidArray, match="out_vector"):
            ranker.rank(ONE, 3, out_vector=vector)
    with pytest.raises(InvalidArray, match="out_vector"):
        PersonRanker(model.scorer, None).rank(ONE, 3, out_vector=np.empty(4, np.float32))


@pytest.mark.parametrize("row", [-2, 3, 2**40])
def test_a_row_of_priors_outside_is_refused(row: int) -> None:
    """The row and the bounds are in the error, also where there are no priors."""
    scorer = Scorer(item_count=5, item_factors=None, priors=np.zeros((3, 5), dtype=np.float32))
    with pytest.raises(InvalidArray, match=f"prior_row is {row}; allowed -1 to 2"):
        PersonRanker(scorer, None).rank(ONE, 3, prior_row=row)
    bare = Scorer(item_count=5, item_factors=None)
    with pytest.raises(InvalidArray, match="allowed -1 to -1"):
        PersonRanker(bare, None).rank(ONE, 3, prior_row=0)


def test_threads_may_share_one_ranker() -> None:
    """Scratch is lent to one call at a time."""
    model = Model(item_count=300, width=16, linked=True, prior=True, seed=1)
    ranker = PersonRanker(model.scorer, model.fold_in)
    people = [
        ItemWeights.of(rows, np.ones(len(rows), dtype=np.float32), rows)
        for rows in (np.arange(person, 300, 17, dtype=np.int32) for person in range(16))
    ]
    alone = [ranker.rank(person, 10, without_seen=True).rows.tolist() for person in people]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            together = pool.map(lambda one: ranker.rank(one, 10, without_seen=True), people)
            assert [ranking.rows.tolist() for ranking in together] == alone


def small() -> Model:
    """Five items with two factors."""
    return Model(item_count=5, width=2, linked=True, prior=False, seed=3)


ONE = ItemWeights.of(
    np.array([1], dtype=np.int32), np.ones(1, dtype=np.float32), np.array([1], dtype=np.int32)
)


@pytest.mark.parametrize("row", [-1, 5])
def test_an_excluded_row_outside_is_named(row: int) -> None:
    """The row and the bound are in the error, also beside rows of contact."""
    model = small()
    ranker = PersonRanker(model.scorer, model.fold_in)
    with pytest.raises(RowOutOfRange, match=f"excluded holds row {row}; allowed 0 to 4"):
        ranker.rank(ONE, 3, excluded=np.array([0, row], dtype=np.int32), without_seen=True)


def test_a_negative_count_is_refused() -> None:
    """As everywhere."""
    model = small()
    with pytest.raises(CountOutOfRange, match="k is -1"):
        PersonRanker(model.scorer, model.fold_in).rank(ONE, -1)


def test_weights_of_another_model_are_refused() -> None:
    """A row that this model lacks is an error, not a stray access."""
    model = small()
    foreign = ItemWeights.of(
        np.array([7], dtype=np.int32), np.ones(1, dtype=np.float32), np.array([7], dtype=np.int32)
    )
    with pytest.raises(InvalidArray, match="weights is refused"):
        PersonRanker(model.scorer, model.fold_in).rank(foreign, 3)
    linked = Model(item_count=5, width=0, linked=True, prior=False, seed=3)
    with pytest.raises(InvalidArray, match="weights is refused"):
        PersonRanker(linked.scorer, None).rank(foreign, 3)


def test_a_gram_matrix_of_other_factors_is_an_error() -> None:
    """It shows as equations without a solution."""
    model = small()
    assert model.fold_in is not None
    wrong = FoldIn(item_factors=model.fold_in.item_factors, gram=-1e6 * np.eye(2), config=CONFIG)
    with pytest.raises(SingularSystem):
        PersonRanker(model.scorer, wrong).rank(ONE, 3)


def test_a_ranking_can_be_made_of_what_is_known() -> None:
    """Popular lists are rankings too."""
    ranking = Ranking.of(np.array([3, 1], dtype=np.int32), np.array([2.0, 1.0]))
    assert (ranking.rows.tolist(), ranking.scores.tolist(), len(ranking)) == ([3, 1], [2.0, 1.0], 2)
    with pytest.raises(ValueError, match="differ in length"):
        Ranking.of(np.array([3, 1], dtype=np.int32), np.array([2.0]))
