/* Exact top-k in one pass over the items.
 *
 * Score, defined to the last bit (all operations in float64, round to nearest):
 *
 *     score(i) = (((dot(i) + links(i)) + prior(i)) + own_prior(i)) + boost(i)
 *
 *   dot    products of the float32 factors, which are exact in float64, summed
 *          in 8 lanes (factor j goes to lane j mod 8, in ascending order) that are
 *          combined by `simd_tree`;
 *   links  weight_h * item_item[h, i], exact again, summed from 0 in the order of
 *          the history, and within one history row in the order of its entries;
 *   prior, own_prior  as they are; the latter is the row of priors that the query
 *          names;
 *   boost  summed from 0 in the order of the query's list.
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
 *   prior  Adding both in float32 costs at most 6 u P, P the largest sum of their
 *          magnitudes; 8 u P are taken off the threshold together with 2^-120 for
 *          whatever underflows (f 2^-149 at most).
 *
 * Both bounds need float32 products that do not overflow: where N or P could
 * exceed 1e37, everything in reach is scored exactly.
 *
 * Items with an item-item part or a boost are scored first (their bound would be
 * loose, and they raise the threshold early).
 */
#include "scan.h"

#include <assert.h>

#include "arithmetic.h"
#include "search.h"

static const double UNIT = 0x1p-24;
static const double UNDERFLOW_SLACK = 0x1p-120;
static const double SAFE_MAX = 1e37;

/* ------------------------------------------------------------ small parts */

static int is_row(const scan_items *items, int32_t row) {
    return row >= 0 && row < items->item_count;
}

static void exact_parts(const search *s, int32_t row, double links, double boost,
                        double *parts) {
    const scan_items *items = s->items;
    parts[PART_DOT] = 0.0;
    if (s->has_dot)
        parts[PART_DOT] =
            s->ops->dot_exact(s->query->vector, items->factors + row * items->factor_count,
                              items->factor_count);
    parts[PART_LINKS] = links;
    parts[PART_PRIOR] = items->prior == NULL ? 0.0 : (double)items->prior[row];
    parts[PART_OWN_PRIOR] = s->own_prior == NULL ? 0.0 : (double)s->own_prior[row];
    parts[PART_BOOST] = boost;
}

static double sum_parts(const double *parts) {
    double score = parts[PART_DOT];
    for (int part = PART_LINKS; part < PART_COUNT; part++) score += parts[part];
    return score;
}

static double exact_score(const search *s, int32_t row, double links, double boost) {
    double parts[PART_COUNT];
    exact_parts(s, row, links, boost, parts);
    return sum_parts(parts);
}

