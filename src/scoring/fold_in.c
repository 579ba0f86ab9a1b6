#include "fold_in.h"

#include <math.h>
#include <string.h>

#include "arithmetic.h"
#include "fold_in_body.h"

/* Rows are worked on by fours, so there may be up to three more than needed. */
static int64_t fold_in_system_count(int64_t width) {
    return (width + FOLD_IN_ROWS - 1) * fold_in_stride(width);
}

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
    const int64_t width = model->factor_count, stride = fold_in_stride(width);
    double *system = scratch, *right_side = system + fold_in_system_count(width);
    double *vectors = right_side + stride;
    const int fault = check_history(model, rows, weights, count, position);
    if (fault != FOLD_IN_OK) return fault;
    if (count == 0) {
        memset(out, 0, (size_t)width * sizeof *out);
        return FOLD_IN_OK;
    }
    for (int64_t i = 0; i < width; i++) {
        /* Cells below the diagonal mean nothing, so half the matrix is enough. */
        const int64_t start = fold_in_lane_start(i);
        memcpy(system + i * stride + start, model->gram + i * width + start,
               (size_t)(width - start) * sizeof *system);
        system[i * stride + i] += model->regularization;
        right_side[i] = 0.0;
    }
    for (int64_t first = 0; first < count; first += FOLD_IN_TOGETHER) {
        const int64_t some = count - first < FOLD_IN_TOGETHER ? count - first : FOLD_IN_TOGETHER;
        ops->add_items(system, right_side, vectors, model->factors, rows + first, weights + first,
                       some, model->alpha, width);
    }
    for (int64_t i = 0; i < width; i++) {
        double *rest = system + i * stride + width;
        memset(rest, 0, (size_t)(stride - width) * sizeof *rest);
        rest[0] = right_side[i];
    }
    double *solution = right_side;
    if (ops->solve(system, solution, width) != 0) return FOLD_IN_SYSTEM;
    for (int64_t i = 0; i < width; i++) out[i] = (float)solution[i];
    return FOLD_IN_OK;
}

int64_t fold_in_scratch_count(int64_t factor_count) {
    const int64_t stride = fold_in_stride(factor_count);
    return fold_in_system_count(factor_count) + stride + 2 * FOLD_IN_TOGETHER * stride;
}

int fold_in_user(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                 const float *weights, int64_t count, double *scratch, float *out,
                 int64_t *position) {
    const fenv_t caller = arithmetic_default();
    const int fault = solve_user(model, ops, rows, weights, count, scratch, out, position);
    arithmetic_restore(caller);
    return fault;
}
