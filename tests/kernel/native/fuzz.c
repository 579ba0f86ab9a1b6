/* The C cores alone, on random hostile problems, against a sort of all scores in plain C.
 *
 * Made to run under sanitizers, under an emulator of another processor, and by several
 * threads at once, none of which an interpreter takes kindly to; with -DFUZZER it is a
 * target of libFuzzer. docs/kernel.md has the commands.
 *
 *     ./program 2000      rounds; a second argument is the seed, a third the threads
 *
 * More than one thread also search one problem together while its mask changes.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "contest.h"

/* Something that a query must be refused for; everything else still gets its answer. */
static void spoil(random_source *r, contest *c, problem *p, query_lists *lists) {
    static const int32_t OUTSIDE[] = {-1, INT32_MAX, INT32_MIN};
    const int32_t row = below(r, 2) ? OUTSIDE[below(r, 3)] : (int32_t)p->items.item_count;
    scan_query *q = &c->queries[below(r, QUERIES)];
    switch (below(r, 7)) {
        case 0: lists->excluded[0] = row; break;
        case 1: lists->history[0] = row; break;
        case 2: lists->boosted[0] = row; break;
        case 3: lists->weights[0] = NAN; break;
        case 4: lists->boosts[0] = -INFINITY; break;
        case 5: q->prior_row = below(r, 2) ? -2 : p->items.prior_row_count; break;
        default:
            if (p->items.link_count > 0) ((int32_t *)p->items.link_items)[0] = row;
    }
}

static int try_problem(random_source *r) {
    problem p;
    make_problem(&p, r);
    const int64_t n = p.items.item_count, f = p.items.factor_count;
    contest *c = make_contest(n, 1 + below(r, n < K_MAX ? n : K_MAX));
    float *vectors = values(r, QUERIES * f);
    /* Queries like an item reach as far as norms say that they can. */
    for (int q = 0; q < QUERIES; q++)
        if (below(r, 2)) memcpy(vectors + q * f, p.items.factors + below(r, n) * f, (size_t)f * 4);
    uint8_t *bitmaps[2] = {make_bitmap(r, n), make_bitmap(r, n)};
    query_lists lists = make_lists(r, n);
    const int mask_count = (int)below(r, p.is_plain ? 2 : 3);
    for (int q = 0; q < QUERIES; q++) {
        c->queries[q] = make_query(r, &p, &lists, vectors + q * f);
        for (int mask = 0; mask < mask_count; mask++) c->queries[q].allowed[mask] = bitmaps[mask];
        c->queries[q].allowed_count = mask_count;
    }
    int wrong = 0;
    for (int turn = 0; turn < 2; turn++) {
        expect(c, &p.items);
        for (int v = 0; v < SIMD_VARIANT_COUNT; v++)
            if (simd_variant(v) != NULL) wrong |= compete(c, &p.items, simd_variant(v));
        if (turn == 1 || p.is_plain || below(r, 4) > 0) break;
        spoil(r, c, &p, &lists);
    }
    free_contest(c);
    free(vectors), free(bitmaps[0]), free(bitmaps[1]), free(lists.weights), free(lists.boosts);
    free_problem(&p);
    return wrong;
}

#ifdef FUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    random_source r = random_of(data, size);
    if (try_problem(&r)) abort();
    return 0;
}

#else

/* ------------------------------------------------- one problem, several threads */

enum { STATES = 2, THREADS_MAX = 16 };

static struct {
    problem p;
    uint8_t *bitmaps[STATES];
    _Atomic(const uint8_t *) now; /* as Python hands out the state of a mask */
    _Atomic int is_over;
} common;

typedef struct {
    long rounds;
    uint64_t seed;
    int wrong;
} job;

