"""What may appear in one answer: bitmaps, each with the cause that it stands for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from recsys.bitmaps import U8, allows, bits_of, common_bits
from recsys.domain import ShortfallCause
from recsys.masks import Mask

MASK_COUNT_MAX: Final = 8
"""As many as the kernel takes together."""


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
    return [part for part in parts if not allows(bits_of(part.mask), one)[0]]
