"""Every trainer keeps one contract, on a shop where the right answer is obvious."""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from recsys.bundle.writer import gram_matrix
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix
from support.shops import checkerboard, write_dataset
from training.config import TrainConfig
from training.fit import prepare
from training.interactions import read_events
from training.models import (
    AlsConfig,
    Bm25Config,
    BprConfig,
    CooccurrenceConfig,
    CosineConfig,
    EaseConfig,
    IalsConfig,
    Interactions,
    LmfConfig,
    ModelConfig,
    ModelParts,
    OrderedConfig,
    PopularityConfig,
    TfidfConfig,
    create_trainer,
)
from training.models.popularity import PRIOR_SHARE, popularity_prior
from training.models.threads import to_scipy
from training.ragged import take_rows

PERSONAL: list[ModelConfig] = [
    IalsConfig(factors=8),
    CooccurrenceConfig(neighbours=50),
    OrderedConfig(neighbours=50),
    EaseConfig(neighbours=50, regularization=1.0),
    AlsConfig(factors=8),
    BprConfig(factors=8, learning_rate=0.05),
    LmfConfig(factors=8),
    CosineConfig(neighbours=50),
    TfidfConfig(neighbours=50),
    Bm25Config(neighbours=50),
]
ALL: list[ModelConfig] = [*PERSONAL, PopularityConfig()]


def _name(config: ModelConfig) -> str:
    return type(config).__name__


@pytest.fixture(scope="module")
def interactions(tmp_path_factory: pytest.TempPathFactory) -> Interactions:
    """The whole checkerboard as a matrix."""
    dataset = write_dataset(tmp_path_factory.mktemp("shop") / "data", checkerboard())
    events = read_events(dataset)
    config = TrainConfig()
    now = float(events.times.max())
    return prepare(events, config=config, features=config.features, now=now).interactions


def _top(parts: ModelParts, histories: CsrMatrix, k: int, *, item_count: int) -> np.ndarray:
    """Rank new items with the serving kernel."""
    vectors = None
    if parts.item_factors is not None:
        assert parts.fold_in is not None
        solver = FoldIn(
            item_factors=parts.item_factors,
            gram=gram_matrix(parts.item_factors),
            config=parts.fold_in,
        )
        vectors = solver.solve_batch(histories, threads=1)
    scorer = Scorer(
        item_count=item_count,
        item_factors=parts.item_factors,
        prior=parts.prior,
        item_item=parts.item_item,
    )
    ranked = scorer.top_k(
        vectors,
        k,
        history=None if parts.item_item is None else histories,
        excluded=RaggedRows(histories.indptr, histories.indices),
    )
    assert ranked.counts.min() == k
    return ranked.items


@pytest.mark.parametrize("config", ALL, ids=_name)
def test_parts_fit_a_bundle(config: ModelConfig, interactions: Interactions) -> None:
    """Right types and shapes, all finite, columns of item-item rows ascending."""
    parts = create_trainer(config).fit(interactions, seed=1)
    count = interactions.item_count
    assert any(part is not None for part in (parts.item_factors, parts.prior, parts.item_item))
    assert (parts.item_factors is None) == (parts.fold_in is None)
    if parts.item_factors is not None:
        assert parts.item_factors.dtype == np.float32
        assert parts.item_factors.shape == (count, 8)
        assert parts.item_factors.flags.c_contiguous
        assert np.isfinite(parts.item_factors).all()
    if parts.prior is not None:
        assert (parts.prior.dtype, parts.prior.shape) == (np.float32, (count,))
        assert np.isfinite(parts.prior).all()
    if parts.item_item is not None:
        assert parts.item_item.problem(column_count=count) is None
        assert parts.item_item.row_count == count
        for row in range(count):
            assert np.all(np.diff(parts.item_item.row(row)[0]) > 0)


@pytest.mark.parametrize("config", ALL, ids=_name)
def test_the_same_seed_gives_the_same_model(
    config: ModelConfig, interactions: Interactions
) -> None:
    """To the last bit."""
    one, two = (create_trainer(config).fit(interactions, seed=3) for _ in range(2))
    for name in ("item_factors", "prior"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    if one.item_item is not None and two.item_item is not None:
        np.testing.assert_array_equal(one.item_item.data, two.item_item.data)


@pytest.mark.parametrize("config", PERSONAL, ids=_name)
def test_people_get_what_their_taste_says(config: ModelConfig, interactions: Interactions) -> None:
    """Even people get even items first, although popularity knows no difference."""
    parts = create_trainer(config).fit(interactions, seed=5)
    top = _top(parts, interactions.weights, 3, item_count=interactions.item_count)
    owners = np.arange(interactions.user_count)[:, None]
    right = np.mean(top % 2 == owners % 2)
    assert right > 0.95, right


def test_popularity_does_not_know_taste(interactions: Interactions) -> None:
    """The check above can fail: it does so for the popular list."""
    parts = create_trainer(PopularityConfig()).fit(interactions, seed=5)
    histories = take_rows(interactions.weights, np.arange(interactions.user_count))
    scorer = Scorer(item_count=interactions.item_count, item_factors=None, prior=parts.prior)
    top = scorer.top_k(None, 3, history=histories).items
    owners = np.arange(interactions.user_count)[:, None]
    assert np.mean(top % 2 == owners % 2) < 0.8
    assert np.argmax(interactions.popularity) == top[0, 0]


def test_fold_in_solves_what_als_solves_for_a_user(interactions: Interactions) -> None:
    """Confidences handed to `implicit` make its user step that of serving."""
    config = AlsConfig(factors=8, alpha=7.0, regularization=2.0)
    parts = create_trainer(config).fit(interactions, seed=2)
    assert parts.item_factors is not None
    assert parts.fold_in is not None
    confidences = to_scipy(interactions)
    confidences.data = 1.0 + config.alpha * confidences.data
    with threadpool_limits(1, "blas"):
        theirs = AlternatingLeastSquares(factors=8, regularization=2.0, alpha=1.0)
        theirs.item_factors = parts.item_factors
        users = np.arange(interactions.user_count)
        expected = theirs.recalculate_user(users, confidences)
    solver = FoldIn(
        item_factors=parts.item_factors,
        gram=gram_matrix(parts.item_factors),
        config=parts.fold_in,
    )
    found = solver.solve_batch(interactions.weights, threads=1)
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-4)


