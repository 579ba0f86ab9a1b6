"""Where a person stands as a customer: her lifecycle stage and her RFM segment.

Definitions and their sources are in docs/profiles.md.
"""

import enum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.domain import SECONDS_PER_DAY

WINDOW_DAYS: Final = 365
"""What counts as of late, in all that is said of a person."""

# Upper bounds of the days since the last order, for scores 5 to 2.
_RECENCY_DAYS: Final = (30.0, 90.0, 180.0, 365.0)
# Lower bounds of the orders of a year, for scores 5 to 2.
_FREQUENCIES: Final = (10, 5, 3, 2)

RHYTHM_DAYS_MIN: Final = 30.0
RHYTHM_DAYS_MAX: Final = 180.0
RHYTHM_DAYS_DEFAULT: Final = 90.0
"""What is taken for the rhythm of somebody who has bought on one day only."""

AT_RISK_RHYTHM_COUNT: Final = 2
LAPSED_RHYTHM_COUNT: Final = 4
"""After how many rhythms of silence somebody is at risk, and has lapsed."""

LOYAL_DAY_COUNT: Final = 4
"""Days with a purchase within a year that make somebody loyal."""


class RfmSegment(enum.StrEnum):
    """Segments by the scores of recency and frequency, 1 to 5 each."""

    CHAMPION = "champion"
    LOYAL = "loyal"
    PROMISING = "promising"
    NEW = "new"
    NEEDS_ATTENTION = "needs-attention"
    AT_RISK = "at-risk"
    HIBERNATING = "hibernating"
    LOST = "lost"


class LifecycleStage(enum.StrEnum):
    """The stages of a person's time as a customer."""

    PROSPECT = "prospect"
    FIRST_BUYER = "first-buyer"
    REGULAR = "regular"
    LOYAL = "loyal"
    AT_RISK = "at-risk"
    LAPSED = "lapsed"


# By recency score, then by frequency score from 1 to 5.
_SEGMENTS: Final = {
    5: (*[RfmSegment.NEW, RfmSegment.PROMISING, RfmSegment.LOYAL], *[RfmSegment.CHAMPION] * 2),
    4: (*[RfmSegment.NEW, RfmSegment.PROMISING, RfmSegment.LOYAL], *[RfmSegment.CHAMPION] * 2),
    3: (*[RfmSegment.NEEDS_ATTENTION] * 3, *[RfmSegment.LOYAL] * 2),
    2: (*[RfmSegment.HIBERNATING] * 2, *[RfmSegment.AT_RISK] * 3),
    1: (RfmSegment.LOST,) * 5,
}


def rfm_segment(bought: NDArray[np.float64], *, now: float) -> RfmSegment | None:
    """Return the segment of somebody with these orders; None without one.

    Args:
        bought: When the orders were, ascending; seconds since 1970-01-01 UTC.
        now: Likewise.
    """
    if not len(bought):
        return None
    recency, frequency = scores(bought, now=now)
    return _SEGMENTS[recency][frequency - 1]


def stage(purchase_days: NDArray[np.int64], *, today: int) -> LifecycleStage:
    """Return the stage of somebody who bought on these days.

    Silence is judged by her own rhythm: the mean time between days with a purchase.

    Args:
        purchase_days: Days, ascending, each once.
        today: The present one.
    """
    if not len(purchase_days):
        return LifecycleStage.PROSPECT
    first, last, count = int(purchase_days[0]), int(purchase_days[-1]), len(purchase_days)
    rhythm_days = (last - first) / (count - 1) if count > 1 else RHYTHM_DAYS_DEFAULT
    rhythm_days = min(max(rhythm_days, RHYTHM_DAYS_MIN), RHYTHM_DAYS_MAX)
    silent_days = today - last
    if silent_days > LAPSED_RHYTHM_COUNT * rhythm_days:
        return LifecycleStage.LAPSED
    if silent_days > AT_RISK_RHYTHM_COUNT * rhythm_days:
        return LifecycleStage.AT_RISK
    if count == 1:
        return LifecycleStage.FIRST_BUYER
    recent_count = int((purchase_days > today - WINDOW_DAYS).sum())
    return LifecycleStage.LOYAL if recent_count >= LOYAL_DAY_COUNT else LifecycleStage.REGULAR


def scores(bought: NDArray[np.float64], *, now: float) -> tuple[int, int]:
    """Return the scores of recency and frequency, 1 to 5 each.

    Args:
        bought: When the orders were, ascending, at least one; seconds since 1970 UTC.
        now: Likewise.
    """
    order_count = int((bought > now - WINDOW_DAYS * SECONDS_PER_DAY).sum())
    found = rfm_scores(float(bought[-1]), order_count, now=now)
    assert found is not None  # There is an order.
    return found


def rfm_scores(last_time: float | None, order_count: int, *, now: float) -> tuple[int, int] | None:
    """Return the scores of recency and frequency, 1 to 5 each; None without an order.

    Args:
        last_time: When the last order was, seconds since 1970-01-01 UTC; None for never.
        order_count: Orders of the last year.
        now: Seconds since 1970-01-01 UTC.
    """
    if last_time is None:
        return None
    silent_days = (now - last_time) / SECONDS_PER_DAY
    recency = 5 - sum(silent_days > bound for bound in _RECENCY_DAYS)
    frequency = 1 + sum(order_count >= bound for bound in _FREQUENCIES)
    return recency, frequency
