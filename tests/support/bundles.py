"""Small bundles with known contents."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from recsys.bundle import (
    SEGMENT_ALL,
    Bundle,
    BundleContents,
    ItemIndex,
    NewItemMap,
    PopularLists,
    PriorRows,
    Rebuys,
    open_bundle,
    write_bundle,
)
from recsys.features import FeatureConfig, FoldInConfig, HistoryConfig
from recsys.sparse import CsrMatrix

TIME = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def details(model_version: str = "v1", **changes: Any) -> dict[str, Any]:
    """Manifest fields that no test cares about."""
    return {
        "model_version": model_version,
        "model_type": "test",
        "publish_time": TIME,
        "training_start_time": TIME,
        "training_end_time": TIME,
        "data_fingerprint": "0" * 8,
        "metrics": {},
        "lineage": {},
        **changes,
    }


def contents(
    item_ids: Sequence[str],
    *,
    factors: np.ndarray | None = None,
    item_item: CsrMatrix | None = None,
    prior: np.ndarray | None = None,
    priors: PriorRows | None = None,
    popular: Mapping[str, Sequence[int]] | None = None,
    features: FeatureConfig | None = None,
    fold_in: FoldInConfig | None = None,
    history: HistoryConfig | None = None,
    basket_links: CsrMatrix | None = None,
    rebuys: Rebuys | None = None,
    new_items: NewItemMap | None = None,
    model_version: str = "v1",
) -> BundleContents:
    """Describe a bundle; popular lists are rows, best first, scored n, n-1, ..."""
    lists = {SEGMENT_ALL: list(range(len(item_ids))), **(popular or {})}
    return BundleContents(
        items=ItemIndex.from_ids(item_ids),
        item_factors=None if factors is None else np.ascontiguousarray(factors, dtype=np.float32),
        fold_in=None
        if factors is None
        else fold_in or FoldInConfig(alpha=10.0, regularization=0.1),
        history=history or HistoryConfig(),
        prior=prior,
        priors=priors,
        item_item=item_item,
        basket_links=basket_links,
        rebuys=rebuys,
        new_items=new_items,
        popular=PopularLists.from_lists(
            {
                segment: (
                    np.array(rows, dtype=np.int32),
                    np.arange(len(rows), 0, -1, dtype=np.float32),
                )
                for segment, rows in lists.items()
            }
        ),
        features=features or FeatureConfig(),
        details=details(model_version),
    )


def make_bundle(folder: Path, item_ids: Sequence[str], **parts: Any) -> Bundle:
    """Write a bundle and open it."""
    write_bundle(folder, contents(item_ids, **parts))
    return open_bundle(folder)


def two_worlds(item_count: int) -> np.ndarray:
    """Factors in which even items resemble even items only, odd ones odd ones."""
    factors = np.zeros((item_count, 2), dtype=np.float32)
    strengths = np.linspace(1.0, 0.5, item_count, dtype=np.float32)
    factors[np.arange(item_count), np.arange(item_count) % 2] = strengths
    return factors


def sparse(dense: np.ndarray) -> CsrMatrix:
    """Turn a small dense matrix into rows."""
    rows, columns = np.nonzero(dense)
    indptr = np.zeros(len(dense) + 1, dtype=np.int64)
    np.cumsum(np.bincount(rows, minlength=len(dense)), out=indptr[1:])
    return CsrMatrix(indptr, columns.astype(np.int32), dense[rows, columns].astype(np.float32))
