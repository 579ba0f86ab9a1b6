"""Factors as training leaves them: from public check-ins and from a simulated mall.

Both are fitted by `implicit`'s ALS and kept in a cache folder, because the larger one
takes minutes. What is kept are item factors and the vectors of 1,000 users.
"""

import datetime as dt
import os
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse
from implicit.als import AlternatingLeastSquares
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from training.simulate.run import simulate

F32 = NDArray[np.float32]

QUERY_COUNT = 1_000
DEPARTMENT_ITEMS = 100_000
_DEPARTMENT_USERS = 50_000
_DAYS = 120
_END = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_ALPHA = 20.0


class Unavailable(Exception):
    """Some data cannot be had here."""


def gowalla(cache: Path) -> tuple[F32, F32]:
    """Fit 64 factors to the public Gowalla split; returns items and queries.

    Raises:
        Unavailable: `RECSYS_DATA_DIR` does not hold gowalla_m1/train.parquet.
    """
    folder = os.environ.get("RECSYS_DATA_DIR")
    source = Path(folder or "", "gowalla_m1", "train.parquet")
    if folder is None or not source.is_file():
        raise Unavailable("set RECSYS_DATA_DIR to a folder with gowalla_m1/train.parquet")

    def counts() -> scipy.sparse.csr_matrix:
        frame = pl.read_parquet(source)
        return _counts(frame["user_id"].to_numpy(), frame["item_id"].to_numpy(), None)

    return _cached(cache / "gowalla", counts, factor_count=64, iteration_count=15)


def mall(cache: Path, *, department_count: int) -> tuple[F32, F32]:
    """Fit 128 factors to a mall of simulated shops that share their customers.

    The simulator's largest catalogue has 100,000 items; departments of that size with
    common account and card numbers make larger ones.
    """

    def counts() -> scipy.sparse.csr_matrix:
        with tempfile.TemporaryDirectory() as name:
            frames = [_department(Path(name), number) for number in range(department_count)]
        users = pl.concat([frame["user"] for frame in frames])
        rows = users.cast(pl.Categorical).to_physical().to_numpy()
        items = np.concatenate([frame["item"].to_numpy() for frame in frames])
        return _counts(rows, items, department_count * DEPARTMENT_ITEMS)

    return _cached(cache / f"mall-{department_count}", counts, factor_count=128, iteration_count=8)


def _department(folder: Path, number: int) -> pl.DataFrame:
    out = folder / f"department-{number}"
    simulate(
        out=out,
        user_count=_DEPARTMENT_USERS,
        item_count=DEPARTMENT_ITEMS,
        seed=number,
        end_time=_END,
        day_count=_DAYS,
    )
    lines = pl.scan_parquet(out / "events" / "*.parquet").filter(pl.col("item_id").is_not_null())
    pairs = lines.select(
        user=pl.coalesce("user_id", "loyalty_card", "visitor_id"),
        item=pl.col("item_id").str.slice(1).cast(pl.Int32) + number * DEPARTMENT_ITEMS,
    )
    return pairs.drop_nulls().collect()  # Some buy in stores without any card.


def _counts(
    users: NDArray[np.integer], items: NDArray[np.integer], item_count: int | None
) -> scipy.sparse.csr_matrix:
    shape = None if item_count is None else (int(users.max()) + 1, item_count)
    ones = np.ones(len(users), dtype=np.float32)
    counts = scipy.sparse.csr_matrix((ones, (users, items)), shape=shape)
    counts.sum_duplicates()
    return counts


def _cached(
    path: Path, counts: object, *, factor_count: int, iteration_count: int
) -> tuple[F32, F32]:
    items_path, queries_path = path / "items.npy", path / "queries.npy"
    if not queries_path.exists():
        assert callable(counts)
        items, queries = _fitted(
            counts(), factor_count=factor_count, iteration_count=iteration_count
        )
        path.mkdir(parents=True, exist_ok=True)
        np.save(items_path, items)
        np.save(queries_path, queries)  # Last: its being there says that all is.
    return np.load(items_path, mmap_mode="r"), np.load(queries_path)


def _fitted(
    counts: scipy.sparse.csr_matrix, *, factor_count: int, iteration_count: int
) -> tuple[F32, F32]:
    confidences = counts.copy()
    confidences.data = (1.0 + _ALPHA * confidences.data).astype(np.float32)
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(
            factors=factor_count,
            iterations=iteration_count,
            regularization=10.0,
            alpha=1.0,  # already in the confidences
            random_state=1,
        )
        model.fit(confidences, show_progress=False)
    # People of whom little is known have next to no vector; a server asks for others.
    known = np.flatnonzero(np.diff(counts.indptr) >= 5)
    chosen = np.random.default_rng(1).choice(known, QUERY_COUNT, replace=False)
    items = np.ascontiguousarray(model.item_factors, dtype=np.float32)
    return items, np.ascontiguousarray(model.user_factors[chosen], dtype=np.float32)
