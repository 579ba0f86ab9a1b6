"""What is used of offers: reserved, then committed, released or expired; and its port.

A person is whoever the identifiers lead to at the moment of the question: uses are kept
under the identifiers that were named, so they follow her through merges, and after an
un-merge they are where they were.

The clock of the storage decides when something was reserved and whether it has expired, so
that servers whose clocks differ agree.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from recsys.domain import SECONDS_PER_DAY, Channel, Identifier, StoreId
from recsys.errors import RecsysError
from recsys.offers.offer import Cap
from recsys.offers.rule import OfferRefusal

BASE_SECONDS: Final = SECONDS_PER_DAY
"""For how long an offer that was used bears others on top of it."""


class ReservationState(enum.IntEnum):
    """Where a use of an offer stands. The numbers are kept in storage."""

    RESERVED = 1
    COMMITTED = 2
    RELEASED = 3
    EXPIRED = 4
    RETURNED = 5


class Reserve(NamedTuple):
    """Hold an offer for somebody.

    Attributes:
        reservation_id: Chosen by the caller; the same once more changes nothing.
        offer_id: The offer.
        identifiers: How she is known; at least one.
        hold_seconds: After how long it expires.
        cost_micros: What the use costs at most; None for the offer's.
        channel: Where; None if not said.
        store_id: The shop; None if not said.
        refusal: What refuses it already, as the caller has found; an earlier reservation
            of the same id is returned all the same.
    """

    reservation_id: str
    offer_id: str
    identifiers: tuple[Identifier, ...]
    hold_seconds: float
    cost_micros: int | None = None
    channel: Channel | None = None
    store_id: StoreId | None = None
    refusal: OfferRefusal | None = None


class Commit(NamedTuple):
    """Say that a reserved offer was used.

    Attributes:
        reservation_id: Of the reservation.
        cost_micros: What it cost, not more than was reserved; None for just that.
    """

    reservation_id: str
    cost_micros: int | None = None


class Release(NamedTuple):
    """Give a reservation back.

    Attributes:
        reservation_id: Of the reservation.
        is_return: Whether what was bought with the offer has come back, so that also a use
            that was committed is given back.
    """

    reservation_id: str
    is_return: bool = False


Asked: TypeAlias = Reserve | Commit | Release


class Reservation(NamedTuple):
    """A use of an offer.

    Attributes:
        reservation_id: As the caller named it.
        offer_id: The offer.
        state: Where it stands.
        cost_micros: What it costs.
        currency: ISO 4217 code of the cost; empty where the offer is deleted.
        reserve_time: Since when, seconds since 1970-01-01 UTC by the storage's clock.
        expire_time: Until when it is held.
        settle_time: When it was committed, released or returned, or expired; None while
            reserved.
    """

    reservation_id: str
    offer_id: str
    state: ReservationState
    cost_micros: int
    currency: str
    reserve_time: float
    expire_time: float
    settle_time: float | None


Settled: TypeAlias = Reservation | RecsysError
"""What became of one thing that was asked: an error, if it was refused."""


class Spend(NamedTuple):
    """What is used of an offer.

    Attributes:
        reserved_count: Uses that are reserved now.
        reserved_micros: What they cost.
        committed_count: Uses that were committed, ever, less those that were returned.
        committed_micros: What they cost.
    """

    reserved_count: int = 0
    reserved_micros: int = 0
    committed_count: int = 0
    committed_micros: int = 0

    @property
    def use_count(self) -> int:
        """All uses that count."""
        return self.reserved_count + self.committed_count

    @property
    def use_micros(self) -> int:
        """What they cost."""
        return self.reserved_micros + self.committed_micros


class Use(NamedTuple):
    """That a person uses an offer.

    Attributes:
        reserve_time: Since when, seconds since 1970-01-01 UTC.
        is_held: Whether it is reserved and not committed yet.
    """

    reserve_time: float
    is_held: bool


class Standing(NamedTuple):
    """How offers and a person stand at one moment.

    Attributes:
        now: The storage's clock, seconds since 1970-01-01 UTC.
        person_key: Tells her from others; the same whatever she is known by.
            None for nobody in particular.
        spends: What is used of each offer; absent where nothing is.
        uses: What she uses of each offer.
        redeemed_count: How many uses of hers were committed, of any offer at all.
    """

    now: float
    person_key: int | None
    spends: Mapping[str, Spend]
    uses: Mapping[str, Sequence[Use]]
    redeemed_count: int = 0


class Ledger(Protocol):
    """Counts what is used of offers. Safe to share by threads and processes.

    Whatever callers do at once, no budget, number of units or cap is exceeded, and
    nothing stays reserved after its time. All methods raise StorageUnavailable if the
    storage does not answer: then it is not known whether what was asked has happened,
    and asking the same again is safe.
    """

    def settle(self, asked: Sequence[Asked]) -> list[Settled]:
        """Do several things in one step that survives any crash, each as if alone.

        Returns:
            What became of each, in their order. The errors are OfferNotFound,
            OfferRefused, ReservationNotFound, ReservationConflict, ReservationSettled,
            CostTooHigh and PersonErased.
        """
        ...

    def standing(self, identifiers: Sequence[Identifier], offer_ids: Sequence[str]) -> Standing:
        """Return how some offers and a person stand; nothing is written."""
        ...

    def standings(
        self, people: Sequence[Sequence[Identifier]], offer_ids: Sequence[str]
    ) -> list[Standing]:
        """Return the same of many people at one moment, in about the time of one."""
        ...


def is_used_up(uses: Sequence[Use], cap: Cap, *, now: float) -> bool:
    """Whether a cap allows no more uses."""
    since = float("-inf") if cap.days is None else now - cap.days * SECONDS_PER_DAY
    return sum(one.reserve_time > since for one in uses) >= cap.count
