"""Cutting time: what was known before, and what was bought after.

Nothing at or after the cut enters training, histories, weights or popular lists.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.domain import EventType
from recsys.features import SECONDS_PER_DAY
from training.config import SplitConfig
from training.interactions import Events


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Events on either side of the cut.

    Attributes:
        cut_time: Seconds since 1970-01-01 UTC.
        before: Events before the cut.
        purchases_after: Purchases at or after the cut.
    """

    cut_time: float
    before: Events
    purchases_after: Events

    @property
    def name(self) -> str:
        """Names the cut: models measured at the same cut can be compared."""
        return dt.datetime.fromtimestamp(self.cut_time, dt.UTC).isoformat()


def cut_seconds(times: NDArray[np.float64], config: SplitConfig) -> float:
    """Choose the moment of the cut.

    Args:
        times: Seconds since 1970-01-01 UTC, at least one.
        config: Where to cut.
    """
    if config.cut_time is not None:
        return config.cut_time.timestamp()
    start, end = float(times.min()), float(times.max())
    held_out = min(config.test_days * SECONDS_PER_DAY, config.test_share_max * (end - start))
    return end - held_out


def split_events(events: Events, config: SplitConfig) -> Split:
    """Cut the events; at least one."""
    cut = cut_seconds(events.times, config)
    after = events.times >= cut
    bought = events.type_codes == EventType.PURCHASE_COMPLETE.code
    return Split(
        cut_time=cut,
        before=events.where(~after),
        purchases_after=events.where(after & bought),
    )
