/* Random hostile items: factors in codes or without, priors, item-item rows. */
#ifndef PROBLEM_H
#define PROBLEM_H

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "random_source.h"
#include "scan.h"

static float value(random_source *r, int style) {
    const double normal = uniform(r) + uniform(r) + uniform(r) + uniform(r) - 2.0;
    switch (style) {
        case 0: return (float)normal;
        case 1: return (float)(below(r, 5) - 2);
        case 2: return (float)(normal * 1e-41);
        case 3: return (float)(normal * 1.5e38);
        case 4: return (float)(normal * pow(10.0, (double)below(r, 60) - 30.0));
        default: return 0.1f;
    }
}

static float *values(random_source *r, int64_t count) {
    float *made = block(count, sizeof *made);
    const int style = (int)below(r, 6);
    for (int64_t i = 0; i < count; i++) made[i] = value(r, style);
    return made;
}

typedef struct {
    scan_items items;
    scan_codes codes;
    codes_target target;
    int32_t *order, *places;
    uint8_t *ranks, *digests;
    float *row_norms, *rotation, *code_prior, *code_priors;
    int is_plain; /* nothing but factors */
} problem;

enum { PRIOR_ROWS = 2 };

static const float *sort_key;

static int by_norm(const void *a, const void *b) {
    const float left = sort_key[*(const int32_t *)a], right = sort_key[*(const int32_t *)b];
    return left > right ? -1 : left < right;
}

static pthread_mutex_t sorting = PTHREAD_MUTEX_INITIALIZER;

static void encode(problem *p, random_source *r) {
    const int64_t n = p->items.item_count, f = p->items.factor_count;
    const int64_t groups = (n + CODES_GROUP - 1) / CODES_GROUP, places = groups * CODES_GROUP;
    const int64_t head = codes_head_pairs(f) * CODES_PAIR_BYTES;
    const int64_t tail = codes_tail_pairs(f) * CODES_PAIR_BYTES;
    const int64_t digest_bytes = 32 + 8 * below(r, 5);
    p->order = block(places, sizeof *p->order);
    p->places = block(n, sizeof *p->places);
    p->target = (codes_target){
        .head_high = block(groups * head, 1), .head_low = block(groups * head, 1),
        .tail_high = block(groups * tail, 1), .tail_low = block(groups * tail, 1),
        .steps = block(places, 2), .tails = block(places, 2), .rests = block(places, 2),
        .norms = block(groups, sizeof(float)),
        .residuals = block(groups * STAGE_COUNT, sizeof(float)),
        .digests = block(n * digest_bytes, 1), .digest_bytes = digest_bytes,
    };
    p->ranks = block(n, 1);
    p->digests = block(n * digest_bytes, 1);
    for (int64_t i = 0; i < places; i++) p->order[i] = i < n ? (int32_t)i : -1;
    pthread_mutex_lock(&sorting);
    sort_key = p->row_norms;
    qsort(p->order, (size_t)n, sizeof *p->order, by_norm);
    pthread_mutex_unlock(&sorting);
    /* A rotation that swaps coordinates is exactly orthogonal. */
    p->rotation = block(f * f, sizeof *p->rotation);
    for (int64_t j = 0; j < f; j++) p->rotation[j * f + (f - 1 - j)] = 1.0f;
    double *rotated = block(n * f, sizeof *rotated);
    float *norms = block(n, sizeof *norms);
    for (int64_t i = 0; i < n; i++) {
        const int32_t row = p->order[i];
        p->places[row] = (int32_t)i;
        p->ranks[row] = (uint8_t)(i / CODES_GROUP / codes_rank_groups(groups));
        norms[i] = p->row_norms[row];
        for (int64_t j = 0; j < f; j++)
            rotated[i * f + (f - 1 - j)] = p->items.factors[row * f + j];
    }
    codes_encode(rotated, n, f, norms, &p->target);
    for (int64_t i = 0; i < n; i++)
        memcpy(p->digests + p->order[i] * digest_bytes, p->target.digests + i * digest_bytes,
               (size_t)digest_bytes);
    for (int64_t g = groups - 2; g >= 0; g--)
        p->target.norms[g] = fmaxf(p->target.norms[g], p->target.norms[g + 1]);
    free(rotated);
    free(norms);
    p->codes = (scan_codes){
        .group_count = groups, .factor_count = f, .head_pairs = codes_head_pairs(f),
        .tail_pairs = codes_tail_pairs(f), .head_high = p->target.head_high,
        .head_low = p->target.head_low, .tail_high = p->target.tail_high,
        .tail_low = p->target.tail_low, .order = p->order, .steps = p->target.steps,
        .tails = p->target.tails, .rests = p->target.rests, .norms = p->target.norms,
        .residuals = p->target.residuals, .rotation = p->rotation, .defect = 0x1p-40,
        .first_stage = (int32_t)(tail > 0 ? below(r, STAGE_COUNT) : 2 + below(r, 2)),
    };
    p->items.codes = &p->codes;
    p->items.ranks = p->ranks;
    p->items.digest_bytes = digest_bytes;
    if (below(r, 4) > 0) p->items.digests = p->digests;
    p->items.norm_max = p->codes.norms[0];
    if (p->items.prior != NULL) {
        p->code_prior = block(places, sizeof *p->code_prior);
        for (int64_t i = 0; i < n; i++) p->code_prior[i] = p->items.prior[p->order[i]];
        p->items.code_prior = p->code_prior;
    }
    if (p->items.priors == NULL) return;
    p->code_priors = block(PRIOR_ROWS * places, sizeof *p->code_priors);
    for (int64_t i = 0; i < PRIOR_ROWS * n; i++)
        p->code_priors[i / n * places + p->places[i % n]] = p->items.priors[i];
    p->items.code_priors = p->code_priors;
}

