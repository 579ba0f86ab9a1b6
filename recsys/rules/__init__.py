"""What may be shown and how a page is put together; see docs/rules.md."""

from recsys.rules.arrange import arrange
from recsys.rules.arrangement import Arrangement, Candidates
from recsys.rules.asked import NOTE_STOCK_UNAVAILABLE, Asked, InForce
from recsys.rules.permissions import Permissions
from recsys.rules.permitted import Part, Permitted, refusing
from recsys.rules.placements import PLACEMENT_DEFAULT, Placements, read_placements
from recsys.rules.rules import (
    NO_RULES,
    Boost,
    Cap,
    Pin,
    Rebuy,
    Rules,
    Share,
)

__all__ = [
    "NOTE_STOCK_UNAVAILABLE",
    "NO_RULES",
    "PLACEMENT_DEFAULT",
    "Arrangement",
    "Asked",
    "Boost",
    "Candidates",
    "Cap",
    "InForce",
    "Part",
    "Permissions",
    "Permitted",
    "Pin",
    "Placements",
    "Rebuy",
    "Rules",
    "Share",
    "arrange",
    "read_placements",
    "refusing",
]
