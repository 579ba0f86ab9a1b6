"""A scorer over the memory-mapped arrays of a bundle."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from numpy.typing import NDArray

from kernel.cases import Case, csr, matrix
from kernel.ours import as_ranking, ask, scorer_of
from recsys import item_table
from recsys.arrays import NotFinite
from recsys.bundle import (
    SEGMENT_ALL,
    Bundle,
    BundleContents,
    ItemIndex,
    PopularLists,
    PriorRows,
    open_bundle,
    verify_bundle,
    write_bundle,
)
from recsys.errors import BundleCorrupt
from recsys.features import FeatureConfig, FoldInConfig
from recsys.item_codes import ItemCodes, rotation_defect, rotation_distance
from recsys.scoring import FoldIn, Scorer

N, F = 300, 72


def published(folder: Path, case: Case) -> Bundle:
    """Write a case's items as a bundle and map it."""
    time = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    count = case.item_count
    everything = (np.arange(count, dtype=np.int32), np.zeros(count, dtype=np.float32))
    contents = BundleContents(
        items=ItemIndex.from_ids([f"item-{row}" for row in range(count)]),
        popular=PopularLists.from_lists({SEGMENT_ALL: everything}),
        features=FeatureConfig(),
        item_factors=case.factors,
        fold_in=FoldInConfig(alpha=2.0, regularization=0.1),
        prior=case.prior,
        priors=None
        if case.priors is None
        else PriorRows.from_rows({f"store:{i}": row for i, row in enumerate(case.priors)}),
        item_item=case.item_item,
        details={
            "model_version": "v1",
            "model_type": "als",
            "publish_time": time,
            "training_start_time": time,
            "training_end_time": time,
            "data_fingerprint": "none",
            "metrics": {},
            "lineage": {},
        },
    )
    write_bundle(folder, contents)
    return open_bundle(folder)


def problem() -> Case:
    """Every part, one query."""
    rng = np.random.default_rng(11)
    return Case(
        item_count=N,
        query_count=1,
        k=25,
        factors=matrix(rng, N, F, "normal"),
        vectors=matrix(rng, 1, F, "normal"),
        prior=matrix(rng, N, 1, "normal")[:, 0].copy(),
        item_item=csr(rng, N, N, 5),
        history=csr(rng, 1, N, 9),
        priors=matrix(rng, 3, N, "normal"),
        prior_rows=np.array([2], dtype=np.int32),
    )


def test_bundle_ranks_as_its_arrays_do(tmp_path: Path) -> None:
    """Mapped read-only arrays give the same answer as those that were published."""
    case = problem()
    bundle = published(tmp_path / "v1", case)
    answer = as_ranking(ask(Scorer.from_bundle(bundle), case))
    assert answer == as_ranking(ask(scorer_of(case), case))


def test_bundle_folds_users_in(tmp_path: Path) -> None:
    """The published Gram matrix and factors are what fold-in needs."""
    bundle = published(tmp_path / "v1", problem())
    assert bundle.item_factors is not None
    assert bundle.gram is not None
    assert bundle.manifest.fold_in is not None
    fold_in = FoldIn(
        item_factors=bundle.item_factors, gram=bundle.gram, config=bundle.manifest.fold_in
    )
    rows, weights = np.array([3, 14], dtype=np.int32), np.array([1.0, 5.0], dtype=np.float32)
    vector = fold_in.solve(rows, weights)
    items, _ = Scorer.from_bundle(bundle).top_k(vector[np.newaxis], N).row(0)
    assert len(items) == N
    assert np.isfinite(vector).all()


def test_factors_that_are_not_finite_are_refused_at_publishing(tmp_path: Path) -> None:
    """No bundle with NaN comes into being; opening one need not read the factors."""
    case = problem()
    assert case.factors is not None
    case.factors[17, 3] = np.nan
    with pytest.raises(NotFinite, match=r"item_factors .* row 17"):
        published(tmp_path / "v1", case)
    assert not (tmp_path / "v1").exists()


def test_bundle_without_codes_ranks_the_same(tmp_path: Path) -> None:
    """Bundles of the first format have none; they are made at opening then."""
    case = problem()
    bundle = published(tmp_path / "v1", case)
    assert bundle.codes is not None
    without = replace(bundle, codes=None, code_prior=None, code_priors=None)
    answer = as_ranking(ask(Scorer.from_bundle(without), case))
    assert answer == as_ranking(ask(Scorer.from_bundle(bundle), case))


