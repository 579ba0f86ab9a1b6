"""Two evaluations side by side: paired, refused where they do not match, and safe to look at."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
import typer
from typer.testing import CliRunner

from recsys.errors import InvalidConfig, InvalidData
from support.shops import checkerboard, line, write_dataset
from training.catalog import Catalog
from training.commands.compare import register as register_compare
from training.commands.evaluate import register as register_evaluate
from training.compare import Comparison, SplitsDiffer, compare
from training.compare_page import comparison_page
from training.config import TrainConfig, parse_config
from training.cuts import measure_cuts
from training.interactions import Events, read_events
from training.stored import Contestant, read_stored, write_stored

EVALUATE = "[evaluate]\nk = [2, 5]\nprimary_k = 5\nbootstrap_count = 100\nsample_user_count = 4\n"
GOOD = parse_config("[model]\ntype = 'cooccurrence'\n[split]\ntest_days = 8\n" + EVALUATE)
POOR = parse_config("[model]\ntype = 'popularity'\n[split]\ntest_days = 8\n" + EVALUATE)
HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Events:
    """The checkerboard, and people who buy what they looked at before."""
    lines = checkerboard()
    for user in range(8):
        lines.append(line(f"w{user}", "i000", "detail-page-view", day=70))
        lines.append(line(f"w{user}", "i000", "purchase-complete", day=95))
    return read_events(write_dataset(tmp_path_factory.mktemp("shop") / "data", lines))


def _measured(
    events: Events, config: TrainConfig, *, name: str, data: str = "f0", cuts: int = 1
) -> Contestant:
    frame = pl.DataFrame(
        {
            "item_id": events.item_ids,
            "title": [f"{HOSTILE} {item}" for item in events.item_ids],
            "category": [item[-1] for item in events.item_ids],
            "image_url": ["javascript:alert(3)", 'https://x.example/a"b.png'] * 12,
        }
    )
    return measure_cuts(
        events,
        config,
        count=cuts,
        name=name,
        fingerprint=data,
        seed=0,
        catalog=Catalog.of_frame(frame, item_ids=events.item_ids),
    )


@pytest.fixture(scope="module")
def good(events: Events) -> Contestant:
    """A model that finds the planted truth."""
    return _measured(events, GOOD, name="good")


@pytest.fixture(scope="module")
def poor(events: Events) -> Contestant:
    """The popular list."""
    return _measured(events, POOR, name=HOSTILE)


@pytest.fixture(scope="module")
def comparison(poor: Contestant, good: Contestant) -> Comparison:
    """The better one in question."""
    return compare(poor, good, rng=np.random.default_rng(0))


def test_the_better_model_is_found_better(comparison: Comparison) -> None:
    """By the metric that decides, with the means that were measured, and beyond chance."""
    decides = comparison.primary_difference
    assert decides is not None
    assert decides.name == "new/ndcg_at_5"
    assert decides.low is not None
    assert decides.low > 0
    assert decides.p_value is not None
    assert decides.p_value < 0.001
    assert decides.difference == pytest.approx(decides.second - decides.first)
    assert comparison.settings["model.type"] == ("popularity", "cooccurrence")
    assert comparison.left_out == {}
    assert {each.name for each in comparison.differences} >= {
        "channel_web/new/ndcg_at_5", "repeats/any/ndcg_at_5", "new/coverage_at_5",
        "new/diversity_at_5",
    }  # fmt: skip


def test_a_model_does_not_differ_from_itself(good: Contestant) -> None:
    """Every difference is nothing, and nothing is certain."""
    found = compare(good, good, rng=np.random.default_rng(0))
    assert found.differences
    for each in found.differences:
        assert each.difference == 0.0
        assert each.p_value in (None, 1.0)


def test_other_data_are_refused_by_name(events: Events, good: Contestant) -> None:
    """Numbers of two data sets, or of other cuts, do not compare."""
    other = _measured(events, GOOD, name="other", data="f1")
    with pytest.raises(SplitsDiffer, match=r"'f0 cut .*'f1 cut "):
        compare(good, other, rng=np.random.default_rng(0))
    more = _measured(events, GOOD, name="more", cuts=2)
    with pytest.raises(SplitsDiffer):
        compare(good, more, rng=np.random.default_rng(0))


def test_lists_of_other_targets_are_left_out_with_the_reason(
    events: Events, good: Contestant
) -> None:
    """Without weight for views, what was only viewed is new: another question."""
    blind = parse_config(
        "[model]\ntype = 'cooccurrence'\n[split]\ntest_days = 8\n"
        "[features.event_weights]\npurchase-complete = 1.0\n" + EVALUATE
    )
    lines = compare(good, _measured(events, blind, name="b"), rng=np.random.default_rng(0))
    assert "any" not in lines.left_out
    assert "event weights" in lines.left_out["new"]
    assert not any(each.lists == "new" for each in lines.differences)
    assert lines.primary_difference is None


def test_several_cuts_are_averaged_with_their_spread(events: Events) -> None:
    """Means over cuts, and people drawn whole."""
    found = _measured(events, GOOD, name="three", cuts=3).stored
    cuts = [cut[found.primary] for cut in found.by_cut.values() if found.primary in cut]
    assert len(found.by_cut) == 3
    assert found.metrics[found.primary] == pytest.approx(np.mean(cuts))
    if len(cuts) > 1:
        assert found.spread[found.primary] == pytest.approx(np.std(cuts, ddof=1))
    assert found.low[found.primary] <= found.metrics[found.primary] <= found.high[found.primary]


def test_files_hold_everything_that_a_comparison_needs(
    comparison: Comparison, poor: Contestant, good: Contestant, tmp_path: Path
) -> None:
    """Written and read, the comparison is the same."""
    for name, one in (("a", poor), ("b", good)):
        write_stored(tmp_path / f"{name}.json", one)
    read = [read_stored(tmp_path / f"{name}.json") for name in ("a", "b")]
    assert compare(*read, rng=np.random.default_rng(0)) == comparison
    (tmp_path / "b.values.parquet").unlink()
    with pytest.raises(InvalidData):
        read_stored(tmp_path / "b.json")


class _Tags(HTMLParser):
    """Collects elements and their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_hostile_titles_stay_text(comparison: Comparison) -> None:
    """No script, no handler, no address but http(s), and the text itself is there."""
    page = comparison_page(comparison)
    parser = _Tags()
    parser.feed(page)
    tags = {tag for tag, _ in parser.found}
    assert not tags & {"script", "iframe", "object", "embed", "link", "form", "a"}
    pictures = [attributes for tag, attributes in parser.found if tag == "img"]
    assert pictures
    assert {picture["src"] for picture in pictures} == {'https://x.example/a"b.png'}
    assert all("alt" in picture for picture in pictures)
    for _, attributes in parser.found:
        assert not any(name.startswith("on") for name in attributes)
    assert "&lt;script&gt;alert(1)" in page
    assert "default-src &#x27;none&#x27;" in page


