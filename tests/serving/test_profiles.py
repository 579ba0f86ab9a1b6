"""People over a real connection, on every kind of storage: shown, heard, exported, erased."""

import asyncio
import json
from typing import Any

import grpc
import pytest

from recsys import limits
from recsys.v1 import event_service_pb2, profile_pb2
from recsys.v1 import profile_service_pb2 as service
from recsys.v1.context_pb2 import Context
from recsys.v1.event_pb2 import (
    CHANNEL_EMAIL,
    CHANNEL_STORE,
    CHANNEL_WEB,
    EVENT_TYPE_DETAIL_PAGE_VIEW,
    EVENT_TYPE_PURCHASE_COMPLETE,
    EVENT_TYPE_RETURN,
    Event,
    ItemLine,
    Money,
)
from recsys.v1.profile_pb2 import (
    CONSENT_STATUS_DENIED,
    CONSENT_STATUS_GRANTED,
    CONSENT_STATUS_WITHDRAWN,
    LIFECYCLE_STAGE_FIRST_BUYER,
    LIFECYCLE_STAGE_PROSPECT,
    PURPOSE_MARKETING,
    PURPOSE_PERSONALISE,
    RFM_SEGMENT_NEW,
    Consent,
)
from recsys.v1.recommendation_service_pb2 import RecommendRequest
from recsys.v1.result_pb2 import (
    FALLBACK_CAUSE_NO_CONSENT,
    FALLBACK_CAUSE_UNSPECIFIED,
    REASON_KIND_PERSONAL,
    REASON_KIND_POPULAR,
    REASON_KIND_POPULAR_HERE,
)
from recsys.v1.subject_pb2 import Identifier, Subject
from serving.test_events import NOW, refused, view, write
from support.serving import Running

ANNA = Subject(visitor_id="v-1")
NOBODY = Subject(user_id="nobody")
ERASED, WRITTEN = event_service_pb2.WRITE_OUTCOME_ERASED, event_service_pb2.WRITE_OUTCOME_WRITTEN


async def told(running: Running, *consents: Consent, who: Subject = ANNA) -> list[Consent]:
    """Say something; return what counts."""
    request = service.SetConsentRequest(subject=who, consents=consents)
    return list((await running.profiles.SetConsent(request)).consents)


async def shown(running: Running, who: Subject = ANNA) -> profile_pb2.Profile:
    """Ask for a profile."""
    return (await running.profiles.GetProfile(service.GetProfileRequest(subject=who))).profile


async def exported(running: Running, who: Subject = ANNA) -> list[dict[str, Any]]:
    """Ask for everything."""
    stream = running.profiles.ExportProfile(service.ExportProfileRequest(subject=who))
    return [json.loads(line) async for part in stream for line in part.lines]


async def erased(running: Running, who: Subject = ANNA) -> profile_pb2.Erasure:
    """Have somebody forgotten."""
    request = service.EraseProfileRequest(subject=who)
    return (await running.profiles.EraseProfile(request)).erasure


async def reasons(running: Running, **more: Any) -> set[tuple[int, int]]:
    """Ask for somebody; return kinds and causes."""
    response = await running.recommendation.Recommend(
        RecommendRequest(subject=ANNA, page_size=4, **more)
    )
    return {(one.reason.kind, one.reason.fallback_cause) for one in response.results}


