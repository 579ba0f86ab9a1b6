"""Widgets over the wire: answers, tokens, and every wrong field under its path."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import grpc
import grpc.aio
import pytest
import typer
from google.rpc.error_details_pb2 import BadRequest
from grpc_status import rpc_status
from typer.testing import CliRunner

from recsys import limits
from recsys.commands import ask
from recsys.domain import EventType, ReasonKind, ShortfallCause
from recsys.recommend import ServingModel
from recsys.recommend.attribution import decode_token
from recsys.rules import Boost, Rules
from recsys.serving.client_widgets import (
    RecentlyViewed,
    Recommended,
    Similar,
)
from recsys.v1 import event_pb2
from recsys.v1.context_pb2 import Context
from recsys.v1.event_service_pb2 import WriteEventRequest
from recsys.v1.recommendation_service_pb2 import (
    BasketContent,
    BuyAgainRequest,
    CompleteBasketRequest,
    RankItemsRequest,
    RecentlyViewedContent,
    RecentlyViewedRequest,
    RecommendPageRequest,
    SimilarContent,
    Slot,
    TrendingRequest,
)
from recsys.v1.rules_pb2 import Rules as SentRules
from recsys.v1.subject_pb2 import Subject
from support.asking import asked, views
from support.serving import Running, SyncError


async def test_hits_of_a_search_come_back_in_her_order(running: Running) -> None:
    """Those of her world first, with the scores of Recommend; unknown ones are named."""
    hits = [f"item-{row}" for row in (1, 6, 3, 2, 4)]
    ranked = await asked(
        running, lambda client: client.rank([*hits, "new"], recent_events=views(0, 2))
    )
    plain = await asked(
        running, lambda client: client.recommend(recent_events=views(0, 2), result_count=40)
    )
    assert [one.item_id for one in ranked.results][:3] == ["item-2", "item-4", "item-6"]
    scores = {one.item_id: one for one in plain.results}
    for one in ranked.results:
        if one.item_id in scores:
            assert one.score == pytest.approx(scores[one.item_id].score, rel=1e-6)
            assert one.reason == scores[one.item_id].reason
    assert ranked.unknown == ("new",)
    assert dict(ranked.shortfall.parts) == {ShortfallCause.CATALOG: 1}
    assert decode_token(ranked.attribution_token).model_version == ranked.model_version == "v1"


async def test_a_thousand_items_are_ranked(running: Running) -> None:
    """The largest list that may be sent."""
    ids = [f"item-{row}" for row in range(limits.RANK_COUNT_MAX)]
    answer = await asked(running, lambda client: client.rank(ids))
    assert len(answer.results) == 40
    assert len(answer.unknown) == limits.RANK_COUNT_MAX - 40


async def test_what_is_written_was_looked_at_in_the_next_answer(
    remembering: tuple[Running, Running],
) -> None:
    """On the other server too, the latest first."""
    one, other = remembering
    for row in (3, 8, 3, 5):
        event = event_pb2.Event(
            event_id=f"view-{time.time_ns()}",
            event_type=event_pb2.EVENT_TYPE_DETAIL_PAGE_VIEW,
            subject=Subject(user_id="anna"),
            lines=[event_pb2.ItemLine(item_id=f"item-{row}")],
        )
        event.event_time.GetCurrentTime()
        await one.events.WriteEvent(WriteEventRequest(event=event))
        answer = await asked(other, lambda client: client.recently_viewed(user_id="anna"))
        assert answer.results[0].item_id == f"item-{row}"
    assert [result.item_id for result in answer.results] == ["item-5", "item-3", "item-8"]
    assert {result.reason.kind for result in answer.results} == {ReasonKind.RECENTLY_VIEWED}
    bought = await asked(
        other,
        lambda client: client.recently_viewed(
            user_id="anna", event_types=[EventType.PURCHASE_COMPLETE], result_count=4
        ),
    )
    assert dict(bought.shortfall.parts) == {ShortfallCause.HISTORY: 4}


async def test_a_page_has_a_list_and_a_token_for_each_slot(running: Running) -> None:
    """No item twice; an item that the model does not know empties its slot only."""
    slots = (
        RecentlyViewed(placement="seen", result_count=2),
        Recommended(
            placement="home",
            result_count=4,
            include_seen=True,
            rules=Rules(boosts=(Boost(filter="brand = b1", factor=2.0),)),
        ),
        Similar(item_id="item-1", placement="more", result_count=3),
        Similar(item_id="new", result_count=3),
    )
    replies = await asked(running, lambda client: client.page(slots, recent_events=views(0, 2)))
    found = [[one.item_id for one in reply.results] for reply in replies]
    assert found == [
        ["item-2", "item-0"],
        ["item-4", "item-6", "item-8", "item-10"],
        ["item-3", "item-5", "item-7"],
        [],
    ]
    tokens = [decode_token(reply.attribution_token) for reply in replies]
    assert [token.placement for token in tokens] == ["seen", "home", "more", "default"]
    assert {reply.model_version for reply in replies} == {"v1"}
    assert [reply.shortfall is None for reply in replies] == [True, True, True, False]
    assert running.counted("recsys_results_total", reason="recently-viewed") == 2


WRONG: Sequence[tuple[str, Any, dict[str, str]]] = [
    ("RankItems", RankItemsRequest(), {"item_ids": "has 0 entries; allowed 1 to 1000"}),
    (
        "RankItems",
        RankItemsRequest(item_ids=["a"] * 1_001),
        {"item_ids": "has 1001 entries; allowed 1 to 1000"},
    ),
    (
        "RankItems",
        RankItemsRequest(
            item_ids=["a", "", "b\n"],
            placement="Search",
            rules=SentRules(filter="prise < 1"),
            context=Context(buyer_age=200),
        ),
        {"item_ids[1]": "", "item_ids[2]": "U+000A", "placement": "'Search'",
         "rules.filter": "column 1", "context.buyer_age": "is 200"},
    ),
    (
        "RecentlyViewed",
        RecentlyViewedRequest(event_types=[1, 9, 77], page_size=-1),  # type: ignore[list-item]  # wrong on purpose
        {"event_types[1]": "is 9; allowed 1, 3, 5, 6, 8, 10", "event_types[2]": "is 77",
         "page_size": "is -1"},
    ),
    (
        "RecentlyViewed",
        RecentlyViewedRequest(event_types=[1] * 17),  # type: ignore[list-item]  # as above
        {"event_types": "has 17 entries; allowed 0 to 16"},
    ),
    (
        "CompleteBasket",
        CompleteBasketRequest(item_ids=["a"] * 201, page_size=-1),
        {"item_ids": "has 201 entries; allowed 0 to 200", "page_size": "is -1"},
    ),
    ("BuyAgain", BuyAgainRequest(page_size=-1), {"page_size": "is -1"}),
    ("Trending", TrendingRequest(placement="A"), {"placement": "'A'"}),
    ("RecommendPage", RecommendPageRequest(), {"slots": "is missing; allowed 1 to 10"}),
    (
        "RecommendPage",
        RecommendPageRequest(slots=[Slot()] * 11),
        {"slots": "has 11 entries; allowed 0 to 10"},
    ),
    (
        "RecommendPage",
        RecommendPageRequest(
            slots=[
                Slot(page_size=-2),
                Slot(placement="A", rules=SentRules(diversity=2.0)),
                Slot(similar=SimilarContent()),
                Slot(basket=BasketContent(item_ids=["a", ""])),
                Slot(recently_viewed=RecentlyViewedContent(event_types=[2])),  # type: ignore[list-item]  # as above
            ],
            exclude_item_ids=[""],
        ),
        {
            "slots[0].page_size": "is -2",
            "slots[1].placement": "'A'",
            "slots[1].rules.diversity": "is 2; allowed 0 to 1",
            "slots[2].similar.item_id": "has 0 bytes",
            "slots[3].basket.item_ids[1]": "has 0 bytes",
            "slots[4].recently_viewed.event_types[0]": "is 2",
            "exclude_item_ids[0]": "has 0 bytes",
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("method", "request_", "found"), WRONG)
async def test_wrong_fields_of_widgets_are_named(
    running: Running, method: str, request_: Any, found: dict[str, str]
) -> None:
    """All of them at once, with what is allowed."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await getattr(running.recommendation, method)(request_)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    said = violations(caught.value)
    assert said.keys() == found.keys()
    for field, text in found.items():
        assert text in said[field]


