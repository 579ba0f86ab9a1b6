"""What a reason says, as a key that frontends translate; docs/reasons.md lists all.

The arguments of a message are the other fields of the reason.
"""

from typing import Final

from recsys.domain import EventType, Reason, ReasonKind

BECAUSE: Final = {
    EventType.PURCHASE_COMPLETE: "reason.because_you_bought",
    EventType.ADD_TO_CART: "reason.because_you_added",
    EventType.ADD_TO_WISHLIST: "reason.because_you_wished",
    EventType.RATE: "reason.because_you_rated",
    EventType.DETAIL_PAGE_VIEW: "reason.because_you_viewed",
    EventType.CLICK: "reason.because_you_viewed",
}
"""By the strongest contact, the strongest first; other contact is none of these."""

_KEYS: Final = {
    ReasonKind.PERSONAL: "reason.fits_your_history",
    ReasonKind.SIMILAR: "reason.similar",
    ReasonKind.POPULAR: "reason.popular",
    ReasonKind.EDITORIAL: "reason.editorial",
    ReasonKind.RECENTLY_VIEWED: "reason.you_viewed",
    ReasonKind.COMPLEMENT: "reason.goes_with",
    ReasonKind.BUY_AGAIN: "reason.you_bought",
}


def message_key(reason: Reason) -> str:
    """Return the key of a reason's message; `reason.` and the kind's name for kinds of no own."""
    if reason.contact is not None:
        return BECAUSE[reason.contact]
    if reason.kind in {ReasonKind.POPULAR_HERE, ReasonKind.TRENDING}:
        word = "popular" if reason.kind is ReasonKind.POPULAR_HERE else "trending"
        if reason.store_id is not None:
            return f"reason.{word}_in_store"
        on_channel = reason.kind is ReasonKind.POPULAR_HERE or reason.channel is not None
        return f"reason.{word}_on_channel" if on_channel else f"reason.{word}"
    if reason.kind is ReasonKind.BUY_AGAIN and reason.usual_days is not None:
        return "reason.you_buy_regularly"
    return _KEYS.get(reason.kind) or f"reason.{reason.kind.value.replace('-', '_')}"
