/* The pass over the codes, largest norms first. The bounds are proved in codes.c.
 *
 * Groups go through a cheap stage, and those with a survivor through the last one,
 * which puts each item's score between two bounds. The k-th best lower bound of
 * distinct items (`lowest`) is a threshold as good as a k-th best score, so that
 * only what reaches it in the end is read as float32 and scored in float64: a dozen
 * items or two.
 *
 * Which stage comes first is decided when the codes are made, for typical queries,
 * and again and again on the way: one that lets too many groups pass is left for
 * the next, more thorough one, and tried again later. So on data that defy pruning
 * this is one dense pass over the codes.
 */
#include "search.h"

enum { FETCH_AHEAD = 6, RETRY_MAX = 64, CHOICE_GROUPS_MIN = 16 };

/* ------------------------------------------------------------ lower bounds */

/* Lower bounds err by the prior's rounding as well, and so does what meets them. */
static void raise_floor(search *s, float lowest) {
    s->floor = fmaxf(s->floor, round_down((double)lowest - 2.0 * s->prior_slack));
}

/* A heap with the lowest at the root, of the k best. */
static void add_lowest(search *s, float value) {
    float *heap = s->scratch->lowest;
    const int64_t capacity = s->top.capacity;
    int64_t at;
    if (s->lowest_count < capacity) {
        at = s->lowest_count++;
        for (; at > 0 && heap[(at - 1) / 2] > value; at = (at - 1) / 2)
            heap[at] = heap[(at - 1) / 2];
        heap[at] = value;
        if (s->lowest_count == capacity) raise_floor(s, heap[0]);
        return;
    }
    if (!(value > heap[0])) return;
    for (at = 0;;) {
        int64_t child = 2 * at + 1;
        if (child >= capacity) break;
        if (child + 1 < capacity && heap[child + 1] < heap[child]) child++;
        if (!(heap[child] < value)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = value;
    raise_floor(s, heap[0]);
}

/* ---------------------------------------------------------------- candidates */

static void fetch_row(const search *s, int32_t row) {
    const char *bytes = (const char *)(s->items->factors + row * s->items->factor_count);
    for (int64_t b = 0; b < s->items->factor_count * 4; b += 64) __builtin_prefetch(bytes + b);
}

/* Drop the candidates that have fallen behind since. */
static void sift_candidates(search *s) {
    scan_candidate *all = s->scratch->candidates;
    int64_t kept = 0;
    for (int64_t i = 0; i < s->candidate_count; i++)
        if (!(all[i].most < s->floor)) all[kept++] = all[i];
    s->candidate_count = kept;
}

/* Score them exactly. */
static void settle(search *s) {
    const scan_candidate *all = s->scratch->candidates;
    sift_candidates(s);
    for (int64_t i = 0; i < s->candidate_count && i < FETCH_AHEAD; i++) fetch_row(s, all[i].row);
    for (int64_t i = 0; i < s->candidate_count; i++) {
        if (i + FETCH_AHEAD < s->candidate_count) fetch_row(s, all[i + FETCH_AHEAD].row);
        if (!(all[i].most < s->floor)) search_offer(s, all[i].row, 0.0, 0.0);
    }
    *s->scratch->effort += s->candidate_count * s->items->factor_count * 4;
    s->candidate_count = 0;
}

static void add_candidate(search *s, float most, int32_t row) {
    if (s->candidate_count == SCAN_CANDIDATES_MAX) {
        sift_candidates(s);
        if (s->candidate_count > SCAN_CANDIDATES_MAX / 2) settle(s);
    }
    s->scratch->candidates[s->candidate_count++] = (scan_candidate){.most = most, .row = row};
}

/* ------------------------------------------------------------------- the pass */

/* Put the items of a group that passed a stage between two bounds. */
static void resolve(search *s, const coded_search *cs, code_hit hit) {
    const int64_t first = (int64_t)hit.group * CODES_GROUP;
    float dots[CODES_GROUP];
    const float error = s->ops->codes->full(cs->codes, &cs->query, hit.group, dots);
    for (uint32_t left = hit.items; left != 0; left &= left - 1) {
        const int place = __builtin_ctz(left);
        const int32_t row = cs->codes->order[first + place];
        float prior = cs->priors.shared == NULL ? 0.0f : cs->priors.shared[first + place];
        if (cs->priors.own != NULL) prior += cs->priors.own[first + place];
        const float most = (dots[place] + error) + prior;
        if (most < s->floor || row < 0 || is_taken(s->scratch, row) ||
            !is_allowed(s->query, row))
            continue;
        add_candidate(s, most, row);
        add_lowest(s, (dots[place] - error) + prior);
    }
}

/* Ask for the planes of a group that the stage has not read. */
static void fetch_group(const scan_codes *c, int64_t group, int stage) {
    const int64_t head = c->head_pairs * CODES_PAIR_BYTES, tail = c->tail_pairs * CODES_PAIR_BYTES;
    for (int64_t b = 0; b < tail; b += 64) {
        if (stage != STAGE_ALL4) __builtin_prefetch(c->tail_high + group * tail + b);
        __builtin_prefetch(c->tail_low + group * tail + b);
    }
    if (stage == STAGE_HEAD8) return;
    for (int64_t b = 0; b < head; b += 64) __builtin_prefetch(c->head_low + group * head + b);
}

/* How many pairs of 16 items a stage reads of a group, of both halves of the bits. */
static int64_t stage_pairs(const scan_codes *c, int stage) {
    const int64_t all = c->head_pairs + c->tail_pairs;
    switch (stage) {
        case STAGE_HEAD4: return c->head_pairs;
        case STAGE_HEAD8: return 2 * c->head_pairs;
        case STAGE_ALL4: return all;
        default: return 2 * all;
    }
}

/* A few items are read as float32 at once where that is less than the planes left. */
static int is_direct(const search *s, const coded_search *cs, code_hit hit, int stage) {
    const scan_codes *c = cs->codes;
    const int64_t left =
        CODES_PAIR_BYTES * (stage_pairs(c, STAGE_ALL8) - stage_pairs(c, stage));
    return __builtin_popcount(hit.items) * s->items->factor_count * 4 <= left;
}

static void fetch_hit(const search *s, const coded_search *cs, code_hit hit, int stage) {
    if (stage == STAGE_ALL8) return; /* all of it has just been read */
    if (!is_direct(s, cs, hit, stage)) {
        fetch_group(cs->codes, hit.group, stage);
        return;
    }
    for (uint32_t left = hit.items; left != 0; left &= left - 1) {
        const int32_t row =
            cs->codes->order[(int64_t)hit.group * CODES_GROUP + __builtin_ctz(left)];
        if (row >= 0) fetch_row(s, row);
    }
}

static void resolve_hit(search *s, const coded_search *cs, code_hit hit, int stage) {
    if (!is_direct(s, cs, hit, stage)) {
        resolve(s, cs, hit);
        return;
    }
    for (uint32_t left = hit.items; left != 0; left &= left - 1) {
        const int32_t row =
            cs->codes->order[(int64_t)hit.group * CODES_GROUP + __builtin_ctz(left)];
        if (row < 0 || is_taken(s->scratch, row) || !is_allowed(s->query, row)) continue;
        add_lowest(s, round_down(search_offer(s, row, 0.0, 0.0)));
    }
}

/* A stage pays while it and what it lets pass cost less than a dense pass. */
static int pays(const scan_codes *c, int64_t groups, int64_t pairs) {
    return pairs <= groups * stage_pairs(c, STAGE_ALL8);
}

static void choose_stage(stage_choice *choice, const scan_codes *c, int64_t groups,
                         int64_t pairs) {
    if (groups < CHOICE_GROUPS_MIN) return;
    if (choice->stage != STAGE_ALL8 && !pays(c, groups, pairs)) {
        choice->stage = choice->stage == choice->dense ? STAGE_ALL8 : choice->dense;
        choice->retry = choice->wait;
        choice->wait = choice->wait < RETRY_MAX ? 2 * choice->wait : RETRY_MAX;
    } else if (choice->stage == choice->first) {
        if (choice->wait > 1) choice->wait /= 2;
    } else if (--choice->retry == 0) {
        choice->stage = choice->first;
    }
}

/* Look at the low bits of heads too, where that leaves the tails unread. */
static int64_t look_again(const search *s, const coded_search *cs, code_hit *hits,
                          int64_t count) {
    const scan_codes *c = cs->codes;
    const int64_t bytes = c->head_pairs * CODES_PAIR_BYTES;
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++)
        for (int64_t b = 0; b < bytes; b += 64)
            __builtin_prefetch(c->head_low + hits[i].group * bytes + b);
    for (int64_t i = 0; i < count; i++) {
        hits[i].items &= s->ops->codes->keep(c, &cs->query, &cs->priors, s->floor, hits[i].group);
        if (hits[i].items != 0) hits[kept++] = hits[i];
    }
    return kept;
}

void coded_resolve(search *s, coded_search *cs, code_hit *hits, int64_t count, int64_t groups) {
    int stage = cs->choice.stage;
    const scan_codes *c = cs->codes;
    int64_t pairs = groups * stage_pairs(c, stage);
    if (stage == STAGE_HEAD4 && c->tail_pairs > 0) {
        pairs += count * stage_pairs(c, STAGE_HEAD8);
        count = look_again(s, cs, hits, count);
        stage = STAGE_HEAD8;
    }
    pairs += count * stage_pairs(c, STAGE_ALL8) * cs->choice.resolve_cost;
    *s->scratch->effort += CODES_PAIR_BYTES * pairs;
    choose_stage(&cs->choice, c, groups, pairs);
    for (int64_t i = 0; i < count && i < FETCH_AHEAD; i++) fetch_hit(s, cs, hits[i], stage);
    for (int64_t i = 0; i < count; i++) {
        if (i + FETCH_AHEAD < count) fetch_hit(s, cs, hits[i + FETCH_AHEAD], stage);
        resolve_hit(s, cs, hits[i], stage);
    }
}

/* --------------------------------------------------------------------- entries */

int search_codes_fit(const search *s) {
    const scan_items *items = s->items;
    return items->codes != NULL && s->has_dot && s->is_safe && s->norm > 0x1p-60 &&
           s->norm < 0x1p100 && s->top.capacity <= s->scratch->lowest_max;
}

/* Norms fall, so where this is 0 nothing further on is in reach either. */
int coded_in_reach(const search *s, const scan_codes *codes, int64_t group) {
    return !(codes->norms[group] * s->query_norm + s->prior_max < s->floor);
}

void coded_begin(search *s, coded_search *cs) {
    const scan_items *items = s->items;
    /* Own priors are in the order of all codes only. */
    const int is_part = s->query->subset != NULL && s->own_prior == NULL;
    const scan_codes *c = is_part ? s->query->subset : items->codes;
    cs->codes = c;
    cs->priors = (code_priors){.shared = is_part ? s->query->subset_prior : items->code_prior};
    if (s->own_prior != NULL)
        cs->priors.own =
            items->code_priors + s->query->prior_row * c->group_count * CODES_GROUP;
    cs->choice = (stage_choice){
        .first = c->first_stage, .dense = c->tail_pairs == 0 ? STAGE_ALL8 : STAGE_ALL4,
        .stage = c->first_stage, .wait = 1, .resolve_cost = 3};
    double rotated[CODES_FACTOR_COUNT_MAX];
    s->ops->rotate(s->query->vector, c->rotation, c->factor_count, rotated);
    codes_encode_query(c, rotated, s->norm, s->ops->codes->code_max, &cs->query);
    for (int32_t i = 0; i < s->top.count; i++) add_lowest(s, round_down(s->top.scores[i]));
}

int64_t coded_span(search *s, coded_search *cs, int64_t group, int64_t stop) {
    const scan_codes *c = cs->codes;
    code_hit hits[SEARCH_CHUNK_MAX];
    /* Small steps at first: the floor rises fastest there. */
    for (int64_t chunk = group == 0 ? 1 : SEARCH_CHUNK_MAX; group < stop;) {
        if (!coded_in_reach(s, c, group)) break;
        const int64_t next = group + chunk < stop ? group + chunk : stop;
        const int64_t count = s->ops->codes->bound(c, &cs->query, cs->choice.stage, &cs->priors,
                                                   s->floor, group, next, hits);
        coded_resolve(s, cs, hits, count, next - group);
        group = next;
        if (chunk < SEARCH_CHUNK_MAX) chunk *= 2;
    }
    return group;
}

void coded_end(search *s) { settle(s); }

void search_codes(search *s) {
    coded_search cs;
    coded_begin(s, &cs);
    coded_span(s, &cs, 0, cs.codes->group_count);
    coded_end(s);
}
