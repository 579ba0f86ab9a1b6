/* The state of one query's search, shared by the passes. */
#ifndef RECSYS_SEARCH_H
#define RECSYS_SEARCH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "scan.h"
#include "top.h"

enum { PENDING_MAX = 2 * SIMD_DOTS };

typedef struct {
    const scan_items *items;
    const simd_ops *ops;
    const scan_query *query;
    const scan_scratch *scratch;
    top_heap top;
    int has_dot;          /* the query vector is there and not zero */
    int is_safe;          /* the float32 passes cannot overflow */
    double norm;          /* of the query vector */
    float query_norm;     /* the same, rounded up, see scan.c */
    float error_per_norm; /* error of a float32 dot product per unit of row norm */
    double prior_slack;
    float floor;          /* bounds below it cannot reach the threshold */
    int64_t touched_count;
    int32_t pending[PENDING_MAX];
    int pending_count;
} search;

/* Score a row exactly and keep it if it is among the best. */
void search_offer(search *s, int32_t row, double links);

/* The two ways through the items that are not taken yet; the same answer. */
void search_rows(search *s);
void search_codes(search *s);

static inline float round_down(double value) {
    const float nearest = (float)value;
    return (double)nearest > value ? nextafterf(nearest, -INFINITY) : nearest;
}

static inline float round_up(double value) { return -round_down(-value); }

static inline int is_taken(const scan_scratch *scratch, int32_t row) {
    return (int)(scratch->taken[row >> 6] >> (row & 63) & 1);
}

static inline void take(const scan_scratch *scratch, int32_t row) {
    scratch->taken[row >> 6] |= (uint64_t)1 << (row & 63);
}

static inline int is_allowed(const scan_query *query, int32_t row) {
    return query->allowed == NULL || (query->allowed[row >> 3] >> (row & 7) & 1);
}

#endif
