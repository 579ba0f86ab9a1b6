#include "fold_in.h"

#include <math.h>
#include <string.h>

#include "arithmetic.h"
#include "fold_in_body.h"

/* Below it 1 / (alpha weight) would drown the rest of the short system. */
#define EXTRA_MIN 1e-9

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

static double ridge_of(const fold_in_model *model, int64_t count) {
    if (model->regularization_exponent == 0.0) return model->regularization;
    const double size = (double)count + model->unobserved * (double)model->item_count;
    return model->regularization * pow(size, model->regularization_exponent);
}

/* Put the right side beside the system and solve. */
static int solve_system(const simd_ops *ops, double *system, double *right_side, int64_t width) {
    const int64_t stride = fold_in_stride(width);
    for (int64_t i = 0; i < width; i++) {
        double *rest = system + i * stride + width;
        memset(rest, 0, (size_t)(stride - width) * sizeof *rest);
        rest[0] = right_side[i];
    }
    return ops->solve(system, right_side, width) == 0 ? FOLD_IN_OK : FOLD_IN_SYSTEM;
}

/* The system of the vector's size. */
static int solve_full(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                      const float *weights, int64_t count, double *scratch, float *out) {
    const int64_t width = model->factor_count, stride = fold_in_stride(width);
    double *system = scratch, *right_side = system + fold_in_system_count(width);
    double *vectors = right_side + stride;
    const double ridge = ridge_of(model, count);
    for (int64_t i = 0; i < width; i++) {
        /* Cells below the diagonal mean nothing, so half the matrix is enough. */
        for (int64_t j = fold_in_lane_start(i); j < width; j++)
            system[i * stride + j] = model->unobserved * model->gram[i * width + j];
        system[i * stride + i] += ridge;
        right_side[i] = 0.0;
    }
    for (int64_t first = 0; first < count; first += FOLD_IN_TOGETHER) {
        const int64_t some = count - first < FOLD_IN_TOGETHER ? count - first : FOLD_IN_TOGETHER;
        ops->add_items(system, right_side, vectors, model->factors, rows + first, weights + first,
                       some, model->alpha, model->unobserved, width);
    }
    const int fault = solve_system(ops, system, right_side, width);
    for (int64_t i = 0; i < width && fault == FOLD_IN_OK; i++) out[i] = (float)right_side[i];
    return fault;
}

/* The system of the history's size; every weight is positive and count < factor_count. */
static int solve_short(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                       const float *weights, int64_t count, double *scratch, float *out) {
    const int64_t width = model->factor_count, stride = fold_in_stride(count);
    double *system = scratch, *right_side = system + fold_in_system_count(count);
    double *plain = right_side + stride, *scaled = plain + FOLD_IN_TOGETHER * stride;
    const double ridge = ridge_of(model, count);
    memset(system, 0, (size_t)fold_in_system_count(count) * sizeof *system);
    memset(plain, 0, (size_t)(2 * FOLD_IN_TOGETHER * stride) * sizeof *plain);
    for (int64_t h = 0; h < count; h++) {
        const double extra = model->alpha * (double)weights[h];
        system[h * stride + h] = 1.0 / extra;
        right_side[h] = (model->unobserved + extra) / extra;
    }
    for (int64_t first = 0; first < width; first += FOLD_IN_TOGETHER) {
        const int64_t some = width - first < FOLD_IN_TOGETHER ? width - first : FOLD_IN_TOGETHER;
        for (int64_t u = 0; u < some; u++) {
            const int64_t i = first + u;
            const double diagonal = model->unobserved * model->gram[i * width + i] + ridge;
            if (!(diagonal > 0.0) || isinf(diagonal)) return FOLD_IN_SYSTEM;
            for (int64_t h = 0; h < count; h++) {
                const double value = model->factors[(int64_t)rows[h] * width + i];
                plain[u * stride + h] = value;
                scaled[u * stride + h] = value / diagonal;
            }
        }
        ops->add_products(system, scaled, plain, some, count);
    }
    if (solve_system(ops, system, right_side, count) != FOLD_IN_OK) return FOLD_IN_SYSTEM;
    for (int64_t i = 0; i < width; i++) {
        double sum = 0.0;
        for (int64_t h = 0; h < count; h++)
            sum += right_side[h] * model->factors[(int64_t)rows[h] * width + i];
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

/* Solve R^T R z = y for a triangle R that `solve` has left, in float64. */
static void solve_again(const double *triangle, const float *factor, int64_t width, double *z) {
    const int64_t stride = fold_in_stride(width);
    for (int64_t i = 0; i < width; i++) z[i] = (double)factor[i];
    for (int64_t i = 0; i < width; i++) {
        const double *row = triangle + i * stride;
        z[i] /= row[i];
        for (int64_t j = i + 1; j < width; j++) z[j] -= row[j] * z[i];
    }
    for (int64_t i = width - 1; i >= 0; i--) {
        const double *row = triangle + i * stride;
        for (int64_t j = i + 1; j < width; j++) z[i] -= row[j] * z[j];
        z[i] /= row[i];
    }
}

static int split(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                 const float *weights, int64_t count, const int32_t *ranked,
                 int64_t ranked_count, double *scratch, float *vector, double *parts,
                 int64_t *position) {
    const int64_t width = model->factor_count;
    double *solved = scratch + fold_in_system_count(width);
    int fault = check_history(model, rows, weights, count, position);
    if (fault == FOLD_IN_OK && count > 0)
        fault = solve_full(model, ops, rows, weights, count, scratch, vector);
    for (int64_t r = 0; fault == FOLD_IN_OK && count > 0 && r < ranked_count; r++) {
        solve_again(scratch, model->factors + (int64_t)ranked[r] * width, width, solved);
        for (int64_t h = 0; h < count; h++) {
            const float *factor = model->factors + (int64_t)rows[h] * width;
            double sum = 0.0;
            for (int64_t i = 0; i < width; i++) sum += solved[i] * (double)factor[i];
            parts[r * count + h] = (model->unobserved + model->alpha * (double)weights[h]) * sum;
        }
    }
    return fault;
}

int fold_in_parts(const fold_in_model *model, const simd_ops *ops, const int32_t *rows,
                  const float *weights, int64_t count, const int32_t *ranked,
                  int64_t ranked_count, double *scratch, float *vector, double *parts,
                  int64_t *position) {
    const fenv_t caller = arithmetic_default();
    const int fault = split(model, ops, rows, weights, count, ranked, ranked_count, scratch,
                            vector, parts, position);
    arithmetic_restore(caller);
    return fault;
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
