"""The gate: what may be served, decided once per bundle."""

import logging
from pathlib import Path

import pytest

from recsys.bundle import BundleStore, Kept, prune, verify_bundle
from recsys.errors import BundleError
from recsys.serving.admission import Admission, verify_in_child
from recsys.serving.pipes import Refused, Verified
from support.bundles import make_bundle, two_worlds


class Verifier:
    """Verifies in this process and counts how often."""

    def __init__(self) -> None:
        self.count = 0

    async def __call__(self, folder: Path) -> Verified | Refused:
        """Verify as the child does."""
        self.count += 1
        try:
            manifest = verify_bundle(folder).manifest
        except BundleError as error:
            return Refused(str(folder), error.reason, str(error))
        return Verified(manifest.model_version, manifest.publish_time.timestamp())


@pytest.fixture
def verifier() -> Verifier:
    """A verifier of one test."""
    return Verifier()


@pytest.fixture
def admission(tmp_path: Path, verifier: Verifier) -> Admission:
    """A gate before an empty store."""
    return Admission(tmp_path, verify=verifier)


def publish(folder: Path, version: str, *, damaged: bool = False) -> None:
    """Put a bundle into the store and point at it."""
    make_bundle(folder / version, ["a", "b"], factors=two_worlds(2), model_version=version)
    if damaged:
        (folder / version / "gram.npy").unlink()
    BundleStore(folder).set_current(version)


async def test_each_bundle_is_verified_once(
    tmp_path: Path, admission: Admission, verifier: Verifier
) -> None:
    """Looking again at what is served costs nothing."""
    publish(tmp_path, "v1")
    assert [await admission.look() for _ in range(3)] == [True, False, False]
    assert verifier.count == 1
    assert admission.admitted is not None
    assert admission.admitted.model_version == "v1"


async def test_what_is_served_is_not_pruned_and_what_was_served_is(
    tmp_path: Path, admission: Admission
) -> None:
    """Also where the store forgets what was admitted last; refused bundles are not held."""
    publish(tmp_path, "v1")
    await admission.look()
    (tmp_path / "ADMITTED").unlink()
    publish(tmp_path, "v2", damaged=True)
    await admission.look()
    publish(tmp_path, "v3")
    store = BundleStore(tmp_path)
    assert dict(prune(store, keep=1).kept) == {"v1": Kept.IN_USE, "v3": Kept.CURRENT}
    await admission.look()
    assert dict(prune(store, keep=1).kept) == {"v3": Kept.CURRENT}


async def test_a_refused_bundle_is_not_verified_again_until_asked(
    tmp_path: Path,
    admission: Admission,
    verifier: Verifier,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Counted once, logged once, and what was admitted stays."""
    publish(tmp_path, "v1")
    await admission.look()
    publish(tmp_path, "v2", damaged=True)
    with caplog.at_level(logging.ERROR):
        assert [await admission.look() for _ in range(3)] == [False, False, False]
    assert [record.msg for record in caplog.records] == ["bundle_refused"]
    assert admission.refusal_counts == {"BUNDLE_CORRUPT": 1}
    assert admission.admitted is not None
    assert admission.admitted.model_version == "v1"
    admission.forget_refusals()
    await admission.look()
    assert verifier.count == 3


async def test_a_bundle_replaced_under_its_name_is_verified_anew(
    tmp_path: Path, admission: Admission
) -> None:
    """Nobody should, but if somebody does, workers open the new files."""
    publish(tmp_path, "v1")
    await admission.look()
    (tmp_path / "v1").rename(tmp_path / "old")
    publish(tmp_path, "v1")
    assert await admission.look()


async def test_going_back_to_an_earlier_bundle_is_admitted(
    tmp_path: Path, admission: Admission
) -> None:
    """A rollback is a pointer moved back."""
    publish(tmp_path, "v1")
    await admission.look()
    publish(tmp_path, "v2")
    await admission.look()
    BundleStore(tmp_path).set_current("v1")
    assert await admission.look()
    assert admission.admitted is not None
    assert admission.admitted.model_version == "v1"


@pytest.mark.parametrize("pointer", [b"../../etc\n", b"\xff\xfe", b"a/b"])
async def test_a_pointer_that_leads_astray_is_refused_once(
    tmp_path: Path, admission: Admission, pointer: bytes
) -> None:
    """CURRENT is a file that people can edit."""
    (tmp_path / "CURRENT").write_bytes(pointer)
    assert [await admission.look() for _ in range(3)] == [False, False, False]
    assert sum(admission.refusal_counts.values()) == 1


async def test_a_new_gate_falls_back_to_what_was_admitted_last(
    tmp_path: Path, admission: Admission, verifier: Verifier
) -> None:
    """A restart while CURRENT is bad does not take the shop down."""
    publish(tmp_path, "v1")
    await admission.look()
    publish(tmp_path, "v2", damaged=True)
    restarted = Admission(tmp_path, verify=verifier)
    assert await restarted.look()
    assert restarted.admitted is not None
    assert restarted.admitted.model_version == "v1"


async def test_the_child_reports_as_the_function_does(tmp_path: Path) -> None:
    """A real process: verified, refused, and gone."""
    publish(tmp_path, "v1")
    assert isinstance(await verify_in_child(tmp_path / "v1"), Verified)
    refused = await verify_in_child(tmp_path / "none")
    assert isinstance(refused, Refused)
    assert refused.reason == "MODEL_UNAVAILABLE"
