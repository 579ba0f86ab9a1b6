"""From one moment of a storage to what was learned of who redeems which offer, and how good it is."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.offers.features import affinities, popularities
from recsys.offers.learned import OfferCounts, PropensityFile
from recsys.recommend import ServingModel
from recsys.storage.log_snapshot import LogSnapshot
from training.progress import ShowStep, no_show
from training.propensity.errors import NoBetterThanAffinity
from training.propensity.fit import Fitted, chosen_strength, fit
from training.propensity.judge import Judged, Part, calibration, judge, log_loss
from training.propensity.pairs import rates_of
from training.propensity.table import LearnSettings, ViewTable, table_of
from training.propensity.uplift import Taught, learn_uplift

F64 = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEARNED: Final = "learned"
AFFINITY: Final = "affinity"
POPULARITY: Final = "popularity"
RANDOM: Final = "random"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """How good it is on views that nothing was learned from.

    Attributes:
        judged: Each way to order them.
        parts: What was expected of tenths of them, and what came.
        scores: Of each way, shape (later views,).
        redeemed: Which of them were.
        loss: Log loss of what was learned.
        constant_loss: Log loss of the earlier views' rate for all.
    """

    judged: dict[str, Judged]
    parts: list[Part]
    scores: dict[str, F64]
    redeemed: Flags
    loss: float
    constant_loss: float

    @property
    def metrics(self) -> dict[str, float]:
        """All numbers by name; those that nobody knows are left out."""
        found = {"log_loss": self.loss, "log_loss_of_one_rate": self.constant_loss}
        for name, one in self.judged.items():
            for what in ("auc", "within", "lift"):
                interval = getattr(one, what)
                found[f"{name}_{what}"] = interval.mean
                found[f"{name}_{what}_low"] = interval.low
                found[f"{name}_{what}_high"] = interval.high
        return {name: value for name, value in found.items() if np.isfinite(value)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Learning:
    """What came of it.

    Attributes:
        file: What serving needs.
        measured: How good it is.
        taught: What the holdouts of offers have taught.
        unripe_count: Views that are too young to say.
        unknown_count: Views of offers that do not exist any more.
    """

    file: PropensityFile
    measured: Measured
    taught: list[Taught]
    unripe_count: int
    unknown_count: int


def learn(
    log: LogSnapshot, model: ServingModel, settings: LearnSettings, *, show: ShowStep = no_show
) -> Learning:
    """Learn who redeems which offer, and measure it on later views.

    The strength of the regularisation is chosen on views after a cut; all views together are
    learned from in the end.

    Args:
        log: One moment of a storage.
        model: Whose best items of people count.
        settings: How.
        show: Told what is done and how far it is.

    Raises:
        TooFewRedemptions: Too little has happened.
        NoBetterThanAffinity: It would do no good.
        StorageUnavailable: The storage does not answer.
    """
    rng = np.random.default_rng(settings.seed)
    table = table_of(log, model, settings, rng=rng, show=show)
    redeemed, earlier, later = table.pairs.redeemed, table.is_earlier, table.is_later
    show("fitting", 0.0)
    known = table.features[earlier], redeemed[earlier]
    strength = chosen_strength(known, (table.features[later], redeemed[later]))
    trial = fit(*known, inverse_strength=strength)
    show("fitting", 0.5)
    measured = _measured(table, trial, rng=rng)
    final = fit(table.features, redeemed, inverse_strength=strength)
    show("fitting", 1.0)
    taught = learn_uplift(table, final, rng=rng, show=show)
    return Learning(
        file=_file(table, model, log.name, final, strength, measured, taught),
        measured=measured,
        taught=taught,
        unripe_count=table.pairs.unripe_count,
        unknown_count=table.exposures.unknown_count,
    )


def _measured(table: ViewTable, trial: Fitted, *, rng: np.random.Generator) -> Measured:
    """Measure on later views; raises NoBetterThanAffinity."""
    later = table.is_later
    features, redeemed = table.features[later].astype(np.float64), table.pairs.redeemed[later]
    likely = trial.odds.probabilities(features)
    scores = {
        LEARNED: likely,
        AFFINITY: affinities(features),
        POPULARITY: popularities(features),
        RANDOM: rng.random(len(redeemed)),
    }
    judged = judge(scores, redeemed, table.pairs.views.people[later], rng=rng)
    if not judged[LEARNED].auc.mean > judged[AFFINITY].auc.mean:
        raise NoBetterThanAffinity(
            learned=judged[LEARNED].auc.mean, affinity=judged[AFFINITY].auc.mean
        )
    rate = np.full(len(redeemed), table.pairs.redeemed[table.is_earlier].mean())
    return Measured(
        judged=judged,
        parts=calibration(likely, redeemed),
        scores=scores,
        redeemed=redeemed,
        loss=log_loss(likely, redeemed),
        constant_loss=log_loss(rate, redeemed),
    )


def _file(
    table: ViewTable,
    model: ServingModel,
    source: str,
    final: Fitted,
    strength: float,
    measured: Measured,
    taught: list[Taught],
) -> PropensityFile:
    rates = rates_of(table.known, table.prior, table.exposures.offer_ids)
    manifest = model.bundle.manifest
    return PropensityFile(
        model_version=manifest.model_version,
        model_fingerprint=manifest.data_fingerprint,
        source=source,
        learn_time=table.end_time,
        horizon_days=table.settings.horizon_days,
        pair_count=len(table.pairs.redeemed),
        redemption_count=int(table.pairs.redeemed.sum()),
        regularization=strength,
        intercept=final.intercept,
        columns=final.columns,
        prior=table.prior.rate,
        prior_strength=table.prior.strength,
        offers={
            name: OfferCounts(seen=one.seen, redeemed=one.redeemed)
            for name, one in sorted(rates.shown.items())
        },
        uplift={one.offer_id: one.uplift for one in taught if one.uplift is not None},
        metrics=measured.metrics,
    )