static void *search_together(void *argument) {
    job *mine = argument;
    random_source r = {.state = mine->seed};
    const scan_items *items = &common.p.items;
    const int64_t n = items->item_count, f = items->factor_count;
    contest *states[STATES];
    float *vectors = values(&r, QUERIES * f);
    query_lists lists = make_lists(&r, n);
    for (int state = 0; state < STATES; state++) {
        states[state] = make_contest(n, 1 + below(&r, n < K_MAX ? n : K_MAX));
        for (int q = 0; q < QUERIES; q++) {
            scan_query *query = &states[state]->queries[q];
            *query = make_query(&r, &common.p, &lists, vectors + q * f);
            query->allowed[0] = common.bitmaps[state];
            query->allowed_count = 1;
        }
        expect(states[state], items);
    }
    for (long i = 0; i < mine->rounds && !mine->wrong; i++) {
        const int state = atomic_load(&common.now) == common.bitmaps[0] ? 0 : 1;
        for (int v = 0; v < SIMD_VARIANT_COUNT; v++)
            if (simd_variant(v) != NULL)
                mine->wrong |= compete(states[state], items, simd_variant(v));
    }
    for (int state = 0; state < STATES; state++) free_contest(states[state]);
    free(vectors), free(lists.weights), free(lists.boosts);
    return NULL;
}

static void *flip_mask(void *unused) {
    for (int state = 0; !atomic_load(&common.is_over); state = 1 - state)
        atomic_store(&common.now, common.bitmaps[state]);
    return unused;
}

/* --------------------------------------------------------------------- the runs */

static void *try_problems(void *argument) {
    job *mine = argument;
    for (long i = 0; i < mine->rounds && !mine->wrong; i++) {
        random_source r = {.state = mine->seed + (uint64_t)i};
        mine->wrong = try_problem(&r);
        if (mine->wrong) printf("seed %llu\n", (unsigned long long)(mine->seed + (uint64_t)i));
    }
    return NULL;
}

static int on_threads(void *(*work)(void *), int thread_count, long rounds, uint64_t seed) {
    pthread_t threads[THREADS_MAX];
    job jobs[THREADS_MAX];
    int wrong = 0;
    for (int t = 0; t < thread_count; t++) {
        jobs[t] = (job){.rounds = rounds, .seed = seed + (uint64_t)t * 1000003u};
        if (pthread_create(&threads[t], NULL, work, &jobs[t]) != 0) exit(2);
    }
    for (int t = 0; t < thread_count; t++) {
        pthread_join(threads[t], NULL);
        wrong |= jobs[t].wrong;
    }
    return wrong;
}

static int share_problem(int thread_count, long rounds, uint64_t seed) {
    random_source r = {.state = seed};
    pthread_t flipping;
    make_problem(&common.p, &r);
    for (int state = 0; state < STATES; state++)
        common.bitmaps[state] = make_bitmap(&r, common.p.items.item_count);
    atomic_store(&common.now, common.bitmaps[0]);
    atomic_store(&common.is_over, 0);
    if (pthread_create(&flipping, NULL, flip_mask, NULL) != 0) exit(2);
    const int wrong = on_threads(search_together, thread_count, rounds, seed);
    atomic_store(&common.is_over, 1);
    pthread_join(flipping, NULL);
    for (int state = 0; state < STATES; state++) free(common.bitmaps[state]);
    free_problem(&common.p);
    return wrong;
}

int main(int argc, char **argv) {
    const long rounds = argc > 1 ? atol(argv[1]) : 200;
    const uint64_t seed = argc > 2 ? (uint64_t)atoll(argv[2]) : 1;
    const int asked = argc > 3 ? atoi(argv[3]) : 1;
    const int thread_count = asked < THREADS_MAX ? asked : THREADS_MAX;
    int wrong = on_threads(try_problems, thread_count, rounds, seed);
    for (uint64_t i = 0; thread_count > 1 && i < 3; i++)
        wrong |= share_problem(thread_count, rounds, seed + i);
    for (int v = 0; v < SIMD_VARIANT_COUNT; v++)
        if (simd_variant(v) != NULL) printf("%s ", simd_variant(v)->name);
    printf("%s\n", wrong ? "WRONG" : "agree");
    return wrong;
}

#endif
