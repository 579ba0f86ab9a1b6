/* The pass over allowed rows where norms come from codes: made for masks that allow few.
 *
 * Allowed rows are listed by the thousand, those out of reach are dropped, and only what is
 * left is read, each row asked for while others are multiplied. The bounds are proved in
 * scan.c. */
#include "search.h"

enum {
    LISTED_MAX = 1024, /* rows that are listed before they are looked at */
    LISTED_FIRST = 64, /* fewer at first: the floor rises fastest there */
    WORDS_AT_ONCE = 16,
};

typedef struct {
    int32_t rows[LISTED_MAX + WORDS_AT_ONCE * 64 + SIMD_DOTS];
    float norms[LISTED_MAX + WORDS_AT_ONCE * 64 + SIMD_DOTS];
    int64_t count;
} listed_rows;

/* Add the rows of one word of allowed ones. Most have few, so that several places are
 * written at a time and counted afterwards: which branches would go otherwise is anyone's
 * guess. */
static void list_word(listed_rows *list, int64_t first, uint64_t live) {
    const uint64_t last = (uint64_t)1 << 63; /* keeps the count of zeros defined */
    while (live != 0) {
        int32_t *rows = list->rows + list->count;
        for (int i = 0; i < 4; i++) {
            rows[i] = (int32_t)first + __builtin_ctzll(live | last);
            list->count += live != 0;
            live &= live - 1;
        }
    }
}

/* What is allowed and not yet dealt with of some blocks of 64 items, all of them whole. */
static void live_words(const search *s, int64_t block, uint64_t live[WORDS_AT_ONCE]) {
    for (int i = 0; i < WORDS_AT_ONCE; i++) live[i] = ~s->scratch->taken[block + i];
    for (int mask = 0; mask < s->query->allowed_count; mask++) {
        const uint8_t *bytes = s->query->allowed[mask] + 8 * block;
        for (int i = 0; i < WORDS_AT_ONCE; i++) live[i] &= bits_of(bytes + 8 * i, 8);
    }
}

/* List rows from a block of 64 on, until there are enough; returns the block to go on at. */
static int64_t list_rows(const search *s, int64_t block, int64_t enough, listed_rows *list) {
    const int64_t item_count = s->items->item_count, whole = item_count / SIMD_BLOCK;
    while (list->count < enough && block + WORDS_AT_ONCE <= whole) {
        uint64_t live[WORDS_AT_ONCE];
        live_words(s, block, live);
        for (int i = 0; i < WORDS_AT_ONCE; i++) list_word(list, (block + i) * SIMD_BLOCK, live[i]);
        block += WORDS_AT_ONCE;
    }
    for (; list->count < enough && block * SIMD_BLOCK < item_count; block++) {
        const int64_t first = block * SIMD_BLOCK, left = item_count - first;
        list_word(list, first, live_items(s, block, left < SIMD_BLOCK ? left : SIMD_BLOCK));
    }
    return block;
}

/* At least the norm of a row. */
static float row_norm(const scan_items *items, int32_t row) {
    return items->codes->norms[items->places[row] / CODES_GROUP];
}

/* Drop the rows that are out of reach. Their norms are far from each other, and many
 * are looked up at a time because no branch waits for them. */
static void drop_far(const search *s, listed_rows *list) {
    const scan_items *items = s->items;
    int64_t kept = 0;
    for (int64_t i = 0; i < list->count; i++) {
        const int32_t row = list->rows[i];
        const float norm = row_norm(items, row);
        list->rows[kept] = row;
        list->norms[kept] = norm;
        kept += !(add_priors(s, row, norm * s->query_norm) < s->floor);
    }
    list->count = kept;
}

static void fetch_rows(const search *s, const int32_t *rows, int64_t count) {
    const int64_t width = s->items->factor_count;
    for (int64_t i = 0; i < count; i++) {
        const char *bytes = (const char *)(s->items->factors + rows[i] * width);
        for (int64_t b = 0; b < width * 4; b += 64) __builtin_prefetch(bytes + b);
    }
}

/* Bound the rows by float32 dot products, 16 at a time; score the survivors. */
static void look_at_rows(search *s, listed_rows *list) {
    const scan_items *items = s->items;
    for (int64_t i = 0; i < SIMD_DOTS && list->count > 0; i++)
        list->rows[list->count + i] = list->rows[list->count - 1];
    for (int64_t first = 0; first < list->count; first += SIMD_DOTS) {
        float bounds[SIMD_DOTS];
        const int64_t left = list->count - first;
        const int64_t count = left < SIMD_DOTS ? left : SIMD_DOTS;
        const int64_t ahead = left - count < SIMD_DOTS ? left - count : SIMD_DOTS;
        if (first == 0) fetch_rows(s, list->rows, count);
        fetch_rows(s, list->rows + first + SIMD_DOTS, ahead);
        s->ops->dots(items->factors, items->factor_count, list->rows + first, s->query->vector,
                     bounds);
        for (int64_t i = 0; i < count; i++) {
            const int32_t row = list->rows[first + i];
            const float bound = bounds[i] + list->norms[first + i] * s->error_per_norm;
            if (!(add_priors(s, row, bound) < s->floor)) search_offer(s, row, 0.0, 0.0);
        }
    }
}

void search_listed(search *s) {
    listed_rows list;
    int64_t enough = LISTED_FIRST;
    for (int64_t block = 0; block * SIMD_BLOCK < s->items->item_count;) {
        list.count = 0;
        block = list_rows(s, block, enough, &list);
        if (s->is_safe) {
            drop_far(s, &list);
            look_at_rows(s, &list);
        } else {
            for (int64_t i = 0; i < list.count; i++) search_offer(s, list.rows[i], 0.0, 0.0);
        }
        if (enough < LISTED_MAX) enough *= 2;
    }
}
