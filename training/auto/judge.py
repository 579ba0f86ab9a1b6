"""Fitting and measuring candidates on one validation cut, each part fitted once.

Parts that several candidates share, and the weighed lines under them, are kept up to a
bound of memory. The kernel of serving ranks, with the rules of `recsys evaluate`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.features import FeatureConfig
from training.auto.hold_out import Validation
from training.auto.plan import Plan
from training.benchmark import blocked_items, parts_bytes
from training.config import TrainConfig
from training.fit import FittedModel, Prepared, fit_model, prepare
from training.interactions import Events
from training.metrics import accuracy, find_hits
from training.models import ModelParts
from training.models.blend import BlendConfig, BlendTrainer, PartConfig
from training.models.parallel import thread_count
from training.ranking import ModelRanker, RankedItems
from training.testset import TestSet

Clock = Callable[[], float]
"""Seconds that only rise."""

_KEPT_BYTES_MAX = 1 << 30
_PREPARED_COUNT_MAX = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What one candidate did.

    Attributes:
        values: The metric of each user asked, float64, shape (m,).
        seconds: All of it.
        cpu_seconds: Processor time of this process meanwhile.
        fit_seconds: Seconds of each part that was fitted for it, by tag of its kind.
        user_microseconds: Folding in and ranking, per user asked.
        model_bytes: Factors, item-item rows and prior.
    """

    values: NDArray[np.float64]
    seconds: float
    cpu_seconds: float
    fit_seconds: dict[str, float]
    user_microseconds: float
    model_bytes: int

    @property
    def mean(self) -> float:
        """The metric."""
        return float(self.values.mean())


class Judge(Protocol):
    """Fits and measures candidates."""

    def measure(self, config: TrainConfig, *, share: float) -> Outcome:
        """Fit on a share of the users and ask those who choose."""
        ...

    def unfitted(self, config: TrainConfig, *, share: float) -> list[PartConfig]:
        """Return the parts that would have to be fitted for a candidate."""
        ...


@dataclass(slots=True)
class _Kept:
    """Fitted parts, the least recently used given up first."""

    parts: OrderedDict[bytes, ModelParts] = field(default_factory=OrderedDict)

    def get(self, key: bytes) -> ModelParts | None:
        found = self.parts.get(key)
        if found is not None:
            self.parts.move_to_end(key)
        return found

    def put(self, key: bytes, parts: ModelParts) -> None:
        self.parts[key] = parts
        while (
            len(self.parts) > 1
            and sum(parts_bytes(one) for one in self.parts.values()) > _KEPT_BYTES_MAX
        ):
            self.parts.popitem(last=False)


class ValidationJudge:
    """Judges on real lines."""

    def __init__(
        self, validation: Validation, plan: Plan, *, seed: int, clock: Clock = time.monotonic
    ) -> None:
        """Hold the cut.

        Args:
            validation: What is fitted on and who is asked.
            plan: What counts.
            seed: Source of all chance.
            clock: Where seconds come from.
        """
        self._validation = validation
        self._plan = plan
        self._seed = seed
        self._clock = clock
        self._kept = _Kept()
        self._prepared: OrderedDict[bytes, Prepared] = OrderedDict()
        self._lots = np.random.default_rng(seed).random(validation.fit.user_count)

    def measure(self, config: TrainConfig, *, share: float) -> Outcome:
        """Fit on a share of the users and ask those who choose."""
        return self._measured(config, self._validation.tune, share=share)

    def check(self, config: TrainConfig, *, share: float) -> Outcome:
        """Ask those who did not choose."""
        return self._measured(config, self._validation.check, share=share)

    def popular(self, config: TrainConfig, *, share: float) -> NDArray[np.float64]:
        """Return the metric of the popular list for each of those who did not choose."""
        test, prepared = self._validation.check, self._ready(config, share=share)
        item_count = len(test.histories.item_ids)
        model = self._fitted(config, prepared, share=share, fit_seconds={})
        ranker = ModelRanker(model, item_count=item_count, threads=thread_count())
        seen = blocked_items(test, model, self._plan.blocked)
        ranked = ranker.rank_everywhere(len(test), k=self._plan.metric.k, seen=seen)
        return self._values(ranked, test)

    def unfitted(self, config: TrainConfig, *, share: float) -> list[PartConfig]:
        """Return the parts that would have to be fitted for a candidate."""
        return [
            part
            for part in _blend(config).parts
            if self._key(config, part, share) not in self._kept.parts
        ]

    def _measured(self, config: TrainConfig, test: TestSet, *, share: float) -> Outcome:
        started, cpu_started = self._clock(), time.process_time()
        prepared, fit_seconds = self._ready(config, share=share), dict[str, float]()
        model = self._fitted(config, prepared, share=share, fit_seconds=fit_seconds)
        ranking = self._clock()
        ranker = ModelRanker(model, item_count=len(test.histories.item_ids), threads=thread_count())
        askers = ranker.askers(
            test.weights(model.features),
            links=test.links(model.features, model.parts.history),
            contexts=test.contexts,
        )
        ranked = ranker.rank(
            askers,
            k=self._plan.metric.k,
            seen=blocked_items(test, model, self._plan.blocked),
        )
        ended = self._clock()
        return Outcome(
            values=self._values(ranked, test),
            seconds=self._clock() - started,
            cpu_seconds=time.process_time() - cpu_started,
            fit_seconds=fit_seconds,
            user_microseconds=1e6 * (ended - ranking) / max(1, len(test)),
            model_bytes=parts_bytes(model.parts),
        )

    def _values(self, ranked: RankedItems, test: TestSet) -> NDArray[np.float64]:
        metric = self._plan.metric
        hits = find_hits(
            ranked.items, ranked.counts, test.targets, item_count=len(test.histories.item_ids)
        )
        return accuracy(hits, test.targets.counts, metric.k)[metric.name]

    def _ready(self, config: TrainConfig, *, share: float) -> Prepared:
        key = msgspec.json.encode((config.features, share))
        found = self._prepared.get(key)
        if found is None:
            found = prepare(
                self._lines(share),
                config=config,
                features=config.features,
                now=self._validation.tune.cut_time,
            )
            self._prepared[key] = found
            while len(self._prepared) > _PREPARED_COUNT_MAX:
                self._prepared.popitem(last=False)
        return found

    def _lines(self, share: float) -> Events:
        lines = self._validation.fit
        return lines if share >= 1.0 else lines.where(self._lots[lines.users] < share)

    def _fitted(
        self,
        config: TrainConfig,
        prepared: Prepared,
        *,
        share: float,
        fit_seconds: dict[str, float],
    ) -> FittedModel:
        def fit_part(part: PartConfig, fit: Callable[[], ModelParts]) -> ModelParts:
            key = self._key(config, part, share)
            found = self._kept.get(key)
            if found is None:
                started = self._clock()
                found = fit()
                self._kept.put(key, found)
                name = str(part.__struct_config__.tag)
                fit_seconds[name] = fit_seconds.get(name, 0.0) + self._clock() - started
            return found

        return fit_model(
            prepared,
            config=config,
            seed=self._seed,
            trainer=BlendTrainer(_blend(config), fit_part),
        )

    def _key(self, config: TrainConfig, part: PartConfig, share: float) -> bytes:
        features: FeatureConfig = config.features
        return msgspec.json.encode((part, features, config.filter, share))


def _blend(config: TrainConfig) -> BlendConfig:
    assert isinstance(config.model, BlendConfig), "every candidate is a blend"
    return config.model
