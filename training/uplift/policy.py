"""What sending by learned uplift is worth, on people that nothing was learned from.

The value of a rule is the mean outcome of those who happened to get what the rule would have
given them, each weighted by one over the chance of that (inverse propensity, Horvitz and
Thompson 1952). Everybody is judged once, by models that were fitted without her.
"""

from dataclasses import dataclass

import numpy as np

from training.progress import ShowStep, no_show
from training.resample import Interval, bootstrap
from training.uplift.experiment import F64, I64, Experiment
from training.uplift.learners import FOLDS, folds_of, learn, pseudo_outcomes

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7)
"""Parts of all people who are sent something."""

BOOTSTRAPS = 1_000
CURVE_POINTS = 51


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Foretold:
    """What models without a person say of her.

    Attributes:
        uplift: What each arm but the control is expected to change, shape (people, arms - 1).
        usual: The arm that is best for everybody, by the models' people, int64, shape (people,).
        folds: Whose people were asked by the same models, int64, shape (people,).
        learners: Which learner each fold chose.
    """

    uplift: F64
    usual: I64
    folds: I64
    learners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Targeting:
    """What sending to a part of all people brings, per person of all, over sending nothing.

    Attributes:
        share: The part.
        targeted: To those with the largest expected uplift, each her best arm.
        random: The arm that is best for everybody, to as many by lot.
        gain: The difference, paired.
    """

    share: float
    targeted: Interval
    random: Interval
    gain: Interval


def out_of_fold(
    experiment: Experiment, *, rng: np.random.Generator, show: ShowStep = no_show
) -> Foretold:
    """Learn on four fifths of the people and ask for the last one, five times."""
    people = len(experiment.arms)
    folds = folds_of(people, rng)
    uplift = np.zeros((people, len(experiment.arm_names) - 1))
    usual = np.zeros(people, dtype=np.int64)
    learners = []
    for fold in range(FOLDS):
        show("learning", fold / FOLDS)
        asked = folds == fold
        others = experiment.where(~asked)
        scores = pseudo_outcomes(others, rng=rng)
        learned = learn(others, scores, rng=rng)
        uplift[asked] = learned.uplift(experiment.features[asked])
        usual[asked] = 1 + int(scores[:, 1:].mean(axis=0).argmax())
        learners.append(learned.learner)
    show("learning", 1.0)
    return Foretold(uplift=uplift, usual=usual, folds=folds, learners=tuple(learners))


def judge(
    experiment: Experiment,
    foretold: Foretold,
    *,
    cost: float = 0.0,
    shares: tuple[float, ...] = SHARES,
    rng: np.random.Generator,
) -> list[Targeting]:
    """Compare sending by uplift with sending as much by lot.

    Args:
        experiment: What happened.
        foretold: What was expected of the same people.
        cost: Of sending to one person, in units of the outcome.
        shares: Parts of all people, above 0 and at most 1.
        rng: Source of the resamples.
    """
    values: dict[str, F64] = {}
    for share in shares:
        targeted = values_of(experiment, foretold, share, cost=cost)
        random = _by_lot(experiment, foretold, share, cost=cost)
        values |= {
            f"{share} targeted": targeted,
            f"{share} random": random,
            f"{share} gain": targeted - random,
        }
    found = bootstrap(values, count=BOOTSTRAPS, rng=rng)
    return [
        Targeting(
            share=share,
            targeted=found[f"{share} targeted"],
            random=found[f"{share} random"],
            gain=found[f"{share} gain"],
        )
        for share in shares
    ]


def curve(experiment: Experiment, foretold: Foretold) -> F64:
    """Return the Qini curve: share sent to, gain by uplift, gain by lot; shape (points, 3)."""
    shares = np.linspace(0.0, 1.0, CURVE_POINTS)
    return np.array(
        [
            (
                share,
                values_of(experiment, foretold, share).mean(),
                _by_lot(experiment, foretold, share).mean(),
            )
            for share in shares.tolist()
        ]
    )


def sent(foretold: Foretold, share: float) -> F64:
    """Return how likely each person is sent something, if so many are, shape (people,).

    Those with the largest expected uplift are, equals by lot. Each fold ranks its own: what
    the models of different folds expect on average differs by chance, and against what their
    people did, for these were left out of it.
    """
    best = foretold.uplift.max(axis=1)
    likely = np.zeros(len(best))
    for fold in np.unique(foretold.folds).tolist():
        mine = np.flatnonzero(foretold.folds == fold)
        wanted = share * len(mine)
        if wanted <= 0:
            continue
        values = best[mine]
        last = np.sort(values)[::-1][min(len(mine), int(np.ceil(wanted))) - 1]
        above, equal = values > last, values == last
        likely[mine[above]] = 1.0
        likely[mine[equal]] = (wanted - above.sum()) / equal.sum()
    return likely


def values_of(
    experiment: Experiment, foretold: Foretold, share: float, *, cost: float = 0.0
) -> F64:
    """Return what each person adds to the mean gain of sending to a part of all by uplift."""
    likely = sent(foretold, share)
    best = 1 + foretold.uplift.argmax(axis=1)
    return likely * (_weighted(experiment, best) - _weighted(experiment, 0) - cost)


def _by_lot(experiment: Experiment, foretold: Foretold, share: float, *, cost: float = 0.0) -> F64:
    return share * (_weighted(experiment, foretold.usual) - _weighted(experiment, 0) - cost)


def _weighted(experiment: Experiment, arms: I64 | int) -> F64:
    got = experiment.arms == arms
    found: F64 = np.where(got, experiment.outcomes / experiment.shares[experiment.arms], 0.0)
    return found
