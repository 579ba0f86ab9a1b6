/* The loops over codes, written once over 16 lanes of each instruction set.
 *
 * A file defines `LANES_TARGET` (the function attribute), the types `lanes_i` and
 * `lanes_f` (16 integers, 16 float32) and the lanes_* operations used below, says in
 * `LANES_SIGNED` whether joined codes have lost their 128 and in `LANES_TILE_*` how
 * many sums its registers hold, and then includes this. With `LANES_SUMS` defined
 * it has a `codes_digest_sums` of its own. All sums are integers and exact, so variants agree on them;
 * the float32 part is covered by the bounds in codes.c however it is evaluated.
 */
#ifndef RECSYS_CODES_BODY_H
#define RECSYS_CODES_BODY_H

#include <stddef.h>
#include <string.h>

#include "codes.h"
#include "simd.h"

#define CODES_INLINE LANES_TARGET static inline __attribute__((always_inline))

/* Sums stay in registers only where their loop is unrolled. */
#if defined(__clang__)
#define CODES_UNROLL _Pragma("clang loop unroll(full)")
#else
#define CODES_UNROLL _Pragma("GCC unroll 8")
#endif

/* Keeps the compiler from loading for the next step before this one is done. */
#if defined(__GNUC__)
#define LANES_FENCE __asm__ volatile("" ::: "memory");
#else
#define LANES_FENCE
#endif

static const float CODES_UNDERFLOW = 0x1p-120f;

/* Add the products of `pairs` pairs: with the low bits, or the high ones alone. */
CODES_INLINE void codes_add(lanes_i *sum, const uint8_t *high, const uint8_t *low,
                            int64_t pairs, const int8_t *codes, int with_low) {
    lanes_i even = *sum, odd = lanes_zero();
    for (int64_t p = 0; p < pairs; p++) {
        const lanes_i h = lanes_load(high + p * CODES_PAIR_BYTES);
        lanes_i first, second;
        if (with_low) {
            const lanes_i l = lanes_load(low + p * CODES_PAIR_BYTES);
            first = lanes_join_first(h, l);
            second = lanes_join_second(h, l);
        } else {
            first = lanes_low_bits(h);
            second = lanes_high_bits(h);
        }
        even = lanes_dot(even, first, codes + p * CODES_PAIR);
        odd = lanes_dot(odd, second, codes + p * CODES_PAIR + 4);
    }
    *sum = lanes_add(even, odd);
}

CODES_INLINE lanes_i codes_sum(const scan_codes *c, const int8_t *query, int64_t group,
                               int stage) {
    const int with_low = stage == STAGE_HEAD8 || stage == STAGE_ALL8 || stage == STAGE_MIXED;
    const int with_tail = stage == STAGE_ALL4 || stage == STAGE_ALL8 || stage == STAGE_MIXED;
    const int64_t head = group * c->head_pairs * CODES_PAIR_BYTES;
    const int64_t tail = group * c->tail_pairs * CODES_PAIR_BYTES;
    const int8_t *tail_query = query + CODES_HEAD_PAIRS * CODES_PAIR;
    lanes_i sum = lanes_zero();
    if (c->head_pairs == CODES_HEAD_PAIRS) /* a constant lets the loop unroll */
        codes_add(&sum, c->head_high + head, c->head_low + head, CODES_HEAD_PAIRS, query,
                  with_low);
    else
        codes_add(&sum, c->head_high + head, c->head_low + head, c->head_pairs, query, with_low);
    if (stage == STAGE_MIXED) { /* whole codes count 2, high bits 32 */
        lanes_i half = lanes_zero();
        codes_add(&half, c->tail_high + tail, c->tail_low + tail, c->tail_pairs, tail_query, 0);
        return lanes_add(lanes_shifted(sum, 1), lanes_shifted(half, CODES_HALF_SHIFT));
    }
    if (with_tail)
        codes_add(&sum, c->tail_high + tail, c->tail_low + tail, c->tail_pairs, tail_query,
                  with_low);
    return sum;
}

