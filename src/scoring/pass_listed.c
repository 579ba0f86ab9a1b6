/* The pass over allowed rows where norms come from codes: made for masks that allow few.
 *
 * Allowed rows whose rank is in reach are listed by the thousand, those that their digests
 * rule out are dropped, and only what is left is read, each row asked for while others are
 * multiplied. Some of the longest come first, because they raise the floor. The bounds are
 * proved in scan.c and codes.c. */
#include "search.h"

enum {
    LISTED_MAX = 1024, /* rows that are listed before they are looked at */
    LISTED_FIRST = 64, /* fewer at first: the floor rises fastest there */
    BLOCKS_AT_ONCE = 16,
    ROOM = LISTED_MAX + BLOCKS_AT_ONCE * SIMD_BLOCK,
    DIGESTS_AHEAD = 64, /* rows whose digests are asked for beforehand */
    SEEDS_MIN = 64,     /* longest rows wanted first, and for each result ... */
    SEEDS_PER_RESULT = 4,
    SEEDED_MIN = 16, /* allowed items for each of them; else listing twice costs more */
};

typedef struct {
    int32_t rows[ROOM + SIMD_DOTS];
    float most[ROOM + SIMD_DOTS]; /* what their scores are at most */
    int64_t count;
} listed_rows;

/* Blocks of 64 items and the ranks wanted of them. */
typedef struct {
    int64_t block, stop;
    int first, last;
    int is_all; /* ranks are not looked at */
} listed_span;

/* ------------------------------------------------------------------ listing */

/* Add the rows of one word of allowed ones, which is not 0. Most have few, so that several
 * places are written at a time and counted afterwards: which branches would go otherwise is
 * anyone's guess. */
static void list_word(listed_rows *list, int64_t first, uint64_t live) {
    const uint64_t last = (uint64_t)1 << 63; /* keeps the count of zeros defined */
    do {
        int32_t *rows = list->rows + list->count;
        for (int i = 0; i < 4; i++) {
            rows[i] = (int32_t)first + __builtin_ctzll(live | last);
            list->count += live != 0;
            live &= live - 1;
        }
    } while (live != 0);
}

static void and_bits(uint64_t live[BLOCKS_AT_ONCE], const uint8_t *bytes) {
    for (int i = 0; i < BLOCKS_AT_ONCE; i++) live[i] &= bits_of(bytes + 8 * i, 8);
}

/* What is allowed and not yet dealt with of some blocks, all of them whole. */
static void live_blocks(const search *s, int64_t block, uint64_t live[BLOCKS_AT_ONCE]) {
    memset(live, 0xff, BLOCKS_AT_ONCE * sizeof *live);
    for (int mask = 0; mask < s->query->allowed_count; mask++)
        and_bits(live, s->query->allowed[mask] + 8 * block);
    for (int i = 0; s->taken_count > 0 && i < BLOCKS_AT_ONCE; i++)
        live[i] &= ~s->scratch->taken[block + i];
}

static void list_blocks(const search *s, int64_t block, const listed_span *span,
                        listed_rows *list) {
    uint64_t live[BLOCKS_AT_ONCE];
    int32_t filled[BLOCKS_AT_ONCE];
    int count = 0;
    live_blocks(s, block, live);
    if (!span->is_all)
        s->ops->rank(s->items->ranks + block * SIMD_BLOCK, BLOCKS_AT_ONCE, (uint8_t)span->first,
                     (uint8_t)span->last, live);
    for (int i = 0; i < BLOCKS_AT_ONCE; i++) {
        filled[count] = i;
        count += live[i] != 0;
    }
    for (int i = 0; i < count; i++)
        list_word(list, (block + filled[i]) * SIMD_BLOCK, live[filled[i]]);
}

/* The same for one block, which may be the last. */
static void list_block(const search *s, int64_t block, const listed_span *span,
                       listed_rows *list) {
    const int64_t first = block * SIMD_BLOCK, left = s->items->item_count - first;
    const int64_t count = left < SIMD_BLOCK ? left : SIMD_BLOCK;
    uint64_t live = live_items(s, block, count);
    uint8_t ranks[SIMD_BLOCK] = {0};
    memcpy(ranks, s->items->ranks + first, (size_t)count);
    if (!span->is_all)
        s->ops->rank(ranks, 1, (uint8_t)span->first, (uint8_t)span->last, &live);
    if (live != 0) list_word(list, first, live);
}

/* List rows from where a span is until there are enough, and move it on. */
static void list_rows(const search *s, listed_span *span, int64_t enough, listed_rows *list) {
    const int64_t whole = s->items->item_count / SIMD_BLOCK;
    while (list->count < enough && span->block < span->stop) {
        if (span->block + BLOCKS_AT_ONCE <= (span->stop < whole ? span->stop : whole)) {
            list_blocks(s, span->block, span, list);
            span->block += BLOCKS_AT_ONCE;
        } else {
            list_block(s, span->block++, span, list);
        }
    }
}

/* --------------------------------------------------------------- looking at rows */

