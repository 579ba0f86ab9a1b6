"""Questions and answers, as the capability sees them: no transport anywhere."""

from typing import Final, Protocol, TypeAlias

import msgspec

from recsys import limits
from recsys.catalog import Place
from recsys.domain import (
    Channel,
    EventType,
    Identifier,
    ItemEvent,
    ItemId,
    Shortfall,
    StoreId,
)
from recsys.recommend.results import Results
from recsys.recommend.splits import AnswerExplanation
from recsys.rules import NO_RULES, NOTE_STOCK_UNAVAILABLE, PLACEMENT_DEFAULT, Rules
from recsys.rules.asked import NOTE_CATALOG_UNAVAILABLE, NOTE_PIN_LEFT_OUT

CONTACT_TYPES: Final = (
    EventType.DETAIL_PAGE_VIEW,
    EventType.ADD_TO_CART,
    EventType.ADD_TO_WISHLIST,
    EventType.PURCHASE_COMPLETE,
    EventType.RATE,
    EventType.CLICK,
)
"""What a person does with an item herself, and not what is done to her or taken back."""

NOTE_UNKNOWN_SUBJECT: Final = "unknown-subject"
NOTE_UNKNOWN_ITEM: Final = "unknown-item"
NOTE_UNKNOWN_STORE: Final = "unknown-store"
NOTE_STORAGE_UNAVAILABLE: Final = "storage-unavailable"
NOTE_NO_CONSENT: Final = "no-consent"
NOTES: Final = frozenset(
    {
        NOTE_UNKNOWN_SUBJECT,
        NOTE_UNKNOWN_ITEM,
        NOTE_UNKNOWN_STORE,
        NOTE_STORAGE_UNAVAILABLE,
        NOTE_NO_CONSENT,
        NOTE_STOCK_UNAVAILABLE,
        NOTE_CATALOG_UNAVAILABLE,
        NOTE_PIN_LEFT_OUT,
    }
)
"""What an answer had to do without. Not errors; operators count them."""


class Placed(Protocol):
    """What every question has: where its answer is shown, how much of what."""

    @property
    def placement(self) -> str:
        """The slot of the frontend."""
        ...

    @property
    def identifiers(self) -> tuple[Identifier, ...]:
        """How she is known; empty for an anonymous person."""
        ...

    @property
    def channel(self) -> Channel | None:
        """Where the answer is shown; None if not said."""
        ...

    @property
    def store_id(self) -> StoreId | None:
        """The shop concerned; None if not said."""
        ...

    @property
    def place(self) -> Place | None:
        """Where she is; None if not said."""
        ...

    @property
    def result_count(self) -> int:
        """Results wanted."""
        ...

    @property
    def excluded(self) -> tuple[ItemId, ...]:
        """Items to leave out; unknown ones and duplicates do no harm."""
        ...

    @property
    def buyer_age(self) -> int | None:
        """How old the buyer is, in years; None if it is not said."""
        ...

    @property
    def rules(self) -> Rules:
        """What is asked of the items."""
        ...

    @property
    def explains(self) -> bool:
        """Whether the answer says why it is as it is."""
        ...


class PersonQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What all questions say.

    Attributes:
        identifiers: How the person is known; empty for an anonymous one.
        placement: The slot of the frontend.
        channel: Where the answer is shown; None if not said.
        store_id: The shop concerned; None if not said.
        place: Where she is; None if not said.
        recent_events: What the caller knows of the session, in any order.
        buyer_age: How old the buyer is, in years; None if it is not said.
        rules: What is asked of the items.
        explains: Whether the answer says why it is as it is.
    """

    identifiers: tuple[Identifier, ...] = ()
    placement: str = PLACEMENT_DEFAULT
    channel: Channel | None = None
    store_id: StoreId | None = None
    place: Place | None = None
    recent_events: tuple[ItemEvent, ...] = ()
    buyer_age: int | None = None
    rules: Rules = NO_RULES
    explains: bool = False


class ListQuery(PersonQuery, frozen=True, kw_only=True):
    """What all questions for a list say.

    Attributes:
        result_count: Results wanted, 1 to 100.
        excluded: Items to leave out; unknown ones and duplicates do no harm.
        page_token: Of the page before; empty for the first page.
    """

    result_count: int = limits.RESULT_COUNT_DEFAULT
    excluded: tuple[ItemId, ...] = ()
    page_token: str = ""


class RecommendQuery(ListQuery, frozen=True, kw_only=True):
    """What should be shown to a person?

    Attributes:
        include_seen: Whether items of the history may be returned; False for as the
            placement says.
    """

    include_seen: bool = False


class SimilarQuery(ListQuery, frozen=True, kw_only=True):
    """What is similar to an item?

    Attributes:
        item_id: The item.
    """

    item_id: ItemId


class RankQuery(PersonQuery, frozen=True, kw_only=True):
    """In which order would a person like given items?

    Attributes:
        item_ids: The items, at least one; duplicates do no harm.
    """

    item_ids: tuple[ItemId, ...]

    @property
    def result_count(self) -> int:
        """As many as there are."""
        return len(self.item_ids)

    @property
    def excluded(self) -> tuple[ItemId, ...]:
        """Nothing: whoever gives the items gives those that are wanted."""
        return ()


class RecentQuery(ListQuery, frozen=True, kw_only=True):
    """What did a person look at last?

    Attributes:
        event_types: What counts, of `CONTACT_TYPES`; at least one.
    """

    event_types: frozenset[EventType] = frozenset({EventType.DETAIL_PAGE_VIEW})


class BasketQuery(ListQuery, frozen=True, kw_only=True):
    """What completes a basket?

    Attributes:
        item_ids: What lies in it; unknown ones and duplicates do no harm.
        adds_stored: Whether what her events say lies in her basket counts, too; it does
            in any case where no items are given.
    """

    item_ids: tuple[ItemId, ...] = ()
    adds_stored: bool = False


class AgainQuery(ListQuery, frozen=True, kw_only=True):
    """What has a person bought that she may need again?"""


class TrendingQuery(ListQuery, frozen=True, kw_only=True):
    """What is asked for more than usual just now?"""


SlotQuery: TypeAlias = (
    RecommendQuery | SimilarQuery | RecentQuery | BasketQuery | AgainQuery | TrendingQuery
)


class PageQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What should be shown to a person in several places of one page?

    Attributes:
        identifiers: How she is known; empty for an anonymous person.
        channel: Where the page is shown; None if not said.
        recent_events: What the caller knows of the session, in any order.
        slots: A question for each, at least one; the earlier ones choose first. They
            are asked for the person of this query, whoever they name.
    """

    identifiers: tuple[Identifier, ...] = ()
    channel: Channel | None = None
    recent_events: tuple[ItemEvent, ...] = ()
    slots: tuple[SlotQuery, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A ranked answer.

    Attributes:
        results: Best first, no item twice, at most the count asked for.
        shortfall: Set if and only if results are missing.
        model_version: The model that answered.
        notes: Members of `NOTES` that apply.
        next_page_token: Asks for the next page; empty where there is none.
        explanation: Why it is as it is, where that was asked for.
    """

    results: Results
    shortfall: Shortfall | None
    model_version: str
    notes: frozenset[str] = frozenset()
    next_page_token: str = ""
    explanation: AnswerExplanation | None = None


class RankAnswer(Answer, frozen=True, kw_only=True):
    """Given items in order.

    Attributes:
        unknown: Those that the model does not know, in the order given.
    """

    unknown: tuple[ItemId, ...] = ()
