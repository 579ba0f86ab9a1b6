"""The pages for operators and clients are complete."""

import re
from pathlib import Path

from prometheus_client import CollectorRegistry

from recsys.serving import status
from recsys.serving.admission import Admission
from recsys.serving.exposition import SupervisorCollector, SupervisorState
from recsys.serving.metrics import Metrics


def test_every_metric_is_explained(repo_root: Path, tmp_path: Path) -> None:
    """And no metric that is not there."""
    registry = CollectorRegistry()
    Metrics(placements=(), registry=registry)
    registry.register(
        SupervisorCollector(SupervisorState(Admission(tmp_path), feed_time=lambda: 1.0))
    )
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in registry.collect()
    }
    page = (repo_root / "docs" / "operate.md").read_text()
    explained = set(re.findall(r"^\| `(recsys_[a-z_]+)`", page, re.MULTILINE))
    assert explained == names | {"recsys_bundle_age_seconds"}  # Only with a bundle.


def test_every_reason_is_explained(repo_root: Path) -> None:
    """Of those that can reach a caller."""
    page = (repo_root / "docs" / "errors.md").read_text()
    explained = set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))
    codes = {code.name for code in status.CODES.values()} - {"INTERNAL"}
    reachable = {
        kind.reason
        for kind, code in status.CODES.items()
        if code.name in codes and not kind.__subclasses__()
    }
    assert explained == reachable | {"INTERNAL", status.REASON_DEADLINE_EXCEEDED}
