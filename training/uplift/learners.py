"""What a treatment changes for whom: doubly robust scores, and models of them.

The score of a person under an arm is unbiased for her expected outcome there, because the lot's
probabilities are known, and varies little because models take out what can be foretold
(Kennedy 2023, "Towards optimal doubly robust estimation of heterogeneous causal effects").
Models of outcomes are fitted on other people than those that they are used for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from training.uplift.experiment import F64, I64, Experiment

FOLDS = 5
EQUAL, LINEAR = "equal", "linear"

LEARNERS: Mapping[str, Callable[[], Any]] = {
    EQUAL: DummyRegressor,
    LINEAR: lambda: make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 6, 13))),
    "boosted": lambda: HistGradientBoostingRegressor(
        max_iter=60,
        learning_rate=0.05,
        max_leaf_nodes=6,
        min_samples_leaf=500,
        l2_regularization=10.0,
        early_stopping=False,
        random_state=0,
    ),
}
"""Models of what changes, the simplest first; `equal` says that it is the same for everybody."""

CLEAR = 1.0
"""Standard errors by which a learner has to be better than `equal`. Sending by what cannot be told
from chance does worse than sending by lot: the best of two arms is then the luckier one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learned:
    """What arms change, as a model of features.

    Attributes:
        learner: Which of `LEARNERS` was chosen.
        errors: Mean squared error of each learner on people that it did not see, less that of
            `equal`, in standard errors of that difference; below 0 is better.
        models: One for each arm but the control.
    """

    learner: str
    errors: Mapping[str, float]
    models: tuple[Any, ...]

    def uplift(self, features: F64) -> F64:
        """Return what each arm but the control is expected to change, shape (people, arms - 1)."""
        found: F64 = np.column_stack([model.predict(features) for model in self.models])
        return found


def pseudo_outcomes(
    experiment: Experiment, *, rng: np.random.Generator, chances: F64 | None = None
) -> F64:
    """Return doubly robust scores of each person under each arm, shape (people, arms).

    Args:
        experiment: What happened.
        rng: Source of all chance.
        chances: How likely each arm was by the lot, shape (arms,); None for as often as it came.
    """
    people, arm_count = len(experiment.arms), len(experiment.arm_names)
    folds = folds_of(people, rng)
    foretold = np.zeros((people, arm_count))
    # Threads of trees wait for each other in loops, which a busy machine turns into minutes.
    with threadpool_limits(1):
        for fold in range(FOLDS):
            for arm in range(arm_count):
                seen = (folds != fold) & (experiment.arms == arm)
                model = HistGradientBoostingRegressor(
                    max_iter=80,
                    learning_rate=0.05,
                    max_leaf_nodes=8,
                    min_samples_leaf=100,
                    early_stopping=False,
                    random_state=0,
                ).fit(experiment.features[seen], experiment.outcomes[seen])
                asked = folds == fold
                foretold[asked, arm] = model.predict(experiment.features[asked])
    got = experiment.arms[:, None] == np.arange(arm_count)
    surprise = experiment.outcomes[:, None] - foretold
    scores: F64 = foretold + got * surprise / (experiment.shares if chances is None else chances)
    return scores


def learn(
    experiment: Experiment,
    scores: F64,
    *,
    rng: np.random.Generator,
    learners: Sequence[str] = tuple(LEARNERS),
) -> Learned:
    """Fit the learner that is best on people it does not see.

    Args:
        experiment: The people to learn from.
        scores: Their `pseudo_outcomes`.
        rng: Source of all chance.
        learners: Which of `LEARNERS` are tried; `equal` always is.
    """
    changes = scores[:, 1:] - scores[:, :1]
    folds = folds_of(len(changes), rng)
    with threadpool_limits(1):
        squares = {
            name: _squares(experiment.features, changes, folds, name)
            for name in dict.fromkeys((EQUAL, *learners))
        }
        errors = {
            name: _standard_errors(square - squares[EQUAL]) for name, square in squares.items()
        }
        best = min(errors, key=lambda name: errors[name])
        if errors[best] > -CLEAR:
            best = EQUAL
        models = tuple(
            LEARNERS[best]().fit(experiment.features, changes[:, arm])
            for arm in range(changes.shape[1])
        )
    return Learned(learner=best, errors=errors, models=models)


def folds_of(count: int, rng: np.random.Generator) -> I64:
    """Return a fold for each of so many people, all of about equal size."""
    found: I64 = rng.permutation(count) % FOLDS
    return found


def _squares(features: F64, changes: F64, folds: I64, name: str) -> F64:
    """Return the squared error of each person by a model fitted without her."""
    squares = np.zeros(len(changes))
    for fold in range(FOLDS):
        seen, asked = folds != fold, folds == fold
        for arm in range(changes.shape[1]):
            model = LEARNERS[name]().fit(features[seen], changes[seen, arm])
            squares[asked] += (changes[asked, arm] - model.predict(features[asked])) ** 2
    return squares


def _standard_errors(differences: F64) -> float:
    """Return a mean in units of its standard error."""
    error = float(differences.std()) / np.sqrt(len(differences))
    return float(differences.mean()) / error if error > 0 else 0.0
