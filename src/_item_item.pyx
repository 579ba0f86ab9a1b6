"""Item-item matrices from what people did: blocked sparse products, pruned as they are made.

Contract: `src/item_item/links.h`. `training/models/links.py` is the face; it validates,
slices the rows over threads and puts the slices together.

Complexity: a row of `products` costs the targets of all users of its item, a row
of `pairs` the lines within the gap of each of its lines; pruning adds a factor
of log(keep) for those kept only.

Memory: each call owns one float and one int of every column, and writes at most
`keep` entries for each row. Inputs are read only. Threads: none inside; each
call releases the GIL once.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc


cdef extern from "links.h":
    int LINKS_POWER, LINKS_LLR

    ctypedef struct links_scratch:
        float *sums
        int32_t *touched
        int64_t touched_count

    ctypedef struct links_products:
        const int64_t *source_starts
        const int32_t *source_users
        const float *source_values
        const int64_t *target_starts
        const int32_t *target_items
        const float *target_values

    ctypedef struct links_pairs:
        int64_t position_count
        const int32_t *items
        const int32_t *sequences
        const int32_t *steps
        const float *source_values
        const float *target_values
        const int64_t *item_starts
        const int64_t *item_positions
        int32_t gap
        const float *ahead
        const float *back

    ctypedef struct links_measure:
        int measure
        const float *row_scale
        const float *column_scale
        double total

    void links_add_products(const links_products *products, int64_t row,
                            links_scratch *scratch) noexcept nogil
    void links_add_pairs(const links_pairs *pairs, int64_t row,
                         links_scratch *scratch) noexcept nogil
    int64_t links_finish(const links_measure *measure, int64_t row, int64_t keep,
                         links_scratch *scratch, int32_t *columns, float *values) noexcept nogil


MEASURE_POWER = LINKS_POWER
MEASURE_LLR = LINKS_LLR


cdef class Products:
    """Sources by item and targets by user."""

    cdef links_products parts
    cdef tuple arrays

    def __cinit__(self, const int64_t[::1] source_starts, const int32_t[::1] source_users,
                  const float[::1] source_values, const int64_t[::1] target_starts,
                  const int32_t[::1] target_items, const float[::1] target_values):
        self.arrays = (source_starts, source_users, source_values, target_starts, target_items,
                       target_values)
        self.parts.source_starts = &source_starts[0]
        self.parts.target_starts = &target_starts[0]
        if source_users.shape[0] > 0:
            self.parts.source_users = &source_users[0]
            self.parts.source_values = &source_values[0]
        if target_items.shape[0] > 0:
            self.parts.target_items = &target_items[0]
            self.parts.target_values = &target_values[0]

    def rows(self, int64_t first, const float[::1] row_scale, const float[::1] column_scale,
             int measure, double total, int32_t[::1] out_counts, int32_t[:, ::1] out_columns,
             float[:, ::1] out_values):
        """Write the pruned rows from `first` on, as many as `out_counts` is long."""
        make_rows(&self.parts, NULL, first, row_scale, column_scale, measure, total, out_counts,
                  out_columns, out_values)


cdef class Pairs:
    """Sequences of items and where each item stands."""

    cdef links_pairs parts
    cdef tuple arrays

    def __cinit__(self, const int32_t[::1] items, const int32_t[::1] sequences,
                  const int32_t[::1] steps, const float[::1] source_values,
                  const float[::1] target_values, const int64_t[::1] item_starts,
                  const int64_t[::1] item_positions, const float[::1] ahead,
                  const float[::1] back):
        self.arrays = (items, sequences, steps, source_values, target_values, item_starts,
                       item_positions, ahead, back)
        self.parts.position_count = items.shape[0]
        self.parts.item_starts = &item_starts[0]
        self.parts.gap = <int32_t> (min(ahead.shape[0], back.shape[0]) - 1)
        self.parts.ahead = &ahead[0]
        self.parts.back = &back[0]
        if items.shape[0] > 0:
            self.parts.items = &items[0]
            self.parts.sequences = &sequences[0]
            self.parts.steps = &steps[0]
            self.parts.source_values = &source_values[0]
            self.parts.target_values = &target_values[0]
            self.parts.item_positions = &item_positions[0]

    def rows(self, int64_t first, const float[::1] row_scale, const float[::1] column_scale,
             int measure, double total, int32_t[::1] out_counts, int32_t[:, ::1] out_columns,
             float[:, ::1] out_values):
        """Write the pruned rows from `first` on, as many as `out_counts` is long."""
        make_rows(NULL, &self.parts, first, row_scale, column_scale, measure, total, out_counts,
                  out_columns, out_values)


cdef make_rows(const links_products *products, const links_pairs *pairs, int64_t first,
               const float[::1] row_scale, const float[::1] column_scale, int measure,
               double total, int32_t[::1] out_counts, int32_t[:, ::1] out_columns,
               float[:, ::1] out_values):
    cdef Py_ssize_t count = out_counts.shape[0], at
    cdef int64_t columns = column_scale.shape[0], keep = out_columns.shape[1], kept = 0
    cdef links_measure how
    cdef links_scratch scratch
    if count == 0 or columns == 0 or keep == 0:
        return
    how.measure = measure
    how.row_scale = &row_scale[0]
    how.column_scale = &column_scale[0]
    how.total = total
    scratch.sums = <float *> calloc(columns, sizeof(float))
    scratch.touched = <int32_t *> malloc(columns * sizeof(int32_t))
    scratch.touched_count = 0
    if scratch.sums != NULL and scratch.touched != NULL:
        with nogil:
            for at in range(count):
                if products != NULL:
                    links_add_products(products, first + at, &scratch)
                else:
                    links_add_pairs(pairs, first + at, &scratch)
                kept = links_finish(&how, first + at, keep, &scratch, &out_columns[at, 0],
                                    &out_values[at, 0])
                if kept < 0:
                    break
                out_counts[at] = <int32_t> kept
    else:
        kept = -1
    free(scratch.sums)
    free(scratch.touched)
    if kept < 0:
        raise MemoryError
