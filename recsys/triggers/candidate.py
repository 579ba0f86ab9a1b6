"""What has set a trigger off."""

from typing import NamedTuple

from recsys.domain import CHANNEL_BY_CODE, Identifier, StoreId
from recsys.triggers.cart import Cart
from recsys.triggers.message import Message, MessageContent
from recsys.triggers.ports import TriggerEvent
from recsys.triggers.trigger import Occasion, Trigger


class Candidate(NamedTuple):
    """A trigger and what has set it off.

    Attributes:
        name: Of the trigger.
        trigger: What it says.
        owner: To whom the event belongs.
        event_id: Of the event.
        event_time: When it happened, seconds since 1970-01-01 UTC.
        content: What is known of the message.
        is_decided: Whether it was decided already what it carries.
    """

    name: str
    trigger: Trigger
    owner: Identifier
    event_id: str
    event_time: float
    content: MessageContent
    is_decided: bool = False

    @classmethod
    def of_visit(cls, name: str, trigger: Trigger, event: TriggerEvent) -> "Candidate":
        """Say that somebody who is known enters a shop."""
        assert event.owner is not None  # It was looked at.
        store_id = None if event.store_id is None else StoreId(event.store_id)
        content = MessageContent(occasion=Occasion.STORE_VISIT, store_id=store_id)
        return cls(name, trigger, event.owner, event.event_id, event.event_time, content)

    @classmethod
    def of_cart(cls, name: str, trigger: Trigger, owner: Identifier, cart: Cart) -> "Candidate":
        """Say that somebody has left a cart behind."""
        content = MessageContent(
            occasion=Occasion.CART_LEFT,
            item_ids=cart.item_ids,
            store_id=None if cart.last.store_id is None else StoreId(cart.last.store_id),
            cart_channel=CHANNEL_BY_CODE.get(cart.last.channel),
        )
        return cls(name, trigger, owner, cart.last.event_id, cart.last.event_time, content)

    @classmethod
    def of_message(cls, trigger: Trigger, message: Message) -> "Candidate":
        """Say what was decided of somebody who still is known."""
        assert message.owner is not None  # Whoever is not known any more gets nothing.
        return cls(
            message.trigger, trigger, message.owner, "", message.event_time, message.content,
            is_decided=True,
        )  # fmt: skip

    @property
    def placement(self) -> str:
        """Whose rules hold for items, and by what name messages count."""
        return self.trigger.placement or self.name

    @property
    def expire_time(self) -> float:
        """Until when a message is of use."""
        return self.trigger.expire_time(self.event_time)
