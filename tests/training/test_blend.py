"""Blends: parts add up as weights say, and weights are found on hidden items."""

import numpy as np
import pytest

from recsys.bundle.writer import gram_matrix
from recsys.features import HistoryConfig
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix
from support.interactions import dense_of, from_dense, interactions
from training.metrics import Targets
from training.models import (
    AlsConfig,
    BlendConfig,
    CooccurrenceConfig,
    IalsConfig,
    ModelParts,
    OrderedConfig,
    create_trainer,
)
from training.models.blend_weights import Sample, fit_weights, hold_out
from training.models.links import summed_links


def taste(*, user_count: int = 60, item_count: int = 24, seed: int = 1) -> np.ndarray:
    """Even people like even items, odd people odd ones; each has half of them."""
    rng = np.random.default_rng(seed)
    same = np.arange(user_count)[:, None] % 2 == np.arange(item_count) % 2
    return (same & (rng.random((user_count, item_count)) < 0.5)).astype(np.float32)


def scores(parts: ModelParts, histories: CsrMatrix, item_count: int) -> np.ndarray:
    """Score every item for every history by the kernel."""
    vectors = None
    if parts.item_factors is not None:
        assert parts.fold_in is not None
        vectors = FoldIn(
            item_factors=parts.item_factors,
            gram=gram_matrix(parts.item_factors),
            config=parts.fold_in,
        ).solve_batch(histories)
    count = histories.row_count
    rows = RaggedRows(
        np.arange(0, count * item_count + 1, item_count, dtype=np.int64),
        np.tile(np.arange(item_count, dtype=np.int32), count),
    )
    links = parts.history.shortened(histories.data, indptr=histories.indptr)
    scorer = Scorer(
        item_count=item_count,
        item_factors=parts.item_factors,
        prior=parts.prior,
        item_item=parts.item_item,
    )
    found = scorer.score(
        vectors, rows, history=CsrMatrix(histories.indptr, histories.indices, links)
    )
    return found.reshape(count, item_count)


def test_parts_add_up_in_the_units_of_the_factors() -> None:
    """A blend's score is that of its factors plus a constant times that of its links."""
    data = from_dense(taste())
    factors, links = IalsConfig(factors=8), CooccurrenceConfig()
    blend = BlendConfig(parts=(links, factors), weights=(0.5, 2.0))
    parts = create_trainer(blend).fit(data, seed=3)
    alone = create_trainer(factors).fit(data, seed=3)
    np.testing.assert_array_equal(parts.item_factors, alone.item_factors)
    rest = scores(parts, data.weights, 24) - scores(alone, data.weights, 24)
    linked = create_trainer(links).fit(data, seed=3)
    assert linked.item_item is not None
    plain = dense_of(data.weights, 24) @ dense_of(linked.item_item, 24)
    ratios = rest[plain > 0] / plain[plain > 0]
    np.testing.assert_allclose(ratios, ratios.mean(), rtol=1e-3)
    assert ratios.mean() > 0


def test_weights_say_how_much_of_each_part_is_wanted() -> None:
    """Twice the weight is twice the links against the same factors."""
    data = from_dense(taste())
    found = []
    for weight in (1.0, 2.0):
        blend = BlendConfig(
            parts=(IalsConfig(factors=8), CooccurrenceConfig()), weights=(1.0, weight)
        )
        parts = create_trainer(blend).fit(data, seed=3)
        assert parts.item_item is not None
        found.append(dense_of(parts.item_item, 24))
    np.testing.assert_allclose(found[1], 2.0 * found[0], rtol=1e-5)


def test_a_part_of_no_weight_is_not_there() -> None:
    """Neither in the bundle nor in the time that a fit takes."""
    data = from_dense(taste())
    blend = BlendConfig(parts=(IalsConfig(factors=8), CooccurrenceConfig()), weights=(0.0, 1.0))
    parts = create_trainer(blend).fit(data, seed=0)
    assert parts.item_factors is None
    assert parts.item_item is not None


