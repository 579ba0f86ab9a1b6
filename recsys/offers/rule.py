"""The rules by which an offer is refused to somebody; clients may branch on them."""

import enum
from typing import NamedTuple


class Rule(enum.StrEnum):
    """What refuses an offer. The order is that in which rules are looked at."""

    NOT_STARTED = "NOT_STARTED"
    ENDED = "ENDED"
    HOURS = "HOURS"
    CHANNEL = "CHANNEL"
    STORE = "STORE"
    GEOFENCE = "GEOFENCE"
    LOYALTY_TIER = "LOYALTY_TIER"
    BASKET = "BASKET"
    SCOPE = "SCOPE"
    IDENTITY = "IDENTITY"
    CONSENT = "CONSENT"
    NEW_CUSTOMERS = "NEW_CUSTOMERS"
    PERSON = "PERSON"
    HOLDOUT = "HOLDOUT"
    UNITS = "UNITS"
    BUDGET = "BUDGET"
    CAP = "CAP"
    PRICE = "PRICE"
    UPLIFT = "UPLIFT"
    STACKING = "STACKING"
    DELETED = "DELETED"
    REDEEMED = "REDEEMED"


class OfferRefusal(NamedTuple):
    """That a rule refuses an offer.

    Attributes:
        rule: Which one.
        detail: What it is and what would be allowed, for people who look after offers.
    """

    rule: Rule
    detail: str
