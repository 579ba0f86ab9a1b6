"""Events to be written become values; every field is checked here, as in `wire`."""

from collections.abc import Sequence
from typing import Final

from recsys import limits
from recsys.domain import CHANNEL_UNKNOWN_CODE, Channel, EventType, Identifier, StoreId
from recsys.events import Event, EventContent, EventFilter, EventLine
from recsys.serving import fields
from recsys.serving.money import amount_of
from recsys.v1 import event_pb2
from recsys.v1.event_service_pb2 import PurgeEventsRequest
from recsys.violations import Violations

_FURTHER_TEXTS: Final = (
    ("attribution_token", limits.ATTRIBUTION_TOKEN_BYTES_MAX),
    ("offer_id", limits.OFFER_ID_BYTES_MAX),
    ("search_query", limits.SEARCH_QUERY_BYTES_MAX),
    ("referrer", limits.REFERRER_BYTES_MAX),
)


def parse_event(sent: event_pb2.Event, wrong: Violations, path: str, *, now: float) -> Event | None:
    """Check an event and say it in the words of the domain.

    Args:
        sent: Anything that arrived.
        wrong: Collects its wrong fields.
        path: Of the event in the request, with a dot at its end; empty for itself.
        now: Seconds since 1970-01-01 UTC.

    Returns:
        The event; None if, and perhaps even if not, a field is wrong.
    """
    fields.texts(sent, wrong, path)
    for name, bytes_max in _FURTHER_TEXTS:
        text: str = getattr(sent, name)
        if text:
            wrong.text(text, f"{path}{name}", bytes_max=bytes_max)
    event_type = fields.event_type(sent.event_type, wrong, f"{path}event_type")
    event_time = fields.event_time(sent, wrong, path, now=now)
    channel = fields.channel(sent.channel, wrong, f"{path}channel") if sent.channel else None
    identifiers: tuple[Identifier, ...] = ()
    if sent.HasField("subject"):
        identifiers = fields.identifiers(sent.subject, wrong, f"{path}subject")
    lines = _lines(sent, wrong, path)
    if not sent.event_id and not sent.HasField("event_time"):
        wrong.add(f"{path}event_id", "is empty; allowed only with an event_time")
    if event_type is None or wrong.any:
        return None
    content = EventContent(
        event_type=event_type,
        event_time=event_time,
        channel=channel,
        identifiers=identifiers,
        lines=lines,
        store_id=StoreId(sent.store_id) if sent.store_id else None,
        session_id=sent.session_id,
        attribution_token=sent.attribution_token,
        offer_id=sent.offer_id,
        search_query=sent.search_query,
        referrer=sent.referrer,
    )
    return Event.of(content, event_id=sent.event_id, now=now)


def _lines(sent: event_pb2.Event, wrong: Violations, path: str) -> tuple[EventLine, ...]:
    if not sent.lines:
        return ()
    checked = fields.lines(sent.lines, wrong, path)
    if len(checked) < len(sent.lines):
        return ()
    lines = []
    for position, (line, (item_id, quantity)) in enumerate(zip(sent.lines, checked, strict=True)):
        if line.HasField("unit_price"):
            price = line.unit_price
            amount = amount_of(price, wrong, f"{path}lines[{position}].unit_price")
            lines.append(EventLine(item_id, quantity, amount, price.currency_code))
        else:
            lines.append(EventLine(item_id, quantity))
    return tuple(lines)


def parse_purge(request: PurgeEventsRequest) -> EventFilter:
    """Check which events are to be forgotten.

    Raises:
        InvalidRequest: With every wrong field, up to VIOLATION_COUNT_MAX.
    """
    wrong = Violations()
    sent = request.filter
    count_max = limits.PURGE_VALUE_COUNT_MAX
    for name in ("event_types", "channels", "store_ids"):
        wrong.count_within(getattr(sent, name), f"filter.{name}", count_max=count_max)
    for position, store_id in enumerate(sent.store_ids[:count_max]):
        path = f"filter.store_ids[{position}]"
        wrong.text(store_id, path, bytes_max=limits.STORE_ID_BYTES_MAX)
    moments = {
        name: fields.moment(getattr(sent, name), wrong, f"filter.{name}")
        for name in ("start_time", "end_time")
        if sent.HasField(name)
    }
    which = EventFilter(
        identifier=fields.identifier(sent.identifier, wrong, "filter.identifier")
        if sent.HasField("identifier")
        else None,
        event_types=_types(sent.event_types, wrong),
        channels=_channels(sent.channels, wrong),
        store_ids=tuple(map(StoreId, sent.store_ids)),
        **moments,
    )
    if which.is_empty:
        wrong.add("filter", "is empty; set at least one of its fields")
    wrong.raise_any()
    return which


def _types(numbers: Sequence[int], wrong: Violations) -> tuple[EventType, ...]:
    found = (
        fields.event_type(number, wrong, f"filter.event_types[{position}]")
        for position, number in enumerate(numbers)
    )
    return tuple(one for one in found if one is not None)


def _channels(numbers: Sequence[int], wrong: Violations) -> tuple[Channel, ...]:
    found = []
    for position, number in enumerate(numbers):
        path = f"filter.channels[{position}]"
        one = fields.channel(number, wrong, path)
        if number == CHANNEL_UNKNOWN_CODE:
            wrong.add(path, f"is {number}; allowed 1 to {len(fields.CHANNELS) - 1}")
        if one is not None:
            found.append(one)
    return tuple(found)
