/* The pass over the codes, largest norms first. The bounds are proved in codes.c.
 *
 * Groups go through a cheap stage. Those with a survivor are looked at more and more
 * closely, each time after a wait in which the bytes come from memory while the search
 * goes on, and at last read whole, which puts each item's score between two bounds. The
 * k-th best lower bound of distinct items (`lowest`) is a threshold as good as a k-th
 * best score, so that only what reaches it in the end is read as float32 and scored in
 * float64: a dozen items or two.
 *
 * Which stage comes first is decided when the codes are made, for typical queries,
 * and again and again on the way: one that lets too many groups pass is left for
 * the next, more thorough one, and tried again later. So on data that defy pruning
 * this is one dense pass over the codes.
 */
#include <assert.h>

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

/* ---------------------------------------------------------- groups that wait */

/* Put an item between two bounds. */
static void resolve_item(search *s, const coded_search *cs, coded_item item) {
    float prior = cs->priors.shared == NULL ? 0.0f : cs->priors.shared[item.place];
    if (cs->priors.own != NULL) prior += cs->priors.own[item.place];
    const float most = (item.dot + item.error) + prior;
    const int32_t row = cs->codes->order[item.place];
    if (most < s->floor || !is_free(s, row)) return;
    add_candidate(s, most, row);
    add_lowest(s, (item.dot - item.error) + prior);
}

void coded_items(search *s, coded_search *cs, const coded_item *items, int64_t count) {
    for (int64_t i = 0; i < count; i++) resolve_item(s, cs, items[i]);
}

/* The same for those of a group that passed a stage. */
static void resolve(search *s, const coded_search *cs, code_hit hit) {
    const int64_t first = (int64_t)hit.group * CODES_GROUP;
    float dots[CODES_GROUP];
    const float error = s->ops->codes->full(cs->codes, &cs->query, hit.group, dots);
    for (uint32_t left = hit.items; left != 0; left &= left - 1) {
        const int place = __builtin_ctz(left);
        resolve_item(s, cs, (coded_item){(int32_t)first + place, dots[place], error});
    }
}

/* How many pairs of 16 items a stage reads of a group, of both halves of the bits. */
static int64_t stage_pairs(const scan_codes *c, int stage) {
    switch (stage) {
        case STAGE_HEAD4: return c->head_pairs;
        case STAGE_HEAD8: return 2 * c->head_pairs;
        case STAGE_ALL4: return c->head_pairs + c->tail_pairs;
        case STAGE_MIXED: return 2 * c->head_pairs + c->tail_pairs;
        default: return 2 * (c->head_pairs + c->tail_pairs);
    }
}

/* Where groups with a survivor of a stage wait. */
static int queue_after(int stage) {
    switch (stage) {
        case STAGE_HEAD4: return WAIT_HEAD;
        case STAGE_HEAD8: return WAIT_TAIL;
        default: return WAIT_ITEMS;
    }
}

static void fetch_plane(const uint8_t *plane, int64_t pairs, int64_t group) {
    const uint8_t *bytes = plane + group * pairs * CODES_PAIR_BYTES;
    for (int64_t p = 0; p < pairs; p++) __builtin_prefetch(bytes + p * CODES_PAIR_BYTES);
}

/* Ask for what is read of a group, or of its items, once it has waited. */
static void fetch_hit(const coded_search *cs, code_hit hit, int which) {
    const scan_codes *c = cs->codes;
    if (which == WAIT_HEAD) {
        fetch_plane(c->head_low, c->head_pairs, hit.group);
    } else if (which == WAIT_TAIL) {
        fetch_plane(c->tail_high, c->tail_pairs, hit.group);
        __builtin_prefetch(c->rests + (int64_t)hit.group * CODES_GROUP);
    } else {
        __builtin_prefetch(c->order + (int64_t)hit.group * CODES_GROUP);
        if (cs->choice.stage == STAGE_ALL8) return;
        fetch_plane(c->tail_low, c->tail_pairs, hit.group);
        if (cs->choice.stage == STAGE_ALL4) fetch_plane(c->head_low, c->head_pairs, hit.group);
    }
}

/* Those of a group that masks allow. Which they are is anyone's guess, so nothing branches
 * on it. */
static uint32_t allowed_items(const search *s, const coded_search *cs, code_hit hit) {
    const int32_t *order = cs->codes->order + (int64_t)hit.group * CODES_GROUP;
    uint32_t kept = hit.items;
    for (uint32_t left = hit.items; left != 0; left &= left - 1) {
        const int place = __builtin_ctz(left);
        const int32_t row = order[place] < 0 ? 0 : order[place];
        uint32_t bit = 1;
        for (int mask = 0; mask < s->query->allowed_count; mask++)
            bit &= (uint32_t)s->query->allowed[mask][row >> 3] >> (row & 7);
        kept &= ~((bit ^ 1) << place);
    }
    return kept;
}

/* What looking closer costs, counted when it is decided, so that a stage which lets
 * too much pass is found out at once. */
static int64_t wait_pairs(const coded_search *cs, int which) {
    const scan_codes *c = cs->codes;
    if (which == WAIT_HEAD) return cs->choice.resolve_cost * c->head_pairs;
    if (queue_after(cs->choice.stage) != WAIT_ITEMS)
        return cs->choice.resolve_cost * c->tail_pairs;
    return (cs->choice.resolve_cost + 1) * stage_pairs(c, STAGE_ALL8);
}

