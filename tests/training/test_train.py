"""One run from events to champion, as MLflow, the bundle store and a notebook see it."""

import datetime as dt
import os
import re
import signal
from functools import partial
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient

from recsys.bundle import BundleStore, verify_bundle
from recsys.domain import EventType, ItemEvent, ItemId
from recsys.errors import InvalidData, StorageUnavailable
from recsys.events import NoHistories
from recsys.files import file_digest
from recsys.recommend import Recommender, RecommendQuery, ServingModel
from support.shops import line, write_dataset
from support.trained import CONFIG, NOW, Trained
from training.config import TrackingConfig, parse_config
from training.dataset import Dataset
from training.experiment import purchases_only_features
from training.train import train


@pytest.fixture
def client(mlflow_uri: str) -> MlflowClient:
    """MLflow, asked from outside."""
    return MlflowClient(mlflow_uri)


def test_a_good_model_is_published_registered_and_promoted(
    trained: Trained, client: MlflowClient
) -> None:
    """The store and the alias point at the same version, and every byte is sound."""
    result = trained.result
    assert result.promoted
    assert result.gate_failures == ()
    assert trained.store.current() == result.folder
    manifest = verify_bundle(result.folder).manifest
    assert manifest.model_version == result.model_version
    assert manifest.data_fingerprint == trained.dataset.info.fingerprint
    assert manifest.metrics == result.metrics
    assert manifest.lineage["run_id"] == result.run_id
    champion = client.get_model_version_by_alias("shop", "champion")
    assert champion.tags["model_version"] == result.model_version
    assert champion.run_id == result.run_id


def test_versions_are_readable_and_sort_by_time(trained: Trained) -> None:
    """Time of publishing, kind of model, digest."""
    assert re.fullmatch(r"20261121T201500Z-ials-[0-9a-f]{8}", trained.result.model_version)


def test_the_published_model_knows_everything_up_to_now(trained: Trained) -> None:
    """It is trained again on all events; the measured one stopped at the cut."""
    manifest = verify_bundle(trained.result.folder).manifest
    assert manifest.training_start_time == trained.dataset.info.start_time
    assert manifest.training_end_time == trained.dataset.info.end_time
    assert dt.datetime.fromisoformat(manifest.lineage["cut_time"]) < manifest.training_end_time


