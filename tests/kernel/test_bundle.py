"""A scorer over the memory-mapped arrays of a bundle."""

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from kernel.cases import Case, csr, matrix
from kernel.ours import as_ranking, ask, scorer_of
from recsys.arrays import NotFinite
from recsys.bundle import (
    SEGMENT_ALL,
    Bundle,
    BundleContents,
    ItemIndex,
    PopularLists,
    open_bundle,
    write_bundle,
)
from recsys.features import FeatureConfig, FoldInConfig
from recsys.scoring import FoldIn, Scorer

N, F = 300, 8


def published(folder: Path, case: Case) -> Bundle:
    """Write a case's items as a bundle and map it."""
    time = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    everything = (np.arange(N, dtype=np.int32), np.zeros(N, dtype=np.float32))
    contents = BundleContents(
        items=ItemIndex.from_ids([f"item-{row}" for row in range(N)]),
        popular=PopularLists.from_lists({SEGMENT_ALL: everything}),
        features=FeatureConfig(),
        item_factors=case.factors,
        fold_in=FoldInConfig(alpha=2.0, regularization=0.1),
        prior=case.prior,
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


def test_factors_that_are_not_finite_are_refused_even_unverified(tmp_path: Path) -> None:
    """A bundle nobody verified cannot bring NaN into answers."""
    case = problem()
    assert case.factors is not None
    case.factors[17, 3] = np.nan
    with pytest.raises(NotFinite, match=r"item_factors .* row 17"):
        Scorer.from_bundle(published(tmp_path / "v1", case))
