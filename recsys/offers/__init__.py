"""Offers: what they are, who may have them, and what is used of them; see docs/offers.md."""

from recsys.offers.checks import check_offer
from recsys.offers.holdout import is_held_out
from recsys.offers.ledger import (
    Asked,
    Commit,
    Ledger,
    Release,
    Reservation,
    ReservationState,
    Reserve,
    Settled,
    Spend,
    Standing,
    Use,
)
from recsys.offers.money import amount_of_micros, micros_of
from recsys.offers.offer import (
    MICROS_PER_UNIT,
    AmountOff,
    Benefit,
    BuyAndGet,
    Cap,
    Circle,
    Eligibility,
    FreeDelivery,
    Geofence,
    Gift,
    Offer,
    PercentOff,
    Points,
    Polygon,
    Sample,
    Scope,
)
from recsys.offers.ports import KeyedOffer, OfferChanges, OfferFeed, OfferPage, OfferStore
from recsys.offers.rule import OfferRefusal, Rule
from recsys.offers.stacking import stacking_problems
from recsys.offers.times import Hours, are_open

__all__ = [
    "MICROS_PER_UNIT",
    "AmountOff",
    "Asked",
    "Benefit",
    "BuyAndGet",
    "Cap",
    "Circle",
    "Commit",
    "Eligibility",
    "FreeDelivery",
    "Geofence",
    "Gift",
    "Hours",
    "KeyedOffer",
    "Ledger",
    "Offer",
    "OfferChanges",
    "OfferFeed",
    "OfferPage",
    "OfferRefusal",
    "OfferStore",
    "PercentOff",
    "Points",
    "Polygon",
    "Release",
    "Reservation",
    "ReservationState",
    "Reserve",
    "Rule",
    "Sample",
    "Scope",
    "Settled",
    "Spend",
    "Standing",
    "Use",
    "amount_of_micros",
    "are_open",
    "check_offer",
    "is_held_out",
    "micros_of",
    "stacking_problems",
]
