"""Messages about what somebody has just done, over real connections, on every kind of storage."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import grpc

from recsys.v1 import campaign_service_pb2, profile_service_pb2
from recsys.v1 import trigger_service_pb2 as service
from recsys.v1.campaign_pb2 import SUPPRESSION_CAUSE_CAPPED, Batch
from recsys.v1.catalog_pb2 import Item
from recsys.v1.catalog_service_pb2 import UpsertItemsRequest
from recsys.v1.event_pb2 import (
    CHANNEL_EMAIL,
    CHANNEL_MOBILE_APP,
    CHANNEL_PUSH,
    CHANNEL_STORE,
    CHANNEL_WEB,
    EVENT_TYPE_ADD_TO_CART,
    EVENT_TYPE_PURCHASE_COMPLETE,
    EVENT_TYPE_STORE_VISIT,
    Event,
    ItemLine,
)
from recsys.v1.offer_pb2 import OfferEligibility, OfferScope
from recsys.v1.profile_pb2 import (
    CONSENT_STATUS_GRANTED,
    CONSENT_STATUS_WITHDRAWN,
    PURPOSE_MARKETING,
    Consent,
)
from recsys.v1.subject_pb2 import Subject
from serving.test_events import refused, write
from serving.test_offers import offer, upsert
from support.processes import WAIT_SECONDS
from support.serving import Running

SENT = service.TRIGGER_ACK_OUTCOME_SENT
ANNA = Subject(user_id="anna")
WELCOME = """
[welcome]
on = "store-visit"
channel = "push"
stores = ["s-1"]

