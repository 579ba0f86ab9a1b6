/* Exact top-k of queries over all items. The contract is in scan.c. */
#ifndef RECSYS_SCAN_H
#define RECSYS_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "codes.h"
#include "simd.h"

/* What every query shares. Optional parts are NULL. */
typedef struct {
    int64_t item_count;
    int64_t factor_count;   /* 0 without factors */
    const float *factors;   /* (item_count, factor_count), finite */
    const float *norms;     /* (item_count): at least the Euclidean norm of each row; or NULL,
                               and then codes and ranks give a bound */
    float norm_max;         /* the largest of them */
    const float *prior;     /* (item_count), finite */
    float prior_max;        /* the largest absolute value of prior */
    const float *priors;    /* (prior_row_count, item_count), finite: what a query may add */
    const float *priors_max; /* (prior_row_count): the largest absolute value of each row */
    int64_t prior_row_count;
    const int32_t *head;    /* rows to look at first without codes, without repeats */
    int64_t head_count;
    const scan_codes *codes;    /* or NULL */
    const uint8_t *ranks;       /* (item_count): which 256th of codes.order a row is in; or NULL */
    const uint8_t *digests;     /* (item_count, digest_bytes), see codes.h; or NULL */
    int64_t digest_bytes;
    const float *code_prior;    /* (codes.group_count * 16): prior in that order */
    const float *code_priors;   /* (prior_row_count, codes.group_count * 16) */
    const int64_t *link_starts; /* item-item part in compressed rows */
    const int32_t *link_items;
    const float *link_values;
    int64_t link_count;
} scan_items;

enum { SCAN_MASKS_MAX = 8 };

typedef struct {
    const float *vector;    /* (factor_count), NULL without factors */
    const uint8_t *allowed[SCAN_MASKS_MAX]; /* bit i%8 of byte i/8; all must be set */
    int allowed_count;
    const int32_t *excluded;
    int64_t excluded_count;
    const int32_t *history_rows;
    const float *history_weights;
    int64_t history_count;
    const int32_t *boost_rows;
    const float *boost_values;
    int64_t boost_count;
    int64_t prior_row; /* of priors, or -1 */
    /* Codes of fewer items to look at instead of all, or NULL. Every allowed item is
     * among them or in `extra`, which holds no row twice. */
    const scan_codes *subset;
    const float *subset_prior;
    const int32_t *extra;
    int64_t extra_count;
} scan_query;

/* An item whose score is above `least` and may be up to `most`, but for the prior's
 * rounding. */
typedef struct {
    float most;
    int32_t row;
} scan_candidate;

enum { SCAN_CANDIDATES_MAX = 2048, SCAN_LOWEST_SHARE = 16 };

/* Working memory of one thread. `taken` is all zero and `keys` all -1 between
 * queries; each query cleans up what it touched. */
typedef struct {
    uint64_t *taken;   /* one bit per item, (item_count + 63) / 64 words */
    int32_t *keys;     /* hash table of touched items, slot_mask + 1 slots */
    double *sums;      /* their item-item sums, by slot */
    double *boosts;    /* their boosts, by slot */
    int32_t *slots;    /* the slots in use, in order of first touch */
    int64_t slot_mask; /* 2^b - 1, at least twice the items a query touches; or -1 */
    float *lowest;     /* heap of lower bounds, `lowest_max` long */
    int64_t lowest_max;
    scan_candidate *candidates; /* SCAN_CANDIDATES_MAX */
    int64_t *effort;            /* counts up: bytes, had all been read in one pass */
} scan_scratch;

enum {
    SCAN_OK = 0,
    SCAN_VECTOR = 1,   /* the query vector is not finite */
    SCAN_EXCLUDED = 2, /* an excluded row is outside [0, item_count) */
    SCAN_HISTORY = 3,  /* a history row is outside [0, item_count) */
    SCAN_WEIGHT = 4,   /* a history weight is not finite */
    SCAN_LINKS = 5,    /* the item-item arrays point outside themselves */
    SCAN_ROW = 6,      /* a row to be scored is outside [0, item_count) */
    SCAN_BOOST = 7,    /* a boosted row is outside [0, item_count) */
    SCAN_BOOST_VALUE = 8, /* a boost is not finite */
    SCAN_PRIOR_ROW = 9,   /* a prior row is outside [-1, prior_row_count) */
};

/* Upper bounds of the row norms; returns the first row that is not finite, or -1. */
int64_t scan_norms(const simd_ops *ops, const float *factors, int64_t item_count,
                   int64_t factor_count, float *norms);

/* How many item-item entries a history reaches, or minus a fault. */
int64_t scan_reach(const scan_items *items, const int32_t *rows, int64_t count);

/* Write the best `capacity` rows or fewer, best first, and how many. Cells beyond
 * are not touched. Returns SCAN_OK or what is wrong, with the offending value's
 * position in `*position`. */
int scan_top_k(const scan_items *items, const simd_ops *ops, const scan_query *query,
               const scan_scratch *scratch, int32_t capacity, int32_t *out_items,
               double *out_scores, int32_t *out_count, int64_t *position);

/* The same for up to SCAN_BATCH_MAX queries, each with a scratch of its own; row i of
 * the outputs is `capacity` (at least 1) wide. `*failed` is the first bad query. `lanes`
 * is room of scan_lane_bytes(), aligned as malloc does: too much for a small stack. */
enum { SCAN_BATCH_MAX = 240 };
size_t scan_lane_bytes(void);
int scan_top_k_batch(const scan_items *items, const simd_ops *ops, const scan_query *queries,
                     const scan_scratch *const *scratch, void *lanes, int count,
                     int32_t capacity, int32_t *out_items, double *out_scores, int32_t *out_counts,
                     int *failed, int64_t *position);

/* The parts of a score, in the order in which they are added up. */
enum { PART_DOT, PART_LINKS, PART_PRIOR, PART_OWN_PRIOR, PART_BOOST, PART_COUNT };

/* Write the exact scores of the given rows, and (count, PART_COUNT) parts unless that is
 * NULL; masks and exclusions are ignored. */
int scan_score(const scan_items *items, const simd_ops *ops, const scan_query *query,
               const scan_scratch *scratch, const int32_t *rows, int64_t count,
               double *out_scores, double *out_parts, int64_t *position);

/* Write what each entry of a history adds to the item-item part of a row, in the order
 * in which it is summed: the entry's position and the term. Returns how many; NULLs
 * only count. The history must have passed `scan_score`. */
int64_t scan_link_terms(const scan_items *items, const scan_query *query, int32_t row,
                        int32_t *out_positions, double *out_terms);

#endif
