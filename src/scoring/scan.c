/* Exact top-k in one pass over the items.
 *
 * Score, defined to the last bit (all operations in float64, round to nearest):
 *
 *     score(i) = (dot(i) + links(i)) + prior(i)
 *
 *   dot    products of the float32 factors, which are exact in float64, summed
 *          in 8 lanes (factor j goes to lane j mod 8, in ascending order) that are
 *          combined by `simd_tree`;
 *   links  weight_h * item_item[h, i], exact again, summed from 0 in the order of
 *          the history, and within one history row in the order of its entries;
 *   prior  as it is.
 *
 * Finite inputs cannot give NaN: |dot| < 1024 * (3.5e38)^2 is far below the
 * float64 maximum, so no infinity ever arises to subtract from another.
 *
 * The pass is cheap and errs on the safe side; what survives is scored exactly.
 * With u = 2^-24, f factors, N = |query| |row| and P the largest |prior|:
 *
 *   reach  Cauchy-Schwarz: score <= N + prior. Skip where that is below the
 *          threshold. Row norms and the query norm are rounded up, the latter by
 *          16u more than needed, which pays for the float32 product and sum.
 *   dots   A float32 dot product in any order, fused or not, is within
 *          f u / (1 - f u) * N of the true one (Higham 2002, section 3.1), and for
 *          f <= 1024 that is less than (f + 1) u N. Skip where
 *          dot32 + (f + 16) u N + prior is below the threshold; the spare
 *          15 u N pay for evaluating this expression in float32 and for the
 *          float64 score's own rounding (below 2^-40 N).
 *   prior  Adding it in float32 costs at most 2 u P, taken off the threshold
 *          together with 2^-120 for whatever underflows (f 2^-149 at most).
 *
 * Both bounds need float32 products that do not overflow: where N or P could
 * exceed 1e37, everything in reach is scored exactly.
 *
 * Items touched by the item-item part are scored first (their bound would be
 * loose, and they raise the threshold early), then the rows of largest norm.
 */
#include "scan.h"

#include <assert.h>
#include <fenv.h>
#include <math.h>
#include <stddef.h>

#include "top.h"

static const double UNIT = 0x1p-24;
static const double UNDERFLOW_SLACK = 0x1p-120;
static const double SAFE_MAX = 1e37;
enum { PENDING_MAX = 2 * SIMD_DOTS };

typedef struct {
    const scan_items *items;
    const simd_ops *ops;
    const scan_query *query;
    const scan_scratch *scratch;
    top_heap top;
    int has_dot;          /* the query vector is there and not zero */
    int is_safe;          /* the float32 pass cannot overflow */
    float query_norm;     /* rounded up */
    float error_per_norm; /* error of a float32 dot product per unit of row norm */
    double prior_slack;
    float floor;          /* bounds below it cannot reach the threshold */
    int64_t touched_count;
    int32_t pending[PENDING_MAX];
    int pending_count;
} search;

/* ------------------------------------------------------------ small parts */

static float round_down(double value) {
    const float nearest = (float)value;
    return (double)nearest > value ? nextafterf(nearest, -INFINITY) : nearest;
}

static float round_up(double value) { return -round_down(-value); }

static int is_row(const scan_items *items, int32_t row) {
    return row >= 0 && row < items->item_count;
}

static int is_taken(const scan_scratch *scratch, int32_t row) {
    return (int)(scratch->taken[row >> 6] >> (row & 63) & 1);
}

static void take(const scan_scratch *scratch, int32_t row) {
    scratch->taken[row >> 6] |= (uint64_t)1 << (row & 63);
}

static int is_allowed(const scan_query *query, int32_t row) {
    return query->allowed == NULL || (query->allowed[row >> 3] >> (row & 7) & 1);
}

