"""Factors whose user vectors were learned by gradient steps, made ready for fold-in.

Serving folds a user vector in from the history by least squares on the item vectors. Its
length differs from that of the learned vector, so the item biases (the prior) are brought
to the same scale: over a sample of training users, `c` is fitted such that
`c * folded` is nearest to the learned vectors, and the prior is `bias / c`. The order of
scores is then that of `c * folded . y + bias`. `facts` says how well the two agree.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.features import FoldInConfig
from recsys.scoring import FoldIn
from training.models.protocol import Interactions, ModelParts
from training.ragged import take_rows

_CALIBRATION_USER_COUNT_MAX = 2_000


def folded_parts(
    interactions: Interactions,
    *,
    item_factors: NDArray[np.float32],
    item_biases: NDArray[np.float32],
    user_factors: NDArray[np.float32],
    fold_in: FoldInConfig,
    seed: int,
) -> ModelParts:
    """Bring biases to the scale of fold-in.

    Args:
        interactions: What was learned from.
        item_factors: Shape (n, f).
        item_biases: Shape (n,).
        user_factors: As learned, of all users trained on, shape (users, f).
        fold_in: How serving solves for user vectors.
        seed: Source of the sample of users.
    """
    factors = np.ascontiguousarray(item_factors, dtype=np.float32)
    weights = interactions.weights
    users = np.flatnonzero(np.diff(weights.indptr))
    if len(users) > _CALIBRATION_USER_COUNT_MAX:
        rng = np.random.default_rng(seed)
        users = np.sort(rng.choice(users, _CALIBRATION_USER_COUNT_MAX, replace=False))
    solver = FoldIn.of_factors(factors, fold_in)
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
        fold_in=fold_in,
        prior=(item_biases.astype(np.float64) / scale).astype(np.float32),
        facts={"fold_in_cosine": cosine, "fold_in_scale": scale},
    )
