/* Encoding of items and queries, and the proof of what the codes leave out.
 *
 * Let R be the rotation, E = R R^T - 1 its defect, y = x R and r = q R. Then
 *
 *     q.x = r.y - q E x,   |q E x| <= |E| |q| |x|.
 *
 * Items: y = s c + y', queries: r = t d + r' with residuals y', r' of measured norm.
 *
 *     r.y = t s (d.c) + r.y' + r'.(s c),   |s c| <= |y| + |y'|
 *     |q.x - t s (d.c)| <= (|r| + |r'|) |y'| + (|r'| + |E| |q|) N
 *
 * with N at least |x| and |y|. The same holds for the head alone, for which |r| is
 * that of the head and to which the tail adds |tail of r| |tail of y|, and for codes
 * of which the low four bits are taken for 7.5, with the residual that this leaves.
 * Where that is done in the tail alone (STAGE_MIXED), r.y' splits into head and tail:
 *
 *     |r.y'| <= |head of r| |head of y'| + |tail of r| |tail of y'|
 *
 * and the tail of y' is no longer than the y' of half the bits of all. d.c is an
 * integer below 2^31.
 *
 * Evaluating t s (d.c) + error (+ tails and priors) in float32 costs fewer than 16
 * roundings of values below (|r| + |r'|) (N + |y'|), for which 32 u are added to both
 * factors, and some that involve the priors, see scan.c. Tiles take the error off the floor
 * instead of adding it to each bound: as many roundings, of which that of the floor counts
 * only where it is no larger than twice the bound, and the answer is plain beyond. Underflow costs at most
 * 2^-149 * 2^26, which 2^-120 covers.
 */
#include "codes.h"

#include <math.h>
#include <string.h>

#include "arithmetic.h"
#include "rounding.h"

/* Float64 rounding of a norm of at most 1024 factors stays far below this. */
static const double NORM_SLACK = 1.0 + 0x1p-30;
static const double BOUND_SLACK = 0x1p-19;
static const double MIDDLE = 7.5; /* what an unread low half is taken for */
enum { CODE_MAX = 127, CODE_ZERO = 128 };

static double largest(const double *vector, int64_t count) {
    double found = 0.0;
    for (int64_t i = 0; i < count; i++) found = fmax(found, fabs(vector[i]));
    return found;
}

/* One over a step; steps are float32, so it is finite. */
static double inverse_of(double step) { return step == 0.0 ? 0.0 : 1.0 / step; }

/* To about the nearest code. The step may be coarse (denormal), so the range is
 * enforced; whatever this loses is in the residual. */
static int code_of(double value, double inverse, int code_max) {
    const double scaled = fmin(fmax(value * inverse, -code_max), code_max);
    return (int)(scaled + (scaled < 0.0 ? -0.5 : 0.5));
}

typedef struct {
    double squares[2]; /* of the head, of the tail */
    double losses[STAGE_COUNT];
    double digest_loss, digest_tail;
} measured;

/* One item into its place of a group. */
static measured encode_item(const double *row, int64_t factor_count, double step, int place,
                            const codes_target *group, uint8_t *digest) {
    measured found = {{0.0}, {0.0}, 0.0, 0.0};
    const int64_t digest_count = digest == NULL ? 0 : digest_codes(group->digest_bytes);
    const double inverse = inverse_of(step);
    for (int64_t j = 0; j < factor_count; j++) {
        const int code = code_of(row[j], inverse, CODE_MAX) + CODE_ZERO;
        const int64_t pair = j / CODES_PAIR;
        const int in_tail = pair >= CODES_HEAD_PAIRS, shift = j % CODES_PAIR >= 4 ? 4 : 0;
        const int64_t at = (in_tail ? pair - CODES_HEAD_PAIRS : pair) * CODES_PAIR_BYTES +
                           place * 4 + j % 4;
        uint8_t *high = in_tail ? group->tail_high : group->head_high;
        uint8_t *low = in_tail ? group->tail_low : group->head_low;
        high[at] |= (uint8_t)(code >> 4 << shift);
        if (j < digest_count) digest[j] = (uint8_t)code;
        low[at] |= (uint8_t)((code & 15) << shift);
        const double loss8 = row[j] - step * (code - CODE_ZERO);
        const double loss4 = row[j] - step * ((code & ~15) + MIDDLE - CODE_ZERO);
        found.squares[in_tail] += row[j] * row[j];
        found.losses[STAGE_ALL8] += loss8 * loss8;
        found.losses[STAGE_ALL4] += loss4 * loss4;
        if (j < digest_count)
            found.digest_loss += loss8 * loss8;
        else
            found.digest_tail += row[j] * row[j];
        if (in_tail) continue;
        found.losses[STAGE_HEAD8] += loss8 * loss8;
        found.losses[STAGE_HEAD4] += loss4 * loss4;
    }
    return found;
}