def violations(error: grpc.aio.AioRpcError) -> dict[str, str]:
    """What is wrong, by field."""
    status = rpc_status.from_call(SyncError(error))
    bad = BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    return {one.field: one.description for one in bad.field_violations}


async def test_a_slot_that_needs_a_store_says_so(running: Running) -> None:
    """The context is the page's, and so is the field."""
    slots = [Slot(), Slot(rules=SentRules(in_stock="STOCK_RULE_STORE"))]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await running.recommendation.RecommendPage(RecommendPageRequest(slots=slots))
    assert violations(caught.value).keys() == {"context.store_id"}


async def test_widgets_leave_the_loop_for_large_models(
    running: Running,
    make_model: Callable[..., ServingModel],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answers are the same from a thread."""
    quick = await asked(running, lambda client: client.rank(["item-1", "item-2"]))
    monkeypatch.setattr(limits, "INLINE_SCAN_SIZE_MAX", 0)
    await running.server.serve_model(make_model("large"))
    slow = await asked(running, lambda client: client.rank(["item-1", "item-2"]))
    assert slow.results == quick.results
    assert slow.model_version == "large"


async def test_commands_of_widgets_print_answers(running: Running) -> None:
    """In words and as JSON."""
    app = typer.Typer(rich_markup_mode="rich")
    ask.register(app)
    target = ("--target", f"127.0.0.1:{running.port}")

    async def run(*arguments: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, *target])
        assert result.exit_code == 0, result.output
        return result.output

    words = await run("rank", "item-1", "item-2", "new", "--recent", "view:item-0")
    assert words.index("item-2") < words.index("item-1")
    assert "unknown to the model: new" in words
    ranked = json.loads(await run("rank", "item-1", "new", "--json"))
    assert ranked["unknown"] == ["new"]
    words = await run("recently-viewed", "--recent", "view:item-5", "--recent", "cart:item-6")
    assert "contact with it not long ago" in words
    assert "9 fewer than asked for: 9 more than is known of the person" in words
    page = ("page", "recently-viewed", "more=similar:item-1", "home=recommended", "-k", "2")
    words = await run(*page, "--recent", "view:item-3")
    assert words.index("item-3") < words.index("more=similar:item-1") < words.index("item-5")
    words = await run("recommend", "--recent", "buy:item-2", "--explain", "--exclude", "item-9")
    assert "thanks to" in words
    assert "left out: 1 excluded by the request" in words
    as_json = json.loads(await run("recommend", "--recent", "buy:item-2", "--explain", "--json"))
    assert as_json["results"][0]["message_key"] == "reason.because_you_bought"
    assert len(as_json["explanation"]["results"]) == 10
    words = await run("basket", "item-2", "-k", "3")
    assert "goes with item-2" in words
    words = await run("buy-again", "--recent", "buy:item-5", "-k", "3")
    assert "usually every 14 days" in words
    assert "popular" in await run("trending", "-k", "3")
    page = (*page, "trending", "basket:item-2,item-3", "buy-again")
    slots = json.loads(await run(*page, "--json"))
    assert [len(slot["results"]) for slot in slots] == [0, 2, 2, 2, 2, 0]
    assert slots[4]["results"][0]["goes_with"] == "item-2"
    first = json.loads(await run("recommend", "-k", "3", "--json"))
    more = await run("recommend", "-k", "3", "--json", "--page-token", first["next_page_token"])
    assert [one["item_id"] for one in json.loads(more)["results"]] == ["item-3", "item-4", "item-5"]
    carts = ("--recent", "cart:item-6", "--type", "add-to-cart", "--json")
    seen = json.loads(await run("recently-viewed", *carts))
    assert [one["item_id"] for one in seen["results"]] == ["item-6"]


def test_slots_that_nobody_knows_are_named() -> None:
    """With what there is."""
    app = typer.Typer(rich_markup_mode="rich")
    ask.register(app)
    for slot in ("home=reccomended", "similar", "recommended:item-3"):
        result = CliRunner().invoke(app, ["page", slot])
        assert result.exit_code == 2
        assert "similar:ITEM" in result.output


async def test_similar_items_are_asked_for_somebody(
    remembering: tuple[Running, Running],
) -> None:
    """What she put into her basket on one server is left out on the other."""
    one, other = remembering
    event = event_pb2.Event(
        event_id="cart-1",
        event_type=event_pb2.EVENT_TYPE_ADD_TO_CART,
        subject=Subject(user_id="anna"),
        lines=[event_pb2.ItemLine(item_id="item-4")],
    )
    event.event_time.GetCurrentTime()
    await one.events.WriteEvent(WriteEventRequest(event=event))
    rules = Rules(exclude_basket=True)
    for user_id, has_it in (("anna", False), ("", True)):
        answer = await asked(
            other,
            lambda client, user_id=user_id: client.similar("item-2", user_id=user_id, rules=rules),
        )
        assert ("item-4" in {result.item_id for result in answer.results}) is has_it


async def test_pages_go_on_at_any_server_and_never_repeat(
    remembering: tuple[Running, Running],
) -> None:
    """What is bought between two pages changes the rest, and brings nothing back."""
    shown: list[str] = []
    token = ""
    for page in range(4):
        running = remembering[page % 2]
        answer = await asked(
            running,
            lambda client, token=token: client.recommend(
                user_id="anna", result_count=9, page_token=token
            ),
        )
        shown += [one.item_id for one in answer.results]
        assert len(set(shown)) == len(shown) == 9 * (page + 1)
        token = answer.next_page_token
        event = event_pb2.Event(
            event_id=f"buy-{page}",
            event_type=event_pb2.EVENT_TYPE_PURCHASE_COMPLETE,
            subject=Subject(user_id="anna"),
            lines=[event_pb2.ItemLine(item_id=shown[-1])],
        )
        event.event_time.GetCurrentTime()
        await running.events.WriteEvent(WriteEventRequest(event=event))
    last = await asked(
        remembering[0],
        lambda client: client.recommend(user_id="anna", result_count=9, page_token=token),
    )
    assert len(last.results) == 4
    assert not last.next_page_token
    assert dict(last.shortfall.parts)[ShortfallCause.SHOWN] == 32
