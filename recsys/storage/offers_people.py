"""Whose the uses of offers are: counted by what is known of a person at this moment."""

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from recsys import limits
from recsys.domain import CHANNEL_BY_CODE, Channel, Identifier
from recsys.offers import ReservationState
from recsys.profiles import IdentityRules
from recsys.storage.offers_rows import DIGEST_OF_ERASED
from recsys.storage.people_members import LED
from recsys.storage.sessions import Answer, Session

_HERS: Final = """identifier_key = ANY(?) AND NOT EXISTS (
  SELECT 1 FROM segments AS s WHERE s.identifier_key = offer_uses.identifier_key
    AND s.from_time < offer_uses.use_time AND s.until_time >= offer_uses.use_time
    AND NOT s.owner_key = ANY(?)
)"""
"""Condition of a person's uses, as `people_members.HERS` is one of her events."""

# Of what was reserved and has expired, the row may not say so yet. A use of a device counts
# for its owner at that time, if it had one: `_HERS` for many people at once.
_USES: Final = f"""
SELECT u.identifier_key, u.reservation_key, u.offer_key, r.reserve_time, r.expire_time, r.state,
  s.owner_key
FROM offer_uses AS u JOIN reservations AS r ON r.reservation_key = u.reservation_key
LEFT JOIN segments AS s ON s.identifier_key = u.identifier_key
  AND s.from_time < u.use_time AND s.until_time >= u.use_time
WHERE u.identifier_key = ANY(?)
  AND r.state IN ({ReservationState.RESERVED}, {ReservationState.COMMITTED}) AND {{which}}
ORDER BY r.reserve_time DESC LIMIT ?
"""  # noqa: S608 - our own words and numbers
_OF_OFFERS: Final = _USES.format(which="u.offer_key = ANY(?)")
_OF_OFFERS_OR_HELD: Final = _USES.format(
    which=f"(u.offer_key = ANY(?) OR r.state = {ReservationState.RESERVED})"
)
_OF_ALL: Final = _USES.format(which="u.offer_key IS NOT NULL")
_HEADS: Final = """
SELECT i.identifier_key, i.namespace, i.value, t.owner_key, t.from_time, o.profile_key
FROM identifiers AS i
LEFT JOIN segments AS t ON t.identifier_key = i.identifier_key AND t.until_time > 1e300
LEFT JOIN identifiers AS o ON o.identifier_key = t.owner_key
WHERE i.identifier_key = ANY(?)
"""
_ADD: Final = """
INSERT INTO offer_uses (identifier_key, offer_key, reservation_key, use_time)
SELECT CAST(? AS bigint), offer_key, reservation_key, reserve_time FROM reservations
WHERE id_high = ? AND id_low = ?
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
    keys: frozenset[int]
    person_key: int


def named_of(identifiers: Sequence[Identifier], rules: IdentityRules) -> list[Identifier]:
    """Return who is meant: people where any is named, for others may use the device."""
    people = [one for one in identifiers if not rules.is_device(one)]
    return sorted(people or identifiers, key=rules.strength)


class UseRow(NamedTuple):
    """A use of an offer by somebody who is asked about, as it is read.

    Attributes:
        identifier_key: Under which it is kept.
        reservation_key: The reservation.
        offer_key: Of which offer.
        reserve_time: Seconds since 1970-01-01 UTC.
        expire_time: Likewise.
        state: `ReservationState`; reserved, or committed.
        owner_key: For whom the identifier counted at that time; None if it was nobody's device.
    """

    identifier_key: int
    reservation_key: int
    offer_key: int
    reserve_time: float
    expire_time: float
    state: int
    owner_key: int | None


class _Head(NamedTuple):
    """An identifier, and for whom it counts since its last change of hands; None for nobody."""

    identifier_key: int
    namespace: str
    value: str
    owner_key: int | None
    from_time: float | None
    profile_key: int | None


_NOTHING: Final[Answer] = list


class Holders:
    """Whom many identifiers lead to, and what they use of some offers, each in one look."""

    def __init__(self, heads: Answer = list, led: Answer = list) -> None:
        """Take what was asked; see `asked`."""
        self._ask_heads, self._ask_led, self._ask_uses = heads, led, _NOTHING

    @classmethod
    def asked(cls, session: Session, keys: Collection[int]) -> "Holders":
        """Ask whom identifiers lead to, and do not wait.

        Args:
            session: Reads or writes.
            keys: Of identifiers, known or not.
        """
        named = sorted(keys)
        return cls(session.ask(_HEADS, named), session.ask(LED, named, named))

    def ask_uses(
        self,
        session: Session,
        named: Collection[int],
        offer_keys: Collection[int] | None,
        *,
        person_count: int = 1,
        with_held: bool = False,
    ) -> None:
        """Ask what they use, and do not wait.

        Args:
            session: The same as before.
            named: The identifiers that were asked about.
            offer_keys: Of which offers; None for all.
            person_count: How many people these are; bounds how many uses are read.
            with_held: Whether also those of all other offers that are reserved.
        """
        if not (offer_keys or offer_keys is None or with_held):
            return
        keys = sorted({*named, *(one for some in self._led.values() for one in some)})
        count_max = limits.OFFER_USE_COUNT_MAX * person_count
        if offer_keys is None:
            self._ask_uses = session.ask(_OF_ALL, keys, count_max)
            return
        which = _OF_OFFERS_OR_HELD if with_held else _OF_OFFERS
        self._ask_uses = session.ask(which, keys, sorted(offer_keys), count_max)

    @functools.cached_property
    def _led(self) -> Mapping[int, list[int]]:
        return _grouped((key, one) for key, one in self._ask_led())

    @functools.cached_property
    def _heads(self) -> Mapping[int, list[_Head]]:
        return _grouped((row[0], _Head(*row)) for row in self._ask_heads())

    @functools.cached_property
    def _uses(self) -> Mapping[int, list[UseRow]]:
        return _grouped((row[0], UseRow(*row)) for row in self._ask_uses())

    def known(self, key: int) -> Identifier | None:
        """Return the identifier that is kept under a key that was asked about."""
        heads = self._heads.get(key)
        return Identifier(heads[0].namespace, heads[0].value) if heads else None

    def holder(self, named: Sequence[int]) -> Holder:
        """Return whom some of the identifiers lead to, the strongest of them first."""
        profiles = [one.profile_key for one in self._heads.get(named[0], ())]
        found = {one for key in named for one in self._led.get(key, ())}
        return Holder(
            named=list(named),
            keys=frozenset(found.union(named)),
            person_key=next((one for one in profiles if one is not None), named[0]),
        )

    def uses(self, holder: Holder, *, now: float) -> list[UseRow]:
        """Return her uses that count, the newest first."""
        rows = [row for key in sorted(holder.keys) for row in self._uses.get(key, ())]
        others = {
            (row.reservation_key, row.identifier_key)
            for row in rows
            if row.owner_key is not None and row.owner_key not in holder.keys
        }
        hers = {
            row.reservation_key: row
            for row in rows
            if (row.reservation_key, row.identifier_key) not in others
            and (row.state == ReservationState.COMMITTED or row.expire_time > now)
        }
        return sorted(hers.values(), key=lambda row: -row.reserve_time)

    def counts_for(self, key: int, holder: Holder, *, now: float) -> bool:
        """Whether what is done now under an identifier that was asked about is hers."""
        owners = {
            one.owner_key
            for one in self._heads.get(key, ())
            if one.from_time is not None and one.from_time < now
        }
        return key in holder.keys and owners <= holder.keys


ValueT = TypeVar("ValueT")


def _grouped(pairs: Iterable[tuple[int, ValueT]]) -> dict[int, list[ValueT]]:
    groups: dict[int, list[ValueT]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


def add_uses(session: Session, uses: Iterable[tuple[int, tuple[int, int]]]) -> None:
    """Keep uses: each by the key of an identifier and the name of a reservation that is there."""
    session.change_each(_ADD, [(key, *name) for key, name in sorted(uses)])


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
