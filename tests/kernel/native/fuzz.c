/* The C cores alone, on random hostile problems, against a brute force in plain C.
 *
 * Made to run under sanitizers, under an emulator of another processor, and by several
 * threads at once, none of which an interpreter takes kindly to:
 *
 *     gcc -g -O1 -fsanitize=address,undefined -Isrc/scoring \
 *         tests/kernel/native/fuzz.c src/scoring/x*.c -lm -pthread     (x: all of them)
 *     ./a.out 2000        rounds; a second argument is the seed, a third the threads
 *
 * tests/kernel/test_native.py has the commands in full.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scan.h"

typedef struct {
    uint64_t state;
} random_source;

static uint64_t next_bits(random_source *r) { /* splitmix64 */
    uint64_t z = (r->state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t below(random_source *r, int64_t limit) {
    return limit <= 0 ? 0 : (int64_t)(next_bits(r) % (uint64_t)limit);
}

static double uniform(random_source *r) { return (double)(next_bits(r) >> 11) * 0x1p-53; }

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

static void *room(int64_t count, size_t size) {
    void *memory = calloc((size_t)count + 1, size);
    if (memory == NULL) abort();
    return memory;
}

static float *values(random_source *r, int64_t count) {
    float *made = room(count, sizeof *made);
    const int style = (int)below(r, 6);
    for (int64_t i = 0; i < count; i++) made[i] = value(r, style);
    return made;
}

/* ------------------------------------------------------------------- a problem */

typedef struct {
    scan_items items;
    scan_codes codes;
    codes_target target;
    int32_t *order, *places;
    float *row_norms, *rotation, *code_prior;
} problem;

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
    p->order = room(places, sizeof *p->order);
    p->places = room(n, sizeof *p->places);
    p->target = (codes_target){
        .head_high = room(groups * head, 1), .head_low = room(groups * head, 1),
        .tail_high = room(groups * tail, 1), .tail_low = room(groups * tail, 1),
        .steps = room(places, 2), .tails = room(places, 2), .rests = room(places, 2),
        .norms = room(groups, sizeof(float)),
        .residuals = room(groups * STAGE_COUNT, sizeof(float)),
    };
    for (int64_t i = 0; i < places; i++) p->order[i] = i < n ? (int32_t)i : -1;
    pthread_mutex_lock(&sorting);
    sort_key = p->row_norms;
    qsort(p->order, (size_t)n, sizeof *p->order, by_norm);
    pthread_mutex_unlock(&sorting);
    /* A rotation that swaps coordinates is exactly orthogonal. */
    p->rotation = room(f * f, sizeof *p->rotation);
    for (int64_t j = 0; j < f; j++) p->rotation[j * f + (f - 1 - j)] = 1.0f;
    double *rotated = room(n * f, sizeof *rotated);
    float *norms = room(n, sizeof *norms);
    for (int64_t i = 0; i < n; i++) {
        const int32_t row = p->order[i];
        p->places[row] = (int32_t)i;
        norms[i] = p->row_norms[row];
        for (int64_t j = 0; j < f; j++)
            rotated[i * f + (f - 1 - j)] = p->items.factors[row * f + j];
    }
    codes_encode(rotated, n, f, norms, &p->target);
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
    p->items.places = p->places;
    p->items.norm_max = p->codes.norms[0];
    if (p->items.prior != NULL) {
        p->code_prior = room(places, sizeof *p->code_prior);
        for (int64_t i = 0; i < n; i++) p->code_prior[i] = p->items.prior[p->order[i]];
        p->items.code_prior = p->code_prior;
    }
}

static void make_problem(problem *made, random_source *r) {
    static const int64_t COUNTS[] = {1, 2, 15, 16, 17, 63, 64, 65, 300, 1100, 2000};
    static const int64_t WIDTHS[] = {1, 2, 7, 8, 9, 31, 32, 33, 40, 64, 65, 130};
    *made = (problem){.items = {.item_count = COUNTS[below(r, 11)],
                                .factor_count = WIDTHS[below(r, 12)]}};
    const int64_t n = made->items.item_count, f = made->items.factor_count;
    float *factors = values(r, n * f);
    if (below(r, 2))
        for (int64_t i = 0; i < n * f; i++) factors[i] *= (float)exp(-3.0 * (double)(i / f) / (double)n);
    made->items.factors = factors;
    made->row_norms = room(n, sizeof *made->row_norms);
    if (scan_norms(simd_portable(), factors, n, f, made->row_norms) >= 0) abort();
    if (below(r, 2)) {
        float *prior = values(r, n);
        for (int64_t i = 0; i < n; i++)
            made->items.prior_max = fmaxf(made->items.prior_max, fabsf(prior[i]));
        made->items.prior = prior;
    }
    encode(made, r);
    if (below(r, 4) == 0) { /* without codes */
        made->items.codes = NULL;
        made->items.norms = made->row_norms;
        made->items.norm_max = 0.0f;
        for (int64_t i = 0; i < n; i++)
            made->items.norm_max = fmaxf(made->items.norm_max, made->row_norms[i]);
    }
}

static void free_problem(problem *p) {
    free((void *)p->items.factors);
    free((void *)p->items.prior);
    free(p->order), free(p->places), free(p->row_norms), free(p->rotation), free(p->code_prior);
    free(p->target.head_high), free(p->target.head_low);
    free(p->target.tail_high), free(p->target.tail_low);
    free(p->target.steps), free(p->target.tails), free(p->target.rests);
    free(p->target.norms), free(p->target.residuals);
}

/* ------------------------------------------------------------------- the answer */

