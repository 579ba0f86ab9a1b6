/* The loops of fold-in, inlined into one function per instruction set.
 *
 * All of them are axpy loops (`row[k] -= scale * other[k]`): each element gets
 * the same operations in the same order however wide the vectors are, and
 * contraction to fused multiply-add is off, so every machine gives the same bits.
 */
#ifndef RECSYS_FOLD_IN_BODY_H
#define RECSYS_FOLD_IN_BODY_H

#include <math.h>
#include <stdint.h>

#define FOLD_IN_INLINE static inline __attribute__((always_inline))

/* Upper triangle of system += weight * vector vector^T. */
FOLD_IN_INLINE void fold_in_add_outer_body(double *restrict system,
                                           const double *restrict vector, double weight,
                                           int64_t factor_count) {
    for (int64_t i = 0; i < factor_count; i++) {
        double *restrict row = system + i * factor_count;
        const double scale = weight * vector[i];
        for (int64_t j = i; j < factor_count; j++) row[j] += scale * vector[j];
    }
}

/* Solve system x = right in place by a right-looking Cholesky factorisation of
 * the upper triangle. Returns 0, or 1 where the system is not positive definite. */
FOLD_IN_INLINE int fold_in_solve_body(double *restrict system, double *restrict right,
                                      int64_t factor_count) {
    for (int64_t pivot = 0; pivot < factor_count; pivot++) {
        double *restrict scaled = system + pivot * factor_count;
        if (!(scaled[pivot] > 0.0) || isinf(scaled[pivot])) return 1;
        const double root = sqrt(scaled[pivot]);
        for (int64_t j = pivot; j < factor_count; j++) scaled[j] = scaled[j] / root;
        right[pivot] = right[pivot] / root;
        for (int64_t i = pivot + 1; i < factor_count; i++) {
            double *restrict row = system + i * factor_count;
            const double scale = scaled[i];
            for (int64_t j = i; j < factor_count; j++) row[j] -= scale * scaled[j];
        }
        for (int64_t j = pivot + 1; j < factor_count; j++) right[j] -= right[pivot] * scaled[j];
    }
    /* Back substitution: x_i = (right_i - sum_{j>i} U_ij x_j) / U_ii, row by row. */
    for (int64_t i = factor_count - 1; i >= 0; i--) {
        const double *restrict row = system + i * factor_count;
        double lanes[8] = {0};
        int64_t j = i + 1;
        for (; j + 8 <= factor_count; j += 8)
            for (int lane = 0; lane < 8; lane++) lanes[lane] += row[j + lane] * right[j + lane];
        for (int lane = 0; j + lane < factor_count; lane++)
            lanes[lane] += row[j + lane] * right[j + lane];
        const double sum = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
                           ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
        right[i] = (right[i] - sum) / row[i];
    }
    return 0;
}

#endif