static double exact_score(const search *s, int32_t row, double links) {
    const scan_items *items = s->items;
    double dot = 0.0;
    if (s->has_dot)
        dot = s->ops->dot_exact(s->query->vector, items->factors + row * items->factor_count,
                                items->factor_count);
    return (dot + links) + (items->prior == NULL ? 0.0 : (double)items->prior[row]);
}

static void offer(search *s, int32_t row, double links) {
    if (!top_offer(&s->top, row, exact_score(s, row, links))) return;
    s->floor = round_down(top_threshold(&s->top) - s->prior_slack);
}

/* ------------------------------------------------------- checks and set-up */

static int check_query(const scan_items *items, const scan_query *query, int64_t *position) {
    for (int64_t i = 0; i < query->excluded_count; i++) {
        *position = i;
        if (!is_row(items, query->excluded[i])) return SCAN_EXCLUDED;
    }
    for (int64_t h = 0; h < query->history_count; h++) {
        *position = h;
        if (!is_row(items, query->history_rows[h])) return SCAN_HISTORY;
        if (!isfinite(query->history_weights[h])) return SCAN_WEIGHT;
    }
    return SCAN_OK;
}

static int prepare(search *s, int64_t *position) {
    const scan_items *items = s->items;
    const int64_t width = items->factor_count;
    const int fault = check_query(items, s->query, position);
    if (fault != SCAN_OK) return fault;
    double norm = 0.0;
    if (s->query->vector != NULL)
        norm = sqrt(s->ops->dot_exact(s->query->vector, s->query->vector, width));
    if (!isfinite(norm)) return SCAN_VECTOR;
    s->has_dot = norm > 0.0;
    s->query_norm = round_up(norm * (1.0 + 16.0 * UNIT));
    s->error_per_norm = round_up((double)(width + 16) * UNIT * norm * (1.0 + 16.0 * UNIT));
    s->is_safe = (double)s->query_norm * (double)items->norm_max < SAFE_MAX &&
                 items->prior_max < SAFE_MAX;
    s->prior_slack = 4.0 * UNIT * items->prior_max + UNDERFLOW_SLACK;
    s->floor = -INFINITY;
    s->touched_count = 0;
    s->pending_count = 0;
    return SCAN_OK;
}

/* -------------------------------------------------------- item-item part */

static int64_t find_slot(const scan_scratch *scratch, int32_t item) {
    int64_t slot = (int64_t)((uint32_t)item * 2654435769u >> 7) & scratch->slot_mask;
    while (scratch->keys[slot] != item && scratch->keys[slot] != -1)
        slot = (slot + 1) & scratch->slot_mask;
    return slot;
}

static int links_of(const scan_items *items, int32_t row, int64_t *start, int64_t *stop) {
    *start = items->link_starts[row];
    *stop = items->link_starts[row + 1];
    return *start >= 0 && *start <= *stop && *stop <= items->link_count;
}

static int sum_links(search *s) {
    const scan_items *items = s->items;
    const scan_scratch *scratch = s->scratch;
    if (items->link_starts == NULL) return SCAN_OK;
    for (int64_t h = 0; h < s->query->history_count; h++) {
        const double weight = s->query->history_weights[h];
        int64_t start, stop;
        if (!links_of(items, s->query->history_rows[h], &start, &stop)) return SCAN_LINKS;
        for (int64_t z = start; z < stop; z++) {
            const int32_t item = items->link_items[z];
            if (!is_row(items, item) || !isfinite(items->link_values[z])) return SCAN_LINKS;
            const int64_t slot = find_slot(scratch, item);
            if (scratch->keys[slot] == -1) {
                assert(2 * s->touched_count <= scratch->slot_mask + 1);
                scratch->keys[slot] = item;
                scratch->sums[slot] = 0.0;
                scratch->slots[s->touched_count++] = (int32_t)slot;
            }
            scratch->sums[slot] += weight * (double)items->link_values[z];
        }
    }
    return SCAN_OK;
}

/* Leave the working memory as it was found. Whole words are cleared: whatever
 * else is set in them was set by this query too. */
