"""All lists go on page by page, over the wire and on the command line."""

import asyncio
import json
from typing import Any

import grpc.aio
import pytest
import typer
from google.rpc.error_details_pb2 import BadRequest
from grpc_status import rpc_status
from typer.testing import CliRunner

from recsys.commands import ask
from recsys.v1 import recommendation_service_pb2 as pb2
from support.serving import Running, SyncError

BOUGHT = ("--recent", "buy:item-5", "--recent", "buy:item-6", "--recent", "buy:item-7")
COMMANDS = [
    ("recommend",),
    ("similar", "item-1"),
    ("trending",),
    ("basket", "item-2"),
    ("buy-again", *BOUGHT),
    ("recently-viewed", "--type", "purchase-complete", *BOUGHT),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
async def test_commands_go_on_with_the_token_of_the_page_before(
    running: Running, command: tuple[str, ...]
) -> None:
    """No item comes twice, and both pages together are the long one."""
    app = typer.Typer(rich_markup_mode="rich")
    ask.register(app)

    async def page(count: int, token: str = "") -> tuple[list[str], str]:
        arguments = [*command, "--json", "--target", f"127.0.0.1:{running.port}"]
        arguments += ["-k", str(count), "--page-token", token]
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        assert result.exit_code == 0, result.output
        answer = json.loads(result.output)
        found = [one["item_id"] for one in answer["results"]]
        return found, answer.get("next_page_token", "")

    first, token = await page(1)
    second, last = await page(2, token)
    assert len(first) == 1
    assert len(second) == 2
    assert last
    assert first + second == (await page(3))[0]


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Recommend", pb2.RecommendRequest()),
        ("SimilarItems", pb2.SimilarItemsRequest(item_id="item-1")),
        ("Trending", pb2.TrendingRequest()),
        ("CompleteBasket", pb2.CompleteBasketRequest(item_ids=["item-2"])),
        ("BuyAgain", pb2.BuyAgainRequest()),
        ("RecentlyViewed", pb2.RecentlyViewedRequest()),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
async def test_wrong_page_tokens_are_named_whatever_is_asked(
    running: Running, method: str, request_: Any
) -> None:
    """Those that are none, and those of another call, each under its field."""
    ask_for = getattr(running.recommendation, method)
    trending = await running.recommendation.Trending(pb2.TrendingRequest(page_size=1))
    similar = await running.recommendation.SimilarItems(
        pb2.SimilarItemsRequest(item_id="item-1", page_size=1)
    )
    other = similar if method == "Trending" else trending
    for token, text in (
        ("hello", "is not a token of this service"),
        (other.next_page_token, "is of another question"),
        ("A" * 5_401, "allowed 0 to 5400"),
    ):
        request_.page_token = token
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await ask_for(request_)
        assert text in violations(caught.value)["page_token"]


def violations(error: grpc.aio.AioRpcError) -> dict[str, str]:
    """Read the wrong fields out of an error."""
    status = rpc_status.from_call(SyncError(error))
    wrong = BadRequest()
    assert status is not None
    for detail in status.details:
        if detail.Unpack(wrong):
            break
    return {one.field: one.description for one in wrong.field_violations}