/* At least the norm of the rows of a rank. */
static float rank_norm(const scan_items *items, int64_t rank) {
    return items->codes->norms[rank * codes_rank_groups(items->codes->group_count)];
}

static int rank_count(const scan_items *items) {
    const int64_t groups = items->codes->group_count, each = codes_rank_groups(groups);
    return (int)((groups + each - 1) / each);
}

/* The last rank that is in reach, or -1: norms fall from rank to rank. */
static int last_in_reach(const search *s) {
    int first = 0, beyond = rank_count(s->items);
    while (first < beyond) {
        const int middle = (first + beyond) / 2;
        if (rank_norm(s->items, middle) * s->query_norm + s->prior_max < s->floor)
            beyond = middle;
        else
            first = middle + 1;
    }
    return beyond - 1;
}

/* Keep the rows whose bound reaches the floor, and their bounds. */
static int64_t keep_near(const search *s, listed_rows *list, int64_t first, int64_t count,
                         const float *bounds, int64_t kept) {
    for (int64_t i = 0; i < count; i++) {
        const int32_t row = list->rows[first + i];
        const float most = add_priors(s, row, bounds[i]);
        list->rows[kept] = row;
        list->most[kept] = most;
        kept += !(most < s->floor);
    }
    return kept;
}

/* Bound rows by the norms of their ranks, which are in reach: priors may change that. */
static void bound_by_norms(const search *s, listed_rows *list) {
    int64_t kept = 0;
    if (s->prior_max == 0.0f) {
        for (int64_t i = 0; i < list->count; i++) list->most[i] = INFINITY;
        return;
    }
    for (int64_t i = 0; i < list->count; i++) {
        const float bound = rank_norm(s->items, s->items->ranks[list->rows[i]]) * s->query_norm;
        kept = keep_near(s, list, i, 1, &bound, kept);
    }
    list->count = kept;
}

static void fetch_digests(const search *s, const int32_t *rows, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const int64_t bytes = s->items->digest_bytes;
        const uint8_t *digest = s->items->digests + rows[i] * bytes;
        __builtin_prefetch(digest);
        if (bytes < DIGEST_BYTES_MAX) __builtin_prefetch(digest + bytes - 1);
    }
}

/* Bound rows by their digests. */
static void bound_by_digests(const search *s, const digest_query *query, listed_rows *list) {
    const scan_items *items = s->items;
    int64_t kept = 0;
    for (int64_t i = 0; i < SIMD_DOTS && list->count > 0; i++)
        list->rows[list->count + i] = list->rows[list->count - 1];
    *s->scratch->effort += list->count * items->digest_bytes;
    fetch_digests(s, list->rows, list->count < DIGESTS_AHEAD ? list->count : DIGESTS_AHEAD);
    for (int64_t first = 0; first < list->count; first += SIMD_DOTS) {
        const int32_t *rows = list->rows + first;
        const int64_t left = list->count - first, ahead = left - DIGESTS_AHEAD;
        float bounds[SIMD_DOTS];
        if (ahead > 0)
            fetch_digests(s, rows + DIGESTS_AHEAD, ahead < SIMD_DOTS ? ahead : SIMD_DOTS);
        s->ops->codes->glance(items->digests, rows, query, bounds);
        kept = keep_near(s, list, first, left < SIMD_DOTS ? left : SIMD_DOTS, bounds, kept);
    }
    list->count = kept;
}

/* Roughly the order of falling bounds: the floor rises fast then, and what is last is not
 * read at all. */
static void best_first(const listed_rows *list, uint16_t *order) {
    enum { STEPS = 64 };
    int32_t ends[STEPS + 1] = {0};
    uint8_t steps[ROOM];
    float lowest = INFINITY, highest = -INFINITY;
    for (int64_t i = 0; i < list->count; i++) {
        lowest = fminf(lowest, list->most[i]);
        highest = fmaxf(highest, list->most[i]);
    }
    const float scale = (float)(STEPS - 1) / (highest - lowest);
    for (int64_t i = 0; i < list->count; i++) {
        const float step = (highest - list->most[i]) * scale;
        steps[i] = step > 0.0f && step < (float)STEPS ? (uint8_t)step : 0;
        ends[steps[i] + 1]++;
    }
    for (int i = 0; i < STEPS; i++) ends[i + 1] += ends[i];
    for (int64_t i = 0; i < list->count; i++) order[ends[steps[i]]++] = (uint16_t)i;
}

typedef struct {
    int32_t rows[SIMD_DOTS];
    float most[SIMD_DOTS];
    int64_t count;
} chunk;

/* The next rows that can matter, asked for. */
static int64_t next_chunk(const search *s, const listed_rows *list, const uint16_t *order,
                          int64_t at, chunk *out) {
    const int64_t width = s->items->factor_count;
    for (out->count = 0; at < list->count && out->count < SIMD_DOTS; at++) {
        const int64_t place = order == NULL ? at : order[at];
        const float most = list->most[place];
        if (most < s->floor) continue;
        const int32_t row = list->rows[place];
        const char *bytes = (const char *)(s->items->factors + row * width);
        for (int64_t b = 0; b < width * 4; b += 64) __builtin_prefetch(bytes + b);
        out->rows[out->count] = row;
        out->most[out->count++] = most;
    }
    return at;
}

