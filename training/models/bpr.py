"""Bayesian personalised ranking (Rendle et al. 2009), by `implicit`.

BPR learns user vectors by gradient steps; `training.models.folded` says how that fits
serving, which folds them in.

One thread, because `implicit`'s threads overwrite each other's steps and no
seed would reproduce a run.
"""

from dataclasses import dataclass

import numpy as np
from implicit.cpu.bpr import BayesianPersonalizedRanking
from numpy.typing import NDArray

from training.models.folded import FoldedConfig, folded_parts
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    ignore_iteration,
)
from training.models.threads import one_blas_thread, to_scipy


class BprConfig(FoldedConfig, frozen=True, kw_only=True, tag="bpr"):
    """Pairwise ranking: what was touched above what was not.

    Attributes:
        factors: Length of item vectors, 1 to 1024.
        learning_rate: Step size, positive.
        regularization: Pull of vectors towards 0 while learning, 0 or more.
        iterations: Passes over the interactions, 1 to 1000.
        fold_in_alpha: Confidence per unit of event weight when a user vector is
            folded in, positive.
        fold_in_regularization: Regularisation of the fold-in, positive.
    """

    learning_rate: float = 0.01
    regularization: float = 0.01
    iterations: int = 100


@dataclass(frozen=True, slots=True)
class BprTrainer:
    """Learns item factors and biases."""

    config: BprConfig

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
            model = BayesianPersonalizedRanking(
                factors=config.factors,
                learning_rate=config.learning_rate,
                regularization=config.regularization,
                iterations=config.iterations,
                num_threads=1,
                random_state=seed,
            )
            model.fit(to_scipy(interactions), show_progress=progress)
        # implicit keeps the bias as the last column, against a constant 1 in user vectors.
        return folded_parts(
            interactions,
            config,
            item_factors=model.item_factors[:, :-1],
            item_biases=model.item_factors[:, -1],
            user_factors=model.user_factors[:, :-1],
            seed=seed,
        )
