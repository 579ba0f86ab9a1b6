"""Opening: map a bundle in milliseconds, or read every byte and refuse what is wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.bundle import format as fmt
from recsys.bundle.codes import (
    codes_problem,
    expected_shapes,
    mapped_codes,
    missing_codes,
)
from recsys.bundle.items import ItemIndex
from recsys.bundle.new_items import NewItemMap, new_items_problem
from recsys.bundle.popular import SEGMENT_ALL, PopularLists
from recsys.bundle.priors import PriorRows, mapped_priors, priors_problem
from recsys.bundle.rebuys import Rebuys, mapped_rebuys, rebuys_problem
from recsys.errors import BundleCorrupt, BundleIncompatible, BundleUnavailable
from recsys.files import file_digest
from recsys.item_codes import ItemCodes
from recsys.sparse import CsrMatrix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """An opened bundle. The arrays are read-only maps of the files.

    Attributes:
        folder: Where it is.
        manifest: What it says of itself.
        items: Ids and rows of the n items.
        item_factors: Float32, shape (n, f), or None.
        gram: Float64, shape (f, f), `item_factors^T item_factors`, or None.
        prior: Float32, shape (n,), or None.
        item_item: Sparse (n, n), or None.
        popular: Popular lists.
        codes: The factors once more in codes, or None (also in bundles of format 1).
        code_prior: The prior in the order of the codes, or None.
        priors: Named rows of priors, or None.
        code_priors: Their values in the order of the codes, or None.
        new_items: What vectors of items that it lacks are made with, or None.
        basket_links: Sparse (n, n), what goes together into one basket, or None.
        rebuys: How soon and how surely items are bought again, or None.
    """

    folder: Path
    manifest: fmt.Manifest
    items: ItemIndex
    item_factors: NDArray[np.float32] | None
    gram: NDArray[np.float64] | None
    prior: NDArray[np.float32] | None
    item_item: CsrMatrix | None
    popular: PopularLists
    codes: ItemCodes | None = None
    code_prior: NDArray[np.float32] | None = None
    priors: PriorRows | None = None
    code_priors: NDArray[np.float32] | None = None
    new_items: NewItemMap | None = None
    basket_links: CsrMatrix | None = None
    rebuys: Rebuys | None = None


def open_bundle(folder: Path) -> Bundle:
    """Map a bundle without reading its arrays; sizes and shapes are checked.

    Raises:
        BundleUnavailable: There is no bundle in the folder.
        BundleIncompatible: Its format version is not ours.
        BundleCorrupt: The manifest or a file's size, dtype or shape is wrong.
    """
    manifest = read_manifest(folder)
    arrays = {name: _map_array(folder, name, entry) for name, entry in manifest.arrays.items()}
    _check_complete(folder, manifest, arrays)
    return Bundle(
        folder=folder,
        manifest=manifest,
        items=ItemIndex(
            id_bytes=arrays[fmt.ITEM_ID_BYTES],
            offsets=arrays[fmt.ITEM_ID_OFFSETS],
            slots=arrays[fmt.ITEM_ID_SLOTS],
        ),
        item_factors=arrays.get(fmt.ITEM_FACTORS),
        gram=arrays.get(fmt.GRAM),
        prior=arrays.get(fmt.PRIOR),
        item_item=_links(arrays, (fmt.ITEM_ITEM_INDPTR, fmt.ITEM_ITEM_INDICES, fmt.ITEM_ITEM_DATA)),
        popular=PopularLists(
            segments=manifest.segments,
            indptr=arrays[fmt.POPULAR_INDPTR],
            rows=arrays[fmt.POPULAR_ROWS],
            scores=arrays[fmt.POPULAR_SCORES],
        ),
        codes=mapped_codes(manifest, arrays),
        code_prior=arrays.get(fmt.CODE_PRIOR),
        priors=mapped_priors(manifest, arrays.get(fmt.PRIORS)),
        code_priors=arrays.get(fmt.CODE_PRIORS),
        new_items=_new_items(arrays),
        basket_links=_links(arrays, (fmt.BASKET_INDPTR, fmt.BASKET_INDICES, fmt.BASKET_DATA)),
        rebuys=mapped_rebuys(
            manifest.rebuys, arrays.get(fmt.REBUY_SHARES), arrays.get(fmt.REBUY_DAYS)
        ),
    )


def verify_bundle(folder: Path) -> Bundle:
    """Read every byte of a bundle and return it opened if nothing is wrong.

    Raises:
        BundleUnavailable, BundleIncompatible: As `open_bundle`.
        BundleCorrupt: Also for a wrong checksum, a factor that is NaN or
            infinite, or an index outside its range.
    """
    bundle = open_bundle(folder)
    for name, entry in bundle.manifest.arrays.items():
        if file_digest(folder / entry.file) != entry.sha256:
            raise BundleCorrupt(path=str(folder), problem=f"{name}: checksum differs")
    problem = _content_problem(bundle)
    if problem is not None:
        raise BundleCorrupt(path=str(folder), problem=problem)
    return bundle


def read_manifest(folder: Path) -> fmt.Manifest:
    """Read and check `manifest.json` alone; raises as `open_bundle`."""
    path = folder / fmt.MANIFEST_NAME
    try:
        if path.stat().st_size > limits.MANIFEST_BYTES_MAX:
            raise BundleCorrupt(path=str(folder), problem="manifest.json is larger than 16 MiB")
        text = path.read_bytes()
    except OSError as error:
        raise BundleUnavailable(source=str(folder), problem=str(error)) from error
    try:
        version = msgspec.json.decode(text, type=_VersionOnly).format_version
        if version not in fmt.READABLE_VERSIONS:
            supported = " and ".join(map(str, fmt.READABLE_VERSIONS))
            raise BundleIncompatible(path=str(folder), format_version=version, supported=supported)
        return msgspec.json.decode(text, type=fmt.Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleCorrupt(path=str(folder), problem=f"manifest.json: {error}") from error


class _VersionOnly(msgspec.Struct):
    format_version: int


def _map_array(folder: Path, name: str, entry: fmt.ArrayEntry) -> NDArray[Any]:
    path = folder / entry.file
    if fmt.DTYPES.get(name) != entry.dtype:
        raise BundleCorrupt(path=str(folder), problem=f"{name}: dtype {entry.dtype} is not allowed")
    try:
        size_bytes = path.stat().st_size
        if size_bytes != entry.size_bytes:
            raise BundleCorrupt(
                path=str(folder),
                problem=f"{name}: {size_bytes} bytes; the manifest says {entry.size_bytes}",
            )
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise BundleCorrupt(path=str(folder), problem=f"{name}: {error}") from error
    if array.shape != entry.shape or array.dtype != np.dtype(entry.dtype):
        raise BundleCorrupt(
            path=str(folder), problem=f"{name}: {array.dtype} {array.shape} is not as described"
        )
    # A plain view: NumPy's memmap subclass makes every slice several times slower.
    return array.view(np.ndarray)


def _check_complete(folder: Path, manifest: fmt.Manifest, arrays: dict[str, NDArray[Any]]) -> None:
    names = arrays.keys()
    missing = fmt.REQUIRED - names
    for group in fmt.TOGETHER:
        if group & names:
            missing |= group - names
    if missing:
        raise BundleCorrupt(path=str(folder), problem=f"arrays missing: {sorted(missing)}")
    items, factors = manifest.item_count, manifest.factor_count
    if not 0 <= items <= limits.ITEM_COUNT_MAX or not 0 <= factors <= limits.FACTOR_COUNT_MAX:
        raise BundleCorrupt(path=str(folder), problem=f"{items} items x {factors} factors")
    if (factors > 0) != (fmt.ITEM_FACTORS in names) or (factors > 0) != (
        manifest.fold_in is not None
    ):
        raise BundleCorrupt(path=str(folder), problem="factors without fold_in, or the reverse")
    if (manifest.priors is not None) != (fmt.PRIORS in names):
        raise BundleCorrupt(path=str(folder), problem="priors without names, or the reverse")
    if (manifest.rebuys is not None) != (fmt.REBUY_DAYS in names):
        raise BundleCorrupt(path=str(folder), problem="rebuys without rates, or the reverse")
    if wrong := missing_codes(manifest, frozenset(names)):
        raise BundleCorrupt(path=str(folder), problem=f"codes are incomplete: {sorted(wrong)}")
    if SEGMENT_ALL not in manifest.segments:
        raise BundleCorrupt(path=str(folder), problem=f"no popular list {SEGMENT_ALL!r}")
    _check_shapes(folder, manifest, arrays)


def _check_shapes(folder: Path, manifest: fmt.Manifest, arrays: dict[str, NDArray[Any]]) -> None:
    items, factors = manifest.item_count, manifest.factor_count
    expected: dict[str, tuple[int, ...]] = {
        **expected_shapes(manifest),
        fmt.ITEM_ID_OFFSETS: (items + 1,),
        fmt.ITEM_FACTORS: (items, factors),
        fmt.GRAM: (factors, factors),
        fmt.PRIOR: (items,),
        fmt.PRIORS: (0 if manifest.priors is None else len(manifest.priors.names), items),
        fmt.ITEM_ITEM_INDPTR: (items + 1,),
        fmt.BASKET_INDPTR: (items + 1,),
        fmt.REBUY_SHARES: (items,),
        fmt.REBUY_DAYS: (items,),
        fmt.POPULAR_INDPTR: (len(manifest.segments) + 1,),
    }
    for name, shape in expected.items():
        if name in arrays and arrays[name].shape != shape:
            raise BundleCorrupt(
                path=str(folder), problem=f"{name}: shape {arrays[name].shape}; expected {shape}"
            )


def _links(arrays: dict[str, NDArray[Any]], names: tuple[str, str, str]) -> CsrMatrix | None:
    if names[0] not in arrays:
        return None
    indptr, indices, data = (arrays[name] for name in names)
    return CsrMatrix(indptr=indptr, indices=indices, data=data)


def _new_items(arrays: dict[str, NDArray[Any]]) -> NewItemMap | None:
    if fmt.NEW_ITEM_FEATURES not in arrays:
        return None
    return NewItemMap(features=arrays[fmt.NEW_ITEM_FEATURES], weights=arrays[fmt.NEW_ITEM_WEIGHTS])


def _content_problem(bundle: Bundle) -> str | None:
    for name in (fmt.ITEM_FACTORS, fmt.GRAM, fmt.PRIOR):
        array = getattr(bundle, name)
        if array is not None and not _all_finite(array):
            return f"{name}: values are not finite"
    return (
        _item_index_problem(bundle.items)
        or _popular_problem(bundle.popular, len(bundle.items))
        or _links_problem("item_item", bundle.item_item, len(bundle.items))
        or _links_problem("basket_links", bundle.basket_links, len(bundle.items))
        or rebuys_problem(bundle.rebuys)
        or _codes_problem(bundle)
        or priors_problem(bundle.priors, bundle.codes, bundle.code_priors)
        or new_items_problem(bundle.new_items, bundle.manifest.factor_count)
    )


def _popular_problem(popular: PopularLists, item_count: int) -> str | None:
    lists = CsrMatrix(popular.indptr, popular.rows, popular.scores)
    if (problem := lists.problem(column_count=item_count)) is not None:
        return f"popular lists: {problem}"
    if len(popular.list(SEGMENT_ALL)[0]) != item_count:
        return f"popular list {SEGMENT_ALL!r} does not rank every item"
    return None


def _links_problem(name: str, links: CsrMatrix | None, item_count: int) -> str | None:
    problem = None if links is None else links.problem(column_count=item_count)
    return None if problem is None else f"{name}: {problem}"


def _codes_problem(bundle: Bundle) -> str | None:
    if bundle.codes is None or bundle.item_factors is None:
        return None
    return codes_problem(bundle.codes, bundle.item_factors, bundle.prior, bundle.code_prior)


def _all_finite(array: NDArray[Any]) -> bool:
    # In blocks, because isfinite would allocate a mask as long as the array.
    return all(
        bool(np.isfinite(array[start : start + 65_536]).all())
        for start in range(0, len(array), 65_536)
    )


def _item_index_problem(items: ItemIndex) -> str | None:
    lengths = np.diff(items.offsets)
    if items.offsets[0] != 0 or items.offsets[-1] != len(items.id_bytes):
        return "item ids: offsets do not span the bytes"
    if len(lengths) and not (lengths.min() >= 1 and lengths.max() <= limits.ITEM_ID_BYTES_MAX):
        return "item ids: a length is outside 1 to 128 bytes"
    slot_count = len(items.slots)
    if slot_count & (slot_count - 1) or slot_count < len(items) + 1:
        return f"item ids: hash table of {slot_count} slots for {len(items)} items"
    taken = items.slots[items.slots != -1]
    if not np.array_equal(np.sort(taken), np.arange(len(items))):
        return "item ids: hash table does not hold each row once"
    return None
