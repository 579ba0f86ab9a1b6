"""Whose the uses of offers are: counted by what is known of a person at this moment."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from recsys import limits
from recsys.domain import CHANNEL_BY_CODE, Channel, Identifier
from recsys.offers import ReservationState, Use
from recsys.profiles import IdentityRules
from recsys.storage.offers_rows import DIGEST_OF_ERASED
from recsys.storage.people_members import members
from recsys.storage.sessions import Session

_HERS: Final = """identifier_key = ANY(?) AND NOT EXISTS (
  SELECT 1 FROM segments AS s WHERE s.identifier_key = offer_uses.identifier_key
    AND s.from_time < offer_uses.use_time AND s.until_time >= offer_uses.use_time
    AND NOT s.owner_key = ANY(?)
)"""
"""Condition of a person's uses, as `people_members.HERS` is one of her events."""

# Of what was reserved and has expired, the row may not say so yet.
_USES: Final = f"""
SELECT DISTINCT r.reservation_key, r.offer_key, r.reserve_time, r.state
FROM offer_uses JOIN reservations AS r ON r.reservation_key = offer_uses.reservation_key
WHERE {_HERS} AND (r.state = {ReservationState.COMMITTED}
  OR r.state = {ReservationState.RESERVED} AND r.expire_time > ?)
"""  # noqa: S608 - our own words and numbers
_OF_OFFERS: Final = (
    f"{_USES} AND offer_uses.offer_key = ANY(?) ORDER BY r.reserve_time DESC LIMIT ?"
)
_HELD: Final = f"{_USES} AND r.state = {ReservationState.RESERVED} ORDER BY r.offer_key LIMIT ?"
_HEAD: Final = """
SELECT o.profile_key FROM segments AS t JOIN identifiers AS o ON o.identifier_key = t.owner_key
WHERE t.identifier_key = ? AND t.until_time > 1e300
"""
_ADD: Final = """
INSERT INTO offer_uses (identifier_key, offer_key, reservation_key, use_time) VALUES (?, ?, ?, ?)
"""
_FORGET: Final = f"DELETE FROM offer_uses WHERE {_HERS}"  # noqa: S608 - our own words
_UNNAME: Final = f"""
UPDATE reservations SET digest = {DIGEST_OF_ERASED} WHERE reservation_key IN (
  SELECT reservation_key FROM offer_uses WHERE {_HERS}
)
"""  # noqa: S608 - our own words
_EXPORT: Final = f"""
SELECT DISTINCT r.reservation_key, o.offer_id, r.state, r.cost, r.reserve_time, r.settle_time,
  r.channel, r.store_id
FROM offer_uses JOIN reservations AS r ON r.reservation_key = offer_uses.reservation_key
JOIN offers AS o ON o.offer_key = r.offer_key
WHERE {_HERS} ORDER BY r.reservation_key
"""  # noqa: S608 - our own words


class Holder(NamedTuple):
    """Who uses offers, as the storage knows her now.

    Attributes:
        named: Keys of the identifiers that new uses are kept under.
        keys: Of all that lead to her, these included.
        person_key: Of her profile.
    """

    named: list[int]
    keys: list[int]
    person_key: int


def named_of(identifiers: Sequence[Identifier], rules: IdentityRules) -> list[Identifier]:
    """Return who is meant: people where any is named, for others may use the device."""
    people = [one for one in identifiers if not rules.is_device(one)]
    return sorted(people or identifiers, key=rules.strength)


def holder_of(session: Session, identifiers: Sequence[Identifier], rules: IdentityRules) -> Holder:
    """Look up whom identifiers lead to.

    Args:
        session: Reads or writes.
        identifiers: Known or not, at least one.
        rules: Say what is a device.
    """
    named = named_of(identifiers, rules)
    keys = [session.keys.identifier(one) for one in named]
    rows = session.rows(_HEAD, keys[0])
    return Holder(
        named=keys,
        keys=sorted({*members(session, named), *keys}),
        person_key=rows[0][0] if rows else keys[0],
    )


def uses_of(
    session: Session, holder: Holder, offer_keys: Collection[int], *, now: float
) -> dict[int, list[Use]]:
    """Return her uses of some offers by their keys, the newest `OFFER_USE_COUNT_MAX`."""
    rows = session.rows(
        _OF_OFFERS, holder.keys, holder.keys, now, sorted(offer_keys), limits.OFFER_USE_COUNT_MAX
    )
    found: dict[int, list[Use]] = {}
    for _, offer_key, reserve_time, state in rows:
        use = Use(reserve_time, is_held=state == ReservationState.RESERVED)
        found.setdefault(offer_key, []).append(use)
    return found


def held_offers(session: Session, holder: Holder, *, now: float) -> list[int]:
    """Return the keys of the offers that she has reserved just now."""
    rows = session.rows(_HELD, holder.keys, holder.keys, now, limits.OFFER_USE_COUNT_MAX)
    return sorted({offer_key for _, offer_key, *_ in rows})


def add_uses(
    session: Session, holder: Holder, *, offer_key: int, reservation_key: int, now: float
) -> None:
    """Keep a use under the identifiers that were named."""
    session.change_each(
        _ADD, [(key, offer_key, reservation_key, now) for key in sorted(set(holder.named))]
    )


def forget(session: Session, keys: list[int]) -> None:
    """Forget whose the uses of a person are; what they cost stays counted.

    Args:
        session: Writes.
        keys: All that lead to her, before her links are forgotten.
    """
    session.change(_UNNAME, keys, keys)
    session.change(_FORGET, keys, keys)


class Redemption(NamedTuple):
    """A use of an offer, as a person may see it.

    Attributes:
        offer_id: The offer.
        state: Where it stands.
        cost_micros: What it costs.
        reserve_time: Since when, seconds since 1970-01-01 UTC.
        settle_time: When it was committed, released or expired; None before.
        channel: Where; None if that was not said.
        store_id: The shop; None likewise.
    """

    offer_id: str
    state: ReservationState
    cost_micros: int
    reserve_time: float
    settle_time: float | None
    channel: Channel | None
    store_id: str | None


def redemptions(session: Session, keys: list[int]) -> list[Redemption]:
    """Return what a person has used and reserved, the oldest first."""
    return [
        Redemption(
            offer_id,
            ReservationState(state),
            cost,
            reserve_time,
            settle_time,
            CHANNEL_BY_CODE.get(channel),
            store_id,
        )
        for _, offer_id, state, cost, reserve_time, settle_time, channel, store_id in session.rows(
            _EXPORT, keys, keys
        )
    ]