static scan_scratch make_scratch(int64_t n, int64_t *effort) {
    return (scan_scratch){
        .taken = room(n / 64 + 1, 8), .keys = room(0, 4), .sums = room(0, 8),
        .boosts = room(0, 8), .slots = room(0, 4), .slot_mask = -1, .lowest = room(n, 4),
        .lowest_max = n, .candidates = room(SCAN_CANDIDATES_MAX, sizeof(scan_candidate)),
        .effort = effort};
}

static void free_scratch(scan_scratch *s) {
    free(s->taken), free(s->keys), free(s->sums), free(s->boosts), free(s->slots);
    free(s->lowest), free(s->candidates);
}

static int may_appear(const scan_query *q, int32_t row) {
    for (int64_t i = 0; i < q->excluded_count; i++)
        if (q->excluded[i] == row) return 0;
    return q->allowed_count == 0 || (q->allowed[0][row / 8] >> (row % 8) & 1);
}

static int64_t brute_force(const scan_items *items, const scan_query *q, int64_t k,
                           int32_t *rows, double *scores) {
    int64_t found = 0;
    for (int32_t row = 0; row < items->item_count; row++) {
        if (!may_appear(q, row)) continue;
        double score = simd_portable()->dot_exact(
            q->vector, items->factors + row * items->factor_count, items->factor_count);
        score += items->prior == NULL ? 0.0 : (double)items->prior[row];
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

enum { QUERIES = 13 };

static int try_problem(random_source *r) {
    problem p;
    make_problem(&p, r);
    const int64_t n = p.items.item_count, f = p.items.factor_count;
    const int64_t k = 1 + below(r, n < 40 ? n : 40);
    float *vectors = values(r, QUERIES * f);
    uint8_t *bitmap = room((n + 7) / 8, 1);
    for (int64_t i = 0; i < (n + 7) / 8; i++) bitmap[i] = (uint8_t)(next_bits(r) | next_bits(r));
    int32_t excluded[5], rows[QUERIES][40], found[QUERIES * 40], counts[QUERIES];
    double scores[QUERIES][40], found_scores[QUERIES * 40];
    int64_t expected[QUERIES], position, effort = 0;
    for (int i = 0; i < 5; i++) excluded[i] = (int32_t)below(r, n);
    scan_query queries[QUERIES];
    scan_scratch scratch[QUERIES];
    const scan_scratch *shared[QUERIES];
    void *lanes = room((int64_t)scan_lane_bytes(), 1);
    const int is_masked = (int)below(r, 2), excluded_count = (int)below(r, 6);
    if (below(r, 4) == 0) /* few are allowed */
        for (int64_t i = 0; i < (n + 7) / 8; i++)
            bitmap[i] &= (uint8_t)(next_bits(r) & next_bits(r) & next_bits(r));
    for (int q = 0; q < QUERIES; q++) {
        queries[q] = (scan_query){.vector = vectors + q * f, .prior_row = -1,
                                  .excluded = excluded, .excluded_count = excluded_count,
                                  .allowed = {bitmap}, .allowed_count = is_masked};
        scratch[q] = make_scratch(n, &effort);
        shared[q] = &scratch[q];
        expected[q] = brute_force(&p.items, &queries[q], k, rows[q], scores[q]);
    }
    int wrong = 0;
    for (int v = 0; v < SIMD_VARIANT_COUNT; v++) {
        const simd_ops *ops = simd_variant(v);
        if (ops == NULL) continue;
        int failed;
        for (int q = 0; q < QUERIES; q++) {
            if (scan_top_k(&p.items, ops, &queries[q], &scratch[q], (int32_t)k, found,
                           found_scores, counts, &position) != SCAN_OK)
                continue; /* an infinite vector */
            wrong |= differs(ops, k, expected[q], rows[q], scores[q], counts[0], found,
                             found_scores);
        }
        if (scan_top_k_batch(&p.items, ops, queries, shared, lanes, QUERIES, (int32_t)k, found,
                             found_scores, counts, &failed, &position) != SCAN_OK)
            continue;
        for (int q = 0; q < QUERIES; q++)
            wrong |= differs(ops, k, expected[q], rows[q], scores[q], counts[q], found + q * k,
                             found_scores + q * k);
    }
    for (int q = 0; q < QUERIES; q++) free_scratch(&scratch[q]);
    free(lanes);
    free(vectors);
    free(bitmap);
    free_problem(&p);
    return wrong;
}

typedef struct {
    long rounds;
    uint64_t seed;
    int wrong;
} job;

static void *work(void *argument) {
    job *mine = argument;
    for (long i = 0; i < mine->rounds && !mine->wrong; i++) {
        random_source r = {mine->seed + (uint64_t)i};
        mine->wrong = try_problem(&r);
        if (mine->wrong) printf("seed %llu\n", (unsigned long long)(mine->seed + (uint64_t)i));
    }
    return NULL;
}

int main(int argc, char **argv) {
    const long rounds = argc > 1 ? atol(argv[1]) : 200;
    const uint64_t seed = argc > 2 ? (uint64_t)atoll(argv[2]) : 1;
    const int thread_count = argc > 3 ? atoi(argv[3]) : 1;
    pthread_t threads[16];
    job jobs[16];
    int wrong = 0;
    for (int t = 0; t < thread_count && t < 16; t++) {
        jobs[t] = (job){.rounds = rounds, .seed = seed + (uint64_t)t * 1000003u};
        if (pthread_create(&threads[t], NULL, work, &jobs[t]) != 0) return 2;
    }
    for (int t = 0; t < thread_count && t < 16; t++) {
        pthread_join(threads[t], NULL);
        wrong |= jobs[t].wrong;
    }
    for (int v = 0; v < SIMD_VARIANT_COUNT; v++)
        if (simd_variant(v) != NULL) printf("%s ", simd_variant(v)->name);
    printf("%s\n", wrong ? "WRONG" : "agree");
    return wrong;
}
