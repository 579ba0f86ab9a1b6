"""`recsys catalog` as people use it, against a real server."""

import asyncio
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.commands import catalog
from recsys.serving.client_errors import CallFailed, CallRefused
from support.serving import Running

app = typer.Typer(rich_markup_mode="rich")
catalog.register(app)

FEED = """id\ttitle\tprice\tlink\tproduct_type\tcolor\tgtin
mug\tMug ☕\t12.50 EUR\thttps://shop.example/mug\tHome > Kitchen\tred|blue\t4006381333931
cup\tCup\t9 EUR\t\t\t\t
"""


async def run(running: Running, *words: str | Path, typed: str = "") -> Result:
    """Run a command against the server in this process."""
    target = f"127.0.0.1:{running.port}"
    arguments = ["catalog", *map(str, words), "--target", target]
    return await asyncio.to_thread(CliRunner().invoke, app, arguments, input=typed)


async def facts(running: Running, *words: str | Path, code: int = 0) -> dict[str, Any]:
    """Run a command; return the JSON that it prints."""
    result = await run(running, *words, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    """Write JSON lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    """A product feed as advertisers know it."""
    path = tmp_path / "feed.tsv"
    path.write_text(FEED)
    return path


async def test_a_feed_is_imported_by_its_preset(remembering_sqlite: Running, feed: Path) -> None:
    """Again without a change; columns that nobody knows are named."""
    running = remembering_sqlite
    result = await run(running, "import", feed, "--preset", "google-merchant")
    assert result.exit_code == 0, result.output
    assert "2 items written, 0 unchanged, 0 refused" in result.stdout
    assert "columns that were not used: gtin" in result.stderr
    again = await facts(running, "import", feed, "--preset", "google-merchant")
    assert (again["written"], again["unchanged"]) == (0, 2)
    shown = await facts(running, "show", "mug")
    assert shown == {
        "item": {
            "item_id": "mug",
            "title": "Mug ☕",
            "category_paths": ["Home > Kitchen"],
            "prices": [{"amount": {"currency_code": "EUR", "units": "12", "nanos": 500_000_000}}],
            "page_url": "https://shop.example/mug",
            "attributes": {"color": {"texts": ["red", "blue"]}},
        },
        "stock": [],
    }


async def test_everything_that_an_item_has_can_be_in_a_file(
    remembering_sqlite: Running, tmp_path: Path
) -> None:
    """And is shown to people."""
    path = lines(
        tmp_path / "items.jsonl",
        {
            "item_id": "mug",
            "title": "Mug",
            "category_paths": ["Home > Kitchen", "Gifts"],
            "brand": "Pott",
            "prices": [{"amount": 9.5, "start_time": "2026-01-01", "end_time": "2090-01-01"}],
            "attributes": {"color": "red", "litres": [0.3, 0.5], "dishwasher": True},
            "available_start_time": "2026-01-01T00:00:00Z",
            "release_time": 1_700_000_000,
            "primary_item_id": "cup",
            "age_years_min": 18,
            "margin": 3.25,
        },
    )
    running = remembering_sqlite
    found = await facts(running, "import", path, "--currency", "EUR")
    assert found["written"] == 1
    item = (await facts(running, "show", "mug"))["item"]
    assert item["attributes"] == {
        "color": {"texts": ["red"]},
        "litres": {"numbers": [0.3, 0.5]},
        "dishwasher": {"texts": ["true"]},
    }
    assert item["prices"][0]["end_time"] == "2090-01-01T00:00:00Z"
    assert (item["margin"], item["release_time"]) == (3.25, "2023-11-14T22:13:20Z")
    shown = (await run(running, "show", "mug")).stdout
    for words in ("Home > Kitchen", "9.5 EUR", "3.25", "red", "0.3, 0.5", "variant of", "from 18"):
        assert words in shown
    assert "last written" in shown


async def test_parts_of_items_come_from_files_that_have_no_more(
    remembering_sqlite: Running, feed: Path, tmp_path: Path
) -> None:
    """Prices alone, of our own column names; without --partial the rest would go."""
    running = remembering_sqlite
    await run(running, "import", feed, "--preset", "google-merchant")
    prices = tmp_path / "prices.csv"
    prices.write_text("sku,gross\nmug,10\n")
    words = ["import", prices, "--map", "sku=item_id", "--map", "gross=price", "--currency", "EUR"]
    assert (await facts(running, *words, "--partial"))["written"] == 1
    item = (await facts(running, "show", "mug"))["item"]
    assert (item["title"], item["prices"][0]["amount"]["units"]) == ("Mug ☕", "10")
    assert (await facts(running, *words))["written"] == 1
    assert "title" not in (await facts(running, "show", "mug"))["item"]


async def test_a_replacement_deletes_the_others_and_never_most_of_them(
    remembering_sqlite: Running, tmp_path: Path
) -> None:
    """Unless it is allowed."""
    running = remembering_sqlite
    items = lines(tmp_path / "items.jsonl", *({"item_id": f"i{n}"} for n in range(10)))
    await run(running, "import", items)
    few = lines(tmp_path / "few.jsonl", *({"item_id": f"i{n}"} for n in range(4)))
    refused = await run(running, "import", few, "--replace")
    assert isinstance(refused.exception, CallFailed)
    assert refused.exception.server_reason == "FEED_TOO_SMALL"
    assert len((await run(running, "list", "--all", "--json")).stdout.splitlines()) == 10
    found = await facts(running, "import", few, "--replace", "--allow-empty")
    assert (found["unchanged"], found["deleted"]) == (4, 6)


async def test_a_wrong_item_is_named_and_the_others_are_written(
    remembering_sqlite: Running, tmp_path: Path
) -> None:
    """With the exit code of something that was refused."""
    path = lines(
        tmp_path / "items.jsonl",
        {"item_id": "a", "title": "x" * 10_000},
        {"title": "nameless"},
        {"item_id": "b", "price": "-1", "currency": "EUR"},
        {"item_id": "c"},
        {"item_id": "c", "title": "later"},
    )
    found = await facts(remembering_sqlite, "import", path, code=1)
    assert (found["written"], found["refused"]) == (2, 3)
    assert found["refusals"][0].startswith("a: title has 10000 bytes")
    assert found["refusals"][1].startswith("an item without an id: item_id")
    assert "prices[0].amount.units" in found["refusals"][2]
    assert (await facts(remembering_sqlite, "show", "c"))["item"]["title"] == "later"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"item_id": "a", "price": "cheap"}, "row 1: price is cheap"),
        ({"item_id": "a", "price": "NaN EUR"}, "row 1: price is NaN"),
        ({"item_id": "a", "attributes": 3}, "row 1: attributes are no object"),
        ({"item_id": "a", "attributes": {"b": {"c": 1}}}, "row 1: b is an object"),
        ({"item_id": "a", "prices": ["1 EUR"]}, "row 1: prices are no list of objects"),
        (
            {"item_id": "a", "release_time": "yesterday"},
            "row 1: release_time is 'yesterday'; it must be a time",
        ),
        ({"item_id": "a", "margin": "much"}, "row 1: margin is 'much'"),
    ],
)
async def test_a_row_that_cannot_be_read_is_named_and_the_others_are_written(
    remembering_sqlite: Running, tmp_path: Path, row: dict[str, Any], problem: str
) -> None:
    """Whoever made it learns where to look."""
    path = lines(tmp_path / "items.jsonl", row, {"item_id": "b", "title": "B"})
    found = await facts(remembering_sqlite, "import", path, code=1)
    assert (found["written"], found["refused"]) == (1, 1)
    assert problem in found["refusals"][0]
    assert str(path) in found["refusals"][0]


async def test_nothing_is_deleted_where_a_row_cannot_be_read(
    remembering_sqlite: Running, tmp_path: Path
) -> None:
    """It may have named what would be deleted; what can be read is written."""
    running = remembering_sqlite
    rows: list[dict[str, Any]] = [{"item_id": f"i{n}"} for n in range(4)]
    await run(running, "import", lines(tmp_path / "items.jsonl", *rows))
    some = lines(tmp_path / "some.jsonl", *rows[:2], {"item_id": "i3", "price": "n/a"})
    result = await run(running, "import", some, "--replace")
    assert result.exit_code == 1
    assert "nothing was deleted, for not all rows could be read" in result.output
    assert len((await run(running, "list", "--all", "--json")).stdout.splitlines()) == 4
    whole = lines(tmp_path / "whole.jsonl", *rows[:2])
    assert (await facts(running, "import", whole, "--replace"))["deleted"] == 2


async def test_stores_and_stock_come_from_files(
    remembering_sqlite: Running, feed: Path, tmp_path: Path
) -> None:
    """Counts and adjustments; unknown items and stores are named."""
    running = remembering_sqlite
    await run(running, "import", feed, "--preset", "google-merchant")
    shops = tmp_path / "shops.parquet"
    pl.DataFrame(
        {"store_id": ["ulm"], "name": ["Ulm"], "latitude": [48.4], "longitude": [9.99]}
    ).write_parquet(shops)
    assert await facts(running, "stores", shops, "--map", "name=title") == {"stores": 1}
    stock = lines(
        tmp_path / "stock.jsonl",
        {"item_id": "mug", "store_id": "ulm", "quantity": 5, "stock_time": "2026-01-01"},
        {"item_id": "mug", "quantity": 2, "stock_time": "2026-01-01"},
        {"item_id": "mug", "store_id": "ulm", "quantity": -1, "adjustment_id": "r-1"},
        {"item_id": "mug", "store_id": "ulm", "quantity_change": -1, "adjustment_id": "r-2"},
        {"item_id": "pot", "store_id": "ulm", "quantity": 1},
        {"item_id": "mug", "store_id": "bonn", "quantity": 1},
        {"item_id": "mug", "store_id": "ulm", "quantity": 9, "stock_time": "2025-01-01"},
        {"item_id": "mug", "store_id": "ulm", "quantity": "some"},
    )
    found = await facts(running, "stock", stock, code=1)
    assert (found["written"], found["stale"], found["refused"]) == (4, 1, 3)
    assert found["refusals"][:2] == ["pot in ulm: unknown-item", "mug in bonn: unknown-store"]
    assert "row 8: quantity is 'some'; it must be a number" in found["refusals"][2]
    levels = (await facts(running, "show", "mug"))["stock"]
    assert {one["store_id"]: one["quantity"] for one in levels} == {"ulm": 3, "online": 2}
    shown = (await run(running, "show", "mug")).stdout
    assert "in ulm" in shown
    assert "in stock in 2 of 2 stores" in shown
    listed = (await run(running, "list", "--stores")).stdout
    assert "ulm  physical  Ulm  48.4 N 9.99 E" in listed


async def test_items_are_listed_and_deleted(remembering_sqlite: Running, feed: Path) -> None:
    """As many as asked for; deleting asks first."""
    running = remembering_sqlite
    await run(running, "import", feed, "--preset", "google-merchant")
    listed = await run(running, "list", "-n", "1")
    assert listed.stdout.splitlines()[0] == "cup  Cup  9 EUR"
    assert "2 items; last written" in listed.stdout
    assert (await run(running, "delete", "cup", typed="n\n")).exit_code == 1
    assert await facts(running, "delete", "cup", "nothing", "--yes") == {"deleted": 1}
    gone = await run(running, "show", "cup")
    assert isinstance(gone.exception, CallRefused)
    assert gone.exception.server_reason == "ITEM_NOT_FOUND"


@pytest.mark.parametrize("words", [["--preset", "unknown"], ["--map", "sku"], ["--map", "=a"]])
async def test_wrong_names_of_columns_are_refused(
    remembering_sqlite: Running, feed: Path, words: list[str]
) -> None:
    """Before anything is sent."""
    assert (await run(remembering_sqlite, "import", feed, *words)).exit_code == 2
