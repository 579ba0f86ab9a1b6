"""The kernel's benchmark judges answers by the rules of the tests, and runs without peers."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kernel.cases import Case
from kernel.reference import reference as slow_reference
from recsys.sparse import CsrMatrix


@pytest.fixture(scope="module")
def truth_module(repo_root: Path) -> ModuleType:
    """The benchmark's own reference; its package bears the name of the tests' one."""
    path = repo_root / "benchmarks" / "kernel" / "reference.py"
    spec = importlib.util.spec_from_file_location("benchmark_reference", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Its dataclasses look themselves up there.
    spec.loader.exec_module(module)
    return module


def written(folder: Path, *, seed: int) -> Case:
    """A small data set with ties, a mask and histories, in the benchmark's files."""
    rng = np.random.default_rng(seed)
    items = rng.integers(-3, 4, (300, 9)).astype(np.float32)
    queries = rng.standard_normal((4, 9), dtype=np.float32)
    allowed = rng.random(300) < 0.3
    rows = np.sort(rng.integers(0, 300, (4, 5), dtype=np.int32), axis=1)
    weights = rng.random((4, 5), dtype=np.float32)
    indices = np.sort(rng.integers(0, 300, (300, 6), dtype=np.int32), axis=1)
    data = rng.random((300, 6), dtype=np.float32)
    arrays = {
        "items": items,
        "queries": queries,
        "mask-few": np.packbits(allowed, bitorder="little"),
        "history-rows": rows,
        "history-weights": weights,
        "links-indices": indices,
        "links-data": data,
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return Case(
        item_count=300,
        query_count=4,
        k=20,
        factors=items,
        vectors=queries,
        allowed=allowed,
        item_item=CsrMatrix(np.arange(301, dtype=np.int64) * 6, indices.ravel(), data.ravel()),
        history=CsrMatrix(np.arange(5, dtype=np.int64) * 5, rows.ravel(), weights.ravel()),
    )


@pytest.mark.parametrize("seed", range(5))
def test_the_benchmark_and_the_tests_agree_on_the_truth(
    tmp_path: Path, truth_module: ModuleType, seed: int
) -> None:
    """Masked and with an item-item part, rows and scores are the same to the last bit."""
    case = written(tmp_path, seed=seed)
    true = truth_module.truth(tmp_path, k=20, query_count=4, mask="few", with_history=True)
    for query, ranking in enumerate(slow_reference(case)):
        assert list(zip(true.rows[query], true.scores[query], strict=True)) == ranking


def test_one_wrong_bit_is_counted(truth_module: ModuleType) -> None:
    """A query counts as wrong when one score differs in its last bit, or two rows swap."""
    true = truth_module.Truth(np.array([[3, 1], [2, 0], [4, 5]]), np.array([[2.0, 1.0]] * 3))
    rows, scores = true.rows.copy(), true.scores.copy()
    assert true.mismatches(rows, scores) == 0
    scores[0, 1] = np.nextafter(1.0, 2.0)
    rows[2] = rows[2, ::-1]
    assert true.mismatches(rows, scores) == 2
    assert true.recall(rows) == 1.0


def test_the_benchmark_runs_where_no_peer_is_installed(tmp_path: Path, repo_root: Path) -> None:
    """Every answer of ours is compared, and libraries that are not here are named."""
    results = tmp_path / "results.json"
    run = [sys.executable, str(repo_root / "benchmarks" / "kernel" / "run.py"), "--quick"]
    part = ["--data", "decay-tiny", "--only", "single,history", "--without-limits"]
    done = subprocess.run(
        [*run, *part, "--results", str(results)], check=True, capture_output=True, text=True
    )
    assert "absent: faiss flat" in done.stdout
    rows = json.loads(results.read_text())["rows"]
    ours = [row for row in rows if row["label"].startswith("recsys")]
    assert {row["section"] for row in ours} == {"single", "history"}
    assert all(row["compared"] > 0 and row["mismatches"] == 0 for row in ours)


def test_an_unknown_data_set_is_refused(repo_root: Path) -> None:
    """The message lists what there is."""
    run = [sys.executable, str(repo_root / "benchmarks" / "kernel" / "run.py"), "--data", "nope"]
    done = subprocess.run(run, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert "unknown: nope; known: decay-tiny" in done.stderr
