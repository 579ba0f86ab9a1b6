"""Several models as one: item-item rows add up, one set of factors joins them.

Every part is measured in its own typical score (the mean of the best 20 of a sample of
people), so weights say how much of each part is wanted, whatever its units. The sum
is brought to the units of the factors, which are published as they were learned: a
person's vector is solved for as if the factors were alone. Serving stays one pass.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.features import HistoryConfig
from recsys.item_codes import encode_items
from recsys.scoring import FoldIn, RaggedRows, Scorer
from recsys.sparse import CsrMatrix
from training.models.als import AlsConfig, AlsTrainer
from training.models.blend_weights import Sample, draw_sample, fit_weights, hold_out
from training.models.checks import check_weight
from training.models.content import ContentConfig, ContentTrainer
from training.models.cooccurrence import CooccurrenceConfig, CooccurrenceTrainer
from training.models.ease import EaseConfig, EaseTrainer
from training.models.ials import IalsConfig, IalsTrainer
from training.models.link_config import LinkConfig
from training.models.links import summed_links, with_diagonal
from training.models.ordered import OrderedConfig, OrderedTrainer
from training.models.parallel import thread_count
from training.models.popularity import unreached_prior
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    Trainer,
    ignore_iteration,
)
from training.models.repeats import repeat_scales

PartConfig = (
    IalsConfig | AlsConfig | CooccurrenceConfig | OrderedConfig | EaseConfig | ContentConfig
)
"""What can be blended."""

_TYPICAL_COUNT = 20
_OF_THE_BLEND = (
    "self_weight",
    "repeat_exponent",
    "step_decay",
    "length_exponent",
    "newest_boost",
    "popularity_weight",
    "trend_weight",
    "trend_half_life_days",
)


class BlendConfig(LinkConfig, tag="blend", frozen=True, kw_only=True):
    """Several models in one additive score: usually the best there is.

    Attributes:
        neighbours: Items kept per history item of all parts together, 1 to 10000.
        self_weight: What an item of the history adds to its own score, in typical
            scores, 0 or more.
        repeat_exponent: How far the self weight follows how often buyers buy the item
            again, 0 (alike) to 2; 0.5 to 1 where people buy again.
        step_decay: What each newer step of a person leaves of a weight, above 0 to 1.
        length_exponent: Histories are divided by their sum to this power, 0 to 1.
        newest_boost: What an item of the newest step adds to its own score besides, in
            typical scores; below 0 where what is looked at right now is wanted less.
        popularity_weight: What an item that everybody has adds to its score, in
            typical scores, 0 or more.
        trend_weight: What an item asked for e times as much as usual adds to its
            score, in typical scores, 0 or more.
        trend_half_life_days: What counts as of late for it, positive.
        decayed_vectors: Whether user vectors are solved from histories with `step_decay`
            and `length_exponent`, too.
        weights: Weight of each part in typical scores, 0 or more; none: they are
            fitted on items held out of the training data.
        parts: The models, one of them with factors at most. What is said of the
            history and of popularity is said here, not there.
    """

    neighbours: int = 300
    weights: tuple[float, ...] = ()
    parts: tuple[PartConfig, ...] = ()
    decayed_vectors: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.parts:
            raise ValueError("parts are missing; name at least one [[model.parts]]")
        if self.weights and len(self.weights) != len(self.parts):
            raise ValueError(f"{len(self.weights)} weights for {len(self.parts)} parts")
        for weight in self.weights:
            check_weight("weights", weight)
        if self.weights and not any(self.weights):
            raise ValueError("weights are all 0")
        if sum(isinstance(part, IalsConfig | AlsConfig) for part in self.parts) > 1:
            raise ValueError("two parts have factors; serving solves for one vector")
        for part in self.parts:
            usual = type(part)()
            for name in _OF_THE_BLEND:
                if getattr(part, name, None) != getattr(usual, name, None):
                    raise ValueError(f"{name} of a part is not used; set it on the blend")

    def history(self) -> HistoryConfig:
        """Return how serving makes histories ready; `newest_boost` is still in typical scores."""
        return msgspec.structs.replace(super().history(), decayed_vectors=self.decayed_vectors)

    def without_idle(self) -> Self:
        """Return the same without parts of weight 0."""
        used = [number for number, weight in enumerate(self.weights) if weight > 0]
        return msgspec.structs.replace(
            self,
            weights=tuple(self.weights[number] for number in used),
            parts=tuple(self.parts[number] for number in used) if used else self.parts,
        )


FitPart = Callable[[PartConfig, Callable[[], ModelParts]], ModelParts]
"""Gets a part and how to fit it on all interactions; may know the answer already."""


@dataclass(frozen=True, slots=True)
class BlendTrainer:
    """Learns every part and adds them up.

    Attributes:
        config: The parts and how they are added.
        fit_part: Asked for the parts that are published, for callers that fit the same
            parts for several blends.
    """

    config: BlendConfig
    fit_part: FitPart = lambda _part, fit: fit()

    def fit(
        self,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        """Learn; see `training.models.protocol.Trainer`."""
        config, facts = self.config.without_idle(), dict[str, float]()
        weights = config.weights
        if not weights:
            rng = np.random.default_rng(seed)
            rest, sample, targets = hold_out(interactions, config.history(), rng=rng)
            parts = [self._fitted(part, rest, seed=seed) for part in config.parts]
            blend = _Blend(config, rest, parts, sample)
            weights, quality = fit_weights(blend.scorer_of, sample, targets, part_count=len(parts))
            facts["validation_ndcg_at_20"] = quality
            config = msgspec.structs.replace(config, weights=weights).without_idle()
            weights = config.weights
        parts = [
            self.fit_part(
                part,
                partial(
                    self._fitted,
                    part,
                    interactions,
                    seed=seed,
                    start=start,
                    progress=progress,
                    report=report,
                ),
            )
            for part in config.parts
        ]
        sample = draw_sample(interactions, config.history(), rng=np.random.default_rng(seed))
        made = _Blend(config, interactions, parts, sample).made(weights)
        facts |= {f"weight_{number}": weight for number, weight in enumerate(weights)}
        for number, part in enumerate(parts):
            facts |= {f"part_{number}_{name}": value for name, value in part.facts.items()}
        return replace(made, facts=facts)

    def _fitted(
        self,
        part: PartConfig,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        return _trainer(part).fit(
            interactions, seed=seed, start=start, progress=progress, report=report
        )


def _trainer(part: PartConfig) -> Trainer:
    match part:
        case IalsConfig():
            return IalsTrainer(part)
        case AlsConfig():
            return AlsTrainer(part)
        case CooccurrenceConfig():
            return CooccurrenceTrainer(part)
        case OrderedConfig():
            return OrderedTrainer(part)
        case EaseConfig():
            return EaseTrainer(part)
        case ContentConfig():
            return ContentTrainer(part)


class _Blend:
    """Fitted parts that can be added up with any weights."""

    def __init__(
        self,
        config: BlendConfig,
        interactions: Interactions,
        parts: list[ModelParts],
        sample: Sample,
    ) -> None:
        self._config = config
        self._interactions = interactions
        self._parts = parts
        self._sample = sample
        self._factors = next((part for part in parts if part.item_factors is not None), None)
        self._vectors = self._solved(sample.links if config.decayed_vectors else sample.weights)
        # Every weight that is tried asks a kernel over the same factors.
        self._codes = None
        if self._factors is not None and self._factors.item_factors is not None:
            self._codes = encode_items(self._factors.item_factors)
        self._repeat_scales = repeat_scales(interactions, exponent=config.repeat_exponent)
        self._typical = [self._typical_score(part) for part in parts]

    def made(self, weights: tuple[float, ...]) -> ModelParts:
        """Add the parts up, in the units of the factors if there are any."""
        config, interactions = self._config, self._interactions
        scales = [weight / typical for weight, typical in zip(weights, self._typical, strict=True)]
        unit, factors = 1.0, None
        if self._factors is not None:
            position = self._parts.index(self._factors)
            if weights[position] > 0:
                unit, factors = scales[position], self._factors
        links = summed_links(
            [
                (part.item_item, scale / unit)
                for part, scale in zip(self._parts, scales, strict=True)
                if part.item_item is not None and scale > 0
            ],
            neighbours=config.neighbours,
        )
        if links is not None:
            links = self._with_own(links, unit=unit)
        prior = config.prior(interactions, unit=unit)
        if prior is None and factors is None and links is not None:
            prior = unreached_prior(interactions.popularity, links.data)
        return ModelParts(
            item_factors=None if factors is None else factors.item_factors,
            fold_in=None if factors is None else factors.fold_in,
            item_item=links,
            prior=prior,
            history=msgspec.structs.replace(
                config.history(), newest_boost=config.newest_boost / unit
            ),
            facts={},
        )

    def _with_own(self, links: CsrMatrix, *, unit: float) -> CsrMatrix:
        if not self._config.self_weight:
            return links
        return with_diagonal(links, self._config.self_weight / unit * self._repeat_scales)

    def scorer_of(self, weights: tuple[float, ...]) -> tuple[Scorer, NDArray[np.float32] | None]:
        """Return a kernel for some weights and the sample's vectors for it."""
        made = self.made(weights)
        vectors = None if made.item_factors is None else self._vectors
        return self._scorer(made), vectors

    def _scorer(self, part: ModelParts) -> Scorer:
        return Scorer(
            item_count=self._interactions.item_count,
            item_factors=part.item_factors,
            prior=part.prior,
            item_item=part.item_item,
            codes=None if part.item_factors is None else self._codes,
        )

    def _solved(self, weights: CsrMatrix) -> NDArray[np.float32] | None:
        if self._factors is None or self._factors.item_factors is None:
            return None
        assert self._factors.fold_in is not None, "they come together"
        solver = FoldIn.of_factors(self._factors.item_factors, self._factors.fold_in)
        return solver.solve_batch(weights, threads=thread_count())

    def _typical_score(self, part: ModelParts) -> float:
        """Return the mean of the sample's best scores by one part, without its prior."""
        ranked = self._scorer(replace(part, prior=None)).top_k(
            None if part.item_factors is None else self._vectors,
            _TYPICAL_COUNT,
            history=None if part.item_item is None else self._sample.links,
            excluded=RaggedRows(self._sample.weights.indptr, self._sample.weights.indices),
            threads=thread_count(),
        )
        filled = np.arange(ranked.scores.shape[1]) < ranked.counts[:, None]
        mean = float(ranked.scores[filled].mean()) if filled.any() else 0.0
        return mean if mean > 0 else 1.0