async def test_a_withdrawal_counts_for_the_very_next_answer_of_another_worker(
    remembering: tuple[Running, Running],
) -> None:
    """Neither history nor session is used then, and every result says why."""
    one, other = remembering
    await write(one, view("e", "item-1"))
    session = Context(
        store_id="s-1",
        recent_events=[
            Event(event_type=EVENT_TYPE_DETAIL_PAGE_VIEW, lines=[ItemLine(item_id="item-5")])
        ],
    )
    personal = {(REASON_KIND_PERSONAL, FALLBACK_CAUSE_UNSPECIFIED)}
    refused_ = {
        (REASON_KIND_POPULAR_HERE, FALLBACK_CAUSE_NO_CONSENT),
        (REASON_KIND_POPULAR, FALLBACK_CAUSE_NO_CONSENT),
    }
    assert await reasons(other, context=session) == personal
    for status, expected in (
        (CONSENT_STATUS_WITHDRAWN, refused_),
        (CONSENT_STATUS_GRANTED, personal),
        (CONSENT_STATUS_DENIED, refused_),
    ):
        (counts,) = await told(one, Consent(purpose=PURPOSE_PERSONALISE, status=status))
        assert (counts.status, counts.identifier.value) == (status, "v-1")
        assert await reasons(other, context=session) == expected
    answer = await other.recommendation.Recommend(
        RecommendRequest(subject=ANNA, page_size=2, context=session)
    )
    assert [result.item_id for result in answer.results] == ["item-5", "item-6"]
    assert other.counted("recsys_notes_total", note="no-consent") == 3


async def test_a_profile_follows_the_event_that_changes_it(
    remembering: tuple[Running, Running],
) -> None:
    """In the very next look, on another worker; money is counted in units and nanos."""
    one, other = remembering
    assert await shown(other, NOBODY) == profile_pb2.Profile(
        lifecycle_stage=LIFECYCLE_STAGE_PROSPECT, orders=profile_pb2.Orders()
    )
    await write(one, view("e-1"), view("e-2"))
    found = await shown(other)
    assert (found.lifecycle_stage, found.event_count) == (LIFECYCLE_STAGE_PROSPECT, 2)
    assert [entry.channel for entry in found.channel_activities] == [CHANNEL_WEB]
    price = ItemLine(
        item_id="item-3",
        quantity=3,
        unit_price=Money(currency_code="EUR", units=19, nanos=990_000_000),
    )
    bought = Event(
        event_id="b", event_type=EVENT_TYPE_PURCHASE_COMPLETE, subject=ANNA, lines=[price],
        channel=CHANNEL_STORE, store_id="s-1",
    )  # fmt: skip
    await write(one, bought)
    found = await shown(other)
    assert (found.lifecycle_stage, found.rfm_segment) == (
        LIFECYCLE_STAGE_FIRST_BUYER, RFM_SEGMENT_NEW,
    )  # fmt: skip
    assert found.orders.recent_values == [Money(currency_code="EUR", units=59, nanos=970_000_000)]
    assert [(top.name, top.purchase_count) for top in found.top_stores] == [("s-1", 1)]
    for number in range(2):
        back = Event(
            event_type=EVENT_TYPE_RETURN, event_id=f"r-{number}", subject=ANNA, lines=[price]
        )
        await write(one, back)
    (value,) = (await shown(other)).orders.recent_values
    assert (value.units, value.nanos) == (-59, -970_000_000)


async def test_what_counts_is_said_with_its_identifier(
    remembering: tuple[Running, Running],
) -> None:
    """All that was said is kept, and the newest counts."""
    one, other = remembering
    both = Subject(user_id="anna", visitor_id="v-1")
    await told(
        one,
        Consent(purpose=PURPOSE_MARKETING, status=CONSENT_STATUS_DENIED),
        Consent(
            purpose=PURPOSE_MARKETING, status=CONSENT_STATUS_GRANTED, channel=CHANNEL_EMAIL,
            source="preference-centre", consent_time={"seconds": 1_700_000_000},
        ),
        who=both,
    )  # fmt: skip
    found = (await shown(other, both)).consents
    assert [(entry.channel, entry.status) for entry in found] == [
        (0, CONSENT_STATUS_DENIED), (CHANNEL_EMAIL, CONSENT_STATUS_DENIED),
    ]  # fmt: skip
    lines = [line for line in await exported(other, both) if line["record"] == "consent"]
    assert [line["source"] for line in lines] == ["", "preference-centre"] * 2
    assert lines[1]["consent_time"] == "2023-11-14T22:13:20+00:00"


