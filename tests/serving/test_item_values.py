"""From the best items of each to an allocation of scarce ones to an export, against a real server."""

import asyncio
import json
import time
import tomllib
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.commands import catalog, export
from recsys.commands.export_items import AssignedItems
from recsys.commands.export_manifest import read_manifest
from recsys.commands.item_values import POPULAR_SHARE, shares
from recsys.commands.value_files import MixedCurrencies, NothingToAllocate
from recsys.errors import InvalidData
from recsys.v1 import catalog_pb2, result_pb2
from recsys.v1 import catalog_service_pb2 as service
from serving.test_campaigns import allow, arrive, mailed
from support.serving import Running
from training.commands import allocate

app = typer.Typer(rich_markup_mode="rich")
catalog.register(app)
export.register(app)
allocate.register(app)
NAMES = [f"u{number:03}" for number in range(200)]
MUG, PIECES = "item-6", 40


async def run(*words: str | Path) -> Result:
    """Run a command."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(map(str, words)))


def item(row: int, *, margin: float | None = 1.0, currency: str = "EUR") -> catalog_pb2.Item:
    """An item of the catalogue."""
    price = catalog_pb2.Price(amount={"currency_code": currency, "units": 9})
    return catalog_pb2.Item(
        item_id=f"item-{row}", title=f"Tea {row}", margin=margin, prices=[price]
    )


async def put(shop: Running, *items: catalog_pb2.Item) -> None:
    """Write items."""
    await shop.catalog.UpsertItems(service.UpsertItemsRequest(items=items))


@pytest.fixture
async def shop(remembering_sqlite: Running) -> Running:
    """Two hundred people who want e-mail; of one good item there are forty pieces."""
    shop = remembering_sqlite
    await arrive(shop, map(mailed, NAMES))
    await allow(shop, *NAMES)
    await put(shop, *(item(row, margin=5.0 if f"item-{row}" == MUG else 1.0) for row in range(40)))
    count = catalog_pb2.StockCount(item_id=MUG, store_id="online", quantity=PIECES)
    count.stock_time.FromNanoseconds(time.time_ns())
    await shop.catalog.SetInventory(service.SetInventoryRequest(counts=[count]))
    return shop


def items_of(folder: Path) -> dict[str, list[str]]:
    """The items of each person of an export."""
    rows = [
        json.loads(line)
        for path in sorted(folder.glob("part-*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    return {row["account"]: [one["item_id"] for one in row["items"]] for row in rows}


async def test_forty_pieces_are_promised_to_forty_of_two_hundred(
    shop: Running, tmp_path: Path
) -> None:
    """To those with whom they are worth most; everybody else gets what there is enough of."""
    at = ("--target", f"127.0.0.1:{shop.port}")
    values, april, out = (tmp_path / name for name in ("values", "april", "out"))
    found = await run("catalog", "values", "--out", values, "--slots", "4", "--json", *at)
    assert found.exit_code == 0, found.output
    facts = json.loads(found.stdout)
    assert (facts["considered"], facts["people"], facts["scarce"]) == (200, 200, 1)
    limits = tomllib.loads((values / "limits.toml").read_text("utf-8"))
    assert limits == {
        "slots": 4,
        "limits": [{"name": f"{MUG}: units", "items": [MUG], "units": PIECES}],
    }
    worth = pl.read_parquet(values / "values.parquet")
    others = worth.filter(pl.col("item_id") != MUG)
    assert others.group_by("user_id").agg(pl.col("value").sum())["value"].max() <= 1.0
    files = (values / "values.parquet", "--limits", values / "limits.toml", "--out", april)
    done = await run("allocate", *files)
    assert done.exit_code == 0, done.output
    assigned = pl.read_parquet(april / "assigned.parquet")
    chosen = assigned.filter(pl.col("item_id") == MUG)
    assert len(chosen) == PIECES
    wanting = worth.filter(pl.col("item_id") == MUG).sort("value", descending=True)
    assert chosen["value"].min() >= wanting["value"][PIECES - 1] * 0.99
    sent = await run(
        "export", "--out", out, "--count", "4", "--items", april / "assigned.parquet", *at
    )
    assert sent.exit_code == 0, sent.output
    items = items_of(out)
    assert len(items) == 200
    assert all(len(set(those)) == 4 for those in items.values())
    assert {name for name, those in items.items() if MUG in those} == set(chosen["user_id"])
    by_value = assigned.sort("value", descending=True, maintain_order=True)
    for name in NAMES[:20]:
        assert items[name] == by_value.filter(pl.col("user_id") == name)["item_id"].to_list()

    # What may not be shown any more is left out, and nobody else gets a mug for it.
    gone = next(one for one in Counter(assigned["item_id"]) if one != MUG)
    deleted = service.DeleteItemsRequest(item_ids=[gone])
    await shop.catalog.DeleteItems(deleted)
    again = await run(
        "export", "--out", tmp_path / "b", "--count", "4", "--items", april / "assigned.parquet", *at
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    later = items_of(tmp_path / "b")
    assert all(len(set(those)) == 4 and gone not in those for those in later.values())
    assert {name for name, those in later.items() if MUG in those} == set(chosen["user_id"])
    manifest = read_manifest(tmp_path / "b" / "manifest.json")
    assert manifest.left_out_item_count == Counter(assigned["item_id"])[gone]
    assert manifest.items_sha256

    # Where nobody says what is scarce, nothing is filled up, and who has nothing gets no message.
    alone = tmp_path / "alone.parquet"
    assigned.filter(pl.col("item_id") == MUG).write_parquet(alone)
    only = await run("export", "--out", tmp_path / "c", "--items", alone, "--json", *at)
    assert json.loads(only.stdout)["suppressed"] == {"nothing-to-show": 200 - PIECES}
    assert set(map(tuple, items_of(tmp_path / "c").values())) == {(MUG,)}


async def test_items_that_cannot_be_compared_or_are_worth_nothing_are_said(
    shop: Running, tmp_path: Path
) -> None:
    """And what is sold out is promised to nobody; no file is left that looks whole."""
    at = ("--target", f"127.0.0.1:{shop.port}")
    nobody = await run("catalog", "values", "--out", tmp_path / "none", "--channel", "sms", *at)
    assert isinstance(nobody.exception, NothingToAllocate)
    count = catalog_pb2.StockCount(item_id=MUG, store_id="online", quantity=0.5)
    count.stock_time.FromNanoseconds(time.time_ns())
    await shop.catalog.SetInventory(service.SetInventoryRequest(counts=[count]))
    await put(shop, item(8, margin=None))
    found = await run("catalog", "values", "--out", tmp_path / "sold-out", "--json", *at)
    assert json.loads(found.stdout)["without_margin"] == 1
    worth = pl.read_parquet(tmp_path / "sold-out" / "values.parquet")
    assert MUG not in set(worth["item_id"])
    await put(shop, item(7, currency="GBP"))
    mixed = await run("catalog", "values", "--out", tmp_path / "mixed", *at)
    assert isinstance(mixed.exception, MixedCurrencies)
    assert "items are in EUR, GBP" in str(mixed.exception)
    assert not [*(tmp_path / "mixed").iterdir()]


async def test_without_a_catalogue_items_are_worth_their_shares(
    remembering_sqlite: Running, tmp_path: Path
) -> None:
    """The model knows items; nobody knows a margin, or how many pieces there are."""
    await arrive(remembering_sqlite, [mailed("anna")])
    await allow(remembering_sqlite, "anna")
    out, at = tmp_path / "values", ("--target", f"127.0.0.1:{remembering_sqlite.port}")
    found = await run("catalog", "values", "--out", out, "--margin", "2", "--json", *at)
    facts = json.loads(found.stdout)
    assert facts["items"] == facts["without_margin"] > 1
    assert (out / "limits.toml").read_text("utf-8") == "slots = 4\n"
    assert 0.0 < pl.read_parquet(out / "values.parquet")["value"].sum() <= 2.0 + 1e-9


def results(*scores: float, kind: int = result_pb2.REASON_KIND_PERSONAL) -> list[result_pb2.Result]:
    """Results of one kind, the best first."""
    return [
        result_pb2.Result(item_id=f"i{row}", score=score, reason={"kind": kind})
        for row, score in enumerate(scores)
    ]


def test_the_share_of_an_item_is_its_part_of_her_scores() -> None:
    """By places where scores cannot be added; what others like counts a tenth."""
    popular = result_pb2.REASON_KIND_POPULAR
    assert shares(results(3.0, 1.0)) == [0.75, 0.25]
    assert shares(results(3.0, 1.0, kind=popular)) == pytest.approx(
        [0.75 * POPULAR_SHARE, 0.25 * POPULAR_SHARE]
    )
    placed = shares(results(3.0, -1.0))
    assert placed == pytest.approx([0.6131, 0.3869], abs=1e-4)
    assert shares(results(3.0) + results(900.0, kind=popular)) == pytest.approx(
        [placed[0], placed[1] * POPULAR_SHARE]
    )
    assert shares([]) == []


@pytest.mark.parametrize(
    ("scarce", "account", "expected", "left_out"),
    [
        (frozenset({"i0"}), "anna", ["i2", "i1", "i3"], 1),
        (frozenset({"i0"}), "ben", ["i1", "i2", "i3"], 0),
        (frozenset[str](), "ben", ["i0", "i1", "i2"], 0),
        (None, "anna", ["i2"], 1),
        (None, "ben", [], 0),
    ],
)
def test_places_are_filled_with_what_is_assigned_and_then_with_what_there_is_enough_of(
    scarce: frozenset[str] | None, account: str, expected: list[str], left_out: int
) -> None:
    """In order; what may not be shown is counted."""
    assigned = AssignedItems({"anna": ["gone", "i2"]}, scarce=scarce, count=3)
    found = assigned.places(account, results(5.0, 4.0, 3.0, 2.0, 1.0))
    assert [one.item_id for one in found.results] == expected
    assert found.left_out_count == left_out


async def test_a_file_of_items_names_people_and_items(shop: Running, tmp_path: Path) -> None:
    """Prices beside it are those of items; else nothing is begun."""
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("user_id,item_id\nu000,item-1\nu001,\n", "utf-8")
    at = ("--target", f"127.0.0.1:{shop.port}")
    found = await run("export", "--out", tmp_path / "out", "--items", wrong, *at)
    assert isinstance(found.exception, InvalidData)
    assert "row 2" in str(found.exception)
    right = tmp_path / "right.csv"
    right.write_text("user_id,item_id\nu000,item-1\n", "utf-8")
    (tmp_path / "prices.json").write_text('{"limits": [], "offers": {}}', "utf-8")
    found = await run("export", "--out", tmp_path / "out", "--items", right, *at)
    assert isinstance(found.exception, InvalidData)
    assert "items" in str(found.exception)
    assert not (tmp_path / "out").exists()
