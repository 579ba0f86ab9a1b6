"""The compiled scoring core: exact top-k and fold-in over plain arrays.

Contract: `src/scoring/scan.c` defines the score to the last bit, the order
(score descending, then row ascending) and proves the bounds that let the pass
skip items. `recsys/scoring.py` is the face: it validates dtypes, shapes and
lengths and allocates the outputs; values that only a loop can check (ranges,
finiteness) are checked here, before anything is computed from them.

Complexity: one query costs O(n) bound tests, a float32 dot product for each
item in reach and a float64 one for each survivor; O(n/8 + links + k) bytes of
scratch per query of a batch, kept for the next call. A fold-in costs O(h f^2 + f^3), or
O(f h^2 + h^3) with a diagonal Gram matrix.

Memory: inputs are read only and borrowed for the time of the call (an
`ItemTable` holds on to its own). Outputs are the caller's; cells beyond
`counts[row]` are not touched.

Threads: none inside. Each call releases the GIL once and owns its scratch, so
any number of threads may share one table. Without a GIL, too: what is kept between
calls is taken from a list and put back, each one step, and belongs to one call between.
"""

import os

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from scoring_core cimport (
    CODES_GROUP,
    CODES_PAIR_BYTES,
    CODES_RANK_COUNT,
    DIGEST_BYTES_MAX,
    DIGEST_BYTES_MIN,
    FOLD_IN_OK,
    FOLD_IN_ROW,
    FOLD_IN_SYSTEM,
    FOLD_IN_WEIGHT,
    SCAN_BATCH_MAX,
    SCAN_BOOST,
    SCAN_BOOST_VALUE,
    SCAN_CANDIDATES_MAX,
    SCAN_EXCLUDED,
    SCAN_HISTORY,
    SCAN_LINKS,
    SCAN_LOWEST_SHARE,
    SCAN_MASKS_MAX,
    SCAN_OK,
    SCAN_PRIOR_ROW,
    SCAN_ROW,
    SCAN_VECTOR,
    SCAN_WEIGHT,
    PART_COUNT,
    SIMD_VARIANT_COUNT,
    STAGE_COUNT,
    codes_encode,
    codes_head_pairs,
    codes_tail_pairs,
    codes_target,
    fold_in_model,
    fold_in_parts,
    fold_in_scratch_count,
    fold_in_user,
    scan_candidate,
    scan_codes,
    scan_items,
    scan_lane_bytes,
    scan_link_terms,
    scan_norms,
    scan_query,
    scan_reach,
    scan_score,
    scan_scratch,
    scan_top_k,
    scan_top_k_batch,
    simd_ops,
    simd_variant,
)


FAULT_VECTOR = SCAN_VECTOR
FAULT_EXCLUDED = SCAN_EXCLUDED
FAULT_HISTORY = SCAN_HISTORY
FAULT_WEIGHT = SCAN_WEIGHT
FAULT_LINKS = SCAN_LINKS
FAULT_ROW = SCAN_ROW
FAULT_BOOST = SCAN_BOOST
FAULT_BOOST_VALUE = SCAN_BOOST_VALUE
FAULT_PRIOR_ROW = SCAN_PRIOR_ROW
MASK_COUNT_MAX = SCAN_MASKS_MAX
SCORE_PART_COUNT = PART_COUNT
BATCH_MAX = SCAN_BATCH_MAX
DIGEST_WIDTHS = (DIGEST_BYTES_MIN, DIGEST_BYTES_MAX)
RANK_COUNT = CODES_RANK_COUNT
FOLD_IN_FAULT_ROW = FOLD_IN_ROW
FOLD_IN_FAULT_WEIGHT = FOLD_IN_WEIGHT
FOLD_IN_FAULT_SYSTEM = FOLD_IN_SYSTEM

cdef const simd_ops *active_ops = NULL


include "scoring_parts.pxi"


SCRATCH_KEPT_MAX = 2 * SCAN_BATCH_MAX
"""Scratch that a table keeps: what two batches take, or as many calls at the same time."""


