"""Batches over a real connection, on every kind of storage."""

import time
from collections.abc import AsyncIterator, Iterable, Sequence

import grpc
import pytest

from recsys.serving.wire_campaigns import parse_batch
from recsys.v1 import campaign_service_pb2 as service
from recsys.v1 import profile_service_pb2
from recsys.v1.campaign_pb2 import (
    SUPPRESSION_CAUSE_DUPLICATE,
    SUPPRESSION_CAUSE_ERASED,
    SUPPRESSION_CAUSE_FAILED,
    SUPPRESSION_CAUSE_NO_ADDRESS,
    SUPPRESSION_CAUSE_NO_CONSENT,
    SUPPRESSION_CAUSE_NOT_IN_SEGMENT,
    SUPPRESSION_CAUSE_UNKNOWN,
    Batch,
    BatchPerson,
    ListedPeople,
    SavedSegment,
)
from recsys.v1.event_pb2 import (
    CHANNEL_EMAIL,
    CHANNEL_WEB,
    EVENT_TYPE_DETAIL_PAGE_VIEW,
    EVENT_TYPE_PURCHASE_COMPLETE,
    Event,
    ItemLine,
)
from recsys.v1.profile_pb2 import (
    CONSENT_STATUS_GRANTED,
    CONSENT_STATUS_WITHDRAWN,
    PURPOSE_MARKETING,
    PURPOSE_PERSONALISE,
    Consent,
)
from recsys.v1.recommendation_service_pb2 import RecommendRequest
from recsys.v1.subject_pb2 import Identifier, Subject
from recsys.violations import Violations
from serving.test_events import refused, write
from support.serving import Running

PAGES = Batch(purpose=PURPOSE_PERSONALISE, page_size=3)
"""Answers for pages that are made in advance: no message, no consent to one."""


def user(name: str) -> Subject:
    """Somebody with an account."""
    return Subject(identifiers=[Identifier(namespace="account", value=name)])


def mailed(name: str) -> Subject:
    """Somebody with an account and an address."""
    return Subject(
        user_id=name, identifiers=[Identifier(namespace="email_sha256", value=f"@{name}")]
    )


async def arrive(running: Running, people: Iterable[Subject], *, bought: bool = False) -> None:
    """Let people do something for the first time: each looks at the item of her number."""
    events = [
        Event(
            event_id=f"e-{number}-{who.user_id or who.identifiers[0].value}",
            event_type=EVENT_TYPE_PURCHASE_COMPLETE if bought else EVENT_TYPE_DETAIL_PAGE_VIEW,
            channel=CHANNEL_WEB,
            subject=who,
            lines=[ItemLine(item_id=f"item-{number % 40}")],
        )
        for number, who in enumerate(people)
    ]
    for first in range(0, len(events), 1_000):
        await write(running, *events[first : first + 1_000])


async def allow(running: Running, *names: str, status: int = CONSENT_STATUS_GRANTED) -> None:
    """Let people say what they want by e-mail."""
    said = Consent(purpose=PURPOSE_MARKETING, channel=CHANNEL_EMAIL, status=status)
    for name in names:
        await running.profiles.SetConsent(
            profile_service_pb2.SetConsentRequest(subject=Subject(user_id=name), consents=[said])
        )


async def batch(
    running: Running, asked: Batch, *, token: str = "", listed: Sequence[Subject] = ()
) -> list[service.RecommendBatchResponse]:
    """Run a batch to its end."""

    async def requests() -> AsyncIterator[service.RecommendBatchRequest]:
        yield service.RecommendBatchRequest(batch=asked, resume_token=token)
        for first in range(0, len(listed), 1_000):
            yield service.RecommendBatchRequest(subjects=listed[first : first + 1_000])

    return [one async for one in running.campaigns.RecommendBatch(requests())]


def people_of(responses: Iterable[service.RecommendBatchResponse]) -> list[BatchPerson]:
    """Everybody who was named."""
    return [one for response in responses for one in response.people]


def names_of(people: Iterable[BatchPerson]) -> list[str]:
    """What they are called."""
    return [one.identifiers[0].value for one in people]


