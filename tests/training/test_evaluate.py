"""The evaluation finds planted truth, keeps its protocols apart and leaks nothing."""

import datetime as dt
import itertools
import math
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

from recsys.domain import EventType
from support.fits import fit_before_cut
from support.shops import checkerboard, line, write_dataset
from training.catalog import Catalog
from training.config import parse_config
from training.cuts import measure_at
from training.evaluate import Evaluation, Evaluator
from training.fit import FittedModel
from training.interactions import Events, read_events
from training.split import Split, rolling_splits, split_events
from training.testset import draw_test_sets
from training.tracking.report import evaluation_table
from training.user_values import read_user_values, write_user_values

CONFIG = parse_config(
    "[model]\nfactors = 8\n[split]\ncut_time = 2026-03-27T00:00:00Z\n"
    "[evaluate]\nk = [2, 5]\nprimary_k = 5\nprimary_metric = 'recall'\nbootstrap_count = 200\n"
)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Events:
    """The checkerboard; two people come for the first time after the cut."""
    lines = checkerboard()
    lines += [line(f"new{n}", "i001", "purchase-complete", day=95) for n in range(2)]
    return read_events(write_dataset(tmp_path_factory.mktemp("shop") / "data", lines))


def _evaluate(split: Split, model: FittedModel, rival: FittedModel | None = None) -> Evaluation:
    rng = np.random.default_rng(0)
    known, cold = draw_test_sets(split, user_count_max=100, history_event_count_max=200, rng=rng)
    return Evaluator(
        known=known,
        cold=cold,
        config=CONFIG.evaluate,
        item_count=len(split.before.item_ids),
        threads=1,
        rng=rng,
    ).evaluate(model, rival)


@pytest.fixture(scope="module")
def split(events: Events) -> Split:
    """Cut at day 85."""
    return split_events(events, CONFIG.split)


@pytest.fixture(scope="module")
def evaluation(split: Split) -> Evaluation:
    """A good model against itself as the purchases-only one."""
    model = fit_before_cut(split, CONFIG)
    return _evaluate(split, model, model)


def test_planted_truth_is_found(evaluation: Evaluation) -> None:
    """Everybody's next purchases are among her taste's few untouched items."""
    metrics = evaluation.metrics
    assert metrics["new/recall_at_5"] > 0.75
    assert metrics["new/recall_at_5"] > 1.5 * metrics["popularity/new/recall_at_5"]
    assert metrics["gain_over_popularity"] == pytest.approx(
        metrics["new/recall_at_5"] - metrics["popularity/new/recall_at_5"]
    )
    assert metrics["gain_over_popularity_low"] > 0
    assert metrics["gain_over_popularity_ratio"] > 1.5


def test_a_model_does_not_gain_over_itself(evaluation: Evaluation) -> None:
    """The paired difference is exactly nothing, with no spread."""
    metrics = evaluation.metrics
    for end in ("", "_low", "_high"):
        assert metrics[f"gain_over_purchases_only{end}"] == 0.0
    assert metrics["gain_over_purchases_only_ratio"] == 1.0


def test_every_number_is_finite_and_has_a_name_that_mlflow_takes(evaluation: Evaluation) -> None:
    """MLflow allows letters, digits, underscores, dashes, dots, spaces, colons and slashes."""
    for name, value in evaluation.metrics.items():
        assert re.fullmatch(r"[\w\-./: ]{1,250}", name), name
        assert math.isfinite(value), name


def test_users_are_counted_by_what_is_known_of_them(evaluation: Evaluation) -> None:
    """60 have a history, 2 are cold; channels split the 60 by their purchases."""
    metrics = evaluation.metrics
    assert metrics["users/any"] == 60
    assert metrics["users/cold/any"] == 2
    assert metrics["users/channel_web/any"] + metrics["users/channel_store/any"] >= 60


def test_the_protocol_new_leaves_out_what_was_touched(tmp_path: Path) -> None:
    """A purchase of an item seen before counts under `any` alone."""
    lines = [
        *[line(f"u{n}", item, "detail-page-view", day=1) for n in range(9) for item in ("a", "b")],
        line("u0", "a", "purchase-complete", day=90),
        line("u1", "c", "purchase-complete", day=1),
        line("u1", "a", "purchase-complete", day=91),
        line("u2", "c", "purchase-complete", day=92),
    ]
    split = split_events(read_events(write_dataset(tmp_path / "shop", lines)), CONFIG.split)
    metrics = _evaluate(split, fit_before_cut(split, CONFIG)).metrics
    assert metrics["users/any"] == 3
    assert metrics["users/new"] == 1
    assert metrics["any/recall_at_5"] == 1.0
    assert metrics["new/recall_at_5"] == 1.0
    # Of 3 items, 2 are seen: only "c" is left, so it must come first.
    assert metrics["new/mrr_at_2"] == 1.0


