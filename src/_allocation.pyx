"""What people take under prices, and the repair of a rounded assignment.

Contract and method: `src/allocation/allocation.h`. `training/allocation` is the face; it
validates, searches for the prices and slices people over threads.

Complexity: O(pairs) for each pass over people. Memory: three short arrays and one number for
each choice and call. Threads: none inside; each call releases the GIL once. Persons do not
depend on each other in `add` and `round`; `take` and `drop` go in the order given.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc


cdef extern from "allocation.h":
    ctypedef struct allocation_pairs:
        const int64_t *starts
        const int32_t *choices
        const float *values
        const float *costs
        const int32_t *slots

    ctypedef struct allocation_prices:
        const double *unit
        const double *spend
        double smoothing

    ctypedef struct allocation_sums:
        double *counts
        double *spends
        double exact
        double smooth

    ctypedef struct allocation_scratch:
        int64_t *pairs
        double *reduced
        double *fractions
        double *top

    ctypedef struct allocation_limits:
        const int64_t *starts
        const int32_t *limits
        const uint8_t *of_costs
        double *left

    void allocation_add(const allocation_pairs *pairs, const allocation_prices *prices,
                        int64_t first, int64_t stop, allocation_scratch *scratch,
                        allocation_sums *sums) noexcept nogil
    void allocation_round(const allocation_pairs *pairs, const allocation_prices *prices,
                          int64_t first, int64_t stop, allocation_scratch *scratch,
                          const double *draws, uint8_t *chosen) noexcept nogil
    int64_t allocation_take(const allocation_pairs *pairs, const allocation_limits *limits,
                            const int64_t *order, const int64_t *persons, int64_t count,
                            int32_t *slots_left, uint8_t *chosen) noexcept nogil
    int64_t allocation_drop(const allocation_pairs *pairs, const allocation_limits *limits,
                            const int64_t *order, const int64_t *persons, int64_t count,
                            int32_t *slots_left, uint8_t *chosen) noexcept nogil


cdef class People:
    """What everybody may get, and what it is worth."""

    cdef allocation_pairs pairs
    cdef int64_t person_count, pair_count, choice_count, pairs_max, slots_max
    cdef tuple arrays

    def __cinit__(self, const int64_t[::1] starts, const int32_t[::1] choices,
                  const float[::1] values, const float[::1] costs, const int32_t[::1] slots,
                  int64_t choice_count, int64_t pairs_max, int64_t slots_max):
        if slots.shape[0] == 0 or choices.shape[0] == 0:
            raise ValueError("no people, or no pairs")
        if not choices.shape[0] == values.shape[0] == costs.shape[0]:
            raise ValueError("choices, values and costs have different lengths")
        if starts.shape[0] != slots.shape[0] + 1:
            raise ValueError("not one number of slots for each person")
        self.arrays = (starts, choices, values, costs, slots)
        self.person_count = slots.shape[0]
        self.pair_count = choices.shape[0]
        self.choice_count = choice_count
        self.pairs_max = pairs_max
        self.slots_max = slots_max
        self.pairs.starts = &starts[0]
        self.pairs.choices = &choices[0]
        self.pairs.values = &values[0]
        self.pairs.costs = &costs[0]
        self.pairs.slots = &slots[0]

    def add(self, int64_t first, int64_t stop, const double[::1] unit, const double[::1] spend,
            double smoothing, double[::1] counts, double[::1] spends):
        """Add what persons take to counts and spends; returns (exact, smooth)."""
        cdef allocation_prices prices
        cdef allocation_scratch scratch
        cdef allocation_sums sums
        self.check(first, stop, unit.shape[0], spend.shape[0])
        self.check(first, stop, counts.shape[0], spends.shape[0])
        prices.unit, prices.spend, prices.smoothing = &unit[0], &spend[0], smoothing
        sums.counts, sums.spends = &counts[0], &spends[0]
        sums.exact = sums.smooth = 0.0
        self.open(&scratch)
        with nogil:
            allocation_add(&self.pairs, &prices, first, stop, &scratch, &sums)
        free(scratch.pairs)
        return sums.exact, sums.smooth

    def round(self, int64_t first, int64_t stop, const double[::1] unit,
              const double[::1] spend, double smoothing, const double[::1] draws,
              uint8_t[::1] chosen):
        """Write which pairs persons take as whole choices."""
        cdef allocation_prices prices
        cdef allocation_scratch scratch
        self.check(first, stop, unit.shape[0], spend.shape[0])
        if draws.shape[0] != self.person_count or chosen.shape[0] != self.pair_count:
            raise ValueError("not one draw for each person, or not one place for each pair")
        prices.unit, prices.spend, prices.smoothing = &unit[0], &spend[0], smoothing
        self.open(&scratch)
        with nogil:
            allocation_round(&self.pairs, &prices, first, stop, &scratch, &draws[0], &chosen[0])
        free(scratch.pairs)

    def take(self, Limits limits, const int64_t[::1] order, const int64_t[::1] persons,
             int32_t[::1] slots_left, uint8_t[::1] chosen):
        """Take pairs in the order given as far as slots and limits allow; returns how many."""
        return self.moved(limits, order, persons, slots_left, chosen, True)

    def drop(self, Limits limits, const int64_t[::1] order, const int64_t[::1] persons,
             int32_t[::1] slots_left, uint8_t[::1] chosen):
        """Give back pairs in the order given while limits are overdrawn; returns how many."""
        return self.moved(limits, order, persons, slots_left, chosen, False)

    cdef moved(self, Limits limits, const int64_t[::1] order, const int64_t[::1] persons,
               int32_t[::1] slots_left, uint8_t[::1] chosen, bint takes):
        cdef int64_t count = order.shape[0], moved = 0
        if persons.shape[0] != count or slots_left.shape[0] != self.person_count:
            raise ValueError("not one person for each pair, or not all people's slots")
        if chosen.shape[0] != self.pair_count or limits.choice_count != self.choice_count:
            raise ValueError("not one place for each pair, or limits of other choices")
        if count == 0:
            return 0
        with nogil:
            if takes:
                moved = allocation_take(&self.pairs, &limits.limits, &order[0], &persons[0],
                                        count, &slots_left[0], &chosen[0])
            else:
                moved = allocation_drop(&self.pairs, &limits.limits, &order[0], &persons[0],
                                        count, &slots_left[0], &chosen[0])
        return moved

    cdef check(self, int64_t first, int64_t stop, int64_t units, int64_t spends):
        if not 0 <= first <= stop <= self.person_count:
            raise ValueError(f"people {first} to {stop} of {self.person_count}")
        if units != self.choice_count or spends != self.choice_count:
            raise ValueError(f"{units} and {spends} numbers for {self.choice_count} choices")

    cdef open(self, allocation_scratch *scratch):
        cdef int64_t count = self.pairs_max + 1
        scratch.pairs = <int64_t *> malloc((3 * count + self.slots_max + 1) * sizeof(double))
        if scratch.pairs == NULL:
            raise MemoryError
        scratch.reduced = <double *> scratch.pairs + count
        scratch.fractions = scratch.reduced + count
        scratch.top = scratch.fractions + count


cdef class Limits:
    """What may still be taken of what is scarce."""

    cdef allocation_limits limits
    cdef int64_t choice_count
    cdef tuple arrays

    def __cinit__(self, const int64_t[::1] starts, const int32_t[::1] limits,
                  const uint8_t[::1] of_costs, double[::1] left):
        if of_costs.shape[0] != left.shape[0] or starts.shape[0] < 2:
            raise ValueError("no choices, or not one kind for each limit")
        self.arrays = (starts, limits, of_costs, left)
        self.choice_count = starts.shape[0] - 1
        self.limits.starts = &starts[0]
        self.limits.limits = &limits[0] if limits.shape[0] else NULL
        self.limits.of_costs = &of_costs[0] if of_costs.shape[0] else NULL
        self.limits.left = &left[0] if left.shape[0] else NULL