/* What is common to a group; half the bits of all have a residual for each item. */
CODES_INLINE float codes_error(const scan_codes *c, const stage_bound *b, int64_t group,
                               int stage) {
    const int measured = stage == STAGE_MIXED ? STAGE_HEAD8 : stage;
    if (stage == STAGE_ALL4) return c->norms[group] * b->per_norm + CODES_UNDERFLOW;
    return c->residuals[group * STAGE_COUNT + measured] * b->per_residual +
           c->norms[group] * b->per_norm + CODES_UNDERFLOW;
}

static inline int32_t codes_offset(const stage_bound *b) {
    return LANES_SIGNED ? b->offset_signed : b->offset;
}

CODES_INLINE lanes_f codes_estimate(const scan_codes *c, const stage_bound *b, lanes_i sum,
                                    int64_t group, int stage) {
    const int is_half = stage == STAGE_HEAD4 || stage == STAGE_ALL4;
    const lanes_f scale =
        lanes_mul(lanes_bf16(c->steps + group * CODES_GROUP), lanes_set(b->step));
    if (is_half) sum = lanes_shifted(sum, CODES_HALF_SHIFT);
    return lanes_mul(lanes_float(lanes_add(sum, lanes_spread(-codes_offset(b)))), scale);
}

CODES_INLINE lanes_f codes_with_priors(lanes_f bound, const code_priors *priors,
                                       int64_t first) {
    if (priors->shared != NULL) bound = lanes_fadd(bound, lanes_fload(priors->shared + first));
    if (priors->own != NULL) bound = lanes_fadd(bound, lanes_fload(priors->own + first));
    return bound;
}

/* Which of a group's items can still reach the floor. */
CODES_INLINE uint32_t codes_kept(const scan_codes *c, const stage_bound *b, lanes_i sum,
                                 const code_priors *priors, float floor, int64_t group,
                                 int stage) {
    const int64_t first = group * CODES_GROUP;
    lanes_f bound = lanes_fadd(codes_estimate(c, b, sum, group, stage),
                               lanes_set(codes_error(c, b, group, stage)));
    if (stage == STAGE_HEAD4 || stage == STAGE_HEAD8)
        bound = lanes_fadd(bound, lanes_mul(lanes_bf16(c->tails + first),
                                            lanes_set(b->per_tail)));
    if (stage == STAGE_ALL4)
        bound = lanes_fadd(bound, lanes_mul(lanes_bf16(c->rests + first),
                                            lanes_set(b->per_residual)));
    if (stage == STAGE_MIXED)
        bound = lanes_fadd(bound, lanes_mul(lanes_bf16(c->rests + first),
                                            lanes_set(b->per_tail)));
    return lanes_not_below(codes_with_priors(bound, priors, first), lanes_set(floor));
}

/* Ask for what is read `ahead` groups later; reading past the end is no fault. */
CODES_INLINE void codes_fetch(const uint8_t *plane, int64_t group_bytes, int64_t group,
                              int64_t ahead) {
    const char *next = (const char *)plane + (group + ahead) * group_bytes;
    for (int64_t b = 0; b < group_bytes; b += 64) __builtin_prefetch(next + b);
}

/* Of long norms all is read again and again, and lies in a cache near by: where planes
 * begin, asking for more ahead costs more than it brings. */
enum { NEAR_BYTES = 768 * 1024, AHEAD_BYTES = 12288 };

static inline int64_t codes_stage_bytes(const scan_codes *c, int stage) {
    const int64_t head = c->head_pairs * CODES_PAIR_BYTES;
    const int64_t tail = c->tail_pairs * CODES_PAIR_BYTES;
    const int with_low = stage == STAGE_HEAD8 || stage == STAGE_ALL8;
    const int with_tail = stage == STAGE_ALL4 || stage == STAGE_ALL8;
    return (head + (with_tail ? tail : 0)) * (with_low ? 2 : 1);
}

