"""The champion moves forward through the gate, by force when told, and back."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mlflow import MlflowClient

from recsys.bundle import BundleStore, verify_bundle
from recsys.errors import BundleError, GateFailed
from support.trained import CONFIG, NOW, Trained
from training.compare import compare
from training.config import TrackingConfig, parse_config
from training.dataset import Dataset
from training.serving_check import check_answers
from training.tracking import tags
from training.tracking.client import connected
from training.tracking.contestants import EvaluationMissing, contestants
from training.tracking.promotion import Promoter
from training.tracking.registry import ModelNotRegistered, RegisteredVersion, Registry
from training.train import TrainResult, train

GOOD = CONFIG
USELESS = parse_config(
    "[model]\ntype = 'popularity'\n"
    "[evaluate]\nk = [2, 5]\nprimary_k = 5\nbootstrap_count = 100\npurchases_only = false\n"
)


def _register(registry: Registry, name: str) -> RegisteredVersion:
    """Register a version without files; enough for moving the alias."""
    experiment = registry.client.get_experiment_by_name("Default")
    assert experiment is not None
    run = registry.client.create_run(experiment.experiment_id)
    return registry.register(
        source=f"runs:/{run.info.run_id}/model",
        run_id=run.info.run_id,
        model_id=None,
        tags={tags.TAG_MODEL_VERSION: name},
    )


@pytest.fixture
def registry(mlflow_uri: str, request: pytest.FixtureRequest) -> Registry:
    """A model of the test's own."""
    with connected(mlflow_uri) as client:
        return Registry(client, request.node.name)


def _at(minute: int) -> dt.datetime:
    return NOW + dt.timedelta(minutes=minute)


def test_rollback_goes_back_step_by_step(registry: Registry, mlflow_uri: str) -> None:
    """Each rollback undoes one promotion; at the first champion it stops."""
    with connected(mlflow_uri):
        one, two, three = (_register(registry, f"v{number}") for number in (1, 2, 3))
        for minute, version in enumerate((one, two, three)):
            registry.promote(version, now=_at(minute), forced=False)
        assert registry.rollback().model_version == "v2"
        assert registry.rollback().model_version == "v1"
        with pytest.raises(ModelNotRegistered):
            registry.rollback()
        champion = registry.champion()
        assert champion is not None
        assert champion.model_version == "v1"


def test_all_that_was_measured_of_the_champion_is_compared(
    registry: Registry, mlflow_uri: str
) -> None:
    """Its tags say its own primary metric; the rest is in its run, if that is still there."""
    with connected(mlflow_uri) as client:
        assert registry.measured_champion() is None
        entry = _register(registry, "v1")
        client.log_metric(entry.run_id, "any/ndcg_at_20", 0.25)
        registry.promote(entry, now=NOW, forced=False)
        champion = registry.measured_champion()
        assert champion is not None
        assert (champion.model_version, champion.metrics) == ("v1", {"any/ndcg_at_20": 0.25})


def test_a_promotion_after_a_rollback_starts_a_new_line(
    registry: Registry, mlflow_uri: str
) -> None:
    """What was undone does not come back."""
    with connected(mlflow_uri):
        one, two, three = (_register(registry, f"v{number}") for number in (1, 2, 3))
        registry.promote(one, now=_at(0), forced=False)
        registry.promote(two, now=_at(1), forced=True)
        registry.rollback()
        registry.promote(three, now=_at(2), forced=False)
        assert registry.rollback().model_version == "v1"
        promotions = {
            version.model_version: version.tags[tags.TAG_PROMOTION]
            for version in registry.versions()
        }
        assert promotions == {"v1": "gate passed", "v2": "rolled back", "v3": "rolled back"}


def test_a_deleted_champion_is_skipped_on_the_way_back(registry: Registry, mlflow_uri: str) -> None:
    """The alias never dangles."""
    with connected(mlflow_uri):
        versions = [_register(registry, f"v{number}") for number in (1, 2, 3)]
        for minute, version in enumerate(versions):
            registry.promote(version, now=_at(minute), forced=False)
        registry.client.delete_model_version(registry.model_name, versions[1].number)
        assert registry.rollback().model_version == "v1"


def test_versions_are_found_by_name_number_and_latest(registry: Registry, mlflow_uri: str) -> None:
    """And not by anything else."""
    with connected(mlflow_uri):
        one, two = (_register(registry, name) for name in ("v1", "v2"))
        assert registry.find("v1").number == one.number
        assert registry.find(two.number).model_version == "v2"
        assert registry.find("latest").model_version == "v2"
        for missing in ("v3", "17", ""):
            with pytest.raises(ModelNotRegistered):
                registry.find(missing)


def test_an_unknown_model_has_no_versions(mlflow_uri: str) -> None:
    """Asking does not make it."""
    with connected(mlflow_uri) as client:
        registry = Registry(client, "never registered")
        assert registry.versions() == []
        assert registry.champion() is None
        with pytest.raises(ModelNotRegistered):
            registry.find("latest")


