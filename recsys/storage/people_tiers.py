"""Loyalty tiers, kept under each identifier: the latest that was said of it."""

from collections.abc import Collection, Sequence
from typing import Final

from recsys.profiles import Tier, TierOutcome, TierStatement
from recsys.storage.people_members import add
from recsys.storage.sessions import Session
from recsys.storage.tombstones import tombstones_of

_READ: Final = """
SELECT identifier_key, tier, tier_time FROM loyalty_tiers WHERE identifier_key = ANY(?)
"""
_WRITE: Final = """
INSERT INTO loyalty_tiers (identifier_key, tier, tier_time) VALUES (?, ?, ?)
ON CONFLICT (identifier_key) DO UPDATE SET tier = excluded.tier, tier_time = excluded.tier_time
WHERE excluded.tier_time >= loyalty_tiers.tier_time -- as another has written it meanwhile
"""
_FORGET: Final = "DELETE FROM loyalty_tiers WHERE identifier_key = ANY(?)"


def read(session: Session, keys: Collection[int]) -> dict[int, Tier]:
    """Return what is said of identifiers, in their order; of some nothing is."""
    if not keys:
        return {}
    found = {key: Tier(name, time) for key, name, time in session.rows(_READ, list(keys))}
    return {key: found[key] for key in keys if key in found}


def record(session: Session, statements: Sequence[TierStatement]) -> list[TierOutcome]:
    """Keep what is said, of each identifier the latest; returns what became of each."""
    named = {session.keys.identifier(one.identifier): one.identifier for one in statements}
    erased = {one.identifier_key for one in tombstones_of(session, named) if one.is_for_good}
    devices = session.rules().devices
    known = read(session, named)
    changed: dict[int, Tier] = {}
    outcomes = []
    for identifier, tier in statements:
        key = session.keys.identifier(identifier)
        there = changed.get(key, known.get(key))
        if identifier.namespace in devices:
            outcome = TierOutcome.DEVICE
        elif key in erased:
            outcome = TierOutcome.ERASED
        elif there is not None and tier.time < there.time:
            outcome = TierOutcome.STALE
        else:
            is_same = tier.name == ("" if there is None else there.name)
            outcome = TierOutcome.UNCHANGED if is_same else TierOutcome.WRITTEN
            changed[key] = tier
        outcomes.append(outcome)
    add(session, {key: named[key] for key in changed})
    session.change_each(_WRITE, [(key, *tier) for key, tier in sorted(changed.items())])
    return outcomes


def forget(session: Session, keys: Sequence[int]) -> None:
    """Delete what is said of identifiers."""
    session.change(_FORGET, list(keys))
