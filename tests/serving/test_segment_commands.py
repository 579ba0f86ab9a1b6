"""`recsys segment` and `recsys audience` as people use them, against a real server."""

import asyncio
import json

import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.commands import segment
from serving.test_campaigns import allow, arrive, mailed, user
from support.serving import Running

app = typer.Typer()
segment.register(app)


async def run(running: Running, *words: str) -> Result:
    """Run a command against the server in this process."""
    arguments = [*words, "--target", f"127.0.0.1:{running.port}"]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def test_a_segment_is_saved_counted_and_deleted(remembering_sqlite: Running) -> None:
    """By its name."""
    shop = remembering_sqlite
    await arrive(shop, [mailed("anna"), user("ben")])
    known = 'known_by = "email_sha256"'
    assert (await run(shop, "segment", "save", "mailed", known)).exit_code == 0
    assert (await run(shop, "segment", "list")).stdout == f"mailed\t{known}\n"
    assert (await run(shop, "segment", "size", "mailed")).stdout == "1 people\n"
    everybody = await run(shop, "segment", "size", "--json")
    assert json.loads(everybody.stdout) == {"people": 2, "low": 2, "high": 2, "exact": True}
    assert (await run(shop, "segment", "delete", "mailed")).stdout == "1 segments deleted\n"


async def test_a_segment_and_a_filter_together_are_refused(remembering_sqlite: Running) -> None:
    """For it is not clear who is meant."""
    people = ["--people", 'known_by = "email_sha256"']
    for words in (["segment", "size", "mailed"], ["audience", "item-8", "--segment", "mailed"]):
        found = await run(remembering_sqlite, *words, *people)
        assert found.exit_code == 2
        assert "--people goes without" in found.output


async def test_an_audience_is_listed_the_best_first(remembering_sqlite: Running) -> None:
    """On a channel, of those who allow it."""
    shop = remembering_sqlite
    await arrive(shop, map(mailed, ["anna", "ben", "cleo", "dora"]))
    await allow(shop, "anna", "ben")
    found = await run(shop, "audience", "item-8", "--json")
    scores = [json.loads(line)["score"] for line in found.stdout.splitlines()]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)
    mail = await run(shop, "audience", "item-8", "--channel", "email", "--json")
    named = {json.loads(line)["identifiers"][0] for line in mail.stdout.splitlines()}
    assert named == {"account=anna", "account=ben"}
