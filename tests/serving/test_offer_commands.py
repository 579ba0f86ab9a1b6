"""`recsys offers` as people use it, against a real server."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.commands import offers
from recsys.errors import InvalidData
from recsys.serving.client_errors import CallRefused
from support.serving import Running

app = typer.Typer(rich_markup_mode="rich")
offers.register(app)

FILE = """
[[offers]]
offer_id = "ten"
title = "Ten per cent off mugs"
percent = 10
currency = "EUR"
categories = ["Home > Kitchen"]
filter = "price < 50"
person_filter = "order_count < 3"
channels = ["store", "web"]
start = "2026-01-01"
end = 2126-01-01T00:00:00Z
hours = [{ from = "22:00", until = "02:00", days = ["fri"] }, { from = "00:00", until = "24:00" }]
value = "5.50"
cost = 1.2
budget = 1000
units = 500
caps = [{ count = 1, days = 7 }]
circles = [[48.4, 10.0, 25.0]]
polygons = [[[-80.0, -179.0], [-80.0, 179.0], [80.0, 179.0], [80.0, -179.0]]]
"""


MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8} UTC"


async def run(running: Running, *words: str | Path) -> Result:
    """Run a command against the server in this process."""
    target = f"127.0.0.1:{running.port}"
    arguments = ["offers", *map(str, words), "--target", target]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments)


async def facts(running: Running, *words: str | Path) -> Any:
    """Run a command; return the JSON that it prints."""
    result = await run(running, *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_a_file_of_offers_is_written_shown_and_used(
    remembering_sqlite: Running, tmp_path: Path
) -> None:
    """From the file to the committed use, and away again."""
    running = remembering_sqlite
    toml = tmp_path / "offers.toml"
    toml.write_text(FILE.replace("polygons", "# polygons"))
    for written, unchanged in ((1, 0), (0, 1)):
        said = await facts(running, "import", toml, "--json")
        assert said == {"written": written, "unchanged": unchanged}
    more = tmp_path / "more.jsonl"
    more.write_text('{"offer_id": "free", "currency": "EUR", "free_delivery": true}\n\n')
    assert "1 offers written" in (await run(running, "import", more)).stdout
    shown = (await facts(running, "show", "ten"))["offer"]
    assert shown["value"] == {"currency_code": "EUR", "units": "5", "nanos": 500_000_000}
    assert shown["hours"][0] == {"start_minute": 1320, "end_minute": 120, "weekdays": [5]}
    assert shown["caps"] == [{"count": 1, "period": "604800s"}]
    listed = (await run(running, "list")).stdout.splitlines()
    assert listed == ["free  free_delivery", "ten  percent_off  Ten per cent off mugs"]
    who = ("--identifier", "loyalty_card=4711", "--channel", "store")
    answer = await run(running, "recommend", *who, "--explain")
    assert answer.stdout.splitlines() == [
        "free    (popularity)  0.00 EUR",
        "- ten  GEOFENCE: where she is is not known",
    ]
    held = ("reserve", "r-1", "free", *who, "--cost", "8.32EUR", "--hold", "60")
    assert (await facts(running, *held, "--json"))["state"] == "RESERVATION_STATE_RESERVED"
    said = (await run(running, *held)).stdout
    assert re.fullmatch(rf"r-1  free  reserved  8.32 EUR  until {MOMENT}\n", said)
    done = await facts(running, "commit", "r-1", "--cost", "8EUR", "--json")
    assert (done["state"], done["cost"]["units"]) == ("RESERVATION_STATE_COMMITTED", "8")
    said = (await run(running, "commit", "r-1")).stdout
    assert re.fullmatch(rf"r-1  free  committed  8 EUR  on {MOMENT}\n", said)
    await run(running, "reserve", "r-2", "free", *who)
    released = await facts(running, "release", "r-2", "--json")
    assert released["state"] == "RESERVATION_STATE_RELEASED"
    assert (await facts(running, "show", "free"))["spend"]["committed_count"] == "1"
    assert "RESERVATION_SETTLED" in str((await run(running, "release", "r-1")).exception)
    said = (await run(running, "release", "r-1", "--returned")).stdout
    assert re.fullmatch(rf"r-1  free  returned  8 EUR  on {MOMENT}\n", said)
    assert "committed_count" not in (await facts(running, "show", "free"))["spend"]
    assert await facts(running, "delete", "free", "ten", "--yes", "--json") == {"deleted": 2}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ('{"offer_id": "x", "currency": "EUR"}', "has 0 benefits"),
        ('{"offer_id": "x", "currency": "EUR", "percent": 5, "points": 5}', "has 2 benefits"),
        ('{"offer_id": "x", "currency": "EUR", "percents": 5}', "percents"),
        ('{"offer_id": "x", "currency": "EUR", "percent": 5, "budget": "1,5"}', "budget is '1,5'"),
        ('{"offer_id": "x", "currency": "EUR", "percent": 5, "cost": "NaN"}', "cost is 'NaN'"),
        ('{"offer_id": "x", "currency": "EUR", "percent": 5, "end": "soon"}', "soon"),
        ('{"offer_id": "x"', "Expecting"),
    ],
    ids=["no benefit", "two", "unknown key", "amount", "no number", "time", "no JSON"],
)
async def test_entries_that_cannot_be_read_are_named(
    remembering_sqlite: Running, tmp_path: Path, entry: str, problem: str
) -> None:
    """With their line; nothing is sent."""
    path = tmp_path / "offers.jsonl"
    path.write_text(entry)
    result = await run(remembering_sqlite, "import", path)
    assert isinstance(result.exception, InvalidData)
    assert problem in str(result.exception)


async def test_what_the_server_refuses_is_said(remembering_sqlite: Running, tmp_path: Path) -> None:
    """By the field of the contract."""
    path = tmp_path / "offers.toml"
    path.write_text(FILE)
    result = await run(remembering_sqlite, "import", path)
    assert isinstance(result.exception, CallRefused)
    assert "date line" in str(result.exception)
