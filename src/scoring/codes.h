/* Item factors once more, in 8-bit codes that can be read half at a time.
 *
 * The factors are rotated so that the first coordinates hold most of their energy,
 * and items stand in the order of falling norm, in groups of 16. A rotated
 * coordinate y of an item with step s is s * (c - 128) plus a residual, c in 1..255.
 * Each code is cut into its high and its low four bits, and each item into a head
 * (the first 32 coordinates) and a tail, which gives four planes. A bound may read
 * any prefix of that: the high bits of the head are an eighth of all bytes at 128
 * factors. What a stage leaves out is in the residual norms, which are measured.
 *
 * For masks that allow few items, each row also has a rank, which 256th of the order it is
 * in; and, in the order of the rows, a digest: the codes of its first coordinates and what
 * a bound needs beside them, so that one line of memory says whether the row can matter.
 *
 * One plane: [group][pair][16 items][4 bytes]; byte b of a pair of quads holds the
 * bits of coordinate 8 * pair + b low and those of coordinate 8 * pair + 4 + b high.
 */
#ifndef RECSYS_CODES_H
#define RECSYS_CODES_H

#include <stdint.h>

enum {
    CODES_GROUP = 16,
    CODES_PAIR = 8,       /* coordinates in two quads, which share a vector of bytes */
    CODES_PAIR_BYTES = 64,
    CODES_HEAD_PAIRS = 4, /* the head has 32 coordinates */
    CODES_FACTOR_COUNT_MAX = 1024,
    CODES_RANK_COUNT = 256,
    CODES_HALF_SHIFT = 5, /* c - 128 with c = 16 h + 7.5 is (32 h - 241) / 2 */
};

/* A digest of so many bytes, a multiple of 8: codes, one byte for each coordinate, then four
 * bfloat16, of which all but the step are rounded up. */
enum {
    DIGEST_BYTES_MIN = 32,
    DIGEST_BYTES_MAX = 64,
    DIGEST_STEP = 0,     /* behind the codes, in halves */
    DIGEST_TAIL = 1,     /* norm of the other coordinates */
    DIGEST_RESIDUAL = 2, /* of its codes */
    DIGEST_NORM = 3,
    DIGEST_HALVES = 4,
};

static inline int64_t digest_codes(int64_t digest_bytes) {
    return digest_bytes - DIGEST_HALVES * (int64_t)sizeof(uint16_t);
}

/* What a bound reads, the cheapest first; and what heads with a survivor are looked at
 * with before their items are read: all bits of the head, half of those of the tail. */
enum { STAGE_HEAD4, STAGE_HEAD8, STAGE_ALL4, STAGE_ALL8, STAGE_COUNT };
enum { STAGE_MIXED = STAGE_COUNT, BOUND_COUNT };

typedef struct {
    int64_t group_count;
    int64_t factor_count;
    int64_t head_pairs;
    int64_t tail_pairs; /* 0 where the head is all */
    const uint8_t *head_high, *head_low; /* (group_count, head_pairs, 64) */
    const uint8_t *tail_high, *tail_low; /* (group_count, tail_pairs, 64) */
    const int32_t *order;    /* (group_count * 16): the row at each place, -1 beyond the last */
    const uint16_t *steps;   /* (group_count * 16), bfloat16 */
    const uint16_t *tails;   /* (group_count * 16), bfloat16: norm of the tail, rounded up */
    const uint16_t *rests;   /* (group_count * 16), bfloat16: residual norm of STAGE_ALL4 */
    const float *norms;      /* (group_count), never rising: no item is longer, rotated or not */
    const float *residuals;  /* (group_count, STAGE_COUNT): the largest of each stage */
    const float *rotation;   /* (factor_count, factor_count): row i goes with factor i */
    double defect;           /* at least the Frobenius norm of rotation rotation^T - 1 */
    int32_t first_stage;     /* where searches begin; see pass_codes.c */
} scan_codes;

/* The writable side of the above, from one group on. */
typedef struct {
    uint8_t *head_high, *head_low, *tail_high, *tail_low;
    uint16_t *steps, *tails, *rests;
    float *norms, *residuals;
    uint8_t *digests; /* (places, digest_bytes), in the order of the codes; or NULL */
    int64_t digest_bytes;
} codes_target;

/* bound = sum * scale(item) + error(group), see `codes_bound` in codes_body.h. */
typedef struct {
    int32_t offset;     /* to take off the sum (times 32 where it is of high bits only) */
    int32_t offset_signed; /* the same where whole codes have lost their 128 already */
    float step;         /* per unit of that, besides the item's step */
    float per_residual; /* error per unit of the group's residual norm */
    float per_norm;     /* error per unit of the group's norm */
    float per_tail;     /* per unit of an item's tail, or for STAGE_MIXED of its rest */
} stage_bound;

/* A query in codes: rotated = step * code + residual, codes in [-code_max, code_max]. */
typedef struct {
    int8_t codes[CODES_FACTOR_COUNT_MAX]; /* zero in the padding */
    stage_bound stages[BOUND_COUNT];
} coded_query;

/* The same for digests; codes of 0 behind those of the coordinates that they have. */
typedef struct {
    int8_t codes[DIGEST_BYTES_MAX];
    int64_t bytes; /* of a digest */
    int32_t offset;
    float step, per_residual, per_norm, per_tail;
} digest_query;

static inline int64_t codes_head_pairs(int64_t factor_count) {
    const int64_t pairs = (factor_count + CODES_PAIR - 1) / CODES_PAIR;
    return pairs < CODES_HEAD_PAIRS ? pairs : CODES_HEAD_PAIRS;
}

static inline int64_t codes_tail_pairs(int64_t factor_count) {
    return (factor_count + CODES_PAIR - 1) / CODES_PAIR - codes_head_pairs(factor_count);
}

/* How many groups share a rank: row r is in a group of at least
 * `ranks[r] * codes_rank_groups` in the order of the codes. */
static inline int64_t codes_rank_groups(int64_t group_count) {
    return (group_count + CODES_RANK_COUNT - 1) / CODES_RANK_COUNT;
}

/* Encode `count` rotated rows (float64, true to 2^-40 of their norms), of which
 * `row_norms` bounds the norms before rotation, into the groups from `target` on. */
void codes_encode(const double *rotated, int64_t count, int64_t factor_count,
                  const float *row_norms, const codes_target *target);

/* Rotate and encode a query whose norm is `norm`; `rotated` is scratch of factor_count. */
void codes_encode_query(const scan_codes *codes, const double *rotated, double norm,
                        int code_max, coded_query *out);

/* The same for digests of so many bytes. */
void codes_digest_query(const scan_codes *codes, const double *rotated, double norm,
                        int code_max, int64_t digest_bytes, digest_query *out);

#endif
