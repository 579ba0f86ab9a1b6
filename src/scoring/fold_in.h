/* One user's vector from a weighted history (Hu, Koren, Volinsky 2008). */
#ifndef RECSYS_FOLD_IN_H
#define RECSYS_FOLD_IN_H

#include <stdint.h>

#include "simd.h"

typedef struct {
    const float *factors; /* (item_count, factor_count), finite */
    const double *gram;   /* (factor_count, factor_count): factors^T factors */
    int64_t item_count;
    int64_t factor_count;
    double alpha;
    double regularization;
    double regularization_exponent; /* of h + unobserved * item_count */
    double unobserved;              /* the confidence of what is not in the history */
    int is_diagonal;                /* gram holds nothing off its diagonal */
} fold_in_model;

enum {
    FOLD_IN_OK = 0,
    FOLD_IN_ROW = 1,    /* a row is outside [0, item_count) */
    FOLD_IN_WEIGHT = 2, /* a weight is negative, NaN or infinite */
    FOLD_IN_SYSTEM = 3, /* the equations are not positive definite */
};

/* Doubles of scratch that one solve needs; they begin as zeros or as an earlier solve left
 * them. */
int64_t fold_in_scratch_count(int64_t factor_count);

/* Solve (a gram + ridge I + sum_h (c_h - a) y_h y_h^T) x = sum_h c_h y_h with
 * a = unobserved, c_h = a + alpha * weights[h] and
 * ridge = regularization * (count + a * item_count)^regularization_exponent,
 * in float64, summed in the order of history. An empty history gives zeros.
 * `*position` is the culprit when it fails.
 *
 * Where gram is diagonal and the history shorter than the vectors, the same x comes
 * from a system of the history's size (Woodbury): with D = a gram + ridge I and
 * E = diag(c - a), x = D^-1 Y^T s where (E^-1 + Y D^-1 Y^T) s = E^-1 c. */
int fold_in_user(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                 const float *weights, int64_t count, double *scratch, float *out,
                 int64_t *position);

/* Split y_j.x, with the x above in float64, over the history: c_h y_h.A^-1 y_j with A the
 * matrix of the system, for each of `ranked_count` rows j that exist. `parts` is
 * (ranked_count, count). */
int fold_in_parts(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                  const float *weights, int64_t count, const int32_t *ranked,
                  int64_t ranked_count, double *scratch, float *vector, double *parts,
                  int64_t *position);

#endif
