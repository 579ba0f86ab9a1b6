"""Files of learned propensity whose answers are known."""

import msgspec

from recsys.offers.features import FEATURE_NAMES
from recsys.offers.learned import Column, OfferCounts, PropensityFile
from recsys.offers.uplift import Line, OfferUplift


def propensity_text(
    *,
    intercept: float = 0.0,
    low: float = -50.0,
    high: float = 50.0,
    offers: dict[str, tuple[int, int]] | None = None,
    shares: dict[str, float] | None = None,
    **weights: float,
) -> str:
    """Write a file in which all but some features have no weight.

    Args:
        intercept: Log odds of whatever is zero.
        low: Smallest value of every feature.
        high: Largest.
        offers: Views and redemptions.
        shares: Of an offer's redemptions, the part that is incremental.
        weights: By feature.
    """
    columns = tuple(
        Column(name=name, mean=0.0, scale=1.0, low=low, high=high, weight=weights.get(name, 0.0))
        for name in FEATURE_NAMES
    )
    file = PropensityFile(
        model_version="v1", model_fingerprint="0" * 8, source="test", learn_time=0.0,
        horizon_days=28.0, pair_count=100, redemption_count=50, regularization=1.0,
        intercept=intercept, columns=columns, prior=0.1, prior_strength=10.0,
        offers={
            name: OfferCounts(seen=seen, redeemed=redeemed)
            for name, (seen, redeemed) in (offers or {}).items()
        },
        uplift={
            # Half redeem, and so much of that half is wasted.
            name: OfferUplift(
                held_out=200, others=200, wasted=Line(intercept=(1.0 - share) / 2),
                redeemed=Line(intercept=0.0),
            )
            for name, share in (shares or {}).items()
        },
    )  # fmt: skip
    return msgspec.json.encode(file).decode()
