"""Old bundles go; what somebody may still need stays."""

import contextlib
import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from recsys.bundle import BundleLease, BundleStore, Kept, Pruned, prune, write_bundle
from recsys.bundle.store import ADMITTED
from recsys.errors import BundleUnavailable
from support.bundles import contents, two_worlds

START = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)


def publish(store: BundleStore, version: str, *, day: int) -> None:
    """Publish a small model."""
    bundle = contents(["a", "b"], factors=two_worlds(2), model_version=version)
    bundle.details["publish_time"] = START + dt.timedelta(days=day)
    write_bundle(store.path(version), bundle)


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    """Six bundles, whose names say nothing of their age: f is the oldest, a the newest."""
    store = BundleStore(tmp_path)
    for day, version in enumerate("fedcba"):
        publish(store, version, day=day)
    store.set_current("a")
    return store


def test_the_newest_stay_by_time_of_publishing(store: BundleStore) -> None:
    """Whatever their names; and a second time there is nothing to do."""
    pruned = prune(store, keep=2)
    assert pruned.removed == ("f", "e", "d", "c")
    assert pruned.kept == (("b", Kept.RECENT), ("a", Kept.CURRENT))
    assert store.versions() == ["a", "b"]
    assert prune(store, keep=2) == Pruned(kept=pruned.kept)


def test_what_the_pointers_name_stays(store: BundleStore) -> None:
    """Also after going back to an old model, and while a server holds on to a last good one."""
    store.set_current("e")
    BundleStore(store.folder, pointer_name=ADMITTED).set_current("f")
    pruned = prune(store, keep=1)
    assert pruned.kept == (("f", Kept.ADMITTED), ("e", Kept.CURRENT), ("a", Kept.RECENT))
    assert store.versions() == ["a", "e", "f"]


def test_a_dry_run_says_the_same_and_removes_nothing(store: BundleStore) -> None:
    """So that it can be believed."""
    (store.folder / ".v9.abcdefgh").mkdir()
    said = prune(store, keep=2, dry_run=True)
    assert len(store.versions()) == 6
    assert (store.folder / ".v9.abcdefgh").is_dir()
    assert prune(store, keep=2) == said


def test_what_a_server_uses_stays_until_it_lets_go(store: BundleStore) -> None:
    """The lease is the server's word; a killed one gives it back by dying."""
    lease = BundleLease(store.path("e"))
    assert prune(store, keep=1).kept == (("e", Kept.IN_USE), ("a", Kept.CURRENT))
    lease.release()
    assert prune(store, keep=1).removed == ("e",)


def test_nothing_goes_while_somebody_publishes(store: BundleStore) -> None:
    """A bundle that just appeared is named by no pointer yet."""
    with store.publishing(), store.publishing():
        publish(store, "z", day=-1)
        assert prune(store, keep=1) == Pruned(busy=True)
        store.set_current("z")
    assert prune(store, keep=1).kept == (("z", Kept.CURRENT), ("a", Kept.RECENT))


def test_unfinished_things_alone_are_not_touched(tmp_path: Path) -> None:
    """A folder without any bundle may be anybody's."""
    (tmp_path / ".thing.abcdefgh").mkdir()
    assert prune(BundleStore(tmp_path), keep=1) == Pruned()
    assert [path.name for path in tmp_path.iterdir()] == [".thing.abcdefgh"]


def test_leftovers_of_killed_writers_go_and_other_peoples_files_stay(store: BundleStore) -> None:
    """Only what a writer would have called so is removed."""
    (store.folder / ".20261101T000000Z-als-1a2b3c4d.x8_k2j4q").mkdir()
    (store.folder / ".current.ab12cd34").write_text("a\n")
    mine = [".git", ".snapshots", "notes", ".current.txt"]
    for name in mine:
        (store.folder / name).mkdir()
    (store.folder / "README").write_text("mine")
    pruned = prune(store, keep=6)
    assert pruned.leftover_count == 2
    assert ("notes", Kept.NOT_OURS) in pruned.kept
    assert {path.name for path in store.folder.iterdir()} == {
        *"abcdef", *mine, "README", "CURRENT", ".lock",
    }  # fmt: skip


def test_a_folder_that_is_not_what_it_is_called_stays(store: BundleStore) -> None:
    """A damaged or renamed bundle is evidence, not rubbish."""
    (store.path("e") / "manifest.json").write_text("{")
    store.path("f").rename(store.folder / "copy-of-f")
    assert set(prune(store, keep=1).kept) == {
        ("e", Kept.NOT_OURS), ("copy-of-f", Kept.NOT_OURS), ("a", Kept.CURRENT),
    }  # fmt: skip


@pytest.mark.parametrize("text", ["../elsewhere\n", "\udcff"])
def test_an_unreadable_pointer_removes_nothing(store: BundleStore, text: str) -> None:
    """Without knowing what is in service, nothing is safe to remove."""
    (store.folder / "CURRENT").write_text(text, "utf-8", "surrogateescape")
    with pytest.raises(BundleUnavailable):
        prune(store, keep=1)
    assert len(store.versions()) == 6


def test_at_least_one_is_kept(store: BundleStore) -> None:
    """Keeping none is a mistake."""
    with pytest.raises(ValueError, match="at least 1"):
        prune(store, keep=0)


def test_an_empty_or_missing_store_is_fine(tmp_path: Path) -> None:
    """There is nothing to do, and nothing is made."""
    assert prune(BundleStore(tmp_path), keep=1) == Pruned()
    assert prune(BundleStore(tmp_path / "none"), keep=1) == Pruned()
    assert not (tmp_path / "none").exists()


_PUBLISH_AND_PRUNE = """
import datetime as dt, sys
from pathlib import Path
from recsys.bundle import BundleStore, prune, verify_bundle, write_bundle
from support.bundles import contents, two_worlds

store, name = BundleStore(Path(sys.argv[1])), sys.argv[2]
for number in range(12):
    version = f"{name}-{number:02d}"
    time = dt.datetime(2026, 11, 21, tzinfo=dt.UTC) + dt.timedelta(seconds=number)
    with store.publishing():
        bundle = contents(["a"], factors=two_worlds(1), model_version=version)
        bundle.details["publish_time"] = time
        write_bundle(store.path(version), bundle)
        verify_bundle(store.path(version))
        store.set_current(version)
    prune(store, keep=1)
"""


@contextlib.contextmanager
def publisher(store: BundleStore, name: str) -> Iterator[None]:
    """Publish and prune again and again in another process; it must succeed."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    process = subprocess.Popen(
        [sys.executable, "-c", _PUBLISH_AND_PRUNE, str(store.folder), name],
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        yield
    finally:
        assert process.wait(timeout=120) == 0


def test_two_publishers_at_once_never_prune_each_others_bundle(tmp_path: Path) -> None:
    """Each finds its bundle whole and may point at it; the last one to finish prunes."""
    store = BundleStore(tmp_path)
    with publisher(store, "one"), publisher(store, "two"):
        pass
    current = store.current()
    assert current is not None
    assert current.is_dir()
    assert prune(store, keep=1).busy is False
    assert len(store.versions()) <= 2