def test_repeats_first_time_and_cold_items_are_told_apart(tmp_path: Path) -> None:
    """She buys a again, b for the first time, and c, which nobody had."""
    config = parse_config(
        "[model]\ntype = 'popularity'\n[split]\ncut_time = 2026-03-27T00:00:00Z\n"
        "[evaluate]\nk = [2]\nprimary_k = 2\nprimary_metric = 'recall'\ncold_item_users_max = 1\n"
        "bootstrap_count = 100\nprimary_protocol = 'any'\n"
    )
    lines = [
        *[line(f"u{n}", item, "purchase-complete", day=1) for n in range(4) for item in "ab"],
        line("amy", "a", "purchase-complete", day=1),
        *[
            line("amy", item, "purchase-complete", day=90, store_id="s/1", channel="store")
            for item in "abc"
        ],
    ]
    split = split_events(read_events(write_dataset(tmp_path / "shop", lines)), config.split)
    found = measure_at(split, config, seed=0).evaluation
    recall = {
        name: found.metrics[f"{name}/any/recall_at_2"]
        for name in ("repeats", "first", "cold_items", "channel_store", "store_s:2f:1")
    }
    assert recall == {
        "repeats": 1.0, "first": 0.5, "cold_items": 0.0, "channel_store": 2 / 3,
        "store_s:2f:1": 2 / 3,
    }  # fmt: skip
    assert found.metrics["unknown_targets_share"] == pytest.approx(1 / 3)
    assert found.metrics["any/recall_at_2_low"] == found.metrics["any/recall_at_2"]
    (person,) = found.samples.people
    assert (person.history, sorted(person.bought)) == (("a",), ["a", "b", "c"])
    assert sorted(person.shown) == ["a", "b"]


def test_cuts_follow_each_other_and_see_nothing_of_each_other(events: Events) -> None:
    """Every held-out period ends where the next begins, and each model stops before it."""
    splits = rolling_splits(events, parse_config("[split]\ntest_days = 5\n").split, count=3)
    assert len(splits) == 3
    for newer, older in itertools.pairwise(splits):
        assert older.end_time == newer.cut_time
        assert older.cut_time < newer.cut_time
    for split in splits:
        assert split.before.times.max() < split.cut_time
        assert (split.purchases_after.times >= split.cut_time).all()
        assert split.end_time is None or (split.purchases_after.times < split.end_time).all()
    assert len(rolling_splits(events, CONFIG.split, count=50)) < 50


def test_the_same_people_are_asked_about_whatever_the_seed(split: Split) -> None:
    """So that models of different seeds can be compared person by person."""
    small = msgspec.structs.replace(CONFIG.evaluate, user_count_max=20)
    config = msgspec.structs.replace(CONFIG, evaluate=small)
    one, two = (measure_at(split, config, seed=seed).evaluation for seed in (1, 2))
    assert one.lists["new"].digest == two.lists["new"].digest
    assert len(one.lists["any"]) == 20
    other = msgspec.structs.replace(small, user_seed=1)
    three = measure_at(split, msgspec.structs.replace(CONFIG, evaluate=other), seed=1).evaluation
    assert three.lists["new"].digest != one.lists["new"].digest


def test_what_is_not_sold_is_never_shown(split: Split, events: Events) -> None:
    """Neither by the model nor by the popular list; its buyers count as missed."""
    frame = pl.DataFrame({"item_id": events.item_ids}).with_columns(
        sellable=pl.col("item_id") != "i001"
    )
    catalog = Catalog.of_frame(frame, item_ids=events.item_ids)
    gone = events.item_ids.index("i001")
    everything = msgspec.structs.replace(CONFIG.evaluate, k=(24,), primary_k=24)
    config = msgspec.structs.replace(CONFIG, evaluate=everything)
    free = measure_at(split, config, seed=0).evaluation
    limited = measure_at(split, config, seed=0, catalog=catalog).evaluation
    assert free.item_exposures[gone] > 0
    assert free.metrics["cold/any/recall_at_24"] == 1.0
    assert limited.item_exposures[gone] == 0
    assert limited.metrics["cold/any/recall_at_24"] == 0.0


