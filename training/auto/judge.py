"""Fitting and measuring candidates on what was held out, each part fitted once.

Parts that several candidates share, and the weighed lines under them, are kept up to a
bound of memory. The kernel of serving ranks, with the rules of `recsys evaluate`.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.auto.hold_out import Validation
from training.auto.plan import Plan
from training.benchmark import blocked_items, parts_bytes
from training.config import TrainConfig
from training.fit import FittedModel, Prepared, fit_key, fit_model, prepare, prepared_key
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
_PREPARED_COUNT_MAX = 9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What one candidate did.

    Attributes:
        values: The metric of each user asked, float64, shape (m,).
        seconds: All of it.
        cpu_seconds: Processor time of this process meanwhile.
        fit_seconds: Seconds of each part that was fitted for it, by tag of its kind, at all cuts.
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
    """Judges on real lines, at one cut or at several."""

    def __init__(
        self,
        validations: Sequence[Validation],
        plan: Plan,
        *,
        seed: int,
        clock: Clock = time.monotonic,
    ) -> None:
        """Hold the cuts.

        Args:
            validations: What is fitted on and who is asked, at least one.
            plan: What counts.
            seed: Source of all chance.
            clock: Where seconds come from.
        """
        self._validations = validations
        self._plan = plan
        self._seed = seed
        self._clock = clock
        self._kept = _Kept()
        self.prepared_by_key: OrderedDict[bytes, Prepared] = OrderedDict()
        """Lines made ready to fit on, the newest last."""
        self._lots = np.random.default_rng(seed).random(validations[0].fit.user_count)

    def measure(self, config: TrainConfig, *, share: float) -> Outcome:
        """Fit on a share of the users and ask those who choose."""
        return self._measured(config, [one.tune for one in self._validations], share=share)

    def check(self, config: TrainConfig, *, share: float) -> Outcome:
        """Ask those who did not choose."""
        return self._measured(config, [one.check for one in self._validations], share=share)

    @property
    def user_counts(self) -> tuple[int, int]:
        """Users who choose, and users who check; each once, however often she is asked."""
        tune, check = (
            len(np.unique(np.concatenate([group.users for group in groups])))
            for groups in (
                [one.tune for one in self._validations],
                [one.check for one in self._validations],
            )
        )
        return tune, check

    def popular(self, config: TrainConfig, *, share: float) -> NDArray[np.float64]:
        """Return the metric of the popular list for each of those who did not choose."""
        found = []
        for cut, validation in enumerate(self._validations):
            test, model = validation.check, self._fitted(config, cut, share=share, fit_seconds={})
            ranker = ModelRanker(
                model, item_count=len(test.histories.item_ids), threads=thread_count()
            )
            seen = blocked_items(test, model, self._plan.blocked)
            ranked = ranker.rank_everywhere(len(test), k=self._plan.metric.k, seen=seen)
            found.append(self._values(ranked, test))
        return _by_user([one.check.users for one in self._validations], found)

    def unfitted(self, config: TrainConfig, *, share: float) -> list[PartConfig]:
        """Return the parts that would have to be fitted for a candidate, at any of the cuts."""
        return [
            part
            for part in _blend(config).parts
            if any(
                self._part_key(config, part, cut, share) not in self._kept.parts
                for cut in range(len(self._validations))
            )
        ]

    def _measured(self, config: TrainConfig, tests: list[TestSet], *, share: float) -> Outcome:
        started, cpu_started = self._clock(), time.process_time()
        fit_seconds, ranking, size = dict[str, float](), 0.0, 0
        values = []
        for cut, test in enumerate(tests):
            model = self._fitted(config, cut, share=share, fit_seconds=fit_seconds)
            began = self._clock()
            values.append(self._asked(model, test))
            ranking += self._clock() - began
            size = max(size, parts_bytes(model.parts))
        return Outcome(
            values=_by_user([test.users for test in tests], values),
            seconds=self._clock() - started,
            cpu_seconds=time.process_time() - cpu_started,
            fit_seconds=fit_seconds,
            user_microseconds=1e6 * ranking / max(1, sum(map(len, tests))),
            model_bytes=size,
        )

    def _asked(self, model: FittedModel, test: TestSet) -> NDArray[np.float64]:
        ranker = ModelRanker(model, item_count=len(test.histories.item_ids), threads=thread_count())
        ranked = ranker.rank(
            test.asking(ranker),
            k=self._plan.metric.k,
            seen=blocked_items(test, model, self._plan.blocked),
        )
        return self._values(ranked, test)

    def _values(self, ranked: RankedItems, test: TestSet) -> NDArray[np.float64]:
        metric = self._plan.metric
        hits = find_hits(
            ranked.items, ranked.counts, test.targets, item_count=len(test.histories.item_ids)
        )
        return accuracy(hits, test.targets.counts, metric.k)[metric.name]

    def _ready(self, config: TrainConfig, cut: int, *, share: float) -> Prepared:
        key = _key(prepared_key(config, config.features), cut, share)
        found = self.prepared_by_key.get(key)
        if found is None:
            found = prepare(
                self._lines(cut, share),
                config=config,
                features=config.features,
                now=self._validations[cut].tune.cut_time,
            )
            self.prepared_by_key[key] = found
            while len(self.prepared_by_key) > _PREPARED_COUNT_MAX:
                self.prepared_by_key.popitem(last=False)
        return found

    def _lines(self, cut: int, share: float) -> Events:
        lines = self._validations[cut].fit
        return lines if share >= 1.0 else lines.where(self._lots[lines.users] < share)

    def _fitted(
        self, config: TrainConfig, cut: int, *, share: float, fit_seconds: dict[str, float]
    ) -> FittedModel:
        def fit_part(part: PartConfig, fit: Callable[[], ModelParts]) -> ModelParts:
            key = self._part_key(config, part, cut, share)
            found = self._kept.get(key)
            if found is None:
                started = self._clock()
                found = fit()
                self._kept.put(key, found)
                name = str(part.__struct_config__.tag)
                fit_seconds[name] = fit_seconds.get(name, 0.0) + self._clock() - started
            return found

        return fit_model(
            self._ready(config, cut, share=share),
            config=config,
            seed=self._seed,
            trainer=BlendTrainer(_blend(config), fit_part),
        )

    def _part_key(self, config: TrainConfig, part: PartConfig, cut: int, share: float) -> bytes:
        return _key(fit_key(config, config.features) + msgspec.json.encode(part), cut, share)


def _key(about: bytes, cut: int, share: float) -> bytes:
    return about + msgspec.json.encode((cut, share))


def _by_user(
    users: list[NDArray[np.int32]], values: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Average each user's values over the cuts at which she was asked."""
    if len(values) == 1:
        return values[0]
    _, rows, counts = np.unique(np.concatenate(users), return_inverse=True, return_counts=True)
    means: NDArray[np.float64] = np.bincount(rows, weights=np.concatenate(values)) / counts
    return means


def _blend(config: TrainConfig) -> BlendConfig:
    assert isinstance(config.model, BlendConfig), "every candidate is a blend"
    return config.model