double search_offer(search *s, int32_t row, double links, double boost) {
    const double score = exact_score(s, row, links, boost);
    if (top_offer(&s->top, row, score))
        s->floor = fmaxf(s->floor, round_down(top_threshold(&s->top) - s->prior_slack));
    return score;
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
    for (int64_t i = 0; i < query->boost_count; i++) {
        *position = i;
        if (!is_row(items, query->boost_rows[i])) return SCAN_BOOST;
        if (!isfinite(query->boost_values[i])) return SCAN_BOOST_VALUE;
    }
    if (query->prior_row < -1 || query->prior_row >= items->prior_row_count)
        return SCAN_PRIOR_ROW;
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
    s->norm = norm;
    s->has_dot = norm > 0.0;
    s->query_norm = round_up(norm * (1.0 + 16.0 * UNIT));
    s->error_per_norm = round_up((double)(width + 16) * UNIT * norm * (1.0 + 16.0 * UNIT));
    const int64_t own = s->query->prior_row;
    s->own_prior = own < 0 ? NULL : items->priors + own * items->item_count;
    const float own_max = own < 0 ? 0.0f : items->priors_max[own];
    s->is_safe = (double)s->query_norm * (double)items->norm_max < SAFE_MAX &&
                 items->prior_max < SAFE_MAX && own_max < SAFE_MAX;
    s->prior_max = round_up((double)items->prior_max + (double)own_max);
    s->prior_slack = 8.0 * UNIT * s->prior_max + UNDERFLOW_SLACK;
    s->floor = -INFINITY;
    s->touched_count = 0;
    s->taken_count = 0;
    s->allowed_most = items->item_count;
    s->pending_count = 0;
    s->lowest_count = 0;
    s->candidate_count = 0;
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

/* The slot of a touched item, new or known. */
static int64_t touch(search *s, int32_t item) {
    const scan_scratch *scratch = s->scratch;
    const int64_t slot = find_slot(scratch, item);
    if (scratch->keys[slot] == -1) {
        assert(2 * s->touched_count <= scratch->slot_mask + 1);
        scratch->keys[slot] = item;
        scratch->sums[slot] = 0.0;
        scratch->boosts[slot] = 0.0;
        scratch->slots[s->touched_count++] = (int32_t)slot;
    }
    return slot;
}

static int sum_links(search *s) {
    const scan_items *items = s->items;
    const scan_query *query = s->query;
    for (int64_t h = 0; items->link_starts != NULL && h < query->history_count; h++) {
        const double weight = query->history_weights[h];
        int64_t start, stop;
        if (!links_of(items, query->history_rows[h], &start, &stop)) return SCAN_LINKS;
        for (int64_t z = start; z < stop; z++) {
            const int32_t item = items->link_items[z];
            if (!is_row(items, item) || !isfinite(items->link_values[z])) return SCAN_LINKS;
            s->scratch->sums[touch(s, item)] += weight * (double)items->link_values[z];
        }
    }
    for (int64_t i = 0; i < query->boost_count; i++)
        s->scratch->boosts[touch(s, query->boost_rows[i])] += (double)query->boost_values[i];
    return SCAN_OK;
}

/* Leave the working memory as it was found. Whole words are cleared: whatever
 * else is set in them was set by this query too. */
static void clean(const search *s) {
    const scan_scratch *scratch = s->scratch;
    for (int64_t i = 0; i < s->query->excluded_count; i++)
        scratch->taken[s->query->excluded[i] >> 6] = 0;
    for (int64_t i = 0; i < s->items->head_count; i++) scratch->taken[s->items->head[i] >> 6] = 0;
    for (int64_t i = 0; i < s->query->extra_count; i++)
        scratch->taken[s->query->extra[i] >> 6] = 0;
    for (int64_t i = 0; i < s->touched_count; i++) {
        const int32_t slot = scratch->slots[i];
        scratch->taken[scratch->keys[slot] >> 6] = 0;
        scratch->keys[slot] = -1;
    }
}

/* ------------------------------------------------------- items out of turn */

static void offer_taking(search *s, int32_t row, double links, double boost) {
    if (is_taken(s->scratch, row) || !is_allowed(s->query, row)) return;
    take(s->scratch, row);
    s->taken_count++;
    search_offer(s, row, links, boost);
}

static void offer_first(search *s) {
    const scan_scratch *scratch = s->scratch;
    for (int64_t i = 0; i < s->query->excluded_count; i++) take(scratch, s->query->excluded[i]);
    s->taken_count = s->query->excluded_count;
    for (int64_t i = 0; i < s->touched_count; i++) {
        const int32_t slot = scratch->slots[i];
        offer_taking(s, scratch->keys[slot], scratch->sums[slot], scratch->boosts[slot]);
    }
}

static void offer_each(search *s, const int32_t *rows, int64_t count) {
    for (int64_t i = 0; i < count; i++) offer_taking(s, rows[i], 0.0, 0.0);
}

/* ----------------------------------------------------------------- entries */

/* Codes read a quarter of the bytes, but of all items: up to this share of allowed ones,
 * looking at these alone takes less. Measured: digests are so cheap that their place does
 * not matter; rows cost more where they lie in memory rather than in a cache, codes where
 * their heads do not tell items apart. */
static double gather_share(const scan_items *items) {
    const double bytes = 4.0 * (double)items->item_count * (double)items->factor_count;
    const double share = bytes < 0x1p25 ? 0.11 : bytes < 0x1p28 ? 0.07 : 0.03;
    if (items->codes->first_stage >= STAGE_ALL4) return 2.0 * share;
    return items->digests != NULL ? 0.2 : share;
}

static int masks_are_sparse(search *s) {
    const int64_t byte_count = (s->items->item_count + 7) / 8;
    for (int mask = 0; mask < s->query->allowed_count; mask++) {
        const int64_t allowed = s->ops->count_bits(s->query->allowed[mask], byte_count);
        if (allowed < s->allowed_most) s->allowed_most = allowed;
    }
    return (double)s->allowed_most < gather_share(s->items) * (double)s->items->item_count;
}

int search_begin(search *s, int64_t *position) {
    int fault = prepare(s, position);
    if (fault != SCAN_OK || s->top.capacity == 0) return fault;
    fault = sum_links(s);
    if (fault == SCAN_OK)
        offer_first(s);
    else
        clean(s);
    return fault;
}

int search_by_codes(search *s) {
    return search_codes_fit(s) && (s->query->subset != NULL || !masks_are_sparse(s));
}

void search_rows_first(search *s) {
    if (s->has_dot && s->items->norms == NULL) {
        search_listed(s);
        return;
    }
    offer_each(s, s->items->head, s->items->head_count);
    search_rows(s);
}

void search_extra(search *s) { offer_each(s, s->query->extra, s->query->extra_count); }

void search_end(search *s) {
    top_sort(&s->top);
    clean(s);
}

static int search_top_k(search *s, int64_t *position) {
    const int fault = search_begin(s, position);
    if (fault != SCAN_OK || s->top.capacity == 0) return fault;
    if (search_by_codes(s)) {
        search_extra(s);
        search_codes(s);
    } else {
        search_rows_first(s);
    }
    search_end(s);
    return fault;
}

static int search_score(search *s, const int32_t *rows, int64_t count, double *out_scores,
                        double *out_parts, int64_t *position) {
    int fault = prepare(s, position);
    if (fault != SCAN_OK) return fault;
    for (int64_t i = 0; i < count; i++) {
        *position = i;
        if (!is_row(s->items, rows[i])) return SCAN_ROW;
    }
    fault = sum_links(s);
    for (int64_t i = 0; fault == SCAN_OK && i < count; i++) {
        double links = 0.0, boost = 0.0;
        if (s->touched_count > 0) {
            const int64_t slot = find_slot(s->scratch, rows[i]);
            if (s->scratch->keys[slot] != -1) {
                links = s->scratch->sums[slot];
                boost = s->scratch->boosts[slot];
            }
        }
        double own_parts[PART_COUNT];
        double *parts = out_parts == NULL ? own_parts : out_parts + i * PART_COUNT;
        exact_parts(s, rows[i], links, boost, parts);
        out_scores[i] = sum_parts(parts);
    }
    clean(s);
    return fault;
}

int scan_top_k(const scan_items *items, const simd_ops *ops, const scan_query *query,
               const scan_scratch *scratch, int32_t capacity, int32_t *out_items,
               double *out_scores, int32_t *out_count, int64_t *position) {
    search s = {.items = items, .ops = ops, .query = query, .scratch = scratch};
    s.top = (top_heap){.items = out_items, .scores = out_scores, .capacity = capacity};
    const fenv_t caller = arithmetic_default();
    const int fault = search_top_k(&s, position);
    arithmetic_restore(caller);
    *out_count = fault == SCAN_OK ? s.top.count : 0;
    return fault;
}

int scan_score(const scan_items *items, const simd_ops *ops, const scan_query *query,
               const scan_scratch *scratch, const int32_t *rows, int64_t count,
               double *out_scores, double *out_parts, int64_t *position) {
    search s = {.items = items, .ops = ops, .query = query, .scratch = scratch};
    const fenv_t caller = arithmetic_default();
    const int fault = search_score(&s, rows, count, out_scores, out_parts, position);
    arithmetic_restore(caller);
    return fault;
}

int64_t scan_link_terms(const scan_items *items, const scan_query *query, int32_t row,
                        int32_t *out_positions, double *out_terms) {
    const fenv_t caller = arithmetic_default();
    int64_t found = 0;
    for (int64_t h = 0; items->link_starts != NULL && h < query->history_count; h++) {
        const double weight = query->history_weights[h];
        int64_t start, stop;
        if (!links_of(items, query->history_rows[h], &start, &stop)) break;
        for (int64_t z = start; z < stop; z++) {
            if (items->link_items[z] != row) continue;
            if (out_terms != NULL) {
                out_positions[found] = (int32_t)h;
                out_terms[found] = weight * (double)items->link_values[z];
            }
            found++;
        }
    }
    arithmetic_restore(caller);
    return found;
}

int64_t scan_reach(const scan_items *items, const int32_t *rows, int64_t count) {
    int64_t total = 0;
    for (int64_t h = 0; h < count; h++) {
        int64_t start, stop;
        if (!is_row(items, rows[h])) return -SCAN_HISTORY;
        if (!links_of(items, rows[h], &start, &stop)) return -SCAN_LINKS;
        total += stop - start;
    }
    return total;
}

int64_t scan_norms(const simd_ops *ops, const float *factors, int64_t item_count,
                   int64_t factor_count, float *norms) {
    const fenv_t caller = arithmetic_default();
    int64_t broken = -1;
    for (int64_t row = 0; row < item_count && broken < 0; row++) {
        const float *factor = factors + row * factor_count;
        const double norm = sqrt(ops->dot_exact(factor, factor, factor_count));
        if (!isfinite(norm)) broken = row;
        /* One step further than rounding up covers the float64 rounding too. */
        norms[row] = nextafterf(round_up(norm), INFINITY);
    }
    arithmetic_restore(caller);
    return broken;
}
