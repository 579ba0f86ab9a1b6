"""Ranked results to the bytes of `repeated recsys.v1.Result results = 1`.

Building a message object per result and serializing it takes ten times as long
and is most of what an answer costs above its ranking. The bytes are those that
protobuf itself writes (a test compares them), so a response is these bytes
followed by its other fields, serialized by protobuf.

One pass measures, one writes; nothing is allocated but the bytes returned.
Runs under the GIL: a page takes microseconds.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

# Field numbers of results in a response and of a Result's fields, each with its wire type.
cdef enum:
    TAG_RESULT = 0x0A  # 1, bytes
    TAG_ITEM_ID = 0x0A  # 1, bytes
    TAG_SCORE = 0x11  # 2, 64 bits
    TAG_REASON = 0x1A  # 3, bytes


cdef inline Py_ssize_t varint_size(Py_ssize_t value) noexcept:
    cdef Py_ssize_t size = 1
    while value >= 0x80:
        value >>= 7
        size += 1
    return size


cdef inline uint8_t *put_size(uint8_t *at, uint8_t tag, Py_ssize_t value) noexcept:
    at[0] = tag
    at += 1
    while value >= 0x80:
        at[0] = <uint8_t> (value & 0x7F | 0x80)
        at += 1
        value >>= 7
    at[0] = <uint8_t> value
    return at + 1


cdef inline uint64_t bits_of(double score) noexcept:
    cdef uint64_t bits
    memcpy(&bits, &score, sizeof(bits))
    return bits


cdef inline Py_ssize_t result_size(
    Py_ssize_t id_size, double score, Py_ssize_t reason_size
) noexcept:
    # A score of exactly +0.0 is the default, which is not written.
    return (
        1 + varint_size(id_size) + id_size
        + (9 if bits_of(score) else 0)
        + 1 + varint_size(reason_size) + reason_size
    )


def encode_results(tuple results, reason_bytes):
    """Serialize results.

    Args:
        results: One (item_id, score, reason); ids are not empty.
        reason_bytes: Gives the serialized `Reason` of a reason; asked once for
            neighbours that share one object.

    Returns:
        The bytes, empty for no results.
    """
    cdef list reasons = []
    cdef bytes reason_of_run = None
    cdef Py_ssize_t id_size, size, position, total = 0
    cdef object reason, last = None
    for result in results:
        reason = result[2]
        if reason is not last or reason_of_run is None:
            reason_of_run, last = reason_bytes(reason), reason
        reasons.append(reason_of_run)
        PyUnicode_AsUTF8AndSize(result[0], &id_size)
        size = result_size(id_size, result[1], PyBytes_GET_SIZE(reason_of_run))
        total += 1 + varint_size(size) + size
    cdef bytes encoded = PyBytes_FromStringAndSize(NULL, total)
    cdef uint8_t *at = <uint8_t *> PyBytes_AS_STRING(encoded)
    cdef const char *text
    cdef uint64_t bits
    cdef int byte
    for position, result in enumerate(results):
        reason_of_run = reasons[position]
        text = PyUnicode_AsUTF8AndSize(result[0], &id_size)
        bits = bits_of(result[1])
        at = put_size(
            at, TAG_RESULT, result_size(id_size, result[1], PyBytes_GET_SIZE(reason_of_run))
        )
        at = put_size(at, TAG_ITEM_ID, id_size)
        memcpy(at, text, id_size)
        at += id_size
        if bits:
            at[0] = TAG_SCORE
            for byte in range(8):  # Little endian on every machine.
                at[1 + byte] = <uint8_t> (bits >> (8 * byte))
            at += 9
        at = put_size(at, TAG_REASON, PyBytes_GET_SIZE(reason_of_run))
        memcpy(at, PyBytes_AS_STRING(reason_of_run), PyBytes_GET_SIZE(reason_of_run))
        at += PyBytes_GET_SIZE(reason_of_run)
    return encoded
