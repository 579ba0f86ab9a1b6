"""Hands messages out to those who send them, looking at everything once more."""

from collections.abc import Callable, Collection, Sequence

import msgspec

from recsys import limits
from recsys.campaigns import ItemCards
from recsys.campaigns.suppression import address_of
from recsys.catalog import Item
from recsys.domain import Channel, Identifier, ItemId
from recsys.offers.query import RankedOffer
from recsys.recommend import ServingModel
from recsys.triggers.decide import Decider
from recsys.triggers.message import Message, TriggerCause
from recsys.triggers.ports import TriggerStore
from recsys.triggers.trigger import Triggers


class WatchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes which messages.

    Attributes:
        consumer: Who takes them; what she was given before comes again when she comes back.
        channels: Of these; empty for all.
        triggers: Of these; empty for all.
        lease_seconds: For how long nobody else gets what she was given.
    """

    consumer: str
    channels: tuple[Channel, ...] = ()
    triggers: tuple[str, ...] = ()
    lease_seconds: float = limits.LEASE_SECONDS_DEFAULT


class HandedOut(msgspec.Struct, frozen=True, kw_only=True):
    """A message that may be sent now.

    Attributes:
        message: What was decided.
        identifiers: How she is known, the strongest first.
        address: Where to send it; None where no address is asked for.
        offer: That it carries; None for none.
        items: What is in her cart and may be shown.
        lease_time: Until when nobody else gets it, seconds since 1970-01-01 UTC.
    """

    message: Message
    identifiers: tuple[Identifier, ...]
    address: Identifier | None
    offer: RankedOffer | None
    items: tuple[tuple[ItemId, Item], ...]
    lease_time: float


OnHandedOut = Callable[[str, TriggerCause | None], None]
"""Told of every message: its trigger, and why it was withdrawn; None if it was handed out."""


class HandOut:
    """Hands messages out. Used by one thread at a time."""

    def __init__(
        self,
        *,
        store: TriggerStore,
        decider: Decider,
        cards: ItemCards,
        triggers: Callable[[], Triggers],
        on_handed_out: OnHandedOut = lambda _, __: None,
    ) -> None:
        """Share a storage.

        Args:
            store: Keeps messages.
            decider: Looks at them once more.
            cards: Knows items.
            triggers: Says what sets messages off just now.
            on_handed_out: Told of every message.
        """
        self._store = store
        self._decider = decider
        self._cards = cards
        self._triggers = triggers
        self._on_handed_out = on_handed_out

    def take(
        self, model: ServingModel, query: WatchQuery, *, is_resuming: bool, now: float
    ) -> list[HandedOut]:
        """Return the next messages that may be sent, and withdraw those that may not.

        Args:
            model: Judges what people like.
            query: Who takes which.
            is_resuming: Whether what the consumer has already comes again.
            now: Seconds since 1970-01-01 UTC.

        Raises:
            StorageUnavailable: Nothing is lost: what was taken comes again after its lease.
        """
        taken, expired = self._store.lease(
            query.consumer,
            channels=query.channels,
            triggers=query.triggers,
            seconds=query.lease_seconds,
            count_max=limits.HAND_OUT_COUNT_MAX,
            is_resuming=is_resuming,
        )
        for one in expired:
            self._on_handed_out(one.trigger, TriggerCause.EXPIRED)
        given, gone = self._looked_at(model, taken, now + query.lease_seconds, now=now)
        self._withdraw(gone)
        for each in given:
            self._on_handed_out(each.message.trigger, None)
        return given

    def _withdraw(self, gone: Collection[tuple[Message, TriggerCause]]) -> None:
        if gone:
            self._store.withdraw([(one.message_id, cause) for one, cause in gone])
        for one, cause in gone:
            self._on_handed_out(one.trigger, cause)

    def _looked_at(
        self, model: ServingModel, taken: Sequence[Message], lease_time: float, *, now: float
    ) -> tuple[list[HandedOut], list[tuple[Message, TriggerCause]]]:
        """Return what may be sent of what was taken, and what may not, with the cause."""
        gone, there = [], []
        triggers = self._triggers()
        for message in taken:
            trigger = triggers.enabled(message.trigger)
            if trigger is None or trigger.channel is not message.channel:
                gone.append((message, TriggerCause.RETIRED))
            elif message.owner is None:
                gone.append((message, TriggerCause.ERASED))
            else:
                there.append((trigger, message))
        judged = self._decider.judge_again(model, there, now=now)
        items = {item_id for one in judged if one.cause is None for item_id in one.item_ids}
        known = self._cards.of(sorted(items)) if items else {}
        given = []
        for (trigger, message), one in zip(there, judged, strict=True):
            if one.cause is not None:
                gone.append((message, one.cause))
                continue
            given.append(
                HandedOut(
                    message=message,
                    identifiers=one.person.identifiers,
                    address=address_of(one.person, trigger.addresses),
                    offer=one.offer,
                    items=tuple((each, known.get(each, Item())) for each in one.item_ids),
                    lease_time=lease_time,
                )
            )
        return given, gone
