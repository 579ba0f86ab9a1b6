"""The views that are learned from, with their features, and the cut that parts earlier from later."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.domain import SECONDS_PER_DAY
from recsys.errors import InvalidConfig
from recsys.recommend import ServingModel
from recsys.storage.log_snapshot import LogSnapshot
from training.models.parallel import thread_count
from training.progress import ShowStep, no_show
from training.propensity.errors import TooFewRedemptions
from training.propensity.exposures import Exposures, Lines, read_exposures
from training.propensity.matrix import FeatureMaker
from training.propensity.pairs import Pairs, Prior, pairs_of, prior_of
from training.propensity.units import with_holdout

F32 = NDArray[np.float32]
Flags = NDArray[np.bool_]

HORIZON_DAYS: Final = 28.0
HORIZON_DAYS_MAX: Final = 3_660.0
REDEMPTION_COUNT_MIN: Final = 50
"""With fewer nothing is learned: serving does better by affinity."""

SIDE_COUNT_MIN: Final = 20
"""Redemptions that must be there before and after the cut that it is measured by."""

PAIR_COUNT_MAX: Final = 1_000_000
"""Of more, those of some people drawn by lot are learned from."""

UNIT_PEOPLE_MAX: Final = 200_000
"""Of more people, some drawn by lot are looked at for what holdouts teach."""

_LATER_SHARES: Final = (0.25, 0.4, 0.5, 0.6, 0.75)
"""Parts of all redemptions that come after the cut; the first that leaves enough before it."""

_EVENTS_SHOWN: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnSettings:
    """How to learn.

    Attributes:
        horizon_days: A view counts as redeemed if that happened within so many days; above 0.
        learns_by_default: Whether to learn from those who have neither allowed nor refused it.
        seed: Source of all chance.
    """

    horizon_days: float = HORIZON_DAYS
    learns_by_default: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.horizon_days <= HORIZON_DAYS_MAX:
            problem = f"is {self.horizon_days:g}; allowed above 0, at most {HORIZON_DAYS_MAX:g}"
            raise InvalidConfig(source="--horizon-days", problem=problem)

    @property
    def horizon_seconds(self) -> float:
        """The same in seconds."""
        return self.horizon_days * SECONDS_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewTable:
    """Views with what serving would have seen of them.

    Attributes:
        pairs: The views, in the order of time.
        features: Of each, shape (m, len(FEATURE_NAMES)).
        known: All pairs that there are, also of people who were not drawn.
        prior: Of offers that nobody has seen.
        cut_time: What is later is measured on; seconds since 1970-01-01 UTC.
        end_time: Up to when anything is known.
        exposures: What became of offers.
        lines: What people did.
        for_units: Whose part in holdouts is looked at, drawn without regard to what they did,
            shape (people,).
        maker: Makes features.
        settings: How it was made.
    """

    pairs: Pairs
    features: F32
    known: Pairs
    prior: Prior
    cut_time: float
    end_time: float
    exposures: Exposures
    lines: Lines
    for_units: Flags
    maker: FeatureMaker
    settings: LearnSettings

    @property
    def is_earlier(self) -> Flags:
        """The views of which all was known at the cut."""
        horizon = self.settings.horizon_seconds
        found: Flags = self.pairs.views.times + horizon <= self.cut_time
        return found

    @property
    def is_later(self) -> Flags:
        """The views at the cut and after it."""
        found: Flags = self.pairs.views.times >= self.cut_time
        return found


def table_of(
    log: LogSnapshot,
    model: ServingModel,
    settings: LearnSettings,
    *,
    rng: np.random.Generator,
    show: ShowStep = no_show,
) -> ViewTable:
    """Read views and make their features.

    Args:
        log: One moment of a storage.
        model: Whose best items of people count.
        settings: How.
        rng: Source of all chance.
        show: Told what is done and how far it is.

    Raises:
        TooFewRedemptions: Too little has happened.
        StorageUnavailable: The storage does not answer.
    """
    show("exposures", 0.0)
    exposures = read_exposures(log, learns_by_default=settings.learns_by_default)
    show("exposures", 1.0)
    _check(len(exposures.redemptions.times), REDEMPTION_COUNT_MIN, "are there")
    drawn = _drawn(exposures, rng)
    for_units = np.zeros_like(drawn)
    if with_holdout(exposures.offers):
        for_units = rng.random(len(drawn)) < UNIT_PEOPLE_MAX / len(drawn)
    lines = Lines(
        log,
        exposures.people,
        drawn | for_units,
        # How many there are is not known before the end.
        lambda count: show("what they did", count / (count + _EVENTS_SHOWN)),
    )
    show("what they did", 1.0)
    end_time = max(
        lines.end_time, *(float(one.times.max(initial=-np.inf)) for one in
                          (exposures.views, exposures.redemptions))
    )  # fmt: skip
    horizon = settings.horizon_seconds
    known = pairs_of(
        exposures.views, exposures.redemptions, horizon_seconds=horizon, end_time=end_time
    )
    _check(
        int(known.redeemed.sum()),
        REDEMPTION_COUNT_MIN,
        f"follow a view within {settings.horizon_days:g} days",
    )
    pairs = known.where(drawn[known.views.people])
    cut_time = _cut(pairs, horizon_seconds=horizon)
    prior = prior_of(pairs.where(pairs.views.times + horizon <= cut_time))
    maker = FeatureMaker(log, model, exposures)
    features = maker.matrix(
        pairs, lines, known, prior, horizon_seconds=horizon, threads=thread_count(), show=show
    )
    return ViewTable(
        pairs=pairs,
        features=features,
        known=known,
        prior=prior,
        cut_time=cut_time,
        end_time=end_time,
        exposures=exposures,
        lines=lines,
        for_units=for_units,
        maker=maker,
        settings=settings,
    )


def _check(found: int, needed: int, missing: str) -> None:
    if found < needed:
        raise TooFewRedemptions(found=found, needed=needed, missing=missing)


def _drawn(exposures: Exposures, rng: np.random.Generator) -> Flags:
    """Say whose views are learned from: everybody's, unless there are too many."""
    views = exposures.views.people
    drawn = np.zeros(exposures.people.count, dtype=np.bool_)
    drawn[views] = True
    if len(views) > PAIR_COUNT_MAX:
        drawn &= rng.random(len(drawn)) < PAIR_COUNT_MAX / len(views)
    return drawn


def _cut(pairs: Pairs, *, horizon_seconds: float) -> float:
    """Find the moment from which on views are measured on.

    Raises:
        TooFewRedemptions: Too few are before or after any.
    """
    times = pairs.views.times
    redeemed = np.sort(times[pairs.redeemed])
    best = 0
    for share in _LATER_SHARES:
        cut = float(redeemed[int((1.0 - share) * len(redeemed))])
        before = int((redeemed + horizon_seconds <= cut).sum())
        after = int((redeemed >= cut).sum())
        if min(before, after) >= SIDE_COUNT_MIN:
            return cut
        best = max(best, min(before, after))
    raise TooFewRedemptions(
        found=best,
        needed=SIDE_COUNT_MIN,
        missing="are there before, or after, any moment that could part earlier views from later",
    )