[mail]
on = "store-visit"
channel = "email"
address_namespaces = []
"""
CART = """
[cart]
on = "cart-left"
after_minutes = 30
channel = "push"
offer = "if-any"
"""
Servers = tuple[Running, Running]
Serve = Callable[..., "contextlib.AbstractAsyncContextManager[Servers]"]


def event(kind: int, name: str, age: float = 0.0, **more: Any) -> Event:
    """Something that Anna did some seconds ago."""
    given: dict[str, Any] = {"subject": ANNA, "channel": CHANNEL_MOBILE_APP} | more
    found = Event(event_type=kind, event_id=name, **given)
    found.event_time.FromMicroseconds(int((time.time() - age) * 1e6))
    return found


def visit(name: str, age: float = 0.0, **more: Any) -> Event:
    """She enters a shop, as her phone says."""
    return event(EVENT_TYPE_STORE_VISIT, name, age, **{"store_id": "s-1"} | more)


def carted(name: str, age: float, *item_ids: str, **more: Any) -> Event:
    """She puts something in her cart."""
    lines = [ItemLine(item_id=one) for one in item_ids]
    return event(EVENT_TYPE_ADD_TO_CART, name, age, channel=CHANNEL_WEB, lines=lines, **more)


async def say(running: Running, channel: int | None, status: int, **who: Any) -> None:
    """Let her allow or refuse messages."""
    said = Consent(purpose=PURPOSE_MARKETING, channel=channel, status=status)
    subject = Subject(**who) if who else ANNA
    await running.profiles.SetConsent(
        profile_service_pb2.SetConsentRequest(subject=subject, consents=[said])
    )


async def allow(running: Running, channel: int = CHANNEL_PUSH, **who: Any) -> None:
    """Let her allow messages."""
    await say(running, channel, CONSENT_STATUS_GRANTED, **who)


def counted(servers: Servers, trigger: str, step: str, outcome: str) -> float:
    """How often something has come of a trigger, on both servers."""
    labels = {"trigger": trigger, "step": step, "outcome": outcome}
    return sum(one.counted("recsys_triggers_total", **labels) for one in servers)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must become true."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - counters tell nobody
            await asyncio.sleep(0.01)


async def decided(servers: Servers, trigger: str, outcome: str, times: int = 1) -> None:
    """Wait until something was decided so many times."""
    await until(lambda: counted(servers, trigger, "decide", outcome) == times)


async def watch(
    running: Running, consumer: str = "gateway", count: int = 1, **query: Any
) -> list[service.TriggerMessage]:
    """Take so many messages."""
    call = running.triggers.WatchTriggers(
        service.WatchTriggersRequest(consumer=consumer, **query), timeout=WAIT_SECONDS
    )
    found: list[service.TriggerMessage] = []
    while len(found) < count:
        found += (await call.read()).messages
    call.cancel()
    return found


async def ack(running: Running, message_id: str, outcome: int = SENT) -> int:
    """Say what became of a message; return where it stands."""
    one = service.TriggerAck(message_id=message_id, outcome=outcome)
    response = await running.triggers.AckTriggers(service.AckTriggersRequest(acks=[one]))
    return response.states[0]


async def test_whoever_enters_a_shop_gets_her_best_offer_where_she_allows_it(serve: Serve) -> None:
    """Push and not e-mail, once, whoever hands it out; and it counts on every channel."""
    rules = "[all]\ncaps = [{ count_max = 1, days = 7 }]"
    async with serve(WELCOME, frequency=rules) as servers:
        one, other = servers
        here = OfferEligibility(channels=[CHANNEL_STORE], store_ids=["s-1"])
        await upsert(
            one,
            offer("web", eligibility=OfferEligibility(channels=[CHANNEL_WEB]), priority=9),
            offer("odd", eligibility=here, scope=OfferScope(item_ids=["item-1", "item-3"])),
            offer("even", eligibility=here, scope=OfferScope(item_ids=["item-2", "item-4"])),
        )
        await allow(one)
        await write(one, carted("look", 60.0, "item-5"))
        entering = visit("door")
        for _ in range(2):
            await write(other, entering)
        (message,) = await watch(other)
        assert (message.trigger, message.channel) == ("welcome", CHANNEL_PUSH)
        assert (message.offer.offer_id, message.offer.HasField("cost")) == ("odd", False)
        assert message.offer_reason
        assert message.message_key == "trigger.store_visit_offer"
        assert message.occasion == service.TRIGGER_OCCASION_STORE_VISIT
        assert [each.value for each in message.identifiers] == ["anna"]
        assert (message.store_id, message.HasField("address")) == ("s-1", False)
        await decided(servers, "mail", "no-consent")
        assert counted(servers, "welcome", "decide", "message") == 1
        assert await ack(one, message.message_id) == service.TRIGGER_MESSAGE_STATE_SENT
        assert await ack(other, message.message_id) == service.TRIGGER_MESSAGE_STATE_SENT
        assert counted(servers, "welcome", "ack", "sent") == 1
        await allow(one, CHANNEL_EMAIL)
        recheck = campaign_service_pb2.RecheckBatchRequest(
            batch=Batch(channel=CHANNEL_EMAIL, address_namespaces=["account"]),
            entries=[campaign_service_pb2.RecheckEntry(subject=ANNA)],
        )
        result = (await other.campaigns.RecheckBatch(recheck)).results[0]
        assert result.suppression_cause == SUPPRESSION_CAUSE_CAPPED
        await write(one, visit("again"))
        await decided(servers, "welcome", "capped")
        records = await exported(one)
        assert [(each["trigger"], each["cause"]) for each in records] == [
            ("mail", "no-consent"), ("welcome", None), ("mail", "capped"), ("welcome", "capped"),
        ]  # fmt: skip


async def exported(running: Running) -> list[dict[str, Any]]:
    """What is held of her by triggers, in the order of decision."""
    call = running.profiles.ExportProfile(profile_service_pb2.ExportProfileRequest(subject=ANNA))
    lines = [line async for part in call for line in part.lines]
    found = [json.loads(line) for line in lines]
    return [one for one in found if one["record"] == "trigger"]


async def test_who_says_stop_before_it_is_sent_gets_nothing(serve: Serve) -> None:
    """Whichever server she says it to; and what was only handed out is looked at again, too."""
    async with serve(WELCOME) as servers:
        one, other = servers
        await upsert(one, offer("ten"))
        await allow(one)
        await write(one, visit("door"))
        await decided(servers, "welcome", "message")
        await say(other, None, CONSENT_STATUS_WITHDRAWN)
        call = one.triggers.WatchTriggers(service.WatchTriggersRequest(consumer="gateway"))
        await until(lambda: counted(servers, "welcome", "hand-out", "no-consent") == 1)
        call.cancel()
        await write(other, visit("again"))
        await decided(servers, "welcome", "no-consent")
        assert counted(servers, "welcome", "hand-out", "message") == 0


async def test_a_cart_comes_with_what_the_catalogue_says_of_it(serve: Serve) -> None:
    """Where there is an offer about something in it, with that one."""
    async with serve(CART) as servers:
        one, other = servers
        mug = Item(item_id="item-1", title="Mug", page_url="https://shop.example/mug")
        await one.catalog.UpsertItems(UpsertItemsRequest(items=[mug]))
        await upsert(
            one, offer("mine", scope=OfferScope(item_ids=["item-1"])),
            offer("other", scope=OfferScope(item_ids=["item-9"]), priority=9),
        )  # fmt: skip
        ben = Subject(user_id="ben", visitor_id="phone")
        for name in ("anna", "ben"):
            await allow(one, user_id=name)
        bought = event(
            EVENT_TYPE_PURCHASE_COMPLETE, "buy", 1700.0, subject=ben,
            lines=[ItemLine(item_id="item-3")],
        )  # fmt: skip
        await write(
            other, bought, carted("mine", 1800.0, "item-1"),
            carted("his", 1800.0, "item-3", subject=Subject(visitor_id="phone")),
        )  # fmt: skip
        (message,) = await watch(one)
        assert [(each.title, each.page_url) for each in message.items] == [("Mug", mug.page_url)]
        assert (message.offer.offer_id, message.message_key) == ("mine", "trigger.cart_left_offer")
        await decided(servers, "cart", "nothing-to-show")


async def test_a_broken_stream_goes_on_where_it_was(serve: Serve) -> None:
    """Its consumer gets at once what nobody has acknowledged, on any server; no other one does."""
    async with serve(WELCOME) as servers:
        one, other = servers
        await upsert(one, offer("ten"))
        names = [f"user-{number}" for number in range(5)]
        for name in names:
            await allow(one, user_id=name)
            await write(one, visit(name, subject=Subject(user_id=name)))
        given = await watch(one, count=5)
        assert [each.identifiers[0].value for each in given] == names
        await ack(other, given[0].message_id)
        assert await ack(other, given[1].message_id, service.TRIGGER_ACK_OUTCOME_RELEASED)
        assert [each.message_id for each in await watch(one, "another")] == [given[1].message_id]
        again = await watch(other, count=3)
        assert [each.message_id for each in again] == [each.message_id for each in given[2:]]


async def test_wrong_requests_are_refused_field_by_field(remembering_sqlite: Running) -> None:
    """Of who watches, and of what was acknowledged."""
    running = remembering_sqlite
    watching = service.WatchTriggersRequest(
        consumer="No Name", channels=[0, 99], triggers=["cart", "Two Words"]
    )
    watching.lease_duration.FromSeconds(3601)
    _, _, bad = await refused(running.triggers.WatchTriggers(watching).read())
    assert [one.field for one in bad.field_violations] == [
        "consumer", "channels[0]", "channels[1]", "triggers[1]", "lease_duration",
    ]  # fmt: skip
    acks = [service.TriggerAck(message_id="a" * 33), service.TriggerAck(outcome=SENT)]
    _, _, bad = await refused(running.triggers.AckTriggers(service.AckTriggersRequest(acks=acks)))
    assert [one.field for one in bad.field_violations] == [
        "acks[0].message_id", "acks[0].outcome", "acks[1].message_id",
    ]  # fmt: skip
    _, _, bad = await refused(running.triggers.AckTriggers(service.AckTriggersRequest()))
    assert [one.field for one in bad.field_violations] == ["acks"]
    assert await ack(running, "0" * 32) == service.TRIGGER_MESSAGE_STATE_UNSPECIFIED


async def test_a_server_without_a_storage_says_so(running: Running) -> None:
    """As of all that is kept."""
    request = service.WatchTriggersRequest(consumer="gateway")
    code, info, _ = await refused(running.triggers.WatchTriggers(request).read())
    assert (code, info.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "STORAGE_MISSING")
    acks = [service.TriggerAck(message_id="0" * 32, outcome=SENT)]
    _, info, _ = await refused(running.triggers.AckTriggers(service.AckTriggersRequest(acks=acks)))
    assert info.reason == "STORAGE_MISSING"