CODES_INLINE int64_t codes_bound_stage(const scan_codes *c, const coded_query *query,
                                       const code_priors *priors, float floor, int64_t start,
                                       int64_t stop, code_hit *hits, int stage, int is_far) {
    const stage_bound bound = query->stages[stage];
    const int64_t head = c->head_pairs * CODES_PAIR_BYTES;
    const int64_t tail = c->tail_pairs * CODES_PAIR_BYTES;
    const int with_low = stage == STAGE_HEAD8 || stage == STAGE_ALL8;
    const int with_tail = (stage == STAGE_ALL4 || stage == STAGE_ALL8) && tail > 0;
    const int64_t ahead = AHEAD_BYTES / codes_stage_bytes(c, stage) + 2;
    int64_t hit_count = 0;
    for (int64_t group = start; group < stop; group++) {
        if (is_far) codes_fetch(c->head_high, head, group, ahead);
        if (is_far && with_low) codes_fetch(c->head_low, head, group, ahead);
        if (is_far && with_tail) codes_fetch(c->tail_high, tail, group, ahead);
        if (is_far && with_tail && with_low) codes_fetch(c->tail_low, tail, group, ahead);
        const uint32_t kept = codes_kept(c, &bound, codes_sum(c, query->codes, group, stage),
                                         priors, floor, group, stage);
        hits[hit_count].group = (int32_t)group;
        hits[hit_count].items = kept;
        hit_count += kept != 0;
    }
    return hit_count;
}

#define CODES_BOUND(stage)                                                                   \
    is_far ? codes_bound_stage(c, query, priors, floor, start, stop, hits, stage, 1)         \
           : codes_bound_stage(c, query, priors, floor, start, stop, hits, stage, 0)

LANES_TARGET static int64_t codes_bound(const scan_codes *c, const coded_query *query,
                                        int stage, const code_priors *priors, float floor,
                                        int64_t start, int64_t stop, code_hit *hits) {
    const int is_far = start * codes_stage_bytes(c, stage) > NEAR_BYTES;
    switch (stage) {
        case STAGE_HEAD4: return CODES_BOUND(STAGE_HEAD4);
        case STAGE_HEAD8: return CODES_BOUND(STAGE_HEAD8);
        case STAGE_ALL4: return CODES_BOUND(STAGE_ALL4);
        default: return CODES_BOUND(STAGE_ALL8);
    }
}

LANES_TARGET static uint32_t codes_keep(const scan_codes *c, const coded_query *query,
                                        int stage, const code_priors *priors, float floor,
                                        int64_t group) {
    if (stage == STAGE_HEAD8)
        return codes_kept(c, &query->stages[STAGE_HEAD8],
                          codes_sum(c, query->codes, group, STAGE_HEAD8), priors, floor, group,
                          STAGE_HEAD8);
    return codes_kept(c, &query->stages[STAGE_MIXED],
                      codes_sum(c, query->codes, group, STAGE_MIXED), priors, floor, group,
                      STAGE_MIXED);
}

/* All that the codes of one group say: 16 dot products, each within the error returned. */
LANES_TARGET static float codes_full(const scan_codes *c, const coded_query *query,
                                     int64_t group, float *out) {
    const stage_bound *bound = &query->stages[STAGE_ALL8];
    const lanes_i sum = codes_sum(c, query->codes, group, STAGE_ALL8);
    lanes_fstore(out, codes_estimate(c, bound, sum, group, STAGE_ALL8));
    return codes_error(c, bound, group, STAGE_ALL8);
}

/* ----------------------------------------------------------------- digests */

#ifndef LANES_SUMS
/* The products of the codes of 16 digests. */
CODES_INLINE lanes_i codes_digest_sums(const uint8_t *const digests[CODES_GROUP],
                                       const digest_query *query) {
    int32_t sums[CODES_GROUP];
    const int64_t count = digest_codes(query->bytes);
    for (int i = 0; i < CODES_GROUP; i++) {
        sums[i] = 0;
        for (int64_t j = 0; j < count; j++) sums[i] += digests[i][j] * query->codes[j];
    }
    return lanes_load((const uint8_t *)sums);
}
#endif

LANES_TARGET static void codes_glance(const uint8_t *digests, const int32_t *rows,
                                      const digest_query *query, float *out) {
    uint16_t halves[DIGEST_HALVES][CODES_GROUP];
    const uint8_t *each[CODES_GROUP];
    for (int i = 0; i < CODES_GROUP; i++) {
        uint16_t own[DIGEST_HALVES];
        each[i] = digests + rows[i] * query->bytes;
        memcpy(own, each[i] + digest_codes(query->bytes), sizeof own);
        for (int h = 0; h < DIGEST_HALVES; h++) halves[h][i] = own[h];
    }
    const lanes_f scale =
        lanes_mul(lanes_bf16(halves[DIGEST_STEP]), lanes_set(query->step));
    lanes_f bound =
        lanes_mul(lanes_float(lanes_add(codes_digest_sums(each, query),
                                        lanes_spread(-query->offset))), scale);
    bound = lanes_fadd(bound, lanes_mul(lanes_bf16(halves[DIGEST_RESIDUAL]),
                                        lanes_set(query->per_residual)));
    bound = lanes_fadd(bound, lanes_mul(lanes_bf16(halves[DIGEST_NORM]),
                                        lanes_set(query->per_norm)));
    bound = lanes_fadd(bound, lanes_mul(lanes_bf16(halves[DIGEST_TAIL]),
                                        lanes_set(query->per_tail)));
    lanes_fstore(out, lanes_fadd(bound, lanes_set(CODES_UNDERFLOW)));
}

