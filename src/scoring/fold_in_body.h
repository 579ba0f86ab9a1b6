/* The loops of fold-in, inlined into one function per instruction set.
 *
 * The system is a matrix of `fold_in_stride(width)` columns: the normal equations' upper
 * triangle, then the right side, then zeros, so that every loop runs over whole
 * lanes; below the diagonal there is whatever falls there. A tile of it stays in
 * registers while all its updates pass. Each element gets the same operations in
 * the same order however wide the vectors of a machine are, and contraction to
 * fused multiply-add is off, so every machine gives the same bits.
 */
#ifndef RECSYS_FOLD_IN_BODY_H
#define RECSYS_FOLD_IN_BODY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define FOLD_IN_INLINE static inline __attribute__((always_inline))

enum { FOLD_IN_ROWS = 4, FOLD_IN_LANES = 8, FOLD_IN_TOGETHER = 16 };

typedef double fold_in_lanes __attribute__((vector_size(8 * FOLD_IN_LANES)));

static inline int64_t fold_in_stride(int64_t width) {
    return (width + FOLD_IN_LANES) / FOLD_IN_LANES * FOLD_IN_LANES;
}

FOLD_IN_INLINE void fold_in_load(fold_in_lanes *lanes, const double *from) {
    memcpy(lanes, from, sizeof *lanes);
}

FOLD_IN_INLINE void fold_in_store(double *to, const fold_in_lanes *lanes) {
    memcpy(to, lanes, sizeof *lanes);
}

static inline int64_t fold_in_lane_start(int64_t column) {
    return column - column % FOLD_IN_LANES;
}

/* Four rows from `row` on: add, or take away, left[u][row] * right[u] for each u in turn. */
FOLD_IN_INLINE void fold_in_rows(double *system, int64_t stride, int64_t row, const double *left,
                                 const double *right, int64_t count, int takes_away) {
    for (int64_t j = fold_in_lane_start(row); j < stride; j += FOLD_IN_LANES) {
        double *at = system + row * stride + j;
        fold_in_lanes sum[FOLD_IN_ROWS], lanes;
        for (int r = 0; r < FOLD_IN_ROWS; r++) fold_in_load(&sum[r], at + r * stride);
        for (int64_t u = 0; u < count; u++) {
            const double *scale = left + u * stride + row;
            fold_in_load(&lanes, right + u * stride + j);
            for (int r = 0; r < FOLD_IN_ROWS; r++) {
                if (takes_away) sum[r] -= scale[r] * lanes;
                else sum[r] += scale[r] * lanes;
            }
        }
        for (int r = 0; r < FOLD_IN_ROWS; r++) fold_in_store(at + r * stride, &sum[r]);
    }
}

/* system += sum_u left_u right_u^T for up to FOLD_IN_TOGETHER pairs of padded vectors. */
FOLD_IN_INLINE void fold_in_add_products_body(double *system, const double *left,
                                              const double *right, int64_t count,
                                              int64_t width) {
    const int64_t stride = fold_in_stride(width);
    for (int64_t row = 0; row < width; row += FOLD_IN_ROWS)
        fold_in_rows(system, stride, row, left, right, count, 0);
}

/* system += alpha weight y y^T for up to FOLD_IN_TOGETHER items, and
 * right_side += (unobserved + alpha weight) y; `vectors` is room for them, twice. */
FOLD_IN_INLINE void fold_in_add_items_body(double *restrict system, double *restrict right_side,
                                           double *restrict vectors, const float *factors,
                                           const int32_t *rows, const float *weights,
                                           int64_t count, double alpha, double unobserved,
                                           int64_t width) {
    const int64_t stride = fold_in_stride(width);
    double *restrict scaled = vectors + FOLD_IN_TOGETHER * stride;
    for (int64_t h = 0; h < count; h++)
        for (int64_t i = 0; i < width; i += 16)
            __builtin_prefetch(factors + (int64_t)rows[h] * width + i);
    for (int64_t h = 0; h < count; h++) {
        const float *row = factors + (int64_t)rows[h] * width;
        const double extra = alpha * (double)weights[h], confidence = unobserved + extra;
        double *restrict plain = vectors + h * stride, *restrict times = scaled + h * stride;
        for (int64_t i = 0; i < width; i++) {
            plain[i] = (double)row[i];
            times[i] = extra * (double)row[i];
            right_side[i] += confidence * (double)row[i];
        }
        for (int64_t i = width; i < stride; i++) plain[i] = times[i] = 0.0;
    }
    fold_in_add_products_body(system, scaled, vectors, count, width);
}

/* Divide a row of the factor by the root of its pivot and take it from the rest of its
 * block; 1 where the pivot is not positive. */
FOLD_IN_INLINE int fold_in_pivot(double *system, int64_t stride, int64_t pivot,
                                 int64_t block_end) {
    double *scaled = system + pivot * stride;
    if (!(scaled[pivot] > 0.0) || isinf(scaled[pivot])) return 1;
    const double root = sqrt(scaled[pivot]);
    const int64_t start = fold_in_lane_start(pivot);
    fold_in_lanes lanes, other;
    for (int64_t j = start; j < pivot; j++) scaled[j] = 0.0;
    for (int64_t j = start; j < stride; j += FOLD_IN_LANES) {
        fold_in_load(&lanes, scaled + j);
        lanes /= root;
        fold_in_store(scaled + j, &lanes);
    }
    for (int64_t i = pivot + 1; i < block_end; i++) {
        const double scale = scaled[i];
        for (int64_t j = fold_in_lane_start(i); j < stride; j += FOLD_IN_LANES) {
            fold_in_load(&lanes, system + i * stride + j);
            fold_in_load(&other, scaled + j);
            lanes -= scale * other;
            fold_in_store(system + i * stride + j, &lanes);
        }
    }
    return 0;
}

/* Solve for `solution`, fold_in_stride(width) long, by a Cholesky factorisation of the upper
 * triangle, four rows at a time, and substitution. Returns 0, or 1 where the system
 * is not positive definite. */
FOLD_IN_INLINE int fold_in_solve_body(double *restrict system, double *restrict solution,
                                      int64_t width) {
    const int64_t stride = fold_in_stride(width);
    for (int64_t block = 0; block < width; block += FOLD_IN_ROWS) {
        const int64_t block_end = block + FOLD_IN_ROWS < width ? block + FOLD_IN_ROWS : width;
        fold_in_rows(system, stride, block, system, system, block, 1);
        for (int64_t pivot = block; pivot < block_end; pivot++)
            if (fold_in_pivot(system, stride, pivot, block_end)) return 1;
    }
    for (int64_t i = 0; i < stride; i++) solution[i] = 0.0;
    for (int64_t i = width - 1; i >= 0; i--) {
        const double *row = system + i * stride;
        fold_in_lanes sum = {0}, left, right; /* What is not solved for yet counts 0. */
        for (int64_t j = fold_in_lane_start(i); j < width; j += FOLD_IN_LANES) {
            fold_in_load(&left, row + j);
            fold_in_load(&right, solution + j);
            sum += left * right;
        }
        const double total = ((sum[0] + sum[4]) + (sum[2] + sum[6])) +
                             ((sum[1] + sum[5]) + (sum[3] + sum[7]));
        solution[i] = (row[width] - total) / row[i];
    }
    return 0;
}

#endif
