"""Each field of a request at, inside and beyond its bounds."""

import math
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from recsys import limits
from recsys.domain import Channel, EventType, Identifier, ItemEvent
from recsys.errors import FieldViolation, InvalidRequest
from recsys.serving.wire import parse_recommend, parse_similar
from recsys.v1 import event_pb2
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import Event, ItemLine
from recsys.v1.recommendation_service_pb2 import RecommendRequest, SimilarItemsRequest
from recsys.v1.subject_pb2 import Identifier as IdentifierMessage
from recsys.v1.subject_pb2 import Subject

NOW = 1_767_225_600.0  # 2026-01-01
VIEW = event_pb2.EVENT_TYPE_DETAIL_PAGE_VIEW


def with_event(**fields: Any) -> RecommendRequest:
    """A request with one event in its session."""
    event = Event(**{"event_type": VIEW, **fields})
    return RecommendRequest(context=Context(recent_events=[event]))


def with_line(**fields: Any) -> RecommendRequest:
    """A request with one event of one line."""
    return with_event(lines=[ItemLine(**{"item_id": "i", **fields})])


def at(seconds: float, nanos: int = 0) -> Timestamp:
    """A timestamp, also an impossible one."""
    return Timestamp(seconds=int(seconds), nanos=nanos)


def violations(request: RecommendRequest) -> list[FieldViolation]:
    """What is wrong with a request."""
    with pytest.raises(InvalidRequest) as caught:
        parse_recommend(request, now=NOW)
    return list(caught.value.violations)


EVENT = "context.recent_events[0]"
WRONG: list[tuple[str, RecommendRequest, str]] = [
    ("page_size negative", RecommendRequest(page_size=-1), "page_size"),
    ("placement upper case", RecommendRequest(placement="Home"), "placement"),
    ("placement digit first", RecommendRequest(placement="1st"), "placement"),
    ("placement long", RecommendRequest(placement="a" * 65), "placement"),
    ("placement newline", RecommendRequest(placement="home\n"), "placement"),
    ("user long", RecommendRequest(subject=Subject(user_id="u" * 257)), "subject.user_id"),
    ("user long in bytes", RecommendRequest(subject=Subject(user_id="ü" * 129)), "subject.user_id"),
    ("user control", RecommendRequest(subject=Subject(user_id="a\x00b")), "subject.user_id"),
    (
        "visitor C1 control",
        RecommendRequest(subject=Subject(visitor_id="\x85")),
        "subject.visitor_id",
    ),
    (
        "identifiers many",
        RecommendRequest(
            subject=Subject(identifiers=[IdentifierMessage(namespace="a", value="b")] * 17)
        ),
        "subject.identifiers",
    ),
    (
        "namespace empty",
        RecommendRequest(subject=Subject(identifiers=[IdentifierMessage(value="b")])),
        "subject.identifiers[0].namespace",
    ),
    (
        "namespace with a hyphen",
        RecommendRequest(
            subject=Subject(identifiers=[IdentifierMessage(namespace="loyalty-card", value="b")])
        ),
        "subject.identifiers[0].namespace",
    ),
    (
        "namespace long",
        RecommendRequest(
            subject=Subject(identifiers=[IdentifierMessage(namespace="a" * 33, value="b")])
        ),
        "subject.identifiers[0].namespace",
    ),
    (
        "identifier value empty",
        RecommendRequest(subject=Subject(identifiers=[IdentifierMessage(namespace="a")])),
        "subject.identifiers[0].value",
    ),
    ("channel unknown", RecommendRequest(context=Context(channel=99)), "context.channel"),
    ("channel negative", RecommendRequest(context=Context(channel=-1)), "context.channel"),
    ("store long", RecommendRequest(context=Context(store_id="s" * 129)), "context.store_id"),
    ("excludes many", RecommendRequest(exclude_item_ids=["i"] * 1_001), "exclude_item_ids"),
    ("exclude empty", RecommendRequest(exclude_item_ids=["i", ""]), "exclude_item_ids[1]"),
    ("exclude long", RecommendRequest(exclude_item_ids=["i" * 129]), "exclude_item_ids[0]"),
    (
        "too many lines in all",
        RecommendRequest(
            context=Context(
                recent_events=[Event(event_type=VIEW, lines=[ItemLine(item_id="i")] * 100)] * 11
            )
        ),
        "context.recent_events",
    ),
    (
        "events many",
        RecommendRequest(context=Context(recent_events=[Event(event_type=VIEW)] * 201)),
        "context.recent_events",
    ),
    ("event type unspecified", with_event(event_type=0), f"{EVENT}.event_type"),
    ("event type unknown", with_event(event_type=99), f"{EVENT}.event_type"),
    ("event id long", with_event(event_id="e" * 129), f"{EVENT}.event_id"),
    ("event channel unknown", with_event(channel=12), f"{EVENT}.channel"),
    ("event store control", with_event(store_id="\n"), f"{EVENT}.store_id"),
    ("session long", with_event(session_id="s" * 129), f"{EVENT}.session_id"),
    ("time ahead", with_event(event_time=at(NOW + 301)), f"{EVENT}.event_time"),
    ("time beyond 9999", with_event(event_time=at(253_402_300_800)), f"{EVENT}.event_time"),
    ("time before 1", with_event(event_time=at(-62_135_596_801)), f"{EVENT}.event_time"),
    ("time nanos", with_event(event_time=at(0, -1)), f"{EVENT}.event_time"),
    ("lines many", with_event(lines=[ItemLine(item_id="i")] * 101), f"{EVENT}.lines"),
    ("item empty", with_line(item_id=""), f"{EVENT}.lines[0].item_id"),
    ("item long", with_line(item_id="i" * 129), f"{EVENT}.lines[0].item_id"),
    ("item control", with_line(item_id="i\x7f"), f"{EVENT}.lines[0].item_id"),
    ("quantity zero", with_line(quantity=0.0), f"{EVENT}.lines[0].quantity"),
    ("quantity negative", with_line(quantity=-1.0), f"{EVENT}.lines[0].quantity"),
    ("quantity NaN", with_line(quantity=math.nan), f"{EVENT}.lines[0].quantity"),
    ("quantity infinite", with_line(quantity=math.inf), f"{EVENT}.lines[0].quantity"),
    ("quantity huge", with_line(quantity=1_000_000.5), f"{EVENT}.lines[0].quantity"),
]