async def test_an_export_is_complete_and_comes_in_messages_that_fit(
    remembering: tuple[Running, Running],
) -> None:
    """However much there is."""
    one, other = remembering
    count = 1_100
    events = [
        view(f"e-{n}", *[f"item-{n}-{line}" for line in range(20)], referrer="r" * 2_000)
        for n in range(count)
    ]
    for first in range(0, count, 500):
        assert set(await write(one, *events[first : first + 500])) == {WRITTEN}
    lines = await exported(other)
    found = [line["event_id"] for line in lines if line["record"] == "event"]
    assert sorted(found) == sorted(event.event_id for event in events)
    assert await exported(other, NOBODY) == []


async def test_an_export_is_named_by_the_erasure_that_comes_later(
    remembering: tuple[Running, Running],
) -> None:
    """If it was said where it goes; a name that is too long is refused."""
    one, other = remembering
    await write(one, view("e-1"))
    long = service.ExportProfileRequest(
        subject=ANNA, destination="d" * (limits.EXPORT_PLACE_BYTES_MAX + 1)
    )
    code, _, bad = await refused(anext(aiter(one.profiles.ExportProfile(long))))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in bad.field_violations] == ["destination"]
    request = service.ExportProfileRequest(subject=ANNA, destination="desk:/anna.jsonl")
    async for _ in one.profiles.ExportProfile(request):
        pass
    (named,) = (await erased(other)).exports
    assert (named.kind, named.place) == (profile_pb2.EXPORT_KIND_PROFILE, "desk:/anna.jsonl")
    assert named.export_time.seconds >= NOW["seconds"]


async def test_the_erased_are_unknown_to_every_worker_and_stay_so(
    remembering: tuple[Running, Running],
) -> None:
    """And whoever asks is told that she was erased, not who she was."""
    one, other = remembering
    events = [view("e-1", "item-1"), view("e-2", "item-3")]
    await write(one, *events)
    await told(one, Consent(purpose=PURPOSE_PERSONALISE, status=CONSENT_STATUS_GRANTED))
    report = await erased(other)
    assert (report.event_count, report.consent_count, report.identifier_count) == (2, 1, 1)
    assert len(report.erasure_id) == 32
    assert {kind for kind, _ in await reasons(one)} == {REASON_KIND_POPULAR}
    assert await write(one, *events, view("e-3", visitor="v-2")) == [ERASED, ERASED, WRITTEN]
    alone = await one.events.WriteEvent(event_service_pb2.WriteEventRequest(event=events[0]))
    assert alone.outcome == ERASED
    code, info, _ = await refused(
        one.profiles.SetConsent(
            service.SetConsentRequest(
                subject=ANNA,
                consents=[Consent(purpose=PURPOSE_PERSONALISE, status=CONSENT_STATUS_DENIED)],
            )
        )
    )
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PERSON_ERASED")
    found = await shown(one)
    assert (list(found.identifiers), found.event_count) == ([], 0)
    assert found.erase_time == report.erase_time
    assert one.counted("recsys_events_total", outcome="erased") == 3


async def test_erasing_races_with_writers_on_two_workers_and_wins(
    remembering: tuple[Running, Running],
) -> None:
    """Whatever waits in a queue or is being committed; whoever comes later is refused."""
    one, other = remembering
    done = asyncio.Event()

    async def keep_writing(worker: Running, name: str) -> list[int]:
        outcomes: list[int] = []
        number = 0
        while not done.is_set() or ERASED not in outcomes:
            events = [view(f"{name}-{number}-{n}") for n in range(20)]
            outcomes += await write(worker, *events, view(f"{name}-{number}", visitor="v-2"))
            number += 1
        return outcomes

    await write(one, view("first"))
    names = [(one, "a"), (one, "b"), (other, "c"), (other, "d")]
    writers = [asyncio.create_task(keep_writing(*pair)) for pair in names]
    count = 0
    while count < 200:
        count = (await shown(one)).event_count
    report = await erased(other)
    done.set()
    for outcomes in await asyncio.gather(*writers):
        assert {*outcomes} == {WRITTEN, ERASED}
    assert report.event_count >= 200
    assert (await shown(one)).event_count == 0
    assert {line["record"] for line in await exported(other)} == {"erased"}
    assert (await shown(one, Subject(visitor_id="v-2"))).event_count > 0