def spoiled_codes(tmp_path: Path, name: str, spoil: Callable[[NDArray[Any]], object]) -> Path:
    """Publish a bundle and change one of its arrays, with a checksum that fits."""
    folder = tmp_path / "v1"
    published(folder, problem())
    file = folder / f"{name}.npy"
    array = np.load(file)
    spoil(array)
    np.save(file, array)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["arrays"][name]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


SPOILED: dict[str, tuple[str, Callable[[NDArray[Any]], object], str]] = {
    "a row twice": ("code_order", lambda a: a.__setitem__(1, a[0]), "each row once"),
    "ranks": ("code_ranks", lambda a: a.__setitem__(1, a[1] + 1), "ranks"),
    "codes of digests": ("code_digests", lambda a: a[:, 3].fill(7), "residual .* digest"),
    "steps of digests": ("code_digests", lambda a: a[:, -7].fill(1), "residual .* digest"),
    "tails of digests": ("code_digests", lambda a: a[:, -6:-4].fill(0), "tail .* digest"),
    "residuals of digests": ("code_digests", lambda a: a[:, -4:-2].fill(0), "residual .* digest"),
    "norms of digests": ("code_digests", lambda a: a[:, -2:].fill(0), "norm .* digest"),
    "a row beyond the last": ("code_order", lambda a: a.__setitem__(-1, 5), "beyond"),
    "not a rotation": ("code_rotation", lambda a: a.__imul__(1.01), "orthogonal"),
    "norms rise": ("code_norms", lambda a: a.__setitem__(5, 1e9), "rise"),
    "norms too small": ("code_norms", lambda a: a.__imul__(0.9), "a norm is larger"),
    "residuals too small": ("code_residuals", lambda a: a.__imul__(0.9), "residual of stage"),
    "residuals nan": ("code_residuals", lambda a: a.fill(np.nan), "not a number"),
    "codes": ("code_head_high", lambda a: a.fill(7), "residual of stage"),
    "rests": ("code_rests", lambda a: a.fill(0), "a rest is larger"),
    "tails": ("code_tails", lambda a: a.fill(0), "a tail is larger"),
    "prior": ("code_prior", lambda a: a.__setitem__(3, 9.0), "prior"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_codes_that_would_answer_wrong_are_refused(tmp_path: Path, name: str) -> None:
    """Verification measures codes against the factors, whatever the checksums say."""
    array, spoil, message = SPOILED[name]
    with pytest.raises(BundleCorrupt, match=message):
        verify_bundle(spoiled_codes(tmp_path, array, spoil))


def test_opening_reads_no_factor_and_takes_no_memory(tmp_path: Path) -> None:
    """A scorer over published codes touches neither factors nor codes."""
    bundle = published(tmp_path / "v1", problem())
    with (
        patch.object(item_table, "encode_items") as encode,
        patch.object(item_table, "row_norms") as norms,
        patch.object(ItemCodes, "in_order") as order,
    ):
        Scorer.from_bundle(bundle)
    assert not encode.called
    assert not norms.called
    assert not order.called


@pytest.mark.parametrize("factor_count", [1, 8, 128, 300])
@pytest.mark.parametrize("noise", [0.0, 1e-9, 1e-3])
def test_what_is_said_of_a_rotation_holds_however_it_is_measured_again(
    factor_count: int, noise: float
) -> None:
    """Other machines sum in another order; factors on their axes leave no room for that."""
    rng = np.random.default_rng(factor_count)
    turned = np.linalg.qr(np.eye(factor_count) + noise * rng.standard_normal((factor_count,) * 2))
    rotation = turned[0].astype(np.float32)
    said = rotation_defect(rotation)
    for order in (slice(None), slice(None, None, -1), rng.permutation(factor_count)):
        columns = np.asfortranarray(rotation[:, order]).astype(np.float64)
        products = np.add.reduce(columns[:, np.newaxis] * columns[np.newaxis], axis=2)
        assert float(np.linalg.norm(products - np.eye(factor_count))) < said
        assert rotation_distance(np.ascontiguousarray(rotation[order])) < said
