"""What a transaction with the ledger holds, and all that it has to know before it decides.

Everything is asked of all people and offers at once, and asked together where one answer is not
needed for the next question: three journeys to the storage, however much is to be done.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from recsys.errors import PersonErased
from recsys.offers import Asked, ReservationState, Reserve, Spend
from recsys.profiles import IdentityRules
from recsys.storage.offers_people import Holder, Holders, named_of
from recsys.storage.offers_rows import RESERVATION_COLUMNS, OfferRow, ReservationRow, offer_row
from recsys.storage.sessions import Answer, Session
from recsys.storage.tombstones import Tombstone, ask_tombstones

_OFFERS_BY_ID: Final = "SELECT offer_key, offer_id, content FROM offers WHERE offer_id = ANY(?)"
_OFFERS: Final = "SELECT offer_key, offer_id, content FROM offers WHERE offer_key = ANY(?)"
_HOLD: Final = """
SELECT offer_key, reserved_count, reserved_cost, committed_count, committed_cost
FROM offer_spends WHERE offer_key = ANY(?) ORDER BY offer_key FOR UPDATE"""
_EXPIRE: Final = f"""
UPDATE reservations SET state = {ReservationState.EXPIRED}, settle_time = expire_time
WHERE state = {ReservationState.RESERVED} AND offer_key = ANY(?) AND expire_time <= ?
RETURNING offer_key, cost
"""  # noqa: S608 - our own numbers
_BY_ID: Final = f"SELECT {RESERVATION_COLUMNS} FROM reservations WHERE id_high = ANY(?)"  # noqa: S608 - our own names
_GROUP_LOCK: Final = "recsys.offers/"

Name = tuple[int, int]
"""The key of the id of a reservation."""


class OffersChangedMeanwhileError(Exception):
    """Offers were written between two looks at them: all is to be done anew."""


class Look:
    """What is held and known; of use once it was `hold` and then `read`.

    Attributes:
        names: Of the reservations that things are asked of, in their order.
        spends: What is used of each offer that is held, less what has expired.
        kept_spends: The same as it is kept.
        offers: Those that are held, by their keys.
        keys: The key of each by its id.
        base_keys: Likewise of offers that others go on top of.
        reservations: Those that are there.
        holders: Whom the identifiers lead to; nobody where nothing is to be reserved.
    """

    def __init__(self, session: Session, asked: Sequence[Asked]) -> None:
        """Look at nothing yet; as `recsys.storage.offers_turn.Turn`."""
        self._session = session
        self._reserving = [one for one in asked if isinstance(one, Reserve)]
        self.names = [session.keys.event(f"reservation\x00{one.reservation_id}") for one in asked]
        self._highs = sorted({high for high, _ in self.names})
        self._rules = IdentityRules()
        self._found: dict[int, OfferRow] = {}
        self._groups: set[str] = set()
        self._held: Answer = list
        self._bases: Answer = list
        self._named: set[int] = set()
        self._tombstones: Callable[[], list[Tombstone]] = list
        self._erased: dict[int, float] = {}
        self.spends: dict[int, Spend] = {}
        self.kept_spends: dict[int, Spend] = {}
        self.offers: dict[int, OfferRow] = {}
        self.keys: dict[str, int] = {}
        self.base_keys: dict[str, int] = {}
        self.reservations: dict[Name, ReservationRow] = {}
        self.holders = Holders()

    def hold(self) -> None:
        """Wait until nobody else changes the sums of these offers, to the end."""
        session, wanted = self._session, self._wanted()
        # What was reserved stays one of the same offer.
        there = session.ask(_BY_ID, self._highs)
        if wanted:
            offers = session.ask(_OFFERS_BY_ID, wanted)
            self._rules = session.rules()
            self._found = {row[0]: offer_row(row) for row in offers()}
        living = [one.offer for one in self._found.values() if one.offer is not None]
        self._groups = {one.stacking_group for one in living} - {""}
        # Two offers of one group must not be given to somebody at the same time.
        for group in sorted(self._groups):
            session.lock(f"{_GROUP_LOCK}{group}")
        keys = {*self._found, *(row.offer_key for row in self._rows(there))}
        self._held = session.ask(_HOLD, sorted(keys))
        bases = sorted({one.stacks_on for one in living} - {""})
        if bases:
            self._bases = session.ask(_OFFERS_BY_ID, bases)
        self._ask_people()

    def read(self, *, now: float) -> None:
        """Read all that matters, as it is now that nobody else can change it.

        Args:
            now: A moment after all was held, seconds since 1970-01-01 UTC.

        Raises:
            OffersChangedMeanwhileError: See there.
        """
        session = self._session
        self.kept_spends = {key: Spend(*sums) for key, *sums in self._held()}
        self.base_keys = {row[1]: row[0] for row in self._bases()}
        held = sorted(self.kept_spends)
        expired = session.ask(_EXPIRE, held, now)
        offers, there = session.ask(_OFFERS, held), session.ask(_BY_ID, self._highs)
        self._read_people()
        self.spends = dict(self.kept_spends)
        for key, cost in expired():
            spend = self.spends[key]
            self.spends[key] = spend._replace(
                reserved_count=spend.reserved_count - 1,
                reserved_micros=spend.reserved_micros - cost,
            )
        self.offers = {row[0]: offer_row(row) for row in offers()}
        wanted = self._wanted()
        if self._found != {key: one for key, one in self.offers.items() if one.offer_id in wanted}:
            raise OffersChangedMeanwhileError
        self.keys = {one.offer_id: key for key, one in self.offers.items()}
        self.reservations = {row.name: row for row in self._rows(there)}

    def holder(self, asked: Reserve) -> Holder:
        """Return who wants to reserve something.

        Raises:
            PersonErased: All that she is known by was erased.
        """
        keys = map(self._session.keys.identifier, named_of(asked.identifiers, self._rules))
        living = [key for key in keys if key not in self._erased]
        if not living:
            raise PersonErased(erase_time=max(self._erased.values()))
        return self.holders.holder(living)

    def group_of(self, offer_keys: Iterable[int], group: str) -> set[str]:
        """Return the ids of those of some offers that are in a stacking group."""
        wanted = set(offer_keys)
        unknown = sorted(wanted - self.offers.keys())
        rows = map(offer_row, self._session.rows(_OFFERS, unknown) if unknown else ())
        self.offers |= {row.offer_key: row for row in rows}
        found = (self.offers[key] for key in wanted)
        return {
            one.offer_id
            for one in found
            if one.offer is not None and one.offer.stacking_group == group
        }

    def _wanted(self) -> list[str]:
        return sorted({one.offer_id for one in self._reserving})

    def _rows(self, there: Answer) -> list[ReservationRow]:
        names = set(self.names)
        return [row for row in map(ReservationRow._make, there()) if row.name in names]

    def _ask_people(self) -> None:
        key_of = self._session.keys.identifier
        self._named = {
            key_of(who) for one in self._reserving for who in named_of(one.identifiers, self._rules)
        }
        if self._named:
            self._tombstones = ask_tombstones(self._session, self._named)
            self.holders = Holders.asked(self._session, self._named)

    def _read_people(self) -> None:
        if self._named:
            self.holders.ask_uses(
                self._session,
                self._named,
                {*self._counted(), *self.base_keys.values()},
                person_count=len(self._reserving),
                with_held=bool(self._groups),
            )
        self._erased = {
            one.identifier_key: one.erase_time for one in self._tombstones() if one.is_for_good
        }

    def _counted(self) -> Iterable[int]:
        """Return the keys of the offers of which it matters how often somebody uses them."""
        for key, one in self._found.items():
            if one.offer is not None and (one.offer.caps or one.offer.stacking_group):
                yield key
