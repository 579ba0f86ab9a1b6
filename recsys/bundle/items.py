"""Item ids and their rows, as arrays that several processes map together.

A dictionary of a million strings would cost every worker 150 MB. Here the ids
are one block of UTF-8 and the lookup is an open-addressing hash table of rows
(CRC-32, linear probing, at most half full), both in the bundle; `src/_items.pyx`
reads them.
"""

import zlib
from collections.abc import Sequence
from typing import Final, Self, cast

import numpy as np
from numpy.typing import NDArray

from recsys import limits
from recsys._items import ItemIds
from recsys.domain import ItemId, ItemRow
from recsys.row_sets import union

_FREE: Final = -1
_NO_ROWS: Final = np.empty(0, dtype=np.int32)


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
        self.compiled = ItemIds(id_bytes, offsets, slots)

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

    def id(self, row: int) -> ItemId:
        """Return the id at a row in [0, len); IndexError outside."""
        return self.ids(np.array([row], dtype=np.int32))[0]

    def ids(self, rows: NDArray[np.int32]) -> list[ItemId]:
        """Return the ids at rows in [0, len), in their order; IndexError outside."""
        return cast("list[ItemId]", self.compiled.ids(rows))

    def row(self, item_id: str) -> ItemRow | None:
        """Return the row of an id, or None for an unknown one."""
        rows, _ = self.find([item_id])
        return ItemRow(int(rows[0])) if len(rows) else None

    def find(self, item_ids: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Look many ids up at once.

        Returns:
            The rows of the known ids in the order given, and the position of each in
            `item_ids`; both int32, both as long as there are known ids.
        """
        rows = np.empty(len(item_ids), dtype=np.int32)
        positions = np.empty(len(item_ids), dtype=np.int32)
        count = self.compiled.find(item_ids, rows, positions)
        return rows[:count], positions[:count]

    def known_rows(self, item_ids: Sequence[str]) -> NDArray[np.int32]:
        """Return the distinct rows of the known ids among these, ascending."""
        return union(self.find(item_ids)[0]) if item_ids else _NO_ROWS

    # What follows differs where items are added behind those of a bundle
    # (`recsys.new_items.LiveItems`).

    @property
    def row_count(self) -> int:
        """Rows that a bitmap needs."""
        return len(self)

    @property
    def shows_new(self) -> bool:
        """Whether there are items besides those of the bundle that may appear."""
        return False

    def is_new(self, rows: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Say of each row whether its item is none of the bundle's."""
        return np.zeros(len(rows), dtype=np.bool_)

    def shared_rows(self, rows: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return numbers for rows that mean the same in every process, ascending."""
        return np.sort(rows)

    def own_rows(self, shared: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the rows, ascending, of such numbers that this process knows."""
        return shared[shared < len(self)]


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
