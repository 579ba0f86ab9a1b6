"""One person's ranking: her item weights to a vector, and the best items for it, in one call."""

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from recsys._features cimport ItemWeights


cdef class Ranking:
    """Ranked items of one query, best first. Immutable."""

    def __dealloc__(self):
        free(self.item_rows)
        free(self.item_scores)

    def __len__(self):
        return self.count

    @staticmethod
    def of(const int32_t[::1] rows, const double[::1] scores):
        """Copy a ranking that is known already: rows and their scores, both of shape (k,)."""
        if rows.shape[0] != scores.shape[0]:
            raise ValueError("arrays differ in length")
        cdef Ranking ranking = empty_ranking(<int32_t>rows.shape[0])
        cdef int32_t at
        for at in range(<int32_t>rows.shape[0]):
            ranking.item_rows[at], ranking.item_scores[at] = rows[at], scores[at]
        ranking.count = <int32_t>rows.shape[0]
        return ranking

    @property
    def rows(self):
        """Item rows, int32, shape (count,)."""
        return np.frombuffer(
            PyBytes_FromStringAndSize(<const char *>self.item_rows,
                                      self.count * sizeof(int32_t)), dtype=np.int32)

    @property
    def scores(self):
        """Their scores, float64, shape (count,), descending."""
        return np.frombuffer(
            PyBytes_FromStringAndSize(<const char *>self.item_scores,
                                      self.count * sizeof(double)), dtype=np.float64)


cdef Ranking empty_ranking(int32_t capacity):
    cdef Ranking ranking = Ranking()
    ranking.item_rows = <int32_t *>malloc(max(1, capacity) * sizeof(int32_t))
    ranking.item_scores = <double *>malloc(max(1, capacity) * sizeof(double))
    if ranking.item_rows == NULL or ranking.item_scores == NULL:
        raise MemoryError
    return ranking


cdef class SolveScratch:
    """What a fold-in works in, and the vector that comes out."""

    cdef double *system
    cdef float *vector

    def __cinit__(self, int64_t factor_count):
        self.system = <double *>calloc(fold_in_scratch_count(factor_count), sizeof(double))
        self.vector = <float *>malloc(factor_count * sizeof(float))
        if self.system == NULL or self.vector == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.system)
        free(self.vector)


cdef class FoldInModel:
    """Item factors and how user vectors are solved for against them. Immutable."""

    cdef fold_in_model model
    cdef tuple arrays
    cdef list spare

    def __cinit__(self, const float[:, ::1] factors, const double[:, ::1] gram, *, double alpha,
                  double regularization, double regularization_exponent, double unobserved,
                  bint is_diagonal):
        """Keep what every solve needs.

        Args:
            factors: Item factors.
            gram: `factors^T factors`.
            alpha: Confidence per unit of weight.
            regularization: Added to the diagonal.
            regularization_exponent: Of the size that it is scaled by.
            unobserved: Confidence of what is not in a history.
            is_diagonal: Whether `gram` holds nothing off its diagonal.
        """
        self.arrays = (factors, gram)
        self.spare = []
        self.model.factors = f32_row(factors, 0)
        self.model.gram = &gram[0, 0]
        self.model.item_count, self.model.factor_count = factors.shape[0], factors.shape[1]
        self.model.alpha, self.model.regularization = alpha, regularization
        self.model.regularization_exponent = regularization_exponent
        self.model.unobserved = unobserved
        self.model.is_diagonal = is_diagonal

    cdef SolveScratch borrow(self):
        try:
            return self.spare.pop()
        except IndexError:
            return SolveScratch(self.model.factor_count)

    cdef give_back(self, SolveScratch solving):
        if len(self.spare) < SCRATCH_KEPT_MAX:
            self.spare.append(solving)


def fold_in_split(FoldInModel model not None, const int32_t[::1] rows,
                  const float[::1] weights, const int32_t[::1] ranked, double[:, ::1] out_parts):
    """Split what a folded-in vector gives to each ranked row over the history.

    Args:
        model: The factors.
        rows: Of the history, shape (h,), not empty.
        weights: Their weights.
        ranked: Item rows, shape (r,), within the factors, not empty.
        out_parts: Of shape (r, h).

    Returns:
        None, or (fault, 0, position) of the first problem.
    """
    cdef SolveScratch solving = model.borrow()
    cdef int64_t position = 0
    cdef int fault
    with nogil:
        fault = fold_in_parts(&model.model, active_ops, &rows[0], &weights[0], rows.shape[0],
                              &ranked[0], ranked.shape[0], solving.system, solving.vector,
                              &out_parts[0, 0], &position)
    model.give_back(solving)
    return None if fault == FOLD_IN_OK else (fault, 0, position)


