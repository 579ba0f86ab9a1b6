"""`recsys events tail|import|purge` as people use them, against real servers."""

import contextlib
import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.commands import events
from recsys.commands.event_files import read_rows
from recsys.domain import Identifier
from recsys.errors import InvalidData, StorageUnavailable
from recsys.events import EventFilter, events_of
from recsys.serving.client_errors import CallFailed
from recsys.storage.event_rows import EVENT_COLUMNS, Keys
from recsys.storage.log_tail import open_tail
from recsys.storage.postgres_schema import migrate
from recsys.storage.sqlite_events import SqliteEventLog
from storage.event_log_contract import event
from support.processes import WAIT_SECONDS, WatchedServer, running, serving, wait_until

PROGRAM = [sys.executable, "-m", "recsys", "events"]
VIEW = {"event_type": "detail-page-view", "channel": "web", "event_time": "2026-11-01T10:00:00Z"}

app = typer.Typer(rich_markup_mode="rich")
events.register(app)


@dataclass(frozen=True)
class Shop:
    """A running server and its store."""

    server: WatchedServer
    store: Path

    def import_(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run `recsys events import` to its end."""
        return subprocess.run(self.importing(*words), capture_output=True, text=True, check=False)

    def importing(self, *words: str | Path) -> list[str]:
        """Say the command."""
        return [*PROGRAM, "import", *map(str, words), "--target", self.server.address]

    def tail(self, *words: str) -> list[dict[str, Any]]:
        """Run `recsys events tail --json`."""
        result = local("tail", str(self.store), "--json", *words)
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]


def local(*words: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, ["events", *words])


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    """A server on an empty store."""
    store = folder / "store.sqlite"
    with serving(folder, storage={"histories": str(store)}) as server:
        yield Shop(server, store)


def unused_port() -> int:
    """A loopback port that nobody listens on, a moment ago at least."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def write_lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write JSON lines."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def many(path: Path, *, count: int) -> Path:
    """Write a file of many events."""
    rows = [
        {**VIEW, "event_id": f"m-{number}", "visitor_id": f"v-{number % 97}", "item_id": "item-1"}
        for number in range(count)
    ]
    return write_lines(path, rows)


def test_files_of_every_kind_are_kept_once_and_shown_and_forgotten(
    shop: Shop, tmp_path: Path
) -> None:
    """The whole life of some events: imported, imported again, looked at, purged."""
    lines = write_lines(
        tmp_path / "a.jsonl",
        [
            {**VIEW, "event_id": "a1", "user_id": "anna", "item_id": "item-1"},
            {**VIEW, "event_id": "a1", "user_id": "anna", "item_id": "item-2", "quantity": 2},
            {"event_type": "search", "event_id": "a2", "user_id": "ben", "search_query": "mugs",
             "offer_id": "ten", "referrer": "https://a", "attribution_token": "t", "who": "ben"},
            {**VIEW, "event_id": "a3", "item_id": "x" * 200},
        ],
    )  # fmt: skip
    table = tmp_path / "b.csv"
    table.write_text(
        "event_type,event_time,channel,loyalty_card,store_id,item_id,unit_price,currency\n"
        "purchase-complete,2026-11-02T09:00:00,store,26001,s-1,item-3,9.50,EUR\n"
    )
    parquet = tmp_path / "c.parquet"
    pl.DataFrame(
        [{**VIEW, "event_time": 1_793_700_000, "visitor_id": "v-1", "item_id": "item-4"}]
    ).write_parquet(parquet)
    first = shop.import_(lines, table, parquet, "--json")
    assert first.returncode == 1, first.stderr
    said = json.loads(first.stdout)
    assert (said["written"], said["duplicates"], said["refused"]) == (4, 0, 1)
    assert said["refusals"][0].startswith("a3: lines[0].item_id")
    assert "columns that were not used: who" in first.stderr
    again = shop.import_(lines, table, parquet)
    assert "0 events written, 4 were there already, 1 refused" in again.stdout
    found = {one["event_id"]: one for one in shop.tail("-n", "50")}
    assert len(found) == 4
    assert [line["item_id"] for line in found["a1"]["lines"]] == ["item-1", "item-2"]
    assert (found["a2"]["search_query"], found["a2"]["offer_id"]) == ("mugs", "ten")
    assert (found["a2"]["referrer"], found["a2"]["attribution_token"]) == ("https://a", "t")
    assert found["a1"]["event_time"] == "2026-11-01T10:00:00+00:00"
    (bought,) = shop.tail("--type", "purchase-complete")
    assert bought["lines"] == [
        {"item_id": "item-3", "quantity": 1.0, "unit_price": "9.5", "currency": "EUR"}
    ]
    assert [one["event_id"] for one in shop.tail("--user", "ben")] == ["a2"]
    assert shop.tail("--at", "s-1", "--channel", "store") == [bought]
    (early,) = shop.tail("-n", "1", "--until", "2026-11-02")
    assert early["event_id"] == "a1"
    text = local("tail", str(shop.store)).stdout
    assert "account=anna" in text
    assert "2 x item-2" in text
    assert "in s-1" in text
    purge = ("purge", "--target", shop.server.address, "--type", "purchase-complete")
    assert "1 events would be forgotten" in local(*purge, "--dry-run").stdout
    assert CliRunner().invoke(app, ["events", *purge], input="n\n").exit_code == 1
    assert len(shop.tail()) == 4
    assert json.loads(local(*purge, "--yes", "--json").stdout) == {
        "purged_count": 1, "dry_run": False,
    }  # fmt: skip
    assert len(shop.tail()) == 3


def test_ctrl_c_settles_what_is_under_way_and_loses_nothing(shop: Shop, tmp_path: Path) -> None:
    """It says how far it came, and sending the same file again completes it."""
    path = many(tmp_path / "many.jsonl", count=30_000)
    with running(shop.importing(path, "--json")) as process:
        wait_until(lambda: shop.store.exists() and bool(shop.tail("-n", "1")), "events written")
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert "send the same files again" in error
    first = json.loads(out)
    assert 0 < first["written"] < 30_000
    rest = json.loads(shop.import_(path, "--json").stdout)
    assert rest["duplicates"] == first["written"]
    assert rest["written"] + rest["duplicates"] == 30_000


def test_a_server_that_is_killed_and_comes_back_costs_a_pause(folder: Path) -> None:
    """What was not acknowledged is sent again on a new stream, and kept once."""
    path = many(folder / "many.jsonl", count=30_000)
    settings = {
        "server": {"port": unused_port(), "workers": 1},
        "storage": {"histories": str(folder / "store.sqlite")},
    }
    with contextlib.ExitStack() as stack:
        with serving(folder, **settings) as server:
            shop = Shop(server, folder / "store.sqlite")
            process = stack.enter_context(running(shop.importing(path, "--json")))
            wait_until(lambda: shop.store.exists() and bool(shop.tail("-n", "1")), "events written")
            for pid in [*server.worker_pids(), server.process.pid]:
                os.kill(pid, signal.SIGKILL)
            server.process.wait(timeout=WAIT_SECONDS)
        stack.enter_context(serving(folder, **settings))
        out, _ = process.communicate(timeout=90)
    said = json.loads(out)
    assert process.returncode == 0
    assert said["reconnects"] > 0
    assert said["written"] + said["duplicates"] == 30_000
    assert len(Shop(server, folder / "store.sqlite").tail("-n", "10000")) == 10_000


def test_following_shows_what_comes(shop: Shop, tmp_path: Path) -> None:
    """Only what is asked for, until Ctrl-C."""
    path = write_lines(tmp_path / "one.jsonl", [{**VIEW, "event_id": "old", "user_id": "anna"}])
    assert shop.import_(path).returncode == 0
    follow = [*PROGRAM, "tail", str(shop.store), "-f", "-n", "1", "--user", "anna", "--json"]
    with running(follow) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event_id"] == "old"
        rows = [{**VIEW, "event_id": name, "user_id": name} for name in ("ben", "anna")]
        assert shop.import_(write_lines(tmp_path / "more.jsonl", rows)).returncode == 0
        assert json.loads(process.stdout.readline())["event_id"] == "anna"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 130


def test_a_place_that_becomes_visible_late_is_shown(postgres_url: str) -> None:
    """PostgreSQL numbers events before they are committed, so they can come out of order."""
    migrate(postgres_url)
    marks = ", ".join(["%s"] * len(EVENT_COLUMNS.split(", ")))
    rows = Keys("00" * 16).rows([event(name) for name in ("first", "slow", "quick")])[1]
    add = f"INSERT INTO events ({EVENT_COLUMNS}) VALUES ({marks})"
    with (
        psycopg.connect(postgres_url) as slow,
        psycopg.connect(postgres_url, autocommit=True) as quick,
        open_tail(postgres_url, EventFilter()) as tail,
    ):
        quick.execute(add, rows[0])
        assert [one.event_id for one in tail.newest(10)] == ["first"]
        slow.execute(add, rows[1])
        quick.execute(add, rows[2])
        assert [one.event_id for one in tail.since(now=1.0)] == ["quick"]
        slow.commit()
        assert [one.event_id for one in tail.since(now=2.0)] == ["slow"]
        assert tail.since(now=3.0) == []


def test_a_name_is_typed_in_any_form_of_its_accents(tmp_path: Path) -> None:
    """As requests may say it; the store knows the composed one."""
    store = tmp_path / "store.sqlite"
    log = SqliteEventLog(store)
    log.append([event("hers", who=[Identifier("account", "Zo\u00eb")]), event("his")])
    log.close()
    for words in (["--user", "Zoe\u0308"], ["--identifier", "account=Zoe\u0308"]):
        shown = CliRunner().invoke(app, ["events", "tail", str(store), *words, "--json"])
        assert json.loads(shown.output)["event_id"] == "hers"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.txt", "", "unknown kind; known are .jsonl, .ndjson, .json, .csv, .tsv, .parquet"),
        ("a.jsonl", "{}\n{", "line 2"),
        ("a.jsonl", '{"event_type": "buy"}', "row 1: event_type is 'buy'; it must be one of"),
        ("a.csv", 'event_type,quantity\nsearch,1\n"', "unexpected end of data"),
        ("a.csv", "event_type,item_id,quantity\nsearch,i,many\n", "row 1: could not convert"),
        ("a.csv", "event_type,event_time\nsearch,yesterday\n", "row 1: event_time is 'yesterday'; it must be a time"),
        ("a.parquet", "no table", "a.parquet"),
        ("a.csv.gz", "plain text", "a.csv.gz: cannot be read: Not a gzipped file"),
        ("a.txt.gz", "", "unknown kind"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_refused_with_the_place(
    name: str, content: str, problem: str, tmp_path: Path
) -> None:
    """By line or row, before it is sent."""
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InvalidData) as caught:
        list(events_of((row for row, _ in read_rows(path)), source=str(path)))
    assert problem in str(caught.value)


def test_compressed_rows_are_those_of_the_plain_file(tmp_path: Path) -> None:
    """By gzip, in every kind, with the share that has been read."""
    for name, content in (("a.jsonl", b'{"a": 1}\n{"a": 2}\n'), ("a.csv", b"a,b\n1,x\n2,y\n")):
        plain, packed = tmp_path / name, tmp_path / f"{name}.gz"
        plain.write_bytes(content)
        packed.write_bytes(gzip.compress(content))
        rows, shares = zip(*read_rows(packed), strict=True)
        assert list(rows) == [row for row, _ in read_rows(plain)]
        assert shares[-1] == 1.0
        packed.write_bytes(gzip.compress(content)[:-6])
        with pytest.raises(InvalidData, match=f"{name}.gz: cannot be read"):
            list(read_rows(packed))


def test_what_is_wrong_is_said_before_anything_happens(tmp_path: Path) -> None:
    """No filter, two people, no store, no server."""
    for words, problem in (
        (("purge",), "say which"),
        (("purge", "--user", "a", "--visitor", "b"), "give one of"),
        (("purge", "--since", "long ago"), "is no time"),
    ):
        refused = local(*words)
        assert refused.exit_code == 2
        assert problem in refused.output
    missing = local("tail", str(tmp_path / "none.sqlite"))
    assert isinstance(missing.exception, StorageUnavailable)
    away = local("purge", "--user", "a", "--target", "127.0.0.1:9")
    assert isinstance(away.exception, CallFailed)
