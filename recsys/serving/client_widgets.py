"""The client's questions of widgets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, Unpack

from recsys.domain import EventType, ItemId
from recsys.rules import NO_RULES, Rules
from recsys.serving.client_messages import (
    ListArguments,
    PagedArguments,
    PersonArguments,
    Reply,
    asked_fields,
    read_reply,
)
from recsys.serving.wire_rules import rules_message
from recsys.v1 import recommendation_service_pb2
from recsys.v1.recommendation_service_pb2 import (
    BasketContent,
    BuyAgainRequest,
    CompleteBasketRequest,
    RankItemsRequest,
    RankItemsResponse,
    RecentlyViewedContent,
    RecentlyViewedRequest,
    RecommendedContent,
    RecommendPageRequest,
    RecommendPageResponse,
    SimilarContent,
    TrendingRequest,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommended:
    """A slot of a page with what is ranked for the person.

    Attributes:
        placement: Its name.
        result_count: Results wanted; 0 for the server's default.
        rules: What else is asked of the items.
        include_seen: Whether what she has had contact with is shown too.
    """

    placement: str = ""
    result_count: int = 0
    rules: Rules = NO_RULES
    include_seen: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentlyViewed:
    """A slot with what she had contact with last; attributes as of `Recommended`.

    Attributes:
        event_types: What counts; empty for views of the item's page.
    """

    placement: str = ""
    result_count: int = 0
    rules: Rules = NO_RULES
    event_types: Sequence[EventType] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """A slot with what is similar to an item; attributes as of `Recommended`.

    Attributes:
        item_id: The item.
    """

    item_id: ItemId | str
    placement: str = ""
    result_count: int = 0
    rules: Rules = NO_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Basket:
    """A slot with what completes a basket; attributes as of `Recommended`.

    Attributes:
        item_ids: What lies in it; empty for what her events say.
        add_stored: Whether what her events say counts beside these.
    """

    item_ids: Sequence[ItemId | str] = ()
    add_stored: bool = False
    placement: str = ""
    result_count: int = 0
    rules: Rules = NO_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyAgain:
    """A slot with what she may need again; attributes as of `Recommended`."""

    placement: str = ""
    result_count: int = 0
    rules: Rules = NO_RULES


@dataclass(frozen=True, slots=True, kw_only=True)
class Trending:
    """A slot with what is asked for more than usual; attributes as of `Recommended`."""

    placement: str = ""
    result_count: int = 0
    rules: Rules = NO_RULES


SlotContent: TypeAlias = Recommended | RecentlyViewed | Similar | Basket | BuyAgain | Trending
"""What a slot shows."""


class WidgetCalls:
    """Questions beside plain recommendations; arguments as in the requests of the proto."""

    _recommendation: Any

    def _ask(self, method: Any, request: Any, *, timeout_seconds: float | None = None) -> Any:
        raise NotImplementedError

    def rank(self, item_ids: Sequence[ItemId | str], **asked: Unpack[PersonArguments]) -> Reply:
        """Ask for given items in a person's order; raises as `Client.recommend`."""
        request = RankItemsRequest(item_ids=item_ids, **asked_fields(asked))
        response: RankItemsResponse = self._ask(self._recommendation.RankItems, request)
        return read_reply(response, unknown=response.unknown_item_ids)

    def recently_viewed(
        self, *, event_types: Sequence[EventType] = (), **asked: Unpack[PagedArguments]
    ) -> Reply:
        """Ask what a person had contact with last; raises as `Client.recommend`."""
        request = RecentlyViewedRequest(event_types=_names(event_types), **asked_fields(asked))
        return read_reply(self._ask(self._recommendation.RecentlyViewed, request))

    def complete_basket(
        self,
        item_ids: Sequence[ItemId | str] = (),
        *,
        add_stored: bool = False,
        **asked: Unpack[PagedArguments],
    ) -> Reply:
        """Ask what completes a basket; raises as `Client.recommend`.

        Args:
            item_ids: What lies in it; empty for what the person's events say.
            add_stored: Whether what they say counts beside these.
            asked: Who asks, and how much of what.
        """
        request = CompleteBasketRequest(
            item_ids=item_ids, add_stored_basket=add_stored, **asked_fields(asked)
        )
        return read_reply(self._ask(self._recommendation.CompleteBasket, request))

    def buy_again(self, **asked: Unpack[PagedArguments]) -> Reply:
        """Ask what a person may need again; raises as `Client.recommend`."""
        request = BuyAgainRequest(**asked_fields(asked))
        return read_reply(self._ask(self._recommendation.BuyAgain, request))

    def trending(self, **asked: Unpack[PagedArguments]) -> Reply:
        """Ask what is asked for more than usual just now; raises as `Client.recommend`."""
        request = TrendingRequest(**asked_fields(asked))
        return read_reply(self._ask(self._recommendation.Trending, request))

    def page(
        self,
        slots: Sequence[SlotContent],
        **asked: Unpack[ListArguments],
    ) -> tuple[Reply, ...]:
        """Ask for all slots of a page; raises as `Client.recommend`.

        Args:
            slots: What to fill.
            asked: Placement, rules and how many results are wanted each slot says itself.
        """
        fields = asked_fields(asked)
        request = RecommendPageRequest(
            subject=fields["subject"],
            context=fields["context"],
            slots=map(_slot, slots),
            exclude_item_ids=asked.get("excluded", ()),
            explain=asked.get("explain", False),
        )
        response: RecommendPageResponse = self._ask(self._recommendation.RecommendPage, request)
        return tuple(read_reply(slot) for slot in response.slots)


def _slot(
    slot: SlotContent,
) -> recommendation_service_pb2.Slot:
    sent = recommendation_service_pb2.Slot(
        placement=slot.placement, page_size=slot.result_count, rules=rules_message(slot.rules)
    )
    match slot:
        case Recommended():
            sent.recommended.CopyFrom(RecommendedContent(include_seen=slot.include_seen))
        case RecentlyViewed():
            content = RecentlyViewedContent(event_types=_names(slot.event_types))
            sent.recently_viewed.CopyFrom(content)
        case Similar():
            sent.similar.CopyFrom(SimilarContent(item_id=slot.item_id))
        case Basket():
            basket = BasketContent(item_ids=slot.item_ids, add_stored_basket=slot.add_stored)
            sent.basket.CopyFrom(basket)
        case BuyAgain():
            sent.buy_again.SetInParent()
        case Trending():
            sent.trending.SetInParent()
    return sent


def _names(event_types: Sequence[EventType]) -> list[str]:
    return [f"EVENT_TYPE_{one.name}" for one in event_types]
