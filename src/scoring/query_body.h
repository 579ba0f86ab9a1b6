/* Loops that prepare a query, inlined into one function per instruction set. */
#ifndef RECSYS_QUERY_BODY_H
#define RECSYS_QUERY_BODY_H

#include <stdint.h>
#include <string.h>

#define QUERY_INLINE static inline __attribute__((always_inline))

/* out = vector matrix, four rows of the matrix at a time. */
QUERY_INLINE void rotate_body(const float *restrict vector, const float *restrict matrix,
                              int64_t width, double *restrict out) {
    for (int64_t j = 0; j < width; j++) out[j] = 0.0;
    int64_t i = 0;
    for (; i + 4 <= width; i += 4) {
        const float *restrict row = matrix + i * width;
        const double a = vector[i], b = vector[i + 1], c = vector[i + 2], d = vector[i + 3];
        for (int64_t j = 0; j < width; j++)
            out[j] += (a * row[j] + b * row[width + j]) +
                      (c * row[2 * width + j] + d * row[3 * width + j]);
    }
    for (; i < width; i++)
        for (int64_t j = 0; j < width; j++)
            out[j] += (double)vector[i] * (double)matrix[i * width + j];
}

QUERY_INLINE int64_t count_bits_body(const uint8_t *bytes, int64_t count) {
    int64_t found = 0, i = 0;
    for (; i + 8 <= count; i += 8) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof word);
        found += __builtin_popcountll(word);
    }
    for (; i < count; i++) found += __builtin_popcount(bytes[i]);
    return found;
}

#endif