@pytest.mark.parametrize(
    ("request_", "field"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG]
)
def test_a_wrong_field_is_named(request_: RecommendRequest, field: str) -> None:
    """Exactly the wrong field is reported, with what is allowed."""
    (violation,) = violations(request_)
    assert violation.field == field
    assert violation.description


def test_all_wrong_fields_are_reported_at_once() -> None:
    """A caller need not fix one field to learn of the next."""
    request = RecommendRequest(
        placement="?",
        page_size=-3,
        context=Context(channel=99, store_id="\n"),
    )
    assert {violation.field for violation in violations(request)} == {
        "placement",
        "page_size",
        "context.channel",
        "context.store_id",
    }


def test_violations_have_a_bound() -> None:
    """However much is wrong, the report stays short enough to be sent."""
    found = violations(RecommendRequest(exclude_item_ids=[""] * 1_000))
    assert len(found) == limits.VIOLATION_COUNT_MAX


def test_descriptions_do_not_repeat_personal_data() -> None:
    """Identifiers and items stay out of errors, which end up in logs."""
    request = RecommendRequest(
        subject=Subject(user_id="mary@example.com\n"), exclude_item_ids=["test-strip\n"]
    )
    text = str([violation.description for violation in violations(request)])
    assert "mary" not in text
    assert "strip" not in text


@pytest.mark.parametrize(
    ("page_size", "result_count"), [(0, 20), (1, 1), (100, 100), (101, 100), (2**31 - 1, 100)]
)
def test_page_size_has_a_default_and_a_ceiling(page_size: int, result_count: int) -> None:
    """0 means 20 and large pages are lowered to 100."""
    query = parse_recommend(RecommendRequest(page_size=page_size), now=NOW)
    assert query.result_count == result_count


def test_an_empty_request_is_a_legal_question() -> None:
    """Nobody, nowhere: still a question that has an answer."""
    query = parse_recommend(RecommendRequest(), now=NOW)
    assert (query.identifiers, query.placement, query.channel, query.store_id) == (
        (),
        "default",
        None,
        None,
    )


