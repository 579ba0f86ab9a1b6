"""A bundle is whole or it is refused."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from recsys import limits
from recsys.arrays import NotFinite
from recsys.bundle import (
    FORMAT_VERSION,
    Bundle,
    BundleStore,
    PriorRows,
    open_bundle,
    verify_bundle,
    write_bundle,
)
from recsys.errors import BundleCorrupt, BundleIncompatible, BundleUnavailable
from recsys.files import file_digest
from support.bundles import contents, make_bundle, sparse, two_worlds

IDS = ["a", "b", "c", "d"]


def rows_of_priors(value: float = -3.0) -> PriorRows:
    """A row for a channel and one for a store."""
    ones = np.ones(4, dtype=np.float32)
    return PriorRows.from_rows(
        {"channel:web": ones, "store:s": np.array([0, 1, value, 2], dtype=np.float32)}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle with every optional part."""
    path = tmp_path / "v1"
    make_bundle(
        path,
        IDS,
        factors=two_worlds(4),
        item_item=sparse(np.eye(4, dtype=np.float32)),
        prior=np.linspace(1, 0, 4, dtype=np.float32),
        priors=rows_of_priors(),
        popular={"channel:web": [1]},
    )
    return path


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    """Change the manifest."""

    def damage(folder: Path) -> None:
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        change(manifest)
        path.write_text(json.dumps(manifest))

    return damage


def replace(name: str, array: np.ndarray) -> Callable[[Path], None]:
    """Put another array in place of one, with a manifest that agrees."""

    def damage(folder: Path) -> None:
        path = folder / f"{name}.npy"
        np.save(path, array)

        def describe(manifest: dict[str, Any]) -> None:
            manifest["arrays"][name].update(
                dtype=str(array.dtype),
                shape=list(array.shape),
                size_bytes=path.stat().st_size,
                sha256=file_digest(path),
            )

        edit(describe)(folder)

    return damage


def truncate(folder: Path) -> None:
    """Cut an array short."""
    path = folder / "item_factors.npy"
    path.write_bytes(path.read_bytes()[:-4])


def truncate_and_agree(folder: Path) -> None:
    """Cut an array short and make the manifest's size agree."""
    truncate(folder)
    size = (folder / "item_factors.npy").stat().st_size
    edit(lambda manifest: manifest["arrays"]["item_factors"].update(size_bytes=size))(folder)


def flip_bit(folder: Path) -> None:
    """Change one bit of one factor."""
    path = folder / "item_factors.npy"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


def pickle_inside(folder: Path) -> None:
    """Put a pickled array where a plain one was."""
    path = folder / "prior.npy"
    np.save(path, np.array([{"a": 1}] * 4, dtype=object), allow_pickle=True)
    size = path.stat().st_size
    edit(lambda manifest: manifest["arrays"]["prior"].update(size_bytes=size))(folder)


def factors(value: float) -> np.ndarray:
    """Factors with one impossible value."""
    array = two_worlds(4)
    array[2, 1] = value
    return array


def entry(name: str, **fields: Any) -> Callable[[Path], None]:
    """Change one array's entry in the manifest."""
    return edit(lambda manifest: manifest["arrays"][name].update(fields))


