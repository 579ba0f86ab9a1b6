"""Which items may appear: bitmaps that are asked again and again, and change.

    stock = Mask(bitmap, item_count=n)          # one per store, kept by the caller
    scorer.top_k(vectors, 20, allowed=stock)    # or [stock, other, bitmap]
    stock.change(allow=rows, forbid=rows)       # seen by every call that starts later

A mask that allows few items and is asked repeatedly gets a subset: the codes of its
items alone, made in the background by `recsys.subsets`. Answers never depend on it.
"""

import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recsys.arrays import RowOutOfRange, check_array, check_count

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]

_CHANGES_KEPT: Final = 64
"""Changes remembered for subsets made before them; a longer gap needs a new subset."""


@dataclass(frozen=True, slots=True, eq=False)
class MaskState:
    """A mask at one moment.

    Attributes:
        bitmap: Item i is bit i%8 of byte i//8, uint8, shape (ceil(n/8),), read-only.
        version: Counts changes, from 0.
        changes: The rows allowed by each of the last changes, oldest first.
    """

    bitmap: U8
    version: int
    changes: tuple[I32, ...]

    def allowed_since(self, version: int) -> I32 | None:
        """Return rows that may have become allowed since a version, ascending, unique.

        None where that is longer ago than changes are remembered.
        """
        gap = self.version - version
        if gap == 0:
            return np.zeros(0, dtype=np.int32)
        if not 0 < gap <= len(self.changes):
            return None
        return np.unique(np.concatenate(self.changes[-gap:]))


class Mask:
    """A changing set of items. Safe between threads: a call sees one state throughout."""

    def __init__(self, bitmap: U8, *, item_count: int) -> None:
        """Copy a bitmap.

        Args:
            bitmap: Item i is bit i%8 of byte i//8, shape (ceil(n/8),).
            item_count: Number of items n.

        Raises:
            InvalidArray: Wrong dtype, shape or layout.
        """
        check_count(item_count, argument="item_count", count_min=0, count_max=2**31 - 1)
        check_array(bitmap, argument="bitmap", dtype=np.uint8, shape=((item_count + 7) // 8,))
        self.item_count = item_count
        self._lock = threading.Lock()
        self._state = MaskState(_frozen(bitmap.copy()), 0, ())

    @property
    def state(self) -> MaskState:
        """The mask now."""
        return self._state

    def change(self, *, allow: I32 | None = None, forbid: I32 | None = None) -> None:
        """Allow and forbid items; what is in both is forbidden.

        Args:
            allow: Item rows, int32; repeats are harmless.
            forbid: Likewise.

        Raises:
            InvalidArray, RowOutOfRange: An argument is wrong; nothing has changed then.
        """
        allowed = self._checked(allow, "allow")
        forbidden = self._checked(forbid, "forbid")
        with self._lock:
            before = self._state
            bitmap = before.bitmap.copy()
            np.bitwise_or.at(bitmap, allowed >> 3, _bits(allowed))
            np.bitwise_and.at(bitmap, forbidden >> 3, ~_bits(forbidden))
            changes = (*before.changes[-(_CHANGES_KEPT - 1) :], allowed)
            self._state = MaskState(_frozen(bitmap), before.version + 1, changes)

    def replace(self, bitmap: U8) -> None:
        """Put another bitmap in place of this one, as `change` with the difference.

        Raises:
            InvalidArray: Wrong dtype, shape or layout.
        """
        check_array(bitmap, argument="bitmap", dtype=np.uint8, shape=self._state.bitmap.shape)
        with self._lock:
            before = self._state
            fresh = np.unpackbits(bitmap & ~before.bitmap, bitorder="little")
            allowed = np.flatnonzero(fresh[: self.item_count]).astype(np.int32)
            changes = (*before.changes[-(_CHANGES_KEPT - 1) :], allowed)
            self._state = MaskState(_frozen(bitmap.copy()), before.version + 1, changes)

    def _checked(self, rows: I32 | None, argument: str) -> I32:
        if rows is None:
            return np.zeros(0, dtype=np.int32)
        check_array(rows, argument=argument, dtype=np.int32, shape=(None,))
        outside = rows[(rows < 0) | (rows >= self.item_count)]
        if len(outside):
            raise RowOutOfRange(argument=argument, row=int(outside[0]), item_count=self.item_count)
        return rows.copy()


def _bits(rows: I32) -> U8:
    bits: U8 = np.left_shift(1, rows & 7).astype(np.uint8)
    return bits


def _frozen(bitmap: U8) -> U8:
    bitmap.flags.writeable = False
    return bitmap
