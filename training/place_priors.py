"""Rows of priors by store and channel: what people buy more here than elsewhere.

An item's row value in a place p is weight x (share of p's buyers who bought it there -
share of all buyers who bought it), each buyer and item counting by the age of the
newest such purchase, so that the season is in the rows too. Places with few buyers are
drawn towards everybody: `buyers_added` buyers of average taste are added to each.
"""

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import PriorRows, channel_segment, store_segment
from recsys.domain import CHANNEL_BY_CODE, EventType, StoreId
from recsys.features import EventWeighting, FeatureConfig
from training.config import PriorsConfig
from training.interactions import NO_STORE, Events

CELL_COUNT_MAX = 2**27
"""Rows x items at most: half a GiB of float32 in a bundle."""


def place_priors(
    events: Events,
    *,
    row_of_item: NDArray[np.int32],
    item_count: int,
    config: PriorsConfig,
    now: float,
) -> PriorRows | None:
    """Make a row for every channel and for the busiest stores.

    Args:
        events: The lines; none after `now`.
        row_of_item: The model's row of each item of `events.item_ids`, -1 for items
            that the model does not have.
        item_count: Items of the model, n.
        config: How much the rows weigh, and which there are.
        now: The moment to look back from, seconds since 1970-01-01 UTC.

    Returns:
        Rows named as the popular lists are; None if no place has a purchase, or
        nothing weighs anything.
    """
    bought = (events.type_codes == EventType.PURCHASE_COMPLETE.code) & (
        row_of_item[events.items] >= 0
    )
    if not bought.any() or item_count == 0:
        return None
    lines = events.where(bought)
    counter = _Buyers(lines, row_of_item[lines.items], item_count, config=config, now=now)
    rows: dict[str, NDArray[np.float32]] = {}
    if config.channel_weight > 0:
        channels = lines.channel_codes.astype(np.int64)
        for code in np.unique(channels[channels > 0]).tolist():
            name = channel_segment(CHANNEL_BY_CODE[code])
            rows[name] = counter.row(channels == code, weight=config.channel_weight)
    if config.store_weight > 0:
        room = max(0, CELL_COUNT_MAX // item_count - len(rows))
        for store in _busiest(lines, min(config.store_count_max, room)):
            name = store_segment(StoreId(lines.store_ids[store]))
            rows[name] = counter.row(lines.stores == store, weight=config.store_weight)
    return PriorRows.from_rows(rows) if rows else None


def _busiest(lines: Events, count_max: int) -> list[int]:
    """Return the stores with the most lines, ascending."""
    counts = np.bincount(lines.stores[lines.stores != NO_STORE], minlength=1)
    busiest = np.argsort(-counts, kind="stable")[:count_max]
    return sorted(busiest[counts[busiest] > 0].tolist())


class _Buyers:
    """Counts buyers, each item's and all."""

    def __init__(
        self,
        lines: Events,
        rows: NDArray[np.int32],
        item_count: int,
        *,
        config: PriorsConfig,
        now: float,
    ) -> None:
        self._users, self._rows, self._item_count = lines.users, rows, item_count
        self._added = config.buyers_added
        self._weights = EventWeighting(
            FeatureConfig(
                event_weights={EventType.PURCHASE_COMPLETE: 1.0},
                half_life_days=config.half_life_days,
            )
        ).event_weights(
            type_codes=lines.type_codes,
            channel_codes=lines.channel_codes,
            event_times=lines.times,
            now=now,
        )
        counts, total = self._counted(np.arange(len(lines)))
        self._shares = counts / total

    def row(self, mask: NDArray[np.bool_], *, weight: float) -> NDArray[np.float32]:
        """Return the row of the place that some lines were in."""
        counts, total = self._counted(np.flatnonzero(mask))
        shares = (counts + self._added * self._shares) / (total + self._added)
        return (weight * (shares - self._shares)).astype(np.float32)

    def _counted(self, lines: NDArray[np.int64]) -> tuple[NDArray[np.float64], float]:
        """Count the buyers of each item, and all, among some lines."""
        users, rows, weights = self._users[lines], self._rows[lines], self._weights[lines]
        # Lines come by user, item and time: the newest of each pair is the heaviest.
        starts = np.flatnonzero(np.r_[True, (users[1:] != users[:-1]) | (rows[1:] != rows[:-1])])
        heaviest = np.maximum.reduceat(weights, starts)
        counts = np.bincount(rows[starts], heaviest, minlength=self._item_count)
        of_user = np.flatnonzero(np.r_[True, users[1:] != users[:-1]])
        return counts.astype(np.float64), float(np.maximum.reduceat(weights, of_user).sum())
