/* The loops of ials.h, inlined into one function per instruction set. */
#ifndef RECSYS_IALS_BODY_H
#define RECSYS_IALS_BODY_H

#include <string.h>

#include "ials.h"

#define IALS_INLINE static inline __attribute__((always_inline))

/* Sixteen lanes; compilers split them into what the target has. */
typedef float ials_lanes __attribute__((vector_size(64), aligned(4)));

IALS_INLINE ials_lanes ials_load(const float *from) { return *(const ials_lanes *)from; }
IALS_INLINE void ials_store(float *to, ials_lanes lanes) { *(ials_lanes *)to = lanes; }

IALS_INLINE float ials_sum(ials_lanes lanes) {
    float sum = 0.0f;
    for (int i = 0; i < IALS_LANES; i++) sum += lanes[i];
    return sum;
}

IALS_INLINE float ials_dot(const float *left, const float *right, int64_t width) {
    ials_lanes even = {0}, odd = {0};
    int64_t i = 0;
    for (; i + 2 * IALS_LANES <= width; i += 2 * IALS_LANES) {
        even += ials_load(left + i) * ials_load(right + i);
        odd += ials_load(left + i + IALS_LANES) * ials_load(right + i + IALS_LANES);
    }
    if (i < width) even += ials_load(left + i) * ials_load(right + i);
    return ials_sum(even + odd);
}

/* Where the next rows' factors are: a cache line each is asked for ahead of use. */
IALS_INLINE void ials_ahead(const float *row, int64_t width) {
    for (int64_t i = 0; i < width; i += IALS_LANES) __builtin_prefetch(row + i);
}

/* out += sum_i (constant_i - s_i (y_i.x)) y_i, where constant_i is a + s_i for the
 * residual and 0 for the product with the matrix (then the sign is the caller's). */
IALS_INLINE void ials_pass(const ials_model *model, int64_t row, const float *x,
                           int is_residual, float *out) {
    const int64_t width = model->width, stop = model->starts[row + 1];
    int64_t at = model->starts[row];
    for (; at + IALS_ROWS <= stop; at += IALS_ROWS) {
        const float *y[IALS_ROWS];
        ials_lanes sums[IALS_ROWS];
        float scales[IALS_ROWS];
        for (int r = 0; r < IALS_ROWS; r++) {
            y[r] = model->factors + model->columns[at + r] * width;
            sums[r] = (ials_lanes){0};
        }
        for (int r = 0; r < IALS_ROWS && at + IALS_ROWS + r < stop; r++)
            ials_ahead(model->factors + model->columns[at + IALS_ROWS + r] * width, width);
        for (int64_t i = 0; i < width; i += IALS_LANES) {
            const ials_lanes part = ials_load(x + i);
            for (int r = 0; r < IALS_ROWS; r++) sums[r] += ials_load(y[r] + i) * part;
        }
        for (int r = 0; r < IALS_ROWS; r++) {
            const float weight = model->weights[at + r];
            const float constant = is_residual ? model->unobserved + weight : 0.0f;
            scales[r] = constant - weight * ials_sum(sums[r]);
        }
        for (int64_t i = 0; i < width; i += IALS_LANES) {
            ials_lanes part = ials_load(out + i);
            for (int r = 0; r < IALS_ROWS; r++) part += scales[r] * ials_load(y[r] + i);
            ials_store(out + i, part);
        }
    }
    for (; at < stop; at++) {
        const float *y = model->factors + model->columns[at] * width;
        const float weight = model->weights[at];
        const float constant = is_residual ? model->unobserved + weight : 0.0f;
        const float scale = constant - weight * ials_dot(y, x, width);
        for (int64_t i = 0; i < width; i += IALS_LANES)
            ials_store(out + i, ials_load(out + i) + scale * ials_load(y + i));
    }
}

/* The squared length of a vector as the preconditioner measures it. */
IALS_INLINE float ials_square(const float *vector, const float *inverse, int64_t width) {
    ials_lanes sum = {0};
    for (int64_t i = 0; i < width; i += IALS_LANES) {
        const ials_lanes part = ials_load(vector + i);
        sum += part * part * ials_load(inverse + i);
    }
    return ials_sum(sum);
}

IALS_INLINE int64_t ials_solve_row_body(const ials_model *model, int64_t row, float *x,
                                        float *scratch) {
    const int64_t width = model->width;
    float *inverse = scratch, *residual = inverse + width, *direction = residual + width;
    float *product = direction + width;
    const size_t bytes = (size_t)width * sizeof(float);
    int64_t passes = 1;
    if (model->starts[row] == model->starts[row + 1]) {
        memset(x, 0, bytes);
        return 0;
    }
    for (int64_t i = 0; i < width; i++) inverse[i] = 1.0f / (model->gram[i] + model->ridges[row]);
    memset(product, 0, bytes); /* the right side, to know what is small */
    for (int64_t at = model->starts[row]; at < model->starts[row + 1]; at++) {
        const float *y = model->factors + model->columns[at] * width;
        const float weight = model->unobserved + model->weights[at];
        for (int64_t i = 0; i < width; i += IALS_LANES)
            ials_store(product + i, ials_load(product + i) + weight * ials_load(y + i));
    }
    /* Float32 can do no better than its rounding. */
    const float tolerance = model->tolerance > 1e-7f ? model->tolerance : 1e-7f;
    const float enough = tolerance * tolerance * ials_square(product, inverse, width);
    for (int64_t i = 0; i < width; i++) residual[i] = -x[i] / inverse[i];
    ials_pass(model, row, x, 1, residual);
    for (int64_t i = 0; i < width; i++) direction[i] = residual[i] * inverse[i];
    float size = ials_dot(residual, direction, width);
    for (int step = 0; step < model->steps_max && size > enough; step++) {
        memset(product, 0, bytes);
        ials_pass(model, row, direction, 0, product);
        passes++;
        for (int64_t i = 0; i < width; i++) product[i] = direction[i] / inverse[i] - product[i];
        const float curve = ials_dot(direction, product, width);
        if (!(curve > 0.0f)) break; /* solved to the last bit, and rounding has the word */
        const float length = size / curve;
        for (int64_t i = 0; i < width; i++) {
            x[i] += length * direction[i];
            residual[i] -= length * product[i];
        }
        const float next = ials_square(residual, inverse, width), turn = next / size;
        for (int64_t i = 0; i < width; i++)
            direction[i] = residual[i] * inverse[i] + turn * direction[i];
        size = next;
    }
    return passes;
}

IALS_INLINE int64_t ials_solve_body(const ials_model *model, int64_t first, int64_t stop,
                                    float *vectors, float *scratch) {
    int64_t passes = 0;
    for (int64_t row = first; row < stop; row++)
        passes += ials_solve_row_body(model, row, vectors + row * model->width, scratch);
    return passes;
}

#endif
