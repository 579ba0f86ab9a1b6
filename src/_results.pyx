"""Answers to the bytes of a `recsys.v1.RecommendResponse` or `SimilarItemsResponse`.

Building a message object per result and serializing it takes ten times as long
and is most of what an answer costs above its ranking. The bytes are those that
protobuf itself writes; a test compares them.

One pass measures, one writes; nothing is allocated but the bytes returned.
Runs under the GIL: a page takes microseconds.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy

from recsys._items cimport ItemIds, id_text, ids_at
from recsys._scoring cimport Ranking

# Field numbers of a response and of a Result, each with its wire type.
cdef enum:
    TAG_RESULT = 0x0A  # 1, bytes
    TAG_ITEM_ID = 0x0A  # 1, bytes
    TAG_SCORE = 0x11  # 2, 64 bits
    TAG_REASON = 0x1A  # 3, bytes
    TAG_TOKEN = 0x12  # 2, bytes
    TAG_VERSION = 0x1A  # 3, bytes
    TAG_SHORTFALL = 0x22  # 4, bytes


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


cdef inline uint8_t *put_text(uint8_t *at, uint8_t tag, const char *text,
                              Py_ssize_t size) noexcept:
    at = put_size(at, tag, size)
    memcpy(at, text, size)
    return at + size


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


cdef inline Py_ssize_t field_size(Py_ssize_t size) noexcept:
    return 1 + varint_size(size) + size


def encode_answer(ItemIds ids not None, Ranking ranking not None, list reasons not None,
                  str token not None, str model_version not None, bytes shortfall):
    """Serialize an answer.

    Args:
        ids: The ids of the items ranked.
        ranking: Their rows and scores.
        reasons: The serialized `Reason` of each result; or one, of all of them.
        token: The attribution token.
        model_version: The model that answered.
        shortfall: The serialized `Shortfall`, or None.

    Raises:
        IndexError: A row has no id, or a result no reason.
        UnicodeEncodeError: A text holds a lone surrogate.
    """
    cdef Py_ssize_t size, position, total = 0, step = 1 if len(reasons) > 1 else 0
    cdef Py_ssize_t token_size, version_size
    cdef const char *token_text = PyUnicode_AsUTF8AndSize(token, &token_size)
    cdef const char *version_text = PyUnicode_AsUTF8AndSize(model_version, &version_size)
    cdef id_text item = id_text(NULL, 0)
    cdef bytes reason
    if ranking.count and len(reasons) != 1 and len(reasons) != ranking.count:
        raise IndexError(f"{len(reasons)} reasons for {ranking.count} results")
    for position in range(ranking.count):
        if not ids_at(&ids.table, ranking.item_rows[position], &item):
            raise IndexError(f"row {ranking.item_rows[position]} has no id")
        reason = reasons[position * step]
        total += field_size(result_size(
            item.size, ranking.item_scores[position], PyBytes_GET_SIZE(reason)
        ))
    # Empty texts are the default, which is not written.
    total += field_size(token_size) if token_size else 0
    total += field_size(version_size) if version_size else 0
    total += field_size(PyBytes_GET_SIZE(shortfall)) if shortfall is not None else 0
    cdef bytes encoded = PyBytes_FromStringAndSize(NULL, total)
    cdef uint8_t *at = <uint8_t *> PyBytes_AS_STRING(encoded)
    cdef uint64_t bits
    cdef int byte
    for position in range(ranking.count):
        ids_at(&ids.table, ranking.item_rows[position], &item)
        reason = reasons[position * step]
        bits = bits_of(ranking.item_scores[position])
        size = result_size(item.size, ranking.item_scores[position], PyBytes_GET_SIZE(reason))
        at = put_size(at, TAG_RESULT, size)
        at = put_text(at, TAG_ITEM_ID, item.text, item.size)
        if bits:
            at[0] = TAG_SCORE
            for byte in range(8):  # Little endian on every machine.
                at[1 + byte] = <uint8_t> (bits >> (8 * byte))
            at += 9
        at = put_text(at, TAG_REASON, PyBytes_AS_STRING(reason), PyBytes_GET_SIZE(reason))
    if token_size:
        at = put_text(at, TAG_TOKEN, token_text, token_size)
    if version_size:
        at = put_text(at, TAG_VERSION, version_text, version_size)
    if shortfall is not None:
        put_text(at, TAG_SHORTFALL, PyBytes_AS_STRING(shortfall), PyBytes_GET_SIZE(shortfall))
    return encoded