/* ------------------------------------------------------------------- tiles */

CODES_INLINE void codes_store(uint8_t *bytes, lanes_i codes) {
    memcpy(bytes, &codes, CODES_PAIR_BYTES);
}

CODES_INLINE void codes_join_plane(const uint8_t *high, const uint8_t *low, int64_t pairs,
                                   uint8_t *whole) {
    for (int g = 0; g < CODES_TILE_GROUPS; g++) {
        for (int64_t p = 0; p < pairs; p++) {
            const int64_t at = (g * pairs + p) * CODES_PAIR_BYTES;
            const lanes_i h = lanes_load(high + at), l = lanes_load(low + at);
            uint8_t *quads = whole + p * CODES_TILE_PAIR_BYTES + g * CODES_PAIR_BYTES;
            codes_store(quads, lanes_join_first(h, l));
            codes_store(quads + CODES_TILE_PAIR_BYTES / 2, lanes_join_second(h, l));
        }
    }
}

/* Whole codes of a tile: [pair][quad][group][16 items][4 bytes]. */
LANES_TARGET static void codes_join(const scan_codes *c, int with_tail, int64_t start,
                                    uint8_t *whole) {
    const int64_t head = start * c->head_pairs * CODES_PAIR_BYTES;
    const int64_t tail = start * c->tail_pairs * CODES_PAIR_BYTES;
    codes_join_plane(c->head_high + head, c->head_low + head, c->head_pairs, whole);
    if (with_tail)
        codes_join_plane(c->tail_high + tail, c->tail_low + tail, c->tail_pairs,
                         whole + c->head_pairs * CODES_TILE_PAIR_BYTES);
}

/* A block of LANES_TILE_GROUPS groups and LANES_TILE_QUERIES queries, whose sums stay
 * in registers; both divide the tile. */
typedef struct {
    lanes_i sum[LANES_TILE_QUERIES][LANES_TILE_GROUPS];
} codes_block;

CODES_INLINE void codes_block_add(codes_block *b, const uint8_t *whole, int64_t quads,
                                  const code_tile *queries) {
    const int8_t *codes[LANES_TILE_QUERIES];
    CODES_UNROLL
    for (int q = 0; q < LANES_TILE_QUERIES; q++) codes[q] = queries[q].codes;
    for (int64_t i = 0; i < quads; i++) {
        lanes_i bytes[LANES_TILE_GROUPS];
        CODES_UNROLL
        for (int g = 0; g < LANES_TILE_GROUPS; g++)
            bytes[g] = lanes_load(whole + i * (CODES_TILE_PAIR_BYTES / 2) + g * CODES_PAIR_BYTES);
        CODES_UNROLL
        for (int q = 0; q < LANES_TILE_QUERIES; q++) {
            CODES_UNROLL
            for (int g = 0; g < LANES_TILE_GROUPS; g++)
                b->sum[q][g] = lanes_dot(b->sum[q][g], bytes[g], codes[q] + 4 * i);
        }
        LANES_FENCE
    }
}

/* What is read of the groups of a block once for all of its queries. */
typedef struct {
    lanes_f steps[LANES_TILE_GROUPS], tails[LANES_TILE_GROUPS];
} codes_block_scales;

/* Where in a tile a block is. */
typedef struct {
    int64_t group;
    int first_query, first_group;
} codes_block_place;

/* Write down which items of one group one query keeps: those whose bound is not below its
 * floor, or what comes to the same, below the floor less the error that they share. */
