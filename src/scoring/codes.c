#include "codes.h"

#include <math.h>
#include <string.h>

#include "arithmetic.h"
#include "search.h"

/* Float64 rounding of a norm of at most 1024 factors stays far below this. */
static const double NORM_SLACK = 1.0 + 0x1p-30;

static float largest(const float *vector, int64_t count) {
    float found = 0.0f;
    for (int64_t i = 0; i < count; i++) found = fmaxf(found, fabsf(vector[i]));
    return found;
}

/* To the nearest code. The step may be coarse (denormal), so the range is enforced;
 * whatever this loses is in the residual. */
static int code_of(float value, float step, int code_max) {
    if (step == 0.0f) return 0;
    const double scaled = (double)value / (double)step;
    const int code = (int)(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
    return code > code_max ? code_max : code < -code_max ? -code_max : code;
}

static void encode_group(const float *factors, int64_t factor_count, const int32_t *order,
                         int8_t *codes, float *steps, int32_t *sums, float *norm,
                         float *residual) {
    const int64_t quad_count = (factor_count + CODES_QUAD - 1) / CODES_QUAD;
    double norm_max = 0.0, residual_max = 0.0;
    memset(codes, 0, (size_t)(quad_count * CODES_GROUP * CODES_QUAD));
    for (int item = 0; item < CODES_GROUP; item++) {
        steps[item] = 0.0f;
        sums[item] = 0;
        if (order[item] < 0) continue;
        const float *row = factors + order[item] * factor_count;
        const float step = largest(row, factor_count) / (float)CODE_MAX;
        double squares = 0.0, losses = 0.0;
        for (int64_t j = 0; j < factor_count; j++) {
            const int code = code_of(row[j], step, CODE_MAX);
            const double loss = (double)row[j] - (double)step * code;
            codes[(j / CODES_QUAD * CODES_GROUP + item) * CODES_QUAD + j % CODES_QUAD] =
                (int8_t)code;
            sums[item] += code;
            squares += (double)row[j] * row[j];
            losses += loss * loss;
        }
        steps[item] = step;
        norm_max = fmax(norm_max, sqrt(squares));
        residual_max = fmax(residual_max, sqrt(losses));
    }
    *norm = round_up(norm_max * NORM_SLACK);
    *residual = round_up(residual_max * NORM_SLACK);
}

void codes_encode(const float *factors, int64_t factor_count, int64_t group_count,
                  const int32_t *order, int8_t *codes, float *steps, int32_t *sums,
                  float *norms, float *residuals) {
    const int64_t group_bytes =
        (factor_count + CODES_QUAD - 1) / CODES_QUAD * CODES_QUAD * CODES_GROUP;
    const fenv_t caller = arithmetic_default();
    for (int64_t group = 0; group < group_count; group++) {
        const int64_t first = group * CODES_GROUP;
        encode_group(factors, factor_count, order + first, codes + group * group_bytes,
                     steps + first, sums + first, norms + group, residuals + group);
    }
    /* Scans stop where norms have fallen too low, so rounding may not lift one. */
    for (int64_t group = group_count - 2; group >= 0; group--)
        norms[group] = fmaxf(norms[group], norms[group + 1]);
    arithmetic_restore(caller);
}

void codes_encode_query(const float *vector, int64_t factor_count, int code_max, int offset,
                        coded_query *out) {
    const float step = largest(vector, factor_count) / (float)code_max;
    double losses = 0.0;
    for (int64_t j = 0; j < factor_count; j++) {
        const int code = code_of(vector[j], step, code_max);
        const double loss = (double)vector[j] - (double)step * code;
        out->codes[j] = (uint8_t)(code + offset);
        losses += loss * loss;
    }
    for (int64_t j = factor_count; j % CODES_QUAD != 0; j++) out->codes[j] = (uint8_t)offset;
    out->step = step;
    out->residual = sqrt(losses) * NORM_SLACK;
}
