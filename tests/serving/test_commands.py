"""`recsys recommend`, `similar`, `model`, `bundle`, `serve --print-config` as people use them."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from click.testing import Result
from rich.console import Console
from typer.testing import CliRunner

from recsys.catalog import Item, StockCell, Store
from recsys.commands import ask, bundle, serve
from recsys.commands.answers import show, show_explanation
from recsys.domain import ItemId, StoreId
from recsys.errors import BundleCorrupt, InvalidConfig, InvalidData
from recsys.rules import Pin, Rules
from recsys.serving.client import Client
from recsys.serving.client_errors import CallFailed, CallRefused
from recsys.storage.catalog import Catalog
from recsys.storage.sessions import SqliteSessions
from recsys.storage.sqlite_writer import SqliteWriter
from support.asking import asked
from support.bundles import make_bundle, two_worlds
from support.serving import Running

app = typer.Typer(rich_markup_mode="rich")
for module in (ask, bundle, serve):
    module.register(app)


async def run(running: Running, *arguments: str) -> Result:
    """Run a command against the server in this process."""
    target = f"127.0.0.1:{running.port}"
    return await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--target", target])


def local(*arguments: str) -> Result:
    """Run a command that needs no server."""
    return CliRunner().invoke(app, arguments)


async def test_recommend_shows_titles_and_reasons_in_words(
    running: Running, tmp_path: Path
) -> None:
    """A person reads what, and why."""
    path = tmp_path / "history.sqlite"
    with SqliteWriter(path) as writer:
        writer.add_items([(ItemId(f"item-{row}"), Item(title=f"Title {row}")) for row in range(40)])
    result = await run(
        running, "recommend", "--visitor", "v", "--recent", "view:item-0", "-k", "2",
        "--titles", str(path),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "item-2" in result.output
    assert "Title 2" in result.output
    assert "because of Title 0" in result.output
    assert "model v1" in result.output


async def test_recommend_prints_json_for_programs(running: Running) -> None:
    """Items, reasons, shortfall and token, nothing else."""
    result = await run(
        running, "recommend", "--store", "s-1", "-k", "100", "--exclude", "item-5", "--json"
    )
    answer = json.loads(result.output)
    assert (answer["results"][0]["item_id"], answer["results"][0]["reason"]) == (
        "item-6",
        "popular-here",
    )
    assert answer["shortfall"]["missing_count"] == 61
    assert answer["attribution_token"]


async def test_explain_says_what_became_of_an_item(running: Running) -> None:
    """Its place, or the rules that refuse it; for programs as JSON."""
    words = ("explain", "", "item-3")
    result = await run(running, *words)
    assert "item-3: place 4" in result.output
    result = await run(running, *words, "--filter", "price < 5")
    assert "item-3: not in the answer" in result.output
    assert "not let through by the filters: price < 5: price is missing" in result.output
    found = json.loads((await run(running, *words, "--in-stock", "online", "--json")).output)
    assert found["refusals"] == [
        {"cause": "SHORTFALL_CAUSE_OUT_OF_STOCK", "detail": "online has never had it"}
    ]
    assert "does not know nothing" in (await run(running, "explain", "", "nothing")).output


async def test_pins_that_are_left_out_are_printed(running: Running) -> None:
    """Beside the answer, and of the item that is asked for."""
    pins = (
        Pin(item_id=ItemId("nothing"), position=1),
        Pin(item_id=ItemId("item-3"), position=2),
        Pin(item_id=ItemId("item-4"), position=3),
    )
    rules = Rules(pins=pins)
    console = Console(width=200)

    def printed(client: Client) -> str:
        with console.capture() as capture:
            excluded = ["item-4"]
            show(console, client.recommend(rules=rules, excluded=excluded, explain=True), {})
            for item_id in ("nothing", "item-3", "item-4"):
                found = client.explain(item_id, rules=rules, excluded=excluded)
                show_explanation(console, item_id, found)
        return capture.get()

    words = await asked(running, printed)
    assert "pin left out: nothing in place 1: not in the model's catalogue (neither" in words
    assert "pin left out: item-4 in place 3: excluded by the request\n" in words
    assert "It is pinned to place 1, and left out there." in words
    assert "  pinned to place 2\n" in words
    assert "  pinned to place 3, and left out there\n" in words


async def test_locate_says_which_shops_have_an_item(
    remembering_sqlite: Running, tmp_path: Path
) -> None:
    """And what the one asked for has in its place."""
    catalog = Catalog(SqliteSessions(tmp_path / "store.sqlite"))
    now = time.time()
    catalog.upsert_items({ItemId(f"item-{row}"): Item() for row in range(6)}, now=now)
    stores = {StoreId("s-1"): (48.86, 2.35), StoreId("s-2"): (48.87, 2.36)}
    catalog.upsert_stores(
        [Store(store_id=name, latitude=n, longitude=e) for name, (n, e) in stores.items()], now=now
    )
    for store, item in (("s-1", "item-4"), ("s-2", "item-2")):
        cell = StockCell(item_id=ItemId(item), store_id=StoreId(store), quantity=3, stock_time=now)
        catalog.set_stock([cell], now=now)
    found = await run(remembering_sqlite, "locate", "item-2", "--store", "s-1")
    assert "item-2 at s-1: never had it" in found.output
    assert "3 at s-2, 1.3 km away" in found.output
    assert "in its place: item-4" in found.output
    words = ("locate", "item-2", "--near", "48.0,2.0", "--json")
    answer = json.loads((await run(remembering_sqlite, *words)).output)
    assert answer["stores"][0]["distance_km"] == pytest.approx(100.2, abs=1.0)
    assert (await run(remembering_sqlite, "locate", "item-2", "--near", "north")).exit_code == 2


async def test_a_short_page_says_why(running: Running) -> None:
    """The shortfall is told in words."""
    result = await run(running, "recommend", "-k", "41")
    assert "1 fewer than asked for" in result.output


async def test_similar_and_model_answer(running: Running) -> None:
    """The two other questions."""
    similar = await run(running, "similar", "item-1", "-k", "1", "--json")
    assert json.loads(similar.output)["results"][0]["item_id"] == "item-3"
    model = await run(running, "model")
    assert "v1" in model.output
    facts = await run(running, "model", "--json")
    assert json.loads(facts.output)["item_count"] == 40


async def test_a_refused_request_names_all_its_fields(running: Running) -> None:
    """One line, the reason first."""
    result = await run(running, "recommend", "--placement", "Home", "--exclude", "")
    assert isinstance(result.exception, CallRefused)
    text = str(result.exception)
    assert text.startswith("INVALID_REQUEST: placement is 'Home'")
    assert "exclude_item_ids[0] has 0 bytes" in text


async def test_an_unknown_item_is_refused(running: Running) -> None:
    """The reason is the server's."""
    result = await run(running, "similar", "nothing")
    assert isinstance(result.exception, CallRefused)
    assert result.exception.server_reason == "ITEM_NOT_FOUND"


