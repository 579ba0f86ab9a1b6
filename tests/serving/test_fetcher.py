"""Following a registry: new versions arrive, failures leave what there is."""

import logging
from pathlib import Path

import pytest

from recsys.bundle import BundleStore
from recsys.errors import BundleUnavailable
from recsys.serving.fetcher import Fetcher
from recsys.serving.pipes import Fetched, FetchFailed
from support.bundles import make_bundle, two_worlds


class Source:
    """A registry that says what it is told to say."""

    def __init__(self) -> None:
        self.version: str | None = None
        self.fetch_count = 0

    def latest_version(self) -> str:
        """Return the version, or fail while there is none."""
        if self.version is None:
            raise BundleUnavailable(source="registry", problem="connection refused")
        return self.version

    def fetch(self, store: BundleStore) -> str:
        """Write a bundle of the version."""
        self.fetch_count += 1
        version = self.latest_version()
        if not store.path(version).exists():
            make_bundle(store.path(version), ["a"], factors=two_worlds(1), model_version=version)
        return version


@pytest.fixture
def source() -> Source:
    """A registry of one test."""
    return Source()


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """An empty store."""
    return BundleStore(tmp_path / "bundles")


def current(store: BundleStore) -> str | None:
    """Version that the store points at."""
    path = store.current()
    return None if path is None else path.name


def test_a_moved_alias_moves_the_pointer_once(source: Source, store: BundleStore) -> None:
    """Each version is fetched once; going back is a move too."""
    fetcher = Fetcher(source=source, store=store)
    for version in ("v1", "v2", "v1"):
        source.version = version
        assert fetcher.look() == Fetched(version)
        assert fetcher.look() is None
        assert current(store) == version
    assert source.fetch_count == 3


def test_old_bundles_go_when_a_new_one_arrives(source: Source, store: BundleStore) -> None:
    """A server that follows a registry for years does not fill its disk."""
    fetcher = Fetcher(source=source, store=store, keep=2)
    for version in ("v1", "v2", "v3", "v4"):
        source.version = version
        assert fetcher.look() == Fetched(version)
    assert store.versions() == ["v3", "v4"]


def test_a_store_that_cannot_be_pruned_still_takes_new_models(
    source: Source, store: BundleStore, caplog: pytest.LogCaptureFixture
) -> None:
    """What is wrong is logged; answers matter more."""
    store.folder.mkdir()
    (store.folder / "ADMITTED").mkdir()
    source.version = "v1"
    with caplog.at_level(logging.WARNING):
        assert Fetcher(source=source, store=store).look() == Fetched("v1")
    assert [record.message for record in caplog.records] == ["prune_failed"]


def test_a_silent_registry_changes_nothing_and_is_logged_once(
    source: Source, store: BundleStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The last good bundle stays; the log says when it began and when it ended."""
    fetcher = Fetcher(source=source, store=store)
    source.version = "v1"
    fetcher.look()
    source.version = None
    with caplog.at_level(logging.INFO):
        reports = [fetcher.look() for _ in range(3)]
        source.version = "v1"
        assert fetcher.look() is None
    assert {type(report) for report in reports} == {FetchFailed}
    assert [record.msg for record in caplog.records] == ["fetch_failed", "fetch_recovered"]
    assert current(store) == "v1"


def test_a_store_that_cannot_be_written_is_reported(source: Source, store: BundleStore) -> None:
    """A full or read-only disk is a failure with a reason, not the end of the fetcher."""
    store.folder.write_text("a file where the folder should be")
    source.version = "v1"
    report = Fetcher(source=source, store=store).look()
    assert isinstance(report, FetchFailed)