static void wait(coded_search *cs, code_hit hit, int which) {
    hit_queue *queue = &cs->waiting[which];
    assert(queue->count < SEARCH_CHUNK_MAX);
    cs->pairs += wait_pairs(cs, which);
    queue->hits[queue->count++] = hit;
    if (queue->count <= FETCH_AHEAD) fetch_hit(cs, hit, which);
}

/* Leave out of hits what masks forbid, and of groups those of which nothing is left. */
static int64_t keep_allowed(const search *s, const coded_search *cs, code_hit *hits,
                            int64_t count) {
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        code_hit hit = hits[i];
        hit.items = allowed_items(s, cs, hit);
        hits[kept] = hit;
        kept += hit.items != 0;
    }
    return kept;
}

/* Hit `i` of a queue, which is looked at now; ask for another one. Processors forget
 * what is asked for when too much is under way, so this is done little by little. */
static code_hit next_hit(const coded_search *cs, int which, int64_t i) {
    const hit_queue *queue = &cs->waiting[which];
    if (i + FETCH_AHEAD < queue->count) fetch_hit(cs, queue->hits[i + FETCH_AHEAD], which);
    return queue->hits[i];
}

static void look_at_items(search *s, coded_search *cs) {
    hit_queue *queue = &cs->waiting[WAIT_ITEMS];
    for (int64_t i = 0; i < queue->count; i++) resolve(s, cs, next_hit(cs, WAIT_ITEMS, i));
    queue->count = 0;
}

/* Look at more bits of the groups in a queue; those with a survivor wait on. */
static void look_closer(search *s, coded_search *cs, int which) {
    hit_queue *queue = &cs->waiting[which];
    const int stage = which == WAIT_HEAD ? STAGE_HEAD8 : STAGE_MIXED;
    for (int64_t i = 0; i < queue->count; i++) {
        code_hit hit = next_hit(cs, which, i);
        hit.items &= s->ops->codes->keep(cs->codes, &cs->query, stage, &cs->priors, s->floor,
                                         hit.group);
        if (hit.items != 0) wait(cs, hit, which + 1);
    }
    queue->count = 0;
}

static void go_on(search *s, coded_search *cs) {
    look_at_items(s, cs);
    look_closer(s, cs, WAIT_TAIL);
    look_closer(s, cs, WAIT_HEAD);
}

void coded_flush(search *s, coded_search *cs) {
    for (int which = 0; which < WAIT_COUNT; which++) go_on(s, cs);
}

/* A stage pays while it and what it lets pass cost less than a dense pass. */
static int pays(const scan_codes *c, int64_t groups, int64_t pairs) {
    return pairs <= groups * stage_pairs(c, STAGE_ALL8);
}

static void choose_stage(stage_choice *choice, const scan_codes *c, int64_t groups,
                         int64_t pairs) {
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

void coded_found(search *s, coded_search *cs, code_hit *hits, int64_t count,
                 int64_t groups) {
    const scan_codes *c = cs->codes;
    /* Where masks forbid much, looking at them first saves looking closer at groups of
     * nothing. */
    const int is_masked = s->query->allowed_count > 0;
    for (int64_t i = 0; is_masked && i < count; i++)
        __builtin_prefetch(c->order + (int64_t)hits[i].group * CODES_GROUP);
    go_on(s, cs);
    const int which = queue_after(cs->choice.stage);
    if (is_masked) count = keep_allowed(s, cs, hits, count);
    for (int64_t i = 0; i < count; i++) wait(cs, hits[i], which);
    if (cs->choice.stage == STAGE_ALL8) look_at_items(s, cs); /* all has just been read */
    const int64_t pairs = groups * stage_pairs(c, cs->choice.stage) + cs->pairs;
    *s->scratch->effort += CODES_PAIR_BYTES * pairs;
    cs->pairs = 0;
    if (groups < CHOICE_GROUPS_MIN) return;
    stage_choice next = cs->choice;
    choose_stage(&next, c, groups, pairs);
    /* What waits has been through one stage, the same for all. */
    if (next.stage != cs->choice.stage) coded_flush(s, cs);
    cs->choice = next;
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
    cs->pairs = 0;
    for (int which = 0; which < WAIT_COUNT; which++) cs->waiting[which].count = 0;
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
    /* Small steps at first, each to its end: the floor rises fastest there. */
    for (int64_t chunk = group == 0 ? 1 : SEARCH_CHUNK_MAX; group < stop;) {
        if (!coded_in_reach(s, c, group)) break;
        const int64_t next = group + chunk < stop ? group + chunk : stop;
        const int64_t count = s->ops->codes->bound(c, &cs->query, cs->choice.stage, &cs->priors,
                                                   s->floor, group, next, hits);
        coded_found(s, cs, hits, count, next - group);
        group = next;
        if (chunk == SEARCH_CHUNK_MAX) continue;
        coded_flush(s, cs);
        chunk *= 2;
    }
    return group;
}

void coded_end(search *s, coded_search *cs) {
    coded_flush(s, cs);
    settle(s);
}

void search_codes(search *s) {
    coded_search cs;
    coded_begin(s, &cs);
    coded_span(s, &cs, 0, cs.codes->group_count);
    coded_end(s, &cs);
}
