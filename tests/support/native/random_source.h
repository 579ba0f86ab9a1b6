/* Chance for fuzz programs: from a seed, or from bytes that a fuzzer chooses.
 *
 * A fuzzer (libFuzzer, `clang -fsanitize=fuzzer -DFUZZER`) learns which bytes lead where,
 * so decisions take as few of them as they need; where they end, the seed goes on. */
#ifndef RANDOM_SOURCE_H
#define RANDOM_SOURCE_H

#include <stdint.h>
#include <stdlib.h>

typedef struct {
    uint64_t state;
    const uint8_t *data; /* what is left of the fuzzer's bytes */
    size_t size;
} random_source;

static inline random_source random_of(const uint8_t *data, size_t size) {
    random_source r = {.state = 1, .data = data, .size = size};
    for (size_t i = 0; i < size; i++) r.state = r.state * 0x100000001b3u ^ data[i];
    return r;
}

static inline uint64_t next_bits(random_source *r) { /* splitmix64 */
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* `count` bytes of the fuzzer's, or 64 bits by chance. */
static inline uint64_t next_bytes(random_source *r, size_t count) {
    if (r->size < count) return next_bits(r);
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++) bits = bits << 8 | r->data[i];
    r->data += count, r->size -= count;
    return bits;
}

static inline int64_t below(random_source *r, int64_t limit) {
    if (limit <= 1) return 0;
    const uint64_t bits = next_bytes(r, limit <= 256 ? 1 : limit <= 65536 ? 2 : 8);
    return (int64_t)(bits % (uint64_t)limit);
}

static inline double uniform(random_source *r) {
    if (r->size >= 2) return (double)next_bytes(r, 2) * 0x1p-16;
    return (double)(next_bits(r) >> 11) * 0x1p-53;
}

/* A block of exactly this size: what lies beyond is not ours, and a sanitizer knows. */
static inline void *block(int64_t count, size_t size) {
    void *memory = calloc(count > 0 ? (size_t)count : 1, count > 0 ? size : 1);
    if (memory == NULL) abort();
    return memory;
}

#endif