def test_the_page_says_what_the_numbers_say(comparison: Comparison) -> None:
    """The metric that decides, its interval, the people and what they bought."""
    page = comparison_page(comparison)
    decides = comparison.primary_difference
    assert decides is not None
    assert f"{decides.difference:+.4f}" in page
    assert "is better in new/ndcg_at_5" in page
    assert page.count("<article>") == len(comparison.people) == 4
    assert "aria-label='bought later'" in page
    assert len(re.findall("<h1>", page)) == 1


def test_the_page_is_drawn_by_a_browser(comparison: Comparison, tmp_path: Path) -> None:
    """A picture of the page that is not blank."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no Chromium is installed; the page's text is tested all the same")
    (tmp_path / "page.html").write_text(comparison_page(comparison), "utf-8")
    picture = tmp_path / "page.png"
    subprocess.run(
        [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,2000",
            f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND",
            f"--screenshot={picture}", (tmp_path / "page.html").as_uri(),
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 50_000


@pytest.fixture
def app() -> typer.Typer:
    """Both commands."""
    app = typer.Typer()
    app.callback()(lambda: None)
    register_evaluate(app)
    register_compare(app)
    return app


def test_from_a_dataset_to_a_page(app: typer.Typer, tmp_path: Path) -> None:
    """Two configurations evaluated at two cuts, compared at once, and again from files."""
    write_dataset(tmp_path / "shop", checkerboard())
    for name, kind in (("old", "popularity"), ("new", "cooccurrence")):
        (tmp_path / f"{name}.toml").write_text(
            f"[model]\ntype = '{kind}'\n[split]\ntest_days = 8\n{EVALUATE}"
        )
    out = tmp_path / "out.json"
    arguments = ["evaluate", "--data", str(tmp_path / "shop"), "--cuts", "2", "--json", str(out)]
    for name in ("old", "new"):
        arguments += ["--config", str(tmp_path / f"{name}.toml")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "new against old" in result.output
    files = [str(tmp_path / f"out-{name}.json") for name in ("old", "new")]
    page, figures = tmp_path / "page.html", tmp_path / "figures.json"
    result = CliRunner().invoke(
        app, ["compare", *files, "--html", str(page), "--json", str(figures)]
    )
    assert result.exit_code == 0, result.output
    assert "new/ndcg_at_5" in result.output
    assert page.read_text("utf-8").startswith("<!doctype html>")
    found = msgspec.json.decode(figures.read_bytes(), type=Comparison)
    assert found.primary == "new/ndcg_at_5"
    against = CliRunner().invoke(app, [*arguments[:5], "--against", files[0]])
    assert isinstance(against.exception, SplitsDiffer)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--negatives", "100"], "Krichene and Rendle"),
        ([], "give one"),
        (["--train", "x.parquet"], "one is missing"),
        (["--train", "x.parquet", "--test", "y.parquet", "--k", "5,2"], "ascending"),
    ],
)
def test_questions_that_mislead_are_refused(
    app: typer.Typer, arguments: list[str], problem: str
) -> None:
    """With the reason."""
    result = CliRunner().invoke(app, ["evaluate", *arguments])
    assert isinstance(result.exception, InvalidConfig)
    assert problem in str(result.exception)


def test_files_of_sampled_items_are_refused(app: typer.Typer, tmp_path: Path) -> None:
    """A column of candidates asks for metrics over a sample."""
    pl.DataFrame({"user_id": ["u"], "item_id": ["a"]}).write_parquet(tmp_path / "train.parquet")
    pl.DataFrame({"user_id": ["u"], "item_id": ["a"], "negatives": [["b", "c"]]}).write_parquet(
        tmp_path / "test.parquet"
    )
    files = ["--train", str(tmp_path / "train.parquet"), "--test", str(tmp_path / "test.parquet")]
    result = CliRunner().invoke(app, ["evaluate", *files])
    assert isinstance(result.exception, InvalidData)
    assert "negatives" in str(result.exception)
    assert "whole catalogue" in str(result.exception)


def test_stored_evaluations_of_older_versions_are_refused_by_name(tmp_path: Path) -> None:
    """A file that is something else says so."""
    (tmp_path / "x.json").write_text('{"model_type": "als"}')
    with pytest.raises(InvalidData, match=r"x\.json"):
        read_stored(tmp_path / "x.json")
