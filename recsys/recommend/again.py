"""What a person has bought and may need again: her own rhythm beside everybody's."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import Rebuys
from recsys.domain import SECONDS_PER_DAY, EventType, FallbackCause, ItemId, Reason, ReasonKind
from recsys.events import History
from recsys.recommend.given import Listed
from recsys.recommend.model import ServingModel

I32 = NDArray[np.int32]
F64 = NDArray[np.float64]

_HALF_LIFE_DAYS: Final = 240.0
"""Age at which a purchase says half as much of what is bought again."""

_USUAL_WEIGHT: Final = 2.0
"""Her own intervals count beside so many of everybody's."""

_DUE_EXPONENT: Final = 0.25
"""How far the order follows what is due rather than what she buys often."""

_HALF_DAY: Final = 0.5


class Purchases(NamedTuple):
    """What somebody has bought and kept, one entry for each item.

    Attributes:
        rows: Ascending, shape (m,).
        last_times: When last, seconds since 1970-01-01 UTC.
        amounts: On how many days, older ones counting less.
        day_counts: On how many days.
        log_gaps: The sum of the logarithms of the days between.
    """

    rows: I32
    last_times: F64
    amounts: F64
    day_counts: NDArray[np.int64]
    log_gaps: F64


def buy_again(
    model: ServingModel, history: History, *, cause: FallbackCause | None, now: float
) -> Listed:
    """Rank what somebody has bought by how likely she needs it again.

    The score is: days she bought it on (each halved for 240 days of age) x the share of the
    item's buyers who buy it again x (how likely a purchase is after so many usual
    intervals)^0.25. The usual interval is the geometric mean of hers and twice everybody's.

    Args:
        model: Whose items, and what is usual.
        history: What she did, as far as it may be used.
        cause: Why nothing stored was used.
        now: Seconds since 1970-01-01 UTC.
    """
    bought, unknown = _purchases(model, history, now=now)
    days, scores = _ranked(bought, model.bundle.rebuys, now=now)
    order = np.lexsort((bought.rows, -scores))
    reasons = [
        Reason(
            kind=ReasonKind.BUY_AGAIN,
            fallback_cause=cause,
            purchase_time=float(bought.last_times[at]),
            usual_days=None if np.isnan(days[at]) else float(days[at]),
        )
        for at in order.tolist()
    ]
    return Listed(
        model=model,
        rows=bought.rows[order],
        scores=scores[order],
        why=reasons,
        unknown_count=len(unknown),
    )


def _ranked(bought: Purchases, rebuys: Rebuys | None, *, now: float) -> tuple[F64, F64]:
    """Return the usual interval of each item in days, NaN where nothing is known, and scores."""
    own = (bought.day_counts - 1).astype(np.float64)
    if rebuys is None:
        # A model of an older format knows of nobody's habits but hers.
        usual = np.where(own > 0.0, np.exp(bought.log_gaps / np.maximum(own, 1.0)), np.nan)
        return usual, bought.amounts
    shares, days = _habits(rebuys, bought.rows)
    everybody = np.log(days)
    usual = np.exp((_USUAL_WEIGHT * everybody + bought.log_gaps) / (_USUAL_WEIGHT + own))
    elapsed = np.maximum(now - bought.last_times, 0.0) / SECONDS_PER_DAY
    due = rebuys.rate(elapsed / usual) ** _DUE_EXPONENT
    return usual, bought.amounts * shares * due


def _habits(rebuys: Rebuys, rows: I32) -> tuple[F64, F64]:
    """Return shares and days of rows; of new items nothing is known, and they are like most."""
    is_known = rows < len(rebuys.days)
    known = rows[is_known]
    shares, days = rebuys.shares[known].astype(np.float64), rebuys.days[known].astype(np.float64)
    if len(known) == len(rows):
        return shares, days
    all_shares, all_days = (np.full(len(rows), one) for one in rebuys.typical)
    all_shares[is_known], all_days[is_known] = shares, days
    return all_shares, all_days


def _purchases(
    model: ServingModel, history: History, *, now: float
) -> tuple[Purchases, set[ItemId]]:
    """Add up what was bought and not brought back, and name what the model does not know."""
    types = history.type_codes
    meant = (types == EventType.PURCHASE_COMPLETE.code) | (types == EventType.RETURN.code)
    item_ids = history.item_ids
    wanted = [item_ids[at] for at in np.flatnonzero(meant).tolist()]
    rows, positions = model.items.find(wanted)
    unknown = set(wanted).difference(model.items.ids(rows))
    times = history.event_times[meant][positions]
    returned = types[meant][positions] == EventType.RETURN.code
    rows, times = _kept(rows, times, returned)
    days = np.floor(times / SECONDS_PER_DAY)
    distinct = np.r_[True, (rows[1:] != rows[:-1]) | (days[1:] != days[:-1])][: len(rows)]
    # Of one day, the first purchase says when it was.
    rows, times = rows[distinct], times[distinct]
    found, first, counts = np.unique(rows, return_index=True, return_counts=True)
    gaps = np.zeros(len(rows))
    again = np.flatnonzero(rows[1:] == rows[:-1]) + 1
    gaps[again] = np.log(np.maximum((times[again] - times[again - 1]) / SECONDS_PER_DAY, _HALF_DAY))
    ages = np.maximum(now - times, 0.0) / SECONDS_PER_DAY
    amounts = np.exp2(-ages / _HALF_LIFE_DAYS)
    bought = Purchases(
        rows=found.astype(np.int32),
        last_times=times[first + counts - 1] if len(found) else times,
        amounts=np.add.reduceat(amounts, first) if len(found) else amounts,
        day_counts=counts,
        log_gaps=np.add.reduceat(gaps, first) if len(found) else gaps,
    )
    return bought, unknown


def _kept(rows: I32, times: F64, returned: NDArray[np.bool_]) -> tuple[I32, F64]:
    """Drop returns, and with each the last purchase of the item before it; by row and time."""
    # At the same moment, what was bought comes before what was brought back.
    order = np.lexsort((returned, times, rows))
    rows, times, returned = rows[order], times[order], returned[order]
    if not returned.any():
        return rows, times
    kept: list[int] = []
    for at, is_return in enumerate(returned.tolist()):
        if not is_return:
            kept.append(at)
        elif kept and rows[kept[-1]] == rows[at]:
            kept.pop()
    return rows[kept], times[kept]
