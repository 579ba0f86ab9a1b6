"""Item ids and their rows, as arrays that several processes map together.

A dictionary of a million strings would cost every worker 150 MB. Here the ids
are one block of UTF-8 and the lookup is an open-addressing hash table of rows
(CRC-32, linear probing, at most half full), both in the bundle.
"""

import zlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys.domain import ItemId, ItemRow

_FREE = -1
_HOT_ITEM_COUNT_MAX = 65_536


class ItemIndex:
    """Maps item ids to rows and back. Immutable and safe to share between threads."""

    def __init__(
        self,
        *,
        id_bytes: NDArray[np.uint8],
        offsets: NDArray[np.int64],
        slots: NDArray[np.int32],
    ) -> None:
        """Wrap the three arrays of a bundle; `from_ids` makes new ones."""
        self.id_bytes = id_bytes
        self.offsets = offsets
        self.slots = slots
        # Memory views index several times faster than NumPy scalars do.
        self._id_bytes = id_bytes.data
        self._offsets = offsets.data
        self._slots = slots.data
        self._mask = len(slots) - 1
        # Traffic is skewed: most lookups are of the same few thousand items.
        self.row = lru_cache(_HOT_ITEM_COUNT_MAX)(self._row)
        self.id = lru_cache(_HOT_ITEM_COUNT_MAX)(self._id)

    @classmethod
    def from_ids(cls, item_ids: Sequence[str]) -> Self:
        """Build the index.

        Args:
            item_ids: Unique ids; their order gives the rows. Each 1 to 128 bytes
                of UTF-8.

        Raises:
            ValueError: An id is empty, too long or given twice.
        """
        encoded = [item_id.encode() for item_id in item_ids]
        for key in encoded:
            if not 1 <= len(key) <= limits.ITEM_ID_BYTES_MAX:
                raise ValueError(f"item id {key!r} has {len(key)} bytes; allowed 1 to 128")
        offsets = np.zeros(len(encoded) + 1, dtype=np.int64)
        np.cumsum([len(key) for key in encoded], out=offsets[1:])
        id_bytes = np.frombuffer(b"".join(encoded), dtype=np.uint8)
        return cls(id_bytes=id_bytes, offsets=offsets, slots=_hash_table(encoded))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def _id(self, row: int) -> ItemId:
        """Return the id at a row in [0, len) (bound to `id`, cached)."""
        if not 0 <= row < len(self):
            raise IndexError(f"row is {row}; allowed 0 to {len(self) - 1}")
        return ItemId(str(self._id_bytes[self._offsets[row] : self._offsets[row + 1]], "utf-8"))

    def _row(self, item_id: str) -> ItemRow | None:
        """Return the row of an id, or None for an unknown one (bound to `row`, cached)."""
        key = item_id.encode("utf-8", "surrogatepass")
        slot = zlib.crc32(key) & self._mask
        while (row := self._slots[slot]) != _FREE:
            if self._id_bytes[self._offsets[row] : self._offsets[row + 1]] == key:
                return ItemRow(row)
            slot = (slot + 1) & self._mask
        return None

    def known_rows(self, item_ids: Iterable[str]) -> NDArray[np.int32]:
        """Return the distinct rows of the known ids among these, ascending."""
        rows = {row for item_id in item_ids if (row := self.row(item_id)) is not None}
        return np.array(sorted(rows), dtype=np.int32)


def _hash_table(keys: Sequence[bytes]) -> NDArray[np.int32]:
    slot_count = 1 << max(1, 2 * len(keys) - 1).bit_length()
    mask = slot_count - 1
    table = [_FREE] * slot_count
    for row, key in enumerate(keys):
        slot = zlib.crc32(key) & mask
        while (other := table[slot]) != _FREE:
            if keys[other] == key:
                raise ValueError(f"item id {key!r} is given twice, rows {other} and {row}")
            slot = (slot + 1) & mask
        table[slot] = row
    return np.array(table, dtype=np.int32)
