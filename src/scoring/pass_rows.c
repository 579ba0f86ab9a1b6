/* The pass over the float32 rows themselves: needs nothing prepared but the norms,
 * and skips whole blocks where a mask allows few. The bounds are proved in scan.c. */
#include "search.h"

#include <string.h>

enum { FAR_MAX = 2 * SIMD_BLOCK };

/* Bits i of 8 bytes, or of fewer at the end. */
static uint64_t bits_of(const uint8_t *bytes, int64_t byte_count) {
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
static uint64_t live_items(const search *s, int64_t block, int64_t count) {
    uint64_t live = ~s->scratch->taken[block];
    const int64_t byte_count = (count + 7) / 8;
    for (int mask = 0; mask < s->query->allowed_count && live != 0; mask++)
        live &= bits_of(s->query->allowed[mask] + 8 * block, byte_count);
    return count == SIMD_BLOCK ? live : live & (((uint64_t)1 << count) - 1);
}

static float add_priors(const search *s, int32_t row, float bound) {
    if (s->items->prior != NULL) bound += s->items->prior[row];
    return s->own_prior == NULL ? bound : bound + s->own_prior[row];
}

/* Those of the live whose bound without a dot product reaches the floor. */
static uint64_t in_reach(const search *s, int64_t first, int64_t count, uint64_t live) {
    const scan_items *items = s->items;
    if (count == SIMD_BLOCK && s->has_dot && items->norms != NULL && s->own_prior == NULL)
        return live & s->ops->reach(items->norms + first,
                                    items->prior == NULL ? NULL : items->prior + first,
                                    s->query_norm, s->floor);
    uint64_t bits = 0;
    for (; live != 0; live &= live - 1) {
        const int place = __builtin_ctzll(live);
        const int32_t row = (int32_t)(first + place);
        const float bound = s->has_dot ? row_norm(items, row) * s->query_norm : 0.0f;
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
        const float bound = bounds[i] + row_norm(items, row) * s->error_per_norm;
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

/* Without norms by row, codes give them, which takes a look at a place far away: rows
 * wait for that together. */
static void push_far(search *s, const int32_t *rows, int64_t count) {
    for (int64_t i = 0; i < count; i++) {
        const float bound = row_norm(s->items, rows[i]) * s->query_norm;
        if (!(add_priors(s, rows[i], bound) < s->floor)) push(s, rows[i]);
    }
}

void search_rows(search *s) {
    const int is_far = s->has_dot && s->items->norms == NULL;
    int32_t far[FAR_MAX];
    int64_t far_count = 0;
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
        if (is_far) {
            for (; live != 0; live &= live - 1) {
                far[far_count] = (int32_t)(first + __builtin_ctzll(live));
                __builtin_prefetch(s->items->places + far[far_count++]);
            }
            if (far_count <= FAR_MAX - SIMD_BLOCK) continue;
            push_far(s, far, far_count);
            far_count = 0;
            continue;
        }
        if (live != 0) live = in_reach(s, first, count, live);
        for (; live != 0; live &= live - 1) push(s, (int32_t)(first + __builtin_ctzll(live)));
    }
    push_far(s, far, far_count);
    while (s->pending_count > 0) flush(s);
}
