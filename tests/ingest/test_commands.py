"""`recsys simulate` and `recsys import` as a person types them."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from recsys.errors import InvalidConfig, InvalidData
from training.commands import ingest, simulate
from training.dataset import Dataset

DOCS = Path(__file__).resolve().parents[2] / "docs"
runner = CliRunner()


@pytest.fixture
def app() -> typer.Typer:
    """The command line with these two commands."""
    app = typer.Typer()
    simulate.register(app)
    ingest.register(app)
    return app


def invoke(app: typer.Typer, *words: object) -> str:
    """Run a command; returns what it prints, raises what it raises."""
    result = runner.invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_simulate_then_import(app: typer.Typer, tmp_path: Path) -> None:
    """The two commands fit together, and say what to do next."""
    shop, data = tmp_path / "shop", tmp_path / "data"
    told = invoke(app, "simulate", "--size", "tiny", "--users", 80, "--until", "2026-11-01",
                  "--out", shop)  # fmt: skip
    assert "80 users" in told
    assert f"recsys import {shop}" in told.replace("\n", "")
    report = invoke(app, "import", shop, "--out", data)
    assert "duplicate" in report
    assert "purchase-complete" in report
    assert Dataset.open(data).info.event_count > 1_000
    # No bar where nobody watches.
    assert "simulating" not in told
    assert "reading" not in report


def test_equal_commands_give_equal_shops(app: typer.Typer, tmp_path: Path) -> None:
    """--seed and --until say everything."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        invoke(app, "simulate", "--size", "tiny", "--users", 30, "--seed", seed,
               "--until", "2026-11-01", "--out", tmp_path / name)  # fmt: skip
    parts = [(tmp_path / n / "events" / "part-00000.parquet").read_bytes() for n in "abc"]
    assert parts[0] == parts[1] != parts[2]


def test_strict_and_history_db_reach_the_import(app: typer.Typer, tmp_path: Path) -> None:
    """Options do what they say."""
    source = tmp_path / "events.csv"
    source.write_text(
        "event_type,event_time,user_id,item_id\nx,2026-01-01,u,i\nsearch,2026-01-01,u,\n"
    )
    with pytest.raises(InvalidData, match="--strict"):
        invoke(app, "import", source, "--out", tmp_path / "data", "--strict")
    storage = tmp_path / "people.sqlite"
    told = invoke(app, "import", source, "--out", tmp_path / "data", "--history-db", storage)
    assert "unknown-event-type" in told
    assert storage.is_file()


def test_markup_in_data_is_printed_as_it_is(app: typer.Typer, tmp_path: Path) -> None:
    """Square brackets in a bad row neither colour nor break the report."""
    source = tmp_path / "events.csv"
    source.write_text("event_type,event_time,user_id\n[/bold],2026-01-01,u\nsearch,2026-01-01,u\n")
    assert "[/bold]" in invoke(app, "import", source, "--out", tmp_path / "data")


def test_wrong_options_are_named(app: typer.Typer, tmp_path: Path) -> None:
    """The error says what is allowed."""
    with pytest.raises(InvalidConfig, match="known are tiny, small, medium, large"):
        invoke(app, "simulate", "--size", "huge", "--out", tmp_path / "a")
    with pytest.raises(InvalidConfig, match="users is 2000000; allowed 1 to 1000000"):
        invoke(app, "simulate", "--users", 2_000_000, "--out", tmp_path / "a")
    with pytest.raises(InvalidConfig, match="no such preset"):
        invoke(app, "import", tmp_path, "--preset", "nothing", "--out", tmp_path / "a")


def test_the_example_in_the_import_guide_works(app: typer.Typer, tmp_path: Path) -> None:
    """What docs/import.md shows is run: its files, its preset, its promised outcome."""
    text = (DOCS / "import.md").read_text()
    for kind, name, body in re.findall(r"```(csv|toml) title=\"(\S+)\"\n(.*?)```", text, re.DOTALL):
        assert kind == name.rpartition(".")[2]
        (tmp_path / name).write_text(body)
    told = invoke(app, "import", tmp_path, "--preset", tmp_path / "my-shop.toml", "--out",
                  tmp_path / "data")  # fmt: skip
    events = Dataset.open(tmp_path / "data").events().sort("event_time").collect()
    assert events["event_type"].to_list() == ["detail-page-view", "purchase-complete", "return"]
    assert events["profile_id"].to_list() == ["account:crm-7"] * 3
    assert events["quantity"].to_list() == [1.0, 2.0, 1.0]
    assert events["event_time"][1].isoformat() == "2026-03-02T16:45:00+00:00"
    assert "3 of 4 rows kept" in told
    assert "missing-item" in told
    items = Dataset.open(tmp_path / "data").items()
    assert items.select("item_id", "title").rows() == [("1001", "Enamel Mug, 0.3 L")]
