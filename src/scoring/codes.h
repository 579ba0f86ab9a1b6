/* Item factors as 8-bit codes: a quarter of the bytes, with a measured error.
 *
 * Items stand in the order of falling norm, in groups of 16; within a group the
 * codes of four factors of one item are neighbours: [group][factor / 4][item][4].
 * Row x of step s is s * code + residual; the residual's norm is what the codes
 * do not say, and bounds how wrong a score from codes can be.
 */
#ifndef RECSYS_CODES_H
#define RECSYS_CODES_H

#include <stdint.h>

enum { CODES_GROUP = 16, CODES_QUAD = 4, CODE_MAX = 127, CODES_FACTOR_COUNT_MAX = 1024 };

typedef struct {
    int64_t group_count;
    int64_t quad_count;     /* factors / 4, rounded up */
    const int8_t *codes;    /* (group_count, quad_count, 16, 4) */
    const int32_t *order;   /* (group_count * 16): the row of each place, -1 beyond the last */
    const float *steps;     /* (group_count * 16) */
    const int32_t *sums;    /* (group_count * 16): the sum of an item's codes */
    const float *prior;     /* (group_count * 16): the prior in this order, or NULL */
    const float *norms;     /* (group_count): the largest norm of the group, rounded up */
    const float *residuals; /* (group_count): the largest residual norm, rounded up */
} scan_codes;

/* A query in codes: vector = step * code + residual. */
typedef struct {
    /* Offset to be unsigned; the padding beyond the factors meets item codes of 0. */
    uint8_t codes[CODES_FACTOR_COUNT_MAX];
    float step;
    double residual; /* rounded up */
} coded_query;

/* Encode rows into the arrays of `scan_codes`, group after group of `order`; a -1
 * there leaves a place of zeros. */
void codes_encode(const float *factors, int64_t factor_count, int64_t group_count,
                  const int32_t *order, int8_t *codes, float *steps, int32_t *sums,
                  float *norms, float *residuals);

/* Encode a query with codes in [-code_max, code_max], stored as code + offset. */
void codes_encode_query(const float *vector, int64_t factor_count, int code_max, int offset,
                        coded_query *out);

#endif
