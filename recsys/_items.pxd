"""What other compiled modules may use of `src/_items.pyx`."""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef extern from "items/ids.h" nogil:
    ctypedef struct id_table:
        const uint8_t *bytes
        int64_t byte_count
        const int64_t *offsets
        int64_t item_count
        const int32_t *slots
        int64_t slot_count
    ctypedef struct id_text:
        const char *text
        int64_t size
    int IDS_TOGETHER
    void ids_find(const id_table *table, const id_text *ids, int64_t count, int32_t *rows)
    int ids_at(const id_table *table, int64_t row, id_text *id)


cdef class ItemIds:
    cdef id_table table
    cdef tuple arrays
