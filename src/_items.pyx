"""Item ids to rows and back, over the arrays of a bundle, without a Python object per item.

The hash table is the one that `recsys.bundle.items` builds: CRC-32 of the id's
UTF-8 (the polynomial of zlib and PNG), open addressing with linear probing, -1
for a free slot. A lookup touches three places of memory and allocates nothing;
a dictionary of a million strings would cost every worker 150 MB.

The arrays are read-only and shared; every function is safe from any thread.
Offsets and slots are trusted to be what `verify_bundle` has accepted, except
that nothing outside the arrays is ever read.
"""

from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memcmp

cdef extern from *:
    """
    #include <stdint.h>
    static uint32_t crc_table[256];
    static void crc_table_fill(void) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            uint32_t rest = byte;
            for (int bit = 0; bit < 8; bit++)
                rest = (rest >> 1) ^ (0xEDB88320u & (0u - (rest & 1)));
            crc_table[byte] = rest;
        }
    }
    static inline uint32_t crc_of(const char *text, Py_ssize_t size) {
        uint32_t rest = 0xFFFFFFFFu;
        for (Py_ssize_t i = 0; i < size; i++)
            rest = (rest >> 8) ^ crc_table[(rest ^ (uint8_t) text[i]) & 0xFF];
        return rest ^ 0xFFFFFFFFu;
    }
    """
    void crc_table_fill() noexcept nogil
    uint32_t crc_of(const char *text, Py_ssize_t size) noexcept nogil

crc_table_fill()


cdef int32_t find(
    const char *text, Py_ssize_t size,
    const uint8_t[::1] id_bytes, const int64_t[::1] offsets, const int32_t[::1] slots,
) noexcept nogil:
    """Return the row of an id, or -1; bounded by the number of slots."""
    cdef Py_ssize_t item_count = offsets.shape[0] - 1
    cdef uint32_t mask = <uint32_t> (slots.shape[0] - 1)
    cdef uint32_t slot = crc_of(text, size) & mask
    cdef Py_ssize_t _probe
    cdef int32_t row
    cdef int64_t start
    for _probe in range(slots.shape[0]):
        row = slots[slot]
        if row < 0 or row >= item_count:
            return -1
        start = offsets[row]
        if (
            offsets[row + 1] - start == size
            and start >= 0
            and start + size <= id_bytes.shape[0]
            and (size == 0 or memcmp(&id_bytes[start], text, size) == 0)
        ):
            return row
        slot = (slot + 1) & mask
    return -1


def find_rows(
    item_ids,
    const uint8_t[::1] id_bytes, const int64_t[::1] offsets, const int32_t[::1] slots,
    int32_t[::1] rows, int32_t[::1] positions,
):
    """Look many ids up.

    Args:
        item_ids: A sequence of str.
        id_bytes: All ids in UTF-8, one after the other.
        offsets: Where each id begins, shape (n + 1,).
        slots: The hash table; its length is a power of two.
        rows: Receives the rows of the known ids, in their order; as long as `item_ids`.
        positions: Receives where in `item_ids` each of them stands; same length.

    Returns:
        How many are known.
    """
    cdef Py_ssize_t position, size, known = 0
    cdef const char *text
    cdef int32_t row
    for position, item_id in enumerate(item_ids):
        try:
            text = PyUnicode_AsUTF8AndSize(item_id, &size)
        except UnicodeEncodeError:
            continue  # A lone surrogate has no UTF-8, so no item has such an id.
        row = find(text, size, id_bytes, offsets, slots)
        if row >= 0:
            rows[known] = row
            positions[known] = <int32_t> position
            known += 1
    return known


def ids_of(const int32_t[::1] rows, const uint8_t[::1] id_bytes, const int64_t[::1] offsets):
    """Return the ids of rows as a list of str; IndexError for a row outside."""
    cdef Py_ssize_t position
    cdef int32_t row
    cdef int64_t start, stop
    cdef list ids = []
    for position in range(rows.shape[0]):
        row = rows[position]
        if row < 0 or row >= offsets.shape[0] - 1:
            raise IndexError(f"row is {row}; allowed 0 to {offsets.shape[0] - 2}")
        start, stop = offsets[row], offsets[row + 1]
        if start < 0 or stop <= start or stop > id_bytes.shape[0]:
            raise IndexError(f"row {row} has no id")
        ids.append(PyUnicode_DecodeUTF8(<const char *> &id_bytes[start], stop - start, NULL))
    return ids
