"""Requests become values and answers become messages; every field is checked here.

All wrong fields of a request are reported together, each under its path in the
proto. The bounds are those of `recsys.limits` and of the proto's comments.
"""

from collections.abc import Sequence
from typing import Final

from recsys import limits
from recsys.domain import (
    NAMESPACE_ACCOUNT,
    NAMESPACE_VISITOR,
    Channel,
    EventType,
    Identifier,
    ItemEvent,
    ItemId,
    StoreId,
)
from recsys.recommend import RecommendQuery, SimilarQuery
from recsys.recommend.query import PLACEMENT_DEFAULT
from recsys.serving.violations import Violations, is_plain
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import Event, ItemLine
from recsys.v1.recommendation_service_pb2 import RecommendRequest, SimilarItemsRequest
from recsys.v1.subject_pb2 import Subject

# Proto numbers equal the codes of the domain (a test holds the two together),
# so looking an enum up is indexing.
_CHANNELS: Final[tuple[Channel | None, ...]] = (None, *Channel)
_EVENT_TYPES: Final[tuple[EventType, ...]] = tuple(EventType)

# What google.protobuf.Timestamp can hold: years 1 to 9999.
_SECONDS_MIN: Final = -62_135_596_800
_SECONDS_MAX: Final = 253_402_300_799
_NANOS_PER_SECOND: Final = 1_000_000_000


def parse_recommend(request: RecommendRequest, *, now: float) -> RecommendQuery:
    """Check a request and say it in the words of the domain.

    Args:
        request: Anything that arrived.
        now: Seconds since 1970-01-01 UTC; events without a time happen now.

    Raises:
        InvalidRequest: With every wrong field, up to VIOLATION_COUNT_MAX.
    """
    wrong = Violations()
    identifiers = _identifiers(request.subject, wrong)
    placement = _placement(request.placement, wrong)
    channel, store_id, recent_events = _context(request, wrong, now=now)
    query = RecommendQuery(
        identifiers=identifiers,
        placement=placement,
        channel=channel,
        store_id=store_id,
        recent_events=recent_events,
        result_count=_result_count(request.page_size, wrong),
        excluded=_excluded(request.exclude_item_ids, wrong),
        include_seen=request.include_seen,
    )
    wrong.raise_any()
    return query


