"""Half-steps of implicit ALS with a diagonal Gram matrix.

Contract and method: `src/ials/ials.h`. `training/models/ials.py` is the face; it
turns the factors, slices rows over threads and validates.

Complexity: O(f) for each seen item and pass, a handful of passes. Memory: 4 f
floats for each call; rows are solved in place. Threads: none inside; each call
releases the GIL once, and rows do not depend on each other.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc


cdef extern from "ials.h":
    int IALS_LANES

    ctypedef struct ials_model:
        const float *factors
        int64_t width
        const float *gram
        float unobserved
        const int64_t *starts
        const int32_t *columns
        const float *weights
        const float *ridges
        int steps_max
        float tolerance

    int64_t ials_scratch_count(int64_t width) noexcept nogil
    int64_t ials_solve(const ials_model *model, int64_t first, int64_t stop, float *vectors,
                       float *scratch) noexcept nogil
    double ials_seen_loss(const ials_model *model, int64_t first, int64_t stop,
                          const float *vectors) noexcept nogil


LANES = IALS_LANES


cdef class HalfStep:
    """What all rows of a half-step share."""

    cdef ials_model model
    cdef int64_t row_count
    cdef tuple arrays

    def __cinit__(self, const float[:, ::1] factors, const float[::1] gram, float unobserved,
                  const int64_t[::1] starts, const int32_t[::1] columns,
                  const float[::1] weights, const float[::1] ridges, int steps_max,
                  float tolerance):
        if factors.shape[1] % IALS_LANES or factors.shape[0] == 0 or factors.shape[1] == 0:
            raise ValueError(f"factors are {factors.shape[0]} x {factors.shape[1]}")
        if columns.shape[0] == 0 or ridges.shape[0] + 1 != starts.shape[0]:
            raise ValueError("no interactions, or not one ridge per row")
        self.arrays = (factors, gram, starts, columns, weights, ridges)
        self.row_count = ridges.shape[0]
        self.model.factors = &factors[0, 0]
        self.model.width = factors.shape[1]
        self.model.gram = &gram[0]
        self.model.unobserved = unobserved
        self.model.starts = &starts[0]
        self.model.columns = &columns[0]
        self.model.weights = &weights[0]
        self.model.ridges = &ridges[0]
        self.model.steps_max = steps_max
        self.model.tolerance = tolerance

    def solve(self, int64_t first, int64_t stop, float[:, ::1] vectors):
        """Solve rows [first, stop) in place; returns the passes over seen items."""
        cdef int64_t passes = 0
        self.check(first, stop, vectors.shape[0], vectors.shape[1])
        if first == stop:
            return passes
        cdef float *scratch = <float *> malloc(
            ials_scratch_count(self.model.width) * sizeof(float))
        if scratch == NULL:
            raise MemoryError
        with nogil:
            passes = ials_solve(&self.model, first, stop, &vectors[0, 0], scratch)
        free(scratch)
        return passes

    def seen_loss(self, int64_t first, int64_t stop, const float[:, ::1] vectors):
        """Sum the loss that the seen items of rows [first, stop) add."""
        cdef double loss = 0.0
        self.check(first, stop, vectors.shape[0], vectors.shape[1])
        if first == stop:
            return loss
        with nogil:
            loss = ials_seen_loss(&self.model, first, stop, &vectors[0, 0])
        return loss

    cdef check(self, int64_t first, int64_t stop, int64_t row_count, int64_t width):
        if not 0 <= first <= stop <= self.row_count:
            raise ValueError(f"rows {first} to {stop} of {self.row_count}")
        if row_count != self.row_count or width != self.model.width:
            raise ValueError(f"vectors are {row_count} x {width}")
