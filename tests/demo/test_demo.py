"""The demo finds somebody to ask for in any data, and says plainly what is wrong with it."""

import contextlib
import io
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from recsys.errors import InvalidConfig, InvalidData, StorageUnavailable
from recsys.storage.sqlite_schema import LIVE_FACT
from support.shops import START
from training.commands import demo
from training.dataset import Dataset
from training.demo import steps
from training.demo.questions import questions
from training.ingest import import_events
from training.ingest.history import HISTORY_NAME


@pytest.fixture
def imported(tmp_path: Path) -> Callable[[str], Dataset]:
    """Import lines of event_type, day, user_id, item_id, channel, loyalty_card."""

    def do(lines: str) -> Dataset:
        source = tmp_path / "events.csv"
        source.write_text(f"event_type,event_time,user_id,item_id,channel,loyalty_card\n{lines}")
        return import_events(
            source=source,
            preset="generic",
            out=tmp_path / "dataset",
            now=START.replace(year=START.year + 1),
        )

    return do


def test_the_best_known_person_shops_on_most_channels(
    imported: Callable[[str], Dataset],
) -> None:
    """She is asked for by account and by card; the new one by the busiest channel."""
    dataset = imported(
        "purchase-complete,2026-01-01,anna,i1,web,\n"
        "purchase-complete,2026-01-02,anna,i2,store,77\n"
        "purchase-complete,2026-01-01,ben,i1,web,\n"
        "purchase-complete,2026-01-02,ben,i2,web,\n"
        "purchase-complete,2026-01-03,ben,i3,web,\n"
    )
    known, till, new, visitor = questions(dataset)
    assert known.options == ("--identifier", "account=anna")
    assert known.known == (
        "2026-01-02 purchase-complete on store: i2",
        "2026-01-01 purchase-complete on web: i1",
    )
    assert till.options == ("--identifier", "loyalty_card=77", "--channel", "store")
    assert new.options[-1] == "web"
    assert visitor.options.count("--recent") == 3


def test_data_without_a_purchase_and_with_two_items_will_do(
    imported: Callable[[str], Dataset],
) -> None:
    """Who looked at most is best known; nobody has a card."""
    dataset = imported(
        "detail-page-view,2026-01-01,anna,i1,web,\n"
        "detail-page-view,2026-01-01,ben,i1,web,\n"
        "detail-page-view,2026-01-02,ben,i2,web,\n"
    )
    known, _, visitor = questions(dataset)
    assert known.options == ("--identifier", "account=ben")
    assert "at 2 items" in visitor.title


@pytest.fixture
def _signals_restored() -> Iterator[None]:
    """The demo takes over signals of its process, which here is the test's."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_a_demo_goes_on_with_a_store_that_has_been_lived_in(tmp_path: Path) -> None:
    """Also once somebody was erased, which would make it another import."""
    source = tmp_path / "events.csv"
    source.write_text("event_type,event_time,user_id,item_id\nclick,2026-01-01,anna,i1\n")
    told = io.StringIO()
    plan = steps.Demo(
        folder=tmp_path / "demo",
        name="lived-in",
        source=source,
        preset="generic",
        tracking_uri="",
        console=Console(file=told),
    )
    now = START.replace(year=START.year + 1)
    first = steps.import_once(plan, source, now=now)
    with contextlib.closing(sqlite3.connect(plan.folder / "dataset" / HISTORY_NAME)) as store:
        store.execute("INSERT INTO facts VALUES (?, '')", (LIVE_FACT,))
        store.execute("INSERT INTO tombstones VALUES (1, 0.0, 9e99, 1e9)")
        store.commit()
    assert "holds what a server has written" not in told.getvalue()
    assert steps.import_once(plan, source, now=now).info == first.info
    assert "holds what a server has written" in told.getvalue()


def run(*arguments: object) -> BaseException | None:
    """Run the command; returns what it raised."""
    app = typer.Typer()
    app.command()(demo.demo)
    return CliRunner().invoke(app, [str(argument) for argument in arguments]).exception


@pytest.mark.usefixtures("_signals_restored")
def test_what_cannot_work_is_said_at_once(tmp_path: Path) -> None:
    """Before anything is made."""
    assert isinstance(run("--preset", "generic"), InvalidConfig)
    workspace = tmp_path / "workspace"
    missing = run("--data", tmp_path / "no", "--preset", "generic", "--workspace", workspace)
    assert isinstance(missing, InvalidData)
    assert not workspace.exists()
    workspace.write_text("a file")
    assert isinstance(run("--once", "--workspace", workspace), StorageUnavailable)
