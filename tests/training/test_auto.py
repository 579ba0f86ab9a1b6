"""`recsys auto` from end to end: real fits, real MLflow, killed and gone on with."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import polars as pl
import pytest
from mlflow import MlflowClient
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from recsys.bundle import BundleStore
from recsys.errors import InvalidConfig, InvalidData
from support.lines import circles
from support.trained import NOW
from training.auto.auto import Found
from training.auto.entry import Terms, auto_dataset, auto_files
from training.auto.plan import HoldOut, Metric, Wishes
from training.config import TrackingConfig, load_config
from training.dataset import Dataset
from training.tracking.registry import Registry

WISHES = Wishes(metric=Metric(name="mrr", k=5))
KILLED_AFTER_SECONDS_MAX = 120.0


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Training lines of people who walk around circles, as a file with positions."""
    events = circles(user_count=150)
    path = tmp_path_factory.mktemp("walks") / "train.parquet"
    pl.DataFrame(
        {"user_id": events.users, "item_id": events.items, "position": events.times}
    ).write_parquet(path)
    return path


def ended(work: Path) -> list[optuna.trial.FrozenTrial]:
    """Trials in a book."""
    if not (work / "trials.db").exists():
        return []
    try:
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{work}/trials.db", skip_table_creation=True
        )
        try:
            return [
                trial
                for study in storage.get_all_studies()
                for trial in storage.get_all_trials(study._study_id)
            ]
        finally:
            storage.engine.dispose()
    except Exception:  # noqa: BLE001 - its tables are being made
        return []


@pytest.fixture(scope="module")
def killed(walks: Path, mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search that was killed outright after two trials."""
    work = tmp_path_factory.mktemp("killed") / "work"
    words = [sys.executable, "-m", "recsys", "auto", "--train", str(walks), "--budget", "500"]
    words += ["--metric", "mrr@5", "--work", str(work), "--tracking-uri", mlflow_uri]
    words += ["--experiment", "killed"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    begun = time.monotonic()
    while len(ended(work)) < 2 or not (work / "search.json").exists():
        assert process.poll() is None, "the search ended by itself"
        assert time.monotonic() - begun < KILLED_AFTER_SECONDS_MAX
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return work


def go_on(work: Path, walks: Path, mlflow_uri: str, *, more_seconds: float) -> Found:
    """Go on with a search for some seconds more than it took."""
    spent = max(trial.user_attrs["info"]["elapsed"] for trial in ended(work))
    tracking = TrackingConfig(tracking_uri=mlflow_uri, experiment="killed")
    terms = Terms(wishes=WISHES, tracking=tracking, budget_seconds=spent + more_seconds, work=work)
    return auto_files([walks], names={}, terms=terms)


def test_a_killed_search_goes_on(killed: Path, walks: Path, mlflow_uri: str) -> None:
    """Its trials stay, its run goes on and is finished, and every trial has one run below it."""
    before = {trial.user_attrs["info"]["name"]: trial.value for trial in ended(killed)}
    found = go_on(killed, walks, mlflow_uri, more_seconds=8.0)
    after = {one.name: one.value for one in found.tried}
    assert {name: after[name] for name in before} == pytest.approx(before)
    client = MlflowClient(mlflow_uri)
    run = client.get_run(found.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["chosen"] == found.verdict.chosen.name
    below = client.search_runs(
        [run.info.experiment_id],
        filter_string=f"tags.`{MLFLOW_PARENT_RUN_ID}` = '{found.run_id}'",
    )
    assert sorted(one.data.tags["trial"] for one in below) == sorted(after)
    assert {"mrr_at_5", "seconds", "model_bytes"} <= below[0].data.metrics.keys()
    best = [point.value for point in client.get_metric_history(found.run_id, "best_so_far")]
    assert best == sorted(best)
    plots = {Path(file.path).name for file in client.list_artifacts(found.run_id, "plots")}
    assert plots == {"progress.png", "parallel.png", "importance.png", "pareto.png"}
    files = {file.path for file in client.list_artifacts(found.run_id)}
    assert {"MODEL.toml", "MODEL.md"} <= files


def test_what_is_found_is_a_configuration(killed: Path, walks: Path, mlflow_uri: str) -> None:
    """It is read back as it was, knows the way around the circle, and its card says so."""
    found = go_on(killed, walks, mlflow_uri, more_seconds=0.1)
    assert load_config(found.model_file) == found.config
    assert found.plan.hold_out is HoldOut.LAST
    assert found.verdict.checked.mean > 0.5
    assert found.verdict.gain_over_popular.low > 0
    card = found.card_file.read_text()
    for text in ("## Data", "## Protocol", "## Figures", "## Tried", "## Limits", "## Reproduce"):
        assert text in card
    assert str(found.verdict.checked) in card


def test_another_search_does_not_go_on_here(killed: Path, walks: Path, mlflow_uri: str) -> None:
    """Other data, another metric or another seed need another folder."""
    terms = Terms(
        wishes=Wishes(),
        tracking=TrackingConfig(tracking_uri=mlflow_uri, experiment="killed"),
        budget_seconds=500,
        work=killed,
    )
    with pytest.raises(InvalidConfig, match="another folder"):
        auto_files([walks], names={}, terms=terms)


def test_too_few_people_are_refused(tmp_path: Path, mlflow_uri: str) -> None:
    """With how many there are and how many are needed."""
    events = circles(user_count=12)
    frame = pl.DataFrame({"user_id": events.users, "item_id": events.items})
    frame.write_csv(tmp_path / "few.csv")
    terms = Terms(
        wishes=WISHES, tracking=TrackingConfig(tracking_uri=mlflow_uri), budget_seconds=5,
        work=tmp_path / "work",
    )  # fmt: skip
    with pytest.raises(InvalidData, match="40 are needed"):
        auto_files([tmp_path / "few.csv"], names={}, terms=terms)


def test_a_dataset_becomes_a_registered_model(
    shop: Dataset, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """Searched without the newest weeks, measured on them, published, with its card beside it."""
    store = BundleStore(tmp_path / "bundles")
    terms = Terms(
        wishes=WISHES, tracking=tracking, budget_seconds=12, work=tmp_path / "work", licence="CC0"
    )
    found, result = auto_dataset(shop.folder, terms=terms, bundle_store=store, now=NOW)
    client = MlflowClient(tracking.tracking_uri)
    entry = Registry(client, tracking.model_name).find(result.model_version)
    card = client.get_model_version(tracking.model_name, entry.number).description
    assert "newest weeks, unseen by the search" in card
    assert "Licence of the data: CC0" in card
    assert client.get_run(result.run_id).data.tags[MLFLOW_PARENT_RUN_ID] == found.run_id
    assert result.metrics[found.config.evaluate.primary] >= 0
    assert result.folder.is_dir()