cdef class PersonRanker:
    """Ranks the items of a table for one person at a time. Safe from any thread."""

    cdef ItemTable table
    cdef FoldInModel fold_in
    cdef bint releases_gil

    def __cinit__(self, ItemTable table not None, FoldInModel fold_in, *, bint releases_gil):
        """Keep what every call needs.

        Args:
            table: The items.
            fold_in: Solves for vectors against their factors; None without vectors.
            releases_gil: Whether other threads may run during a ranking.
        """
        self.table, self.fold_in, self.releases_gil = table, fold_in, releases_gil

    def rank(self, ItemWeights weights not None, const int32_t[::1] excluded,
             bint without_seen, int64_t k, int64_t prior_row, Masks masks,
             float[::1] out_vector):
        """Rank for one person.

        Args:
            weights: What is known of her.
            excluded: Rows that must not appear; None for none, repeats are harmless.
            without_seen: Whether rows she has had contact with must not appear either.
            k: Rows wanted, 0 and above.
            prior_row: Row of the priors to add, -1 for none.
            masks: What may appear; None for everything.
            out_vector: Gets her vector, of shape (f,); None where nobody asks for it.

        Returns:
            A Ranking; or (fault of the fold-in, fault of the ranking).
        """
        cdef int32_t capacity = <int32_t>min(k, self.table.items.item_count)
        cdef Ranking ranking = empty_ranking(capacity)
        cdef int64_t touched = 0
        cdef ItemWeights links = weights if weights.links is None else weights.links
        cdef ItemWeights folded = weights if weights.folded is None else weights.folded
        cdef scan_query query
        cdef int fold_fault = FOLD_IN_OK, fault = SCAN_OK
        cdef int64_t position = 0
        memset(&query, 0, sizeof(query))
        query.prior_row = -1
        if masks is not None:
            masks.fill(&query, None, 0)
        if prior_row != -1:
            if not 0 <= prior_row < self.table.items.prior_row_count:
                return FOLD_IN_OK, SCAN_PRIOR_ROW
            query.prior_row = <int32_t>prior_row
        if self.table.items.link_starts != NULL:
            query.history_rows = links.kept_rows
            query.history_weights = links.kept_weights
            query.history_count = links.kept_count
            touched = scan_reach(&self.table.items, links.kept_rows, links.kept_count)
            if touched < 0:
                return FOLD_IN_OK, -touched
        if links.boosted_count:
            query.boost_rows = links.boosted_rows
            query.boost_values = links.boosted_values
            query.boost_count = links.boosted_count
            touched += links.boosted_count
        touched = min(touched, self.table.items.item_count)
        cdef int32_t *blocked = NULL
        if without_seen:
            query.excluded, query.excluded_count = weights.seen_rows, weights.seen_count
        if excluded is not None and excluded.shape[0]:
            blocked = <int32_t *>malloc(
                (excluded.shape[0] + query.excluded_count) * sizeof(int32_t))
            if blocked == NULL:
                raise MemoryError
            memcpy(blocked, &excluded[0], excluded.shape[0] * sizeof(int32_t))
            if query.excluded_count:
                memcpy(blocked + excluded.shape[0], query.excluded,
                       query.excluded_count * sizeof(int32_t))
            query.excluded = blocked
            query.excluded_count += excluded.shape[0]
        cdef Scratch scratch
        cdef SolveScratch solving = None
        cdef bytes vector = None
        cdef Py_ssize_t vector_bytes = 0
        if self.fold_in is not None:
            vector_bytes = self.fold_in.model.factor_count * sizeof(float)
            if folded.vector_of is self.fold_in:
                vector = folded.vector
                query.vector = <const float *>PyBytes_AS_STRING(vector)
        try:
            scratch = self.table.borrow(touched, capacity)
            if self.fold_in is not None and vector is None:
                solving = self.fold_in.borrow()
            if self.releases_gil:
                with nogil:
                    fault = self.run(&query, folded, scratch, solving, capacity, ranking,
                                     &fold_fault, &position)
            else:
                fault = self.run(&query, folded, scratch, solving, capacity, ranking,
                                 &fold_fault, &position)
            self.table.give_back(scratch)
            if solving is not None:
                vector = PyBytes_FromStringAndSize(<const char *>solving.vector, vector_bytes)
                self.fold_in.give_back(solving)
                if fold_fault == FOLD_IN_OK:
                    folded.vector, folded.vector_of = vector, self.fold_in
            if vector is not None and out_vector is not None:
                memcpy(&out_vector[0], PyBytes_AS_STRING(vector), vector_bytes)
        finally:
            free(blocked)
        if fold_fault != FOLD_IN_OK or fault != SCAN_OK:
            return fold_fault, fault
        return ranking

    cdef int run(self, scan_query *query, ItemWeights folded, Scratch scratch,
                 SolveScratch solving, int32_t capacity, Ranking ranking, int *fold_fault,
                 int64_t *position) noexcept nogil:
        if solving is not None:
            fold_fault[0] = fold_in_user(
                &self.fold_in.model, active_ops, folded.kept_rows, folded.kept_weights,
                folded.kept_count, solving.system, solving.vector, position)
            if fold_fault[0] != FOLD_IN_OK:
                return SCAN_OK
            query.vector = solving.vector
        return scan_top_k(&self.table.items, active_ops, query, &scratch.memory, capacity,
                          ranking.item_rows, ranking.item_scores, &ranking.count, position)
