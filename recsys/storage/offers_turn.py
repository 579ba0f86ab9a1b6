"""One transaction with the ledger: what it holds, what it finds, and what becomes of each thing."""

from collections.abc import Callable, Sequence
from typing import Final

from recsys.errors import (
    CostTooHigh,
    OfferNotFound,
    OfferRefused,
    PersonErased,
    RecsysError,
    ReservationConflict,
    ReservationNotFound,
    ReservationSettled,
    StorageUnavailable,
)
from recsys.offers import (
    Asked,
    Commit,
    Offer,
    Release,
    Reservation,
    ReservationState,
    Reserve,
    Rule,
    Settled,
    Spend,
    amount_of_micros,
    is_held_out,
)
from recsys.offers.ledger import BASE_SECONDS, is_used_up
from recsys.storage.offers_people import Holder, add_uses, held_offers, holder_of, named_of, uses_of
from recsys.storage.offers_rows import (
    RESERVATION_COLUMNS,
    OfferRow,
    ReservationRow,
    channel_code,
    digest_of,
    offer_row,
    reservation_of,
)
from recsys.storage.people_members import add
from recsys.storage.sessions import Session
from recsys.storage.tombstones import tombstones_of

OFFERS_BY_ID: Final = "SELECT offer_key, offer_id, content FROM offers WHERE offer_id = ANY(?)"
_OFFERS: Final = "SELECT offer_key, offer_id, content FROM offers WHERE offer_key = ANY(?)"
SPENDS: Final = """
SELECT offer_key, reserved_count, reserved_cost, committed_count, committed_cost
FROM offer_spends WHERE offer_key = ANY(?)"""
_HOLD: Final = f"{SPENDS} ORDER BY offer_key FOR UPDATE"
_BY_ID: Final = f"SELECT {RESERVATION_COLUMNS} FROM reservations WHERE id_high = ANY(?)"  # noqa: S608 - our own names
_EXPIRE: Final = f"""
UPDATE reservations SET state = {ReservationState.EXPIRED}, settle_time = expire_time
WHERE state = {ReservationState.RESERVED} AND offer_key = ANY(?) AND expire_time <= ?
RETURNING offer_key, cost
"""  # noqa: S608 - our own numbers
_RESERVE: Final = f"""
INSERT INTO reservations (id_high, id_low, digest, offer_key, state, cost, reserve_time,
  expire_time, channel, store_id)
VALUES (?, ?, ?, ?, {ReservationState.RESERVED}, ?, ?, ?, ?, ?)
ON CONFLICT (id_high, id_low) DO NOTHING RETURNING reservation_key
"""  # noqa: S608 - our own numbers
_SETTLE: Final = """
UPDATE reservations SET state = ?, cost = ?, settle_time = ? WHERE reservation_key = ?
"""
_SUM: Final = """
UPDATE offer_spends SET reserved_count = ?, reserved_cost = ?, committed_count = ?,
  committed_cost = ?
WHERE offer_key = ?
"""
_GROUP_LOCK: Final = "recsys.offers/"


