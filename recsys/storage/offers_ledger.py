"""The ledger of offers in either database; implements `recsys.offers.Ledger`.

Whatever changes an offer's sums holds its row of `offer_spends` first and to the end of the
transaction, so that of each offer one thing happens after the other, on however many servers.
What has expired is taken off the sums then, before anything is asked of them: nobody has to
clean up, and whoever dies leaves nothing behind.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from recsys import limits
from recsys.domain import SECONDS_PER_DAY, Identifier
from recsys.offers import Asked, ReservationState, Settled, Spend, Standing
from recsys.offers.ledger import Reserve
from recsys.storage.offers_people import holder_of, uses_of
from recsys.storage.offers_standings import holders_of, uses_of_many
from recsys.storage.offers_turn import SPENDS, Turn
from recsys.storage.sessions import Session, Sessions

_NAMES: Final = "SELECT offer_key, offer_id FROM offers WHERE offer_id = ANY(?)"
_EXPIRED: Final = f"""
SELECT offer_key, count(*), CAST(sum(cost) AS bigint) FROM reservations
WHERE state = {ReservationState.RESERVED} AND offer_key = ANY(?) AND expire_time <= ?
GROUP BY offer_key
"""  # noqa: S608 - our own numbers
_OVER: Final = f"""
SELECT reservation_key FROM reservations
WHERE state >= {ReservationState.RELEASED} AND settle_time < ? ORDER BY settle_time LIMIT ?
"""  # noqa: S608 - our own numbers
_PRUNE_USES: Final = "DELETE FROM offer_uses WHERE reservation_key = ANY(?)"
_PRUNE: Final = "DELETE FROM reservations WHERE reservation_key = ANY(?)"
_PRUNED_PER_ASKED: Final = 2
"""More are forgotten than can be made, so what came to nothing long ago does not pile up."""

Clock = Callable[[Session], float]


def storage_clock(session: Session) -> float:
    """Return the time by the storage's clock."""
    return session.clock()


class OfferLedger:
    """Counts what is used of offers; see the module. Safe to share by threads."""

    def __init__(self, sessions: Sessions, *, clock: Clock = storage_clock) -> None:
        """Share a storage, which whoever made it closes.

        Args:
            sessions: Its transactions.
            clock: Tells the time in seconds since 1970-01-01 UTC; that of the storage.
        """
        self._sessions = sessions
        self._clock = clock

    def settle(self, asked: Sequence[Asked]) -> list[Settled]:
        """Do several things in one step; as `Ledger.settle`."""

        def work(session: Session) -> list[Settled]:
            turn = Turn(session, asked)
            turn.hold()
            now = self._clock(session)
            settled = turn.settle(now=now)
            if any(isinstance(one, Reserve) for one in asked):
                _prune(session, len(asked), now=now)
            return settled

        if not asked:
            return []
        return self._sessions.write(work)

    def standing(self, identifiers: Sequence[Identifier], offer_ids: Sequence[str]) -> Standing:
        """Return how some offers and a person stand; as `Ledger.standing`."""

        def work(session: Session) -> Standing:
            now = self._clock(session)
            names: dict[int, str] = dict(session.rows(_NAMES, list(offer_ids)))
            uses, person_key = {}, None
            if identifiers:
                holder = holder_of(session, identifiers, session.rules())
                uses, person_key = uses_of(session, holder, names, now=now), holder.person_key
            return Standing(
                now=now,
                person_key=person_key,
                spends=_spends(session, names, now=now),
                uses={names[key]: some for key, some in uses.items()},
            )

        return self._sessions.read(work)

    def standings(
        self, people: Sequence[Sequence[Identifier]], offer_ids: Sequence[str]
    ) -> list[Standing]:
        """Return how some offers and many people stand; as `Ledger.standings`."""

        def work(session: Session) -> list[Standing]:
            now = self._clock(session)
            names: dict[int, str] = dict(session.rows(_NAMES, list(offer_ids)))
            spends = _spends(session, names, now=now)
            holders = holders_of(session, people)
            return [
                Standing(
                    now=now,
                    person_key=None if holder is None else holder.person_key,
                    spends=spends,
                    uses={names[key]: some for key, some in uses.items()},
                )
                for holder, uses in zip(
                    holders, uses_of_many(session, holders, names, now=now), strict=True
                )
            ]

        return self._sessions.read(work)


def _spends(session: Session, names: Mapping[int, str], *, now: float) -> dict[str, Spend]:
    """Return what is used of some offers, named by their keys, without what has expired."""
    spends = {key: Spend(*sums) for key, *sums in session.rows(SPENDS, list(names)) if any(sums)}
    held = [key for key, spend in spends.items() if spend.reserved_count]
    for key, count, cost in session.rows(_EXPIRED, held, now):
        spend = spends[key]
        spends[key] = spend._replace(
            reserved_count=spend.reserved_count - count,
            reserved_micros=spend.reserved_micros - cost,
        )
    return {names[key]: spend for key, spend in spends.items()}


def _prune(session: Session, asked_count: int, *, now: float) -> None:
    """Forget some reservations that came to nothing long ago."""
    before = now - limits.RESERVATION_KEPT_DAYS * SECONDS_PER_DAY
    rows = session.rows(_OVER, before, _PRUNED_PER_ASKED * asked_count)
    if rows:
        keys = [key for (key,) in rows]
        session.change(_PRUNE_USES, keys)
        session.change(_PRUNE, keys)
