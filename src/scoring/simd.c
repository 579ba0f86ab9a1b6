/* The portable variant, and which variants this machine has.
 *
 * The portable loops keep independent lanes, so that compilers turn them into
 * SSE2 or NEON code without being allowed to reorder sums.
 */
#include "simd.h"

#include <stddef.h>

#include "fold_in_body.h"
#include "query_body.h"

enum { LANES = 8 };

static uint64_t reach(const float *norms, const float *prior, float query_norm, float floor) {
    uint8_t kept[SIMD_BLOCK];
    if (prior == NULL) {
        for (int i = 0; i < SIMD_BLOCK; i++) kept[i] = !(norms[i] * query_norm < floor);
    } else {
        for (int i = 0; i < SIMD_BLOCK; i++)
            kept[i] = !(norms[i] * query_norm + prior[i] < floor);
    }
    uint64_t bits = 0;
    for (int i = 0; i < SIMD_BLOCK; i++) bits |= (uint64_t)kept[i] << i;
    return bits;
}

static float dot(const float *row, const float *query, int64_t count) {
    float lanes[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int lane = 0; lane < LANES; lane++) lanes[lane] += row[i + lane] * query[i + lane];
    for (; i < count; i++) lanes[0] += row[i] * query[i];
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

static void dots(const float *factors, int64_t factor_count, const int32_t *rows,
                 const float *query, float *out) {
    for (int i = 0; i < SIMD_DOTS; i++)
        out[i] = dot(factors + rows[i] * factor_count, query, factor_count);
}

static double dot_exact(const float *left, const float *right, int64_t count) {
    double lanes[SIMD_EXACT_LANES] = {0};
    int64_t i = 0;
    for (; i + SIMD_EXACT_LANES <= count; i += SIMD_EXACT_LANES)
        for (int lane = 0; lane < SIMD_EXACT_LANES; lane++)
            lanes[lane] += (double)left[i + lane] * (double)right[i + lane];
    for (int lane = 0; i + lane < count; lane++)
        lanes[lane] += (double)left[i + lane] * (double)right[i + lane];
    return simd_tree(lanes);
}

static void rotate(const float *vector, const float *matrix, int64_t width, double *out) {
    rotate_body(vector, matrix, width, out);
}

static void rank(const uint8_t *ranks, int64_t blocks, uint8_t first, uint8_t last,
                 uint64_t *live) {
    const uint8_t width = (uint8_t)(last - first);
    for (int64_t b = 0; b < blocks; b++) {
        uint8_t kept[SIMD_BLOCK];
        for (int i = 0; i < SIMD_BLOCK; i++)
            kept[i] = (uint8_t)(ranks[b * SIMD_BLOCK + i] - first) <= width;
        uint64_t bits = 0;
        for (int i = 0; i < SIMD_BLOCK; i++) bits |= (uint64_t)kept[i] << i;
        live[b] &= bits;
    }
}

static int64_t count_bits(const uint8_t *bytes, int64_t count) {
    return count_bits_body(bytes, count);
}

static int solve(double *system, double *solution, int64_t width) {
    return fold_in_solve_body(system, solution, width);
}

static void add_products(double *system, const double *left, const double *right,
                                       int64_t count, int64_t width) {
    fold_in_add_products_body(system, left, right, count, width);
}

static void add_items(double *system, double *right_side, double *vectors,
                                    const float *factors, const int32_t *rows,
                                    const float *weights, int64_t count, double alpha,
                                    double unobserved, int64_t width) {
    fold_in_add_items_body(system, right_side, vectors, factors, rows, weights, count, alpha,
                           unobserved, width);
}

#define PORTABLE_OPS                                                            \
    .reach = reach, .dots = dots, .dot_exact = dot_exact, .rotate = rotate,     \
    .rank = rank, .count_bits = count_bits, .solve = solve,                    \
    .add_items = add_items, .add_products = add_products

const simd_ops *simd_portable(void) {
    static const simd_ops ops = {.name = "portable", PORTABLE_OPS, .codes = &CODES_PORTABLE};
    return &ops;
}

/* The loops over codes are all that NEON needs by hand. */
const simd_ops *simd_neon(void) {
    static const simd_ops ops = {.name = "neon", PORTABLE_OPS, .codes = &CODES_NEON};
    return simd_has_neon_dot() ? &ops : NULL;
}

const simd_ops *simd_variant(int position) {
    switch (position) {
        case 0: return simd_portable();
        case 1: return simd_neon();
        case 2: return simd_avx2();
        case 3: return simd_avx2_vnni();
        case 4: return simd_avx512();
        default: return NULL;
    }
}
