"""A fit that starts from the last bundle: as good in fewer rounds, and without foresight."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from recsys.bundle import Bundle, BundleStore, verify_bundle
from recsys.errors import InvalidConfig
from support.shops import checkerboard, line, write_dataset
from support.trained import NOW
from training.config import TrackingConfig, TrainConfig, parse_config
from training.dataset import Dataset
from training.train import TrainResult, train
from training.warm import find_bundle, warm_start

ROUNDS, WARM_ROUNDS = 12, 2


def ials(*, rounds: int, measured: bool = False, factors: int = 8) -> TrainConfig:
    """Configure a factorisation that tells its loss."""
    return parse_config(
        f"[model]\ntype = 'ials'\nfactors = {factors}\niterations = {rounds}\n"
        f"warm_iterations = {WARM_ROUNDS}\ntraining_loss = true\n"
        f"[evaluate]\nenabled = {str(measured).lower()}\nbootstrap_count = 100\n"
        "purchases_only = false\n"
    )


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """Where the test's bundles are."""
    return BundleStore(tmp_path / "store")


@pytest.fixture
def tomorrow(tmp_path: Path) -> Dataset:
    """The shop with another day: somebody new buys, and an item is new."""
    lines = [*checkerboard()]
    newest = max(one["event_time"] for one in lines)
    last = next(one for one in lines if one["event_time"] == newest)
    new = line("somebody new", "an item of today", "purchase-complete", day=200.0)
    again = line("somebody new", last["item_id"], "purchase-complete", day=200.5)
    return write_dataset(tmp_path / "tomorrow", [*lines, new, again], fingerprint="f1")


def trained(
    dataset: Dataset,
    config: TrainConfig,
    tracking: TrackingConfig,
    store: BundleStore,
    *,
    warm: Bundle | None = None,
) -> TrainResult:
    """Train, perhaps from a bundle."""
    return train(
        dataset=dataset, config=config, tracking=tracking, bundle_store=store, now=NOW, warm=warm
    )


def loss_of(result: TrainResult, tracking: TrackingConfig) -> float:
    """Return what was left to explain at the end of the fit that is published."""
    run = MlflowClient(tracking.tracking_uri).get_run(result.run_id)
    return float(run.data.metrics["refit/final_loss"])


def test_fewer_rounds_from_the_last_bundle_are_as_good_as_all_from_chance(
    shop: Dataset, tomorrow: Dataset, tracking: TrackingConfig, store: BundleStore
) -> None:
    """Factors are found again by item, and what is new starts from chance."""
    yesterday = trained(shop, ials(rounds=ROUNDS), tracking, store)
    bundle = verify_bundle(yesterday.folder)
    cold = loss_of(trained(tomorrow, ials(rounds=ROUNDS), tracking, store), tracking)
    short = loss_of(trained(tomorrow, ials(rounds=WARM_ROUNDS), tracking, store), tracking)
    result = trained(tomorrow, ials(rounds=ROUNDS), tracking, store, warm=bundle)
    warm = loss_of(result, tracking)
    assert warm <= 1.02 * cold
    assert warm < short
    made = verify_bundle(result.folder).manifest
    assert made.lineage["warm_start"] == yesterday.model_version


def test_what_is_measured_starts_only_from_what_ended_before_the_cut(
    shop: Dataset, tracking: TrackingConfig, store: BundleStore
) -> None:
    """A bundle of last night has seen part of what is held out."""
    config = ials(rounds=3, measured=True)
    newest = trained(shop, config, tracking, store)
    after = trained(shop, config, tracking, store, warm=verify_bundle(newest.folder))
    assert "warm_start" not in verify_bundle(after.folder).manifest.lineage
    assert after.metrics == newest.metrics
    old = trained(
        shop,
        parse_config(
            "[model]\ntype = 'ials'\nfactors = 8\n[publish]\nrefit = false\n"
            "[evaluate]\nbootstrap_count = 100\npurchases_only = false\n"
        ),
        tracking,
        store,
    )
    before = trained(shop, config, tracking, store, warm=verify_bundle(old.folder))
    lineage = verify_bundle(before.folder).manifest.lineage
    assert lineage["warm_start"] == old.model_version


def test_bundles_are_found_by_name_and_must_fit(
    shop: Dataset, tracking: TrackingConfig, store: BundleStore
) -> None:
    """The current one, one of the store, or a folder; with as many factors."""
    with pytest.raises(InvalidConfig, match="no current bundle"):
        find_bundle("latest", store)
    made = trained(shop, ials(rounds=1), tracking, store)
    store.set_current(made.model_version)
    for name in ("latest", made.model_version, str(made.folder)):
        found = find_bundle(name, store)
        assert found.manifest.model_version == made.model_version
    with pytest.raises(InvalidConfig, match="has 8 factors and the model 16"):
        warm_start(found, ["a"], model=ials(rounds=1, factors=16).model)
    with pytest.raises(InvalidConfig, match="none that can start"):
        warm_start(found, ["a"], model=parse_config("[model]\ntype = 'bm25'\n").model)
