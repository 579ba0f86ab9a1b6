"""What experiments teach: planted effects are found, and no effect is not."""

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import typer
from click.testing import Result
from mlflow import MlflowClient
from typer.testing import CliRunner

from recsys.errors import InvalidData
from training.commands import uplift
from training.uplift import Experiment, judge, learn, out_of_fold, pseudo_outcomes
from training.uplift.policy import Foretold, curve, sent


@pytest.fixture(autouse=True)
def _two_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the people learn for the others: the same laws with a fifth of the fits."""
    monkeypatch.setattr("training.uplift.learners.FOLDS", 2)
    monkeypatch.setattr("training.uplift.policy.FOLDS", 2)


def planted(people: int, *, effects: tuple[float, ...], seed: int) -> Experiment:
    """An arm for each effect: it works by so much for those whose first feature is above 0."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(people, 3))
    arms = rng.integers(0, len(effects) + 1, people)
    outcomes = features[:, 1] + rng.normal(size=people)
    for arm, effect in enumerate(effects, start=1):
        outcomes += effect * ((arms == arm) & (features[:, 0] > 0))
    return Experiment(
        user_ids=[f"u-{row}" for row in range(people)],
        features=features,
        feature_names=("first", "second", "third"),
        arms=arms,
        arm_names=("none", *(f"arm-{arm}" for arm in range(1, len(effects) + 1))),
        outcomes=outcomes,
    )


def test_scores_are_unbiased_for_each_arm() -> None:
    """Their means are what each arm would bring everybody."""
    experiment = planted(3_000, effects=(1.0, 2.0), seed=1)
    scores = pseudo_outcomes(experiment, rng=np.random.default_rng(0))
    away = scores.mean(axis=0) - scores[:, 0].mean()
    np.testing.assert_allclose(away, [0.0, 0.5, 1.0], atol=0.15)


def test_a_planted_effect_is_found_for_whom_it_is() -> None:
    """Sending by what was learned brings what half as many mails by lot would."""
    experiment = planted(3_000, effects=(2.0,), seed=2)
    rng = np.random.default_rng(0)
    foretold = out_of_fold(experiment, rng=rng)
    half = judge(experiment, foretold, shares=(0.5,), rng=rng)[0]
    assert half.targeted.mean == pytest.approx(1.0, abs=0.15)
    assert half.random.mean == pytest.approx(0.5, abs=0.1)
    assert half.gain.low > 0.3
    points = curve(experiment, foretold)
    assert points[0].tolist() == [0.0, 0.0, 0.0]
    assert points[-1, 1] == pytest.approx(points[-1, 2])


def test_where_all_are_changed_alike_sending_is_by_lot() -> None:
    """No learner is told from chance, so nothing is won and nothing lost."""
    experiment = planted(1_000, effects=(0.0,), seed=3)
    rng = np.random.default_rng(0)
    foretold = out_of_fold(experiment, rng=rng)
    assert set(foretold.learners) == {"equal"}
    for one in judge(experiment, foretold, rng=rng):
        assert one.gain.mean == pytest.approx(0.0, abs=1e-12)


def foretold_at_random(people: int) -> Foretold:
    """What somebody who knows nothing would foretell, with many equals."""
    rng = np.random.default_rng(8)
    return Foretold(
        uplift=np.round(rng.normal(size=(people, 2)), 1),
        usual=np.ones(people, dtype=np.int64),
        folds=np.arange(people) % 3,
        learners=("linear",) * 3,
    )


def test_what_sending_costs_is_taken_off() -> None:
    """Each mail costs the same, by uplift and by lot."""
    experiment, foretold = planted(600, effects=(2.0, 1.0), seed=4), foretold_at_random(600)
    free, dear = (
        judge(experiment, foretold, cost=cost, shares=(0.5,), rng=np.random.default_rng(1))[0]
        for cost in (0.0, 0.3)
    )
    assert free.targeted.mean - dear.targeted.mean == pytest.approx(0.15)
    assert free.gain.mean == pytest.approx(dear.gain.mean)


@pytest.mark.parametrize("share", [0.0, 0.123, 0.5, 1.0])
def test_as_many_are_sent_something_as_asked(share: float) -> None:
    """In each fold, those with the most to gain, and nobody more than once."""
    foretold = foretold_at_random(997)
    likely, best = sent(foretold, share), foretold.uplift.max(axis=1)
    assert likely.sum() == pytest.approx(share * 997)
    for fold in range(3):
        mine = foretold.folds == fold
        surely = best[mine & (likely == 1)]
        assert surely.min(initial=np.inf) >= best[mine & (likely < 1)].max(initial=-np.inf)


