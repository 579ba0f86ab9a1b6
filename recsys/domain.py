"""The value types that every part shares. They are frozen and born valid.

Ids are what the retailer says (strings); rows are positions in a model
(integers). The two never mix: `ItemId` and `ItemRow` are different types.
"""

import enum
import math
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple, NewType

import msgspec

from recsys import limits

ItemId = NewType("ItemId", str)
ItemRow = NewType("ItemRow", int)
StoreId = NewType("StoreId", str)
ProfileId = NewType("ProfileId", str)


class EventType(enum.StrEnum):
    """What a person did. The order is part of the bundle format (see `code`)."""

    DETAIL_PAGE_VIEW = "detail-page-view"
    SEARCH = "search"
    ADD_TO_CART = "add-to-cart"
    REMOVE_FROM_CART = "remove-from-cart"
    ADD_TO_WISHLIST = "add-to-wishlist"
    PURCHASE_COMPLETE = "purchase-complete"
    RETURN = "return"
    RATE = "rate"
    IMPRESSION = "impression"
    CLICK = "click"
    OFFER_VIEW = "offer-view"
    OFFER_REDEEM = "offer-redeem"
    STORE_VISIT = "store-visit"

    @property
    def code(self) -> int:
        """Small integer for arrays, equal to the proto's number; 0 is not used."""
        return _EVENT_TYPE_CODES[self]


class Channel(enum.StrEnum):
    """Where a person meets the retailer."""

    WEB = "web"
    MOBILE_APP = "mobile_app"
    STORE = "store"
    CALL_CENTER = "call_center"
    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    SOCIAL = "social"
    MARKETPLACE = "marketplace"
    MESSAGING = "messaging"
    KIOSK = "kiosk"

    @property
    def code(self) -> int:
        """Small integer for arrays, equal to the proto's number; 0 means unknown."""
        return _CHANNEL_CODES[self]


_EVENT_TYPE_CODES = {member: code for code, member in enumerate(EventType, start=1)}
_CHANNEL_CODES = {member: code for code, member in enumerate(Channel, start=1)}
CHANNEL_UNKNOWN_CODE = 0

EVENT_TYPE_BY_CODE = {code: member for member, code in _EVENT_TYPE_CODES.items()}
CHANNEL_BY_CODE = {code: member for member, code in _CHANNEL_CODES.items()}
"""Known channels only; `CHANNEL_UNKNOWN_CODE` is not among them."""

SECONDS_PER_DAY = 86_400.0

NAMESPACE_ACCOUNT = "account"
NAMESPACE_VISITOR = "visitor"
NAMESPACE_LOYALTY_CARD = "loyalty_card"


class ReasonKind(enum.StrEnum):
    """Why an item is in an answer."""

    PERSONAL = "personal"
    SIMILAR = "similar"
    POPULAR_HERE = "popular-here"
    POPULAR = "popular"
    EDITORIAL = "editorial"
    RECENTLY_VIEWED = "recently-viewed"
    COMPLEMENT = "complement"
    BUY_AGAIN = "buy-again"
    TRENDING = "trending"
    NEW = "new"


class FallbackCause(enum.StrEnum):
    """Why an answer does without what is stored of a person."""

    NO_CONSENT = "no-consent"
    STORAGE_UNAVAILABLE = "storage-unavailable"


class ShortfallCause(enum.StrEnum):
    """What took candidates away from a page."""

    EXCLUDED = "excluded"
    SEEN = "seen"
    CATALOG = "catalog"
    NOT_OFFERED = "not-offered"
    OUT_OF_STOCK = "out-of-stock"
    FILTERED = "filtered"
    AGE = "age"
    PRICE = "price"
    HISTORY = "history"
    SHOWN = "shown"
    VARIANT = "variant"
    CAPPED = "capped"


class StockRule(enum.StrEnum):
    """Where an item must be in stock to be shown."""

    AUTO = "auto"
    """In the store of the context, if one is named that the catalogue knows."""
    STORE = "store"
    """In the store of the context, which must be named."""
    ONLINE = "online"
    """Where the web shop sells from."""
    NEARBY = "nearby"
    """In one of the stores that are near the place or the store of the context."""
    ANYWHERE = "anywhere"
    """Nowhere in particular: stock is not looked at."""


class Identifier(msgspec.Struct, frozen=True, order=True, gc=False):
    """A name by which a person or a device is known on some channel.

    Attributes:
        namespace: What kind of name it is.
        value: The name, as `normal_text` says it.
    """

    namespace: str
    value: str


def normal_text(text: str) -> str:
    """Return a text as it is compared: composed (NFC), otherwise as it is.

    The same letter can be typed as one code point or as two; people cannot tell. Upper and
    lower case differ.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemEvent:
    """One item line of one event.

    Attributes:
        item_id: The item.
        event_type: What was done.
        channel: Where; None when unknown.
        event_time: Seconds since 1970-01-01 UTC.
        quantity: Pieces, finite and positive.
    """

    item_id: ItemId
    event_type: EventType
    channel: Channel | None
    event_time: float
    quantity: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.event_time):
            raise ValueError(f"event_time is {self.event_time}; it must be finite")
        if not 0.0 < self.quantity <= limits.QUANTITY_MAX:
            raise ValueError(f"quantity is {self.quantity}; allowed above 0 to 1000000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why an item is in an answer, with the fact that belongs to the kind.

    Attributes:
        kind: The kind of reason.
        similar_to: The item that it is similar to, if it is for that, or new.
        store_id: The store whose list it is on, if it is for that.
        fallback_cause: Why nothing stored was used; None if it was, or there is nothing.
        goes_with: The item of the basket that it goes with, if it is for that.
        channel: The channel where it is on the rise, if it is for that.
        contact: What she did with the item that this one is similar to, if that is known.
        purchase_time: When she bought it last, seconds since 1970-01-01 UTC, if it is for that.
        usual_days: After how many days she usually buys it again; None if that is not known.
    """

    kind: ReasonKind
    similar_to: ItemId | None = None
    store_id: StoreId | None = None
    fallback_cause: FallbackCause | None = None
    goes_with: ItemId | None = None
    purchase_time: float | None = None
    usual_days: float | None = None
    channel: Channel | None = None
    contact: EventType | None = None


class Recommendation(NamedTuple):
    """One recommended item. A tuple, because every answer makes dozens of them."""

    item_id: ItemId
    score: float
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """How many results are missing from the page asked for, and why."""

    missing_count: int
    parts: tuple[tuple[ShortfallCause, int], ...]
