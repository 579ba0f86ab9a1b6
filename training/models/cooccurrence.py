"""Item-item weights from who did what together, normalised and pruned.

W = D_source^-h  S^T D_user^-p T  D_target^-t, where S and T are users x items (the
same matrix unless types of events are told apart) and the D hold row or column
sums. h = t = 1/2, p = 0 is the cosine of 0/1 data; h = 1, p = 1 with a small t is
RP3beta (Paudel et al. 2016) but for its popularity term; p = h = t = 1/2 is the
linear term of GF-CF (Shen et al. 2021). `measure = "llr"` values a pair by how
unlikely it is by chance (Dunning 1993), as cross-occurrence recommenders do.
"""

from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.domain import EventType
from recsys.sparse import CsrMatrix, expand_rows
from training.models.checks import check_exponent, check_weight
from training.models.link_config import (
    LinkConfig,
    check_factors,
    link_parts,
    summed,
)
from training.models.links import Measure, make_links, power, product_work, products
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    ignore_iteration,
)
from training.models.sharpen import sharpened
from training.ragged import take_rows


class CooccurrenceConfig(LinkConfig, tag="cooccurrence", frozen=True, kw_only=True):
    """Item-item weights from who did what together; the quickest model and a strong one.

    Attributes:
        neighbours: Items kept per history item, 1 to 10000; 100 to 300 lose next to nothing.
        self_weight: What an item of the history adds to its own score, 0 or more.
        repeat_exponent: How far the self weight follows how often buyers buy the item
            again, 0 (alike) to 2; 0.5 to 1 where people buy again.
        step_decay: What each newer step of a person leaves of a weight, above 0 to 1.
        length_exponent: Histories are divided by their sum to this power, 0 to 1.
        newest_boost: What an item of the newest step adds to its own score besides; below 0
            where what is looked at right now is wanted less than what came before.
        popularity_weight: What the share of users who have an item adds to its score,
            0 or more.
        trend_weight: What an item asked for e times as much as usual adds to its
            score, 0 or more; see `training.models.trends`.
        trend_half_life_days: What counts as of late for it, positive.
        measure: `power` (the exponents below) or `llr` (log-likelihood ratio of counts).
        user_exponent: How far people with much history are held back, 0 to 2.
        history_exponent: How far links from popular items are held back, 0 to 2.
        target_exponent: How far popular candidates are held back, 0 to 2.
        sharpness: How far what two steps lead to is taken back, 0 or more; around 1 pays where
            people have much in common with everybody. See `training.models.sharpen`.
        weight_exponent: Power of each weight; 0 counts every contact as 1. 0 to 2.
        user_items_max: People with more items are left out, 1 or more. They cost the
            square of it and have no taste of their own.
        sources: Factor by type of event on what links lead from; none means all.
        targets: Factor by type of event on what links lead to; none means all.
    """

    measure: Literal["power", "llr"] = "power"
    user_exponent: float = 0.5
    history_exponent: float = 0.5
    target_exponent: float = 0.25
    sharpness: float = 0.0
    weight_exponent: float = 1.0
    user_items_max: int = 5_000
    sources: dict[EventType, float] = msgspec.field(default_factory=dict)
    targets: dict[EventType, float] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("user_exponent", "history_exponent", "target_exponent", "weight_exponent"):
            check_exponent(name, getattr(self, name))
        check_weight("sharpness", self.sharpness)
        if self.user_items_max < 1:
            raise ValueError(f"user_items_max is {self.user_items_max}; allowed 1 and above")
        check_factors("sources", self.sources)
        check_factors("targets", self.targets)


@dataclass(frozen=True, slots=True)
class CooccurrenceTrainer:
    """Learns a pruned item-item matrix."""

    config: CooccurrenceConfig

    def fit(
        self,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        """Learn; nothing is left to chance. See `training.models.protocol.Trainer`."""
        del seed, start, progress, report
        config, count = self.config, interactions.item_count
        sources = self._prepared(summed(interactions, config.sources))
        targets = self._prepared(summed(interactions, config.targets))
        sources, targets = _without_crowds(sources, targets, items_max=config.user_items_max)
        row_totals = np.bincount(sources.indices, weights=sources.data, minlength=count)
        column_totals = np.bincount(targets.indices, weights=targets.data, minlength=count)
        if config.measure == "llr":
            measure = Measure(
                row_scale=row_totals.astype(np.float32),
                column_scale=column_totals.astype(np.float32),
                is_surprise=True,
                total=float(interactions.user_count),
            )
        else:
            measure = Measure(
                row_scale=power(row_totals, config.history_exponent),
                column_scale=power(column_totals, config.target_exponent),
            )
            sources = _divided(sources, exponent=config.user_exponent)
        links = make_links(
            products(sources, targets, item_count=count),
            measure,
            neighbours=config.neighbours,
            work=product_work(sources, targets, item_count=count),
        )
        if config.sharpness:
            links = sharpened(
                links,
                interactions.weights,
                sharpness=config.sharpness,
                neighbours=config.neighbours,
            )
        return link_parts(links, interactions, config, {})

    def _prepared(self, matrix: CsrMatrix) -> CsrMatrix:
        # The log-likelihood ratio is of counts.
        exponent = 0.0 if self.config.measure == "llr" else self.config.weight_exponent
        if exponent == 1.0:
            return matrix
        return CsrMatrix(matrix.indptr, matrix.indices, np.power(matrix.data, np.float32(exponent)))


def _divided(matrix: CsrMatrix, *, exponent: float) -> CsrMatrix:
    """Divide each row by a power of its sum."""
    rows = expand_rows(matrix.indptr)
    sums = np.bincount(rows, weights=matrix.data, minlength=matrix.row_count)
    scales = power(sums, exponent)[rows]
    return CsrMatrix(matrix.indptr, matrix.indices, np.multiply(matrix.data, scales))


def _without_crowds(
    sources: CsrMatrix, targets: CsrMatrix, *, items_max: int
) -> tuple[CsrMatrix, CsrMatrix]:
    """Drop users with too many items on either side."""
    small = (np.diff(sources.indptr) <= items_max) & (np.diff(targets.indptr) <= items_max)
    if small.all():
        return sources, targets
    users = np.flatnonzero(small)
    return take_rows(sources, users), take_rows(targets, users)