static float largest(const float *numbers, int64_t count) {
    float found = 0.0f;
    for (int64_t i = 0; i < count; i++) found = fmaxf(found, fabsf(numbers[i]));
    return found;
}

/* Item-item rows, in any order and with repeats. */
static void make_links(scan_items *items, random_source *r) {
    const int64_t n = items->item_count;
    int64_t *starts = block(n + 1, sizeof *starts);
    for (int64_t i = 0; i < n; i++) starts[i + 1] = starts[i] + below(r, 4);
    int32_t *linked = block(starts[n], sizeof *linked);
    for (int64_t i = 0; i < starts[n]; i++) linked[i] = (int32_t)below(r, n);
    items->link_starts = starts;
    items->link_items = linked;
    items->link_values = values(r, starts[n]);
    items->link_count = starts[n];
}

static void make_problem(problem *made, random_source *r) {
    static const int64_t COUNTS[] = {1, 2, 15, 16, 17, 63, 64, 65, 300, 1100, 2000};
    static const int64_t WIDTHS[] = {1, 2, 7, 8, 9, 31, 32, 33, 40, 64, 65, 130};
    *made = (problem){.items = {.item_count = COUNTS[below(r, 11)],
                                .factor_count = WIDTHS[below(r, 12)]}};
    const int64_t n = made->items.item_count, f = made->items.factor_count;
    const int is_plain = made->is_plain = (int)below(r, 2); /* little to hide a bound that is too tight */
    float *factors = values(r, n * f);
    if (below(r, 2))
        for (int64_t i = 0; i < n * f; i++) factors[i] *= (float)exp(-3.0 * (double)(i / f) / (double)n);
    made->items.factors = factors;
    made->row_norms = block(n, sizeof *made->row_norms);
    if (scan_norms(simd_portable(), factors, n, f, made->row_norms) >= 0) abort();
    if (!is_plain && below(r, 2)) {
        made->items.prior = values(r, n);
        made->items.prior_max = largest(made->items.prior, n);
    }
    if (!is_plain && below(r, 2)) {
        float *most = block(PRIOR_ROWS, sizeof *most);
        made->items.priors = values(r, PRIOR_ROWS * n);
        for (int row = 0; row < PRIOR_ROWS; row++)
            most[row] = largest(made->items.priors + row * n, n);
        made->items.priors_max = most;
        made->items.prior_row_count = PRIOR_ROWS;
    }
    if (!is_plain && below(r, 2)) make_links(&made->items, r);
    encode(made, r);
    if (below(r, 4) == 0) { /* without codes */
        made->items.codes = NULL;
        made->items.norms = made->row_norms;
        made->items.norm_max = largest(made->row_norms, n);
    }
}

static void free_problem(problem *p) {
    free((void *)p->items.factors);
    free((void *)p->items.prior);
    free((void *)p->items.priors), free((void *)p->items.priors_max);
    free((void *)p->items.link_starts), free((void *)p->items.link_items);
    free((void *)p->items.link_values);
    free(p->order), free(p->places), free(p->row_norms), free(p->rotation);
    free(p->ranks), free(p->digests), free(p->target.digests);
    free(p->code_prior), free(p->code_priors);
    free(p->target.head_high), free(p->target.head_low);
    free(p->target.tail_high), free(p->target.tail_low);
    free(p->target.steps), free(p->target.tails), free(p->target.rests);
    free(p->target.norms), free(p->target.residuals);
}

#endif
