"""One transaction with the ledger: what it holds, what it finds, and what becomes of each thing.

What is known comes from one `Look`; from then on everything is counted in memory, one thing after
the other, and written in the end, together with the commit.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from recsys.domain import Identifier
from recsys.errors import (
    CostTooHigh,
    OfferNotFound,
    OfferRefused,
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
    OfferRefusal,
    Release,
    Reservation,
    ReservationState,
    Reserve,
    Settled,
    Spend,
    Use,
    amount_of_micros,
)
from recsys.offers.uses import refused_stacking, refused_time, refused_use
from recsys.storage.offers_look import Look, Name
from recsys.storage.offers_people import Holder, add_uses
from recsys.storage.offers_rows import (
    ReservationRow,
    channel_code,
    digest_of,
    reservation_of,
)
from recsys.storage.people_members import add
from recsys.storage.sessions import Session

# Where somebody else has a reservation of the same id for another offer, all is done anew.
_RESERVE: Final = """
INSERT INTO reservations (id_high, id_low, digest, offer_key, state, cost, reserve_time,
  expire_time, settle_time, channel, store_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_SETTLE: Final = """
UPDATE reservations SET state = ?, cost = ?, settle_time = ? WHERE id_high = ? AND id_low = ?
"""
_SUM: Final = """
UPDATE offer_spends SET reserved_count = ?, reserved_cost = ?, committed_count = ?,
  committed_cost = ?
WHERE offer_key = ?
"""


class _Given(NamedTuple):
    """What was given to somebody in this transaction.

    Attributes:
        asked: What was asked for.
        holder: By whom.
    """

    asked: Reserve
    holder: Holder


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
        self._look = Look(session, asked)
        self._spends: dict[int, Spend] = {}
        self._reservations: dict[Name, ReservationRow] = {}
        self._moved: dict[Name, ReservationRow] = {}
        self._states: dict[int, int] = {}
        self._given: dict[Name, _Given] = {}
        self._given_to: dict[int, list[Name]] = {}

    def hold(self) -> None:
        """Wait until nobody else changes the sums of these offers, to the end."""
        self._look.hold()

    def settle(self, *, now: float) -> list[Settled]:
        """Do what is asked, as of a moment after all is held.

        Raises:
            OffersChangedMeanwhileError: See there.
        """
        self._look.read(now=now)
        self._spends, self._reservations = dict(self._look.spends), dict(self._look.reservations)
        settled = [
            self._settle_one(one, name, now=now)
            for one, name in zip(self._asked, self._look.names, strict=True)
        ]
        self._write()
        return settled

    def _settle_one(self, asked: Asked, name: Name, *, now: float) -> Settled:
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

    def _reserve(self, asked: Reserve, name: Name, *, now: float) -> Reservation:
        digest = digest_of(asked, self._session.keys)
        there = self._reservations.get(name)
        if there is not None:
            if there.digest != digest:
                raise ReservationConflict
            return self._said(there, asked.reservation_id)
        key = self._look.keys.get(asked.offer_id)
        offer = None if key is None else self._look.offers[key].offer
        if key is None or offer is None:
            raise OfferNotFound(offer_id=asked.offer_id)
        _raise_any(asked.offer_id, asked.refusal)
        holder = self._look.holder(asked)
        cost = offer.cost_micros if asked.cost_micros is None else asked.cost_micros
        refusals = self._refusals(asked.offer_id, offer, key, holder, cost, now=now)
        _raise_any(asked.offer_id, next(refusals, None))
        row = ReservationRow(
            0, *name, digest, key, ReservationState.RESERVED, cost, now,
            now + asked.hold_seconds, None,
        )  # fmt: skip
        self._change(key, reserved_count=1, reserved_micros=cost)
        self._reservations[name] = row
        self._given[name] = _Given(asked, holder)
        for one in holder.named:
            self._given_to.setdefault(one, []).append(name)
        return self._said(row, asked.reservation_id)

    def _refusals(
        self, offer_id: str, offer: Offer, key: int, holder: Holder, cost: int, *, now: float
    ) -> Iterator[OfferRefusal]:
        """Find what of which the ledger alone knows how it stands refuses a use."""
        yield from refused_time(offer, now=now)
        uses = self._uses(holder, now=now)
        yield from refused_use(
            offer_id,
            offer,
            spend=self._spends[key],
            cost_micros=cost,
            person_key=holder.person_key,
            uses=uses.get(key, ()),
            now=now,
        )
        base = self._look.base_keys.get(offer.stacks_on)
        yield from refused_stacking(
            offer,
            base_uses=() if base is None else uses.get(base, ()),
            held_of_group=self._held_of_group(offer.stacking_group, key, uses),
            now=now,
        )

    def _uses(self, holder: Holder, *, now: float) -> dict[int, list[Use]]:
        """Return her uses by offer: those that were there, and those of this transaction."""
        uses: dict[int, list[Use]] = {}
        for row in self._look.holders.uses(holder, now=now):
            state = self._states.get(row.reservation_key, row.state)
            _put(uses, row.offer_key, row.reserve_time, state)
        names = {
            name
            for key in holder.keys & self._given_to.keys()
            if self._look.holders.counts_for(key, holder, now=now)
            for name in self._given_to[key]
        }
        for one in map(self._reservations.__getitem__, names):
            _put(uses, one.offer_key, one.reserve_time, one.state)
        return uses

    def _held_of_group(self, group: str, key: int, uses: dict[int, list[Use]]) -> set[str]:
        """Return the other offers of a stacking group that somebody has reserved."""
        if not group:
            return set()
        held = {one for one, some in uses.items() if any(use.is_held for use in some)} - {key}
        return self._look.group_of(held, group)

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
            if not asked.is_return:
                raise ReservationSettled(state=ReservationState(row.state).name)
            self._change(row.offer_key, committed_count=-1, committed_micros=-row.cost)
            row = self._move(row, ReservationState.RETURNED, cost=row.cost, now=now)
        if row.state == ReservationState.RESERVED:
            self._change(row.offer_key, reserved_count=-1, reserved_micros=-row.cost)
            row = self._move(row, ReservationState.RELEASED, cost=row.cost, now=now)
        return self._said(row, asked.reservation_id)

    def _move(
        self, row: ReservationRow, state: ReservationState, *, cost: int, now: float
    ) -> ReservationRow:
        moved = row._replace(state=state, cost=cost, settle_time=now)
        self._reservations[row.name] = moved
        if row.name not in self._given:
            self._moved[row.name] = moved
            self._states[row.reservation_key] = state
        return moved

    def _change(self, key: int, **changes: int) -> None:
        before = self._spends[key]
        self._spends[key] = before._replace(
            **{name: getattr(before, name) + change for name, change in changes.items()}
        )

    def _said(self, row: ReservationRow, reservation_id: str) -> Reservation:
        found = self._look.offers[row.offer_key]
        return reservation_of(row, reservation_id=reservation_id, found=found)

    def _write(self) -> None:
        """Keep what has become of everything. Names ascend, so that writers do not lock in circles."""
        session = self._session
        if self._given:
            newcomers = dict(self._newcomers())
            if newcomers:
                add(session, newcomers)
            rows = [self._reservation(name) for name in sorted(self._given)]
            session.change_each(_RESERVE, rows)
            add_uses(
                session,
                {(key, name) for name, one in self._given.items() for key in one.holder.named},
            )
        moved = [(one.state, one.cost, one.settle_time, *one.name) for one in self._moved.values()]
        sums = [
            (*spend, key)
            for key, spend in sorted(self._spends.items())
            if spend != self._look.kept_spends[key]
        ]
        if moved:
            session.change_each(_SETTLE, moved)
        if sums:
            session.change_each(_SUM, sums)

    def _newcomers(self) -> Iterable[tuple[int, Identifier]]:
        """Return the identifiers of those to whom something was given that are new."""
        key_of = self._session.keys.identifier
        for given in self._given.values():
            for who in given.asked.identifiers:
                key = key_of(who)
                if key in given.holder.named and self._look.holders.known(key) != who:
                    yield key, who

    def _reservation(self, name: Name) -> tuple[object, ...]:
        """Lay a new reservation out, in whatever state it is by now."""
        row, asked = self._reservations[name], self._given[name].asked
        return (
            *name, row.digest, row.offer_key, row.state, row.cost, row.reserve_time,
            row.expire_time, row.settle_time, channel_code(asked), asked.store_id,
        )  # fmt: skip


def _raise_any(offer_id: str, refusal: OfferRefusal | None) -> None:
    if refusal is not None:
        raise OfferRefused(offer_id=offer_id, rule=refusal.rule.value, detail=refusal.detail)


def _put(uses: dict[int, list[Use]], offer_key: int, reserve_time: float, state: int) -> None:
    if state in {ReservationState.RESERVED, ReservationState.COMMITTED}:
        is_held = state == ReservationState.RESERVED
        uses.setdefault(offer_key, []).append(Use(reserve_time, is_held=is_held))
