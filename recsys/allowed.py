"""What `allowed` may be, and what the core gets for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from recsys import _scoring
from recsys.arrays import InvalidArray, check_array, check_count
from recsys.masks import Mask
from recsys.subsets import Subsets

U8 = NDArray[np.uint8]

Allowed: TypeAlias = U8 | Mask | Sequence[U8 | Mask]
"""One bitmap or mask, or several, all of which must allow an item."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolvedMasks:
    """Masks at one moment, as the core takes them.

    Attributes:
        bitmaps: Each of shape (1 or m, ceil(n/8)).
        subset: Codes of the items of one of the masks, or None.
        extra: Rows that the subset may lack, or None without one.
    """

    bitmaps: tuple[U8, ...] = ()
    subset: _scoring.CodeSubset | None = None
    extra: NDArray[np.int32] | None = None

    def part(self, start: int, stop: int) -> tuple[U8, ...]:
        """Return the bitmaps of queries `start` to `stop`."""
        return tuple(bitmap if len(bitmap) == 1 else bitmap[start:stop] for bitmap in self.bitmaps)


EVERYTHING = ResolvedMasks()


def resolve_allowed(
    allowed: Allowed, *, query_count: int, item_count: int, subsets: Subsets | None
) -> ResolvedMasks:
    """Take the state of each mask, once, and the smallest subset that is right for it.

    Raises:
        InvalidArray: A bitmap has a wrong dtype, shape or layout, or is, as a mask, of
            fewer items; rows that lie behind the last item do not count.
        CountOutOfRange: Too many masks.
    """
    masks = several(allowed)
    check_count(len(masks), argument="masks", count_min=0, count_max=_scoring.MASK_COUNT_MAX)
    bitmaps: list[U8] = []
    found: list[tuple[_scoring.CodeSubset, NDArray[np.int32]]] = []
    for one in masks:
        if not isinstance(one, Mask):
            bitmaps.append(_checked(one, query_count, item_count))
            continue
        if one.item_count < item_count:
            raise InvalidArray(
                argument="allowed",
                found=f"a mask of {one.item_count} items",
                allowed=f"{item_count} items and more",
            )
        state = one.state
        bitmaps.append(state.bitmap[np.newaxis, : (item_count + 7) // 8])
        if subsets is not None and (made := subsets.find(one, state)) is not None:
            subset, extra = made
            found.append((subset, extra[extra < item_count]))
    if not found:
        return ResolvedMasks(bitmaps=tuple(bitmaps))
    subset, extra = min(found, key=lambda pair: pair[0].place_count() + len(pair[1]))
    return ResolvedMasks(bitmaps=tuple(bitmaps), subset=subset, extra=extra)


def several(allowed: Allowed) -> Sequence[U8 | Mask]:
    """Return one mask or several as several."""
    return [allowed] if isinstance(allowed, Mask | np.ndarray) else allowed


def _checked(bitmap: U8, query_count: int, item_count: int) -> U8:
    byte_count = (item_count + 7) // 8
    is_matrix = isinstance(bitmap, np.ndarray) and bitmap.ndim == 2  # noqa: PLR2004 - a matrix
    # Rows behind the last item do not count, in bitmaps of the right kind.
    may_be_longer = isinstance(bitmap, np.ndarray) and bitmap.ndim > 0 and bitmap.dtype == np.uint8
    length = max(byte_count, bitmap.shape[-1]) if may_be_longer else byte_count
    shape = (query_count, length) if is_matrix else (length,)
    check_array(bitmap, argument="allowed", dtype=np.uint8, shape=shape)
    own = bitmap[..., :byte_count]
    return np.ascontiguousarray(own) if is_matrix else own[np.newaxis]
