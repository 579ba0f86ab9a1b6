"""Events to item weights: `src/features/weights.h` over arrays, and over a person's packed lines.

Every answer waits for the weights of one history, which are a few hundred steps of
arithmetic: here they cost one call and one block of memory, where NumPy takes a
dozen calls and an array for each. Runs under the GIL.
"""

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from recsys._features cimport (
    event_weighting,
    history_weighting,
    item_counts,
    timed_line,
    weights_by_item,
    weights_by_step,
    weights_linked,
    weights_newest,
    weights_of_events,
)
from recsys._items cimport ItemIds, id_text, ids_find


cdef extern from "features/history.h" nogil:
    int64_t history_split(const char *text, int64_t size, id_text *ids, int64_t count_max)


# Columns of `ItemWeights.memory`, widest first, so that each begins aligned.
cdef enum:
    LINE_BYTES = sizeof(id_text) + sizeof(double) + sizeof(int64_t) + 6 * sizeof(int32_t)


cdef class ItemWeights:
    """What a history says about items that the model knows. Immutable.

    Attributes:
        kept_count: Items with a positive weight, h.
        seen_count: Items with any contact, s.
        unknown_count: Item lines whose item the model does not know.
        links: The same history as item-item rows take it; None for as it is. It alone
            has boosts.
        folded: The same history as fold-in takes it; None for as it is.
        boosted_count: Items of the newest step whose scores are raised, b.
    """

    @staticmethod
    def of(const int32_t[::1] rows, const float[::1] weights, const int32_t[::1] seen):
        """Copy what is known already.

        Args:
            rows: Items with a positive weight, ascending, shape (h,).
            weights: Their weights, shape (h,).
            seen: Items with any contact, ascending, shape (s,); a superset of `rows`.
        """
        cdef ItemWeights known = ItemWeights()
        if rows.shape[0] != weights.shape[0]:
            raise ValueError("arrays differ in length")
        known.kept_count, known.seen_count = rows.shape[0], seen.shape[0]
        take(known, max(known.kept_count, known.seen_count))
        if known.kept_count:
            memcpy(known.kept_rows, &rows[0], known.kept_count * sizeof(int32_t))
            memcpy(known.kept_weights, &weights[0], known.kept_count * sizeof(float))
        if known.seen_count:
            memcpy(known.seen_rows, &seen[0], known.seen_count * sizeof(int32_t))
        return known

    def __dealloc__(self):
        free(self.memory)

    def __len__(self):
        return self.kept_count

    @property
    def rows(self):
        """Items with a positive weight, ascending, int32, shape (h,)."""
        return np.frombuffer(bytes_of(self.kept_rows, self.kept_count), dtype=np.int32)

    @property
    def weights(self):
        """Their weights, float32, shape (h,)."""
        return np.frombuffer(bytes_of(self.kept_weights, self.kept_count), dtype=np.float32)

    @property
    def seen(self):
        """Items with any contact, ascending, int32, shape (s,)."""
        return np.frombuffer(bytes_of(self.seen_rows, self.seen_count), dtype=np.int32)

    @property
    def boosted(self):
        """Items of the newest step, ascending, int32, shape (b,)."""
        return np.frombuffer(bytes_of(self.boosted_rows, self.boosted_count), dtype=np.int32)

    @property
    def boosts(self):
        """What their scores are raised by, float32, shape (b,)."""
        return np.frombuffer(bytes_of(self.boosted_values, self.boosted_count), dtype=np.float32)


cdef id_text *take(ItemWeights weights, Py_ssize_t line_count) except NULL:
    """Get memory for so many lines; returns where their working columns begin."""
    weights.memory = malloc(max(1, line_count) * LINE_BYTES)
    if weights.memory == NULL:
        raise MemoryError
    cdef id_text *texts = <id_text *> weights.memory
    # Two columns of 8 bytes and the event rows are for the work alone.
    cdef int32_t *narrow = <int32_t *> (<int64_t *> (texts + line_count) + 2 * line_count)
    weights.kept_rows = narrow + line_count
    weights.kept_weights = <float *> (narrow + 2 * line_count)
    weights.seen_rows = narrow + 3 * line_count
    weights.boosted_rows = narrow + 4 * line_count
    weights.boosted_values = <float *> (narrow + 5 * line_count)
    return texts


cdef bytes bytes_of(const void *start, Py_ssize_t count):
    return PyBytes_FromStringAndSize(<const char *> start, 4 * count)


