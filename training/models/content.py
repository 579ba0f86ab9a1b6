"""Item-item weights from what items have in common: brand, category, words of the title.

The weighted cosine of attributes, with rare attributes weighing more:
W[h, j] = sum_a n_a^-p A[h, a] A[j, a] / sqrt(l_h l_j), where n_a counts the items with
attribute a and l_h = sum_a n_a^-p A[h, a]. It is a co-occurrence with attributes in
the place of people, and the only model here that reaches items nobody has had yet.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.sparse import CsrMatrix, expand_rows, row_pointers
from training.models.checks import check_exponent
from training.models.link_config import LinkConfig, link_parts
from training.models.links import Measure, make_links, power, product_work, products, transposed
from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    ignore_iteration,
)

_POPULARITY_SMOOTHING = 1.0
"""Users added to each item's, so that items without any keep a weight."""


class ContentConfig(LinkConfig, tag="content", frozen=True, kw_only=True):
    """Item-item weights from attributes, for new items and as a part of a blend.

    Attributes:
        neighbours: Items kept per history item, 1 to 10000.
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
        attribute_exponent: How far attributes of many items are held back, 0 to 2.
        popularity_exponent: How far candidates with many users are preferred, 0 to 2.
        attribute_items_max: Attributes of more items are left out, 2 or more: they say
            little and cost the square of it.
    """

    attribute_exponent: float = 0.5
    popularity_exponent: float = 0.25
    attribute_items_max: int = 20_000

    def __post_init__(self) -> None:
        super().__post_init__()
        check_exponent("attribute_exponent", self.attribute_exponent)
        check_exponent("popularity_exponent", self.popularity_exponent)
        if self.attribute_items_max < 2:  # noqa: PLR2004 - a pair is the least that links
            raise ValueError(
                f"attribute_items_max is {self.attribute_items_max}; allowed 2 and above"
            )


@dataclass(frozen=True, slots=True)
class ContentTrainer:
    """Learns nothing from people but, if asked, how popular items are."""

    config: ContentConfig

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
        if interactions.attributes is None:
            raise ValueError("this model needs attributes of items, and none are known")
        targets = _by_attribute(interactions.attributes(), items_max=config.attribute_items_max)
        commonness = power(np.diff(targets.indptr), config.attribute_exponent)
        weights = commonness[expand_rows(targets.indptr)] * targets.data
        sources = CsrMatrix(targets.indptr, targets.indices, weights.astype(np.float32))
        lengths = power(np.bincount(targets.indices, weights=weights, minlength=count), 0.5)
        popularity = np.power(
            interactions.item_users + _POPULARITY_SMOOTHING, config.popularity_exponent
        )
        links = make_links(
            products(sources, targets, item_count=count),
            Measure(row_scale=lengths, column_scale=(lengths * popularity).astype(np.float32)),
            neighbours=config.neighbours,
            work=product_work(sources, targets, item_count=count),
        )
        facts = {"attribute_count": float(targets.row_count)}
        return link_parts(links, interactions, config, facts)


def _by_attribute(attributes: CsrMatrix, *, items_max: int) -> CsrMatrix:
    """Turn items x attributes to attributes x items, without attributes of too many items."""
    count = int(attributes.indices.max(initial=-1)) + 1
    sizes = np.bincount(attributes.indices, minlength=max(1, count))
    kept = sizes[attributes.indices] <= items_max
    lengths = np.bincount(expand_rows(attributes.indptr)[kept], minlength=attributes.row_count)
    used = CsrMatrix(row_pointers(lengths), attributes.indices[kept], attributes.data[kept])
    return CsrMatrix(*transposed(used, column_count=max(1, count)))
