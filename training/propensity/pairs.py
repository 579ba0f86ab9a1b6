"""Which views are learned from, what came of each, and how often offers were redeemed until then."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import betaln

from recsys.domain import SECONDS_PER_DAY
from recsys.offers.rates import Rates, Shown
from training.propensity.exposures import Happened

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

_STRENGTH_MIN, _STRENGTH_MAX = 1.0, 1e5
_RATE_MIN: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Views that are learned from, in the order of time; arrays of shape (m,).

    Attributes:
        views: Who saw what and when.
        redeemed: Whether she redeemed it within the horizon.
        unripe_count: Views that are too young to say.
    """

    views: Happened
    redeemed: Flags
    unripe_count: int

    def where(self, mask: Flags) -> "Pairs":
        """Return some of them."""
        return Pairs(
            views=self.views.where(mask),
            redeemed=self.redeemed[mask],
            unripe_count=self.unripe_count,
        )


def pairs_of(
    views: Happened, redemptions: Happened, *, horizon_seconds: float, end_time: float
) -> Pairs:
    """Find what came of the first view of an offer by a person, and of one a horizon later.

    Args:
        views: What was seen, in the order of time.
        redemptions: What was redeemed, likewise.
        horizon_seconds: How long it may take.
        end_time: Up to when anything is known, seconds since 1970-01-01 UTC.
    """
    counted = views.where(_first_views(views, horizon_seconds))
    is_ripe = counted.times + horizon_seconds <= end_time
    ripe = counted.where(is_ripe)
    keys = ["people", "offers"]
    joined = _frame(ripe).join_asof(
        _frame(redemptions).with_columns(pl.col("times").alias("redeem_time")),
        on="times",
        by=keys,
        strategy="forward",
        check_sortedness=False,
    )
    took = joined["redeem_time"].to_numpy() - ripe.times
    # NaN where nothing was redeemed, which is less than nothing.
    redeemed = took < horizon_seconds
    return Pairs(views=ripe, redeemed=redeemed, unripe_count=int((~is_ripe).sum()))


def _frame(happened: Happened) -> pl.DataFrame:
    return pl.DataFrame(
        {"people": happened.people, "offers": happened.offers, "times": happened.times}
    ).set_sorted("times")


def _first_views(views: Happened, horizon_seconds: float) -> Flags:
    """Mark each first view, and the first after each horizon from there on."""
    order = np.lexsort((views.times, views.offers, views.people))
    people, offers, times = views.people[order], views.offers[order], views.times[order]
    is_new = np.ones(len(order), dtype=np.bool_)
    is_new[1:] = (people[1:] != people[:-1]) | (offers[1:] != offers[:-1])
    kept = is_new.copy()
    last = 0.0
    for at in np.flatnonzero(~is_new).tolist():
        if is_new[at - 1]:
            last = times[at - 1]
        if times[at] >= last + horizon_seconds:
            kept[at], last = True, times[at]
    found = np.zeros(len(order), dtype=np.bool_)
    found[order] = kept
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Rate of an offer that nobody has seen, and how many views it counts as much as."""

    rate: float
    strength: float


def prior_of(pairs: Pairs) -> Prior:
    """Estimate how rates of offers are spread: the beta-binomial of the largest likelihood."""
    seen, redeemed = _counts(pairs)
    seen, redeemed = seen[seen > 0].astype(np.float64), redeemed[seen > 0].astype(np.float64)
    mean = float(np.clip(redeemed.sum() / max(1.0, seen.sum()), _RATE_MIN, 1 - _RATE_MIN))

    def loss(point: F64) -> float:
        rate, strength = 1 / (1 + np.exp(-point[0])), np.exp(point[1])
        one, other = rate * strength, (1 - rate) * strength
        return float((betaln(one, other) - betaln(one + redeemed, other + seen - redeemed)).sum())

    found = minimize(
        loss,
        np.array([np.log(mean / (1 - mean)), np.log(100.0)]),
        bounds=[
            (np.log(_RATE_MIN), -np.log(_RATE_MIN)),
            (np.log(_STRENGTH_MIN), np.log(_STRENGTH_MAX)),
        ],
        method="L-BFGS-B",
    )
    rate = float(np.clip(1 / (1 + np.exp(-found.x[0])), _RATE_MIN, 1 - _RATE_MIN))
    return Prior(rate=rate, strength=float(np.exp(found.x[1])))


def rates_of(pairs: Pairs, prior: Prior, offer_ids: Sequence[str]) -> Rates:
    """Return the rates of offers by all of some pairs."""
    return _rates(*_counts(pairs), prior, offer_ids)


def rates_by_day(
    pairs: Pairs, times: F64, prior: Prior, offer_ids: Sequence[str], *, horizon_seconds: float
) -> Iterator[tuple[slice, Rates]]:
    """Yield the moments of each day, and the rates as they were known when it began.

    Args:
        pairs: All there are, in the order of time.
        times: Moments, ascending, seconds since 1970-01-01 UTC.
        prior: Of offers that nobody has seen.
        offer_ids: Ids by position.
        horizon_seconds: How long it takes until something is known of a view.
    """
    known_at = pairs.views.times + horizon_seconds
    days = np.floor(times / SECONDS_PER_DAY)
    firsts = np.flatnonzero(np.r_[True, days[1:] != days[:-1]][: len(days)])
    seen = np.zeros(len(offer_ids), dtype=np.int64)
    redeemed = np.zeros(len(offer_ids), dtype=np.int64)
    done = 0
    for first, stop in zip(firsts.tolist(), [*firsts[1:].tolist(), len(days)], strict=True):
        upto = int(np.searchsorted(known_at, days[first] * SECONDS_PER_DAY, side="right"))
        news = slice(done, upto)
        seen += np.bincount(pairs.views.offers[news], minlength=len(seen))
        redeemed += np.bincount(
            pairs.views.offers[news], weights=pairs.redeemed[news], minlength=len(seen)
        ).astype(np.int64)
        done = upto
        yield slice(first, stop), _rates(seen, redeemed, prior, offer_ids)


def _counts(pairs: Pairs) -> tuple[I64, I64]:
    """Count views and redemptions by offer."""
    offers = pairs.views.offers
    redeemed = np.bincount(offers, weights=pairs.redeemed).astype(np.int64)
    return np.bincount(offers).astype(np.int64), redeemed


def _rates(seen: I64, redeemed: I64, prior: Prior, offer_ids: Sequence[str]) -> Rates:
    shown = {
        offer_ids[at]: Shown(int(seen[at]), int(redeemed[at]))
        for at in np.flatnonzero(seen).tolist()
    }
    return Rates(shown, prior=prior.rate, strength=prior.strength)