static void clean(const search *s) {
    const scan_scratch *scratch = s->scratch;
    for (int64_t i = 0; i < s->query->excluded_count; i++)
        scratch->taken[s->query->excluded[i] >> 6] = 0;
    for (int64_t i = 0; i < s->items->head_count; i++) scratch->taken[s->items->head[i] >> 6] = 0;
    for (int64_t i = 0; i < s->touched_count; i++) {
        const int32_t slot = scratch->slots[i];
        scratch->taken[scratch->keys[slot] >> 6] = 0;
        scratch->keys[slot] = -1;
    }
}

/* ------------------------------------------------------------------ scan */

static void offer_first(search *s) {
    const scan_scratch *scratch = s->scratch;
    for (int64_t i = 0; i < s->query->excluded_count; i++) take(scratch, s->query->excluded[i]);
    for (int64_t i = 0; i < s->touched_count; i++) {
        const int32_t slot = scratch->slots[i], row = scratch->keys[slot];
        if (is_taken(scratch, row) || !is_allowed(s->query, row)) continue;
        take(scratch, row);
        offer(s, row, scratch->sums[slot]);
    }
    for (int64_t i = 0; i < s->items->head_count; i++) {
        const int32_t row = s->items->head[i];
        if (is_taken(scratch, row) || !is_allowed(s->query, row)) continue;
        take(scratch, row);
        offer(s, row, 0.0);
    }
}

/* The items of a block that are allowed and not yet dealt with. */
static uint64_t live_items(const search *s, int64_t block, int64_t count) {
    uint64_t live = ~s->scratch->taken[block];
    if (s->query->allowed != NULL) {
        const uint8_t *bytes = s->query->allowed + 8 * block;
        const int64_t byte_count = (count + 7) / 8;
        uint64_t allowed = 0;
        for (int64_t i = 0; i < byte_count; i++) allowed |= (uint64_t)bytes[i] << (8 * i);
        live &= allowed;
    }
    return count < SIMD_BLOCK ? live & (((uint64_t)1 << count) - 1) : live;
}

/* Those whose bound without a dot product reaches the floor. */
static uint64_t in_reach(const search *s, int64_t first, int64_t count) {
    const scan_items *items = s->items;
    const float *prior = items->prior == NULL ? NULL : items->prior + first;
    if (count == SIMD_BLOCK && s->has_dot)
        return s->ops->reach(items->norms + first, prior, s->query_norm, s->floor);
    uint64_t bits = 0;
    for (int64_t i = 0; i < count; i++) {
        float bound = s->has_dot ? items->norms[first + i] * s->query_norm : 0.0f;
        if (prior != NULL) bound += prior[i];
        bits |= (uint64_t)!(bound < s->floor) << i;
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
        float bound = bounds[i] + items->norms[row] * s->error_per_norm;
        if (items->prior != NULL) bound += items->prior[row];
        if (!(bound < s->floor)) offer(s, row, 0.0);
    }
    s->pending_count -= count;
    for (int i = 0; i < s->pending_count; i++) s->pending[i] = s->pending[SIMD_DOTS + i];
}

static void push(search *s, int32_t row) {
    if (!s->has_dot || !s->is_safe) {
        offer(s, row, 0.0);
        return;
    }
    /* The row is read at the next flush but one: ask the memory for it now. */
    const char *bytes = (const char *)(s->items->factors + row * s->items->factor_count);
    for (int64_t b = 0; b < s->items->factor_count * 4; b += 64) __builtin_prefetch(bytes + b);
    s->pending[s->pending_count++] = row;
    if (s->pending_count == PENDING_MAX) flush(s);
}