/* Bound rows by float32 dot products, which err by `error`; score the survivors. */
static void look_at_chunk(search *s, chunk *near, float error) {
    const scan_items *items = s->items;
    float bounds[SIMD_DOTS];
    int64_t count = 0;
    for (int64_t i = 0; i < near->count; i++) {
        near->rows[count] = near->rows[i];
        count += !(near->most[i] < s->floor); /* which may have risen since */
    }
    if (count == 0) return;
    for (int64_t i = count; i < SIMD_DOTS; i++) near->rows[i] = near->rows[0];
    *s->scratch->effort += count * items->factor_count * 4;
    s->ops->dots(items->factors, items->factor_count, near->rows, s->query->vector, bounds);
    for (int64_t i = 0; i < count; i++) {
        const int32_t row = near->rows[i];
        if (!(add_priors(s, row, bounds[i] + error) < s->floor)) search_offer(s, row, 0.0, 0.0);
    }
}

/* In the order given, or as they are listed. */
static void look_at_rows(search *s, const listed_rows *list, const uint16_t *order, float error) {
    chunk chunks[2];
    int64_t at = next_chunk(s, list, order, 0, &chunks[0]);
    for (int now = 0; chunks[now].count > 0; now = 1 - now) {
        at = next_chunk(s, list, order, at, &chunks[1 - now]);
        look_at_chunk(s, &chunks[now], error);
    }
}

/* ------------------------------------------------------------------------ entry */

/* Search a span; `query` is NULL where digests are of no use. */
static void search_span(search *s, const digest_query *query, listed_span span) {
    listed_rows list;
    int64_t enough = LISTED_FIRST;
    /* Where most blocks allow nothing, digests are as quickly read as ranks. */
    const int is_sparse = query != NULL && s->allowed_most * SIMD_BLOCK < s->items->item_count;
    while (span.block < span.stop) {
        const int reach = s->is_safe ? last_in_reach(s) : CODES_RANK_COUNT - 1;
        if (reach < span.last) span.last = reach;
        if (span.last < span.first) return;
        span.is_all = is_sparse || (span.first == 0 && span.last >= rank_count(s->items) - 1);
        list.count = 0;
        list_rows(s, &span, enough, &list);
        if (!s->is_safe) {
            for (int64_t i = 0; i < list.count; i++) search_offer(s, list.rows[i], 0.0, 0.0);
            continue;
        }
        /* No row of the span is longer than the first of its ranks. */
        const float error = rank_norm(s->items, span.first) * s->error_per_norm;
        if (query != NULL) {
            uint16_t order[ROOM];
            bound_by_digests(s, query, &list);
            best_first(&list, order);
            look_at_rows(s, &list, order, error);
        } else {
            bound_by_norms(s, &list);
            look_at_rows(s, &list, NULL, error);
        }
        if (enough < LISTED_MAX) enough *= 2;
    }
}

/* How many ranks hold enough of the longest rows. */
static int seed_ranks(const search *s) {
    const int64_t wanted = SEEDS_MIN + SEEDS_PER_RESULT * (int64_t)s->top.capacity;
    const int64_t least = s->items->item_count / SIMD_BLOCK;
    if (s->allowed_most < (SEEDED_MIN * wanted > least ? SEEDED_MIN * wanted : least)) return 0;
    const int64_t ranks = wanted * CODES_RANK_COUNT / (s->allowed_most + 1) + 1;
    return ranks < CODES_RANK_COUNT ? (int)ranks : CODES_RANK_COUNT;
}

static void encode_query(const search *s, digest_query *out) {
    const scan_items *items = s->items;
    double rotated[CODES_FACTOR_COUNT_MAX];
    s->ops->rotate(s->query->vector, items->codes->rotation, items->factor_count, rotated);
    codes_digest_query(items->codes, rotated, s->norm, s->ops->codes->code_max,
                       items->digest_bytes, out);
}

void search_listed(search *s) {
    const scan_items *items = s->items;
    const int64_t blocks = (items->item_count + SIMD_BLOCK - 1) / SIMD_BLOCK;
    /* Where heads do not tell items apart, neither do digests, nor do norms much. */
    const int is_flat = items->codes->first_stage >= STAGE_ALL4;
    const int seeds = is_flat ? 0 : seed_ranks(s), last = CODES_RANK_COUNT - 1;
    const digest_query *query = NULL;
    digest_query coded;
    if (!is_flat && items->digests != NULL && search_codes_fit(s)) {
        encode_query(s, &coded);
        query = &coded;
    }
    search_span(s, query, (listed_span){0, blocks, 0, seeds - 1, 0});
    search_span(s, query, (listed_span){0, blocks, seeds, last, 0});
}