def test_values_of_people_survive_a_file(evaluation: Evaluation, tmp_path: Path) -> None:
    """Every kind of list, every metric, to the last bit; and no id of anybody."""
    path = tmp_path / "values.parquet"
    write_user_values(path, {"cut": evaluation.lists})
    read = read_user_values(path)["cut"]
    assert set(read) == {name for name, found in evaluation.lists.items() if len(found)}
    for name, found in read.items():
        wanted = evaluation.lists[name]
        np.testing.assert_array_equal(found.users, wanted.users)
        assert set(found.values) == set(wanted.values)
        for metric, values in found.values.items():
            np.testing.assert_array_equal(values, wanted.values[metric])
            assert values[np.isfinite(values)].mean() == pytest.approx(
                evaluation.metrics[f"{name}/{metric}"]
            )
    assert b"u001" not in path.read_bytes()


def test_items_that_the_model_cannot_know_count_as_missed(tmp_path: Path) -> None:
    """Half of what she buys did not exist before the cut."""
    lines = [
        *[line(f"u{n}", item, "purchase-complete", day=1) for n in range(4) for item in ("a", "b")],
        line("u0", "a", "purchase-complete", day=90),
        line("u0", "brand-new", "purchase-complete", day=90),
    ]
    split = split_events(read_events(write_dataset(tmp_path / "shop", lines)), CONFIG.split)
    assert _evaluate(split, fit_before_cut(split, CONFIG)).metrics["any/recall_at_5"] == 0.5


def test_nothing_after_the_cut_changes_the_model(split: Split, events: Events) -> None:
    """With other events after the cut, the fitted model is the same to the last bit."""
    late = events.times >= split.cut_time
    other = replace(
        events,
        type_codes=np.where(late, EventType.ADD_TO_CART.code, events.type_codes).astype(np.uint8),
        items=np.where(late, events.items[::-1], events.items).astype(np.int32),
    )
    one, two = (
        fit_before_cut(split, CONFIG),
        fit_before_cut(split_events(other, CONFIG.split), CONFIG),
    )
    np.testing.assert_array_equal(one.parts.item_factors, two.parts.item_factors)
    np.testing.assert_array_equal(one.popular.rows, two.popular.rows)
    np.testing.assert_array_equal(one.popular.scores, two.popular.scores)


def test_a_leak_would_be_seen(split: Split, events: Events) -> None:
    """The check above can fail: training on everything gives another model."""
    everything = replace(split, before=events, cut_time=float(events.times.max()))
    assert not np.array_equal(
        fit_before_cut(split, CONFIG).popular.scores,
        fit_before_cut(everything, CONFIG).popular.scores,
    )


def test_a_model_that_has_seen_the_future_is_told(split: Split, events: Events) -> None:
    """Fitted on everything, it knows what it is asked for; the gate refuses it."""
    honest = fit_before_cut(split, CONFIG)
    leaky = fit_before_cut(replace(split, before=events), CONFIG)
    assert _evaluate(split, honest).metrics["leaks"] == 0
    assert _evaluate(split, leaky).metrics["leaks"] == 1


def test_without_purchases_after_the_cut_there_is_nothing_to_measure(events: Events) -> None:
    """No users, no metrics; no division by nothing."""
    end = dt.datetime.fromtimestamp(events.times.max() + 1, dt.UTC)
    late = parse_config(f"[split]\ncut_time = {end.isoformat()}")
    split = split_events(events, late.split)
    metrics = _evaluate(split, fit_before_cut(split, CONFIG)).metrics
    assert all(name.startswith(("users/", "leaks")) for name in metrics)
    assert not any(metrics.values())


def test_the_table_has_a_row_per_list_and_length(evaluation: Evaluation) -> None:
    """What MLflow shows side by side."""
    table = evaluation_table(evaluation.metrics)
    rows = set(zip(table["lists"], table["k"], strict=True))
    assert {("any", 2), ("any", 5), ("new", 5), ("popularity/new", 5), ("cold/any", 2)} <= rows
    assert {len(column) for column in table.values()} == {len(table["k"])}
