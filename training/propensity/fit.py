"""A logistic regression of who redeems what, its strength chosen on later views."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from recsys.offers.features import FEATURE_NAMES
from recsys.offers.learned import Column, Odds
from training.propensity.judge import log_loss

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
Flags = NDArray[np.bool_]

STRENGTHS: Final = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.1, 1.0)
"""Inverse strengths of the regularisation that are tried."""

_STEPS_MAX: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What was learned.

    Attributes:
        intercept: Log odds where all columns are at their means.
        columns: One for each of `FEATURE_NAMES`.
    """

    intercept: float
    columns: tuple[Column, ...]

    @property
    def odds(self) -> Odds:
        """The arithmetic that serving uses."""
        return Odds(self.columns, self.intercept)


def fit(features: F32, redeemed: Flags, *, inverse_strength: float) -> Fitted:
    """Fit to views; a column that says the same of all of them gets no weight.

    Args:
        features: Shape (m, len(FEATURE_NAMES)).
        redeemed: Which were redeemed, at least one and not all.
        inverse_strength: Of the regularisation, positive.
    """
    means = features.mean(axis=0, dtype=np.float64)
    scales = features.std(axis=0, dtype=np.float64)
    varies = scales > 1e-6 * np.maximum(1.0, np.abs(means))
    scales[~varies] = 1.0
    standard = ((features - means) / scales)[:, varies]
    # Unweighted, so that what is foretold of views adds up to what happened.
    model = LogisticRegression(C=inverse_strength, max_iter=_STEPS_MAX)
    model.fit(standard, redeemed)
    weights = np.zeros(len(FEATURE_NAMES))
    weights[varies] = model.coef_[0]
    return Fitted(
        intercept=float(model.intercept_[0]),
        columns=tuple(
            Column(
                name=name,
                mean=float(means[at]),
                scale=float(scales[at]),
                low=float(features[:, at].min()),
                high=float(features[:, at].max()),
                weight=float(weights[at]),
            )
            for at, name in enumerate(FEATURE_NAMES)
        ),
    )


def chosen_strength(
    learned_from: tuple[F32, Flags],
    measured_on: tuple[F32, Flags],
    *,
    strengths: Sequence[float] = STRENGTHS,
) -> float:
    """Return the inverse strength with the smallest log loss on later views.

    Args:
        learned_from: Features of earlier views, and which were redeemed.
        measured_on: The same of later ones.
        strengths: What is tried.
    """

    def loss(strength: float) -> float:
        odds = fit(*learned_from, inverse_strength=strength).odds
        return log_loss(odds.probabilities(measured_on[0]), measured_on[1])

    return min(strengths, key=loss)
