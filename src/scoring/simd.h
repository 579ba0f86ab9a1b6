/* The few loops that exist once per instruction set, and the choice among them.
 *
 * Everything else of the kernel is plain C over these operations, so an
 * instruction set can change speed but never an answer: `dot_exact`,
 * `solve` and `add_outer` are defined to the last bit, `reach`, `dots` and `coded` only up to the error
 * bounds stated in scan.c and pass_codes.c.
 */
#ifndef RECSYS_SIMD_H
#define RECSYS_SIMD_H

#include <stdint.h>

enum { SIMD_BLOCK = 64, SIMD_DOTS = 16, SIMD_EXACT_LANES = 8 };

/* 16 items in codes, see codes.h; `error` bounds what their scores leave out. */
typedef struct {
    const int8_t *codes;
    const float *steps;
    const int32_t *sums;
    const float *prior; /* or NULL */
    float error;
} simd_group;

typedef struct {
    const char *name;

    /* Which of 64 items can still matter: bit i is set unless
     * `norms[i] * query_norm + prior[i] < floor` in float32 (NaN sets it).
     * `prior` may be NULL. */
    uint64_t (*reach)(const float *norms, const float *prior, float query_norm, float floor);

    /* Float32 dot products of 16 rows of `factors` with the query, any order of
     * summation, with or without fused multiply-add. */
    void (*dots)(const float *factors, int64_t factor_count, const int32_t *rows,
                 const float *query, float *out);

    /* The float64 dot product of the ranking contract: 8 lanes, then a fixed tree. */
    double (*dot_exact)(const float *left, const float *right, int64_t count);

    /* Which of 16 items can still matter, from their codes: bit i is set unless
     * `steps[i] * query_step * dot + error + prior[i] < floor` in float32, where
     * `dot` is the exact integer product of the codes. Query codes lie in
     * [-code_max, code_max] and come with `code_offset` added. NULL where codes
     * are not faster than rows. */
    uint32_t (*coded)(const simd_group *group, int64_t quad_count, const uint8_t *query_codes,
                      float query_step, float floor);
    int code_max;
    int code_offset;

    /* The normal equations of one user, see fold_in.h; same bits everywhere. */
    int (*solve)(double *system, double *right, int64_t factor_count);
    void (*add_outer)(double *system, const double *vector, double weight, int64_t factor_count);
} simd_ops;

/* The combination tree that ends every `dot_exact`. */
static inline double simd_tree(const double lanes[SIMD_EXACT_LANES]) {
    const double first = (lanes[0] + lanes[4]) + (lanes[2] + lanes[6]);
    const double second = (lanes[1] + lanes[5]) + (lanes[3] + lanes[7]);
    return first + second;
}

/* Variants from the slowest to the fastest; NULL where this machine lacks one. */
enum { SIMD_VARIANT_COUNT = 3 };
const simd_ops *simd_variant(int position);

/* One per instruction set; NULL where it was not compiled. */
const simd_ops *simd_portable(void);
const simd_ops *simd_avx2(void);
const simd_ops *simd_avx512(void);

#endif
