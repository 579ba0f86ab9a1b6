"""Bundles of released formats load for ever and answer as they always did."""

import importlib.util
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from recsys.bundle import FORMAT_VERSION, verify_bundle

FOLDER = Path(__file__).resolve().parent
BUNDLES = sorted(path.parent for path in FOLDER.glob("bundle-v*/manifest.json"))


def maker() -> ModuleType:
    """The script beside this file."""
    spec = importlib.util.spec_from_file_location("golden_make", FOLDER / "make.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_present_format_has_a_golden_bundle() -> None:
    """Raising FORMAT_VERSION without keeping a sample fails here."""
    assert FOLDER / f"bundle-v{FORMAT_VERSION}" in BUNDLES


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_a_golden_bundle_is_whole(bundle: Path) -> None:
    """Every byte is as released, and every check that servers make passes."""
    manifest = verify_bundle(bundle).manifest
    assert manifest.model_version == bundle.name.replace("bundle", "golden")


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_a_golden_bundle_answers_as_recorded(bundle: Path) -> None:
    """Same items, same order, same reasons; scores to nine digits, as solvers may differ."""
    recorded = msgspec.json.decode(
        (FOLDER / f"{bundle.name}.answers.json").read_bytes(),
        type=dict[str, list[tuple[str, float, str]]],
    )
    found = maker().answers(bundle)
    assert found.keys() == recorded.keys()
    for name, results in recorded.items():
        assert [(item, reason) for item, _, reason in found[name]] == [
            (item, reason) for item, _, reason in results
        ]
        assert [score for _, score, _ in found[name]] == pytest.approx(
            [score for _, score, _ in results], rel=1e-6
        )
