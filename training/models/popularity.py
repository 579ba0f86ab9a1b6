"""The same list for everybody: the baseline that every model must beat."""

from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from training.models.protocol import (
    Interactions,
    IterationReport,
    ModelParts,
    ignore_iteration,
)


class PopularityConfig(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="popularity"
):
    """Rank items by popularity; nothing to set."""


@dataclass(frozen=True, slots=True)
class PopularityTrainer:
    """Turns popularity into a prior."""

    config: PopularityConfig

    def fit(
        self,
        interactions: Interactions,
        *,
        seed: int,
        start: NDArray[np.float32] | None = None,
        progress: bool = False,
        report: IterationReport = ignore_iteration,
    ) -> ModelParts:
        """Rank; see `training.models.protocol.Trainer`."""
        del seed, start, progress, report
        return ModelParts(prior=popularity_prior(interactions.popularity, scale=1.0), facts={})


PRIOR_SHARE = 1e-3
"""The largest prior of what a history does not reach, as a share of the smallest value kept.
An item that the history reaches with a weight above this share outranks every item
that it does not reach; below it the contact is a thousandth of a view and may lose."""


def share_prior(interactions: Interactions, weight: float) -> NDArray[np.float32]:
    """Return the share of users who have each item, times a weight, shape (n,)."""
    share = interactions.item_users / max(1, interactions.user_count)
    return (weight * share).astype(np.float32)


def unreached_prior(
    popularity: NDArray[np.float64], values: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Order what a history does not reach, and nothing else.

    Args:
        popularity: As in `popularity_prior`.
        values: What is kept of the item-item part, any number of them.
    """
    smallest = float(np.abs(values).min()) if len(values) else 1.0
    return popularity_prior(popularity, scale=PRIOR_SHARE * smallest)


def popularity_prior(popularity: NDArray[np.float64], *, scale: float) -> NDArray[np.float32]:
    """Turn popularity into scores that order as it does.

    Args:
        popularity: Not negative, shape (n,).
        scale: The largest score, positive.

    Returns:
        Scores in (0, scale], shape (n,), equal where the popularity is equal. They
        follow the rank, not the amount, so that float32 tells all of up to
        2**24 different amounts apart.
    """
    distinct, ranks = np.unique(popularity, return_inverse=True)
    return (scale * (ranks + 1) / max(1, len(distinct))).astype(np.float32)
