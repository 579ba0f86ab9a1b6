"""Questions of widgets on the wire, checked as all others."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from recsys import limits
from recsys.domain import EventType, ItemId
from recsys.recommend import (
    AgainQuery,
    BasketQuery,
    PageQuery,
    RankQuery,
    RecentQuery,
    RecommendQuery,
    SimilarQuery,
    TrendingQuery,
)
from recsys.recommend import SlotQuery as AskedSlot
from recsys.recommend.query import CONTACT_TYPES, ListQuery
from recsys.serving import fields, wire
from recsys.v1.recommendation_service_pb2 import (
    BuyAgainRequest,
    CompleteBasketRequest,
    RankItemsRequest,
    RecentlyViewedRequest,
    RecommendPageRequest,
    Slot,
    TrendingRequest,
)
from recsys.violations import Violations

_CONTACT_TYPES: Final = {kind.code: kind for kind in CONTACT_TYPES}
_VIEWED: Final = frozenset({EventType.DETAIL_PAGE_VIEW})


def parse_rank(request: RankItemsRequest, *, now: float) -> RankQuery:
    """Check a request and say it in the words of the domain; as `wire.parse_recommend`."""
    wrong = Violations()
    query = RankQuery(
        **wire.read_person(request, wrong, now=now), item_ids=_given(request.item_ids, wrong)
    )
    wrong.raise_any()
    return query


def parse_recently_viewed(request: RecentlyViewedRequest, *, now: float) -> RecentQuery:
    """Check a request and say it in the words of the domain; as `wire.parse_recommend`."""
    wrong = Violations()
    query = RecentQuery(
        **wire.read_list(request, wrong, now=now),
        event_types=_event_types(request.event_types, wrong, "event_types"),
    )
    wrong.raise_any()
    return query


def parse_basket(request: CompleteBasketRequest, *, now: float) -> BasketQuery:
    """Check a request and say it in the words of the domain; as `wire.parse_recommend`."""
    wrong = Violations()
    query = BasketQuery(
        **wire.read_list(request, wrong, now=now),
        item_ids=_basket(request.item_ids, wrong, "item_ids"),
        adds_stored=request.add_stored_basket,
    )
    wrong.raise_any()
    return query


def parse_again(request: BuyAgainRequest, *, now: float) -> AgainQuery:
    """Check a request and say it in the words of the domain; as `wire.parse_recommend`."""
    wrong = Violations()
    query = AgainQuery(**wire.read_list(request, wrong, now=now))
    wrong.raise_any()
    return query


def parse_trending(request: TrendingRequest, *, now: float) -> TrendingQuery:
    """Check a request and say it in the words of the domain; as `wire.parse_recommend`."""
    wrong = Violations()
    query = TrendingQuery(**wire.read_list(request, wrong, now=now))
    wrong.raise_any()
    return query


def parse_page(request: RecommendPageRequest, *, now: float) -> PageQuery:
    """Check a request and say it in the words of the domain; as `wire.parse_recommend`."""
    wrong = Violations()
    identifiers = fields.identifiers(request.subject, wrong, "subject")
    channel, store_id, recent_events = wire.read_context(request, wrong, now=now)
    shared = ListQuery(
        channel=channel,
        store_id=store_id,
        excluded=wire.read_excluded(request.exclude_item_ids, wrong),
        place=wire.read_place(request.context, wrong),
        buyer_age=wire.read_buyer_age(request, wrong),
        explains=request.explain,
    )
    query = PageQuery(
        identifiers=identifiers,
        channel=channel,
        recent_events=recent_events,
        slots=_slots(request.slots, shared, wrong),
    )
    wrong.raise_any()
    return query


def _slots(sent: Sequence[Slot], shared: ListQuery, wrong: Violations) -> tuple[AskedSlot, ...]:
    if not sent:
        wrong.add("slots", f"is missing; allowed 1 to {limits.SLOT_COUNT_MAX}")
    if not wrong.count_within(sent, "slots", count_max=limits.SLOT_COUNT_MAX):
        return ()
    return tuple(_slot(slot, shared, wrong, f"slots[{at}]") for at, slot in enumerate(sent))


def _slot(sent: Slot, shared: ListQuery, wrong: Violations, path: str) -> AskedSlot:
    asked: dict[str, Any] = msgspec.structs.asdict(shared) | {
        "placement": wire.read_placement(sent.placement, wrong, f"{path}.placement"),
        "result_count": wire.read_result_count(sent.page_size, wrong, f"{path}.page_size"),
        "rules": wire.read_rules(sent, wrong, f"{path}.rules"),
    }
    match sent.WhichOneof("content"):
        case "similar":
            item_id = sent.similar.item_id
            wrong.text(item_id, f"{path}.similar.item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
            return SimilarQuery(**asked, item_id=ItemId(item_id))
        case "recently_viewed":
            field = f"{path}.recently_viewed.event_types"
            event_types = _event_types(sent.recently_viewed.event_types, wrong, field)
            return RecentQuery(**asked, event_types=event_types)
        case "basket":
            field = f"{path}.basket.item_ids"
            return BasketQuery(
                **asked,
                item_ids=_basket(sent.basket.item_ids, wrong, field),
                adds_stored=sent.basket.add_stored_basket,
            )
        case "trending":
            return TrendingQuery(**asked)
        case "buy_again":
            return AgainQuery(**asked)
        case _:
            return RecommendQuery(**asked, include_seen=sent.recommended.include_seen)


def _given(item_ids: Sequence[str], wrong: Violations) -> tuple[ItemId, ...]:
    count = len(item_ids)
    if not 1 <= count <= limits.RANK_COUNT_MAX:
        wrong.add("item_ids", f"has {count} entries; allowed 1 to {limits.RANK_COUNT_MAX}")
        return ()
    return wire.read_item_ids(item_ids, wrong, "item_ids")


def _basket(item_ids: Sequence[str], wrong: Violations, field: str) -> tuple[ItemId, ...]:
    if not wrong.count_within(item_ids, field, count_max=limits.BASKET_ITEM_COUNT_MAX):
        return ()
    return wire.read_item_ids(item_ids, wrong, field)


def _event_types(sent: Sequence[int], wrong: Violations, field: str) -> frozenset[EventType]:
    if not wrong.count_within(sent, field, count_max=limits.EVENT_TYPE_COUNT_MAX):
        return _VIEWED
    for at, number in enumerate(sent):
        if number not in _CONTACT_TYPES:
            allowed = ", ".join(map(str, sorted(_CONTACT_TYPES)))
            wrong.add(f"{field}[{at}]", f"is {number}; allowed {allowed}")
    return frozenset(_CONTACT_TYPES[one] for one in sent if one in _CONTACT_TYPES) or _VIEWED