def test_the_better_learner_is_chosen() -> None:
    """A step is found by trees, and the errors say by how much."""
    experiment = planted(4_000, effects=(2.0,), seed=6)
    rng = np.random.default_rng(0)
    learned = learn(experiment, pseudo_outcomes(experiment, rng=rng), rng=rng)
    assert learned.learner == "boosted"
    assert learned.errors["boosted"] < learned.errors["linear"] < learned.errors["equal"] == 0
    found = learned.uplift(np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]))
    np.testing.assert_allclose(found[:, 0], [2.0, 0.0], atol=0.5)


def run(*words: str) -> Result:
    """Run the command."""
    app = typer.Typer()
    app.callback()(lambda: None)
    uplift.register(app)
    return CliRunner().invoke(app, ["uplift", *words], catch_exceptions=False)


@pytest.fixture
def table() -> pl.DataFrame:
    """1,000 people, half of them sent a mail."""
    rng = np.random.default_rng(7)
    mailed = np.arange(1_000) % 2 == 1
    likes = rng.random(1_000) < 0.5
    return pl.DataFrame(
        {
            "user_id": [f"u-{row}" for row in range(1_000)],
            "mail": np.where(mailed, "yes", "no"),
            "likes": np.where(likes, "tea", "soap"),
            "age": rng.integers(18, 80, 1_000),
            "visit": rng.random(1_000) < 0.1 + 0.6 * (mailed & likes),
        }
    )


def arguments(path: Path) -> list[str]:
    """What every run is given."""
    return [
        *(str(path), "--treatment", "mail", "--control", "no", "--outcome", "visit"),
        *("--features", "likes,age", "--out", str(path.parent / "out")),
    ]


def test_the_command_writes_shows_and_logs(
    table: pl.DataFrame, mlflow_uri: str, tmp_path: Path
) -> None:
    """A file of people for campaigns, a figure, a report, and a run in MLflow."""
    path = tmp_path / "test.parquet"
    table.write_parquet(path)
    found = run(*arguments(path), "--tracking-uri", mlflow_uri)
    assert found.exit_code == 0, found.output
    assert "by uplift" in found.stdout
    people = pl.read_parquet(tmp_path / "out" / "uplift.parquet")
    means = people.join(table, on="user_id").group_by("likes").agg(pl.col("uplift").mean())
    by_taste = dict(means.iter_rows())
    assert by_taste["tea"] > by_taste["soap"] + 0.3
    report = json.loads((tmp_path / "out" / "uplift.json").read_text("utf-8"))
    assert report["arms"] == {"no": 0.5, "yes": 0.5}
    assert report["sent"][3]["gain"]["low"] > 0
    assert (tmp_path / "out" / "qini.png").stat().st_size > 5_000
    client = MlflowClient(tracking_uri=mlflow_uri)
    experiment = client.get_experiment_by_name("uplift")
    assert experiment is not None
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.data.metrics["gain_at_10"] == pytest.approx(report["sent"][0]["gain"]["mean"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (pl.lit("no").alias("mail"), "has no 'no' beside others"),
        (pl.lit(None, pl.Float64).alias("age"), "age has empty cells"),
        (pl.lit(np.inf).alias("visit"), "visit holds NaN or infinity"),
        (pl.col("user_id").alias("likes"), "likes has 1000 different texts"),
        (pl.when(pl.col("age") > 77).then(pl.lit("b")).otherwise("mail").alias("mail"), "'b' has"),
        (
            pl.when(pl.col("mail") == "yes").then(60).otherwise("age").alias("age"),
            "people were not treated by lot",
        ),
    ],
)
def test_what_teaches_nothing_is_refused(
    table: pl.DataFrame, change: pl.Expr, problem: str, tmp_path: Path
) -> None:
    """With the column and what is wrong with it, before anything is learned."""
    path = tmp_path / "test.parquet"
    table.with_columns(change).write_parquet(path)
    with pytest.raises(InvalidData, match=re.escape(problem)):
        run(*arguments(path))
    assert not (tmp_path / "out").exists()


def test_what_came_after_is_no_feature(table: pl.DataFrame, tmp_path: Path) -> None:
    """The outcome would foretell itself."""
    path = tmp_path / "test.parquet"
    table.write_parquet(path)
    with pytest.raises(InvalidData, match="visit cannot be a feature"):
        run(*arguments(path), "--features", "age,visit")
