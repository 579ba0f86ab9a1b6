"""`recsys evaluate`: somebody else's split, with answers that one can count."""

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from recsys.domain import EventType
from recsys.errors import InvalidData
from training.benchmark import Measurement, measure
from training.commands.evaluate import register
from training.config import parse_config
from training.published import PublishedSplit, read_split

COUNTS = parse_config(
    "[model]\ntype = 'cooccurrence'\nuser_exponent = 0.0\nhistory_exponent = 0.0\n"
    "target_exponent = 0.0\n[features]\nhalf_life_days = 1e9\n"
)


def split_of(folder: Path, train: pl.DataFrame, test: pl.DataFrame) -> PublishedSplit:
    """Write two files and read them as a split."""
    train.write_parquet(folder / "train.parquet")
    test.write_parquet(folder / "test.parquet")
    return read_split(
        train=[folder / "train.parquet"],
        test=[folder / "test.parquet"],
        names={},
        history_event_count_max=100,
        rng=np.random.default_rng(0),
    )


# a and b go together twice, a and c once; u4 has a alone, u5 has b alone.
TRAIN = pl.DataFrame(
    [
        ("u1", "a"), ("u1", "b"), ("u2", "a"), ("u2", "b"), ("u3", "a"), ("u3", "c"),
        ("u4", "a"), ("u5", "b"),
    ],
    schema=["user_id", "item_id"], orient="row",
)  # fmt: skip


def test_figures_are_what_one_counts_by_hand(tmp_path: Path) -> None:
    """u4 gets b, c: c is second. u5 gets a, then c by popularity: a is first."""
    test = pl.DataFrame({"user_id": ["u4", "u5"], "item_id": ["c", "a"]})
    split = split_of(tmp_path, TRAIN, test)
    found = measure(split, COUNTS, k=(1, 2), excluded_types=None, seed=0)
    assert found.user_count == 2
    assert found.metrics["hit_rate_at_1"] == 0.5
    assert found.metrics["hit_rate_at_2"] == 1.0
    assert found.metrics["mrr_at_2"] == pytest.approx(0.75)
    assert found.metrics["ndcg_at_2"] == pytest.approx((1 + 1 / np.log2(3)) / 2)


def test_items_of_the_history_may_be_allowed(tmp_path: Path) -> None:
    """Without the rule, popular a comes back to u5 and nothing changes for her; u4 gets a too."""
    test = pl.DataFrame({"user_id": ["u4"], "item_id": ["a"]})
    split = split_of(tmp_path, TRAIN, test)
    config = parse_config("[model]\ntype = 'popularity'\n")
    blocked = measure(split, config, k=(1,), excluded_types=None, seed=0)
    allowed = measure(split, config, k=(1,), excluded_types=frozenset(), seed=0)
    views = frozenset({EventType.DETAIL_PAGE_VIEW})
    only_views = measure(split, config, k=(1,), excluded_types=views, seed=0)
    found = [each.metrics["hit_rate_at_1"] for each in (blocked, allowed, only_views)]
    assert found == [0.0, 1.0, 1.0]


def test_pairs_of_the_test_in_training_are_counted(tmp_path: Path) -> None:
    """A leak is a pair that was there in any behaviour."""
    test = pl.DataFrame({"user_id": ["u4", "u5", "u5"], "item_id": ["a", "a", "c"]})
    split = split_of(tmp_path, TRAIN, test)
    assert (split.leaked_count, split.pair_count) == (1, 3)


def test_every_context_is_a_session_of_its_own(tmp_path: Path) -> None:
    """Contexts have their own order, and are no training lines."""
    test = pl.DataFrame({"context": [["c", "a"], ["b"], ["b"]], "target": ["b", "a", "c"]})
    train = pl.DataFrame({"session": [1, 2], "item_id": [["a", "b"], ["a", "b", "c"]]})
    split = split_of(tmp_path, train.rename({"session": "user_id"}), test)
    assert len(split.test) == 3
    assert len(split.train) == 5
    names = [split.train.item_ids[item] for item in split.test.histories.items]
    order = np.lexsort((split.test.histories.times, split.test.histories.users))
    assert [names[position] for position in order] == ["c", "a", "b", "b"]
    config = parse_config("[model]\ntype = 'ordered'\nback = 0.0\ngap = 1\nstep_decay = 0.1\n")
    found = measure(split, config, k=(1,), excluded_types=frozenset(), seed=0)
    # a leads to b and b to c: the first and the third session are right.
    assert found.metrics["hit_rate_at_1"] == pytest.approx(2 / 3)


