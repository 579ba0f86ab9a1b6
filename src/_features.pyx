"""One person's event weights summed per item.

The same in NumPy takes a dozen calls and five times as long, and every answer
waits for it. Histories are short (hundreds of lines), so this is one sort of
64-bit keys and one walk; O(e log e), one scratch array of e keys. Sums are in
float64 in the order in which the lines are given. Runs under the GIL.
"""

from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc, qsort


cdef int compare_keys(const void *left, const void *right) noexcept nogil:
    cdef int64_t a = (<const int64_t *> left)[0], b = (<const int64_t *> right)[0]
    return (a > b) - (a < b)


def sum_by_item(
    const int32_t[::1] item_rows, const double[::1] event_weights,
    double weight_max, float weight_min,
    int32_t[::1] rows, float[::1] weights, int32_t[::1] seen,
):
    """Sum weights per item, bound them, and drop what is below the smallest that counts.

    Args:
        item_rows: Row of each event's item, 0 and above, shape (e,).
        event_weights: Their weights, same length; 0 for what is no contact.
        weight_max: Upper bound of a sum.
        weight_min: Smallest sum kept, once it is float32.
        rows: Receives the rows kept, ascending; length e.
        weights: Receives their sums; length e.
        seen: Receives the rows with any contact, ascending; length e.

    Returns:
        How many rows were kept, and how many have any contact.
    """
    cdef Py_ssize_t count = item_rows.shape[0], at, kept = 0, seen_count = 0
    cdef int64_t *keys
    cdef int32_t row
    cdef double weight, total
    cdef bint is_contact
    if not (
        event_weights.shape[0] == rows.shape[0] == weights.shape[0] == seen.shape[0] == count
    ):
        raise ValueError("arrays differ in length")
    if count == 0:
        return 0, 0
    keys = <int64_t *> malloc(count * sizeof(int64_t))
    if keys == NULL:
        raise MemoryError
    # The position in the lower half keeps the order of equal rows.
    for at in range(count):
        keys[at] = (<int64_t> item_rows[at] << 32) | at
    qsort(keys, count, sizeof(int64_t), compare_keys)
    at = 0
    while at < count:
        row = <int32_t> (keys[at] >> 32)
        total = 0.0
        is_contact = False
        while at < count and <int32_t> (keys[at] >> 32) == row:
            weight = event_weights[keys[at] & 0xFFFFFFFF]
            total += weight
            is_contact = is_contact or weight != 0.0
            at += 1
        if total > weight_max:
            total = weight_max
        if <float> total >= weight_min:  # False for NaN too.
            rows[kept] = row
            weights[kept] = <float> total
            kept += 1
        if is_contact:
            seen[seen_count] = row
            seen_count += 1
    free(keys)
    return kept, seen_count
