#include "fold_in.h"

#include <math.h>
#include <string.h>

#include "arithmetic.h"

/* Below it 1 / (alpha weight) would drown the rest of the short system. */
#define EXTRA_MIN 1e-9

static int check_history(const fold_in_model *model, const int32_t *rows, const float *weights,
                         int64_t count, int64_t *position) {
    for (int64_t h = 0; h < count; h++) {
        *position = h;
        if (rows[h] < 0 || rows[h] >= model->item_count) return FOLD_IN_ROW;
        if (!(weights[h] >= 0.0f) || isinf(weights[h])) return FOLD_IN_WEIGHT;
    }
    return FOLD_IN_OK;
}

static double ridge_of(const fold_in_model *model, int64_t count) {
    if (model->regularization_exponent == 0.0) return model->regularization;
    const double size = (double)count + model->unobserved * (double)model->item_count;
    return model->regularization * pow(size, model->regularization_exponent);
}

/* The system of the vector's size. */
static int solve_full(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                      const float *weights, int64_t count, double *scratch, float *out) {
    const int64_t width = model->factor_count;
    double *system = scratch, *right = system + width * width, *vector = right + width;
    const double ridge = ridge_of(model, count);
    for (int64_t i = 0; i < width * width; i++) system[i] = model->unobserved * model->gram[i];
    for (int64_t i = 0; i < width; i++) {
        system[i * width + i] += ridge;
        right[i] = 0.0;
    }
    for (int64_t h = 0; h < count; h++) {
        const float *row = model->factors + rows[h] * width;
        const double extra = model->alpha * (double)weights[h];
        const double confidence = model->unobserved + extra;
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

/* The system of the history's size; every weight is positive and count < factor_count. */
static int solve_short(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                       const float *weights, int64_t count, double *scratch, float *out) {
    const int64_t width = model->factor_count;
    double *system = scratch, *right = system + count * count, *column = right + count;
    const double ridge = ridge_of(model, count);
    memset(system, 0, (size_t)(count * count) * sizeof *system);
    for (int64_t h = 0; h < count; h++) {
        const double extra = model->alpha * (double)weights[h];
        system[h * count + h] = 1.0 / extra;
        right[h] = (model->unobserved + extra) / extra;
    }
    for (int64_t i = 0; i < width; i++) {
        const double diagonal = model->unobserved * model->gram[i * width + i] + ridge;
        if (!(diagonal > 0.0) || isinf(diagonal)) return FOLD_IN_SYSTEM;
        for (int64_t h = 0; h < count; h++) column[h] = model->factors[rows[h] * width + i];
        ops->add_outer(system, column, 1.0 / diagonal, count);
    }
    if (ops->solve(system, right, count) != 0) return FOLD_IN_SYSTEM;
    for (int64_t i = 0; i < width; i++) {
        double sum = 0.0;
        for (int64_t h = 0; h < count; h++) sum += right[h] * model->factors[rows[h] * width + i];
        out[i] = (float)(sum / (model->unobserved * model->gram[i * width + i] + ridge));
    }
    return FOLD_IN_OK;
}

static int is_short(const fold_in_model *model, const float *weights, int64_t count) {
    if (!model->is_diagonal || count >= model->factor_count) return 0;
    for (int64_t h = 0; h < count; h++)
        if (!(model->alpha * (double)weights[h] >= EXTRA_MIN)) return 0;
    return 1;
}

static int solve_user(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                      const float *weights, int64_t count, double *scratch, float *out,
                      int64_t *position) {
    const int fault = check_history(model, rows, weights, count, position);
    if (fault != FOLD_IN_OK) return fault;
    if (count == 0) {
        memset(out, 0, (size_t)model->factor_count * sizeof *out);
        return FOLD_IN_OK;
    }
    if (is_short(model, weights, count))
        return solve_short(model, ops, rows, weights, count, scratch, out);
    return solve_full(model, ops, rows, weights, count, scratch, out);
}

int fold_in_user(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                 const float *weights, int64_t count, double *scratch, float *out,
                 int64_t *position) {
    const fenv_t caller = arithmetic_default();
    const int fault = solve_user(model, ops, rows, weights, count, scratch, out, position);
    arithmetic_restore(caller);
    return fault;
}
