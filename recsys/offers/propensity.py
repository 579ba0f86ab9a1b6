"""How likely somebody is to use an offer, and what a use of its budget is worth: two ports.

What is learned from exposures and redemptions (`recsys.offers.learned`) can take the place of the
affinity, and prices of budgets that of nothing, without a change of anything else.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.offers.ledger import Spend
from recsys.offers.offer import Offer
from recsys.offers.query import OfferQuery, PropensityBasis
from recsys.recommend.known import Known
from recsys.recommend.model import ServingModel


class Propensities(NamedTuple):
    """How likely somebody uses some offers.

    Attributes:
        probabilities: Of each, 0 to 1, float64.
        bases: By what each was judged.
        shares: Of her redemptions of each, the part that would not have been bought without it,
            0 to 1, float64; None where nothing is known of that, and all count.
    """

    probabilities: NDArray[np.float64]
    bases: Sequence[PropensityBasis]
    shares: NDArray[np.float64] | None = None


class PropensityQuestion(NamedTuple):
    """For whom, and of which offers.

    Attributes:
        model: Ranks items.
        query: Who asks, where, with what in her basket.
        known: What may be known of her.
        offers: All offers; the same mapping as long as none has changed.
        wanted: Ids of those that are for her.
        now: Seconds since 1970-01-01 UTC.
        redeemed_count: How often she has used any offer, by the ledger.
    """

    model: ServingModel
    query: OfferQuery
    known: Known
    offers: Mapping[str, Offer]
    wanted: Sequence[str]
    now: float
    redeemed_count: int = 0


class PropensityModel(Protocol):
    """Judges how likely people use offers. Safe between threads."""

    def propensities(
        self, asked: Sequence[PropensityQuestion], *, threads: int = 1
    ) -> Sequence[Propensities]:
        """Judge for each person each of the wanted offers, in their order.

        Args:
            asked: People of one model, all offers and a moment; each as if alone.
            threads: Slices to compute at the same time.
        """
        ...


class OfferPrices(Protocol):
    """What a use of an offer takes from others. Safe between threads."""

    def price_micros(self, offer_id: str, offer: Offer, spend: Spend, *, now: float) -> int:
        """Return it in millionths of the offer's currency, from 0; 0 where nothing is known.

        Args:
            offer_id: The offer,
            offer: what it says,
            spend: and what is used of it.
            now: Seconds since 1970-01-01 UTC.
        """
        ...