def test_contexts_are_not_aged_by_the_training_lines(tmp_path: Path) -> None:
    """However long training was, and however fast it fades, a context is of now."""
    train = pl.DataFrame(
        {"user_id": [1, 1, 2, 2], "item_id": ["a", "b", "a", "b"],
         "event_time": [0.0, 1.0, 1e9, 1e9 + 1]}
    )  # fmt: skip
    test = pl.DataFrame({"context": [["a", "b"]], "target": ["a"]})
    split = split_of(tmp_path, train, test)
    fading = parse_config("[features]\nhalf_life_days = 1.0\n").features
    np.testing.assert_allclose(split.test.weights(fading).data, [1.0, 1.0])


def test_ties_are_broken_by_chance(tmp_path: Path) -> None:
    """Equal items take turns over seeds, whatever their names."""
    train = pl.DataFrame({"user_id": ["u1", "u2"], "item_id": ["a", "b"], "event_time": [1.0, 1.0]})
    test = pl.DataFrame({"user_id": ["new"], "item_id": ["b"]})
    train.write_parquet(tmp_path / "train.parquet")
    test.write_parquet(tmp_path / "test.parquet")
    firsts = set()
    for seed in range(12):
        split = read_split(
            train=[tmp_path / "train.parquet"], test=[tmp_path / "test.parquet"], names={},
            history_event_count_max=9, rng=np.random.default_rng(seed),
        )  # fmt: skip
        firsts.add(measure(split, COUNTS, k=(1,), excluded_types=None, seed=0).metrics["mrr_at_1"])
    assert firsts == {0.0, 1.0}


def _evaluate(folder: Path, *options: str) -> tuple[Result, Measurement | None]:
    """Run the command on files of five people; returns also what it wrote, if anything."""
    TRAIN.rename({"user_id": "who"}).write_csv(folder / "train.csv")
    pl.DataFrame({"who": ["u4", "u5"], "item_id": ["c", "b"]}).write_csv(folder / "test.csv")
    app = typer.Typer()
    app.callback()(lambda: None)
    register(app)
    out = folder / "out.json"
    files = ["--train", str(folder / "train.csv"), "--test", str(folder / "test.csv")]
    result = CliRunner().invoke(
        app,
        ["evaluate", *files, "--map", "who=user_id", "--k", "1,2", "--json", str(out), *options],
    )
    wrote = msgspec.json.decode(out.read_bytes(), type=Measurement) if out.exists() else None
    return result, wrote


def test_the_command_writes_what_it_says(tmp_path: Path) -> None:
    """Columns are renamed, leaks are told of, and JSON holds every figure."""
    result, found = _evaluate(tmp_path)
    assert result.exit_code == 0, result.output
    assert "1 of 2 test pairs" in result.output
    assert found is not None
    assert found.model_type == "ials"
    accuracy = {
        f"{name}_at_{k}" for name in ("recall", "ndcg", "map", "hit_rate", "mrr") for k in (1, 2)
    }
    assert {name for name in found.low if "/" not in name} >= accuracy
    assert accuracy == set(found.popularity)


def test_whether_items_of_a_history_may_appear_is_said_by_a_word(tmp_path: Path) -> None:
    """`--exclude-train false` lets them, `true` is what happens without; others are refused."""
    usual, told, allowed = (
        _evaluate(tmp_path, *options)[1]
        for options in ((), ("--exclude-train", "true"), ("--exclude-train", "false"))
    )
    assert usual is not None
    assert told is not None
    assert allowed is not None
    assert usual.metrics == told.metrics
    assert "seen" in told.measured_on
    assert "nothing" in allowed.measured_on
    result, _ = _evaluate(tmp_path, "--exclude-train", "perhaps")
    assert result.exit_code == 2
    assert "perhaps" in result.output


@pytest.mark.parametrize(
    ("train", "problem"),
    [
        (pl.DataFrame({"user": ["u"], "item_id": ["a"]}), "has no user_id"),
        (TRAIN.with_columns(event_type=pl.lit("dance")), "dance"),
    ],
    ids=["no column", "no such event"],
)
def test_files_that_say_nothing_are_refused(
    tmp_path: Path, train: pl.DataFrame, problem: str
) -> None:
    """With what is missing."""
    with pytest.raises(InvalidData, match=problem):
        split_of(tmp_path, train, TRAIN)
