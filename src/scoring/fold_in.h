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

/* Solve (gram + regularization I + sum_h (c_h - 1) y_h y_h^T) x = sum_h c_h y_h
 * with c_h = 1 + alpha * weights[h], in float64, summed in the order of history.
 * An empty history gives zeros. `*position` is the culprit when it fails. */
int fold_in_user(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                 const float *weights, int64_t count, double *scratch, float *out,
                 int64_t *position);

#endif
