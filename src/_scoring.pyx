"""The compiled scoring core: exact top-k and fold-in over plain arrays.

Contract: `src/scoring/scan.c` defines the score to the last bit, the order
(score descending, then row ascending) and proves the bounds that let the pass
skip items. `recsys/scoring.py` is the face: it validates dtypes, shapes and
lengths and allocates the outputs; values that only a loop can check (ranges,
finiteness) are checked here, before anything is computed from them.

Complexity: one query costs O(n) bound tests, a float32 dot product for each
item in reach and a float64 one for each survivor; O(n/8 + links) bytes of
scratch per call, none per query. A fold-in costs O(h f^2 + f^3).

Memory: inputs are read only and borrowed for the time of the call (an
`ItemTable` holds on to its own). Outputs are the caller's; cells beyond
`counts[row]` are not touched.

Threads: none inside. Each call releases the GIL once and owns its scratch, so
any number of threads may share one table.
"""

import os

from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset


cdef extern from "simd.h" nogil:
    ctypedef struct simd_ops:
        const char *name
    int SIMD_VARIANT_COUNT
    const simd_ops *simd_variant(int position)


cdef extern from "codes.h" nogil:
    ctypedef struct scan_codes:
        int64_t group_count
        int64_t quad_count
        const int8_t *codes
        const int32_t *order
        const float *steps
        const int32_t *sums
        const float *prior
        const float *norms
        const float *residuals
    int CODES_QUAD
    void codes_encode(const float *factors, int64_t factor_count, int64_t group_count,
                      const int32_t *order, int8_t *codes, float *steps, int32_t *sums,
                      float *norms, float *residuals)


cdef extern from "scan.h" nogil:
    ctypedef struct scan_items:
        int64_t item_count
        int64_t factor_count
        const float *factors
        const float *norms
        float norm_max
        const float *prior
        float prior_max
        const int32_t *head
        int64_t head_count
        const scan_codes *codes
        const int64_t *link_starts
        const int32_t *link_items
        const float *link_values
        int64_t link_count
    ctypedef struct scan_query:
        const float *vector
        const uint8_t *allowed
        const int32_t *excluded
        int64_t excluded_count
        const int32_t *history_rows
        const float *history_weights
        int64_t history_count
    ctypedef struct scan_scratch:
        uint64_t *taken
        int32_t *keys
        double *sums
        int32_t *slots
        int64_t slot_mask
    int SCAN_OK, SCAN_VECTOR, SCAN_EXCLUDED, SCAN_HISTORY, SCAN_WEIGHT, SCAN_LINKS, SCAN_ROW
    int64_t scan_norms(const simd_ops *ops, const float *factors, int64_t item_count,
                       int64_t factor_count, float *norms)
    int64_t scan_reach(const scan_items *items, const int32_t *rows, int64_t count)
    int scan_top_k(const scan_items *items, const simd_ops *ops, const scan_query *query,
                   const scan_scratch *scratch, int32_t capacity, int32_t *out_items,
                   double *out_scores, int32_t *out_count, int64_t *position)
    int scan_score(const scan_items *items, const simd_ops *ops, const scan_query *query,
                   const scan_scratch *scratch, const int32_t *rows, int64_t count,
                   double *out_scores, int64_t *position)


cdef extern from "fold_in.h" nogil:
    ctypedef struct fold_in_model:
        const float *factors
        const double *gram
        int64_t item_count
        int64_t factor_count
        double alpha
        double regularization
    int FOLD_IN_OK, FOLD_IN_ROW, FOLD_IN_WEIGHT, FOLD_IN_SYSTEM
    int64_t fold_in_scratch_count(int64_t factor_count)
    int fold_in_user(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                     const float *weights, int64_t count, double *scratch, float *out,
                     int64_t *position)


FAULT_VECTOR = SCAN_VECTOR
FAULT_EXCLUDED = SCAN_EXCLUDED
FAULT_HISTORY = SCAN_HISTORY
FAULT_WEIGHT = SCAN_WEIGHT
FAULT_LINKS = SCAN_LINKS
FAULT_ROW = SCAN_ROW
FOLD_IN_FAULT_ROW = FOLD_IN_ROW
FOLD_IN_FAULT_WEIGHT = FOLD_IN_WEIGHT
FOLD_IN_FAULT_SYSTEM = FOLD_IN_SYSTEM

cdef const simd_ops *active_ops = NULL