static void end_digest(uint8_t *digest, int64_t bytes, uint16_t step, const measured *found,
                       double norm) {
    uint16_t halves[DIGEST_HALVES];
    halves[DIGEST_STEP] = step;
    halves[DIGEST_TAIL] = bf16_up(sqrt(found->digest_tail) * NORM_SLACK);
    halves[DIGEST_RESIDUAL] = bf16_up(sqrt(found->digest_loss) * NORM_SLACK);
    halves[DIGEST_NORM] = bf16_up(norm);
    memcpy(digest + digest_codes(bytes), halves, sizeof halves);
}

static void encode_group(const double *rotated, int64_t count, int64_t factor_count,
                         const float *row_norms, const codes_target *group) {
    const size_t head = (size_t)codes_head_pairs(factor_count) * CODES_PAIR_BYTES;
    const size_t tail = (size_t)codes_tail_pairs(factor_count) * CODES_PAIR_BYTES;
    memset(group->head_high, 0, head);
    memset(group->head_low, 0, head);
    memset(group->tail_high, 0, tail);
    memset(group->tail_low, 0, tail);
    memset(group->steps, 0, CODES_GROUP * sizeof *group->steps);
    memset(group->tails, 0, CODES_GROUP * sizeof *group->tails);
    memset(group->rests, 0, CODES_GROUP * sizeof *group->rests);
    memset(group->residuals, 0, STAGE_COUNT * sizeof *group->residuals);
    double norm = 0.0;
    for (int place = 0; place < count; place++) {
        const double *row = rotated + place * factor_count;
        const uint16_t step = bf16_up(largest(row, factor_count) / CODE_MAX);
        uint8_t *digest = group->digests;
        if (digest != NULL) {
            digest += place * group->digest_bytes;
            memset(digest, 0, (size_t)group->digest_bytes);
        }
        const measured found =
            encode_item(row, factor_count, bf16_value(step), place, group, digest);
        group->steps[place] = step;
        group->tails[place] = bf16_up(sqrt(found.squares[1]) * NORM_SLACK);
        group->rests[place] = bf16_up(sqrt(found.losses[STAGE_ALL4]) * NORM_SLACK);
        const double own_norm =
            fmax(sqrt(found.squares[0] + found.squares[1]) * NORM_SLACK, row_norms[place]);
        norm = fmax(norm, own_norm);
        for (int stage = 0; stage < STAGE_COUNT; stage++)
            group->residuals[stage] = fmaxf(group->residuals[stage],
                                            round_up(sqrt(found.losses[stage]) * NORM_SLACK));
        if (digest != NULL) end_digest(digest, group->digest_bytes, step, &found, own_norm);
    }
    *group->norms = round_up(norm);
}

void codes_encode(const double *rotated, int64_t count, int64_t factor_count,
                  const float *row_norms, const codes_target *target) {
    const int64_t head = codes_head_pairs(factor_count) * CODES_PAIR_BYTES;
    const int64_t tail = codes_tail_pairs(factor_count) * CODES_PAIR_BYTES;
    const fenv_t caller = arithmetic_default();
    for (int64_t first = 0; first < count; first += CODES_GROUP) {
        const int64_t group = first / CODES_GROUP, left = count - first;
        const codes_target part = {
            .head_high = target->head_high + group * head,
            .head_low = target->head_low + group * head,
            .tail_high = target->tail_high + group * tail,
            .tail_low = target->tail_low + group * tail,
            .steps = target->steps + first,
            .tails = target->tails + first,
            .rests = target->rests + first,
            .norms = target->norms + group,
            .residuals = target->residuals + group * STAGE_COUNT,
            .digests =
                target->digests == NULL ? NULL : target->digests + first * target->digest_bytes,
            .digest_bytes = target->digest_bytes,
        };
        encode_group(rotated + first * factor_count, left < CODES_GROUP ? left : CODES_GROUP,
                     factor_count, row_norms + first, &part);
    }
    arithmetic_restore(caller);
}

