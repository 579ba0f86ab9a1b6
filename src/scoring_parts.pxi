"""What `_scoring.pyx` is put together from: lists, masks, codes and working memory."""

# Addresses of memoryview parts; NULL where there is nothing, because indexing an
# empty view is out of bounds.

cdef inline const float *f32_row(const float[:, ::1] view, Py_ssize_t row) noexcept nogil:
    if view is None or view.shape[0] == 0 or view.shape[1] == 0:
        return NULL
    return &view[row, 0]


cdef inline const float *f32_from(const float[::1] view, Py_ssize_t start) noexcept nogil:
    if view is None or start >= view.shape[0]:
        return NULL
    return &view[start]


cdef inline const int32_t *i32_from(const int32_t[::1] view, Py_ssize_t start) noexcept nogil:
    if view is None or start >= view.shape[0]:
        return NULL
    return &view[start]


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
    """What one call works in: kept by the table for the next one, if it is large enough."""

    cdef scan_scratch memory
    cdef int64_t effort

    def __cinit__(self, int64_t item_count, int64_t touched_max, int64_t wanted):
        self.memory.effort = &self.effort
        cdef int64_t slot_count = 64
        while slot_count < 2 * touched_max:
            slot_count *= 2
        self.memory.slot_mask = slot_count - 1
        self.memory.lowest_max = lowest_max_of(item_count, wanted)
        self.memory.taken = <uint64_t *>calloc(item_count // 64 + 1, sizeof(uint64_t))
        self.memory.keys = <int32_t *>malloc(slot_count * sizeof(int32_t))
        self.memory.sums = <double *>malloc(slot_count * sizeof(double))
        self.memory.boosts = <double *>malloc(slot_count * sizeof(double))
        self.memory.slots = <int32_t *>malloc(slot_count * sizeof(int32_t))
        self.memory.lowest = <float *>malloc(self.memory.lowest_max * sizeof(float) + 1)
        self.memory.candidates = <scan_candidate *>malloc(
            SCAN_CANDIDATES_MAX * sizeof(scan_candidate))
        if (self.memory.taken == NULL or self.memory.keys == NULL or self.memory.sums == NULL
                or self.memory.boosts == NULL or self.memory.slots == NULL
                or self.memory.lowest == NULL or self.memory.candidates == NULL):
            raise MemoryError
        memset(self.memory.keys, 0xff, slot_count * sizeof(int32_t))

    def __dealloc__(self):
        free(self.memory.taken)
        free(self.memory.keys)
        free(self.memory.sums)
        free(self.memory.boosts)
        free(self.memory.slots)
        free(self.memory.lowest)
        free(self.memory.candidates)


cdef int64_t lowest_max_of(int64_t item_count, int64_t wanted) noexcept:
    """How many lower bounds a search may have to keep; codes serve no larger results."""
    cdef int64_t usual = min(item_count, 1024)
    if usual < wanted <= item_count // SCAN_LOWEST_SHARE:
        return wanted
    return usual


cdef class BatchRoom:
    """What a call with several queries at a time works in besides their scratch.

    On the heap: threads may have small stacks.
    """

    cdef void *lanes
    cdef scan_query *queries
    cdef const scan_scratch **scratch

    def __cinit__(self):
        self.lanes = malloc(scan_lane_bytes())
        self.queries = <scan_query *>malloc(SCAN_BATCH_MAX * sizeof(scan_query))
        self.scratch = <const scan_scratch **>malloc(SCAN_BATCH_MAX * sizeof(scan_scratch *))
        if self.lanes == NULL or self.queries == NULL or self.scratch == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.lanes)
        free(self.queries)
        free(<void *>self.scratch)


cdef check_digests(const uint8_t[:, ::1] digests, int64_t count):
    width = digests.shape[1]
    if (digests.shape[0] != count or width % 8
            or not DIGEST_BYTES_MIN <= width <= DIGEST_BYTES_MAX):
        raise ValueError(f"digests are {digests.shape[0]} x {width} bytes")


