"""What all item-item trainers can be told, and how their rows become a model's parts."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.domain import EventType
from recsys.features import WEIGHT_MIN, HistoryConfig
from recsys.sparse import CsrMatrix
from training.models.checks import check_exponent, check_neighbours, check_weight
from training.models.links import with_diagonal
from training.models.popularity import share_prior, unreached_prior
from training.models.protocol import Interactions, Lines, ModelParts, known_lines
from training.models.repeats import repeat_scales
from training.models.trends import trend_prior
from training.ragged import csr_from_pairs


class LinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shared by item-item trainers; each documents the fields that it has."""

    neighbours: int = 200
    self_weight: float = 0.0
    repeat_exponent: float = 0.0
    step_decay: float = 1.0
    length_exponent: float = 0.0
    newest_boost: float = 0.0
    popularity_weight: float = 0.0
    trend_weight: float = 0.0
    trend_half_life_days: float = 7.0

    def __post_init__(self) -> None:
        check_neighbours(self.neighbours)
        for name in ("self_weight", "popularity_weight", "trend_weight"):
            check_weight(name, getattr(self, name))
        if not 0 < self.trend_half_life_days < math.inf:
            raise ValueError(
                f"trend_half_life_days is {self.trend_half_life_days}; it must be positive"
            )
        check_exponent("repeat_exponent", self.repeat_exponent)
        self.history()

    def history(self) -> HistoryConfig:
        """Return how serving makes histories ready for these rows."""
        return HistoryConfig(
            step_decay=self.step_decay,
            length_exponent=self.length_exponent,
            newest_boost=self.newest_boost,
        )

    def prior(self, interactions: Interactions, *, unit: float = 1.0) -> NDArray[np.float32] | None:
        """Return what is said of popularity, in parts of a unit, shape (n,); None for nothing."""
        parts = []
        if self.popularity_weight:
            parts.append(share_prior(interactions, self.popularity_weight / unit))
        if self.trend_weight:
            parts.append(
                trend_prior(
                    interactions,
                    weight=self.trend_weight / unit,
                    half_life_days=self.trend_half_life_days,
                )
            )
        return np.sum(parts, axis=0, dtype=np.float32) if parts else None


def link_parts(
    links: CsrMatrix, interactions: Interactions, config: LinkConfig, facts: dict[str, float]
) -> ModelParts:
    """Add self weights and a prior to item-item rows."""
    with_own = links
    if config.self_weight:
        scales = repeat_scales(interactions, exponent=config.repeat_exponent)
        with_own = with_diagonal(links, config.self_weight * scales)
    prior = config.prior(interactions)
    if prior is None:
        prior = unreached_prior(interactions.popularity, links.data)
    return ModelParts(
        item_item=with_own,
        history=config.history(),
        prior=prior,
        facts={"link_count": float(len(links.data)), **facts},
    )


def line_factors(lines: Lines, factors: dict[EventType, float]) -> NDArray[np.float64]:
    """Return the factor of each line by its type; 1 for all if none is named."""
    if not factors:
        return np.ones(len(lines))
    table = np.zeros(len(EventType) + 1)
    for event_type, factor in factors.items():
        table[event_type.code] = factor
    return table[lines.type_codes]


def check_factors(name: str, factors: dict[EventType, float]) -> None:
    """Refuse factors that are negative, or all 0; raises as `check_weight`."""
    for event_type, factor in factors.items():
        check_weight(f"{name} of {event_type.value}", factor)
    if factors and not any(factors.values()):
        raise ValueError(f"{name} are all 0")


def summed(interactions: Interactions, factors: dict[EventType, float]) -> CsrMatrix:
    """Sum the lines of some types per user and item, users x items, positive.

    Args:
        interactions: With lines, if any factor is named.
        factors: Factor by type on the lines' weights; empty for the interactions as they are.
    """
    if not factors:
        return interactions.weights
    lines = known_lines(interactions)
    count = interactions.item_count
    keys, owners = np.unique(
        lines.users.astype(np.int64) * count + lines.items, return_inverse=True
    )
    sums = np.bincount(
        owners, weights=lines.weights * line_factors(lines, factors), minlength=len(keys)
    )
    kept = sums >= WEIGHT_MIN
    return csr_from_pairs(
        rows=keys[kept] // count,
        columns=keys[kept] % count,
        values=sums[kept].astype(np.float32),
        row_count=interactions.user_count,
    )