OPEN_REFUSES: dict[str, Callable[[Path], object]] = {
    "array truncated": truncate,
    "array truncated, size agrees": truncate_and_agree,
    "array missing": lambda folder: (folder / "gram.npy").unlink(),
    "array is a pickle": pickle_inside,
    "array of another shape": replace("prior", np.zeros(5, dtype=np.float32)),
    "priors without names": edit(lambda manifest: manifest.update(priors=None)),
    "names without priors": edit(lambda manifest: manifest["arrays"].pop("priors")),
    "a name twice": edit(lambda manifest: manifest["priors"].update(names=["a", "a"])),
    "a name too few": edit(lambda manifest: manifest["priors"].update(names=["a"])),
    "priors of another shape": replace("priors", np.zeros((3, 4), dtype=np.float32)),
    "coded priors not listed": edit(lambda manifest: manifest["arrays"].pop("code_priors")),
    "array of another dtype": replace("prior", np.zeros(4, dtype=np.float64)),
    "gram not listed": edit(lambda manifest: manifest["arrays"].pop("gram")),
    "ids not listed": edit(lambda manifest: manifest["arrays"].pop("item_id_bytes")),
    "unknown array": edit(
        lambda manifest: manifest["arrays"].update(x=manifest["arrays"]["prior"])
    ),
    "path to the parent": entry("prior", file="../prior.npy"),
    "absolute path": entry("prior", file="/etc/passwd"),
    "file is a dot": entry("prior", file=".."),
    "negative item count": edit(lambda manifest: manifest.update(item_count=-1)),
    "absurd item count": edit(lambda manifest: manifest.update(item_count=2**40)),
    "factors without fold_in": edit(lambda manifest: manifest.update(fold_in=None)),
    "no popular list of all": edit(lambda manifest: manifest.update(segments=["x", "y"])),
    "unknown key": edit(lambda manifest: manifest.update(surprise=1)),
    "key missing": edit(lambda manifest: manifest.pop("model_version")),
    "impossible weight": edit(lambda manifest: manifest["features"].update(half_life_days=-1.0)),
    "manifest is no JSON": lambda folder: (folder / "manifest.json").write_text("{"),
    "manifest is no text": lambda folder: (folder / "manifest.json").write_bytes(b"\xff\xfe"),
    "manifest is a list": lambda folder: (folder / "manifest.json").write_text("[]"),
    "manifest is huge": lambda folder: os.truncate(
        folder / "manifest.json", limits.MANIFEST_BYTES_MAX + 1
    ),
}

VERIFY_REFUSES: dict[str, Callable[[Path], object]] = {
    "one bit flipped": flip_bit,
    "NaN factor": replace("item_factors", factors(np.nan)),
    "infinite factor": replace("item_factors", factors(np.inf)),
    "NaN prior": replace("prior", np.array([1, np.nan, 0, 0], dtype=np.float32)),
    "NaN priors": replace("priors", rows_of_priors(np.nan).values),
    "priors larger than described": replace("priors", rows_of_priors(-4.0).values),
    "coded priors in another order": replace("code_priors", np.ones((2, 16), dtype=np.float32)),
    "popular row outside": replace("popular_rows", np.array([0, 1, 2, 4, 1], dtype=np.int32)),
    "popular NaN": replace("popular_scores", np.array([1, 1, 1, np.nan, 1], dtype=np.float32)),
    "popular list incomplete": replace("popular_indptr", np.array([0, 3, 5], dtype=np.int64)),
    "item-item column outside": replace(
        "item_item_indices", np.array([0, 1, 2, 9], dtype=np.int32)
    ),
    "item-item pointers fall": replace(
        "item_item_indptr", np.array([0, 3, 2, 3, 4], dtype=np.int64)
    ),
    "id offsets beyond the bytes": replace(
        "item_id_offsets", np.array([0, 1, 2, 3, 5], dtype=np.int64)
    ),
    "hash table with a row twice": replace(
        "item_id_slots", np.array([0, 0, 1, 2, -1, -1, -1, -1], dtype=np.int32)
    ),
    "hash table without a free slot": replace(
        "item_id_slots", np.array([0, 1, 2, 3], dtype=np.int32)
    ),
}


@pytest.mark.parametrize("damage", OPEN_REFUSES.values(), ids=OPEN_REFUSES)
def test_opening_refuses_what_it_can_see_without_reading_arrays(
    folder: Path, damage: Callable[[Path], object]
) -> None:
    """A worker never maps what does not fit its manifest."""
    damage(folder)
    with pytest.raises(BundleCorrupt):
        open_bundle(folder)


@pytest.mark.parametrize("damage", VERIFY_REFUSES.values(), ids=VERIFY_REFUSES)
def test_verifying_refuses_what_only_reading_shows(
    folder: Path, damage: Callable[[Path], object]
) -> None:
    """Opening trusts the contents; verifying does not."""
    damage(folder)
    open_bundle(folder)
    with pytest.raises(BundleCorrupt):
        verify_bundle(folder)


@pytest.mark.parametrize("version", [0, FORMAT_VERSION + 1, 10**9])
def test_other_formats_are_refused_by_version(folder: Path, version: int) -> None:
    """Also when the rest of the manifest would not be understood."""
    (folder / "manifest.json").write_text(json.dumps({"format_version": version, "new": True}))
    with pytest.raises(BundleIncompatible) as caught:
        open_bundle(folder)
    assert caught.value.format_version == version


