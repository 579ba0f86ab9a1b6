"""What became of offers up to one moment of a storage, for those who learn from it."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from recsys.domain import EventType
from recsys.offers import Offer, ReservationState
from recsys.storage.catalog_log import LAST_SEQ
from recsys.storage.log_snapshot import LogSnapshot
from recsys.storage.offers_rows import read_offer

# What was done on a device counts for whose turn it was.
_EVENTS: Final = f"""
SELECT coalesce(s.owner_key, e.identifier_key), e.event_time, e.event_type, e.channel, e.content
FROM events AS e LEFT JOIN segments AS s ON s.identifier_key = e.identifier_key
  AND s.from_time < e.event_time AND s.until_time >= e.event_time
WHERE e.event_type IN ({EventType.OFFER_VIEW.code}, {EventType.OFFER_REDEEM.code})
  AND e.identifier_key IS NOT NULL
ORDER BY e.seq
"""  # noqa: S608 - our own numbers
_USES: Final = f"""
SELECT u.reservation_key, coalesce(s.owner_key, u.identifier_key), o.offer_id, r.settle_time
FROM offer_uses AS u JOIN reservations AS r ON r.reservation_key = u.reservation_key
JOIN offers AS o ON o.offer_key = u.offer_key
LEFT JOIN segments AS s ON s.identifier_key = u.identifier_key
  AND s.from_time < u.use_time AND s.until_time >= u.use_time
WHERE r.state = {ReservationState.COMMITTED}
ORDER BY u.reservation_key, u.identifier_key
"""  # noqa: S608 - our own numbers
_OFFERS: Final = "SELECT offer_id, content FROM offers WHERE content IS NOT NULL ORDER BY offer_id"


class OfferEvent(NamedTuple):
    """That somebody saw or redeemed an offer.

    Attributes:
        identifier_key: For whom it counts.
        event_time: Seconds since 1970-01-01 UTC.
        event_type: `EventType.code`.
        channel: `Channel.code`, 0 for unknown.
        offer_id: The offer; empty if that was not said.
    """

    identifier_key: int
    event_time: float
    event_type: int
    channel: int
    offer_id: str


class OfferUse(NamedTuple):
    """That a use of an offer was committed, under one of the identifiers that were named.

    Attributes:
        reservation_key: Tells uses apart.
        identifier_key: For whom it counts.
        offer_id: The offer.
        commit_time: Seconds since 1970-01-01 UTC, by the storage's clock.
    """

    reservation_key: int
    identifier_key: int
    offer_id: str
    commit_time: float


class _Content(msgspec.Struct):
    offer_id: str = ""


_decode: Final = msgspec.json.Decoder(_Content).decode


def offer_events(log: LogSnapshot) -> Iterator[list[OfferEvent]]:
    """Return views and redemptions, in the order of arrival; but for those of nobody."""
    for rows in log.rows(_EVENTS):
        yield [OfferEvent._make((*row[:-1], _decode(row[-1]).offer_id)) for row in rows]


def offer_uses(log: LogSnapshot) -> Iterator[list[OfferUse]]:
    """Return what the ledger counts as used, in the order of reservation."""
    for rows in log.rows(_USES):
        yield [OfferUse._make(row) for row in rows]


def offers_of(log: LogSnapshot) -> dict[str, Offer]:
    """Return the offers that there are, by id."""
    return {name: read_offer(content) for rows in log.rows(_OFFERS) for name, content in rows}


def has_live_catalog(log: LogSnapshot) -> bool:
    """Whether the catalogue was ever written to, so that only what it has is offered."""
    return any(seq > 0 for rows in log.rows(LAST_SEQ) for (seq,) in rows)
