"""Requests become values and answers become messages; every field is checked here.

All wrong fields of a request are reported together, each under its path in the
proto. The bounds are those of `recsys.limits` and of the proto's comments.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from recsys import limits
from recsys.catalog import Place
from recsys.domain import (
    Channel,
    ItemEvent,
    ItemId,
    StoreId,
)
from recsys.errors import InvalidRequest
from recsys.recommend import LocateQuery, RecommendQuery, SimilarQuery
from recsys.rules import NO_RULES, PLACEMENT_DEFAULT, Rules
from recsys.serving import fields
from recsys.serving.wire_rules import parse_rules
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import Event
from recsys.v1.offer_service_pb2 import RecommendOffersRequest, ReserveOfferRequest
from recsys.v1.recommendation_service_pb2 import (
    BuyAgainRequest,
    CompleteBasketRequest,
    ExplainItemRequest,
    LocateItemRequest,
    RankItemsRequest,
    RecentlyViewedRequest,
    RecommendPageRequest,
    RecommendRequest,
    SimilarItemsRequest,
    Slot,
    TrendingRequest,
)
from recsys.violations import Violations, is_plain

ListRequest: TypeAlias = (
    RecommendRequest
    | SimilarItemsRequest
    | RecentlyViewedRequest
    | CompleteBasketRequest
    | BuyAgainRequest
    | TrendingRequest
)
"""What asks for a list."""

PersonRequest: TypeAlias = ListRequest | RankItemsRequest
"""What is asked for a person."""

OfferRequest: TypeAlias = RecommendOffersRequest | ReserveOfferRequest
"""What asks for offers."""

Question: TypeAlias = PersonRequest | RecommendPageRequest | LocateItemRequest | OfferRequest
"""What has a context."""


def parse_recommend(request: RecommendRequest, *, now: float) -> RecommendQuery:
    """Check a request and say it in the words of the domain.

    Args:
        request: Anything that arrived.
        now: Seconds since 1970-01-01 UTC; events without a time happen now.

    Raises:
        InvalidRequest: With every wrong field, up to VIOLATION_COUNT_MAX.
    """
    wrong = Violations()
    query = RecommendQuery(
        **read_list(request, wrong, now=now),
        include_seen=request.include_seen,
    )
    wrong.raise_any()
    return query


def parse_explain(request: ExplainItemRequest, *, now: float) -> tuple[RecommendQuery, ItemId]:
    """Check a request and say it in the words of the domain; as `parse_recommend`."""
    wrong = Violations()
    wrong.text(request.item_id, "item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
    try:
        query = parse_recommend(request.request, now=now)
    except InvalidRequest as error:
        for one in error.violations:
            wrong.add(f"request.{one.field}", one.description)
        raise InvalidRequest(wrong.found) from error
    wrong.raise_any()
    return query, ItemId(request.item_id)


def parse_similar(request: SimilarItemsRequest, *, now: float) -> SimilarQuery:
    """Check a request and say it in the words of the domain; as `parse_recommend`."""
    wrong = Violations()
    wrong.text(request.item_id, "item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
    query = SimilarQuery(**read_list(request, wrong, now=now), item_id=ItemId(request.item_id))
    wrong.raise_any()
    return query


def parse_locate(request: LocateItemRequest, *, now: float) -> LocateQuery:
    """Check a request and say it in the words of the domain; as `parse_recommend`."""
    wrong = Violations()
    wrong.text(request.item_id, "item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
    channel, store_id, _ = read_context(request, wrong, now=now)
    if request.store_count < 0:
        found = f"is {request.store_count}; allowed 0 to {limits.NEARBY_COUNT_MAX}"
        wrong.add("store_count", found)
    query = LocateQuery(
        item_id=ItemId(request.item_id),
        store_id=store_id,
        place=read_place(request.context, wrong),
        store_count=min(
            request.store_count or limits.NEARBY_COUNT_DEFAULT, limits.NEARBY_COUNT_MAX
        ),
        placement=read_placement(request.placement, wrong),
        channel=channel,
        result_count=read_result_count(request.page_size, wrong),
        rules=read_rules(request, wrong),
    )
    wrong.raise_any()
    return query


def read_person(request: PersonRequest, wrong: Violations, *, now: float) -> dict[str, Any]:
    """Return the fields of a `PersonQuery`: who asks, from where, and under which rules."""
    identifiers = fields.identifiers(request.subject, wrong, "subject")
    placement = read_placement(request.placement, wrong)
    channel, store_id, recent_events = read_context(request, wrong, now=now)
    return {
        "identifiers": identifiers,
        "placement": placement,
        "channel": channel,
        "store_id": store_id,
        "place": read_place(request.context, wrong),
        "recent_events": recent_events,
        "buyer_age": read_buyer_age(request, wrong),
        "rules": read_rules(request, wrong),
        "explains": request.explain,
    }


def read_list(request: ListRequest, wrong: Violations, *, now: float) -> dict[str, Any]:
    """Return the fields of a `ListQuery`: those of `read_person`, and how much of what."""
    return {
        **read_person(request, wrong, now=now),
        "result_count": read_result_count(request.page_size, wrong),
        "excluded": read_excluded(request.exclude_item_ids, wrong),
        "page_token": _page_token(request.page_token, wrong),
    }


def read_rules(
    request: PersonRequest | Slot | LocateItemRequest,
    wrong: Violations,
    path: str = "rules",
) -> Rules:
    """Return what is asked of the items."""
    return parse_rules(request.rules, wrong, path) if request.HasField("rules") else NO_RULES


def read_place(context: Context, wrong: Violations) -> Place | None:
    """Return where the person is; None if it is not said."""
    if not context.HasField("place"):
        return None
    return fields.place(context.place, wrong, "context.place")


def read_buyer_age(request: Question, wrong: Violations) -> int | None:
    """Return how old the buyer is, in years; None if it is not said."""
    if not request.context.HasField("buyer_age"):
        return None
    age = request.context.buyer_age
    if not 0 <= age <= limits.AGE_MAX:
        wrong.add("context.buyer_age", f"is {age}; allowed 0 to {limits.AGE_MAX}")
    return age


def read_context(
    request: Question, wrong: Violations, *, now: float
) -> tuple[Channel | None, StoreId | None, tuple[ItemEvent, ...]]:
    """Return the channel and the store, None if they are not said, and the session."""
    if not request.HasField("context"):
        return None, None, ()
    context = request.context
    channel = fields.channel(context.channel, wrong, "context.channel")
    store_id = _store_id(context.store_id, wrong)
    return channel, store_id, _recent_events(context, channel, wrong, now=now)


def read_placement(placement: str, wrong: Violations, field: str = "placement") -> str:
    """Return the slot of the frontend."""
    if not placement:
        return PLACEMENT_DEFAULT
    wrong.placement(placement, field)
    return placement


def _store_id(store_id: str, wrong: Violations) -> StoreId | None:
    if not store_id:
        return None
    wrong.text(store_id, "context.store_id", bytes_max=limits.STORE_ID_BYTES_MAX)
    return StoreId(store_id)


def read_result_count(page_size: int, wrong: Violations, field: str = "page_size") -> int:
    """Return how many results are wanted."""
    if page_size < 0:
        wrong.add(field, f"is {page_size}; allowed 0 to {limits.RESULT_COUNT_MAX}")
    return min(page_size or limits.RESULT_COUNT_DEFAULT, limits.RESULT_COUNT_MAX)


def read_excluded(item_ids: Sequence[str], wrong: Violations) -> tuple[ItemId, ...]:
    """Return the items to leave out."""
    field = "exclude_item_ids"
    if not item_ids or not wrong.count_within(item_ids, field, count_max=limits.EXCLUDE_COUNT_MAX):
        return ()
    return read_item_ids(item_ids, wrong, field)


def _page_token(token: str, wrong: Violations) -> str:
    if len(token) > limits.PAGE_TOKEN_BYTES_MAX:
        found = f"has {len(token)} characters; allowed 0 to {limits.PAGE_TOKEN_BYTES_MAX}"
        wrong.add("page_token", found)
    return token


def read_item_ids(item_ids: Sequence[str], wrong: Violations, field: str) -> tuple[ItemId, ...]:
    """Return items, each of which is checked."""
    bytes_max = limits.ITEM_ID_BYTES_MAX
    for position, item_id in enumerate(item_ids):
        if not is_plain(item_id, bytes_max=bytes_max):
            wrong.text(item_id, f"{field}[{position}]", bytes_max=bytes_max)
    return tuple(map(ItemId, item_ids))


def _recent_events(
    context: Context, channel: Channel | None, wrong: Violations, *, now: float
) -> tuple[ItemEvent, ...]:
    field = "context.recent_events"
    events = context.recent_events
    if not events or not wrong.count_within(events, field, count_max=limits.RECENT_EVENT_COUNT_MAX):
        return ()
    line_count = sum(len(event.lines) for event in events)
    if line_count > limits.RECENT_LINE_COUNT_MAX:
        wrong.add(
            field, f"has {line_count} lines in all; allowed 0 to {limits.RECENT_LINE_COUNT_MAX}"
        )
        return ()
    lines: list[ItemEvent] = []
    for position, event in enumerate(events):
        lines.extend(_lines(event, channel, wrong, f"{field}[{position}].", now=now))
    return tuple(lines)


def _lines(
    event: Event, channel: Channel | None, wrong: Violations, path: str, *, now: float
) -> list[ItemEvent]:
    """Check one event and return its lines; empty if the event as such is wrong."""
    fields.texts(event, wrong, path)
    if event.channel:
        channel = fields.channel(event.channel, wrong, f"{path}channel")
    sent = fields.event_time(event, wrong, path, now=now)
    event_time = now if sent is None else min(sent, now)
    event_type = fields.event_type(event.event_type, wrong, f"{path}event_type")
    checked = fields.lines(event.lines, wrong, path)
    if event_type is None:
        return []
    return [
        ItemEvent(
            item_id=item_id,
            event_type=event_type,
            channel=channel,
            event_time=event_time,
            quantity=quantity,
        )
        for item_id, quantity in checked
    ]