CODES_INLINE void codes_block_keep(const scan_codes *c, const codes_block *b,
                                   const codes_block_scales *scales, const code_tile *one,
                                   codes_block_place at, int q, int g, float limit, int stage,
                                   int with_priors, code_tile_found *found) {
    const lanes_f scale = lanes_mul(scales->steps[g], lanes_set(one->bound.step));
    const lanes_f dots = lanes_mul(lanes_float(b->sum[q][g]), scale);
    lanes_f bound = dots;
    if (stage == STAGE_HEAD8)
        bound = lanes_fadd(bound, lanes_mul(scales->tails[g], lanes_set(one->bound.per_tail)));
    if (with_priors)
        bound = codes_with_priors(bound, &one->priors, (at.group + g) * CODES_GROUP);
    const uint32_t kept = lanes_not_below(bound, lanes_set(limit));
    if (kept == 0) return;
    const int query = at.first_query + q, group = at.first_group + g;
    found->hits |= 1u << (query * CODES_TILE_GROUPS + group);
    found->kept[query][group] = (uint16_t)kept;
    if (stage != STAGE_ALL8) return;
    found->errors[query][group] = codes_error(c, &one->bound, at.group + g, stage);
    lanes_fstore(found->dots[query][group], dots);
}

CODES_INLINE void codes_block_stage(const scan_codes *c, const uint8_t *whole,
                                    const code_tile *queries, codes_block_place at, int stage,
                                    int with_priors, code_tile_found *found) {
    codes_block b;
    codes_block_scales scales;
    float limits[LANES_TILE_QUERIES][LANES_TILE_GROUPS];
    CODES_UNROLL
    for (int q = 0; q < LANES_TILE_QUERIES; q++) {
        CODES_UNROLL
        for (int g = 0; g < LANES_TILE_GROUPS; g++) {
            b.sum[q][g] = lanes_spread(-codes_offset(&queries[q].bound));
            limits[q][g] =
                queries[q].floor - codes_error(c, &queries[q].bound, at.group + g, stage);
        }
    }
    const int64_t pairs = c->head_pairs + (stage == STAGE_ALL8 ? c->tail_pairs : 0);
    codes_block_add(&b, whole, 2 * pairs, queries);
    CODES_UNROLL
    for (int g = 0; g < LANES_TILE_GROUPS; g++) {
        const int64_t first = (at.group + g) * CODES_GROUP;
        scales.steps[g] = lanes_bf16(c->steps + first);
        if (stage == STAGE_HEAD8) scales.tails[g] = lanes_bf16(c->tails + first);
        CODES_UNROLL
        for (int q = 0; q < LANES_TILE_QUERIES; q++)
            codes_block_keep(c, &b, &scales, &queries[q], at, q, g, limits[q][g], stage,
                             with_priors, found);
    }
}

#define CODES_BLOCK(stage, with_priors) \
    codes_block_stage(c, groups, queries + q, (codes_block_place){start + g, q, g}, stage,  \
                      with_priors, found)

/* Only stages of whole codes come here, see pass_batch.c. */
LANES_TARGET static void codes_tile(const scan_codes *c, const uint8_t *whole,
                                    const code_tile queries[CODES_TILE_QUERIES], int stage,
                                    int64_t start, code_tile_found *found) {
    int with_priors = 0;
    for (int q = 0; q < CODES_TILE_QUERIES; q++)
        with_priors |= queries[q].priors.shared != NULL || queries[q].priors.own != NULL;
    found->hits = 0;
    for (int q = 0; q < CODES_TILE_QUERIES; q += LANES_TILE_QUERIES)
        for (int g = 0; g < CODES_TILE_GROUPS; g += LANES_TILE_GROUPS) {
            const uint8_t *groups = whole + g * CODES_PAIR_BYTES;
            if (with_priors && stage == STAGE_HEAD8) CODES_BLOCK(STAGE_HEAD8, 1);
            else if (with_priors) CODES_BLOCK(STAGE_ALL8, 1);
            else if (stage == STAGE_HEAD8) CODES_BLOCK(STAGE_HEAD8, 0);
            else CODES_BLOCK(STAGE_ALL8, 0);
        }
}

#define CODES_OPS                                                              \
    .bound = codes_bound, .keep = codes_keep, .glance = codes_glance,          \
    .join = codes_join, .tile = codes_tile, .full = codes_full

#endif