def test_the_run_tells_everything(trained: Trained, client: MlflowClient) -> None:
    """Parameters flat, metrics, curves, lineage, environment, seconds per step."""
    run = client.get_run(trained.result.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["model.factors"] == "8"
    assert run.data.params["features.event_weights.purchase-complete"] == "1.0"
    assert run.data.params["seed"] == "1"
    for name, value in trained.result.metrics.items():
        assert run.data.metrics[name] == pytest.approx(value), name
    for step in ("read", "fit", "fit_purchases_only", "evaluate", "refit", "publish", "log_model"):
        assert run.data.metrics[f"seconds/{step}"] >= 0
    curve = client.get_metric_history(run.info.run_id, "curve/new/recall")
    assert [point.step for point in curve] == [2, 5]
    loss = client.get_metric_history(run.info.run_id, "fit/training_loss")
    assert len(loss) == CONFIG.model.iterations  # type: ignore[union-attr]  # it is ials
    assert run.data.tags["version_implicit"]
    assert run.data.tags["gate"] == "passed"
    assert run.data.metrics["process/peak_memory_bytes"] > 50e6
    assert run.data.metrics["process/cpu_seconds"] > 0
    assert run.data.tags["mlflow.source.git.commit"] == run.data.tags["git_commit"]
    assert run.data.metrics["leaks"] == 0
    files = {file.path for file in client.list_artifacts(run.info.run_id, "evaluation")}
    assert files == {"evaluation/report.json", "evaluation/report.values.parquet"}
    dataset = run.inputs.dataset_inputs[0].dataset
    assert dataset.digest == trained.dataset.info.fingerprint


def test_the_gain_of_cross_channel_data_is_a_number(trained: Trained) -> None:
    """Against purchases alone and against the popular list, with intervals."""
    metrics = trained.result.metrics
    for rival in ("popularity", "purchases_only"):
        low, mean, high = (metrics[f"gain_over_{rival}{end}"] for end in ("_low", "", "_high"))
        assert low <= mean <= high
        assert metrics[f"gain_over_{rival}_ratio"] > 1.0


def test_plots_and_the_table_are_artifacts(trained: Trained, client: MlflowClient) -> None:
    """Four figures that are pictures, and one table."""
    run_id = trained.result.run_id
    plots = {Path(file.path).name: file for file in client.list_artifacts(run_id, "plots")}
    assert set(plots) == {"curves.png", "against_baselines.png", "channels.png", "popularity.png"}
    for file in plots.values():
        picture = Path(client.download_artifacts(run_id, file.path)).read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 5_000
    experiment = client.get_run(run_id).info.experiment_id
    table = client.load_table(experiment, "evaluation.json", run_ids=[run_id])
    assert set(table["lists"]) >= {"any", "new", "popularity/new", "channel_web/any"}


def test_the_bundle_in_mlflow_is_the_published_one(trained: Trained, mlflow_uri: str) -> None:
    """File by file, by checksum."""
    mlflow.set_tracking_uri(mlflow_uri)
    version = MlflowClient(mlflow_uri).get_model_version_by_alias("shop", "champion")
    folder = (
        Path(mlflow.artifacts.download_artifacts(f"models:/shop/{version.version}"))
        / version.tags["bundle_path"]
    )
    published = {path.name: file_digest(path) for path in trained.result.folder.iterdir()}
    assert {path.name: file_digest(path) for path in folder.iterdir()} == published


def test_the_pyfunc_answers_as_the_server_does(trained: Trained, mlflow_uri: str) -> None:
    """Loaded by alias, from a frame of histories, with and without event types."""
    mlflow.set_tracking_uri(mlflow_uri)
    model = mlflow.pyfunc.load_model("models:/shop@champion")
    frame = pd.DataFrame(
        {
            "user_id": ["amy", "bob", "zoe"],
            "item_ids": [["i001", "i003"], ["i000", "i002"], []],
            "event_types": [
                ["detail-page-view", "purchase-complete"],
                ["purchase-complete", "return"],
                [],
            ],
            "ages_days": [[400.0, 1.0], [2.0, 1.0], []],
        },
        index=[7, 8, 9],
    )
    found = model.predict(frame, params={"count": 5})
    assert found.index.tolist() == [7, 8, 9]
    assert found["user_id"].tolist() == ["amy", "bob", "zoe"]
    serving = ServingModel.from_bundle(verify_bundle(trained.result.folder))
    recommender = Recommender(histories=NoHistories())
    for _, row in frame.iterrows():
        events = tuple(
            ItemEvent(
                item_id=ItemId(item),
                event_type=EventType(kind),
                channel=None,
                event_time=NOW.timestamp() - age * 86_400,
            )
            for item, kind, age in zip(
                row["item_ids"], row["event_types"], row["ages_days"], strict=True
            )
        )
        answer = recommender.recommend(
            serving,
            RecommendQuery(recent_events=events, result_count=5),
            now=NOW.timestamp(),
        )
        mine = found[found["user_id"] == row["user_id"]].iloc[0]
        assert mine["item_ids"] == [result.item_id for result in answer.results]
        assert mine["scores"] == pytest.approx([result.score for result in answer.results])
        assert mine["reasons"] == [result.reason.kind.value for result in answer.results]


def test_the_pyfunc_takes_bare_histories(trained: Trained, mlflow_uri: str) -> None:
    """One column is enough; a person of odd taste gets odd items."""
    del trained
    mlflow.set_tracking_uri(mlflow_uri)
    model = mlflow.pyfunc.load_model("models:/shop@champion")
    found = model.predict(pd.DataFrame({"item_ids": [["i001", "i003", "i005"]]}))
    items = found["item_ids"][0]
    assert not {"i001", "i003", "i005"} & set(items)
    assert all(int(item[1:]) % 2 == 1 for item in items[:5])
    again = model.predict(
        pd.DataFrame({"item_ids": [["i001", "i003", "i005"]]}), params={"include_seen": True}
    )
    assert {"i001", "i003", "i005"} & set(again["item_ids"][0])


def test_the_same_data_and_seed_give_the_same_numbers(
    trained: Trained, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """To the last bit, under another name, without promotion if so asked."""
    again = train(
        dataset=trained.dataset,
        config=CONFIG,
        tracking=TrackingConfig(
            tracking_uri=tracking.tracking_uri,
            experiment=tracking.experiment,
            model_name=tracking.model_name,
            promote=False,
        ),
        bundle_store=BundleStore(tmp_path),
        now=NOW,
        seed=1,
    )
    assert again.metrics == trained.result.metrics
    assert again.model_version != trained.result.model_version
    assert not again.promoted
    assert BundleStore(tmp_path).current() is None
    one, two = verify_bundle(trained.result.folder), verify_bundle(again.folder)
    np.testing.assert_array_equal(one.item_factors, two.item_factors)


def test_a_model_no_better_than_popularity_is_published_but_not_promoted(
    shop: Dataset, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """The popular list cannot beat itself."""
    store = BundleStore(tmp_path)
    result = train(
        dataset=shop,
        config=parse_config("[model]\ntype = 'popularity'\n[evaluate]\npurchases_only = false"),
        tracking=tracking,
        bundle_store=store,
        now=NOW,
    )
    assert not result.promoted
    assert "popular list" in result.gate_failures[0]
    assert result.folder.is_dir()
    assert store.current() is None
    client = MlflowClient(tracking.tracking_uri)
    assert client.get_run(result.run_id).data.tags["gate"] == result.gate_failures[0]


def test_without_measuring_nothing_is_promoted(
    shop: Dataset, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """A model without metrics fails the gate."""
    result = train(
        dataset=shop,
        config=parse_config("[model]\ntype = 'cosine'\n[evaluate]\nenabled = false"),
        tracking=tracking,
        bundle_store=BundleStore(tmp_path),
        now=NOW,
    )
    assert not result.promoted
    assert "was not measured" in result.gate_failures[0]
    assert verify_bundle(result.folder).manifest.metrics == {}


def test_without_refit_the_measured_model_is_published(
    shop: Dataset, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """It knows nothing after the cut, and its manifest says so."""
    config = parse_config(
        "[model]\ntype = 'tfidf'\n[publish]\nrefit = false\n"
        "[evaluate]\npurchases_only = false\nk = [5]\nprimary_k = 5"
    )
    result = train(
        dataset=shop, config=config, tracking=tracking, bundle_store=BundleStore(tmp_path), now=NOW
    )
    manifest = verify_bundle(result.folder).manifest
    assert manifest.training_end_time < dt.datetime.fromisoformat(manifest.lineage["cut_time"])


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)]
)
def test_an_interrupted_run_ends_as_killed(
    shop: Dataset,
    tracking: TrackingConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    *,
    number: signal.Signals,
    raised: type[BaseException],
) -> None:
    """The signal arrives while it reads; nothing is published and the handler is put back."""
    before = signal.getsignal(signal.SIGTERM)
    # A shell starts background jobs with SIGINT ignored, and Python leaves it so.
    request.addfinalizer(partial(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT)))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    read = Dataset.events

    def interrupted(dataset: Dataset) -> object:
        os.kill(os.getpid(), number)
        return read(dataset)

    monkeypatch.setattr(Dataset, "events", interrupted)
    with pytest.raises(raised):
        train(
            dataset=shop,
            config=CONFIG,
            tracking=tracking,
            bundle_store=BundleStore(tmp_path),
            now=NOW,
        )
    assert signal.getsignal(signal.SIGTERM) is before
    assert BundleStore(tmp_path).versions() == []
    client = MlflowClient(tracking.tracking_uri)
    experiment = client.get_experiment_by_name(tracking.experiment)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert [run.info.status for run in runs] == ["KILLED"]


def test_a_failed_run_says_why(tracking: TrackingConfig, tmp_path: Path) -> None:
    """Data without a single item line cannot be learned from."""
    dataset = write_dataset(tmp_path / "shop", [line("amy", None, "search", day=1)])
    with pytest.raises(InvalidData, match="no event has an item"):
        train(
            dataset=dataset,
            config=CONFIG,
            tracking=tracking,
            bundle_store=BundleStore(tmp_path / "store"),
            now=NOW,
        )
    client = MlflowClient(tracking.tracking_uri)
    experiment = client.get_experiment_by_name(tracking.experiment)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"
    assert run.data.tags["error_type"] == "InvalidData"
    assert "no event has an item" in run.data.tags["error"]


def test_a_store_that_cannot_be_written_fails_the_run(
    shop: Dataset, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """Nothing is registered and nothing is left; a full disk takes the same way."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        train(
            dataset=shop,
            config=parse_config("[model]\ntype = 'cosine'\n[evaluate]\nenabled = false"),
            tracking=tracking,
            bundle_store=BundleStore(tmp_path / "file" / "store"),
            now=NOW,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    client = MlflowClient(tracking.tracking_uri)
    experiment = client.get_experiment_by_name(tracking.experiment)
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FAILED"
    assert client.search_model_versions(f"name='{tracking.model_name}'") == []


def test_filters_that_leave_nothing_are_named(
    shop: Dataset, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """The message says which sections to look at."""
    with pytest.raises(InvalidData, match=r"\[filter\]"):
        train(
            dataset=shop,
            config=parse_config("[filter]\nitem_users_min = 1000"),
            tracking=tracking,
            bundle_store=BundleStore(tmp_path),
            now=NOW,
        )


def test_an_unreachable_mlflow_is_said_before_anything_is_done(
    shop: Dataset, tmp_path: Path
) -> None:
    """A folder that cannot be a database."""
    (tmp_path / "mlflow.db").mkdir()
    with pytest.raises(StorageUnavailable):
        train(
            dataset=shop,
            config=CONFIG,
            tracking=TrackingConfig(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db"),
            bundle_store=BundleStore(tmp_path / "store"),
            now=NOW,
        )


def test_purchases_only_keeps_purchases_and_returns() -> None:
    """And is nothing where purchases weigh nothing."""
    features = purchases_only_features(CONFIG.features)
    assert features is not None
    assert set(features.event_weights) == {EventType.PURCHASE_COMPLETE, EventType.RETURN}
    assert features.half_life_days == CONFIG.features.half_life_days
    views = parse_config("[features.event_weights]\ndetail-page-view = 1.0").features
    assert purchases_only_features(views) is None