void codes_encode_query(const scan_codes *codes, const double *rotated, double norm,
                        int code_max, coded_query *out) {
    const int64_t width = codes->factor_count;
    const int64_t head_width = codes->tail_pairs == 0 ? width : CODES_HEAD_PAIRS * CODES_PAIR;
    const double step = (float)(largest(rotated, width) / code_max);
    const double inverse = inverse_of(step);
    double squares = 0.0, head_squares = 0.0, losses = 0.0;
    int32_t sum = 0, head_sum = 0;
    memset(out->codes, 0,
           (size_t)(codes->head_pairs + codes->tail_pairs) * CODES_PAIR);
    for (int64_t j = 0; j < width; j++) {
        const int code = code_of(rotated[j], inverse, code_max);
        const double loss = rotated[j] - step * code;
        out->codes[j] = (int8_t)code;
        sum += code;
        squares += rotated[j] * rotated[j];
        losses += loss * loss;
        if (j + 1 != head_width) continue;
        head_sum = sum;
        head_squares = squares;
    }
    const double residual = sqrt(losses) * NORM_SLACK;
    const double size = sqrt(squares) * NORM_SLACK + residual;
    const double head_size = sqrt(head_squares) * NORM_SLACK + residual;
    /* The difference of two sums errs by less than 2^-40 of the larger one. */
    const double tail_size = sqrt(squares - head_squares + squares * 0x1p-40) * NORM_SLACK;
    const float per_norm = round_up(residual + codes->defect * norm + BOUND_SLACK * size);
    const float per_head = round_up(head_size * (1.0 + BOUND_SLACK));
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        const int is_head = stage == STAGE_HEAD4 || stage == STAGE_HEAD8;
        const int is_half = stage == STAGE_HEAD4 || stage == STAGE_ALL4;
        const int32_t part = is_head ? head_sum : sum;
        out->stages[stage] = (stage_bound){
            .offset = part * (is_half ? 241 : CODE_ZERO),
            .offset_signed = is_half ? part * 241 : 0,
            .step = (float)(is_half ? 0.5 * step : step),
            .per_residual = is_head ? per_head : round_up(size * (1.0 + BOUND_SLACK)),
            .per_norm = per_norm,
            .per_tail = is_head ? round_up(tail_size * (1.0 + BOUND_SLACK)) : 0.0f,
        };
    }
    const int32_t tail_offset = (sum - head_sum) * 241;
    out->stages[STAGE_MIXED] = (stage_bound){
        .offset = head_sum * 2 * CODE_ZERO + tail_offset,
        .offset_signed = tail_offset,
        .step = (float)(0.5 * step),
        .per_residual = per_head,
        .per_norm = per_norm,
        .per_tail = round_up((tail_size + residual) * (1.0 + BOUND_SLACK)),
    };
}

void codes_digest_query(const scan_codes *codes, const double *rotated, double norm,
                        int code_max, int64_t digest_bytes, digest_query *out) {
    const int64_t width = codes->factor_count, room = digest_codes(digest_bytes);
    const int64_t count = width < room ? width : room;
    const double step = (float)(largest(rotated, count) / code_max);
    const double inverse = inverse_of(step);
    double squares = 0.0, tail_squares = 0.0, losses = 0.0;
    memset(out->codes, 0, sizeof out->codes);
    out->bytes = digest_bytes;
    out->offset = 0;
    for (int64_t j = 0; j < count; j++) {
        const int code = code_of(rotated[j], inverse, code_max);
        const double loss = rotated[j] - step * code;
        out->codes[j] = (int8_t)code;
        out->offset += CODE_ZERO * code;
        squares += rotated[j] * rotated[j];
        losses += loss * loss;
    }
    for (int64_t j = count; j < width; j++) tail_squares += rotated[j] * rotated[j];
    const double residual = sqrt(losses) * NORM_SLACK;
    const double size = sqrt(squares) * NORM_SLACK + residual;
    const double slack = BOUND_SLACK * (size + sqrt(tail_squares));
    out->step = (float)step;
    out->per_residual = round_up(size * (1.0 + BOUND_SLACK));
    out->per_norm = round_up(codes->defect * norm + residual + slack);
    out->per_tail = round_up(sqrt(tail_squares) * NORM_SLACK * (1.0 + BOUND_SLACK));
}
