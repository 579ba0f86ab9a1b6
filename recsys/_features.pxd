"""What other compiled modules may use of `src/_features.pyx`."""

from libc.stdint cimport int32_t, int64_t, uint8_t


cdef extern from "features/weights.h" nogil:
    ctypedef struct event_weighting:
        const double *table
        int64_t type_count
        int64_t channel_count
        double decay_per_second
        double decay_min
        double weight_max
        float weight_min
    ctypedef struct history_weighting:
        double step_decay
        double length_exponent
        double newest_boost
    ctypedef struct timed_line:
        double time
        int64_t line
    ctypedef struct item_counts:
        int64_t kept_count
        int64_t seen_count
    void weights_of_events(const event_weighting *weighting, const uint8_t *types,
                           const uint8_t *channels, const double *times, int64_t count,
                           double now, double *weights)
    item_counts weights_by_item(const event_weighting *weighting, const int32_t *event_rows,
                                const double *event_weights, int64_t count, int64_t *keys,
                                int32_t *rows, float *weights, int32_t *seen)
    void weights_by_step(double step_decay, const double *times, int64_t count,
                         timed_line *scratch, double *weights)
    int64_t weights_linked(const history_weighting *history, const int32_t *kept_rows,
                           int64_t kept_count, int32_t *rows, float *weights, int64_t count)
    int64_t weights_newest(const history_weighting *history, const double *times,
                           const double *event_weights, const int32_t *event_rows,
                           int64_t count, int64_t *keys, const int32_t *link_rows,
                           const float *link_weights, int64_t link_count, int32_t *rows,
                           float *values)


cdef class ItemWeights:
    cdef void *memory
    cdef int32_t *kept_rows
    cdef float *kept_weights
    cdef int32_t *seen_rows
    cdef int32_t *boosted_rows
    cdef float *boosted_values
    cdef readonly Py_ssize_t kept_count
    cdef readonly Py_ssize_t seen_count
    cdef readonly Py_ssize_t unknown_count
    cdef readonly Py_ssize_t boosted_count
    cdef readonly ItemWeights links
    cdef readonly ItemWeights folded
    # The vector that a fold-in made of it, and which: a page may take several searches.
    cdef bytes vector
    cdef object vector_of
