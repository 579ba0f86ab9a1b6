"""Measuring a fitted model on what people bought after the cut.

Two protocols: `any` (every item may be recommended, every purchase after the cut
is a target) and `new` (items of the history are neither recommended nor
targets; the server's default). Names of metrics:

    new/recall_at_20                     known users, those with a history
    repeats/any/..., first/any/...       purchases of items of the history, and of others
    cold_items/new/...                   purchases of items that hardly anybody had
    cold/any/recall_at_20                users without: the popular lists answer
    channel_web/any/..., store_s1/new/...    purchases on one channel, in one store
    popularity/any/recall_at_20          the popular list for everybody
    purchases_only/any/recall_at_20      the same model without other events
    leaks                                lines from after the cut that the model has seen
    gain_over_popularity[_low|_high|_ratio...]      primary metric, paired by user
    users/any, users/cold, users/channel_web        how many users each rests on

All targets count, also items that the model cannot know yet. Definitions are in
docs/evaluate.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys.domain import Channel
from recsys.sparse import CsrMatrix
from training.beyond import exposures
from training.catalog import Catalog
from training.config import PROTOCOLS, EvaluateConfig
from training.fit import FittedModel
from training.list_meter import ListMeter, intervals_of, metric_name_part
from training.metrics import Targets
from training.ranking import ModelRanker, RankedItems
from training.resample import Interval, bootstrap
from training.samples import Samples, draw_sample, sample
from training.testset import TestSet, of_items, within, without
from training.user_values import UserValues

CHANNEL_PREFIX = "channel_"
STORE_PREFIX = "store_"
COLD_LISTS = "cold/any"
LEAKS = "leaks"
_CHANNEL_NAMES = {0: "unknown"} | {channel.code: channel.value for channel in Channel}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation:
    """What was measured.

    Attributes:
        metrics: Every number by name; all finite.
        item_users: Users of each item in training, shape (items,).
        item_exposures: How often each item was in a list of the primary length.
        lists: What each person got, by kind of list, such as `new` or `cold/any`.
        samples: Lists of some people, to be looked at.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    item_users: NDArray[np.int64]
    item_exposures: NDArray[np.int64]
    lists: dict[str, UserValues] = field(default_factory=dict)
    samples: Samples = field(default_factory=Samples)


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
        catalog: Catalog | None = None,
    ) -> None:
        """Hold the users.

        Args:
            known: Users with a history.
            cold: Users without.
            config: What to measure.
            item_count: Length of `Events.item_ids`.
            threads: Threads of the kernel, positive.
            rng: Source of the bootstrap.
            catalog: What is known of items, if anything.
        """
        self._known = known
        self._cold = cold
        self._config = config
        self._item_count = item_count
        self._threads = threads
        self._rng = rng
        self._catalog = catalog

    def evaluate(self, model: FittedModel, purchases_only: FittedModel | None) -> Evaluation:
        """Measure a model, the popular list and the purchases-only model.

        Args:
            model: The model in question.
            purchases_only: The same model trained on purchases; None if there is
                none, or `model` itself if all its events are purchases.
        """
        config = self._config
        meter = ListMeter(
            k=config.k,
            primary_k=config.primary_k,
            item_count=self._item_count,
            catalog=self._catalog,
        )
        item_users = np.zeros(self._item_count, dtype=np.int64)
        item_users[model.items] = model.item_users
        shown, samples = np.zeros(self._item_count, dtype=np.int64), Samples()
        seen = self._known.seen(model.features)
        histories = self._known.weights(model.features)
        ranker = self._ranker(model)
        askers = self._known.asking(ranker)
        for protocol in PROTOCOLS:
            blocked = seen if protocol == "new" else None
            targets = self._targets(blocked)
            ranked = ranker.rank(askers, k=config.k[-1], seen=blocked)
            popular = ranker.rank_everywhere(len(self._known), k=config.k[-1], seen=blocked)
            people = meter.add(protocol, ranked, targets, users=self._known.users)
            meter.add_catalogue(
                protocol, ranked, item_users=item_users, user_count=model.user_count
            )
            meter.add_beyond(
                protocol, people, popular=popular, histories=histories, item_users=item_users
            )
            for name, part in self._parts(protocol, seen, targets, item_users):
                meter.add_part(f"{name}/{protocol}", ranked, part, users=self._known.users)
            meter.add(f"popularity/{protocol}", popular, targets, users=self._known.users)
            if protocol != config.primary_protocol:
                continue
            shown = exposures(
                ranked.items, ranked.counts, config.primary_k, item_count=self._item_count
            )
            samples = self._samples(protocol, ranked, targets)
            if purchases_only is not None:
                other = (
                    self._ranked_by(purchases_only, blocked)
                    if purchases_only is not model
                    else ranked
                )
                meter.add(f"purchases_only/{protocol}", other, targets, users=self._known.users)
        self._measure_cold(meter, ranker)
        self._add_unknown(meter, item_users)
        meter.metrics[LEAKS] = float(self._leak_count(model))
        return Evaluation(
            metrics=meter.metrics | self._intervals(meter.lists),
            item_users=item_users,
            item_exposures=shown,
            lists=meter.lists,
            samples=samples,
        )

    def _ranker(self, model: FittedModel) -> ModelRanker:
        return ModelRanker(
            model,
            item_count=self._item_count,
            threads=self._threads,
            sellable=None if self._catalog is None else self._catalog.not_all_sellable,
        )

    def _ranked_by(self, model: FittedModel, blocked: CsrMatrix | None) -> RankedItems:
        ranker = self._ranker(model)
        askers = self._known.asking(ranker)
        return ranker.rank(askers, k=self._config.k[-1], seen=blocked)

    def _targets(self, blocked: CsrMatrix | None, targets: Targets | None = None) -> Targets:
        wanted = self._known.targets if targets is None else targets
        if blocked is None:
            return wanted
        return without(wanted, blocked, item_count=self._item_count)

    def _parts(
        self, protocol: str, seen: CsrMatrix, targets: Targets, item_users: NDArray[np.int64]
    ) -> Iterator[tuple[str, Targets]]:
        """Yield parts of the purchases to be found, with their names."""
        known, config = self._known, self._config
        blocked = seen if protocol == "new" else None
        if protocol == "any":
            yield "repeats", within(targets, seen, item_count=self._item_count)
            yield "first", without(targets, seen, item_count=self._item_count)
        yield "cold_items", of_items(targets, item_users <= config.cold_item_users_max)
        for code, bought in known.targets_by_channel.items():
            yield f"{CHANNEL_PREFIX}{_CHANNEL_NAMES[code]}", self._targets(blocked, bought)
        if protocol == config.primary_protocol:
            for store, bought in known.targets_by_store.items():
                yield f"{STORE_PREFIX}{metric_name_part(store)}", self._targets(blocked, bought)

    def _samples(self, protocol: str, ranked: RankedItems, targets: Targets) -> Samples:
        config = self._config
        asked = np.flatnonzero(targets.counts)
        chosen = draw_sample(
            self._known.users[asked], count=config.sample_user_count, seed=config.user_seed
        )
        return sample(
            self._known,
            lists=protocol,
            ranked=ranked,
            targets=targets,
            rows=asked[chosen],
            numbers=self._known.users,
            catalog=self._catalog,
        )

    def _measure_cold(self, meter: ListMeter, ranker: ModelRanker) -> None:
        if len(self._cold):
            askers = self._cold.asking(ranker)
            ranked = ranker.rank(askers, k=self._config.k[-1], seen=None)
            meter.add(COLD_LISTS, ranked, self._cold.targets, users=self._cold.users)
        else:
            meter.metrics[f"users/{COLD_LISTS}"] = 0.0

    def _add_unknown(self, meter: ListMeter, item_users: NDArray[np.int64]) -> None:
        """Say how much of what was bought no model could have found."""
        wanted = self._known.targets.items
        if len(wanted):
            meter.metrics["unknown_targets_share"] = float((item_users[wanted] == 0).mean())

    def _leak_count(self, model: FittedModel) -> int:
        """Count lines at or after the cut in the histories, and the model's if it has any."""
        known = self._known
        in_histories = int(np.count_nonzero(known.histories.times >= known.cut_time))
        return in_histories + (model.newest_time >= known.cut_time)

    def _intervals(self, lists: Mapping[str, UserValues]) -> dict[str, float]:
        """Return intervals of the primary metric everywhere, and the gains of the model."""
        config, metrics = self._config, dict[str, float]()
        count = config.bootstrap_count
        for name, found in intervals_of(
            lists, config.primary_at_k, count=count, rng=self._rng
        ).items():
            metrics[f"{name}/{config.primary_at_k}_low"] = found.low
            metrics[f"{name}/{config.primary_at_k}_high"] = found.high
        if config.primary_protocol not in lists:
            return metrics
        own = lists[config.primary_protocol].values[config.primary_at_k]
        for rival in ("popularity", "purchases_only"):
            name = f"{rival}/{config.primary_protocol}"
            if name in lists:
                theirs = lists[name].values[config.primary_at_k]
                gain = bootstrap({"gain": own - theirs}, count=count, rng=self._rng)["gain"]
                metrics |= _gain(rival, gain, own=own.mean(), theirs=theirs.mean())
        return metrics


def _gain(rival: str, gain: Interval, *, own: float, theirs: float) -> dict[str, float]:
    told = {
        f"gain_over_{rival}": gain.mean,
        f"gain_over_{rival}_low": gain.low,
        f"gain_over_{rival}_high": gain.high,
    }
    if theirs > 0:
        told[f"gain_over_{rival}_ratio"] = float(own / theirs)
    return told
