"""Alternating least squares on confidences (Hu, Koren, Volinsky 2008), by `implicit`.

The matrix handed over holds the confidence `1 + alpha * weight` itself, so the
normal equations of its user step are those of `recsys.scoring.FoldIn`. The user
factors are thrown away: serving solves for them anew from the history.
Same seed, same data: same factors, for any number of threads, because each row
is solved alone and BLAS is held to one thread.
"""

import math
from dataclasses import dataclass

import msgspec
import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray

from recsys.features import FoldInConfig
from training.models.checks import check_iterations, check_weight
from training.models.popularity import share_prior
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    ignore_iteration,
)
from training.models.threads import one_blas_thread, to_scipy


class AlsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="als"):
    """Matrix factorisation. The all-round default.

    Attributes:
        factors: Length of item vectors, 1 to 1024.
        alpha: Confidence per unit of event weight, positive. Libraries' default
            of 1 trusts what people did far too little.
        regularization: Added to the diagonal of the normal equations, positive.
        popularity_weight: What the share of users who have an item adds to its score,
            0 or more. Steadies answers where histories are short.
        iterations: Rounds of users and items, 1 to 1000.
        warm_iterations: Rounds when the start is an earlier fit (the published model
            starts from the measured one), 1 to 1000.
        training_loss: Whether to log the loss after each round (costs about a
            tenth of the time).
    """

    factors: int = 64
    alpha: float = 20.0
    regularization: float = 10.0
    popularity_weight: float = 1.0
    iterations: int = 15
    warm_iterations: int = 2
    training_loss: bool = False

    def __post_init__(self) -> None:
        check_iterations(factors=self.factors, iterations=self.iterations)
        check_iterations(factors=self.factors, iterations=self.warm_iterations)
        check_weight("popularity_weight", self.popularity_weight)
        FoldInConfig(alpha=self.alpha, regularization=self.regularization)


@dataclass(frozen=True, slots=True)
class AlsTrainer:
    """Learns item factors."""

    config: AlsConfig

    def fit(
        self,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        """Learn item factors; see `training.models.protocol.Trainer`."""
        config = self.config
        confidences = to_scipy(interactions)
        confidences.data = (1.0 + config.alpha * confidences.data).astype(np.float32)
        losses: list[float] = []

        def told(iteration: int, seconds: float, loss: float | None) -> None:
            if loss is not None and math.isfinite(loss):
                losses.append(float(loss))
            report(iteration, seconds, loss)

        with one_blas_thread():
            model = AlternatingLeastSquares(
                factors=config.factors,
                regularization=config.regularization,
                alpha=1.0,  # already in the confidences
                iterations=config.iterations if start is None else config.warm_iterations,
                calculate_training_loss=config.training_loss,
                random_state=seed,
            )
            if start is not None:
                model.item_factors = _warm(start, seed=seed)
            model.fit(confidences, show_progress=progress, callback=told)
        return ModelParts(
            item_factors=np.ascontiguousarray(model.item_factors, dtype=np.float32),
            fold_in=FoldInConfig(alpha=config.alpha, regularization=config.regularization),
            prior=share_prior(interactions, config.popularity_weight)
            if config.popularity_weight
            else None,
            facts={"final_loss": losses[-1]} if losses else {},
        )


def _warm(start: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """Fill the rows that an earlier fit did not have as `implicit` fills all of them."""
    factors = start.copy()
    new = np.isnan(factors).any(axis=1)
    rng = np.random.default_rng(seed)
    drawn = rng.random((int(new.sum()), factors.shape[1]), dtype=np.float32)
    factors[new] = (drawn - np.float32(0.5)) / factors.shape[1]
    return factors