def parse_similar(request: SimilarItemsRequest, *, now: float) -> SimilarQuery:
    """Check a request and say it in the words of the domain; as `parse_recommend`."""
    wrong = Violations()
    wrong.text(request.item_id, "item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
    # Similarity has no use for the session, but what is wrong is said all the same.
    channel, store_id, _ = _context(request, wrong, now=now)
    query = SimilarQuery(
        item_id=ItemId(request.item_id),
        placement=_placement(request.placement, wrong),
        channel=channel,
        store_id=store_id,
        result_count=_result_count(request.page_size, wrong),
        excluded=_excluded(request.exclude_item_ids, wrong),
    )
    wrong.raise_any()
    return query


def _context(
    request: RecommendRequest | SimilarItemsRequest, wrong: Violations, *, now: float
) -> tuple[Channel | None, StoreId | None, tuple[ItemEvent, ...]]:
    if not request.HasField("context"):
        return None, None, ()
    context = request.context
    channel = _channel(context.channel, wrong, "context.channel")
    store_id = _store_id(context.store_id, wrong)
    return channel, store_id, _recent_events(context, channel, wrong, now=now)


def _identifiers(subject: Subject, wrong: Violations) -> tuple[Identifier, ...]:
    bytes_max = limits.IDENTIFIER_BYTES_MAX
    found: list[Identifier] = []
    if user_id := subject.user_id:
        wrong.text(user_id, "subject.user_id", bytes_max=bytes_max)
        found.append(Identifier(NAMESPACE_ACCOUNT, user_id))
    if visitor_id := subject.visitor_id:
        wrong.text(visitor_id, "subject.visitor_id", bytes_max=bytes_max)
        found.append(Identifier(NAMESPACE_VISITOR, visitor_id))
    further = subject.identifiers
    if further and wrong.count_within(
        further, "subject.identifiers", count_max=limits.IDENTIFIER_COUNT_MAX
    ):
        for position, identifier in enumerate(further):
            path = f"subject.identifiers[{position}]"
            wrong.namespace(identifier.namespace, f"{path}.namespace")
            wrong.text(identifier.value, f"{path}.value", bytes_max=bytes_max)
            found.append(Identifier(identifier.namespace, identifier.value))
    # Keeps the order and drops duplicates.
    return tuple(dict.fromkeys(found)) if found[1:] else tuple(found)


def _placement(placement: str, wrong: Violations) -> str:
    if not placement:
        return PLACEMENT_DEFAULT
    wrong.placement(placement, "placement")
    return placement


def _channel(number: int, wrong: Violations, field: str) -> Channel | None:
    if 0 <= number < len(_CHANNELS):
        return _CHANNELS[number]
    wrong.add(field, f"is {number}; allowed 0 to {len(_CHANNELS) - 1}")
    return None


def _store_id(store_id: str, wrong: Violations) -> StoreId | None:
    if not store_id:
        return None
    wrong.text(store_id, "context.store_id", bytes_max=limits.STORE_ID_BYTES_MAX)
    return StoreId(store_id)


def _result_count(page_size: int, wrong: Violations) -> int:
    if page_size < 0:
        wrong.add("page_size", f"is {page_size}; allowed 0 to {limits.RESULT_COUNT_MAX}")
    return min(page_size or limits.RESULT_COUNT_DEFAULT, limits.RESULT_COUNT_MAX)


def _excluded(item_ids: Sequence[str], wrong: Violations) -> tuple[ItemId, ...]:
    field, bytes_max = "exclude_item_ids", limits.ITEM_ID_BYTES_MAX
    if not item_ids or not wrong.count_within(item_ids, field, count_max=limits.EXCLUDE_COUNT_MAX):
        return ()
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
        lines.extend(_lines(event, channel, wrong, f"{field}[{position}]", now=now))
    return tuple(lines)


def _lines(
    event: Event, channel: Channel | None, wrong: Violations, path: str, *, now: float
) -> list[ItemEvent]:
    """Check one event and return its lines; empty if the event as such is wrong."""
    for name, bytes_max in (
        ("event_id", limits.EVENT_ID_BYTES_MAX),
        ("store_id", limits.STORE_ID_BYTES_MAX),
        ("session_id", limits.SESSION_ID_BYTES_MAX),
    ):
        text: str = getattr(event, name)
        if text:
            wrong.text(text, f"{path}.{name}", bytes_max=bytes_max)
    if event.channel:
        channel = _channel(event.channel, wrong, f"{path}.channel")
    event_time = _event_time(event, wrong, path, now=now)
    if not 1 <= event.event_type <= len(_EVENT_TYPES):
        wrong.add(f"{path}.event_type", f"is {event.event_type}; allowed 1 to {len(_EVENT_TYPES)}")
        event_type = None
    else:
        event_type = _EVENT_TYPES[event.event_type - 1]
    checked = _checked_lines(event.lines, wrong, path)
    if event_type is None or event_time is None:
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


def _event_time(event: Event, wrong: Violations, path: str, *, now: float) -> float | None:
    if not event.HasField("event_time"):
        return now
    seconds, nanos = event.event_time.seconds, event.event_time.nanos
    field = f"{path}.event_time"
    if not _SECONDS_MIN <= seconds <= _SECONDS_MAX or not 0 <= nanos < _NANOS_PER_SECOND:
        wrong.add(field, f"is {seconds} s and {nanos} ns; allowed years 1 to 9999")
        return None
    event_time = seconds + nanos / _NANOS_PER_SECOND
    ahead = event_time - now
    if ahead > limits.CLOCK_SKEW_SECONDS_MAX:
        wrong.add(
            field,
            f"is {ahead:.0f} s ahead of the server's clock;"
            f" allowed up to {limits.CLOCK_SKEW_SECONDS_MAX}",
        )
        return None
    return min(event_time, now)


def _checked_lines(
    lines: Sequence[ItemLine], wrong: Violations, path: str
) -> list[tuple[ItemId, float]]:
    field = f"{path}.lines"
    if not wrong.count_within(lines, field, count_max=limits.EVENT_LINE_COUNT_MAX):
        return []
    checked: list[tuple[ItemId, float]] = []
    for position, line in enumerate(lines):
        item_id = line.item_id
        if not is_plain(item_id, bytes_max=limits.ITEM_ID_BYTES_MAX):
            wrong.text(item_id, f"{field}[{position}].item_id", bytes_max=limits.ITEM_ID_BYTES_MAX)
        quantity = line.quantity if line.HasField("quantity") else 1.0
        if 0.0 < quantity <= limits.QUANTITY_MAX:  # False for NaN too.
            checked.append((ItemId(item_id), quantity))
        else:
            wrong.add(
                f"{field}[{position}].quantity",
                f"is {quantity:g}; allowed above 0 to {limits.QUANTITY_MAX:.0f}",
            )
    return checked
