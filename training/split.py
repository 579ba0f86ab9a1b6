"""Cutting time: what was known before, and what was bought after.

Nothing at or after the cut enters training, histories, weights or popular lists.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.domain import SECONDS_PER_DAY, EventType
from training.config import SplitConfig
from training.interactions import Events


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Events on either side of the cut.

    Attributes:
        cut_time: Seconds since 1970-01-01 UTC.
        before: Events before the cut.
        purchases_after: Purchases at or after the cut and before the end.
        end_time: Where the held-out period ends, seconds since 1970-01-01 UTC; None for
            the end of the data.
    """

    cut_time: float
    before: Events
    purchases_after: Events
    end_time: float | None = None

    @property
    def name(self) -> str:
        """Names the period: models measured on the same one can be compared."""
        start = dt.datetime.fromtimestamp(self.cut_time, dt.UTC).isoformat()
        if self.end_time is None:
            return start
        return f"{start} to {dt.datetime.fromtimestamp(self.end_time, dt.UTC).isoformat()}"


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
    return split_at(events, cut_time=cut_seconds(events.times, config), end_time=None)


def split_at(events: Events, *, cut_time: float, end_time: float | None) -> Split:
    """Cut the events at a moment.

    Args:
        events: The events.
        cut_time: Seconds since 1970-01-01 UTC.
        end_time: Purchases from then on are left out; None for none.
    """
    after = events.times >= cut_time
    wanted = after & (events.type_codes == EventType.PURCHASE_COMPLETE.code)
    if end_time is not None:
        wanted &= events.times < end_time
    return Split(
        cut_time=cut_time,
        before=events.where(~after),
        purchases_after=events.where(wanted),
        end_time=end_time,
    )


def rolling_splits(events: Events, config: SplitConfig, *, count: int) -> list[Split]:
    """Cut the events several times, each held-out period right before the next.

    Args:
        events: The events, at least one.
        config: The newest cut; the periods before it are as long as its own.
        count: Cuts, positive.

    Returns:
        The newest cut first; fewer than `count` where nothing would lie before a cut.
    """
    first, end = float(events.times.min()), float(events.times.max())
    cut = cut_seconds(events.times, config)
    length = end - cut
    splits = [split_at(events, cut_time=cut, end_time=None)]
    while len(splits) < count and length > 0 and cut - length > first:
        splits.append(split_at(events, cut_time=cut - length, end_time=cut))
        cut -= length
    return splits
