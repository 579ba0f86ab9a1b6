"""How offers and reservations are laid out in rows, whatever the database.

Ids of reservations are kept as keyed hashes, for the caller's may name a person, and what
is counted stays when she is erased.
"""

from typing import Any, Final, NamedTuple

import msgspec

from recsys.domain import CHANNEL_UNKNOWN_CODE
from recsys.offers import Offer, Reservation, ReservationState, Reserve
from recsys.storage.event_rows import Keys

DIGEST_OF_ERASED: Final = 0
"""In place of what would tell whether a reservation of the same id is the same."""


class ReservationRow(NamedTuple):
    """One row of the table `reservations`, as it is read.

    Attributes:
        reservation_key: Counts them.
        id_high: Key of the reservation id, first half.
        id_low: Second half.
        digest: Of what the caller asked for.
        offer_key: Of which offer.
        state: `ReservationState`.
        cost: In millionths of the offer's currency.
        reserve_time: Seconds since 1970-01-01 UTC by the storage's clock.
        expire_time: Likewise.
        settle_time: Likewise; None while it is reserved.
    """

    reservation_key: int
    id_high: int
    id_low: int
    digest: int
    offer_key: int
    state: int
    cost: int
    reserve_time: float
    expire_time: float
    settle_time: float | None

    @property
    def name(self) -> tuple[int, int]:
        """The key of its id."""
        return self.id_high, self.id_low


RESERVATION_COLUMNS: Final = ", ".join(ReservationRow._fields)


class OfferRow(NamedTuple):
    """An offer that was found in a transaction.

    Attributes:
        offer_key: Its key.
        offer_id: Its id.
        offer: What it is; None if it was deleted.
    """

    offer_key: int
    offer_id: str
    offer: Offer | None


def offer_text(offer: Offer) -> str:
    """Say an offer as JSON; equal offers give equal texts."""
    return msgspec.json.encode(offer, order="deterministic").decode()


read_offer: Final = msgspec.json.Decoder(Offer).decode


def offer_row(row: tuple[Any, ...]) -> OfferRow:
    """Read a row of offer_key, offer_id and content."""
    key, offer_id, content = row
    return OfferRow(key, offer_id, None if content is None else read_offer(content))


def digest_of(asked: Reserve, keys: Keys) -> int:
    """Tell what a reservation is of from what another one of the same id is of."""
    said = [asked.offer_id, sorted(map(keys.identifier, asked.identifiers)), asked.cost_micros]
    digest, _ = keys.event(f"reserve\x00{said!r}\x00{asked.channel}\x00{asked.store_id!r}")
    return digest or 1


def channel_code(asked: Reserve) -> int:
    """Return the number under which the channel of a use is kept."""
    return asked.channel.code if asked.channel else CHANNEL_UNKNOWN_CODE


def reservation_of(row: ReservationRow, *, reservation_id: str, found: OfferRow) -> Reservation:
    """Say a row in the words of the capability."""
    return Reservation(
        reservation_id=reservation_id,
        offer_id=found.offer_id,
        state=ReservationState(row.state),
        cost_micros=row.cost,
        currency="" if found.offer is None else found.offer.currency,
        reserve_time=row.reserve_time,
        expire_time=row.expire_time,
        settle_time=row.settle_time,
    )
