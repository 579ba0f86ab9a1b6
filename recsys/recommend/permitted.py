"""What may appear in one answer: bitmaps, each with the cause that it stands for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.domain import ShortfallCause, StoreId
from recsys.scoring import Mask

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Permitted:
    """All of these have to allow an item.

    Attributes:
        item_count: Of the model.
        parts: In the order in which a missing item is put down to a cause. At most 8.
        store_id: The store whose stock is among them, if one's is.
    """

    item_count: int
    parts: tuple[tuple[ShortfallCause, Mask | U8], ...] = ()
    store_id: StoreId | None = None

    @property
    def masks(self) -> list[Mask | U8] | None:
        """As the kernel takes them; None where everything may appear."""
        return [mask for _, mask in self.parts] or None

    def bitmap(self) -> U8 | None:
        """Return what all allow: item i is bit i%8 of byte i//8; None for everything."""
        if not self.parts:
            return None
        first, *others = (_bits(mask) for _, mask in self.parts)
        if not others:
            return first
        bitmap = first & others[0]
        for other in others[1:]:
            bitmap &= other
        return bitmap

    def counts(self) -> list[tuple[ShortfallCause, int]]:
        """Return how many items each part takes away that no part before it did."""
        left: U8 | None = None
        left_count = self.item_count
        counts: list[tuple[ShortfallCause, int]] = []
        for cause, mask in self.parts:
            left = _bits(mask) if left is None else left & _bits(mask)
            before, left_count = left_count, int(np.bitwise_count(left).sum())
            counts.append((cause, before - left_count))
        return counts


def allows(bitmap: U8, rows: I32) -> NDArray[np.bool_]:
    """Say for each row whether a bitmap has it."""
    bits: NDArray[np.bool_] = (bitmap[rows >> 3] >> (rows & 7).astype(np.uint8) & 1) == 1
    return bits


def inverse(bitmap: U8, item_count: int) -> U8:
    """Return the rows that a bitmap lacks; bits past the last item stay 0."""
    inverted: U8 = ~bitmap
    if item_count % 8:
        inverted[-1] &= (1 << item_count % 8) - 1
    return inverted


def _bits(mask: Mask | U8) -> U8:
    return mask.state.bitmap if isinstance(mask, Mask) else mask
