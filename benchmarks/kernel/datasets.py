"""The data sets: items, queries, masks, histories and a published bundle, as files.

hard-*    unit norms, no preferred direction: nothing can be skipped
decay-*   energy falls as 1/j, norms are lognormal: what trained factors resemble
gowalla   factors trained on public check-ins
mall-*    factors trained on simulated events
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from bundle_details import bundle_details
from numpy.typing import NDArray

from kernel import factors
from recsys.bundle import SEGMENT_ALL, BundleContents, ItemIndex, PopularLists, write_bundle
from recsys.features import FeatureConfig, FoldInConfig
from recsys.sparse import CsrMatrix

F32 = NDArray[np.float32]

MASKS = {"50%": 0.5, "5%": 0.05, "0.5%": 0.005}
_SHAPES = {"tiny": (5_000, 64), "50k": (50_000, 64), "200k": (200_000, 128), "1m": (1_000_000, 128)}
_LINKS_PER_ITEM = 20
_HISTORY_LENGTH = 30

NAMES = (
    *(f"{kind}-{size}" for size in _SHAPES for kind in ("decay", "hard")),
    "gowalla",
    "mall-200k",
    "mall-1m",
)


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set on disk, for processes to map.

    Attributes:
        name: One of `NAMES`.
        folder: Holds items.npy, queries.npy, mask-*.npy, history-*.npy, links-*.npy, bundle/.
        item_count: Number of items n.
        factor_count: Number of factors f.
    """

    name: str
    folder: Path
    item_count: int
    factor_count: int

    @property
    def factor_bytes(self) -> int:
        """What a pass over all float32 factors reads."""
        return self.item_count * self.factor_count * 4


def prepare(name: str, *, folder: Path, cache: Path) -> DataSet:
    """Write a data set's files.

    Args:
        name: One of `NAMES`.
        folder: To be filled.
        cache: Where trained factors are kept between runs.

    Raises:
        Unavailable: The data that it is made from are not here.
    """
    items, queries = _vectors(name, cache)
    folder.mkdir(parents=True)
    np.save(folder / "items.npy", items)
    np.save(folder / "queries.npy", queries)
    rng = np.random.default_rng(2)
    for mask, share in MASKS.items():
        allowed = np.zeros(len(items), dtype=np.uint8)
        allowed[rng.choice(len(items), int(share * len(items)), replace=False)] = 1
        np.save(folder / f"mask-{mask}.npy", np.packbits(allowed, bitorder="little"))
    links = _links(len(items), rng)
    np.save(folder / "links-indices.npy", links.indices.reshape(len(items), -1))
    np.save(folder / "links-data.npy", links.data.reshape(len(items), -1))
    shape = (len(queries), _HISTORY_LENGTH)
    rows = rng.integers(0, len(items), shape, dtype=np.int32)
    np.save(folder / "history-rows.npy", np.sort(rows, axis=1))
    np.save(folder / "history-weights.npy", rng.uniform(0.1, 1, shape).astype(np.float32))
    _publish(folder / "bundle", np.load(folder / "items.npy", mmap_mode="r"), links)
    return DataSet(name, folder, *items.shape)


def _vectors(name: str, cache: Path) -> tuple[F32, F32]:
    if name == "gowalla":
        return factors.gowalla(cache)
    kind, _, size = name.partition("-")
    item_count, factor_count = _SHAPES[size]
    if kind == "mall":
        return factors.mall(cache, department_count=item_count // factors.DEPARTMENT_ITEMS)
    rng = np.random.default_rng(1)
    items = rng.standard_normal((item_count, factor_count), dtype=np.float32)
    queries = rng.standard_normal((factors.QUERY_COUNT, factor_count), dtype=np.float32)
    if kind == "hard":
        return items / np.linalg.norm(items, axis=1, keepdims=True), queries
    spectrum = np.arange(1, factor_count + 1, dtype=np.float32) ** -0.5
    items *= spectrum
    items *= rng.lognormal(sigma=0.35, size=(item_count, 1)).astype(np.float32)
    return items, queries * spectrum


def _links(item_count: int, rng: np.random.Generator) -> CsrMatrix:
    indptr = np.arange(item_count + 1, dtype=np.int64) * _LINKS_PER_ITEM
    shape = (item_count, _LINKS_PER_ITEM)
    indices = np.sort(rng.integers(0, item_count, shape, dtype=np.int32), axis=1)
    data = rng.uniform(0, 0.1, shape).astype(np.float32)
    return CsrMatrix(indptr, indices.ravel(), data.ravel())


def _publish(path: Path, items: F32, links: CsrMatrix) -> None:
    first = np.arange(min(len(items), 100), dtype=np.int32)
    lists = {SEGMENT_ALL: (first, np.linspace(1, 0, len(first), dtype=np.float32))}
    contents = BundleContents(
        items=ItemIndex.from_ids([f"{row:07d}" for row in range(len(items))]),
        item_factors=np.ascontiguousarray(items),
        item_item=links,
        fold_in=FoldInConfig(alpha=10.0, regularization=1.0),
        popular=PopularLists.from_lists(lists),
        features=FeatureConfig(),
        details=bundle_details("benchmark"),
    )
    write_bundle(path, contents)
