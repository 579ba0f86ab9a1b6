"""Publishing: a bundle is complete and synced to disk, or it is not there at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys.bundle import format as fmt
from recsys.bundle.codes import code_arrays, publish_codes
from recsys.bundle.items import ItemIndex
from recsys.bundle.new_items import NewItemMap
from recsys.bundle.popular import PopularLists
from recsys.bundle.priors import PriorRows, priors_info
from recsys.bundle.rebuys import Rebuys
from recsys.features import FeatureConfig, FoldInConfig, HistoryConfig
from recsys.files import file_digest, sync_path
from recsys.item_codes import ItemCodes
from recsys.sparse import CsrMatrix

_ROUNDING_SHARE: Final = 2.0**-21
"""Cosine of two columns of float32 that are orthogonal but for rounding, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleContents:
    """What a trainer hands over to be published.

    Attributes:
        items: All items; the order gives the rows.
        item_factors: Float32, shape (n, f), finite, C-contiguous; None without vectors.
        fold_in: Required with `item_factors`.
        history: How weights are made ready for `item_item`.
        prior: Float32, shape (n,), finite, or None.
        priors: Named rows of priors, or None.
        item_item: Square (n, n) with finite values, or None.
        popular: Popular lists.
        new_items: What vectors of items that it lacks are made with, or None.
        basket_links: Square (n, n), what goes together into one basket, or None.
        rebuys: How soon and how surely items are bought again, or None.
        features: How histories become weights.
        details: The remaining fields of `Manifest`: model_version, model_type,
            publish_time, training_start_time, training_end_time, data_fingerprint,
            metrics, lineage.
    """

    items: ItemIndex
    popular: PopularLists
    features: FeatureConfig
    item_factors: NDArray[np.float32] | None = None
    fold_in: FoldInConfig | None = None
    history: HistoryConfig = field(default_factory=HistoryConfig)
    prior: NDArray[np.float32] | None = None
    priors: PriorRows | None = None
    item_item: CsrMatrix | None = None
    new_items: NewItemMap | None = None
    basket_links: CsrMatrix | None = None
    rebuys: Rebuys | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Name every array as the format does."""
        arrays: dict[str, NDArray[Any]] = {
            fmt.ITEM_ID_BYTES: self.items.id_bytes,
            fmt.ITEM_ID_OFFSETS: self.items.offsets,
            fmt.ITEM_ID_SLOTS: self.items.slots,
            fmt.POPULAR_INDPTR: self.popular.indptr,
            fmt.POPULAR_ROWS: self.popular.rows,
            fmt.POPULAR_SCORES: self.popular.scores,
        }
        if self.item_factors is not None:
            factors = self.item_factors
            arrays[fmt.ITEM_FACTORS] = factors
            arrays[fmt.GRAM] = gram_matrix(factors)
        if self.prior is not None:
            arrays[fmt.PRIOR] = self.prior
        if self.priors is not None:
            arrays[fmt.PRIORS] = self.priors.values
        if self.item_item is not None:
            arrays[fmt.ITEM_ITEM_INDPTR] = self.item_item.indptr
            arrays[fmt.ITEM_ITEM_INDICES] = self.item_item.indices
            arrays[fmt.ITEM_ITEM_DATA] = self.item_item.data
        if self.new_items is not None:
            arrays[fmt.NEW_ITEM_FEATURES] = self.new_items.features
            arrays[fmt.NEW_ITEM_WEIGHTS] = self.new_items.weights
        if self.basket_links is not None:
            arrays[fmt.BASKET_INDPTR] = self.basket_links.indptr
            arrays[fmt.BASKET_INDICES] = self.basket_links.indices
            arrays[fmt.BASKET_DATA] = self.basket_links.data
        if self.rebuys is not None:
            arrays[fmt.REBUY_SHARES] = self.rebuys.shares
            arrays[fmt.REBUY_DAYS] = self.rebuys.days
        return arrays


def gram_matrix(factors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return factors^T factors in float64, shape (f, f), in bounded memory.

    Factors along their principal axes have a diagonal Gram matrix but for the rounding
    of their values; that rest is left out, because fold-in is much faster without.
    """
    gram = np.zeros((factors.shape[1], factors.shape[1]), dtype=np.float64)
    for start in range(0, len(factors), 65_536):
        block = factors[start : start + 65_536].astype(np.float64)
        gram += block.T @ block
    diagonal = np.diagonal(gram)
    scale = np.sqrt(np.outer(diagonal, diagonal))
    rest = np.abs(gram - np.diag(diagonal)) <= _ROUNDING_SHARE * scale
    return np.diag(diagonal) if rest.all() else gram


