"""What holdouts teach: how many redemptions are by people who would have bought anyway.

Of each unit it is known whether she bought in the scope within the horizon, and whether she
redeemed. Buying less redeeming is what the offer leaves to be bought without it: if nobody redeems
who would have bought anyway, an offer adds as many purchases as redemptions, and its effect on this
difference is none. What it takes away from it is wasted. So one randomised experiment on one outcome
tells what is to be known, with nothing changed as what is to be disproved. The chance of each side is
known, and scores are doubly robust (`training.uplift`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.offers.features import FEATURE_NAMES
from recsys.offers.uplift import Line, OfferUplift
from training.models.parallel import thread_count
from training.progress import ShowStep, no_show
from training.propensity.exposures import Exposures
from training.propensity.fit import Fitted, fit
from training.propensity.pairs import rates_of
from training.propensity.table import ViewTable
from training.propensity.units import Units, units_of, with_holdout
from training.uplift.experiment import ARM_COUNT_MIN, Experiment
from training.uplift.learners import EQUAL, LINEAR, Learned, learn, pseudo_outcomes

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]

REDEEMED_COUNT_MIN: Final = 20
BOUGHT_SHARE_MIN: Final = 0.5
"""Of those who redeem, so many must be seen to buy in the scope: else purchases are missing."""

STEP: Final = "holdouts"
_SURE: Final = 1.96
"""Standard errors by which something must be away from nothing, 95 % on both sides."""

_STRENGTH: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What the holdout of one offer has taught.

    Attributes:
        offer_id: The offer.
        share: Of its redemptions, the part that is incremental; None if that cannot be told.
        learner: Which learner was chosen; empty for none.
        why: Why nothing changes; empty if something does.
        uplift: For serving; None if nothing changes.
    """

    offer_id: str
    share: float | None
    learner: str
    why: str
    uplift: OfferUplift | None


def learn_uplift(
    table: ViewTable, fitted: Fitted, *, rng: np.random.Generator, show: ShowStep = no_show
) -> list[Taught]:
    """Learn from the holdout of each offer that has one.

    Args:
        table: What was read.
        fitted: The propensity; says between which values features count.
        rng: Source of all chance.
        show: Told how far it is.
    """
    exposures, horizon = table.exposures, table.settings.horizon_seconds
    count = len(with_holdout(exposures.offers))
    rates = rates_of(table.known, table.prior, exposures.offer_ids)
    taught: list[Taught] = []
    for units in units_of(
        exposures,
        table.lines,
        among=table.for_units,
        horizon_seconds=horizon,
        end_time=table.end_time,
        rng=rng,
    ):
        show(STEP, len(taught) / count)
        why = _too_few(units)
        if why:
            taught.append(
                Taught(offer_id=units.offer_id, share=None, learner="", why=why, uplift=None)
            )
            continue
        features = table.maker.of_units(units, table.lines, rates, threads=thread_count())
        odds = fitted.odds
        taught.append(
            taught_by(
                units,
                np.clip(features, odds.low, odds.high),
                table.maker.bought(units, table.lines, horizon),
                _redeemed(units, exposures, horizon),
                rng=rng,
            )
        )
        show(STEP, len(taught) / count)
    return taught