cdef class CodeArrays:
    """The factors once more, in 8-bit codes; see `src/scoring/codes.h`. Immutable.

    Holds on to the arrays, which may be maps of files.
    """

    cdef scan_codes table
    cdef tuple arrays

    def __cinit__(self, *, int64_t factor_count, const int32_t[::1] order,
                  const uint16_t[::1] steps, const uint16_t[::1] tails, const uint16_t[::1] rests,
                  const float[::1] norms,
                  const float[:, ::1] residuals, const uint8_t[:, ::1] head_high,
                  const uint8_t[:, ::1] head_low, const uint8_t[:, ::1] tail_high,
                  const uint8_t[:, ::1] tail_low, const float[:, ::1] rotation, double defect,
                  int32_t first_stage):
        self.table.group_count = norms.shape[0]
        self.table.factor_count = factor_count
        self.table.head_pairs = codes_head_pairs(factor_count)
        self.table.tail_pairs = codes_tail_pairs(factor_count)
        self.table.order = &order[0]
        self.table.steps = &steps[0]
        self.table.tails = &tails[0]
        self.table.rests = &rests[0]
        self.table.norms = &norms[0]
        self.table.residuals = &residuals[0, 0]
        self.table.head_high, self.table.head_low = &head_high[0, 0], &head_low[0, 0]
        if tail_high is not None:
            self.table.tail_high, self.table.tail_low = &tail_high[0, 0], &tail_low[0, 0]
        self.table.rotation = &rotation[0, 0]
        self.table.defect = defect
        self.table.first_stage = first_stage
        self.arrays = (order, steps, tails, rests, norms, residuals, head_high, head_low, tail_high,
                       tail_low, rotation)


cdef class CodeSubset:
    """Codes of some of the items, with the prior in their order; immutable."""

    cdef CodeArrays codes
    cdef const float[::1] prior

    def __cinit__(self, CodeArrays codes, const float[::1] prior):
        self.codes, self.prior = codes, prior

    def place_count(self):
        """How many items it has room for."""
        return self.codes.table.group_count * CODES_GROUP


cdef class Masks:
    """Bitmaps, all of whose bits an item needs; each shared by all queries or one per query."""

    cdef const uint8_t *starts[8]
    cdef Py_ssize_t strides[8]
    cdef int count
    cdef tuple bitmaps
    cdef CodeSubset subset
    cdef const int32_t[::1] extra

    def __cinit__(self, tuple bitmaps, CodeSubset subset, const int32_t[::1] extra):
        self.subset, self.extra = subset, extra
        cdef const uint8_t[:, ::1] bitmap
        self.bitmaps = bitmaps
        if bitmaps is None:
            return
        assert len(bitmaps) <= SCAN_MASKS_MAX
        for bitmap in bitmaps:
            if bitmap.shape[0] > 0 and bitmap.shape[1] > 0:
                self.starts[self.count] = &bitmap[0, 0]
                self.strides[self.count] = 0 if bitmap.shape[0] == 1 else bitmap.shape[1]
                self.count += 1

    cdef int fill(self, scan_query *one, Ragged excluded, Py_ssize_t query) noexcept nogil:
        cdef int mask
        one.allowed_count = self.count
        for mask in range(self.count):
            one.allowed[mask] = self.starts[mask] + query * self.strides[mask]
        if self.subset is not None:
            one.subset = &self.subset.codes.table
            one.subset_prior = f32_from(self.subset.prior, 0)
            one.extra = i32_from(self.extra, 0)
            one.extra_count = self.extra.shape[0]
        if excluded is not None:
            if not excluded.is_valid(query):
                return SCAN_EXCLUDED
            one.excluded_count = excluded.count(query)
            one.excluded = excluded.rows_of(query)
        return SCAN_OK


def code_bytes(int64_t factor_count):
    """How many bytes one group has in the planes of heads, of tails, and in residuals."""
    return (codes_head_pairs(factor_count) * CODES_PAIR_BYTES,
            codes_tail_pairs(factor_count) * CODES_PAIR_BYTES, STAGE_COUNT)


def encode(const double[:, ::1] rotated, const float[::1] row_norms, *, uint16_t[::1] steps,
           uint16_t[::1] tails, uint16_t[::1] rests, float[::1] norms, float[:, ::1] residuals,
           uint8_t[:, ::1] head_high, uint8_t[:, ::1] head_low, uint8_t[:, ::1] tail_high,
           uint8_t[:, ::1] tail_low, uint8_t[:, ::1] digests):
    """Encode rotated rows, in their order, into the groups given; see `codes_encode`.

    Digests are in that order, too, and may be None.
    """
    cdef codes_target target
    cdef int64_t count = rotated.shape[0]
    if count == 0:
        return
    assert norms.shape[0] * CODES_GROUP >= count and row_norms.shape[0] >= count
    memset(&target, 0, sizeof(target))
    target.steps, target.tails, target.rests = &steps[0], &tails[0], &rests[0]
    target.norms = &norms[0]
    target.residuals = &residuals[0, 0]
    target.head_high, target.head_low = &head_high[0, 0], &head_low[0, 0]
    if tail_high is not None:
        target.tail_high, target.tail_low = &tail_high[0, 0], &tail_low[0, 0]
    if digests is not None:
        check_digests(digests, count)
        target.digests = &digests[0, 0]
        target.digest_bytes = digests.shape[1]
    with nogil:
        codes_encode(&rotated[0, 0], count, rotated.shape[1], &row_norms[0], &target)
