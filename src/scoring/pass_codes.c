/* The pass over the 8-bit codes, largest norms first.
 *
 * With q = t d + q' and x = s c + x' (codes d and c, residuals q' and x'),
 *
 *     q.x = t s (d.c) + q.x' + q'.(s c),   |s c| <= |x| + |x'|
 *     q.x <= t s (d.c) + (|q| + |q'|) |x'| + |q'| |x|
 *
 * by Cauchy-Schwarz. d.c is an integer below 127^2 * 1024 < 2^24, so float32 holds
 * it exactly. Norm and residual norm are the group's largest, rounded up.
 * Evaluating t s (d.c) + error + prior in float32 costs fewer than 10 roundings of
 * values below (|q| + |q'|) (|x| + |x'|) and two that involve the prior; 16 u of the
 * former are added to the error, 4 u P are in the floor (see scan.c). Underflow costs
 * at most 2^-150 * 2^24, which 2^-120 covers.
 */
#include "search.h"

void search_codes(search *s) {
    const scan_codes *codes = s->items->codes;
    const int64_t group_bytes = codes->quad_count * CODES_GROUP * CODES_QUAD;
    coded_query query;
    codes_encode_query(s->query->vector, s->items->factor_count, s->ops->code_max,
                       s->ops->code_offset, &query);
    /* Error of a group = per_residual * residual + per_norm * norm + underflow. */
    const double size = s->norm * (1.0 + 0x1p-30) + query.residual;
    const float per_residual = round_up(size * (1.0 + 0x1p-20));
    const float per_norm = round_up(query.residual + 0x1p-20 * size);
    const float underflow = 0x1p-120f;
    for (int64_t group = 0; group < codes->group_count; group++) {
        /* Norms fall, so nothing further on is in reach either. */
        if (codes->norms[group] * s->query_norm + s->items->prior_max < s->floor) return;
        const int64_t first = group * CODES_GROUP;
        const simd_group part = {
            .codes = codes->codes + group * group_bytes,
            .steps = codes->steps + first,
            .sums = codes->sums + first,
            .prior = codes->prior == NULL ? NULL : codes->prior + first,
            .error = codes->residuals[group] * per_residual + codes->norms[group] * per_norm +
                     underflow,
        };
        uint32_t kept = s->ops->coded(&part, codes->quad_count, query.codes, query.step, s->floor);
        for (; kept != 0; kept &= kept - 1) {
            const int32_t row = codes->order[first + __builtin_ctz(kept)];
            if (row < 0 || is_taken(s->scratch, row) || !is_allowed(s->query, row)) continue;
            search_offer(s, row, 0.0);
        }
    }
}