def test_no_bundle_is_unavailable_not_corrupt(tmp_path: Path) -> None:
    """There may be one later."""
    with pytest.raises(BundleUnavailable):
        open_bundle(tmp_path / "none")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), item_count=st.integers(1, 20))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, item_count: int
) -> None:
    """Ids, factors, prior, item-item weights and lists survive, bit by bit."""
    finite = st.floats(-1e6, 1e6, width=32)
    factor_count = data.draw(st.integers(1, 5))
    written = contents(
        [f"i{row}" for row in range(item_count)],
        factors=data.draw(npst.arrays(np.float32, (item_count, factor_count), elements=finite)),
        prior=data.draw(st.none() | npst.arrays(np.float32, (item_count,), elements=finite)),
        item_item=data.draw(
            st.none()
            | npst.arrays(np.float32, (item_count, item_count), elements=finite).map(sparse)
        ),
    )
    folder = tmp_path_factory.mktemp("bundle") / "v"
    manifest = write_bundle(folder, written)
    read = verify_bundle(folder)
    assert read.manifest == manifest
    for name, array in written.arrays().items():
        mapped = np.load(folder / manifest.arrays[name].file)
        np.testing.assert_array_equal(mapped, array)
    assert [read.items.id(row) for row in range(item_count)] == [
        f"i{row}" for row in range(item_count)
    ]


def test_rows_of_priors_are_found_by_name(folder: Path) -> None:
    """They are mapped with their names, and an unknown name is no row."""
    priors = verify_bundle(folder).priors
    assert priors is not None
    assert [priors.row(name) for name in ("channel:web", "store:s", "store:t")] == [0, 1, -1]
    assert priors.values.tolist() == rows_of_priors().values.tolist()
    assert priors.largest.tolist() == [1.0, 3.0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_priors_that_are_not_finite_are_not_published(tmp_path: Path, value: float) -> None:
    """The trainer hears of it, not the server."""
    with pytest.raises(NotFinite, match="priors holds NaN or infinity in row 1"):
        write_bundle(tmp_path / "v1", contents(IDS, priors=rows_of_priors(value)))
    assert not (tmp_path / "v1").exists()


def test_mapped_arrays_cannot_be_written(folder: Path) -> None:
    """No process can change what the others read."""
    bundle: Bundle = open_bundle(folder)
    assert bundle.item_factors is not None
    with pytest.raises(ValueError, match="read-only"):
        bundle.item_factors[0, 0] = 1.0


def test_a_bundle_is_never_overwritten(folder: Path) -> None:
    """A version is published once."""
    with pytest.raises(FileExistsError):
        write_bundle(folder, contents(IDS, factors=two_worlds(4)))


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import signal
from support.bundles import contents, two_worlds
from recsys.bundle import write_bundle
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # As on a full disk, the write fails instead.
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
ids = [f"item-{row}" for row in range(2_000)]
write_bundle(Path(sys.argv[1]) / "v1", contents(ids, factors=two_worlds(2_000)))
"""


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, repo_root: Path) -> None:
    """Publishing fails with the system's error, and there is no half bundle under the name."""
    store = tmp_path / "bundles"
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(store), str(repo_root / "tests")],
        cwd=repo_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "OSError" in run.stderr, run.stderr
    assert list(store.iterdir()) == []


def test_pointers_set_at_once_leave_one_of_them(tmp_path: Path) -> None:
    """Two trainers publish at the same time: a reader always sees a whole version."""
    store = BundleStore(tmp_path)
    versions = [f"version-{number}" for number in range(4)]
    for version in versions:
        make_bundle(store.path(version), IDS, factors=two_worlds(4), model_version=version)
    store.set_current(versions[0])
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            current = BundleStore(tmp_path).current()
            seen.add("none" if current is None else current.name)

    def write(version: str) -> None:
        for _ in range(20):
            BundleStore(tmp_path).set_current(version)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(version,)) for version in versions]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert seen <= set(versions)
    assert store.versions() == versions
    assert not list(tmp_path.glob(".current.*"))


@pytest.mark.parametrize("version", ["../v1", "/etc", "a/b", ".hidden", ""])
def test_versions_are_plain_names(tmp_path: Path, version: str) -> None:
    """No version leads out of the store."""
    with pytest.raises((ValueError, BundleUnavailable)):
        BundleStore(tmp_path).set_current(version)


def test_a_pointer_to_nothing_is_refused(tmp_path: Path) -> None:
    """What is not there cannot become current."""
    with pytest.raises(BundleUnavailable):
        BundleStore(tmp_path).set_current("v1")
