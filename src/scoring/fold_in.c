#include "fold_in.h"

#include <math.h>
#include <string.h>

#include "arithmetic.h"

static int check_history(const fold_in_model *model, const int32_t *rows, const float *weights,
                         int64_t count, int64_t *position) {
    for (int64_t h = 0; h < count; h++) {
        *position = h;
        if (rows[h] < 0 || rows[h] >= model->item_count) return FOLD_IN_ROW;
        if (!(weights[h] >= 0.0f) || isinf(weights[h])) return FOLD_IN_WEIGHT;
    }
    return FOLD_IN_OK;
}

static int solve_user(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                      const float *weights, int64_t count, double *scratch, float *out,
                      int64_t *position) {
    const int64_t width = model->factor_count;
    double *system = scratch, *right = system + width * width, *vector = right + width;
    const int fault = check_history(model, rows, weights, count, position);
    if (fault != FOLD_IN_OK) return fault;
    if (count == 0) {
        memset(out, 0, (size_t)width * sizeof *out);
        return FOLD_IN_OK;
    }
    memcpy(system, model->gram, (size_t)(width * width) * sizeof *system);
    for (int64_t i = 0; i < width; i++) {
        system[i * width + i] += model->regularization;
        right[i] = 0.0;
    }
    for (int64_t h = 0; h < count; h++) {
        const float *row = model->factors + rows[h] * width;
        const double extra = model->alpha * (double)weights[h];
        const double confidence = 1.0 + extra;
        for (int64_t i = 0; i < width; i++) {
            vector[i] = row[i];
            right[i] += confidence * vector[i];
        }
        ops->add_outer(system, vector, extra, width);
    }
    if (ops->solve(system, right, width) != 0) return FOLD_IN_SYSTEM;
    for (int64_t i = 0; i < width; i++) out[i] = (float)right[i];
    return FOLD_IN_OK;
}

int fold_in_user(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                 const float *weights, int64_t count, double *scratch, float *out,
                 int64_t *position) {
    const fenv_t caller = arithmetic_default();
    const int fault = solve_user(model, ops, rows, weights, count, scratch, out, position);
    arithmetic_restore(caller);
    return fault;
}
