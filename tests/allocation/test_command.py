"""`recsys allocate` on files."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.errors import InvalidConfig, InvalidData
from training.commands import allocate

LIMITS = """
slots = 1
[[limits]]
name = "mugs"
offers = ["mug"]
units = 5
[[limits]]
name = "money"
budget = 12.5
"""


def run(*arguments: str) -> Result:
    """Run the command."""
    app = typer.Typer()
    app.callback()(lambda: None)
    allocate.register(app)
    return CliRunner().invoke(app, ["allocate", *arguments], catch_exceptions=False)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """20 people and two offers, the lines in no order."""
    people = [f"u-{number}" for number in range(20)]
    lines = pl.DataFrame(
        {
            "customer": people * 2,
            "offer_id": ["mug"] * 20 + ["coupon"] * 20,
            "value": [*(3.0 + np.arange(20) / 10), *(2.0 - np.arange(20) / 100)],
            "cost": [0.5] * 20 + [1.0] * 20,
        }
    ).sample(fraction=1.0, shuffle=True, seed=1)
    lines[:25].write_parquet(tmp_path / "a.parquet")
    lines[25:].write_parquet(tmp_path / "b.parquet")
    (tmp_path / "limits.toml").write_text(LIMITS, "utf-8")
    return tmp_path


def arguments(files: Path, *more: str) -> list[str]:
    """What every run is given."""
    return [
        *(str(files / "a.parquet"), str(files / "b.parquet")),
        *("--limits", str(files / "limits.toml"), "--out", str(files / "out")),
        *("--map", "customer=user_id", *more),
    ]


def test_offers_go_where_they_are_worth_most(files: Path) -> None:
    """The best assignment, what is used of each limit, and a second run that gives the same bytes."""
    found = run(*arguments(files, "--greedy"))
    assert found.exit_code == 0, found.output
    assert "in turn" in found.stdout
    assigned = pl.read_parquet(files / "out" / "assigned.parquet")
    mugs = assigned.filter(pl.col("offer_id") == "mug")
    assert set(mugs["user_id"]) == {f"u-{number}" for number in range(15, 20)}
    assert assigned["user_id"].is_unique().all()
    assert len(assigned) == 15
    prices = json.loads((files / "out" / "prices.json").read_text("utf-8"))
    assert [(one["name"], one["used"]) for one in prices["limits"]] == [
        ("mugs", 5),
        ("money", 12.5),
    ]
    assert prices["value"] == pytest.approx(assigned["value"].sum(), rel=1e-6)
    assert prices["gap"] < 0.01
    before = (files / "out" / "assigned.parquet").read_bytes()
    assert run(*arguments(files)).exit_code == 0
    assert (files / "out" / "assigned.parquet").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("slots = 0", "slots is 0"),
        ("[[limits]]\nname = 'a'", "a: give one of budget"),
        ("[[limits]]\nname = 'a'\nbudget = 0", "budget is 0"),
        ("[[limits]]\nname = 'a'\nbudget = nan", "budget is nan"),
        ("[[limits]]\nname = 'a'\nunits = -3", "units is -3"),
        ("[[limits]]\nname = 'a'\nshare_min = 0.5\nshare_max = 0.2", "0.5 to 0.2"),
        ("[[limits]]\nname = 'a'\nunits = 3\noffers = ['none']", "offer 'none' is not among"),
        ("[[limits]]\nname = 'a'\nunits = 3\nitems = ['mug']", "are offers, so name offers"),
        ("[[limits]]\nname = 'a'\nunits = 3\noffers = []", "offers or items is empty"),
        ("[[limits]]\nname = 'a'\nunits = 3\n[[limits]]\nname = 'a'\nunits = 3", "more than one"),
        ("[[limits]]\nname = 'a'\nunit = 3", "unit"),
        ("slots = ", "limits.toml"),
    ],
)
def test_limits_that_make_no_sense_are_refused(files: Path, text: str, problem: str) -> None:
    """With what is wrong, before anything is written."""
    (files / "limits.toml").write_text(text, "utf-8")
    with pytest.raises(InvalidConfig, match=re.escape(problem)):
        run(*arguments(files))
    assert not (files / "out").exists()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            {"customer": "u-1", "offer_id": "mug", "value": 1.0, "cost": 1.0},
            "'u-1' and offer 'mug'",
        ),
        (
            {"customer": "u-x", "offer_id": "mug", "value": np.nan, "cost": 1.0},
            "value of user 'u-x'",
        ),
        ({"customer": "u-x", "offer_id": "mug", "value": 1.0, "cost": -1.0}, "cost of user 'u-x'"),
        ({"customer": "u-x", "offer_id": None, "value": 1.0, "cost": 1.0}, "empty cells in offer"),
        ({"customer": "u-x", "offer_id": "mug", "cost": 1.0}, "has no value"),
    ],
)
def test_lines_that_make_no_sense_are_refused(
    files: Path, line: dict[str, object], problem: str
) -> None:
    """With the line, before anything is written."""
    pl.DataFrame([line]).write_parquet(files / "c.parquet")
    with pytest.raises(InvalidData, match=re.escape(problem)):
        run(str(files / "c.parquet"), *arguments(files))
    assert not (files / "out").exists()


def test_a_share_out_of_reach_is_said(files: Path) -> None:
    """The rest is assigned all the same, and the exit code says that something is missing."""
    text = LIMITS + "[[limits]]\nname = 'many'\noffers = ['mug']\nshare_min = 0.5\n"
    (files / "limits.toml").write_text(text, "utf-8")
    found = run(*arguments(files))
    assert found.exit_code == 1
    assert "share_min of many" in found.stderr
    assert (files / "out" / "assigned.parquet").exists()


def test_items_are_assigned_under_their_own_name(files: Path) -> None:
    """With limits of items; their prices say which items are scarce."""
    lines = [pl.read_parquet(files / f"{name}.parquet") for name in "ab"]
    for name, some in zip("ab", lines, strict=True):
        some.rename({"offer_id": "item_id"}).write_parquet(files / f"{name}.parquet")
    limits = LIMITS.replace("offers =", "items =")
    (files / "limits.toml").write_text(limits, "utf-8")
    assert run(*arguments(files)).exit_code == 0
    assigned = pl.read_parquet(files / "out" / "assigned.parquet")
    assert (assigned["item_id"] == "mug").sum() == 5
    prices = json.loads((files / "out" / "prices.json").read_text("utf-8"))
    assert set(prices["items"]) == {"mug", "coupon"}
    assert [one.get("items") for one in prices["limits"]] == [["mug"], None]
    lines[1].write_parquet(files / "b.parquet")
    with pytest.raises(InvalidData, match="is about items"):
        run(*arguments(files))
    (files / "b.parquet").unlink()
    with pytest.raises(InvalidData, match=r"b\.parquet"):
        run(*arguments(files))
