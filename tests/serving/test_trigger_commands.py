"""`recsys triggers` as people use it, and the example of its page."""

import asyncio
import json
import re
from pathlib import Path

import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.commands import triggers
from recsys.errors import InvalidConfig
from serving.test_events import write
from serving.test_offers import offer, upsert
from serving.test_triggers import Serve, allow, visit
from support.serving import Running

app = typer.Typer(rich_markup_mode="rich")
triggers.register(app)


async def run(running: Running, *words: str) -> Result:
    """Run a command against a server in this process."""
    arguments = ["triggers", *words, "--target", f"127.0.0.1:{running.port}"]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


def example(repo_root: Path) -> tuple[str, str]:
    """The file of the page and what is said of it."""
    page = (repo_root / "docs" / "triggers.md").read_text("utf-8")
    blocks = dict(reversed(re.findall(r"^```(\w*)\n(.*?)^```\n", page, re.MULTILINE | re.DOTALL)))
    return blocks["toml"], blocks[""]


def test_the_example_of_the_page_is_right(repo_root: Path, tmp_path: Path) -> None:
    """The file is one, and what the command says of it is what the page says."""
    rules, said = example(repo_root)
    path = tmp_path / "triggers.toml"
    path.write_text(rules)
    result = CliRunner().invoke(app, ["triggers", "check", str(path)])
    assert result.stdout == said
    result = CliRunner().invoke(app, ["triggers", "check", str(path), "--json"])
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(one["name"], one["after_minutes"]) for one in found] == [("welcome", 0), ("cart", 45)]


def test_wrong_files_are_refused_by_trigger_and_key(tmp_path: Path) -> None:
    """As the server refuses them, which goes on with those before."""
    path = tmp_path / "triggers.toml"
    cases = {
        '[a]\non = "store-visit"': "channel",
        '[A]\non = "store-visit"\nchannel = "push"': "[A] is no name",
        '[a]\non = "visit"\nchannel = "push"': "visit",
        '[a]\non = "store-visit"\nchannel = "push"\nafter_minutes = 1': "a visit counts at once",
        '[a]\non = "store-visit"\nchannel = "push"\noffer = "never"': "is an offer, or empty",
        '[a]\non = "store-visit"\nchannel = "push"\nexpires_minutes = 0': "allowed above 0",
        '[a]\non = "store-visit"\nchannel = "push"\nholdout_share = 1.5': "allowed 0 to 1",
        '[a]\non = "cart-left"\nchannel = "push"\nstores = ["s"]': "is for visits",
        '[a]\non = "cart-left"\nchannel = "push"\nafter_minutes = nan': "after_minutes is nan",
        '[a]\non = "cart-left"\nchannel = "push"\nagain_hours = 1e9': "again_hours is 1e+09",
        '[a]\non = "cart-left"\nchannel = "push"\noffer = "never"\noffers = ["x"]': "names offers",
        '[a]\non = "cart-left"\nchannel = "push"\nplacement = "No"': "placement is 'No'",
        '[a]\non = "cart-left"\nchannel = "push"\nsurprise = 1': "surprise",
        '[a]\non = "store-visit"\nchannel = "push"\noffers = [""]': "has an empty entry",
        '[a]\non = "store-visit"\nchannel = "sms"\naddress_namespaces = ["Phone"]': "'Phone'",
    }
    for text, problem in cases.items():
        path.write_text(text)
        result = CliRunner().invoke(app, ["triggers", "check", str(path)])
        assert isinstance(result.exception, InvalidConfig), text
        assert problem in str(result.exception), text
    result = CliRunner().invoke(app, ["triggers", "check", str(tmp_path / "none.toml")])
    assert isinstance(result.exception, InvalidConfig)


async def test_messages_are_taken_and_acknowledged(serve_sqlite: Serve, repo_root: Path) -> None:
    """The story of the page, from the file to the message that was sent."""
    async with serve_sqlite(example(repo_root)[0]) as (one, _):
        await upsert(one, offer("ten-mugs", title="Ten per cent off mugs"), offer("other"))
        await allow(one)
        await write(one, visit("door"))
        result = await run(one, "watch", "push-gateway", "--channel", "push", "-n", "1", "--json")
        message = json.loads(result.stdout)
        assert (message["trigger"], message["offer"]["offer_id"]) == ("welcome", "ten-mugs")
        message_id = message["message_id"]
        result = await run(one, "ack", "--released", message_id)
        assert result.stdout == f"{message_id}  pending\n"
        result = await run(one, "watch", "me", "--ack", "-n", "1")
        key, name = "trigger.store_visit_offer", "account=anna"
        assert result.stdout == (f"{message_id}  welcome  {key}  {name}  Ten per cent off mugs\n")
        result = await run(one, "ack", message_id)
        assert result.stdout == f"{message_id}  sent\n"
        result = await run(one, "ack", "--refused", "--released", message_id)
        assert result.exit_code == 2
        result = await run(one, "ack", "no-such-message")
        assert result.stdout == "no-such-message  unknown\n"