class Turn:
    """One transaction; what is asked is done in its order."""

    def __init__(self, session: Session, asked: Sequence[Asked]) -> None:
        """Look at nothing yet.

        Args:
            session: Writes, and has read nothing yet.
            asked: What to do.
        """
        self._session = session
        self._asked = asked
        self._names = [session.keys.event(f"reservation\x00{one.reservation_id}") for one in asked]
        self._rules = session.rules()
        self._offers: dict[int, OfferRow] = {}
        self._keys: dict[str, int] = {}
        self._spends: dict[int, Spend] = {}
        self._before: dict[int, Spend] = {}
        self._reservations: dict[tuple[int, int], ReservationRow] = {}
        self._erased: dict[int, float] = {}

    def hold(self) -> None:
        """Wait until nobody else changes the sums of these offers, to the end."""
        wanted = sorted({one.offer_id for one in self._asked if isinstance(one, Reserve)})
        found = list(map(offer_row, self._session.rows(OFFERS_BY_ID, wanted)))
        groups = {one.offer.stacking_group for one in found if one.offer is not None} - {""}
        # Two offers of one group must not be given to somebody at the same time.
        for group in sorted(groups):
            self._session.lock(f"{_GROUP_LOCK}{group}")
        keys = {one.offer_key for one in found}
        keys |= {row.offer_key for row in self._find().values()}
        for key, *sums in self._session.rows(_HOLD, sorted(keys)):
            self._spends[key] = self._before[key] = Spend(*sums)

    def settle(self, *, now: float) -> list[Settled]:
        """Do what is asked, as of a moment after all is held."""
        session = self._session
        held = sorted(self._spends)
        for key, cost in session.rows(_EXPIRE, held, now):
            self._change(key, reserved_count=-1, reserved_micros=-cost)
        # As they are now that nobody else can change them.
        self._offers = {row[0]: offer_row(row) for row in session.rows(_OFFERS, held)}
        self._keys = {one.offer_id: key for key, one in self._offers.items()}
        self._reservations = self._find()
        self._meet()
        settled = [
            self._settle_one(one, name, now=now)
            for one, name in zip(self._asked, self._names, strict=True)
        ]
        changed = [key for key in held if self._spends[key] != self._before[key]]
        session.change_each(_SUM, [(*self._spends[key], key) for key in changed])
        return settled

    def _meet(self) -> None:
        """Learn who was erased, and keep the identifiers of all others."""
        reserving = [one for one in self._asked if isinstance(one, Reserve)]
        named = {
            self._session.keys.identifier(who): who
            for one in reserving
            for who in named_of(one.identifiers, self._rules)
        }
        self._erased = {
            one.identifier_key: one.erase_time
            for one in tombstones_of(self._session, named)
            if one.is_for_good
        }
        add(self._session, {key: who for key, who in named.items() if key not in self._erased})

    def _find(self) -> dict[tuple[int, int], ReservationRow]:
        wanted = set(self._names)
        rows = map(ReservationRow._make, self._session.rows(_BY_ID, [high for high, _ in wanted]))
        return {row.name: row for row in rows if row.name in wanted}

    def _settle_one(self, asked: Asked, name: tuple[int, int], *, now: float) -> Settled:
        try:
            if isinstance(asked, Reserve):
                return self._reserve(asked, name, now=now)
            row = self._reservations.get(name)
            if row is None or row.offer_key not in self._spends:
                raise ReservationNotFound
            if isinstance(asked, Commit):
                return self._commit(asked, row, now=now)
            return self._release(asked, row, now=now)
        except StorageUnavailable:
            raise
        except RecsysError as refused:
            return refused

    def _reserve(self, asked: Reserve, name: tuple[int, int], *, now: float) -> Reservation:
        digest = digest_of(asked, self._session.keys)
        there = self._reservations.get(name)
        if there is not None:
            if there.digest != digest:
                raise ReservationConflict
            return self._said(there, asked.reservation_id)
        key = self._keys.get(asked.offer_id)
        offer = None if key is None else self._offers[key].offer
        if key is None or offer is None:
            raise OfferNotFound(offer_id=asked.offer_id)
        if asked.refusal is not None:
            raise _refuser(asked.offer_id)(*asked.refusal)
        holder = self._holder(asked)
        cost = offer.cost_micros if asked.cost_micros is None else asked.cost_micros
        self._check_offer(asked.offer_id, offer, self._spends[key], cost, now=now)
        self._check_person(asked.offer_id, offer, key, holder, now=now)
        row = ReservationRow(
            0, *name, digest, key, ReservationState.RESERVED, cost, now,
            now + asked.hold_seconds, None,
        )  # fmt: skip
        found = self._session.rows(
            _RESERVE, *name, digest, key, cost, now, row.expire_time, channel_code(asked),
            asked.store_id,
        )  # fmt: skip
        if not found:
            # Somebody else was faster, with another offer.
            raise ReservationConflict
        row = row._replace(reservation_key=found[0][0])
        add_uses(self._session, holder, offer_key=key, reservation_key=row.reservation_key, now=now)
        self._change(key, reserved_count=1, reserved_micros=cost)
        self._reservations[name] = row
        return self._said(row, asked.reservation_id)

    def _holder(self, asked: Reserve) -> Holder:
        living = [
            one
            for one in named_of(asked.identifiers, self._rules)
            if self._session.keys.identifier(one) not in self._erased
        ]
        if not living:
            raise PersonErased(erase_time=max(self._erased.values()))
        return holder_of(self._session, living, self._rules)

    def _check_offer(
        self, offer_id: str, offer: Offer, spend: Spend, cost: int, *, now: float
    ) -> None:
        refuse = _refuser(offer_id)
        if offer.from_time is not None and now < offer.from_time:
            raise refuse(Rule.NOT_STARTED, "begins later")
        if offer.until_time is not None and now >= offer.until_time:
            raise refuse(Rule.ENDED, "has ended")
        if offer.unit_count is not None and spend.use_count >= offer.unit_count:
            raise refuse(Rule.UNITS, f"all {offer.unit_count} are used or reserved")
        if offer.budget_micros is not None and spend.use_micros + cost > offer.budget_micros:
            left = amount_of_micros(max(0, offer.budget_micros - spend.use_micros))
            raise refuse(
                Rule.BUDGET, f"{left} of the budget are left; a use costs {amount_of_micros(cost)}"
            )

    def _check_person(
        self, offer_id: str, offer: Offer, key: int, holder: Holder, *, now: float
    ) -> None:
        refuse = _refuser(offer_id)
        share = offer.holdout_share
        if share and is_held_out(offer_id=offer_id, person_key=holder.person_key, share=share):
            raise refuse(Rule.HOLDOUT, "this person is held out")
        if offer.caps:
            uses = uses_of(self._session, holder, [key], now=now).get(key, [])
            for cap in offer.caps:
                if is_used_up(uses, cap, now=now):
                    raise refuse(Rule.CAP, f"used {cap.count} times already, as often as allowed")
        if offer.stacks_on and not self._has_base(offer.stacks_on, holder, now=now):
            raise refuse(Rule.STACKING, f"goes on top of {offer.stacks_on!r} only")
        if offer.stacking_group:
            held = [one for one in held_offers(self._session, holder, now=now) if one != key]
            others = map(offer_row, self._session.rows(_OFFERS, held))
            for other in others:
                if other.offer is not None and other.offer.stacking_group == offer.stacking_group:
                    raise refuse(Rule.STACKING, f"{other.offer_id!r} of its group is reserved")

    def _has_base(self, offer_id: str, holder: Holder, *, now: float) -> bool:
        rows = self._session.rows(OFFERS_BY_ID, [offer_id])
        uses = uses_of(self._session, holder, [row[0] for row in rows], now=now)
        return any(
            one.is_held or one.reserve_time > now - BASE_SECONDS
            for some in uses.values()
            for one in some
        )

    def _commit(self, asked: Commit, row: ReservationRow, *, now: float) -> Reservation:
        cost = row.cost if asked.cost_micros is None else asked.cost_micros
        if row.state == ReservationState.COMMITTED and cost == row.cost:
            return self._said(row, asked.reservation_id)
        if row.state != ReservationState.RESERVED:
            raise ReservationSettled(state=ReservationState(row.state).name)
        if cost > row.cost:
            raise CostTooHigh(cost=amount_of_micros(cost), cost_max=amount_of_micros(row.cost))
        self._change(
            row.offer_key,
            reserved_count=-1,
            reserved_micros=-row.cost,
            committed_count=1,
            committed_micros=cost,
        )
        done = self._move(row, ReservationState.COMMITTED, cost=cost, now=now)
        return self._said(done, asked.reservation_id)

    def _release(self, asked: Release, row: ReservationRow, *, now: float) -> Reservation:
        if row.state == ReservationState.COMMITTED:
            raise ReservationSettled(state=ReservationState(row.state).name)
        if row.state == ReservationState.RESERVED:
            self._change(row.offer_key, reserved_count=-1, reserved_micros=-row.cost)
            row = self._move(row, ReservationState.RELEASED, cost=row.cost, now=now)
        return self._said(row, asked.reservation_id)

    def _move(
        self, row: ReservationRow, state: ReservationState, *, cost: int, now: float
    ) -> ReservationRow:
        self._session.change(_SETTLE, int(state), cost, now, row.reservation_key)
        moved = row._replace(state=state, cost=cost, settle_time=now)
        self._reservations[row.name] = moved
        return moved

    def _change(self, key: int, **changes: int) -> None:
        before = self._spends[key]
        self._spends[key] = before._replace(
            **{name: getattr(before, name) + change for name, change in changes.items()}
        )

    def _said(self, row: ReservationRow, reservation_id: str) -> Reservation:
        found = self._offers[row.offer_key]
        return reservation_of(row, reservation_id=reservation_id, found=found)


def _refuser(offer_id: str) -> Callable[[Rule, str], OfferRefused]:
    return lambda rule, detail: OfferRefused(offer_id=offer_id, rule=rule.value, detail=detail)
