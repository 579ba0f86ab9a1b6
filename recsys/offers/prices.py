"""What a use of an offer takes from others: prices of an allocation, and pace over the period.

An allocation (`recsys allocate`) says what each budget is worth at the margin when all people
are looked at together. From then on budgets are used by whoever comes, on every channel, so
the price follows what is left: it rises while more of the budget is used than of the period is
over, and falls while less is. That is gradient descent on the same dual, step by step as
uses come in (Balseiro, Lu and Mirrokni 2023, "The best of many worlds: dual mirror descent for
online allocation problems"), in its summed form, so that nothing but the ledger has to be kept.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from recsys.errors import InvalidConfig
from recsys.offers.ledger import Spend
from recsys.offers.offer import MICROS_PER_UNIT, Offer

_MICROS_MAX = 1e18


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What an allocation found of one offer, in units of its currency.

    Attributes:
        unit_price: Of a use.
        cost_price: Of each unit of what the use costs.
    """

    unit_price: float = 0.0
    cost_price: float = 0.0


class _File(msgspec.Struct, frozen=True):
    offers: dict[str, Price]


NO_PRICES: Mapping[str, Price] = MappingProxyType({})


def read_prices(text: str, *, source: str) -> Mapping[str, Price]:
    """Read `prices.json` of an allocation.

    Args:
        text: JSON with `offers`: `unit_price` and `cost_price` by offer id. What else it
            says is for people.
        source: What to call it in errors.

    Raises:
        InvalidConfig: It is no such file.
    """
    try:
        return msgspec.json.decode(text, type=_File).offers
    except msgspec.MsgspecError as error:
        raise InvalidConfig(source=source, problem=str(error)) from error


class PacedPrices:
    """Prices of an allocation, moved by how fast budgets are used. Implements `OfferPrices`."""

    def __init__(self, found: Mapping[str, Price] = NO_PRICES) -> None:
        """Begin with what an allocation found."""
        self.found = found

    def price_micros(self, offer_id: str, offer: Offer, spend: Spend, *, now: float) -> int:
        """Return the price of a use; as `OfferPrices.price_micros`.

        With u of the budget (or pieces) used and t of the period over, it is the allocation's
        price and u - t times the margin, at least 0.
        """
        price = self.found.get(offer_id)
        base = 0.0
        if price is not None:
            base = price.unit_price * MICROS_PER_UNIT + price.cost_price * offer.cost_micros
        margin = max(0, offer.value_micros - offer.cost_micros)
        micros = base + margin * ahead(offer, spend, now=now)
        return int(min(max(0.0, micros), _MICROS_MAX))


def ahead(offer: Offer, spend: Spend, *, now: float) -> float:
    """Return how much more of an offer is used than of its period is over, from -1 to 1.

    0 for offers without a budget and pieces, and for those without a beginning and an end.
    """
    if offer.from_time is None or offer.until_time is None:
        return 0.0
    used = [0.0]
    if offer.budget_micros:
        used.append(spend.use_micros / offer.budget_micros)
    if offer.unit_count:
        used.append(spend.use_count / offer.unit_count)
    if len(used) == 1:
        return 0.0
    over = (now - offer.from_time) / (offer.until_time - offer.from_time)
    return min(1.0, max(used)) - min(1.0, max(0.0, over))
