"""Baskets, purchases, trends and explanations over the wire, on several servers."""

import time
from typing import Any

import pytest

from recsys.domain import EventType, ItemEvent, ItemId, ReasonKind, ShortfallCause
from recsys.serving.client_widgets import Basket, BuyAgain, Recommended, Similar, Trending
from recsys.v1 import event_pb2
from recsys.v1.event_service_pb2 import WriteEventRequest
from recsys.v1.subject_pb2 import Subject
from support.asking import asked, views
from support.serving import Running


async def bought(running: Running, row: int, *, kind: str = "PURCHASE_COMPLETE") -> None:
    """Write that Anna did something with an item just now."""
    event = event_pb2.Event(
        event_id=f"{kind}-{time.time_ns()}",
        event_type=f"EVENT_TYPE_{kind}",
        subject=Subject(user_id="anna"),
        lines=[event_pb2.ItemLine(item_id=f"item-{row}")],
    )
    event.event_time.GetCurrentTime()
    await running.events.WriteEvent(WriteEventRequest(event=event))


async def test_a_basket_is_completed_and_purchases_come_back_on_every_server(
    remembering: tuple[Running, Running],
) -> None:
    """What she puts there on one server counts in the next answer of the other."""
    one, other = remembering
    await bought(one, 2, kind="ADD_TO_CART")
    await bought(one, 7)
    stored = await asked(other, lambda client: client.complete_basket(user_id="anna"))
    assert [result.item_id for result in stored.results][:2] == ["item-4", "item-6"]
    reason = stored.results[0].reason
    assert (reason.kind, reason.goes_with) == (ReasonKind.COMPLEMENT, "item-2")
    assert stored.results[2].reason.kind is ReasonKind.POPULAR
    given = await asked(other, lambda client: client.complete_basket(["item-3"], user_id="anna"))
    assert given.results[0].reason.goes_with == "item-3"
    (again,) = (await asked(other, lambda client: client.buy_again(user_id="anna"))).results
    assert again.item_id == "item-7"
    assert again.reason.kind is ReasonKind.BUY_AGAIN
    assert again.reason.purchase_time == pytest.approx(time.time(), abs=60.0)
    assert again.reason.usual_days == pytest.approx(14.0)
    await bought(other, 7, kind="RETURN")
    empty = await asked(one, lambda client: client.buy_again(user_id="anna", result_count=3))
    assert dict(empty.shortfall.parts) == {ShortfallCause.HISTORY: 3}
    slots = (Basket(item_ids=["item-2"], result_count=2), BuyAgain(), Basket(add_stored=True))
    replies = await asked(one, lambda client: client.page(slots, user_id="anna"))
    assert [one.item_id for one in replies[0].results] == ["item-4", "item-6"]
    assert not {"item-2", "item-4", "item-6"} & {one.item_id for one in replies[2].results}


async def test_what_many_people_look_at_rises_on_every_server(
    remembering: tuple[Running, Running],
) -> None:
    """With the next answer, wherever it was written; what one person does a hundred times does not."""
    one, other = remembering

    async def viewed(row: int, person: str, number: int = 0) -> None:
        event = event_pb2.Event(
            event_id=f"{row}-{person}-{number}",
            event_type=event_pb2.EVENT_TYPE_DETAIL_PAGE_VIEW,
            channel=event_pb2.CHANNEL_STORE,
            store_id="s-1",
            subject=Subject(visitor_id=person),
            lines=[event_pb2.ItemLine(item_id=f"item-{row}")],
        )
        # Everything but item 9 is as usual: three days ago already.
        age = 0 if row == 9 or number else 3 * 86_400
        event.event_time.FromSeconds(int(time.time()) - age)
        await one.events.WriteEvent(WriteEventRequest(event=event))

    slots = (Trending(placement="now", result_count=1), Trending(result_count=2))

    def rising(reply: Any) -> list[str]:
        return [
            result.item_id for result in reply.results if result.reason.kind is ReasonKind.TRENDING
        ]

    for row in range(3):
        for person in range(4):
            await viewed(row, f"v{person}")
    first = await asked(other, lambda client: client.trending(store_id="s-1", result_count=3))
    assert rising(first) == []
    assert [result.item_id for result in first.results] == ["item-5", "item-6", "item-0"]
    for number in range(1, 30):
        await viewed(3, "v1", number)
    for person in range(20):
        await viewed(9, f"w{person}")
    for server in (other, one):
        reply = await asked(server, lambda client: client.trending(store_id="s-1", result_count=3))
        assert rising(reply) == ["item-9"]
        assert reply.results[0].reason.store_id == "s-1"
        replies = await asked(server, lambda client: client.page(slots))
        assert [rising(slot) for slot in replies] == [["item-9"], []]


async def test_answers_are_explained_where_that_is_asked_for(running: Running) -> None:
    """In every response, and for each slot; parts add up, and keys say what she did."""
    recent = (*views(0), ItemEvent(item_id=ItemId("item-2"), event_type=EventType.PURCHASE_COMPLETE,
                                   channel=None, event_time=time.time()))  # fmt: skip
    more = {"recent_events": recent, "explain": True, "result_count": 3}
    reply = await asked(running, lambda client: client.recommend(**more, include_seen=True))
    assert len(reply.explanation.results) == 3
    for result, split in zip(reply.results, reply.explanation.results, strict=True):
        assert split.item_id == result.item_id
        assert sum(part.value for part in split.score_parts) == pytest.approx(result.score)
        keys = {one.item_id: one.message_key for one in split.influences}
        assert keys["item-2"] == "reason.because_you_bought"
    assert reply.results[0].reason.contact is EventType.PURCHASE_COMPLETE
    without = await asked(running, lambda client: client.recommend(recent_events=recent))
    assert without.explanation is None
    for name, given in (
        ("similar", ("item-1",)), ("recently_viewed", ()), ("complete_basket", (["item-2"],)),
        ("buy_again", ()), ("trending", ()),
    ):  # fmt: skip
        answer = await asked(
            running,
            lambda client, name=name, given=given: getattr(client, name)(
                *given, **more, excluded=["item-9"]
            ),
        )
        assert len(answer.explanation.results) == len(answer.results) > 0
    ranked = await asked(
        running, lambda client: client.rank(["item-4", "new"], recent_events=recent, explain=True)
    )
    assert ranked.unknown == ("new",)
    assert ranked.explanation.results[0].influences
    slots = (Recommended(result_count=2), Similar(item_id="new"))
    replies = await asked(running, lambda client: client.page(slots, explain=True))
    assert [len(one.explanation.results) for one in replies] == [2, 0]
