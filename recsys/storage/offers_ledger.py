"""The ledger of offers in either database; implements `recsys.offers.Ledger`.

Whatever changes an offer's sums holds its row of `offer_spends` first and to the end of the
transaction, so that of each offer one thing happens after the other, on however many servers.
What has expired is taken off the sums then, before anything is asked of them: nobody has to
clean up, and whoever dies leaves nothing behind.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final

from recsys import limits
from recsys.domain import SECONDS_PER_DAY, Identifier
from recsys.errors import StorageUnavailable
from recsys.offers import Asked, ReservationState, Reserve, Settled, Spend, Standing, Use
from recsys.storage.offers_look import OffersChangedMeanwhileError
from recsys.storage.offers_people import Holders, named_of
from recsys.storage.offers_turn import Turn
from recsys.storage.sessions import Answer, Clock, Session, Sessions, storage_clock

_SPENDS: Final = """
SELECT o.offer_key, o.offer_id, s.reserved_count, s.reserved_cost, s.committed_count,
  s.committed_cost
FROM offers AS o JOIN offer_spends AS s ON s.offer_key = o.offer_key WHERE o.offer_id = ANY(?)
"""
_EXPIRED: Final = f"""
SELECT offer_key, count(*), CAST(sum(cost) AS bigint) FROM reservations
WHERE state = {ReservationState.RESERVED} AND offer_key = ANY(?) AND expire_time <= ?
GROUP BY offer_key
"""  # noqa: S608 - our own numbers
_OVER: Final = f"""
SELECT reservation_key FROM reservations
WHERE state >= {ReservationState.RELEASED} AND settle_time < ?
ORDER BY settle_time LIMIT ? FOR UPDATE SKIP LOCKED"""  # noqa: S608 - our own numbers
_PRUNE_USES: Final = "DELETE FROM offer_uses WHERE reservation_key = ANY(?)"
_PRUNE: Final = "DELETE FROM reservations WHERE reservation_key = ANY(?)"
_ATTEMPT_COUNT_MAX: Final = 5
_PRUNED_PER_ASKED: Final = 2
"""More are forgotten than can be made, so what came to nothing long ago does not pile up."""


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
            over = _ask_over(session, asked, now=now)
            settled = turn.settle(now=now)
            _forget(session, over)
            return settled

        if not asked:
            return []
        for _ in range(_ATTEMPT_COUNT_MAX):
            with contextlib.suppress(OffersChangedMeanwhileError):
                return self._sessions.write(work, queued=True)
        raise StorageUnavailable(storage="ledger", problem="offers are written all the time")

    def standing(self, identifiers: Sequence[Identifier], offer_ids: Sequence[str]) -> Standing:
        """Return how some offers and a person stand; as `Ledger.standing`."""
        (found,) = self.standings([identifiers], offer_ids)
        return found

    def standings(
        self, people: Sequence[Sequence[Identifier]], offer_ids: Sequence[str]
    ) -> list[Standing]:
        """Return how some offers and many people stand; as `Ledger.standings`."""

        def work(session: Session) -> list[Standing]:
            found = session.ask(_SPENDS, list(offer_ids))
            rules, now = session.rules(), self._clock(session)
            rows = found()
            names: dict[int, str] = {key: offer_id for key, offer_id, *_ in rows}
            spends = {key: Spend(*sums) for key, _, *sums in rows if any(sums)}
            held = [key for key, spend in spends.items() if spend.reserved_count]
            expired = session.ask(_EXPIRED, held, now) if held else list
            key_of = session.keys.identifier
            named = [list(map(key_of, named_of(who, rules))) for who in people]
            holders = Holders()
            everybody = {key for keys in named for key in keys}
            if everybody:
                holders = Holders.asked(session, everybody)
                holders.ask_uses(session, everybody, None, person_count=len(people))
            for key, count, cost in expired():
                spend = spends[key]
                spends[key] = spend._replace(
                    reserved_count=spend.reserved_count - count,
                    reserved_micros=spend.reserved_micros - cost,
                )
            said = {names[key]: spend for key, spend in spends.items()}
            return [_standing(holders, keys, names, said, now=now) for keys in named]

        return self._sessions.read(work, queued=True)


def _standing(
    holders: Holders,
    named: Sequence[int],
    names: Mapping[int, str],
    spends: Mapping[str, Spend],
    *,
    now: float,
) -> Standing:
    """Say how offers stand, and the person behind some identifiers; nobody where there are none."""
    if not named:
        return Standing(now=now, person_key=None, spends=spends, uses={})
    holder = holders.holder(named)
    uses: dict[str, list[Use]] = {}
    redeemed_count = 0
    for row in holders.uses(holder, now=now):
        is_held = row.state == ReservationState.RESERVED
        redeemed_count += not is_held
        if row.offer_key in names:
            use = Use(row.reserve_time, is_held=is_held)
            uses.setdefault(names[row.offer_key], []).append(use)
    return Standing(
        now=now,
        person_key=holder.person_key,
        spends=spends,
        uses=uses,
        redeemed_count=redeemed_count,
    )


def _ask_over(session: Session, asked: Sequence[Asked], *, now: float) -> Answer:
    """Ask for some reservations that came to nothing long ago."""
    count = sum(isinstance(one, Reserve) for one in asked)
    if not count:
        return list
    before = now - limits.RESERVATION_KEPT_DAYS * SECONDS_PER_DAY
    return session.ask(_OVER, before, _PRUNED_PER_ASKED * count)


def _forget(session: Session, over: Answer) -> None:
    keys = [key for (key,) in over()]
    if keys:
        session.change(_PRUNE_USES, keys)
        session.change(_PRUNE, keys)