def said(**more: Any) -> Consent:
    """Say something, rightly or wrongly."""
    fields = {"purpose": PURPOSE_PERSONALISE, "status": CONSENT_STATUS_GRANTED}
    return Consent(**{**fields, **more})


@pytest.mark.parametrize(
    ("subject", "consents", "field"),
    [
        (Subject(), [said()], "subject"),
        (Subject(user_id="x" * 10_000), [said()], "subject.user_id"),
        (Subject(user_id="nul\x00"), [said()], "subject.user_id"),
        (Subject(identifiers=[Identifier(namespace="a", value="b")] * 1_000), [said()],
         "subject.identifiers"),
        (Subject(identifiers=[Identifier(namespace="A b", value="b")]), [said()],
         "subject.identifiers[0].namespace"),
        (ANNA, [], "consents"),
        (ANNA, [said()] * (limits.CONSENT_COUNT_MAX + 1), "consents"),
        (ANNA, [said(), said(purpose=0)], "consents[1].purpose"),
        (ANNA, [said(purpose=99)], "consents[0].purpose"),
        (ANNA, [said(status=0)], "consents[0].status"),
        (ANNA, [said(channel=99)], "consents[0].channel"),
        (ANNA, [said(source="s" * 129)], "consents[0].source"),
        (ANNA, [said(source="nul\x00")], "consents[0].source"),
        (ANNA, [said(consent_time={"seconds": NOW["seconds"] + 86_400})],
         "consents[0].consent_time"),
        (ANNA, [said(consent_time={"seconds": 2**60})], "consents[0].consent_time"),
    ],
    ids=[
        "nobody", "10 kB value", "NUL", "1000 identifiers", "namespace", "nothing", "too much",
        "no purpose", "unknown purpose", "no status", "unknown channel", "long source",
        "NUL in source", "tomorrow", "no such year",
    ],
)  # fmt: skip
async def test_a_wrong_field_is_refused_under_its_path(
    remembering_sqlite: Running, subject: Subject, consents: list[Consent], field: str
) -> None:
    """By every method that it is sent to, and nothing is kept."""
    calls = [
        remembering_sqlite.profiles.SetConsent(
            service.SetConsentRequest(subject=subject, consents=consents)
        )
    ]
    if field.startswith("subject"):
        profiles = remembering_sqlite.profiles
        calls += [
            profiles.GetProfile(service.GetProfileRequest(subject=subject)),
            profiles.EraseProfile(service.EraseProfileRequest(subject=subject)),
            anext(aiter(profiles.ExportProfile(service.ExportProfileRequest(subject=subject)))),
        ]
    for call in calls:
        code, info, bad = await refused(call)
        assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")
        assert [violation.field for violation in bad.field_violations] == [field]


async def test_a_server_without_a_storage_says_so(running: Running) -> None:
    """For every method."""
    profiles = running.profiles
    calls = [
        profiles.GetProfile(service.GetProfileRequest(subject=ANNA)),
        profiles.SetConsent(service.SetConsentRequest(subject=ANNA, consents=[said()])),
        profiles.EraseProfile(service.EraseProfileRequest(subject=ANNA)),
        anext(aiter(profiles.ExportProfile(service.ExportProfileRequest(subject=ANNA)))),
    ]
    for call in calls:
        code, info, _ = await refused(call)
        assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STORAGE_MISSING")
