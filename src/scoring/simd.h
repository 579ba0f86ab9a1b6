/* The few loops that exist once per instruction set, and the choice among them.
 *
 * Everything else of the kernel is plain C over these operations, so an
 * instruction set can change speed but never an answer: `dot_exact`,
 * `solve`, `add_items` and `add_products` are defined to the last bit, the others only up to the error bounds stated in
 * scan.c and codes.c.
 */
#ifndef RECSYS_SIMD_H
#define RECSYS_SIMD_H

#include <stdint.h>

#include "codes.h"

enum { SIMD_BLOCK = 64, SIMD_DOTS = 16, SIMD_EXACT_LANES = 8 };

/* A group of 16 items of which some, by bit, can still matter. */
typedef struct {
    int32_t group;
    uint32_t items;
} code_hit;

/* What is added to the dot products, in the order of the codes; NULL for nothing. */
typedef struct {
    const float *shared;
    const float *own;
} code_priors;

/* One query of a tile. */
typedef struct {
    const int8_t *codes;
    stage_bound bound;
    code_priors priors;
    float floor;
} code_tile;

enum {
    CODES_TILE_GROUPS = 4,
    CODES_TILE_QUERIES = 6,
    CODES_TILE_PAIR_BYTES = 2 * CODES_TILE_GROUPS * CODES_PAIR_BYTES,
    CODES_TILE_BYTES_MAX = CODES_FACTOR_COUNT_MAX / CODES_PAIR * CODES_TILE_PAIR_BYTES,
};

/* What a tile finds: by bit, queries times CODES_TILE_GROUPS plus groups of which items are
 * kept; these items; and for STAGE_ALL8 the dot products of all 16 as their codes give them,
 * with their error. */
typedef struct {
    uint32_t hits;
    uint16_t kept[CODES_TILE_QUERIES][CODES_TILE_GROUPS];
    float errors[CODES_TILE_QUERIES][CODES_TILE_GROUPS];
    float dots[CODES_TILE_QUERIES][CODES_TILE_GROUPS][CODES_GROUP];
} code_tile_found;

/* The loops over codes, see codes.h and codes_body.h. */
typedef struct {
    int code_max; /* of queries */

    /* Bound the items of groups [start, stop) by one stage, and write the groups in
     * which some bound is not below the floor (NaN is not). Returns how many. */
    int64_t (*bound)(const scan_codes *codes, const coded_query *query, int stage,
                     const code_priors *priors, float floor, int64_t start, int64_t stop,
                     code_hit *hits);

    /* The items of one group that STAGE_HEAD8 or STAGE_MIXED lets pass. */
    uint32_t (*keep)(const scan_codes *codes, const coded_query *query, int stage,
                     const code_priors *priors, float floor, int64_t group);

    /* Put the halves of a tile's codes together, for `tile`. */
    void (*join)(const scan_codes *codes, int with_tail, int64_t start, uint8_t *whole);

    /* The same for several queries over the groups from `start` on. */
    void (*tile)(const scan_codes *codes, const uint8_t *whole,
                 const code_tile queries[CODES_TILE_QUERIES], int stage, int64_t start,
                 code_tile_found *found);

    /* Write what the dot products of 16 rows are at most, as far as their digests tell. */
    void (*glance)(const uint8_t *digests, const int32_t *rows, const digest_query *query,
                   float *out);

    /* Write the dot products of 16 items as all codes give them; returns the error. */
    float (*full)(const scan_codes *codes, const coded_query *query, int64_t group, float *out);
} code_ops;

typedef struct {
    const char *name;

    /* Which of 64 items can still matter: bit i is set unless
     * `norms[i] * query_norm + prior[i] < floor` in float32 (NaN sets it).
     * `prior` may be NULL. */
    uint64_t (*reach)(const float *norms, const float *prior, float query_norm, float floor);

    /* Float32 dot products of 16 rows of `factors` with the query, any order of
     * summation, with or without fused multiply-add. */
    void (*dots)(const float *factors, int64_t factor_count, const int32_t *rows,
                 const float *query, float *out);

    /* The float64 dot product of the ranking contract: 8 lanes, then a fixed tree. */
    double (*dot_exact)(const float *left, const float *right, int64_t count);

    /* out = vector matrix, in float64; for queries, whose rotation may err by 2^-40. */
    void (*rotate)(const float *vector, const float *matrix, int64_t width, double *out);

    /* Take from `live`, a bit for each of 64 `blocks` items, those of other ranks than
     * `first` to `last`. */
    void (*rank)(const uint8_t *ranks, int64_t blocks, uint8_t first, uint8_t last,
                 uint64_t *live);

    /* Bits set in `count` bytes. */
    int64_t (*count_bits)(const uint8_t *bytes, int64_t count);

    /* The normal equations of one user, see fold_in.h; same bits everywhere. */
    int (*solve)(double *system, double *solution, int64_t width);
    void (*add_items)(double *system, double *right_side, double *vectors, const float *factors,
                      const int32_t *rows, const float *weights, int64_t count, double alpha,
                      double unobserved, int64_t width);
    void (*add_products)(double *system, const double *left, const double *right, int64_t count,
                         int64_t width);

    const code_ops *codes;
} simd_ops;

/* The combination tree that ends every `dot_exact`. */
static inline double simd_tree(const double lanes[SIMD_EXACT_LANES]) {
    const double first = (lanes[0] + lanes[4]) + (lanes[2] + lanes[6]);
    const double second = (lanes[1] + lanes[5]) + (lanes[3] + lanes[7]);
    return first + second;
}

/* Variants from the slowest to the fastest; NULL where this machine lacks one. */
enum { SIMD_VARIANT_COUNT = 5 };
const simd_ops *simd_variant(int position);

/* One per instruction set; NULL where it was not compiled. */
const simd_ops *simd_portable(void);
const simd_ops *simd_neon(void);
const simd_ops *simd_avx2(void);
const simd_ops *simd_avx2_vnni(void);
const simd_ops *simd_avx512(void);
extern const code_ops CODES_PORTABLE, CODES_NEON;
extern const code_ops CODES_AVX2, CODES_AVX2_VNNI, CODES_AVX512; /* of x86-64 only */
int simd_has_neon_dot(void);

#endif
