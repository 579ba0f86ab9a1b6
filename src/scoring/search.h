/* The state of one query's search, shared by the passes. */
#ifndef RECSYS_SEARCH_H
#define RECSYS_SEARCH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rounding.h"
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
    const float *own_prior; /* the query's row of priors, or NULL */
    float prior_max;      /* of both priors together */
    double prior_slack;
    float floor;          /* bounds below it cannot reach the threshold */
    int64_t touched_count;
    int64_t taken_count;  /* items in `taken`; more where there are repeats */
    int64_t allowed_most; /* no more items are allowed, see `search_by_codes` */
    int32_t pending[PENDING_MAX];
    int pending_count;
    int64_t lowest_count; /* lower bounds of distinct items, see pass_codes.c */
    int64_t candidate_count;
} search;

/* Score a row exactly and keep it if it is among the best; returns the score. */
double search_offer(search *s, int32_t row, double links, double boost);

/* Check the query and score what is out of turn. When it fails, it has cleaned up;
 * when not, `search_end` puts the answer in order and cleans up. */
int search_begin(search *s, int64_t *position);
void search_end(search *s);

/* Whether the codes are the way; and what has to be scored before they are. */
int search_by_codes(search *s);
void search_extra(search *s);

/* The two ways through the items that are not taken yet; the same answer. */
void search_rows(search *s);
void search_listed(search *s); /* where only codes know norms */
void search_rows_first(search *s); /* with the longest rows first */
void search_codes(search *s);

/* Whether the codes can be used at all: their float32 bounds must not overflow, nor
 * may the query's step be denormal. */
int search_codes_fit(const search *s);

/* Which stage comes next, see pass_codes.c. */
typedef struct {
    int first; /* the stage to come back to */
    int dense; /* the stage for what defies the first */
    int stage;
    int retry; /* chunks until the first is tried again */
    int wait;  /* what `retry` is set to next; doubles */
    int resolve_cost; /* of one group, in units of its share of a dense pass */
} stage_choice;

enum { SEARCH_CHUNK_MAX = 64 };

/* Groups with a survivor wait for one chunk while what is read of them next comes from
 * memory: the low bits of their head, the high bits of their tail, their items. */
enum { WAIT_HEAD, WAIT_TAIL, WAIT_ITEMS, WAIT_COUNT };
typedef struct {
    code_hit hits[SEARCH_CHUNK_MAX];
    int64_t count;
} hit_queue;

/* An item that passed all codes, its dot product as these give it, and their error. */
typedef struct {
    int32_t place;
    float dot, error;
} coded_item;

/* A search under way over codes. */
typedef struct {
    const scan_codes *codes;
    code_priors priors;
    coded_query query;
    stage_choice choice;
    hit_queue waiting[WAIT_COUNT];
    int64_t pairs; /* read so far for the chunk under way, see pass_codes.c */
} coded_search;

void coded_begin(search *s, coded_search *cs);
/* Search groups from `group` until `stop` or until none is in reach; returns where. */
int64_t coded_span(search *s, coded_search *cs, int64_t group, int64_t stop);
int coded_in_reach(const search *s, const scan_codes *codes, int64_t group);
/* Go on with what waits, and with what was found since in so many groups. */
void coded_found(search *s, coded_search *cs, code_hit *hits, int64_t count,
                 int64_t groups);
/* The same for items of as many groups, of which all codes have been read. */
void coded_items(search *s, coded_search *cs, const coded_item *items, int64_t count);
/* Leave nothing waiting. */
void coded_flush(search *s, coded_search *cs);
void coded_end(search *s, coded_search *cs);

static inline int is_taken(const scan_scratch *scratch, int32_t row) {
    return (int)(scratch->taken[row >> 6] >> (row & 63) & 1);
}

static inline void take(const scan_scratch *scratch, int32_t row) {
    scratch->taken[row >> 6] |= (uint64_t)1 << (row & 63);
}

static inline int is_allowed(const scan_query *query, int32_t row) {
    for (int mask = 0; mask < query->allowed_count; mask++)
        if (!(query->allowed[mask][row >> 3] >> (row & 7) & 1)) return 0;
    return 1;
}

/* Whether there is an item at a place that has this row, and it may still appear. */
static inline int is_free(const search *s, int32_t row) {
    if (row < 0 || !is_allowed(s->query, row)) return 0;
    /* Most queries take nothing, and their bits are in no cache. */
    return s->taken_count == 0 || !is_taken(s->scratch, row);
}

/* Bits i of 8 bytes, or of fewer at the end. */
static inline uint64_t bits_of(const uint8_t *bytes, int64_t byte_count) {
    uint64_t bits = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (byte_count == 8) {
        memcpy(&bits, bytes, sizeof bits);
        return bits;
    }
#endif
    for (int64_t i = 0; i < byte_count; i++) bits |= (uint64_t)bytes[i] << (8 * i);
    return bits;
}

/* The items of a block that are allowed and not yet dealt with. */
static inline uint64_t live_items(const search *s, int64_t block, int64_t count) {
    uint64_t live = ~s->scratch->taken[block];
    const int64_t byte_count = (count + 7) / 8;
    for (int mask = 0; mask < s->query->allowed_count && live != 0; mask++)
        live &= bits_of(s->query->allowed[mask] + 8 * block, byte_count);
    return count == SIMD_BLOCK ? live : live & (((uint64_t)1 << count) - 1);
}

/* A bound of a row's product with the query becomes one of its score. */
static inline float add_priors(const search *s, int32_t row, float bound) {
    if (s->items->prior != NULL) bound += s->items->prior[row];
    return s->own_prior == NULL ? bound : bound + s->own_prior[row];
}

#endif
