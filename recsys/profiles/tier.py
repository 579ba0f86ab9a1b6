"""Loyalty tiers: what a loyalty programme says of cards and accounts, and what that makes of a person."""

import enum
from collections.abc import Iterable
from typing import NamedTuple

from recsys.domain import Identifier


class Tier(NamedTuple):
    """What is said of one identifier.

    Attributes:
        name: Such as `gold`; empty for none any more.
        time: Since when, seconds since 1970-01-01 UTC.
    """

    name: str
    time: float


class TierStatement(NamedTuple):
    """Says which tier an identifier has."""

    identifier: Identifier
    tier: Tier


class TierOutcome(enum.StrEnum):
    """What became of a statement."""

    WRITTEN = "written"
    UNCHANGED = "unchanged"
    STALE = "stale"
    """A later one is known."""
    ERASED = "erased"
    DEVICE = "device"
    """The identifier is a device's, which has no tier."""


def tier_of(tiers: Iterable[Tier]) -> str:
    """Return the tier of a person: what was said last of any of her identifiers.

    Args:
        tiers: Those of her identifiers, the most trusted first: of two of the same
            moment, the first counts.

    Returns:
        Its name; empty for none.
    """
    latest = max(tiers, key=lambda one: one.time, default=None)
    return "" if latest is None else latest.name
