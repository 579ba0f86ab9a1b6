/* The pass over the float32 rows themselves: needs nothing prepared but the norms,
 * and skips whole blocks where a mask allows few. The bounds are proved in scan.c. */
#include "search.h"

/* Those of the live whose bound without a dot product reaches the floor. */
static uint64_t in_reach(const search *s, int64_t first, int64_t count, uint64_t live) {
    const scan_items *items = s->items;
    if (count == SIMD_BLOCK && s->has_dot && s->own_prior == NULL)
        return live & s->ops->reach(items->norms + first,
                                    items->prior == NULL ? NULL : items->prior + first,
                                    s->query_norm, s->floor);
    uint64_t bits = 0;
    for (; live != 0; live &= live - 1) {
        const int place = __builtin_ctzll(live);
        const int32_t row = (int32_t)(first + place);
        const float bound = s->has_dot ? items->norms[row] * s->query_norm : 0.0f;
        bits |= (uint64_t)!(add_priors(s, row, bound) < s->floor) << place;
    }
    return bits;
}

/* Bound the first 16 pending rows by float32 dot products; score the survivors. */
static void flush(search *s) {
    const scan_items *items = s->items;
    const int count = s->pending_count < SIMD_DOTS ? s->pending_count : SIMD_DOTS;
    for (int i = count; i < SIMD_DOTS; i++) s->pending[i] = s->pending[0];
    float bounds[SIMD_DOTS];
    s->ops->dots(items->factors, items->factor_count, s->pending, s->query->vector, bounds);
    for (int i = 0; i < count; i++) {
        const int32_t row = s->pending[i];
        const float bound = bounds[i] + items->norms[row] * s->error_per_norm;
        if (!(add_priors(s, row, bound) < s->floor)) search_offer(s, row, 0.0, 0.0);
    }
    s->pending_count -= count;
    for (int i = 0; i < s->pending_count; i++) s->pending[i] = s->pending[SIMD_DOTS + i];
}

static void push(search *s, int32_t row) {
    if (!s->has_dot || !s->is_safe) {
        search_offer(s, row, 0.0, 0.0);
        return;
    }
    /* The row is read at the next flush but one: ask the memory for it now. */
    const char *bytes = (const char *)(s->items->factors + row * s->items->factor_count);
    for (int64_t b = 0; b < s->items->factor_count * 4; b += 64) __builtin_prefetch(bytes + b);
    s->pending[s->pending_count++] = row;
    if (s->pending_count == PENDING_MAX) flush(s);
}

void search_rows(search *s) {
    const int64_t item_count = s->items->item_count;
    const int all_zero = !s->has_dot && s->items->prior == NULL && s->own_prior == NULL;
    for (int64_t block = 0, first = 0; first < item_count; block++, first += SIMD_BLOCK) {
        /* Untouched items all score 0: those from here on lose to a full heap of
         * better scores or of zeros at lower rows. */
        if (all_zero && s->top.count == s->top.capacity &&
            !top_outranks(0.0, (int32_t)first, s->top.scores[0], s->top.items[0]))
            return;
        const int64_t left = item_count - first;
        const int64_t count = left < SIMD_BLOCK ? left : SIMD_BLOCK;
        uint64_t live = live_items(s, block, count);
        if (live != 0) live = in_reach(s, first, count, live);
        for (; live != 0; live &= live - 1) push(s, (int32_t)(first + __builtin_ctzll(live)));
    }
    while (s->pending_count > 0) flush(s);
}
