"""Offers, and what is asked of their ledger."""

from typing import Any

from recsys.domain import Identifier
from recsys.offers import MICROS_PER_UNIT, Cap, Offer, PercentOff, Reserve
from support.identity import account

EURO = MICROS_PER_UNIT
ANNA, BEN = account("anna"), account("ben")


def offer(**said: Any) -> Offer:
    """Ten per cent off, at the cost of a euro."""
    given: dict[str, Any] = {"benefit": PercentOff(10.0), "currency": "EUR", "cost_micros": EURO}
    return Offer(**given | said)


ONCE = (Cap(1),)


def reserve(
    name: str,
    *who: Identifier,
    offer_id: str = "ten",
    hold_seconds: float = 60.0,
    cost_micros: int | None = None,
) -> Reserve:
    """Hold an offer."""
    return Reserve(name, offer_id, who or (ANNA,), hold_seconds, cost_micros)