# Addresses of memoryview parts; NULL where there is nothing, because indexing an
# empty view is out of bounds.

cdef inline const float *f32_row(const float[:, ::1] view, Py_ssize_t row) noexcept nogil:
    return &view[row, 0] if view.shape[0] > 0 and view.shape[1] > 0 else NULL


cdef inline const float *f32_from(const float[::1] view, Py_ssize_t start) noexcept nogil:
    return &view[start] if start < view.shape[0] else NULL


cdef inline const int32_t *i32_from(const int32_t[::1] view, Py_ssize_t start) noexcept nogil:
    return &view[start] if start < view.shape[0] else NULL


cdef inline bint is_span(const int64_t[::1] indptr, Py_ssize_t row,
                         Py_ssize_t count) noexcept nogil:
    return 0 <= indptr[row] <= indptr[row + 1] <= count


cdef class Ragged:
    """Lists of rows, one per query, with or without values; `None` for no lists."""

    cdef const int64_t[::1] indptr
    cdef const int32_t[::1] rows
    cdef const float[::1] values

    def __cinit__(self, indptr, rows, values=None):
        self.indptr = indptr
        self.rows = rows
        self.values = values

    cdef bint is_valid(self, Py_ssize_t query) noexcept nogil:
        return is_span(self.indptr, query, self.rows.shape[0])

    cdef int64_t count(self, Py_ssize_t query) noexcept nogil:
        return self.indptr[query + 1] - self.indptr[query]

    cdef const int32_t *rows_of(self, Py_ssize_t query) noexcept nogil:
        return i32_from(self.rows, self.indptr[query])

    cdef const float *values_of(self, Py_ssize_t query) noexcept nogil:
        return f32_from(self.values, self.indptr[query])


