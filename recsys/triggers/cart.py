"""What somebody has left in her cart: a function of what she did, whatever the order of arrival."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from recsys.domain import EventType, ItemId

_ADD: Final = EventType.ADD_TO_CART.code
_REMOVE: Final = EventType.REMOVE_FROM_CART.code
_BUY: Final = EventType.PURCHASE_COMPLETE.code

CART_TYPES: Final = (EventType.ADD_TO_CART, EventType.REMOVE_FROM_CART, EventType.PURCHASE_COMPLETE)

# Of one moment, what was taken out was put in before.
assert _ADD < _REMOVE < _BUY


class CartEvent(NamedTuple):
    """Something that she did with a cart.

    Attributes:
        event_time: Seconds since 1970-01-01 UTC.
        event_type: `EventType.code`, of one of `CART_TYPES`.
        event_id: Its name.
        item_ids: The items concerned.
        channel: `Channel.code`, 0 for unknown.
        store_id: The shop, or None.
    """

    event_time: float
    event_type: int
    event_id: str
    item_ids: tuple[ItemId, ...]
    channel: int = 0
    store_id: str | None = None


class Cart(NamedTuple):
    """What is left in a cart.

    Attributes:
        last: What she did last: with the cart, or buying something.
        item_ids: What is in it, the latest first.
    """

    last: CartEvent
    item_ids: tuple[ItemId, ...]


def cart_of(events: Iterable[CartEvent]) -> Cart | None:
    """Return what is in her cart; None if nothing is.

    Whoever buys something of her cart has done with it: what she left out, she did not want.
    Whoever buys something else has not, but is busy; so that counts as the last thing she did.

    Args:
        events: Hers, in any order; the same event may come twice.
    """
    held: dict[ItemId, None] = {}
    last: CartEvent | None = None
    for one in sorted(set(events), key=lambda one: one[:3]):
        last = one
        if one.event_type == _ADD:
            for item_id in one.item_ids:
                held.pop(item_id, None)
                held[item_id] = None
        elif one.event_type == _REMOVE:
            for item_id in one.item_ids:
                held.pop(item_id, None)
        elif any(item_id in held for item_id in one.item_ids):
            held.clear()
    return Cart(last, tuple(reversed(held))) if held and last is not None else None
