"""`recsys profile` as people use it."""

import asyncio
import json
import stat
from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.commands import profile
from recsys.serving.client_errors import CallRefused
from recsys.v1.event_pb2 import (
    CHANNEL_STORE,
    EVENT_TYPE_PURCHASE_COMPLETE,
    Event,
    ItemLine,
    Money,
)
from recsys.v1.subject_pb2 import Subject
from serving.test_events import view, write
from support.serving import Running

app = typer.Typer(rich_markup_mode="rich")
profile.register(app)

ANNA = "visitor=v-1"


async def run(running: Running, *arguments: str, typed: str = "") -> Result:
    """Run a command against the server in this process."""
    target = f"127.0.0.1:{running.port}"
    return await asyncio.to_thread(
        CliRunner().invoke, app, ["profile", *arguments, "--target", target], input=typed
    )


@pytest.fixture
async def shop(remembering_sqlite: Running) -> Running:
    """A server that knows somebody who has looked and bought."""
    price = Money(currency_code="EUR", units=1_234, nanos=500_000_000)
    bought = Event(
        event_id="b", event_type=EVENT_TYPE_PURCHASE_COMPLETE, subject=Subject(visitor_id="v-1"),
        channel=CHANNEL_STORE, store_id="s-1",
        lines=[ItemLine(item_id="item-3", unit_price=price)],
    )  # fmt: skip
    await write(remembering_sqlite, view("e-1"), view("e-2"), bought)
    return remembering_sqlite


async def test_show_says_what_is_known_in_words(shop: Running) -> None:
    """And in JSON for programs, with nothing left out."""
    shown = await run(shop, "show", ANNA)
    assert shown.exit_code == 0, shown.output
    for words in (
        "visitor=v-1", "first-buyer", "1,234.50 EUR", "detail-page-view 2, purchase-complete 1",
        "s-1 (1 bought, 0 more)", "no consent",
    ):  # fmt: skip
        assert words in shown.output
    facts = json.loads((await run(shop, "show", ANNA, "--json")).output)
    assert facts["lifecycle_stage"] == "LIFECYCLE_STAGE_FIRST_BUYER"
    assert facts["consents"] == []
    unknown = await run(shop, "show", "account=nobody")
    assert "nothing is known" in unknown.output


async def test_consent_is_kept_and_shown(shop: Running) -> None:
    """What is refused first and then granted on one channel, in one command."""
    said = await run(shop, "consent", ANNA, "--deny", "marketing", "--grant", "marketing:email")
    assert said.exit_code == 0, said.output
    lines = [line for line in said.output.splitlines() if line.startswith("marketing")]
    words = [line.split()[:3] for line in lines]
    assert words == [["marketing", "all", "denied"], ["marketing", "email", "granted"]]
    again = json.loads((await run(shop, "consent", ANNA, "--json")).output)
    assert [one["status"] for one in again] == ["CONSENT_STATUS_DENIED", "CONSENT_STATUS_GRANTED"]
    assert again[0]["source"] == "command line"


async def test_export_writes_lines_that_only_the_owner_reads(shop: Running, tmp_path: Path) -> None:
    """To a file, or to the terminal."""
    out = tmp_path / "anna.jsonl"
    told = await run(shop, "export", ANNA, "--out", str(out))
    assert "5 lines" in told.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    printed = await run(shop, "export", ANNA)
    assert printed.output == out.read_text()
    assert [json.loads(line)["record"] for line in out.read_text().splitlines()] == [
        "identifier", "export", "event", "event", "event",
    ]  # fmt: skip
    erased = await run(shop, "erase", ANNA, "--yes")
    assert f"{out.resolve()} (profile of 20" in erased.output


async def test_erase_asks_and_then_reports(shop: Running) -> None:
    """Without a yes, nothing happens."""
    refused = await run(shop, "erase", ANNA, typed="n\n")
    assert refused.exit_code == 1
    assert "3 events for good?" in refused.output
    done = await run(shop, "erase", ANNA, typed="y\n")
    assert "events       3" in done.output
    shown = await run(shop, "show", ANNA)
    assert "erased" in shown.output
    again = await run(shop, "erase", ANNA, "--yes", "--json")
    assert json.loads(again.output)["event_count"] == "0"
    kept = await run(shop, "consent", ANNA, "--deny", "marketing")
    assert "PERSON_ERASED" in str(kept.exception)


async def test_link_joins_and_unlink_parts(shop: Running) -> None:
    """Her card knows what her browser did, until they are parted."""
    card = "loyalty_card=42"
    joined = await run(shop, "link", card, ANNA, "--source", "till")
    assert joined.exit_code == 0, joined.output
    assert joined.output.startswith("profile ")
    known = json.loads((await run(shop, "show", card, "--json")).output)
    assert known["event_count"] == "3"
    why = await run(shop, "links", card)
    for words in (card, ANNA, "explicit", "till", "counts for her from ever to now"):
        assert words in why.output
    parted = await run(shop, "unlink", card, ANNA)
    assert "links forgotten: 1" in parted.output
    assert "still one person" not in parted.output
    facts = json.loads((await run(shop, "unlink", card, ANNA, "--json")).output)
    assert facts["removed_count"] == 0
    assert len(set(facts["profile_ids"])) == 2
    left = json.loads((await run(shop, "show", card, "--json")).output)
    assert left["event_count"] == "0"
    assert "no links" in (await run(shop, "links", card)).output


async def test_links_that_join_nothing_are_shown(shop: Running) -> None:
    """With the limit, and an exit code that scripts see."""
    accounts = [f"account=u-{number}" for number in range(6)]
    refused = await run(shop, "link", *accounts)
    assert refused.exit_code == 1, refused.output
    assert "namespace-limit; kept as evidence" in refused.output
    facts = json.loads((await run(shop, "link", *accounts, "--json")).output)
    assert facts["refused_links"]
    shown = (await run(shop, "links", "account=u-0")).output
    assert "not joined account=u-0 and account=u-4: namespace-limit" in shown


@pytest.mark.parametrize(
    "arguments",
    [("show", "v-1"), ("link", ANNA), ("unlink", ANNA, ANNA), ("links", "v-1"),
     ("consent", ANNA, "--grant", "spying"),
     ("consent", ANNA, "--grant", "marketing:pigeon")],
    ids=["no namespace", "one alone", "twice the same", "links of none", "unknown purpose",
         "unknown channel"],
)  # fmt: skip
async def test_badly_typed_arguments_are_usage_errors(
    shop: Running, arguments: tuple[str, ...]
) -> None:
    """Before anything is sent."""
    assert (await run(shop, *arguments)).exit_code == 2


async def test_what_the_server_refuses_is_said(shop: Running) -> None:
    """With the field that is wrong."""
    result = await run(shop, "show", f"account={'x' * 300}")
    assert isinstance(result.exception, CallRefused)
    assert "subject.identifiers[0].value has 300 bytes" in str(result.exception)