cdef class Scratch:
    """What one call works in, sized for its largest query and freed with it."""

    cdef scan_scratch memory

    def __cinit__(self, int64_t item_count, int64_t touched_max):
        cdef int64_t slot_count = 0
        if touched_max > 0:
            slot_count = 2
            while slot_count < 2 * touched_max:
                slot_count *= 2
        self.memory.slot_mask = slot_count - 1
        self.memory.taken = <uint64_t *>calloc(item_count // 64 + 1, sizeof(uint64_t))
        self.memory.keys = <int32_t *>malloc(slot_count * sizeof(int32_t) + 1)
        self.memory.sums = <double *>malloc(slot_count * sizeof(double) + 1)
        self.memory.slots = <int32_t *>malloc(slot_count * sizeof(int32_t) + 1)
        if (self.memory.taken == NULL or self.memory.keys == NULL or self.memory.sums == NULL
                or self.memory.slots == NULL):
            raise MemoryError
        memset(self.memory.keys, 0xff, slot_count * sizeof(int32_t))

    def __dealloc__(self):
        free(self.memory.taken)
        free(self.memory.keys)
        free(self.memory.sums)
        free(self.memory.slots)


cdef class ItemCodes:
    """The factors once more, in 8-bit codes; see `src/scoring/codes.h`. Immutable."""

    cdef scan_codes table
    cdef int8_t[:, ::1] codes
    cdef const int32_t[::1] order
    cdef const float[::1] prior
    cdef float[::1] steps
    cdef int32_t[::1] sums
    cdef float[::1] norms
    cdef float[::1] residuals

    def __cinit__(self, *, const float[:, ::1] factors, order, prior, codes, steps, sums, norms,
                  residuals):
        """Encode `factors` into the arrays given, group after group of `order`."""
        self.codes, self.order, self.prior = codes, order, prior
        self.steps, self.sums = steps, sums
        self.norms, self.residuals = norms, residuals
        cdef int64_t group_count = self.norms.shape[0], factor_count = factors.shape[1]
        with nogil:
            codes_encode(&factors[0, 0], factor_count, group_count, &self.order[0],
                         &self.codes[0, 0], &self.steps[0], &self.sums[0], &self.norms[0],
                         &self.residuals[0])
        self.table.group_count = group_count
        self.table.quad_count = (factor_count + CODES_QUAD - 1) // CODES_QUAD
        self.table.codes = &self.codes[0, 0]
        self.table.order = &self.order[0]
        self.table.steps = &self.steps[0]
        self.table.sums = &self.sums[0]
        self.table.prior = f32_from(self.prior, 0) if self.prior is not None else NULL
        self.table.norms = &self.norms[0]
        self.table.residuals = &self.residuals[0]


cdef class ItemTable:
    """The items of one model: what every query reads. Immutable."""

    cdef scan_items items
    cdef const float[:, ::1] factors
    cdef const float[::1] norms
    cdef const float[::1] prior
    cdef const int32_t[::1] head
    cdef const int64_t[::1] link_starts
    cdef const int32_t[::1] link_items
    cdef const float[::1] link_values
    cdef ItemCodes codes

    def __cinit__(self, *, int64_t item_count, factors, norms, float norm_max, prior,
                  float prior_max, head, ItemCodes codes, link_starts, link_items,
                  link_values):
        self.factors, self.norms, self.head = factors, norms, head
        self.prior = prior
        self.link_starts, self.link_items = link_starts, link_items
        self.link_values = link_values
        self.items.item_count = item_count
        if self.factors is not None:
            self.items.factor_count = self.factors.shape[1]
            self.items.factors = f32_row(self.factors, 0)
            self.items.norms = f32_from(self.norms, 0)
            self.items.norm_max = norm_max
            self.items.head = i32_from(self.head, 0)
            self.items.head_count = self.head.shape[0]
        if codes is not None:
            self.codes = codes
            self.items.codes = &self.codes.table
        if self.prior is not None:
            self.items.prior = f32_from(self.prior, 0)
            self.items.prior_max = prior_max
        if self.link_starts is not None:
            self.items.link_starts = &self.link_starts[0]
            self.items.link_items = i32_from(self.link_items, 0)
            self.items.link_values = f32_from(self.link_values, 0)
            self.items.link_count = self.link_items.shape[0]

    def top_k(self, const float[:, ::1] vectors, Ragged history, const uint8_t[:, ::1] allowed,
              Ragged excluded, int32_t[:, ::1] out_items, double[:, ::1] out_scores,
              int32_t[::1] out_counts):
        """Rank; the number wanted is the width of the outputs.

        Returns:
            None, or (fault, query, position) of the first problem.
        """
        cdef Py_ssize_t query_count = out_counts.shape[0], query = 0
        cdef int32_t capacity = <int32_t>out_items.shape[1]
        cdef int fault = SCAN_OK
        cdef int64_t position = 0
        cdef int64_t touched_max = self.touched_max(history, query_count, &query)
        if touched_max < 0:
            return -touched_max, query, 0
        cdef Scratch scratch = Scratch(self.items.item_count, touched_max)
        cdef const simd_ops *ops = active_ops
        cdef scan_query one
        with nogil:
            for query in range(query_count):
                fault = self.fill(&one, vectors, history, query)
                if fault == SCAN_OK:
                    fault = fill_masks(&one, allowed, excluded, query)
                if fault == SCAN_OK and capacity > 0:
                    fault = scan_top_k(&self.items, ops, &one, &scratch.memory, capacity,
                                       &out_items[query, 0], &out_scores[query, 0],
                                       &out_counts[query], &position)
                elif fault == SCAN_OK:
                    fault = scan_top_k(&self.items, ops, &one, &scratch.memory, 0,
                                       NULL, NULL, &out_counts[query], &position)
                if fault != SCAN_OK:
                    break
        return None if fault == SCAN_OK else (fault, query, position)

    def score(self, const float[:, ::1] vectors, Ragged history, Ragged rows,
              double[::1] out_scores):
        """Write the exact score of each row asked for, in the order given.

        Returns:
            None, or (fault, query, position) of the first problem.
        """
        cdef Py_ssize_t query_count = rows.indptr.shape[0] - 1, query = 0
        cdef int fault = SCAN_OK
        cdef int64_t position = 0, count
        cdef int64_t touched_max = self.touched_max(history, query_count, &query)
        if touched_max < 0:
            return -touched_max, query, 0
        cdef Scratch scratch = Scratch(self.items.item_count, touched_max)
        cdef const simd_ops *ops = active_ops
        cdef scan_query one
        cdef double *scores
        with nogil:
            for query in range(query_count):
                position = 0
                fault = SCAN_ROW
                if rows.is_valid(query):
                    fault = self.fill(&one, vectors, history, query)
                if fault == SCAN_OK:
                    count = rows.count(query)
                    scores = &out_scores[rows.indptr[query]] if count > 0 else NULL
                    fault = scan_score(&self.items, ops, &one, &scratch.memory,
                                       rows.rows_of(query), count, scores, &position)
                if fault != SCAN_OK:
                    break
        return None if fault == SCAN_OK else (fault, query, position)

    cdef int fill(self, scan_query *one, const float[:, ::1] vectors, Ragged history,
                  Py_ssize_t query) noexcept nogil:
        memset(one, 0, sizeof(scan_query))
        if self.items.factors != NULL and vectors is not None:
            one.vector = f32_row(vectors, query)
        if history is not None:
            if not history.is_valid(query):
                return SCAN_HISTORY
            one.history_count = history.count(query)
            one.history_rows = history.rows_of(query)
            one.history_weights = history.values_of(query)
        return SCAN_OK

    cdef int64_t touched_max(self, Ragged history, Py_ssize_t query_count,
                             Py_ssize_t *query) noexcept:
        """The most items a query touches, or minus the fault of the query written."""
        cdef int64_t largest = 0, reached
        cdef Py_ssize_t at
        if history is None or self.items.link_starts == NULL:
            return 0
        with nogil:
            for at in range(query_count):
                query[0] = at
                reached = -SCAN_HISTORY
                if history.is_valid(at):
                    reached = scan_reach(&self.items, history.rows_of(at), history.count(at))
                if reached < 0:
                    return reached
                largest = max(largest, reached)
        return min(largest, self.items.item_count)


cdef int fill_masks(scan_query *one, const uint8_t[:, ::1] allowed, Ragged excluded,
                    Py_ssize_t query) noexcept nogil:
    if allowed is not None and allowed.shape[1] > 0:
        one.allowed = &allowed[0 if allowed.shape[0] == 1 else query, 0]
    if excluded is not None:
        if not excluded.is_valid(query):
            return SCAN_EXCLUDED
        one.excluded_count = excluded.count(query)
        one.excluded = excluded.rows_of(query)
    return SCAN_OK


def row_norms(const float[:, ::1] factors, float[::1] out_norms):
    """Write an upper bound of each row's Euclidean norm.

    Returns:
        -1, or the first row that holds NaN or infinity.
    """
    cdef int64_t row = -1
    if factors.shape[0] == 0 or factors.shape[1] == 0:
        return row
    with nogil:
        row = scan_norms(active_ops, &factors[0, 0], factors.shape[0], factors.shape[1],
                         &out_norms[0])
    return row


def fold_in(const float[:, ::1] factors, const double[:, ::1] gram, double alpha,
            double regularization, Ragged histories, float[:, ::1] out_vectors):
    """Solve for the user vector of each history; an empty one gives zeros.

    Returns:
        None, or (fault, query, position) of the first problem.
    """
    cdef fold_in_model model
    model.factors = f32_row(factors, 0)
    model.gram = &gram[0, 0]
    model.item_count, model.factor_count = factors.shape[0], factors.shape[1]
    model.alpha, model.regularization = alpha, regularization
    cdef double *scratch = <double *>malloc(
        fold_in_scratch_count(model.factor_count) * sizeof(double))
    if scratch == NULL:
        raise MemoryError
    cdef const simd_ops *ops = active_ops
    cdef Py_ssize_t query = 0
    cdef int fault = FOLD_IN_OK
    cdef int64_t position = 0
    with nogil:
        for query in range(out_vectors.shape[0]):
            position = 0
            fault = FOLD_IN_ROW
            if histories.is_valid(query):
                fault = fold_in_user(&model, ops, histories.rows_of(query),
                                     histories.values_of(query), histories.count(query),
                                     scratch, &out_vectors[query, 0], &position)
            if fault != FOLD_IN_OK:
                break
    free(scratch)
    return None if fault == FOLD_IN_OK else (fault, query, position)


def available_simd():
    """Name the variants that this machine runs, slowest first."""
    return tuple(
        simd_variant(position).name.decode()
        for position in range(SIMD_VARIANT_COUNT)
        if simd_variant(position) != NULL
    )


def simd():
    """Name the variant in use."""
    return active_ops.name.decode()


def _force_simd(name):
    """Use another variant from now on, in the whole process; for tests."""
    global active_ops
    for position in range(SIMD_VARIANT_COUNT):
        if simd_variant(position) != NULL and simd_variant(position).name.decode() == name:
            active_ops = simd_variant(position)
            return
    raise ImportError(
        f"RECSYS_SIMD is {name!r}; this machine runs {', '.join(available_simd())}"
    )


_force_simd(os.environ.get("RECSYS_SIMD") or max(available_simd(), key=available_simd().index))