@pytest.fixture
def useless(shop: Dataset, tracking: TrackingConfig, tmp_path: Path) -> TrainResult:
    """A registered model that the gate refused, after a good champion."""
    store = BundleStore(tmp_path / "store")
    for minute, config in enumerate((GOOD, USELESS)):
        result = train(
            dataset=shop,
            config=config,
            tracking=tracking,
            bundle_store=store,
            now=_at(minute),
            seed=1,
        )
    return result


def test_the_gate_holds_until_it_is_forced(
    useless: TrainResult, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """A refused model names its failures; forcing is recorded; rollback undoes it."""
    store = BundleStore(tmp_path / "store")
    assert not useless.promoted
    beaten, behind, *segments = useless.gate_failures
    assert "popular list" in beaten
    assert "champion" in behind
    assert [text.split(" is ")[0] for text in segments] == [
        "channel_web/new/ndcg_at_5", "channel_store/new/ndcg_at_5"
    ]  # fmt: skip
    with connected(tracking.tracking_uri) as client:
        promoter = Promoter(
            client,
            tracking_uri=tracking.tracking_uri,
            model_name=tracking.model_name,
            store=store,
        )
        good = promoter.registry.champion()
        assert good is not None
        with pytest.raises(GateFailed) as caught:
            promoter.promote("latest", force=False, now=_at(5))
        assert caught.value.failures == useless.gate_failures
        assert promoter.registry.find("challenger").model_version == useless.model_version
        entry, overridden = promoter.promote(
            "challenger", force=True, now=_at(5), reason="a test of the shop's nerves"
        )
        assert tuple(overridden) == useless.gate_failures
        about = promoter.registry.find(entry.number)
        assert about.tags[tags.TAG_PROMOTION] == "forced"
        assert about.tags[tags.TAG_PROMOTION_REASON] == "a test of the shop's nerves"
        assert about.aliases == ("champion",)
        assert store.current() == useless.folder
        assert promoter.rollback().number == good.number
        assert store.current() == store.path(good.model_version)


def test_a_damaged_bundle_fails_the_gate(
    trained: Trained, tracking: TrackingConfig, tmp_path: Path
) -> None:
    """Registered and good on paper, but the files are not what was published."""
    client = MlflowClient(tracking.tracking_uri)
    good = client.get_model_version_by_alias("shop", "champion")
    with connected(tracking.tracking_uri):
        registry = Registry(client, tracking.model_name)
        registry.register(
            source=good.source, run_id=good.run_id, model_id=None, tags=dict(good.tags)
        )
        store = BundleStore(tmp_path)
        promoter = Promoter(
            client,
            tracking_uri=tracking.tracking_uri,
            model_name=tracking.model_name,
            store=store,
        )
        promoter.promote("latest", force=False, now=NOW)
        factors = store.path(trained.result.model_version) / "item_factors.npy"
        content = bytearray(factors.read_bytes())
        content[-1] ^= 1
        factors.write_bytes(bytes(content))
        with pytest.raises(GateFailed, match="checksum differs"):
            promoter.promote("latest", force=False, now=NOW)


def test_runs_versions_and_aliases_compare_with_each_other(
    useless: TrainResult, tracking: TrackingConfig
) -> None:
    """Champion against challenger, by alias, by name and by run."""
    names = ("champion", "challenger", useless.run_id, useless.model_version)
    champion, *others = contestants(
        names, tracking_uri=tracking.tracking_uri, model_name=tracking.model_name
    )
    for other in others:
        decides = compare(champion, other, rng=np.random.default_rng(0)).primary_difference
        assert decides is not None
        assert decides.high is not None
        assert decides.high < 0
        assert decides.second == pytest.approx(useless.metrics["new/ndcg_at_5"])
    with pytest.raises(EvaluationMissing, match="neither a run nor"):
        contestants(
            ("nobody", "champion"),
            tracking_uri=tracking.tracking_uri,
            model_name=tracking.model_name,
        )


def test_a_bundle_that_answers_nonsense_fails_the_serving_check(trained: Trained) -> None:
    """Sound arrays, but a prior that is no number for the items that it ranks."""
    bundle = verify_bundle(trained.result.folder)
    check_answers(bundle)
    broken = replace(bundle, prior=np.full(len(bundle.items), np.nan, dtype=np.float32))
    with pytest.raises(BundleError, match="serving check"):
        check_answers(broken)


def test_what_the_gate_compares_survives_the_registry() -> None:
    """Numbers keep every digit on their way through tags."""
    measured = tags.measured(
        {
            tags.TAG_PRIMARY: "new/ndcg_at_20",
            tags.TAG_PRIMARY_VALUE: repr(0.1 + 0.2),
            tags.TAG_MEASURED_ON: "x",
            tags.TAG_MODEL_VERSION: "v1",
            tags.TAG_NOT_FINITE: "any/mrr_at_5",
        }
    )
    assert measured.metrics["new/ndcg_at_20"] == 0.1 + 0.2
    assert measured.metrics["any/mrr_at_5"] != measured.metrics["any/mrr_at_5"]
    assert replace(measured, metrics={}).model_version == "v1"
