"""Questions about offers, and their answers: no transport anywhere."""

import enum
from decimal import Decimal

import msgspec

from recsys import limits
from recsys.domain import ItemId
from recsys.offers.money import MICROS_MAX
from recsys.offers.offer import MICROS_PER_UNIT, Offer
from recsys.offers.rule import OfferRefusal
from recsys.recommend.query import PersonQuery


class BasketLine(msgspec.Struct, frozen=True, kw_only=True):
    """Something that she is about to buy.

    Attributes:
        item_id: The item.
        quantity: Pieces, finite and positive.
        unit_price: Of one piece, a plain decimal number; empty for the catalogue's.
        currency: Of that price; empty likewise.
    """

    item_id: ItemId
    quantity: float = 1.0
    unit_price: str = ""
    currency: str = ""


class OfferQuery(PersonQuery, frozen=True, kw_only=True):
    """Which offers are for a person, here and now?

    Attributes:
        basket: What she is about to buy; None if that is not said. Then what an offer asks
            of a basket is not looked at.
        loyalty_tier: As the caller knows it; empty for none.
        offer_ids: Only these of the offers for her; None for all.
        is_applicable: Whether only those are wanted that have something of the basket in
            their scope.
        result_count: Offers wanted, 1 to 100.
        explains: Whether refused offers are returned, too.
    """

    basket: tuple[BasketLine, ...] | None = None
    loyalty_tier: str = ""
    offer_ids: tuple[str, ...] | None = None
    is_applicable: bool = False
    result_count: int = limits.RESULT_COUNT_DEFAULT
    explains: bool = False

    @property
    def scene(self) -> "OfferQuery":
        """What all who ask at one place and moment have in common."""
        return msgspec.structs.replace(
            self,
            identifiers=(),
            recent_events=(),
            offer_ids=None,
            is_applicable=False,
            result_count=limits.RESULT_COUNT_DEFAULT,
            explains=False,
        )


class PropensityBasis(enum.StrEnum):
    """By what it was judged how likely somebody is to use an offer."""

    AFFINITY = "affinity"
    """Her own items: how many of the best are in the offer's scope."""

    POPULARITY = "popularity"
    """What is popular here, for those of whom nothing is known."""

    LEARNED = "learned"
    """Learned from exposures and redemptions."""


class RankedOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer for a person.

    Attributes:
        offer_id: Its id.
        offer: What it is.
        propensity: How likely she uses it, 0 to 1, as far as that is known.
        basis: By what that was judged.
        expected_micros: What showing it earns, as far as that is known.
        is_applicable: Whether something in the basket is in its scope; None without a basket.
    """

    offer_id: str
    offer: Offer
    propensity: float
    basis: PropensityBasis
    expected_micros: float
    is_applicable: bool | None = None


class RefusedOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer that is not for a person, and why."""

    offer_id: str
    refusal: OfferRefusal


class OfferAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Offers for a person.

    Attributes:
        offers: The best first.
        refused: Those that are not for her, by id; empty unless asked for.
        model_version: Of the model that judged.
        notes: What had to be done without.
    """

    offers: tuple[RankedOffer, ...]
    refused: tuple[RefusedOffer, ...] = ()
    model_version: str = ""
    notes: frozenset[str] = frozenset()


def cost_of(quantity: float, unit_price: str) -> int:
    """Return what some pieces cost, in millionths, cut off below that and above the largest."""
    # A quantity is a binary number for which people have typed a decimal one.
    exact = Decimal(unit_price) * Decimal(repr(quantity)) * MICROS_PER_UNIT
    return min(int(exact), MICROS_MAX)
