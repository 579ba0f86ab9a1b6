"""The demo finds somebody to ask for in any data, and says plainly what is wrong with it."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from recsys.errors import InvalidConfig, InvalidData, StorageUnavailable
from support.shops import START
from training.commands import demo
from training.dataset import Dataset
from training.demo.questions import questions
from training.ingest import import_events


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
