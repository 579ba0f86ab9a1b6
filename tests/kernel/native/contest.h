/* Queries of a problem, what they should get, and whether every instruction set agrees. */
#ifndef CONTEST_H
#define CONTEST_H

#include <stdio.h>
#include <string.h>

#include "problem.h"

enum { QUERIES = 13, K_MAX = 40, LIST_MAX = 6, SLOTS = 128 };

static scan_scratch make_scratch(int64_t n, int64_t *effort) {
    scan_scratch made = {
        .taken = block(n / 64 + 1, 8), .keys = block(SLOTS, 4), .sums = block(SLOTS, 8),
        .boosts = block(SLOTS, 8), .slots = block(SLOTS, 4), .slot_mask = SLOTS - 1,
        .lowest = block(n, 4), .lowest_max = n,
        .candidates = block(SCAN_CANDIDATES_MAX, sizeof(scan_candidate)), .effort = effort};
    memset(made.keys, 0xff, SLOTS * sizeof *made.keys);
    return made;
}

static void free_scratch(scan_scratch *s) {
    free(s->taken), free(s->keys), free(s->sums), free(s->boosts), free(s->slots);
    free(s->lowest), free(s->candidates);
}

/* What queries borrow. */
typedef struct {
    int32_t excluded[LIST_MAX], history[LIST_MAX], boosted[LIST_MAX];
    float *weights, *boosts;
} query_lists;

static query_lists make_lists(random_source *r, int64_t n) {
    query_lists made = {.weights = values(r, LIST_MAX), .boosts = values(r, LIST_MAX)};
    for (int i = 0; i < LIST_MAX; i++) {
        made.excluded[i] = (int32_t)below(r, n);
        made.history[i] = (int32_t)below(r, n);
        made.boosted[i] = (int32_t)below(r, n);
    }
    return made;
}

static scan_query make_query(random_source *r, const problem *p, const query_lists *lists,
                             const float *vector) {
    if (p->is_plain) return (scan_query){.vector = vector, .prior_row = -1};
    return (scan_query){
        .vector = vector,
        .prior_row = below(r, p->items.prior_row_count + 1) - 1,
        .excluded = lists->excluded, .excluded_count = below(r, LIST_MAX),
        .history_rows = lists->history, .history_weights = lists->weights,
        .history_count = below(r, LIST_MAX),
        .boost_rows = lists->boosted, .boost_values = lists->boosts,
        .boost_count = below(r, LIST_MAX)};
}

static uint8_t *make_bitmap(random_source *r, int64_t n) {
    uint8_t *made = block((n + 7) / 8, 1);
    const int64_t kind = below(r, 5); /* above 1 so few that their rows are looked at alone */
    for (int64_t i = 0; i < (n + 7) / 8; i++) {
        const uint64_t a = next_bits(r), b = next_bits(r);
        made[i] = (uint8_t)(kind == 0 ? a | b : kind == 1 ? a : a & b & (a >> 8) & (b >> 8));
    }
    return made;
}

static int may_appear(const scan_query *q, int32_t row) {
    for (int64_t i = 0; i < q->excluded_count; i++)
        if (q->excluded[i] == row) return 0;
    for (int mask = 0; mask < q->allowed_count; mask++)
        if (!(q->allowed[mask][row / 8] >> (row % 8) & 1)) return 0;
    return 1;
}

/* All scores, sorted; minus a fault where the query has one. */
static int64_t sort_all(const scan_items *items, const scan_query *q, const scan_scratch *scratch,
                        int64_t k, int32_t *rows, double *scores) {
    int64_t found = 0, position;
    for (int32_t row = 0; row < items->item_count; row++) {
        double score;
        const int fault = scan_score(items, simd_portable(), q, scratch, &row, 1, &score, NULL,
                                     &position);
        if (fault != SCAN_OK) return -fault;
        if (!may_appear(q, row)) continue;
        int64_t at = found < k ? found++ : k;
        for (; at > 0 && scores[at - 1] < score; at--) {
            if (at == k) continue;
            scores[at] = scores[at - 1];
            rows[at] = rows[at - 1];
        }
        if (at < k) scores[at] = score, rows[at] = row;
    }
    return found;
}

static int differs(const simd_ops *ops, int64_t k, int64_t expected_count, const int32_t *rows,
                   const double *scores, int64_t count, const int32_t *found,
                   const double *found_scores) {
    if (count == expected_count && memcmp(rows, found, (size_t)count * 4) == 0) {
        int same = 1; /* by value: zeros of both signs are equal */
        for (int64_t i = 0; i < count; i++) same &= scores[i] == found_scores[i];
        if (same) return 0;
    }
    printf("%s differs at k = %lld\n", ops->name, (long long)k);
    return 1;
}

/* Several queries with what they should get, and where they work. */
typedef struct {
    int64_t k;
    scan_query queries[QUERIES];
    int32_t rows[QUERIES][K_MAX];
    double scores[QUERIES][K_MAX];
    int64_t expected[QUERIES];
    scan_scratch scratch[QUERIES];
    const scan_scratch *shared[QUERIES];
    void *lanes;
    int64_t effort;
} contest;

static contest *make_contest(int64_t n, int64_t k) {
    contest *made = block(1, sizeof *made);
    made->k = k;
    made->lanes = block((int64_t)scan_lane_bytes(), 1);
    for (int q = 0; q < QUERIES; q++) {
        made->scratch[q] = make_scratch(n, &made->effort);
        made->shared[q] = &made->scratch[q];
    }
    return made;
}

static void free_contest(contest *c) {
    for (int q = 0; q < QUERIES; q++) free_scratch(&c->scratch[q]);
    free(c->lanes);
    free(c);
}

static void expect(contest *c, const scan_items *items) {
    for (int q = 0; q < QUERIES; q++)
        c->expected[q] = sort_all(items, &c->queries[q], &c->scratch[q], c->k, c->rows[q],
                                  c->scores[q]);
}

/* One by one and together, on one instruction set. */
static int compete(contest *c, const scan_items *items, const simd_ops *ops) {
    int32_t *found = block(QUERIES * c->k, sizeof *found), counts[QUERIES];
    double *found_scores = block(QUERIES * c->k, sizeof *found_scores);
    int64_t position;
    int wrong = 0, is_sound = 1, failed = 0;
    for (int q = 0; q < QUERIES; q++) {
        const int fault = scan_top_k(items, ops, &c->queries[q], &c->scratch[q], (int32_t)c->k,
                                     found, found_scores, counts, &position);
        if (fault != SCAN_OK || c->expected[q] < 0) {
            if (is_sound) failed = q;
            is_sound = 0;
            wrong |= fault != -c->expected[q];
            continue;
        }
        wrong |= differs(ops, c->k, c->expected[q], c->rows[q], c->scores[q], counts[0], found,
                         found_scores);
    }
    int first_bad = -1;
    const int fault = scan_top_k_batch(items, ops, c->queries, c->shared, c->lanes, QUERIES,
                                       (int32_t)c->k, found, found_scores, counts, &first_bad,
                                       &position);
    if (!is_sound) wrong |= fault == SCAN_OK || first_bad != failed;
    for (int q = 0; is_sound && q < QUERIES; q++)
        wrong |= fault != SCAN_OK || differs(ops, c->k, c->expected[q], c->rows[q], c->scores[q],
                                             counts[q], found + q * c->k, found_scores + q * c->k);
    free(found);
    free(found_scores);
    return wrong;
}

#endif