def write_bundle(folder: Path, contents: BundleContents) -> fmt.Manifest:
    """Write a bundle.

    Everything goes into a hidden folder beside `folder` first, is synced, and
    appears under its name in one rename. A full disk or a kill leaves nothing
    under the name; a leftover hidden folder is harmless.

    Args:
        folder: Where to put it; must not exist.
        contents: What to put there.

    Raises:
        FileExistsError: `folder` exists.
        OSError: The disk is full or not writable; nothing is left behind.
        ValueError: The contents contradict each other.
        NotFinite: A factor is NaN or infinite.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists; bundles are never overwritten")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _scratch_folder(folder) as scratch:
        entries = {
            name: _write_array(scratch, name, array) for name, array in contents.arrays().items()
        }
        codes = publish_codes(contents.item_factors)
        if codes is not None:
            for name, array in code_arrays(codes, contents.prior, contents.priors).items():
                entries[name] = _write_array(scratch, name, array)
        manifest = _manifest(contents, entries, codes)
        _write_synced(
            scratch / fmt.MANIFEST_NAME, msgspec.json.format(msgspec.json.encode(manifest))
        )
        sync_path(scratch)
        scratch.rename(folder)
    sync_path(folder.parent)
    return manifest


def _manifest(
    contents: BundleContents, entries: dict[str, fmt.ArrayEntry], codes: ItemCodes | None
) -> fmt.Manifest:
    factors = contents.item_factors
    if (factors is None) != (contents.fold_in is None):
        raise ValueError("item_factors and fold_in come together or not at all")
    new_items = contents.new_items
    if new_items is not None and (factors is None or new_items.factor_count != factors.shape[1]):
        raise ValueError("vectors of new items are as long as those of the others")
    return fmt.Manifest(
        format_version=fmt.FORMAT_VERSION,
        item_count=len(contents.items),
        factor_count=0 if factors is None else factors.shape[1],
        features=contents.features,
        fold_in=contents.fold_in,
        history=contents.history,
        segments=contents.popular.segments,
        priors=priors_info(contents.priors),
        rebuys=None
        if contents.rebuys is None
        else fmt.RebuysInfo(ratios=contents.rebuys.ratios, rates=contents.rebuys.rates),
        arrays=entries,
        codes=None
        if codes is None
        else fmt.CodesInfo(defect=codes.defect, first_stage=codes.first_stage),
        **contents.details,
    )


@contextmanager
def _scratch_folder(folder: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    scratch.chmod(0o755)  # mkdtemp makes it private, but servers may run as another user
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_array(folder: Path, name: str, array: NDArray[Any]) -> fmt.ArrayEntry:
    expected = fmt.DTYPES[name]
    if array.dtype != np.dtype(expected):
        raise ValueError(f"{name} has dtype {array.dtype}; it must be {expected}")
    path = folder / f"{name}.npy"
    with path.open("wb") as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
        file.flush()
        os.fsync(file.fileno())
    return fmt.ArrayEntry(
        file=path.name,
        dtype=expected,
        shape=array.shape,
        size_bytes=path.stat().st_size,
        sha256=file_digest(path),
    )


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
