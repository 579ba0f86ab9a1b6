"""What other compiled modules may use of `src/_scoring.pyx`."""

from libc.stdint cimport int32_t


cdef class Ranking:
    cdef int32_t *item_rows
    cdef double *item_scores
    cdef readonly int32_t count