static void scan_blocks(search *s) {
    const int64_t item_count = s->items->item_count;
    const int all_zero = !s->has_dot && s->items->prior == NULL;
    for (int64_t block = 0, first = 0; first < item_count; block++, first += SIMD_BLOCK) {
        /* Untouched items all score 0: those from here on lose to a full heap of
         * better scores or of zeros at lower rows. */
        if (all_zero && s->top.count == s->top.capacity &&
            !top_outranks(0.0, (int32_t)first, s->top.scores[0], s->top.items[0]))
            return;
        const int64_t left = item_count - first;
        const int64_t count = left < SIMD_BLOCK ? left : SIMD_BLOCK;
        uint64_t live = live_items(s, block, count);
        if (live != 0) live &= in_reach(s, first, count);
        for (; live != 0; live &= live - 1) push(s, (int32_t)(first + __builtin_ctzll(live)));
    }
    while (s->pending_count > 0) flush(s);
}

/* ----------------------------------------------------------------- entries */

static int search_top_k(search *s, int64_t *position) {
    int fault = prepare(s, position);
    if (fault != SCAN_OK || s->top.capacity == 0) return fault;
    fault = sum_links(s);
    if (fault == SCAN_OK) {
        offer_first(s);
        scan_blocks(s);
        top_sort(&s->top);
    }
    clean(s);
    return fault;
}

static int search_score(search *s, const int32_t *rows, int64_t count, double *out_scores,
                        int64_t *position) {
    int fault = prepare(s, position);
    if (fault != SCAN_OK) return fault;
    for (int64_t i = 0; i < count; i++) {
        *position = i;
        if (!is_row(s->items, rows[i])) return SCAN_ROW;
    }
    fault = sum_links(s);
    for (int64_t i = 0; fault == SCAN_OK && i < count; i++) {
        double links = 0.0;
        if (s->touched_count > 0) {
            const int64_t slot = find_slot(s->scratch, rows[i]);
            if (s->scratch->keys[slot] != -1) links = s->scratch->sums[slot];
        }
        out_scores[i] = exact_score(s, rows[i], links);
    }
    clean(s);
    return fault;
}

int scan_top_k(const scan_items *items, const simd_ops *ops, const scan_query *query,
               const scan_scratch *scratch, int32_t capacity, int32_t *out_items,
               double *out_scores, int32_t *out_count, int64_t *position) {
    search s = {.items = items, .ops = ops, .query = query, .scratch = scratch};
    s.top = (top_heap){.items = out_items, .scores = out_scores, .capacity = capacity};
    /* The caller's rounding mode and flush-to-zero bits would change the scores. */
    fenv_t caller;
    fegetenv(&caller);
    fesetenv(FE_DFL_ENV);
    const int fault = search_top_k(&s, position);
    fesetenv(&caller);
    *out_count = fault == SCAN_OK ? s.top.count : 0;
    return fault;
}

int scan_score(const scan_items *items, const simd_ops *ops, const scan_query *query,
               const scan_scratch *scratch, const int32_t *rows, int64_t count,
               double *out_scores, int64_t *position) {
    search s = {.items = items, .ops = ops, .query = query, .scratch = scratch};
    fenv_t caller;
    fegetenv(&caller);
    fesetenv(FE_DFL_ENV);
    const int fault = search_score(&s, rows, count, out_scores, position);
    fesetenv(&caller);
    return fault;
}

int64_t scan_reach(const scan_items *items, const int32_t *rows, int64_t count) {
    int64_t total = 0;
    for (int64_t h = 0; h < count; h++) {
        int64_t start, stop;
        if (!is_row(items, rows[h]) || !links_of(items, rows[h], &start, &stop)) return -1;
        total += stop - start;
    }
    return total;
}

int64_t scan_norms(const simd_ops *ops, const float *factors, int64_t item_count,
                   int64_t factor_count, float *norms) {
    for (int64_t row = 0; row < item_count; row++) {
        const float *factor = factors + row * factor_count;
        const double norm = sqrt(ops->dot_exact(factor, factor, factor_count));
        if (!isfinite(norm)) return row;
        /* One step further than rounding up covers the float64 rounding too. */
        norms[row] = nextafterf(round_up(norm), INFINITY);
    }
    return -1;
}