def taught_by(
    units: Units, features: F64, bought: Flags, redeemed: Flags, *, rng: np.random.Generator
) -> Taught:
    """Learn from one holdout.

    Args:
        units: Who was held out, and who was not; enough of both.
        features: What was known of each at her moment, shape (m, len(FEATURE_NAMES)).
        bought: Whether she bought in the scope within the horizon.
        redeemed: Whether she redeemed within it.
        rng: Source of all chance.
    """

    def nothing(why: str, share: float | None = None) -> Taught:
        return Taught(offer_id=units.offer_id, share=share, learner="", why=why, uplift=None)

    others = ~units.is_held_out
    if redeemed[others].sum() < REDEEMED_COUNT_MIN:
        return nothing(f"{redeemed[others].sum()} redemptions; needed are {REDEEMED_COUNT_MIN}")
    if bought[redeemed].mean() < BOUGHT_SHARE_MIN:
        return nothing("of those who redeemed, most are not seen to buy: purchases are missing")
    experiment = Experiment(
        user_ids=[],
        features=features,
        feature_names=FEATURE_NAMES,
        arms=others.astype(np.int64),
        arm_names=("held out", "others"),
        outcomes=bought.astype(np.float64) - redeemed,
    )
    chances = np.array([units.held_out_share, 1.0 - units.held_out_share])
    scores = pseudo_outcomes(experiment, rng=rng, chances=chances)
    learned = learn(experiment, scores, rng=rng, learners=(EQUAL, LINEAR))
    changes = scores[:, 1] - scores[:, 0]
    rate = float(redeemed[others].mean())
    share = float(np.clip(1.0 + changes.mean() / rate, 0.0, 1.0))
    error = float(changes.std()) / np.sqrt(len(changes))
    if learned.learner == EQUAL and changes.mean() >= -_SURE * error:
        return nothing("what is wasted cannot be told from nothing", share)
    wasted, odds = _lines(learned, changes, rate, features[others], redeemed[others])
    return Taught(
        offer_id=units.offer_id,
        share=share,
        learner=learned.learner,
        why="",
        uplift=OfferUplift(
            held_out=int(units.is_held_out.sum()),
            others=int(others.sum()),
            wasted=wasted,
            redeemed=odds,
        ),
    )


def _lines(
    learned: Learned, changes: F64, rate: float, features: F64, redeemed: Flags
) -> tuple[Line, Line]:
    """Return redemptions that are wasted, and log odds of redemptions, by features."""
    if learned.learner == EQUAL:
        # Of both, one number: else who redeems less would seem to waste more of it.
        return (
            Line(intercept=-float(changes.mean())),
            Line(intercept=float(np.log(rate / (1.0 - rate)))),
        )
    (scaler, ridge) = (step for _, step in learned.models[0].steps)
    wasted = _line(-ridge.coef_, scaler.mean_, scaler.scale_, -float(ridge.intercept_))
    found = fit(features.astype(np.float32), redeemed, inverse_strength=_STRENGTH)
    columns = found.columns
    return wasted, _line(
        np.array([one.weight for one in columns]),
        np.array([one.mean for one in columns]),
        np.array([one.scale for one in columns]),
        found.intercept,
    )


def _line(weights: F64, means: F64, scales: F64, intercept: float) -> Line:
    """Return a line over features as they are of one over scaled ones."""
    plain = weights / scales
    named = zip(FEATURE_NAMES, plain.tolist(), strict=True)
    return Line(
        intercept=intercept - float(plain @ means),
        weights={name: weight for name, weight in named if weight},
    )


def _too_few(units: Units) -> str:
    """Say if there are too few people on a side."""
    held_out = int(units.is_held_out.sum())
    fewest = min(held_out, len(units.people) - held_out)
    if fewest >= ARM_COUNT_MIN:
        return ""
    return f"{fewest} people on one side of the holdout; needed are {ARM_COUNT_MIN}"


def _redeemed(units: Units, exposures: Exposures, horizon_seconds: float) -> Flags:
    """Say of each unit whether she redeemed the offer within the horizon."""
    redemptions = exposures.redemptions
    meant = redemptions.offers == exposures.offer_ids.index(units.offer_id)
    times: dict[int, list[float]] = {}
    for person, time in zip(
        redemptions.people[meant].tolist(), redemptions.times[meant].tolist(), strict=True
    ):
        times.setdefault(person, []).append(time)
    return np.array(
        [
            any(begin <= time < begin + horizon_seconds for time in times.get(person, ()))
            for person, begin in zip(units.people.tolist(), units.times.tolist(), strict=True)
        ],
        dtype=np.bool_,
    )
