"""Sets of rows as bits: row i is bit i%8 of byte i//8, and rows behind the end are not in it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.masks import Mask

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]


def bits_of(mask: Mask | U8) -> U8:
    """Return a mask as it is now; bitmaps are what they are."""
    return mask.state.bitmap if isinstance(mask, Mask) else mask


def common_bits(masks: Sequence[Mask | U8]) -> U8 | None:
    """Return what all of some masks have; None for everything, of no masks."""
    if not masks:
        return None
    first, *others = map(bits_of, masks)
    if not others:
        return first
    bitmap = first & others[0]
    for other in others[1:]:
        bitmap &= other
    return bitmap


def allows(bitmap: U8, rows: I32) -> NDArray[np.bool_]:
    """Say for each row whether a bitmap has it."""
    if len(rows):
        bitmap = of_length(bitmap, int(rows.max()) + 1)
    bits: NDArray[np.bool_] = (bitmap[rows >> 3] >> (rows & 7).astype(np.uint8) & 1) == 1
    return bits


def of_length(bitmap: U8, row_count: int) -> U8:
    """Return the bytes of the first rows, with none of those behind the end; a view if it can."""
    byte_count = (row_count + 7) // 8
    if len(bitmap) >= byte_count:
        return bitmap[:byte_count]
    return np.concatenate([bitmap, np.zeros(byte_count - len(bitmap), dtype=np.uint8)])


def bitmap_of(rows: I32, row_count: int) -> U8:
    """Return some rows as a bitmap; bits past the last are 0."""
    bits = np.zeros(row_count, dtype=np.bool_)
    bits[rows] = True
    return np.packbits(bits, bitorder="little")


def inverse(bitmap: U8, row_count: int) -> U8:
    """Return the rows that a bitmap lacks; bits past the last stay 0."""
    inverted: U8 = ~bitmap
    if row_count % 8:
        inverted[-1] &= (1 << row_count % 8) - 1
    return inverted
