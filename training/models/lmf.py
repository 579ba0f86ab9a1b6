"""Logistic matrix factorisation (Johnson 2014), by `implicit`.

The probability of contact is a logistic function of a product of vectors and two biases,
fitted by gradient ascent with sampled negatives. `training.models.folded` says how
vectors that were learned like that fit serving, which folds them in. One thread, so
that a seed reproduces a run.
"""

from dataclasses import dataclass

import numpy as np
from implicit.cpu.lmf import LogisticMatrixFactorization
from numpy.typing import NDArray

from training.models.folded import FoldedConfig, folded_parts
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    ignore_iteration,
)
from training.models.threads import one_blas_thread, to_scipy

_NEGATIVE_COUNT_MAX = 1_000


class LmfConfig(FoldedConfig, frozen=True, kw_only=True, tag="lmf"):
    """Logistic matrix factorisation: the probability of contact. For comparison.

    Attributes:
        factors: Length of item vectors, 1 to 1024.
        learning_rate: Step size, positive.
        regularization: Pull of vectors towards 0 while learning, 0 or more.
        iterations: Passes over the interactions, 1 to 1000.
        negatives: Items sampled as not wanted for each one of a user, 1 to 1000.
        fold_in_alpha: Confidence per unit of event weight when a user vector is
            folded in, positive.
        fold_in_regularization: Regularisation of the fold-in, positive.
    """

    learning_rate: float = 1.0
    regularization: float = 0.6
    iterations: int = 30
    negatives: int = 30

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.negatives <= _NEGATIVE_COUNT_MAX:
            raise ValueError(f"negatives is {self.negatives}; allowed 1 to {_NEGATIVE_COUNT_MAX}")


@dataclass(frozen=True, slots=True)
class LmfTrainer:
    """Learns item factors and biases."""

    config: LmfConfig

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
        # implicit reports numbers of its own sampling, not a loss, and starts at chance.
        del report, start
        with one_blas_thread():
            model = LogisticMatrixFactorization(
                factors=config.factors,
                learning_rate=config.learning_rate,
                regularization=config.regularization,
                iterations=config.iterations,
                neg_prop=config.negatives,
                num_threads=1,
                random_state=seed,
            )
            model.fit(to_scipy(interactions), show_progress=progress)
        # implicit keeps the items' bias in the last column but one, against a constant 1 of
        # the users; the last column is the same the other way round.
        return folded_parts(
            interactions,
            config,
            item_factors=model.item_factors[:, :-2],
            item_biases=model.item_factors[:, -2],
            user_factors=model.user_factors[:, :-2],
            seed=seed,
        )
