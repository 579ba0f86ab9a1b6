"""A champion of other data is compared by its configuration, on the candidate's data."""

import datetime as dt
from pathlib import Path

import msgspec
import numpy as np
import pytest

from recsys.bundle import BundleStore
from recsys.errors import GateFailed
from support.shops import checkerboard, write_dataset
from support.trained import CONFIG, NOW, Trained
from training.config import GateConfig, TrackingConfig, TrainConfig, parse_config
from training.dataset import Dataset
from training.stored import Contestant
from training.tracking.client import connected
from training.tracking.contestants import contestants
from training.tracking.promotion import Promoter
from training.tracking.segments import segment_differences
from training.train import TrainResult, train
from training.user_values import UserValues

BLIND = msgspec.structs.replace(
    parse_config(
        "[model]\ntype = 'popularity'\n"
        "[evaluate]\nk = [2, 5]\nprimary_k = 5\nbootstrap_count = 100\npurchases_only = false\n"
    ),
    # The popular list may be as good; what is looked at here is the champion.
    gate=GateConfig(gain_over_popularity_min=-1.0),
)
"""A model that anybody's beats."""


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """Where the test's bundles are."""
    return BundleStore(tmp_path / "store")


@pytest.fixture(scope="module")
def tomorrow(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The same shop, imported again under another fingerprint."""
    folder = tmp_path_factory.mktemp("tomorrow") / "data"
    return write_dataset(folder, checkerboard(), fingerprint="f1")


def trained_on(
    dataset: Dataset,
    config: TrainConfig,
    tracking: TrackingConfig,
    store: BundleStore,
    *,
    minute: int,
) -> TrainResult:
    """Train at some minute."""
    return train(
        dataset=dataset,
        config=config,
        tracking=tracking,
        bundle_store=store,
        now=NOW + dt.timedelta(minutes=minute),
        seed=1,
    )


def test_a_nightly_run_is_compared_with_the_champion_of_yesterday(
    shop: Dataset, tomorrow: Dataset, tracking: TrackingConfig, store: BundleStore
) -> None:
    """A worse model is refused, by training and by hand, though the data are others."""
    champion = trained_on(shop, CONFIG, tracking, store, minute=0)
    assert champion.promoted
    worse = trained_on(tomorrow, BLIND, tracking, store, minute=1)
    assert not worse.promoted
    assert any(f"champion {champion.model_version}" in text for text in worse.gate_failures)
    same = trained_on(tomorrow, CONFIG, tracking, store, minute=2)
    assert same.promoted
    assert "rematch" in same.step_seconds
    with connected(tracking.tracking_uri) as client:
        notes: list[str] = []
        promoter = Promoter(
            client,
            tracking_uri=tracking.tracking_uri,
            model_name=tracking.model_name,
            store=store,
            told=notes.append,
        )
        promoter.rollback()
        # The champion that it met when it was trained: what was measured then is kept.
        with pytest.raises(GateFailed) as caught:
            promoter.promote(worse.model_version, force=False, now=NOW + dt.timedelta(minutes=3))
        assert caught.value.failures == worse.gate_failures
        assert not notes


def test_another_champion_is_asked_when_a_version_is_promoted(
    shop: Dataset, tracking: TrackingConfig, store: BundleStore, tmp_path: Path
) -> None:
    """On the version's own data, if they are still there; if not, that is said."""
    moved = write_dataset(tmp_path / "moved" / "data", checkerboard(), fingerprint="f2")
    worse = trained_on(moved, BLIND, tracking, store, minute=0)
    better = trained_on(shop, CONFIG, tracking, store, minute=1)
    assert better.promoted
    with connected(tracking.tracking_uri) as client:
        notes: list[str] = []
        promoter = Promoter(
            client,
            tracking_uri=tracking.tracking_uri,
            model_name=tracking.model_name,
            store=store,
            told=notes.append,
        )
        later = NOW + dt.timedelta(minutes=2)
        with pytest.raises(GateFailed) as caught:
            promoter.promote(worse.model_version, force=False, now=later)
        assert any(better.model_version in text for text in caught.value.failures)
        moved.folder.rename(tmp_path / "elsewhere")
        with pytest.raises(GateFailed) as caught:
            promoter.promote(
                worse.model_version, force=False, now=later, data=tmp_path / "elsewhere"
            )
        assert not notes
        entry, failures = promoter.promote(worse.model_version, force=False, now=later)
        assert entry.model_version == worse.model_version
        assert not failures
        assert better.model_version in notes[0]
        assert "f2" in notes[0]


def test_segments_are_compared_by_the_candidates_metric(trained: Trained) -> None:
    """As the gate is: a champion that was chosen by another metric is no way around it."""
    (champion,) = contestants(
        [trained.result.model_version],
        tracking_uri=trained.tracking.tracking_uri,
        model_name=trained.tracking.model_name,
    )
    stored = msgspec.structs.replace(
        champion.stored, name="candidate", primary_metric="recall_at_5"
    )
    assert champion.stored.primary_metric != stored.primary_metric
    worse = {
        cut: {lists: _without(found, "recall_at_5") for lists, found in kinds.items()}
        for cut, kinds in champion.values.items()
    }
    found = segment_differences(champion, Contestant(stored=stored, values=worse), users_min=2)
    assert found
    assert {one.metric for one in found} == {"recall_at_5"}
    assert all(one.difference < 0 for one in found)


def _without(found: UserValues, metric: str) -> UserValues:
    """Return the values of people of whom nothing was found."""
    return UserValues(
        users=found.users,
        values=dict(found.values) | {metric: np.zeros(len(found.users))},
        digest=found.digest,
    )
