"""What all item-item trainers can be told, and how their rows become a model's parts."""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.domain import EventType
from recsys.features import WEIGHT_MIN, HistoryConfig
from recsys.sparse import CsrMatrix
from training.models.links import NEIGHBOUR_COUNT_MAX, with_diagonal
from training.models.popularity import popularity_prior
from training.models.protocol import Interactions, Lines, ModelParts
from training.ragged import csr_from_pairs

PRIOR_SHARE = 1e-3
"""The largest prior as a share of the smallest value kept, where no popularity is asked
for: it orders what a history does not reach, and nothing else."""
_EXPONENT_MAX = 2.0


class LinkConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Shared by item-item trainers; each documents the fields that it has."""

    neighbours: int = 200
    self_weight: float = 0.0
    step_decay: float = 1.0
    length_exponent: float = 0.0
    popularity_weight: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.neighbours <= NEIGHBOUR_COUNT_MAX:
            raise ValueError(f"neighbours is {self.neighbours}; allowed 1 to {NEIGHBOUR_COUNT_MAX}")
        for name in ("self_weight", "popularity_weight"):
            check_weight(name, getattr(self, name))
        self.history()

    def history(self) -> HistoryConfig:
        """Return how serving makes histories ready for these rows."""
        return HistoryConfig(step_decay=self.step_decay, length_exponent=self.length_exponent)


def check_weight(name: str, value: float) -> None:
    """Refuse what is negative or not finite.

    Raises:
        ValueError: Naming the key, its value and what is allowed.
    """
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} is {value}; allowed 0 and above")


def check_exponent(name: str, value: float) -> None:
    """Refuse exponents that cannot be meant; raises as `check_weight`."""
    if not 0 <= value <= _EXPONENT_MAX:
        raise ValueError(f"{name} is {value}; allowed 0 to {_EXPONENT_MAX:g}")


def link_parts(
    links: CsrMatrix, interactions: Interactions, config: LinkConfig, facts: dict[str, float]
) -> ModelParts:
    """Add self weights and a prior to item-item rows."""
    smallest = float(links.data.min()) if len(links.data) else 1.0
    return ModelParts(
        item_item=with_diagonal(links, config.self_weight),
        history=config.history(),
        prior=share_prior(interactions, config.popularity_weight)
        if config.popularity_weight
        else popularity_prior(interactions.popularity, scale=PRIOR_SHARE * smallest),
        facts={"link_count": float(len(links.data)), **facts},
    )


def share_prior(interactions: Interactions, weight: float) -> NDArray[np.float32]:
    """Return the share of users who have each item, times a weight, shape (n,)."""
    share = interactions.item_users / max(1, interactions.user_count)
    return (weight * share).astype(np.float32)


def known_lines(interactions: Interactions) -> Lines:
    """Return the events behind the interactions.

    Raises:
        ValueError: Only their sums are known.
    """
    if interactions.lines is None:
        raise ValueError("this model needs events, and only sums of weights are known")
    return interactions.lines()


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