cdef class ItemTable:
    """The items of one model: what every query reads. Immutable."""

    cdef scan_items items
    cdef tuple arrays
    cdef list spare
    cdef list spare_rooms

    def __cinit__(self, *, int64_t item_count, const float[:, ::1] factors,
                  const float[::1] norms, float norm_max, const float[::1] prior,
                  float prior_max, const float[:, ::1] priors,
                  const float[::1] priors_max,
                  const int32_t[::1] head, CodeArrays codes, const uint8_t[::1] ranks,
                  const uint8_t[:, ::1] digests, const float[::1] code_prior,
                  const float[:, ::1] code_priors,
                  const int64_t[::1] link_starts, const int32_t[::1] link_items,
                  const float[::1] link_values):
        self.arrays = (factors, norms, prior, priors, priors_max, head, codes, ranks, digests,
                       code_prior, code_priors, link_starts, link_items, link_values)
        self.spare = []
        self.spare_rooms = []
        self.items.item_count = item_count
        if factors is not None:
            self.items.factor_count = factors.shape[1]
            self.items.factors = f32_row(factors, 0)
            self.items.norms = f32_from(norms, 0)
            self.items.norm_max = norm_max
        if head is not None:
            self.items.head = i32_from(head, 0)
            self.items.head_count = head.shape[0]
        if codes is not None:
            self.items.codes = &codes.table
            self.items.ranks = &ranks[0]
        if digests is not None:
            check_digests(digests, item_count)
            self.items.digests = &digests[0, 0]
            self.items.digest_bytes = digests.shape[1]
        if prior is not None:
            self.items.prior = f32_from(prior, 0)
            self.items.prior_max = prior_max
            self.items.code_prior = f32_from(code_prior, 0)
        if priors is not None:
            self.items.priors = f32_row(priors, 0)
            self.items.priors_max = f32_from(priors_max, 0)
            self.items.prior_row_count = priors.shape[0]
            self.items.code_priors = f32_row(code_priors, 0)
        if link_starts is not None:
            self.items.link_starts = &link_starts[0]
            self.items.link_items = i32_from(link_items, 0)
            self.items.link_values = f32_from(link_values, 0)
            self.items.link_count = link_items.shape[0]

    def top_k(self, const float[:, ::1] vectors, Ragged history, tuple allowed, Ragged excluded,
              Ragged boosts, const int32_t[::1] prior_rows, CodeSubset subset,
              const int32_t[::1] extra, int32_t[:, ::1] out_items,
              double[:, ::1] out_scores, int32_t[::1] out_counts):
        """Rank; the number wanted is the width of the outputs.

        Returns:
            None, or (fault, query, position) of the first problem.
        """
        cdef Py_ssize_t query_count = out_counts.shape[0], query = 0
        cdef int32_t capacity = <int32_t>out_items.shape[1]
        cdef int fault = SCAN_OK, late_fault = SCAN_OK
        cdef int64_t position = 0
        cdef int64_t touched_max = self.touched_max(history, boosts, query_count, &query)
        if touched_max < 0:
            return -touched_max, query, 0
        query = 0
        cdef Masks masks = Masks(allowed, subset, extra)
        cdef const simd_ops *ops = active_ops
        cdef scan_query single
        cdef const scan_scratch *single_scratch
        cdef scan_query *queries = &single
        cdef const scan_scratch **scratch = &single_scratch
        cdef void *lanes = NULL
        cdef BatchRoom room = None
        cdef int failed = 0, one, _
        cdef int width = <int>min(query_count, SCAN_BATCH_MAX)
        if width > 1:
            room = self.borrow_room()
            queries, scratch, lanes = room.queries, room.scratch, room.lanes
        cdef list borrowed = [self.borrow(touched_max, capacity) for _ in range(width)]
        for one in range(width):
            scratch[one] = &(<Scratch>borrowed[one]).memory
        with nogil:
            while query < query_count and fault == SCAN_OK:
                width = <int>min(query_count - query, SCAN_BATCH_MAX)
                failed = 0
                for one in range(width):
                    fault = self.fill(&queries[one], vectors, history, boosts, prior_rows,
                                      query + one)
                    if fault == SCAN_OK:
                        fault = masks.fill(&queries[one], excluded, query + one)
                    if fault != SCAN_OK:
                        break
                # Queries before a bad one may be worse in what they hold.
                late_fault, fault = fault, SCAN_OK
                failed = width = one if late_fault != SCAN_OK else width
                if width == 1 or capacity == 0:
                    for one in range(width):
                        fault = scan_top_k(&self.items, ops, &queries[one], scratch[one],
                                           capacity,
                                           &out_items[query + one, 0] if capacity > 0 else NULL,
                                           &out_scores[query + one, 0] if capacity > 0 else NULL,
                                           &out_counts[query + one], &position)
                        if fault != SCAN_OK:
                            failed = one
                            break
                elif width > 0:
                    fault = scan_top_k_batch(&self.items, ops, queries, scratch, lanes, width,
                                             capacity, &out_items[query, 0],
                                             &out_scores[query, 0], &out_counts[query],
                                             &failed, &position)
                if fault == SCAN_OK and late_fault != SCAN_OK:
                    fault, failed = late_fault, width
                if fault == SCAN_OK:
                    query += width
        for one in range(len(borrowed)):
            self.give_back(borrowed[one])
        if room is not None and len(self.spare_rooms) < SCRATCH_KEPT_MAX:
            self.spare_rooms.append(room)
        return None if fault == SCAN_OK else (fault, query + failed, position)

    def score(self, const float[:, ::1] vectors, Ragged history, Ragged rows, Ragged boosts,
              const int32_t[::1] prior_rows, double[::1] out_scores,
              double[:, ::1] out_parts):
        """Write the exact score of each row asked for, in the order given, and its parts.

        Args:
            out_parts: Of shape (rows, PART_COUNT); None for scores alone.

        Returns:
            None, or (fault, query, position) of the first problem.
        """
        cdef Py_ssize_t query_count = rows.indptr.shape[0] - 1, query = 0
        cdef int fault = SCAN_OK
        cdef int64_t position = 0, count
        cdef int64_t touched_max = self.touched_max(history, boosts, query_count, &query)
        if touched_max < 0:
            return -touched_max, query, 0
        cdef Scratch scratch = self.borrow(touched_max, 0)
        cdef const simd_ops *ops = active_ops
        cdef scan_query one
        cdef double *scores
        cdef double *parts
        with nogil:
            for query in range(query_count):
                position = 0
                fault = SCAN_ROW
                if rows.is_valid(query):
                    fault = self.fill(&one, vectors, history, boosts, prior_rows, query)
                if fault == SCAN_OK:
                    count = rows.count(query)
                    scores = &out_scores[rows.indptr[query]] if count > 0 else NULL
                    parts = NULL
                    if out_parts is not None and count > 0:
                        parts = &out_parts[rows.indptr[query], 0]
                    fault = scan_score(&self.items, ops, &one, &scratch.memory,
                                       rows.rows_of(query), count, scores, parts, &position)
                if fault != SCAN_OK:
                    break
        self.give_back(scratch)
        return None if fault == SCAN_OK else (fault, query, position)

    def link_terms(self, Ragged history, Ragged rows, int64_t[::1] out_ends,
                   int32_t[::1] out_positions, double[::1] out_terms):
        """Write what each entry of a history adds to the item-item part of each row.

        Args:
            history: It and `rows` have passed `score`.
            rows: As there.
            out_ends: Where the terms of each row end.
            out_positions: Of the terms in the query's history; None to count.
            out_terms: The terms, in the order in which they are summed; None to count.
        """
        cdef Py_ssize_t query, at
        cdef int64_t end = 0
        cdef scan_query one
        cdef int32_t *positions = NULL
        cdef double *terms = NULL
        with nogil:
            for query in range(rows.indptr.shape[0] - 1):
                self.fill(&one, None, history, None, None, query)
                for at in range(rows.indptr[query], rows.indptr[query + 1]):
                    if out_terms is not None and end < out_terms.shape[0]:
                        positions, terms = &out_positions[end], &out_terms[end]
                    else:
                        positions, terms = NULL, NULL
                    end += scan_link_terms(&self.items, &one, rows.rows[at], positions, terms)
                    out_ends[at] = end

    def effort(self):
        """What passes over codes have cost in all: bytes, had each been one dense pass."""
        return sum((<Scratch>scratch).effort for scratch in self.spare)

    cdef Scratch borrow(self, int64_t touched_max, int64_t wanted):
        cdef Scratch scratch
        try:
            scratch = self.spare.pop()
        except IndexError:
            return Scratch(self.items.item_count, touched_max, wanted)
        if (scratch.memory.slot_mask + 1 >= 2 * touched_max
                and scratch.memory.lowest_max >= lowest_max_of(self.items.item_count, wanted)):
            return scratch
        return Scratch(self.items.item_count, touched_max, wanted)

    cdef BatchRoom borrow_room(self):
        try:
            return self.spare_rooms.pop()
        except IndexError:
            return BatchRoom()

    cdef give_back(self, Scratch scratch):
        if len(self.spare) < SCRATCH_KEPT_MAX:
            self.spare.append(scratch)

    cdef int fill(self, scan_query *one, const float[:, ::1] vectors, Ragged history,
                  Ragged boosts, const int32_t[::1] prior_rows, Py_ssize_t query) noexcept nogil:
        memset(one, 0, sizeof(scan_query))
        one.prior_row = -1 if prior_rows is None else prior_rows[query]
        if self.items.factors != NULL and vectors is not None:
            one.vector = f32_row(vectors, query)
        if history is not None:
            if not history.is_valid(query):
                return SCAN_HISTORY
            one.history_count = history.count(query)
            one.history_rows = history.rows_of(query)
            one.history_weights = history.values_of(query)
        if boosts is not None:
            if not boosts.is_valid(query):
                return SCAN_BOOST
            one.boost_count = boosts.count(query)
            one.boost_rows = boosts.rows_of(query)
            one.boost_values = boosts.values_of(query)
        return SCAN_OK

    cdef int64_t touched_max(self, Ragged history, Ragged boosts, Py_ssize_t query_count,
                             Py_ssize_t *query) noexcept:
        """The most items a query touches, or minus the fault of the query written."""
        cdef int64_t largest = 0, reached
        cdef Py_ssize_t at
        if boosts is None and (history is None or self.items.link_starts == NULL):
            return 0
        with nogil:
            for at in range(query_count):
                query[0] = at
                reached = 0
                if history is not None and self.items.link_starts != NULL:
                    reached = -SCAN_HISTORY
                    if history.is_valid(at):
                        reached = scan_reach(&self.items, history.rows_of(at),
                                             history.count(at))
                if reached < 0:
                    return reached
                if boosts is not None:
                    if not boosts.is_valid(at):
                        return -SCAN_BOOST
                    reached += boosts.count(at)
                largest = max(largest, reached)
        return min(largest, self.items.item_count)


include "scoring_person.pxi"


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


def fold_in(FoldInModel model not None, Ragged histories, float[:, ::1] out_vectors):
    """Solve for the user vector of each history; an empty one gives zeros.

    Returns:
        None, or (fault, query, position) of the first problem.
    """
    cdef SolveScratch solving = model.borrow()
    cdef const simd_ops *ops = active_ops
    cdef Py_ssize_t query = 0
    cdef int fault = FOLD_IN_OK
    cdef int64_t position = 0
    with nogil:
        for query in range(out_vectors.shape[0]):
            position = 0
            fault = FOLD_IN_ROW
            if histories.is_valid(query):
                fault = fold_in_user(&model.model, ops, histories.rows_of(query),
                                     histories.values_of(query), histories.count(query),
                                     solving.system, &out_vectors[query, 0], &position)
            if fault != FOLD_IN_OK:
                break
    model.give_back(solving)
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