cdef class EventWeights:
    """Weights by event type, channel and age, as `recsys.features.FeatureConfig` gives them."""

    cdef event_weighting weighting
    cdef history_weighting history
    cdef bint decayed_vectors
    cdef bint is_plain
    cdef const double[:, ::1] table

    def __cinit__(self, const double[:, ::1] table, *, double decay_per_second, double decay_min,
                  double weight_max, float weight_min, double step_decay=1.0,
                  double length_exponent=0.0, double newest_boost=0.0,
                  bint decayed_vectors=False):
        """Keep a table.

        Args:
            table: Weight of a fresh event by type code and channel code, not empty.
            decay_per_second: Logarithm of what a second leaves of a weight, 0 or below.
            decay_min: What age leaves at least, 0 to 1.
            weight_max: Upper bound of an item's sum.
            weight_min: Smallest sum kept, once it is float32.
            step_decay: What each newer step leaves of a weight in `links`, above 0 to 1.
            length_exponent: Weights of `links` are divided by their sum to this power.
            newest_boost: Boost of the newest step's items per unit of their weight in `links`.
            decayed_vectors: Whether fold-in takes `links`, too.
        """
        self.history.step_decay, self.history.length_exponent = step_decay, length_exponent
        self.history.newest_boost, self.decayed_vectors = newest_boost, decayed_vectors
        self.is_plain = step_decay == 1.0 and length_exponent == 0.0 and newest_boost == 0.0
        self.table = table
        self.weighting.table = &table[0, 0]
        self.weighting.type_count, self.weighting.channel_count = table.shape[0], table.shape[1]
        self.weighting.decay_per_second = decay_per_second
        self.weighting.decay_min = decay_min
        self.weighting.weight_max, self.weighting.weight_min = weight_max, weight_min

    def of_events(self, const uint8_t[::1] types, const uint8_t[::1] channels,
                  const double[::1] times, double now, double[::1] weights):
        """Weigh events as of `now`, seconds; all arrays of the same length."""
        cdef Py_ssize_t count = weights.shape[0]
        if not types.shape[0] == channels.shape[0] == times.shape[0] == count:
            raise ValueError("arrays differ in length")
        if count:
            with nogil:
                weights_of_events(&self.weighting, &types[0], &channels[0], &times[0], count,
                                  now, &weights[0])

    def by_item(self, const int32_t[::1] item_rows, const double[::1] event_weights):
        """Sum weighted events per item; rows below 0 are unknown items."""
        cdef Py_ssize_t count = item_rows.shape[0]
        if event_weights.shape[0] != count:
            raise ValueError("arrays differ in length")
        cdef ItemWeights summed = ItemWeights()
        if count:
            self.sum(summed, take(summed, count), count, &item_rows[0], &event_weights[0])
        return summed

    def of_lines(self, ItemIds ids, str item_ids, bytes types, bytes channels, bytes times,
                 double now):
        """Weigh a person's packed lines as of `now`; see `recsys.events.History`."""
        cdef Py_ssize_t size, count = PyBytes_GET_SIZE(types)
        cdef const char *text = PyUnicode_AsUTF8AndSize(item_ids, &size)
        cdef ItemWeights summed = ItemWeights()
        if not count:
            return summed
        if PyBytes_GET_SIZE(channels) != count or PyBytes_GET_SIZE(times) != 8 * count:
            raise ValueError("columns differ in length")
        cdef id_text *texts = take(summed, count)
        cdef double *weights = <double *> (texts + count)
        cdef int32_t *rows = <int32_t *> (weights + 2 * count)
        if history_split(text, size, texts, count) != count:
            raise ValueError("columns differ in length")
        ids_find(&ids.table, texts, count, rows)
        weights_of_events(&self.weighting, <const uint8_t *> PyBytes_AS_STRING(types),
                          <const uint8_t *> PyBytes_AS_STRING(channels),
                          <const double *> PyBytes_AS_STRING(times), count, now, weights)
        self.sum(summed, texts, count, rows, weights)
        if not self.is_plain:
            summed.links = self.linked(summed, texts, count, rows, weights,
                                       <const double *> PyBytes_AS_STRING(times))
            if self.decayed_vectors:
                summed.folded = summed.links
        return summed

    cdef ItemWeights linked(self, ItemWeights summed, id_text *texts, Py_ssize_t count,
                            const int32_t *rows, double *weights, const double *times):
        """Sum once more with steps; the ids, which are found by now, make room."""
        cdef ItemWeights links = ItemWeights()
        cdef id_text *room = take(links, count)
        assert sizeof(timed_line) <= sizeof(id_text)
        if self.history.step_decay != 1.0:
            weights_by_step(self.history.step_decay, times, count, <timed_line *> texts, weights)
        self.sum(links, room, count, rows, weights)
        links.kept_count = weights_linked(&self.history, summed.kept_rows, summed.kept_count,
                                          links.kept_rows, links.kept_weights, links.kept_count)
        if self.history.newest_boost != 0.0:
            links.boosted_count = weights_newest(
                &self.history, times, weights, rows, count, <int64_t *> (room + count) + count,
                links.kept_rows, links.kept_weights, links.kept_count, links.boosted_rows,
                links.boosted_values)
        return links

    cdef void sum(self, ItemWeights summed, id_text *texts, Py_ssize_t count,
                  const int32_t *rows, const double *weights) noexcept:
        cdef int64_t *keys = <int64_t *> (texts + count) + count
        cdef item_counts counts = weights_by_item(
            &self.weighting, rows, weights, count, keys, summed.kept_rows,
            summed.kept_weights, summed.seen_rows)
        summed.kept_count, summed.seen_count = counts.kept_count, counts.seen_count
        summed.unknown_count = 0
        cdef Py_ssize_t at
        for at in range(count):
            summed.unknown_count += rows[at] < 0