def test_als_reports_its_iterations_and_loss(interactions: Interactions) -> None:
    """The loss falls."""
    told: list[tuple[int, float | None]] = []
    config = AlsConfig(factors=4, iterations=5, training_loss=True)
    parts = create_trainer(config).fit(
        interactions, seed=0, report=lambda number, _seconds, loss: told.append((number, loss))
    )
    assert [number for number, _ in told] == [0, 1, 2, 3, 4]
    losses = [loss for _, loss in told if loss is not None]
    assert losses[-1] < losses[0]
    assert parts.facts["final_loss"] == pytest.approx(losses[-1])


@pytest.mark.parametrize(
    "config", [CosineConfig(neighbours=5), TfidfConfig(neighbours=5), Bm25Config(neighbours=5)]
)
def test_the_prior_of_neighbours_stays_below_every_contribution(
    config: ModelConfig, interactions: Interactions
) -> None:
    """Any item that a history of ordinary weight reaches outranks all that it does not."""
    parts = create_trainer(config).fit(interactions, seed=0)
    assert parts.item_item is not None
    assert parts.prior is not None
    assert np.all(parts.prior > 0)
    assert parts.prior.max() <= PRIOR_SHARE * parts.item_item.data.min() * (1 + 1e-6)
    order = np.argsort(-parts.prior, kind="stable")
    assert np.all(np.diff(interactions.popularity[order]) <= 0)


def test_neighbours_are_pruned_by_history_item(interactions: Interactions) -> None:
    """Each row keeps at most that many; a self weight of 0 takes the diagonal out."""
    parts = create_trainer(CosineConfig(neighbours=4, self_weight=0.0)).fit(interactions, seed=0)
    assert parts.item_item is not None
    lengths = np.diff(parts.item_item.indptr)
    assert lengths.max() <= 4
    for row in range(interactions.item_count):
        assert row not in parts.item_item.row(row)[0]


def test_popularity_priors_order_as_popularity_does() -> None:
    """Equal amounts stay equal."""
    prior = popularity_prior(np.array([5.0, 0.0, 5.0, 1e-9]), scale=2.0)
    assert prior.tolist() == pytest.approx([2.0, 2 / 3, 2.0, 4 / 3])


@pytest.mark.parametrize(
    "config", [BprConfig(factors=8, learning_rate=0.05), LmfConfig(factors=8)], ids=_name
)
def test_gradient_steps_say_how_well_their_fold_in_agrees(
    config: ModelConfig, interactions: Interactions
) -> None:
    """On this shop, folded and learned user vectors point the same way."""
    parts = create_trainer(config).fit(interactions, seed=0)
    assert parts.facts["fold_in_cosine"] > 0.5
    assert parts.facts["fold_in_scale"] > 0


def test_configurations_name_their_files() -> None:
    """The tag in the file is the model type of the bundle."""
    tags = {type(config).__struct_config__.tag for config in ALL}
    assert tags == {
        "ials",
        "cooccurrence",
        "ordered",
        "ease",
        "als",
        "bpr",
        "lmf",
        "cosine",
        "tfidf",
        "bm25",
        "popularity",
    }


def test_a_warm_start_is_as_good_as_a_cold_one_in_fewer_rounds(
    interactions: Interactions,
) -> None:
    """Starting from a fit of half the users, few rounds reach the loss of many."""
    config = AlsConfig(factors=8, training_loss=True)
    trainer = create_trainer(config)
    half = Interactions(
        weights=take_rows(interactions.weights, np.arange(0, interactions.user_count, 2)),
        item_count=interactions.item_count,
        popularity=interactions.popularity,
    )
    start = trainer.fit(half, seed=1).item_factors
    assert start is not None
    start[:2] = np.nan  # Two items that the earlier fit did not have.
    cold = trainer.fit(interactions, seed=1)
    rounds: list[int] = []
    warm = trainer.fit(
        interactions,
        seed=1,
        start=start,
        report=lambda iteration, _seconds, _loss: rounds.append(iteration),
    )
    assert len(rounds) == config.warm_iterations < config.iterations
    assert warm.item_factors is not None
    assert np.isfinite(warm.item_factors).all()
    assert warm.facts["final_loss"] < 1.05 * cold.facts["final_loss"]
