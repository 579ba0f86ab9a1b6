"""Measuring a fitted model on what people bought after the cut.

Two protocols: `any` (every item may be recommended, every purchase after the cut
is a target) and `new` (items of the history are neither recommended nor
targets; the server's default). Names of metrics:

    new/recall_at_20                     known users, those with a history
    cold/any/recall_at_20                users without: the popular lists answer
    channel_web/any/recall_at_20         purchases on one channel, known users
    popularity/any/recall_at_20          the popular list for everybody
    purchases_only/any/recall_at_20      the same model without other events
    gain_over_popularity[_low|_high|_ratio...]      primary metric, paired by user
    users/any, users/cold, users/channel_web        how many users each rests on

All targets count, also items that the model cannot know yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys.domain import Channel
from recsys.sparse import CsrMatrix
from training.config import PROTOCOLS, EvaluateConfig
from training.fit import FittedModel
from training.metrics import (
    Targets,
    accuracy,
    beyond_accuracy,
    bootstrap,
    exposures,
    find_hits,
)
from training.ragged import positions_of_rows
from training.ranking import Askers, ModelRanker, RankedItems
from training.testset import TestSet, without

CHANNEL_PREFIX = "channel_"
_CHANNEL_NAMES = {0: "unknown"} | {channel.code: channel.value for channel in Channel}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What was measured.

    Attributes:
        metrics: Every number by name; all finite.
        item_users: Users of each item in training, shape (items,).
        item_exposures: How often each item was in a list of the primary length.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    item_users: NDArray[np.int64]
    item_exposures: NDArray[np.int64]


class Evaluator:
    """Measures models on the same users, so that their values can be paired."""

    def __init__(
        self,
        *,
        known: TestSet,
        cold: TestSet,
        config: EvaluateConfig,
        item_count: int,
        threads: int,
        rng: np.random.Generator,
    ) -> None:
        """Hold the users.

        Args:
            known: Users with a history.
            cold: Users without.
            config: What to measure.
            item_count: Length of `Events.item_ids`.
            threads: Threads of the kernel, positive.
            rng: Source of the bootstrap.
        """
        self._known = known
        self._cold = cold
        self._config = config
        self._item_count = item_count
        self._threads = threads
        self._rng = rng

    def evaluate(self, model: FittedModel, purchases_only: FittedModel | None) -> Evaluation:
        """Measure a model, the popular list and the purchases-only model.

        Args:
            model: The model in question.
            purchases_only: The same model trained on purchases; None if there is
                none, or `model` itself if all its events are purchases.
        """
        config, metrics = self._config, dict[str, float]()
        primary: dict[str, NDArray[np.float64]] = {}
        item_users = np.zeros(self._item_count, dtype=np.int64)
        item_users[model.items] = model.item_users
        shown = np.zeros(self._item_count, dtype=np.int64)
        seen = self._known.seen(model.features)
        ranker = self._ranker(model)
        askers = self._askers(ranker, model, self._known)
        for protocol in PROTOCOLS:
            blocked = seen if protocol == "new" else None
            targets = self._targets(blocked)
            ranked = ranker.rank(askers, k=config.k[-1], seen=blocked)
            values = self._measure(metrics, protocol, ranked, targets)
            metrics.update(self._beyond(protocol, ranked, item_users, model.user_count))
            self._measure_channels(metrics, protocol, ranked, blocked)
            popular = self._measure(
                metrics, f"popularity/{protocol}", self._rank_popular(ranker, blocked), targets
            )
            if protocol != config.primary_protocol:
                continue
            shown = exposures(
                ranked.items, ranked.counts, config.primary_k, item_count=self._item_count
            )
            primary |= {"model": values, "popularity": popular}
            if purchases_only is not None:
                other = (
                    self._ranked_by(purchases_only, blocked)
                    if purchases_only is not model
                    else ranked
                )
                primary["purchases_only"] = self._measure(
                    metrics, f"purchases_only/{protocol}", other, targets
                )
        self._measure_cold(metrics, ranker, model)
        self._add_gains(metrics, primary)
        return Evaluation(metrics=metrics, item_users=item_users, item_exposures=shown)

    def _ranker(self, model: FittedModel) -> ModelRanker:
        return ModelRanker(model, item_count=self._item_count, threads=self._threads)

    def _askers(self, ranker: ModelRanker, model: FittedModel, test: TestSet) -> Askers:
        return ranker.askers(
            test.weights(model.features),
            links=test.links(model.features, model.parts.history),
            contexts=test.contexts,
        )

    def _ranked_by(self, model: FittedModel, blocked: CsrMatrix | None) -> RankedItems:
        ranker = self._ranker(model)
        askers = self._askers(ranker, model, self._known)
        return ranker.rank(askers, k=self._config.k[-1], seen=blocked)

    def _rank_popular(self, ranker: ModelRanker, blocked: CsrMatrix | None) -> RankedItems:
        return ranker.rank_everywhere(len(self._known), k=self._config.k[-1], seen=blocked)

    def _targets(self, blocked: CsrMatrix | None, targets: Targets | None = None) -> Targets:
        wanted = self._known.targets if targets is None else targets
        if blocked is None:
            return wanted
        return without(wanted, blocked, item_count=self._item_count)

    def _measure(
        self, metrics: dict[str, float], prefix: str, ranked: RankedItems, targets: Targets
    ) -> NDArray[np.float64]:
        """Add mean metrics of users with a target; return the primary metric of each."""
        config = self._config
        users = np.flatnonzero(targets.counts)
        metrics[f"users/{prefix}"] = float(len(users))
        if not len(users):
            return np.empty(0)
        indptr, positions = positions_of_rows(targets.indptr, users)
        theirs = Targets(indptr, targets.items[positions])
        hits = find_hits(
            ranked.items[users], ranked.counts[users], theirs, item_count=self._item_count
        )
        primary = np.empty(0)
        for k in config.k:
            values = accuracy(hits, theirs.counts, k)
            for name, value in values.items():
                metrics[f"{prefix}/{name}_at_{k}"] = float(value.mean())
            if k == config.primary_k:
                primary = values[config.primary_metric]
        return primary

    def _beyond(
        self, prefix: str, ranked: RankedItems, item_users: NDArray[np.int64], user_count: int
    ) -> dict[str, float]:
        return {
            f"{prefix}/{name}_at_{k}": value
            for k in self._config.k
            for name, value in beyond_accuracy(
                ranked.items, ranked.counts, k, item_users=item_users, user_count=user_count
            ).items()
        }

    def _measure_channels(
        self,
        metrics: dict[str, float],
        protocol: str,
        ranked: RankedItems,
        blocked: CsrMatrix | None,
    ) -> None:
        for code, targets in self._known.targets_by_channel.items():
            prefix = f"{CHANNEL_PREFIX}{_CHANNEL_NAMES[code]}/{protocol}"
            self._measure(metrics, prefix, ranked, self._targets(blocked, targets))

    def _measure_cold(
        self, metrics: dict[str, float], ranker: ModelRanker, model: FittedModel
    ) -> None:
        if len(self._cold):
            askers = self._askers(ranker, model, self._cold)
            ranked = ranker.rank(askers, k=self._config.k[-1], seen=None)
            self._measure(metrics, "cold/any", ranked, self._cold.targets)
        else:
            metrics["users/cold/any"] = 0.0

    def _add_gains(
        self, metrics: dict[str, float], primary: Mapping[str, NDArray[np.float64]]
    ) -> None:
        if not len(primary.get("model", ())):
            return
        values = dict(primary)
        for rival in primary.keys() - {"model"}:
            values[f"gain_over_{rival}"] = primary["model"] - primary[rival]
        intervals = bootstrap(values, count=self._config.bootstrap_count, rng=self._rng)
        name = self._config.primary
        for who in primary:
            prefix = "" if who == "model" else f"{who}/"
            metrics[f"{prefix}{name}_low"] = intervals[who].low
            metrics[f"{prefix}{name}_high"] = intervals[who].high
        for rival in sorted(primary.keys() - {"model"}):
            gain = intervals[f"gain_over_{rival}"]
            metrics[f"gain_over_{rival}"] = gain.mean
            metrics[f"gain_over_{rival}_low"] = gain.low
            metrics[f"gain_over_{rival}_high"] = gain.high
            if intervals[rival].mean > 0:
                ratio = intervals["model"].mean / intervals[rival].mean
                metrics[f"gain_over_{rival}_ratio"] = ratio
