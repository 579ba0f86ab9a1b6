"""An event as it is kept: who did what, where and when, and how it is told from another."""

import hashlib
from collections.abc import Iterable
from typing import Final, Self

import msgspec

from recsys.domain import (
    NAMESPACE_ACCOUNT,
    NAMESPACE_LOYALTY_CARD,
    NAMESPACE_VISITOR,
    Channel,
    EventType,
    Identifier,
    ItemId,
    StoreId,
)

DERIVED_ID_PREFIX: Final = "auto-"
"""Begins the ids that we derive from content."""

_DERIVED_ID_BYTES: Final = 16
_DIGEST_BYTES: Final = 8
_pack: Final = msgspec.msgpack.Encoder().encode

# What names a person comes before what names a device.
_STRONGEST_FIRST: Final = (
    NAMESPACE_ACCOUNT,
    NAMESPACE_LOYALTY_CARD,
    "pos_customer",
    "email_sha256",
    "phone_sha256",
)
_RANKS: Final = {namespace: rank for rank, namespace in enumerate(_STRONGEST_FIRST)}
_RANK_OTHER: Final = len(_STRONGEST_FIRST)
_RANK_VISITOR: Final = _RANK_OTHER + 1


class EventLine(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One item of an event.

    Attributes:
        item_id: The item.
        quantity: Pieces, finite and positive.
        unit_price: Price of one piece as a plain decimal number; empty if not said.
        currency: ISO 4217 code of the price; empty if not said.
    """

    item_id: ItemId
    quantity: float = 1.0
    unit_price: str = ""
    currency: str = ""


class EventContent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What a caller says of an event. Texts that she does not say are empty.

    Ids and digests are made of it; new fields must have a default, which leaves them
    as they were.

    Attributes:
        event_type: What was done.
        event_time: Seconds since 1970-01-01 UTC; None if not said.
        channel: Where; None when unknown.
        identifiers: Who; empty for nobody in particular.
        lines: The items concerned.
        store_id: The shop.
        session_id: The visit.
        attribution_token: Of the answer that led here.
        offer_id: The offer seen or used.
        search_query: What was searched for.
        referrer: Where the visit came from.
    """

    event_type: EventType
    event_time: float | None = None
    channel: Channel | None = None
    identifiers: tuple[Identifier, ...] = ()
    lines: tuple[EventLine, ...] = ()
    store_id: StoreId | None = None
    session_id: str = ""
    attribution_token: str = ""
    offer_id: str = ""
    search_query: str = ""
    referrer: str = ""


class Event(msgspec.Struct, frozen=True, gc=False):
    """Something that happened.

    Attributes:
        event_id: Its name: the same event has the same id whenever it is sent.
        event_time: When, seconds since 1970-01-01 UTC.
        content: What the caller said.
        digest: 64 bits of what she said. Two events of one id and different
            digests are a mistake of hers.
    """

    event_id: str
    event_time: float
    content: EventContent
    digest: int

    @classmethod
    def of(cls, content: EventContent, *, event_id: str, now: float) -> Self:
        """Name and date what a caller said.

        Args:
            content: What she said.
            event_id: Her name for it; empty to derive one from the content, which
                must then have a time.
            now: Seconds since 1970-01-01 UTC. Events do not happen later, and
                those without a time happen now.

        Raises:
            ValueError: Neither id nor time is there.
        """
        packed = _pack(content)
        if not event_id:
            if content.event_time is None:
                raise ValueError("an event needs an id or a time")
            name = hashlib.blake2b(packed, digest_size=_DERIVED_ID_BYTES).hexdigest()
            event_id = f"{DERIVED_ID_PREFIX}{name}"
        digest = hashlib.blake2b(packed, digest_size=_DIGEST_BYTES).digest()
        event_time = content.event_time
        if event_time is None or event_time > now:
            event_time = now
        return cls(event_id, event_time, content, int.from_bytes(digest, "big", signed=True))


def strongest(identifiers: Iterable[Identifier]) -> Identifier | None:
    """Return the identifier that an event belongs to; None if there is none.

    Those of persons come before those of devices, whatever their order; among equals
    the first in the alphabet counts.
    """
    return min(identifiers, key=_strength, default=None)


def _strength(identifier: Identifier) -> tuple[int, str, str]:
    namespace = identifier.namespace
    rank = _RANK_VISITOR if namespace == NAMESPACE_VISITOR else _RANKS.get(namespace, _RANK_OTHER)
    return rank, namespace, identifier.value
