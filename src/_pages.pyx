"""Which of some candidates get a place on a page: caps, shares and diversity, one pass.

In Python, choosing the places costs as much as finding the candidates in 200,000 items.
Runs under the GIL: a page takes microseconds.
"""

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint8_t

import numpy as np


cdef class Chooser:
    """What is known of some candidates, and of the page that they may get onto.

    One that was used is used up, but for `due` and `room`, which say what is left.
    """

    cdef const double[::1] scores
    cdef const int32_t[:, ::1] groups
    cdef const int32_t[:, ::1] held
    cdef const int32_t[::1] count_max
    cdef const uint8_t[:, ::1] shares
    cdef int64_t[::1] due
    cdef int32_t[::1] places
    cdef Py_ssize_t taken_count
    cdef readonly Py_ssize_t room

    def __init__(
        self,
        const double[::1] scores,
        const int32_t[:, ::1] groups,
        const int32_t[:, ::1] held,
        const int32_t[::1] count_max,
        const uint8_t[:, ::1] shares,
        int64_t[::1] due,
        Py_ssize_t room,
    ):
        """Look at candidates.

        Args:
            scores: Of each, descending, shape (n,).
            groups: The group of each by each cap, negative for none, shape (c, n).
            held: Likewise what counts already, shape (c, m); -1 fills up.
            count_max: How many of a group each cap allows, shape (c,).
            shares: Whether each is of each share, shape (s, n).
            due: How many of each share there have to be still, shape (s,). Is written.
            room: How many may be taken.

        Raises:
            ValueError: Shapes do not fit.
        """
        cdef Py_ssize_t count = scores.shape[0]
        if groups.shape[0] != count_max.shape[0] or held.shape[0] != count_max.shape[0]:
            raise ValueError("groups, held and count_max are of different caps")
        if shares.shape[0] != due.shape[0]:
            raise ValueError("shares and due are of different shares")
        if (groups.shape[0] and groups.shape[1] != count) or (
            shares.shape[0] and shares.shape[1] != count
        ):
            raise ValueError("groups and shares must say something of each candidate")
        self.scores = scores
        self.groups = groups
        self.held = held
        self.count_max = count_max
        self.shares = shares
        self.due = due
        self.room = room
        self.places = np.empty(max(0, min(room, count)), dtype=np.int32)
        self.taken_count = 0

    @property
    def is_tight(self):
        """Whether all the room there is goes to what is due."""
        return self._is_tight()

    def in_order(self):
        """Take the best first, but what would take room from what is due.

        Returns:
            Where those that were taken are among the candidates, int32, in their order.
        """
        cdef Py_ssize_t count = self.scores.shape[0], at, first = 0, last = 0
        cdef int32_t[::1] waiting = np.empty(count, dtype=np.int32)
        for at in range(count):
            while first < last and self.room > 0 and not self._is_tight():
                self._take(waiting[first])
                first += 1
            if self.room <= 0:
                break
            if self._is_tight() and not self._is_due(at):
                waiting[last] = <int32_t> at
                last += 1
            else:
                self._take(at)
        while first < last and self.room > 0 and not self._is_tight():
            self._take(waiting[first])
            first += 1
        return self._taken()

    def diverse(self, const float[:, ::1] vectors not None, double trade):
        """Take by maximal marginal relevance: what is good and unlike what is on the page.

        Args:
            vectors: Two items are as alike as the cosine of these, and not at all where it
                is negative: of what is on the page, then of the candidates, shape (p + n, f).
            trade: 0 for the best, 1 for the most different.

        Returns:
            Where those that were taken are among the candidates, int32, in their order.

        Raises:
            ValueError: There are fewer vectors than candidates.
        """
        cdef Py_ssize_t count = self.scores.shape[0], length = vectors.shape[1]
        cdef Py_ssize_t page_count = vectors.shape[0] - count, one, at, best
        if page_count < 0:
            raise ValueError("each candidate must have a vector")
        # A row of each direction, so that the likeness of many to one is added up at once.
        cdef float[:, ::1] units = np.empty((length, count), dtype=np.float32)
        cdef float[::1] one_unit = np.empty(length, dtype=np.float32)
        cdef float[::1] cosines = np.empty(count, dtype=np.float32)
        cdef float[::1] likeness = np.zeros(count, dtype=np.float32)
        cdef double[::1] values = np.empty(count)
        cdef uint8_t[::1] is_left = np.ones(count, dtype=np.uint8)
        cdef double worth, most
        cdef bint tight
        for at in range(count):
            _to_unit(vectors, page_count + at, one_unit)
            for one in range(length):
                units[one, at] = one_unit[one]
        for one in range(page_count):
            _to_unit(vectors, one, one_unit)
            _liken(units, one_unit, cosines, likeness)
        _to_values(self.scores, 1.0 - trade, values)
        while self.room > 0:
            tight = self._is_tight()
            best = -1
            most = 0.0
            for at in range(count):
                if is_left[at] and (not tight or self._is_due(at)):
                    worth = values[at] - trade * likeness[at]
                    if best < 0 or worth > most:
                        best = at
                        most = worth
            if best < 0:
                break
            is_left[best] = 0
            if self._take(best):
                for one in range(length):
                    one_unit[one] = units[one, best]
                _liken(units, one_unit, cosines, likeness)
        return self._taken()

    cdef object _taken(self):
        return np.asarray(self.places)[: self.taken_count]

    cdef bint _is_tight(self) noexcept:
        cdef Py_ssize_t number
        cdef int64_t total = 0
        for number in range(self.due.shape[0]):
            if self.due[number] > 0:
                total += self.due[number]
        return total > 0 and total >= self.room

    cdef bint _is_due(self, Py_ssize_t at) noexcept:
        cdef Py_ssize_t number
        for number in range(self.due.shape[0]):
            if self.due[number] > 0 and self.shares[number, at]:
                return True
        return False

    cdef bint _take(self, Py_ssize_t at) noexcept:
        """Take one, unless a group of it is full."""
        cdef Py_ssize_t cap, number
        for cap in range(self.count_max.shape[0]):
            if self.groups[cap, at] >= 0 and self._is_full(cap, self.groups[cap, at]):
                return False
        for number in range(self.due.shape[0]):
            self.due[number] -= self.shares[number, at] != 0
        self.places[self.taken_count] = <int32_t> at
        self.taken_count += 1
        self.room -= 1
        return True

    cdef bint _is_full(self, Py_ssize_t cap, int32_t group) noexcept:
        # A page is short: looking through it is quicker than a table of groups.
        cdef Py_ssize_t at
        cdef int32_t count = 0
        for at in range(self.held.shape[1]):
            count += self.held[cap, at] == group
        for at in range(self.taken_count):
            count += self.groups[cap, self.places[at]] == group
        return count >= self.count_max[cap]