async def test_everybody_gets_what_a_single_answer_gives(
    remembering: tuple[Running, Running],
) -> None:
    """Items, scores and reasons; and a token that is the same for the same moment."""
    one, other = remembering
    people = [user(f"u{number}") for number in range(9)]
    await arrive(one, people)
    asked = Batch(
        purpose=PURPOSE_PERSONALISE, page_size=3, as_of_time={"seconds": int(time.time())}
    )
    found = people_of(await batch(other, asked))
    assert sorted(names_of(found)) == [f"u{number}" for number in range(9)]
    for person in found:
        alone = await one.recommendation.Recommend(
            RecommendRequest(subject=Subject(user_id=person.identifiers[0].value), page_size=3)
        )
        assert [result.item_id for result in person.results] == [
            result.item_id for result in alone.results
        ]
        assert [result.reason for result in person.results] == [
            result.reason for result in alone.results
        ]
        assert (person.model_version, person.suppression_cause) == ("v1", 0)
    assert people_of(await batch(one, asked)) == found


async def test_a_batch_goes_on_elsewhere_after_each_message(
    remembering: tuple[Running, Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another server, while people are joined: nobody twice, nobody left out."""
    monkeypatch.setattr("recsys.limits.WALK_COUNT", 4)
    one, other = remembering
    await arrive(one, [user(f"u{number}") for number in range(20)])
    met: list[str] = []
    token, turn = "", 0
    while True:
        running = (one, other)[turn % 2]
        call = running.campaigns.RecommendBatch(
            iter([service.RecommendBatchRequest(batch=PAGES, resume_token=token)])
        )
        response = await call.read()
        call.cancel()
        met += names_of(response.people)
        token = response.resume_token
        if not token:
            break
        turn += 1
        pair = [Identifier(namespace="account", value=f"u{number}") for number in (turn, 19 - turn)]
        late = Identifier(namespace="loyalty_card", value=f"c{turn}")
        await one.profiles.LinkIdentifiers(
            profile_service_pb2.LinkIdentifiersRequest(
                identifiers=[*(pair if turn == 2 else pair[:1]), late], source="crm"
            )
        )
    everybody = {f"u{number}" for number in range(20)}
    assert len(met) == len(set(met))
    # Of the joined pair, one is met: both as one person, or the second not any more.
    missing = everybody - set(met)
    assert missing <= {"u2", "u17"}
    assert len(missing) <= 1
    code, info, _ = await refused(_first(one, Batch(page_size=4, purpose=2), token="bm9uc2Vuc2U"))
    assert (code, info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


async def _first(
    running: Running, asked: Batch, *, token: str = ""
) -> service.RecommendBatchResponse:
    call = running.campaigns.RecommendBatch(
        iter([service.RecommendBatchRequest(batch=asked, resume_token=token)])
    )
    async for response in call:
        return response
    raise AssertionError("there is no response")


async def test_only_those_get_messages_who_allow_them(
    remembering: tuple[Running, Running],
) -> None:
    """And have an address; whoever withdraws is left out from the next answer on."""
    one, other = remembering
    await arrive(one, [mailed("anna"), mailed("ben"), user("cleo")])
    await allow(one, "anna", "cleo")
    asked = Batch(channel=CHANNEL_EMAIL, with_suppressed=True, with_habits=True)
    found = {person.identifiers[0].value: person for person in people_of(await batch(other, asked))}
    assert {name: person.suppression_cause for name, person in found.items()} == {
        "anna": 0,
        "ben": SUPPRESSION_CAUSE_NO_CONSENT,
        "cleo": SUPPRESSION_CAUSE_NO_ADDRESS,
    }
    assert found["anna"].address == Identifier(namespace="email_sha256", value="@anna")
    assert (len(found["anna"].results), len(found["ben"].results)) == (20, 0)
    assert found["anna"].time_zone == "UTC"
    await allow(one, "anna", status=CONSENT_STATUS_WITHDRAWN)
    responses = await batch(other, Batch(channel=CHANNEL_EMAIL))
    assert not people_of(responses)
    counts = [each for response in responses for each in response.suppressed]
    last = responses[-1]
    assert {each.cause: each.person_count for each in counts} == {
        SUPPRESSION_CAUSE_NO_CONSENT: 2,
        SUPPRESSION_CAUSE_NO_ADDRESS: 1,
    }
    assert (last.considered_count, last.done_share, last.resume_token) == (3, 1.0, "")


async def test_each_of_a_list_is_told_what_becomes_of_her(
    remembering: tuple[Running, Running],
) -> None:
    """Unknown, erased, named twice, and not in the segment; after a break, too."""
    one, other = remembering
    await arrive(one, [mailed("anna"), user("ben"), user("eve")])
    await one.profiles.EraseProfile(
        profile_service_pb2.EraseProfileRequest(subject=Subject(user_id="eve"))
    )
    address = Subject(identifiers=[Identifier(namespace="email_sha256", value="@anna")])
    listed = [user("anna"), user("nobody"), address, user("eve"), user("ben")]
    asked = Batch(purpose=PURPOSE_PERSONALISE, listed=ListedPeople())
    responses = await batch(other, asked, listed=listed)
    assert [person.suppression_cause for person in people_of(responses)] == [
        0, SUPPRESSION_CAUSE_UNKNOWN, SUPPRESSION_CAUSE_DUPLICATE, SUPPRESSION_CAUSE_ERASED, 0,
    ]  # fmt: skip
    assert [person.subject for person in people_of(responses)] == listed
    first = await batch(other, asked, listed=listed[:2])
    rest = await batch(one, asked, listed=listed, token=first[-1].resume_token)
    assert people_of([*first, *rest])[2:] == people_of(rest)
    assert [person.suppression_cause for person in people_of(rest)] == [
        SUPPRESSION_CAUSE_DUPLICATE, SUPPRESSION_CAUSE_ERASED, 0,
    ]  # fmt: skip


async def test_segments_are_kept_asked_and_estimated(
    remembering: tuple[Running, Running],
) -> None:
    """On every server, and what is wrong is named."""
    one, other = remembering
    await arrive(one, [user("anna"), user("ben")])
    await arrive(one, [user("cleo"), mailed("dora")], bought=True)
    buyers = SavedSegment(
        name="buyers", filter='lifecycle_stage = "first-buyer"', description="Who has bought"
    )
    await one.campaigns.UpsertSegments(service.UpsertSegmentsRequest(segments=[buyers]))
    found = await other.campaigns.GetSegment(service.GetSegmentRequest(name="buyers"))
    assert (found.segment.filter, found.segment.description) == (buyers.filter, "Who has bought")
    everybody = await batch(other, Batch(purpose=PURPOSE_PERSONALISE, segment="buyers"))
    assert sorted(names_of(people_of(everybody))) == ["cleo", "dora"]
    for asked, count in (
        (service.EstimateSegmentRequest(segment="buyers"), 2),
        (service.EstimateSegmentRequest(filter='known_by = "email_sha256"'), 1),
        (service.EstimateSegmentRequest(), 4),
        (service.EstimateSegmentRequest(channel=CHANNEL_EMAIL), 0),
    ):
        guess = await other.campaigns.EstimateSegment(asked)
        assert (guess.person_count, guess.exact) == (count, True)
    listed = await batch(
        other, Batch(purpose=PURPOSE_PERSONALISE, filter="order_count > 0", page_size=1)
    )
    assert sorted(names_of(people_of(listed))) == ["cleo", "dora"]
    assert [each.name for each in (await one.campaigns.ListSegments(service.ListSegmentsRequest())).segments] == ["buyers"]  # fmt: skip
    gone = await one.campaigns.DeleteSegments(service.DeleteSegmentsRequest(names=["buyers", "x"]))
    assert gone.deleted_count == 1
    code, info, _ = await refused(_first(other, Batch(purpose=1, segment="buyers")))
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "SEGMENT_NOT_FOUND")
    wrong = service.UpsertSegmentsRequest(
        segments=[SavedSegment(name="No", filter="nonsense = 1"), SavedSegment(name="a")]
    )
    _, _, bad = await refused(one.campaigns.UpsertSegments(wrong))
    assert [each.field for each in bad.field_violations] == [
        "segments[0].name", "segments[0].filter",
    ]  # fmt: skip


async def test_what_is_wrong_with_a_batch_is_named(running: Running) -> None:
    """Field by field; and a server without a storage knows nobody."""
    asked = Batch(holdout_share=2.0, page_size=-1, filter="x = 1", address_namespaces=["A"])
    code, info, bad = await refused(_first(running, asked))
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STORAGE_MISSING")
    assert not bad.field_violations


async def test_every_wrong_field_of_a_batch_is_named(remembering_sqlite: Running) -> None:
    """At once."""
    asked = Batch(holdout_share=2.0, page_size=-1, filter="x = 1", address_namespaces=["A"])
    _, _, bad = await refused(_first(remembering_sqlite, asked))
    assert {each.field for each in bad.field_violations} == {
        "batch.channel", "batch.holdout_share", "batch.page_size", "batch.filter",
        "batch.address_namespaces[0]",
    }  # fmt: skip
    empty = remembering_sqlite.campaigns.RecommendBatch(iter([]))
    _, _, bad = await refused(empty.read())
    assert [each.field for each in bad.field_violations] == ["batch"]


async def test_one_who_cannot_be_answered_spoils_it_for_nobody_else(
    remembering_sqlite: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She is suppressed with the error, and named."""
    from recsys.errors import InvalidRequest  # noqa: PLC0415 - of this test alone
    from recsys.recommend.known import Acquaintance  # noqa: PLC0415 - as above

    known = Acquaintance.known

    def sometimes(self: Acquaintance, *args: object, **more: object) -> object:
        if args[1].identifiers[0].value == "u1":  # type: ignore[attr-defined]  # a query
            raise InvalidRequest([])
        return known(self, *args, **more)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(Acquaintance, "known", sometimes)
    await arrive(remembering_sqlite, [user(f"u{number}") for number in range(3)])
    asked = Batch(purpose=PURPOSE_PERSONALISE, with_suppressed=True)
    found = people_of(await batch(remembering_sqlite, asked))
    assert [person.suppression_cause for person in found] == [0, SUPPRESSION_CAUSE_FAILED, 0]


async def test_who_reads_slowly_costs_no_memory(
    remembering_sqlite: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server waits with its next answers, and single answers do not wait for it."""
    monkeypatch.setattr("recsys.limits.WALK_COUNT", 50)
    await arrive(remembering_sqlite, [user(f"u{number:04}") for number in range(3_000)])
    asked = Batch(purpose=PURPOSE_PERSONALISE, page_size=40)
    call = remembering_sqlite.campaigns.RecommendBatch(
        iter([service.RecommendBatchRequest(batch=asked)])
    )
    first = await call.read()
    for _ in range(50):
        await remembering_sqlite.recommendation.Recommend(RecommendRequest(subject=user("u0001")))
    made = remembering_sqlite.counted("recsys_results_total", reason="personal") / 40
    assert made < 2_500
    responses = [first]
    while (response := await call.read()) is not grpc.aio.EOF:
        responses.append(response)
    assert len(people_of(responses)) == 3_000


async def test_the_best_people_for_an_item_are_those_whose_lists_have_it_highest(
    remembering: tuple[Running, Running],
) -> None:
    """With the very scores of their own answers, without those who know it."""
    one, other = remembering
    people = [f"u{number}" for number in range(12)]
    await arrive(one, [user(name) for name in people])
    expected = []
    for name in people:
        alone = await one.recommendation.Recommend(
            RecommendRequest(subject=Subject(user_id=name), page_size=40)
        )
        expected += [(r.score, name) for r in alone.results if r.item_id == "item-6"]
    asked = service.AudienceForItemRequest(
        item_id="item-6", batch=Batch(purpose=PURPOSE_PERSONALISE), person_count=5
    )
    responses = [each async for each in other.campaigns.AudienceForItem(asked)]
    found = [person for response in responses for person in response.people]
    best = sorted(expected, key=lambda pair: (-pair[0], people.index(pair[1])))[:5]
    assert [person.identifiers[0].value for person in found] == [name for _, name in best]
    assert [person.score for person in found] == pytest.approx([score for score, _ in best])
    assert "u6" not in {person.identifiers[0].value for person in found}
    nothing = service.AudienceForItemRequest(item_id="nope", batch=Batch(purpose=1))
    code, info, _ = await refused(other.campaigns.AudienceForItem(nothing).read())
    assert (code, info.reason) == (grpc.StatusCode.NOT_FOUND, "ITEM_NOT_FOUND")


async def test_what_must_be_withdrawn_is_named_just_before_it_is_sent(
    remembering: tuple[Running, Running],
) -> None:
    """Whoever has said no, and what is not offered any more."""
    from recsys.v1 import catalog_pb2, catalog_service_pb2  # noqa: PLC0415 - of this test alone

    one, other = remembering
    await arrive(one, [mailed("anna"), mailed("ben")])
    await allow(one, "anna", "ben")
    items = [catalog_pb2.Item(item_id=f"item-{row}", title=f"T{row}") for row in range(40)]
    await one.catalog.UpsertItems(catalog_service_pb2.UpsertItemsRequest(items=items))
    asked = Batch(channel=CHANNEL_EMAIL, page_size=2, with_items=True)
    responses = await batch(other, asked)
    sent = sorted(people_of(responses), key=lambda one: one.identifiers[0].value)
    titles = {item.item_id: item.title for response in responses for item in response.items}
    assert {r.item_id for person in sent for r in person.results} == titles.keys()
    entries = [
        service.RecheckEntry(
            subject=Subject(user_id=person.identifiers[0].value),
            item_ids=[result.item_id for result in person.results],
        )
        for person in sent
    ]
    request = service.RecheckBatchRequest(batch=asked, entries=entries)
    fine = await other.campaigns.RecheckBatch(request)
    assert [(r.suppression_cause, list(r.withdrawn_item_ids)) for r in fine.results] == [
        (0, [])
    ] * 2
    await allow(one, "ben", status=CONSENT_STATUS_WITHDRAWN)
    gone = entries[0].item_ids[1]
    await one.catalog.DeleteItems(catalog_service_pb2.DeleteItemsRequest(item_ids=[gone]))
    now = await other.campaigns.RecheckBatch(request)
    assert [r.suppression_cause for r in now.results] == [0, SUPPRESSION_CAUSE_NO_CONSENT]
    assert list(now.results[0].withdrawn_item_ids) == [gone]


async def test_what_is_wrong_with_a_recheck_is_named(remembering_sqlite: Running) -> None:
    """By where it is in the request, each of them."""
    entries = [
        service.RecheckEntry(subject=Subject(user_id="a")),
        service.RecheckEntry(),
        service.RecheckEntry(subject=Subject(user_id="\n")),
        service.RecheckEntry(),
    ]
    request = service.RecheckBatchRequest(batch=Batch(channel="CHANNEL_EMAIL"), entries=entries)
    _, _, bad = await refused(remembering_sqlite.campaigns.RecheckBatch(request))
    assert [one.field for one in bad.field_violations] == [
        "entries[1].subject", "entries[2].subject.user_id", "entries[3].subject"
    ]  # fmt: skip


def test_messages_that_were_sent_when_time_began_were_sent_then() -> None:
    """A moment that is zero is one."""
    sent = Batch(channel="CHANNEL_EMAIL")
    sent.send_time.FromSeconds(0)
    query = parse_batch(sent, Violations(), "batch.", filter_="", now=1e9)
    assert (query.as_of, query.send_time) == (1e9, 0.0)


async def test_whoever_only_looks_at_people_reads_no_sample_of_all(
    remembering_sqlite: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check before sending and a search for people say nothing of when they answer messages."""
    from recsys.storage.campaign_people import CampaignPeople  # noqa: PLC0415 - of this test alone

    await arrive(remembering_sqlite, [mailed("anna")])
    monkeypatch.delattr(CampaignPeople, "sample")
    asked = Batch(purpose=PURPOSE_PERSONALISE, with_habits=True)
    checked = await remembering_sqlite.campaigns.RecheckBatch(
        service.RecheckBatchRequest(
            batch=asked, entries=[service.RecheckEntry(subject=mailed("anna"))]
        )
    )
    assert [one.suppression_cause for one in checked.results] == [0]
    search = service.AudienceForItemRequest(item_id="item-6", batch=asked)
    responses = [each async for each in remembering_sqlite.campaigns.AudienceForItem(search)]
    assert sum(len(each.people) for each in responses) == 1


def test_causes_have_the_names_of_the_wire() -> None:
    """One for each, in the same order."""
    from recsys.campaigns import SuppressionCause  # noqa: PLC0415 - of this test alone
    from recsys.v1 import campaign_pb2  # noqa: PLC0415 - as above

    names = [f"SUPPRESSION_CAUSE_{cause.name}" for cause in SuppressionCause]
    assert campaign_pb2.SuppressionCause.keys()[1:] == names
    assert SUPPRESSION_CAUSE_NOT_IN_SEGMENT == 4
