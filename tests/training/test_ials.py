"""Our iALS against dense algebra, and what serving makes of its factors."""

import numpy as np
import pytest

from recsys.bundle.writer import gram_matrix
from recsys.scoring import FoldIn
from support.interactions import dense_of, from_dense
from training.models import IalsConfig, Interactions, create_trainer
from training.models import ials as ials_module
from training.models.protocol import ModelParts

EXACT = {"passes": 100, "tolerance": 0.0}


def shop(*, user_count: int = 80, item_count: int = 50, seed: int = 3) -> Interactions:
    """Two tastes, some noise, weights between 0.5 and 3."""
    rng = np.random.default_rng(seed)
    same = np.arange(user_count)[:, None] % 2 == np.arange(item_count) % 2
    chosen = rng.random((user_count, item_count)) < np.where(same, 0.4, 0.04)
    chosen[:, 0] |= ~chosen.any(axis=1)
    weights = np.where(chosen, rng.uniform(0.5, 3.0, chosen.shape), 0.0)
    return from_dense(weights.astype(np.float32))


def dense(data: Interactions) -> np.ndarray:
    """The weights as a dense matrix."""
    return dense_of(data.weights, data.item_count)


def half_step(weights: np.ndarray, fixed: np.ndarray, config: IalsConfig) -> np.ndarray:
    """Solve every row of one side by the textbook."""
    unobserved, solved = config.unobserved_weight, []
    for row in weights:
        confidence = unobserved + config.alpha * row
        size = np.count_nonzero(row) + unobserved * len(row)
        ridge = config.regularization * size**config.regularization_exponent
        system = fixed.T @ (confidence[:, None] * fixed) + ridge * np.eye(fixed.shape[1])
        solved.append(np.linalg.solve(system, fixed.T @ np.where(row > 0, confidence, 0.0)))
    return np.array(solved)


@pytest.mark.parametrize("factors", [1, 5, 16, 40])
def test_alternation_is_that_of_the_textbook(factors: int) -> None:
    """Turned factors give the same scores as exact alternation from the same start."""
    data = shop()
    config = IalsConfig(factors=factors, iterations=3, unobserved_weight=0.1, **EXACT)
    parts = create_trainer(config).fit(data, seed=5)
    items = ials_module._first(None, config=config, count=data.item_count, seed=5)
    weights = dense(data)
    for _ in range(config.iterations):
        users = half_step(weights, items.astype(np.float64), config)
        items = half_step(weights.T, users, config)
    assert parts.item_factors is not None
    expected = half_step(weights, items, config) @ items.T
    found = half_step(weights, parts.item_factors, config) @ parts.item_factors.T
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-4)


def test_serving_solves_the_same_objective() -> None:
    """The fold-in of a bundle is the user step of training, by the short way and the long."""
    data = shop()
    config = IalsConfig(factors=24, unobserved_weight=0.05, regularization=0.3)
    parts = create_trainer(config).fit(data, seed=1)
    assert parts.item_factors is not None
    assert parts.fold_in is not None
    solver = FoldIn(
        item_factors=parts.item_factors,
        gram=gram_matrix(parts.item_factors),
        config=parts.fold_in,
    )
    expected = half_step(dense(data), parts.item_factors.astype(np.float64), config)
    np.testing.assert_allclose(solver.solve_batch(data.weights), expected, rtol=1e-3, atol=1e-4)


def test_factors_lie_along_their_principal_axes() -> None:
    """Their Gram matrix is diagonal and falls, which is what makes fold-in fast."""
    parts = create_trainer(IalsConfig(factors=20)).fit(shop(), seed=2)
    assert parts.item_factors is not None
    gram = gram_matrix(parts.item_factors)
    assert np.count_nonzero(gram) == np.count_nonzero(np.diagonal(gram))
    assert np.all(np.diff(np.diagonal(gram)) <= 0)


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same bits from one thread and from five."""
    found = []
    for count in (1, 5):
        monkeypatch.setattr(ials_module, "thread_count", lambda count=count: count)
        parts = create_trainer(IalsConfig(factors=12)).fit(shop(), seed=2)
        assert parts.item_factors is not None
        found.append(parts.item_factors.tobytes())
    assert found[0] == found[1]


def test_the_loss_falls_and_is_the_objective() -> None:
    """What is reported is the sum over all pairs, by hand, per interaction."""
    data = shop()
    told: list[float] = []
    config = IalsConfig(factors=6, iterations=4, training_loss=True, **EXACT)

    def report(_number: int, seconds: float, loss: float | None) -> None:
        assert seconds >= 0
        assert loss is not None
        told.append(loss)

    parts = create_trainer(config).fit(data, seed=0, report=report)
    assert told == sorted(told, reverse=True)
    assert parts.facts["final_loss"] == told[-1]
    # The best users for these items can only lower it, and after a round they barely do.
    assert objective(parts, data, config) == pytest.approx(told[-1], rel=0.05)
    assert objective(parts, data, config) < told[-1]


def objective(parts: ModelParts, data: Interactions, config: IalsConfig) -> float:
    """The loss of item factors with the best users, per interaction."""
    assert parts.item_factors is not None
    weights, items = dense(data), parts.item_factors.astype(np.float64)
    users = half_step(weights, items, config)
    confidence = config.unobserved_weight + config.alpha * weights
    loss = np.sum(confidence * ((weights > 0) - users @ items.T) ** 2)
    for side, vectors in ((weights, users), (weights.T, items)):
        sizes = np.count_nonzero(side, axis=1) + config.unobserved_weight * side.shape[1]
        ridges = config.regularization * sizes**config.regularization_exponent
        loss += ridges @ np.square(vectors).sum(axis=1)
    return float(loss / len(data.weights.data))


def test_a_warm_start_gets_further_in_fewer_rounds() -> None:
    """Three rounds from an earlier fit, with two new items, beat three from chance."""
    data = shop()
    config = IalsConfig(factors=8, iterations=20, warm_iterations=2, training_loss=True)
    trainer = create_trainer(config)
    start = trainer.fit(data, seed=1).item_factors
    assert start is not None
    start[:2] = np.nan
    warm = trainer.fit(data, seed=2, start=start)
    cold = create_trainer(IalsConfig(factors=8, iterations=2, training_loss=True)).fit(data, seed=2)
    assert warm.item_factors is not None
    assert np.isfinite(warm.item_factors).all()
    assert warm.facts["final_loss"] < cold.facts["final_loss"]