def test_no_server_is_an_error_with_a_hint() -> None:
    """The reader learns how to start one."""
    result = local("recommend", "--target", "127.0.0.1:9")
    assert isinstance(result.exception, CallFailed)
    assert "recsys serve" in str(result.exception)


@pytest.mark.parametrize(
    "arguments",
    [("--recent", "item-1"), ("--recent", "peek:item-1"), ("--identifier", "42")],
)
def test_badly_typed_arguments_are_usage_errors(arguments: tuple[str, str]) -> None:
    """Before anything is sent."""
    result = local("recommend", *arguments)
    assert result.exit_code == 2


def test_bundle_show_and_verify_read_a_store_or_a_folder(tmp_path: Path) -> None:
    """Both ways of pointing lead to the same bundle."""
    make_bundle(tmp_path / "v1", ["a", "b"], factors=two_worlds(2))
    (tmp_path / "CURRENT").write_text("v1\n")
    for folder in (tmp_path, tmp_path / "v1"):
        shown = local("bundle", "show", str(folder))
        assert "item_factors" in shown.output
        assert "2 x 2" in shown.output
        assert "is fine" in local("bundle", "verify", str(folder)).output


def test_bundle_prune_says_what_goes_and_what_stays(tmp_path: Path) -> None:
    """First as a trial, then for real."""
    for version in ("v1", "v2", "v3"):
        make_bundle(tmp_path / version, ["a", "b"], factors=two_worlds(2), model_version=version)
    (tmp_path / "CURRENT").write_text("v1\n")
    trial = local("bundle", "prune", str(tmp_path), "--keep", "1", "--dry-run")
    assert trial.output.splitlines() == [
        "would remove v2", "kept v1: current", "kept v3: among the newest",
    ]  # fmt: skip
    assert (tmp_path / "v2").is_dir()
    done = local("bundle", "prune", str(tmp_path), "--keep", "1")
    assert done.output == trial.output.replace("would remove", "removed")
    assert not (tmp_path / "v2").exists()


def test_bundle_prune_wants_a_folder_and_keeps_at_least_one(tmp_path: Path) -> None:
    """A typing mistake is named and removes nothing."""
    assert isinstance(local("bundle", "prune", str(tmp_path / "none")).exception, InvalidData)
    assert local("bundle", "prune", str(tmp_path), "--keep", "0").exit_code == 2


def test_bundle_verify_refuses_a_damaged_bundle(tmp_path: Path) -> None:
    """The error says what is wrong."""
    make_bundle(tmp_path / "v1", ["a", "b"], factors=two_worlds(2))
    path = tmp_path / "v1" / "item_factors.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    result = local("bundle", "verify", str(tmp_path / "v1"))
    assert isinstance(result.exception, BundleCorrupt)


def test_the_printed_configuration_passes_the_check(tmp_path: Path) -> None:
    """What is printed can be used."""
    path = tmp_path / "recsys.toml"
    path.write_text(local("serve", "--print-config").output)
    assert local("serve", "--config", str(path), "--check-config").exit_code == 0
    path.write_text("[server]\nport = 'http'\n")
    result = local("serve", "--config", str(path), "--check-config")
    assert isinstance(result.exception, InvalidConfig)


@pytest.mark.parametrize(
    "key",
    [
        "RULES__PLACEMENTS", "CAMPAIGNS__FREQUENCY", "OFFERS__PRICES", "OFFERS__PROPENSITY",
        "TRIGGERS__RULES",
    ],
)  # fmt: skip
def test_the_check_reads_every_file_that_the_configuration_names(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any worker would stumble over it."""
    path = tmp_path / "rules"
    path.write_text("]")
    monkeypatch.setenv(f"RECSYS_{key}", str(path))
    result = local("serve", "--check-config")
    assert isinstance(result.exception, InvalidConfig)
    assert str(path) in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "text"),
    [
        (["recommend", "--target", "127.0.0.1:9"], 1, "no server answers"),
        (["serve", "--config", "none.toml"], 2, "none.toml"),
        ([b"offers", b"show", b"caf\xe9"], 2, "not UTF-8"),
    ],
)
def test_errors_are_one_line_with_an_exit_code(
    tmp_path: Path, arguments: list[str] | list[bytes], exit_code: int, text: str
) -> None:
    """2 for what the caller can mend, 1 for the rest; never a traceback."""
    run = subprocess.run(
        [sys.executable, "-m", "recsys", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == exit_code
    assert text in run.stderr
    assert "Traceback" not in run.stderr
