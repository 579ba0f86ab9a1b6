"""Factors whose user vectors were learned by gradient steps, made ready for fold-in.

Serving folds a user vector in from the history by least squares on the item vectors. Its
length differs from that of the learned vector, so the item biases (the prior) are brought
to the same scale: over a sample of training users, `c` is fitted such that
`c * folded` is nearest to the learned vectors, and the prior is `bias / c`. The order of
scores is then that of `c * folded . y + bias`. `facts` says how well the two agree.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.features import FoldInConfig
from recsys.scoring import FoldIn
from training.models.checks import check_iterations, check_weight
from training.models.protocol import Interactions, ModelParts
from training.ragged import take_rows

_CALIBRATION_USER_COUNT_MAX = 2_000


class FoldedConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What such models have in common; they say what it means.

    Attributes:
        factors: Length of item vectors, 1 to 1024.
        learning_rate: Step size, positive.
        regularization: Pull of vectors towards 0 while learning, 0 or more.
        iterations: Passes over the interactions, 1 to 1000.
        fold_in_alpha: Confidence per unit of event weight when a user vector is
            folded in, positive.
        fold_in_regularization: Regularisation of the fold-in, positive.
    """

    factors: int = 64
    learning_rate: float
    regularization: float
    iterations: int
    fold_in_alpha: float = 5.0
    fold_in_regularization: float = 10.0

    def __post_init__(self) -> None:
        check_iterations(factors=self.factors, iterations=self.iterations)
        if not 0 < self.learning_rate < np.inf:
            raise ValueError(f"learning_rate is {self.learning_rate}; it must be positive")
        check_weight("regularization", self.regularization)
        self.fold_in()

    def fold_in(self) -> FoldInConfig:
        """Return how serving solves for user vectors."""
        return FoldInConfig(alpha=self.fold_in_alpha, regularization=self.fold_in_regularization)


def folded_parts(
    interactions: Interactions,
    config: FoldedConfig,
    *,
    item_factors: NDArray[np.float32],
    item_biases: NDArray[np.float32],
    user_factors: NDArray[np.float32],
    seed: int,
) -> ModelParts:
    """Bring biases to the scale of fold-in.

    Args:
        interactions: What was learned from.
        config: How.
        item_factors: Shape (n, f).
        item_biases: Shape (n,).
        user_factors: As learned, of all users trained on, shape (users, f).
        seed: Source of the sample of users.
    """
    factors = np.ascontiguousarray(item_factors, dtype=np.float32)
    weights = interactions.weights
    users = np.flatnonzero(np.diff(weights.indptr))
    if len(users) > _CALIBRATION_USER_COUNT_MAX:
        rng = np.random.default_rng(seed)
        users = np.sort(rng.choice(users, _CALIBRATION_USER_COUNT_MAX, replace=False))
    solver = FoldIn.of_factors(factors, config.fold_in())
    folded = solver.solve_batch(take_rows(weights, users), threads=1).astype(np.float64)
    own = user_factors[users].astype(np.float64)
    products = np.einsum("uf,uf->u", folded, own)
    lengths = np.linalg.norm(folded, axis=1) * np.linalg.norm(own, axis=1)
    scale = float(products.sum() / max(np.square(folded).sum(), np.finfo(float).tiny))
    cosine = float(np.mean(products / np.maximum(lengths, np.finfo(float).tiny)))
    # A fit that points away from its own fold-in has learned nothing to scale by.
    scale = scale if scale > 0 else 1.0
    return ModelParts(
        item_factors=factors,
        fold_in=config.fold_in(),
        prior=(item_biases.astype(np.float64) / scale).astype(np.float32),
        facts={"fold_in_cosine": cosine, "fold_in_scale": scale},
    )