cdef void _to_unit(const float[:, ::1] vectors, Py_ssize_t row, float[::1] unit) noexcept:
    """Write the direction of a vector; 0 for a vector of 0."""
    cdef Py_ssize_t one
    cdef double square = 0.0, norm
    for one in range(vectors.shape[1]):
        square += <double> vectors[row, one] * vectors[row, one]
    norm = sqrt(square)
    for one in range(vectors.shape[1]):
        unit[one] = <float> (vectors[row, one] / norm) if norm > 0.0 else 0.0


cdef void _liken(const float[:, ::1] units, const float[::1] unit, float[::1] cosines,
                 float[::1] likeness) noexcept:
    """Raise the likeness of each to what it has in common with one more."""
    cdef Py_ssize_t one, at, count = likeness.shape[0], length = units.shape[0]
    cdef Py_ssize_t whole = length - length % 4
    cdef float *sums = &cosines[0] if count else NULL
    cdef const float *row
    cdef float first, second, third, fourth
    if not count:
        return
    cosines[:] = 0.0
    # Four directions at a time, or the sums would be read and written as often as the units.
    for one in range(0, whole, 4):
        row = &units[one, 0]
        first, second, third, fourth = unit[one], unit[one + 1], unit[one + 2], unit[one + 3]
        for at in range(count):
            sums[at] += (first * row[at] + second * row[count + at]) + (
                third * row[2 * count + at] + fourth * row[3 * count + at]
            )
    for one in range(whole, length):
        row = &units[one, 0]
        first = unit[one]
        for at in range(count):
            sums[at] += first * row[at]
    for at in range(count):
        if sums[at] > likeness[at]:
            likeness[at] = sums[at]


cdef void _to_values(const double[::1] scores, double weight, double[::1] values) noexcept:
    """Write scores from 0 for the least to the weight for the best; equal ones are the best."""
    cdef Py_ssize_t at
    cdef double least, most
    if not scores.shape[0]:
        return
    least = most = scores[0]
    for at in range(scores.shape[0]):
        least = min(least, scores[at])
        most = max(most, scores[at])
    for at in range(scores.shape[0]):
        values[at] = weight * ((scores[at] - least) / (most - least) if most > least else 1.0)
