"""What may appear in one answer: bitmaps, each with the cause that it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.domain import ShortfallCause
from recsys.scoring import Mask

MASK_COUNT_MAX: Final = 8
"""As many as the kernel takes together."""

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]


class Part(NamedTuple):
    """One of the rules, as a bitmap.

    Attributes:
        cause: What a missing item is put down to.
        mask: What it lets through.
        text: The filter or the stores that it stands for; empty where the cause says it all.
    """

    cause: ShortfallCause
    mask: Mask | U8
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Permitted:
    """All of these have to allow an item.

    Attributes:
        item_count: Items that there are.
        row_count: Of bitmaps; more where some rows are no items.
        parts: In the order in which a missing item is put down to a cause.
    """

    item_count: int
    row_count: int
    parts: tuple[Part, ...] = ()

    @property
    def masks(self) -> list[Mask | U8] | None:
        """As the kernel takes them; None where everything may appear."""
        masks = [part.mask for part in self.parts]
        bitmap = None if len(masks) <= MASK_COUNT_MAX else common_bits(masks)
        return (masks or None) if bitmap is None else [bitmap]

    def bitmap(self) -> U8 | None:
        """Return what all allow: item i is bit i%8 of byte i//8; None for everything."""
        return common_bits([part.mask for part in self.parts])


def refusing(parts: Sequence[Part], row: int) -> list[Part]:
    """Return the parts that do not let a row through."""
    one = np.array([row], dtype=np.int32)
    return [part for part in parts if not allows(_bits(part.mask), one)[0]]


def common_bits(masks: Sequence[Mask | U8]) -> U8 | None:
    """Return what all of some masks have; None for everything, of no masks."""
    if not masks:
        return None
    first, *others = (_bits(mask) for mask in masks)
    if not others:
        return first
    bitmap = first & others[0]
    for other in others[1:]:
        bitmap &= other
    return bitmap


def allows(bitmap: U8, rows: I32) -> NDArray[np.bool_]:
    """Say for each row whether a bitmap has it; rows behind its end are not in it."""
    if len(rows) and int(rows.max()) >> 3 >= len(bitmap):
        return allows(np.append(bitmap, np.zeros(int(rows.max()) >> 3, dtype=np.uint8)), rows)
    bits: NDArray[np.bool_] = (bitmap[rows >> 3] >> (rows & 7).astype(np.uint8) & 1) == 1
    return bits


def bitmap_of(rows: I32, item_count: int) -> U8:
    """Return some rows as a bitmap: item i is bit i%8 of byte i//8; bits past the last are 0."""
    bits = np.zeros(item_count, dtype=np.bool_)
    bits[rows] = True
    return np.packbits(bits, bitorder="little")


def inverse(bitmap: U8, item_count: int) -> U8:
    """Return the rows that a bitmap lacks; bits past the last item stay 0."""
    inverted: U8 = ~bitmap
    if item_count % 8:
        inverted[-1] &= (1 << item_count % 8) - 1
    return inverted


def _bits(mask: Mask | U8) -> U8:
    return mask.state.bitmap if isinstance(mask, Mask) else mask
