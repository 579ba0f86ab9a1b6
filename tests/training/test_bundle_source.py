"""Bundles from the registry: the port of the server, against a real MLflow."""

import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from recsys.bundle import BundleStore, verify_bundle
from recsys.errors import BundleCorrupt, BundleUnavailable
from recsys.files import file_digest
from recsys.storage import mlflow_bundles
from recsys.storage.mlflow_bundles import MlflowBundleSource, translate
from support.trained import Trained
from training.config import TrackingConfig
from training.tracking.client import connected
from training.tracking.registry import Registry


@pytest.fixture
def source(trained: Trained) -> MlflowBundleSource:
    """The champion of the shop."""
    return MlflowBundleSource(tracking_uri=trained.tracking.tracking_uri, model_name="shop")


def test_the_champion_arrives_verified_and_becomes_current(
    source: MlflowBundleSource, trained: Trained, tmp_path: Path
) -> None:
    """The very files that were published."""
    store = BundleStore(tmp_path)
    version = source.latest_version()
    assert version == trained.result.model_version
    assert source.fetch(store) == version
    folder = store.path(version)
    assert store.current() == folder
    verify_bundle(folder)
    published = {path.name: file_digest(path) for path in trained.result.folder.iterdir()}
    assert {path.name: file_digest(path) for path in folder.iterdir()} == published
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["CURRENT", version])


def test_a_bundle_that_is_there_is_not_downloaded_again(
    source: MlflowBundleSource, tmp_path: Path
) -> None:
    """The files keep their identity."""
    store = BundleStore(tmp_path)
    folder = store.path(source.fetch(store))
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    source.fetch(store)
    assert {path.name: path.stat().st_ino for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    ("model_name", "alias"), [("no such model", "champion"), ("shop", "challenger")]
)
def test_no_model_is_unavailable(
    trained: Trained, tmp_path: Path, model_name: str, alias: str
) -> None:
    """Neither a missing model nor a missing alias is anything worse."""
    source = MlflowBundleSource(
        tracking_uri=trained.tracking.tracking_uri, model_name=model_name, alias=alias
    )
    for ask in (source.latest_version, lambda: source.fetch(BundleStore(tmp_path))):
        with pytest.raises(BundleUnavailable, match=model_name):
            ask()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_database_is_unavailable_and_not_made(tmp_path: Path) -> None:
    """A server never creates a tracking database."""
    database = tmp_path / "mlflow.db"
    source = MlflowBundleSource(tracking_uri=f"sqlite:///{database}", model_name="shop")
    with pytest.raises(BundleUnavailable, match="no database"):
        source.latest_version()
    assert not database.exists()


def test_an_unreachable_server_is_unavailable(unused_port: int) -> None:
    """Soon: one more try and that is it."""
    source = MlflowBundleSource(tracking_uri=f"http://127.0.0.1:{unused_port}", model_name="shop")
    with pytest.raises(BundleUnavailable):
        source.latest_version()


def _copy_registered(tracking: TrackingConfig, **changed: str) -> Path:
    """Register the champion again under another name, pointing at a copy of its files."""
    client = MlflowClient(tracking.tracking_uri)
    good = client.get_model_version_by_alias("shop", "champion")
    original = Path(
        client.get_model_version_download_uri("shop", good.version).removeprefix("file://")
    )
    copy = original.parent / tracking.model_name
    shutil.copytree(original, copy)
    with connected(tracking.tracking_uri):
        registry = Registry(client, tracking.model_name)
        entry = registry.register(
            source=f"file://{copy}",
            run_id=good.run_id,
            model_id=None,
            tags={**good.tags, **changed},
        )
        client.set_registered_model_alias(tracking.model_name, "champion", entry.number)
    return copy / good.tags["bundle_path"]


@pytest.mark.usefixtures("trained")
def test_a_damaged_download_is_refused_and_the_current_bundle_stays(
    tracking: TrackingConfig, source: MlflowBundleSource, tmp_path: Path
) -> None:
    """Nothing of it is left."""
    bundle = _copy_registered(tracking, model_version="other-version")
    array = bundle / "item_factors.npy"
    array.write_bytes(array.read_bytes()[:-4] + b"\0\0\0\1")
    store = BundleStore(tmp_path)
    current = source.fetch(store)
    bad = MlflowBundleSource(tracking_uri=tracking.tracking_uri, model_name=tracking.model_name)
    with pytest.raises(BundleCorrupt, match="checksum differs"):
        bad.fetch(store)
    assert store.current() == store.path(current)
    assert store.versions() == [current]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("trained")
def test_a_bundle_under_another_name_is_refused(tracking: TrackingConfig, tmp_path: Path) -> None:
    """The registry says one version and the files another."""
    _copy_registered(tracking, model_version="other-version")
    source = MlflowBundleSource(tracking_uri=tracking.tracking_uri, model_name=tracking.model_name)
    with pytest.raises(BundleCorrupt, match="the registry says other-version"):
        source.fetch(BundleStore(tmp_path))


@pytest.mark.parametrize("name", ["../escape", ".hidden", "a/b"])
@pytest.mark.usefixtures("trained")
def test_a_version_tag_cannot_leave_the_store(
    tracking: TrackingConfig, tmp_path: Path, name: str
) -> None:
    """Whatever somebody wrote into the registry."""
    tracking = TrackingConfig(
        tracking_uri=tracking.tracking_uri,
        model_name=f"escape {['../escape', '.hidden', 'a/b'].index(name)}",
    )
    _copy_registered(tracking, model_version=name)
    source = MlflowBundleSource(tracking_uri=tracking.tracking_uri, model_name=tracking.model_name)
    with pytest.raises(BundleUnavailable, match="must name a bundle"):
        source.fetch(BundleStore(tmp_path / "store"))
    assert list(tmp_path.iterdir()) == []


@contextmanager
def _disk_for_files_of(bytes_max: int) -> Iterator[None]:
    """Let the kernel refuse larger files, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_leaves_nothing_half(source: MlflowBundleSource, tmp_path: Path) -> None:
    """And the next try, with room, succeeds."""
    store = BundleStore(tmp_path)
    with _disk_for_files_of(500), pytest.raises(BundleUnavailable):
        source.fetch(store)
    assert list(tmp_path.iterdir()) == []
    assert store.current() is None
    assert store.path(source.fetch(store)).is_dir()


def test_every_foreign_error_has_a_translation() -> None:
    """By the table, subclasses included, and nothing else passes as one of ours."""
    examples: list[Exception] = [
        MlflowException("gone"),
        requests.ConnectionError("refused"),
        requests.Timeout("slow"),
        SQLAlchemyError("locked"),
        OSError(28, "No space left on device"),
        FileNotFoundError("missing"),
    ]
    covered = set()
    for error in examples:
        translated = translate(error, source="here")
        assert isinstance(translated, BundleUnavailable)
        assert type(error).__name__ in str(translated)
        covered |= {kind for kind in mlflow_bundles._FOREIGN_ERRORS if isinstance(error, kind)}
    assert covered == set(mlflow_bundles._FOREIGN_ERRORS)
    with pytest.raises(TypeError):
        translate(ValueError("ours to fix"), source="here")