def test_fitted_weights_find_the_part_that_knows() -> None:
    """The second part knows the item that was hidden, and speaks too quietly at first."""
    nothing = CsrMatrix(
        np.zeros(2, dtype=np.int64), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32)
    )
    sample = Sample(users=np.zeros(1, dtype=np.int64), weights=nothing, links=nothing)
    targets = Targets(np.array([0, 1]), np.array([1], dtype=np.int32))

    def scorer_of(weights: tuple[float, ...]) -> tuple[Scorer, None]:
        prior = np.array([1.0 * weights[0], 0.8 * weights[1], 0.0], dtype=np.float32)
        return Scorer(item_count=3, item_factors=None, prior=prior), None

    weights, quality = fit_weights(scorer_of, sample, targets, part_count=2)
    assert weights[0] == 1.0
    assert weights[1] > 1.25
    assert quality == 1.0


def test_a_blend_fits_its_own_weights() -> None:
    """Where order decides, fitted weights put the next item first for everybody."""
    lines = [
        (user, (3 * user + step) % 40, float(step)) for user in range(120) for step in range(5)
    ]
    data = interactions(lines, item_count=40)
    unordered = CooccurrenceConfig(user_exponent=0.0, target_exponent=0.0)
    ordered = OrderedConfig(gap=1, back=0.0, together=0.0)
    blend = BlendConfig(parts=(unordered, ordered), step_decay=0.5)
    parts = create_trainer(blend).fit(data, seed=0)
    assert parts.facts["weight_1"] >= parts.facts["weight_0"]
    assert parts.facts["validation_ndcg_at_20"] > 0.9


def test_what_is_hidden_is_the_newest_and_is_gone() -> None:
    """One of five items of each person: the last; its lines are gone too."""
    lines = [(user, item, float(item)) for user in range(3) for item in range(5)]
    data = interactions(lines, item_count=5)
    rest, sample, targets = hold_out(data, HistoryConfig(), rng=np.random.default_rng(0))
    assert targets.items.tolist() == [4, 4, 4]
    assert dense_of(rest.weights, 5).sum(axis=0).tolist() == [3, 3, 3, 3, 0]
    assert dense_of(sample.weights, 5)[:, 4].tolist() == [0, 0, 0]
    assert rest.lines is not None
    assert 4 not in rest.lines().items


def test_sums_keep_the_largest_amounts_of_each_row() -> None:
    """Negative ones too."""
    one = CsrMatrix(
        np.array([0, 2, 2]), np.array([0, 1], dtype=np.int32), np.array([1.0, -4.0], np.float32)
    )
    two = CsrMatrix(
        np.array([0, 1, 2]), np.array([0, 1], dtype=np.int32), np.array([1.0, 5.0], np.float32)
    )
    both = summed_links([(one, 1.0), (two, 2.0)], neighbours=2)
    assert both is not None
    assert dense_of(both, 2).tolist() == [[3.0, -4.0], [0.0, 10.0]]
    pruned = summed_links([(one, 1.0), (two, 2.0)], neighbours=1)
    assert pruned is not None
    assert dense_of(pruned, 2).tolist() == [[0.0, -4.0], [0.0, 10.0]]
    assert summed_links([], neighbours=1) is None


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({}, "parts are missing"),
        ({"parts": (IalsConfig(), AlsConfig())}, "two parts have factors"),
        ({"parts": (IalsConfig(),), "weights": (1.0, 2.0)}, "2 weights for 1 parts"),
        ({"parts": (OrderedConfig(step_decay=0.5),)}, "step_decay of a part"),
        ({"parts": (IalsConfig(),), "weights": (0.0,)}, "weights are all 0"),
    ],
)
def test_blends_refuse_what_cannot_be_meant(fields: dict[str, object], problem: str) -> None:
    """With the reason."""
    with pytest.raises(ValueError, match=problem):
        BlendConfig(**fields)  # type: ignore[arg-type]  # a table of fields
