"""Item ids to rows and back, over the arrays of a bundle, without a Python object per item.

`src/items/ids.h` describes the hash table. A lookup touches three places of memory
and allocates nothing; a dictionary of a million strings would cost every worker
150 MB. The arrays are read-only and shared; every method is safe from any thread.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t

from recsys._items cimport IDS_TOGETHER, id_text, ids_at, ids_find


cdef class ItemIds:
    """The ids of a bundle; holds on to the arrays, which may be maps of files."""

    def __cinit__(self, const uint8_t[::1] id_bytes, const int64_t[::1] offsets,
                  const int32_t[::1] slots):
        """Wrap the arrays.

        Args:
            id_bytes: All ids in UTF-8, one after the other.
            offsets: Where each id begins, shape (n + 1,).
            slots: The hash table. Where its length is no power of two, no id is found.
        """
        cdef Py_ssize_t slot_count = slots.shape[0]
        self.arrays = (id_bytes, offsets, slots)
        self.table.byte_count = id_bytes.shape[0]
        self.table.item_count = max(0, offsets.shape[0] - 1)
        if self.table.byte_count > 0:
            self.table.bytes = &id_bytes[0]
        if self.table.item_count > 0:
            self.table.offsets = &offsets[0]
        if slot_count > 0 and slot_count & (slot_count - 1) == 0:
            self.table.slots, self.table.slot_count = &slots[0], slot_count

    def find(self, item_ids, int32_t[::1] rows, int32_t[::1] positions):
        """Look many ids up.

        Args:
            item_ids: A sequence of str.
            rows: Receives the rows of the known ids, in their order; as long as `item_ids`.
            positions: Receives where in `item_ids` each of them stands; same length.

        Returns:
            How many are known.
        """
        cdef id_text texts[32]
        cdef int32_t found[32]
        cdef Py_ssize_t first, count = len(item_ids), known = 0, size
        cdef int at, some
        assert IDS_TOGETHER == 32
        if not rows.shape[0] == positions.shape[0] == count:
            raise ValueError("arrays differ in length")
        for first in range(0, count, 32):
            some = <int> min(32, count - first)
            for at in range(some):
                try:
                    texts[at].text = PyUnicode_AsUTF8AndSize(item_ids[first + at], &size)
                    texts[at].size = size
                except UnicodeEncodeError:
                    # A lone surrogate has no UTF-8, so no item has such an id.
                    texts[at].text, texts[at].size = "", 0
            ids_find(&self.table, texts, some, found)
            for at in range(some):
                if found[at] >= 0:
                    rows[known] = found[at]
                    positions[known] = <int32_t> (first + at)
                    known += 1
        return known

    def ids(self, const int32_t[::1] rows):
        """Return the ids of rows as a list of str; IndexError for a row outside."""
        cdef Py_ssize_t position
        cdef id_text found
        cdef list ids = []
        for position in range(rows.shape[0]):
            if not ids_at(&self.table, rows[position], &found):
                raise IndexError(
                    f"row {rows[position]} has no id; allowed 0 to {self.table.item_count - 1}"
                )
            ids.append(PyUnicode_DecodeUTF8(found.text, found.size, NULL))
        return ids