def test_subject_fields_become_identifiers_without_duplicates() -> None:
    """The short fields stand for their namespaces."""
    subject = Subject(
        user_id="u",
        visitor_id="v",
        identifiers=[
            IdentifierMessage(namespace="account", value="u"),
            IdentifierMessage(namespace="loyalty_card", value="42"),
        ],
    )
    query = parse_recommend(RecommendRequest(subject=subject), now=NOW)
    assert query.identifiers == (
        Identifier("account", "u"),
        Identifier("visitor", "v"),
        Identifier("loyalty_card", "42"),
    )


def test_events_take_channel_and_time_from_the_request_where_they_say_none() -> None:
    """An event without channel happened on the context's, one without time happens now."""
    context = Context(
        channel=event_pb2.CHANNEL_WEB,
        recent_events=[
            Event(
                event_type=VIEW, lines=[ItemLine(item_id="a"), ItemLine(item_id="b", quantity=2)]
            ),
            Event(
                event_type=event_pb2.EVENT_TYPE_PURCHASE_COMPLETE,
                channel=event_pb2.CHANNEL_STORE,
                event_time=at(NOW - 60, 500_000_000),
                lines=[ItemLine(item_id="c")],
            ),
            Event(event_type=event_pb2.EVENT_TYPE_SEARCH),
        ],
    )
    query = parse_recommend(RecommendRequest(context=context), now=NOW)
    view = {"event_type": EventType.DETAIL_PAGE_VIEW, "channel": Channel.WEB, "event_time": NOW}
    assert query.recent_events == (
        ItemEvent(item_id="a", **view),
        ItemEvent(item_id="b", quantity=2.0, **view),
        ItemEvent(
            item_id="c",
            event_type=EventType.PURCHASE_COMPLETE,
            channel=Channel.STORE,
            event_time=NOW - 59.5,
        ),
    )


def test_a_clock_slightly_ahead_counts_as_now() -> None:
    """Up to five minutes of skew are forgiven."""
    ahead = with_event(event_time=at(NOW + 300), lines=[ItemLine(item_id="a")])
    (event,) = parse_recommend(ahead, now=NOW).recent_events
    assert event.event_time == NOW


def test_longest_legal_values_pass() -> None:
    """Every bound is inclusive."""
    request = RecommendRequest(
        subject=Subject(
            user_id="ü" * 128,
            identifiers=[IdentifierMessage(namespace="n" * 32, value="v" * 256)] * 16,
        ),
        placement="p" * 64,
        context=Context(
            store_id="s" * 128,
            recent_events=[
                Event(
                    event_type=VIEW,
                    event_id="e" * 128,
                    lines=[ItemLine(item_id="i" * 128, quantity=1_000_000.0)] * 5,
                )
            ]
            * 200,
        ),
        exclude_item_ids=["x" * 128] * 1_000,
    )
    query = parse_recommend(request, now=NOW)
    assert len(query.recent_events) == 1_000
    assert len(query.excluded) == 1_000


@pytest.mark.parametrize(("item_id", "field"), [("", "item_id"), ("i" * 129, "item_id")])
def test_similar_items_needs_an_item(item_id: str, field: str) -> None:
    """The item is required and bounded."""
    with pytest.raises(InvalidRequest) as caught:
        parse_similar(SimilarItemsRequest(item_id=item_id), now=NOW)
    assert [violation.field for violation in caught.value.violations] == [field]


def test_similar_items_checks_the_fields_it_shares() -> None:
    """Placement, page, context and excludes have one rule each."""
    request = SimilarItemsRequest(
        item_id="i",
        placement="?",
        page_size=-1,
        context=Context(channel=99, recent_events=[Event()]),
        exclude_item_ids=[""],
    )
    with pytest.raises(InvalidRequest) as caught:
        parse_similar(request, now=NOW)
    assert {violation.field for violation in caught.value.violations} == {
        "placement",
        "page_size",
        "context.channel",
        "context.recent_events[0].event_type",
        "exclude_item_ids[0]",
    }


@pytest.mark.parametrize(
    ("domain", "numbers", "prefix"),
    [(Channel, event_pb2.Channel, "CHANNEL_"), (EventType, event_pb2.EventType, "EVENT_TYPE_")],
)
def test_codes_equal_the_numbers_of_the_proto(domain: Any, numbers: Any, prefix: str) -> None:
    """Decoding an enum is indexing; this is why it may be."""
    codes = {f"{prefix}{member.name}": member.code for member in domain}
    assert codes == {name: number for name, number in numbers.items() if number}
