/* Many queries over the same codes: tiles of items and queries.
 *
 * A tile of items stays in the cache while all queries of a batch go over it, in
 * blocks whose sums fit into registers. Each query has its own floor, stops by
 * itself where no item is in reach any more, and picks its own stage; a block is of
 * queries in the same stage. What a query gets is what it gets alone: bounds decide
 * about work only.
 */
#include <assert.h>

#include "arithmetic.h"
#include "search.h"

enum {
    WARM_GROUPS = 64,           /* searched query by query, until floors have risen */
    TILE_BYTES_MAX = 256 * 1024, /* a quarter of a usual second-level cache */
    RESOLVE_COST = 4,           /* a group alone is that much dearer than in a tile */
    FOUND_MAX = 128,
};

typedef struct {
    search s;
    coded_search cs;
    hit_queue found; /* in the groups under way */
    coded_item items[FOUND_MAX]; /* the same of tiles that have read all codes */
    int64_t item_count;
} lane;

static int64_t tile_groups(const scan_codes *c) {
    const int64_t bytes = 2 * (c->head_pairs + c->tail_pairs) * CODES_PAIR_BYTES;
    const int64_t fitting = TILE_BYTES_MAX / bytes / CODES_TILE_GROUPS * CODES_TILE_GROUPS;
    return fitting < CODES_TILE_GROUPS ? CODES_TILE_GROUPS
           : fitting > SEARCH_CHUNK_MAX ? SEARCH_CHUNK_MAX : fitting;
}

/* Lanes in the same stage whose sums fit into registers together. */
typedef struct {
    lane *lanes[CODES_TILE_QUERIES];
    int count;
    int stage;
    code_tile queries[CODES_TILE_QUERIES];
} block;

enum { BLOCKS_MAX = SCAN_BATCH_MAX / CODES_TILE_QUERIES + STAGE_COUNT };

static int make_blocks(lane *const *lanes, int count, block *blocks) {
    int made = 0;
    for (int stage = 0; stage < STAGE_COUNT; stage++) {
        int filled = CODES_TILE_QUERIES;
        for (int i = 0; i < count; i++) {
            lane *one = lanes[i];
            one->found.count = one->item_count = 0;
            if (one->cs.choice.stage != stage) continue;
            if (filled == CODES_TILE_QUERIES) {
                blocks[made++] = (block){.stage = stage};
                filled = 0;
            }
            block *last = &blocks[made - 1];
            last->lanes[filled] = one;
            last->queries[filled] = (code_tile){
                .codes = one->cs.query.codes, .bound = one->cs.query.stages[stage],
                .priors = one->cs.priors, .floor = one->s.floor};
            last->count = ++filled;
        }
    }
    for (int b = 0; b < made; b++)
        for (int q = blocks[b].count; q < CODES_TILE_QUERIES; q++)
            blocks[b].queries[q] = blocks[b].queries[0];
    return made;
}

/* A few queries are quicker one by one. */
static int is_thin(const block *b) { return 2 * b->count <= CODES_TILE_QUERIES; }

static void resolve_items(lane *one) {
    coded_items(&one->s, &one->cs, one->items, one->item_count);
    one->item_count = 0;
}

/* What is left of a group goes on waiting, or is done where all of its codes are read. */
static void find(const scan_codes *c, lane *one, int stage, code_hit hit, float error,
                 const float *dots) {
    const int32_t first = hit.group * CODES_GROUP;
    __builtin_prefetch(c->order + first);
    if (stage != STAGE_ALL8) {
        one->found.hits[one->found.count++] = hit;
        return;
    }
    if (one->item_count > FOUND_MAX - CODES_GROUP) resolve_items(one);
    for (uint32_t left = hit.items; left != 0; left &= left - 1) {
        const int place = __builtin_ctz(left);
        one->items[one->item_count++] = (coded_item){first + place, dots[place], error};
    }
}

static void tile_block(const scan_codes *c, const uint8_t *whole, block *b, int64_t group) {
    code_tile_found found;
    b->lanes[0]->s.ops->codes->tile(c, whole, b->queries, b->stage, group, &found);
    for (uint32_t left = found.hits; left != 0; left &= left - 1) {
        const int at = __builtin_ctz(left);
        const int q = at / CODES_TILE_GROUPS, g = at % CODES_TILE_GROUPS;
        const code_hit hit = {.group = (int32_t)(group + g), .items = found.kept[q][g]};
        if (q < b->count)
            find(c, b->lanes[q], b->stage, hit, found.errors[q][g], found.dots[q][g]);
    }
}

/* Bound the items of some groups for all lanes, then look at what is left of them. */
static void search_groups(lane *const *lanes, int count, uint8_t *whole, int64_t start,
                          int64_t stop) {
    const scan_codes *c = lanes[0]->cs.codes;
    block blocks[BLOCKS_MAX];
    const int made = make_blocks(lanes, count, blocks);
    int with_tail = 0, is_tiled = 0;
    for (int b = 0; b < made; b++) {
        if (is_thin(&blocks[b])) continue;
        with_tail |= blocks[b].stage == STAGE_ALL8;
        is_tiled = 1;
    }
    int64_t group = start;
    for (; group + CODES_TILE_GROUPS <= stop; group += CODES_TILE_GROUPS) {
        if (is_tiled) lanes[0]->s.ops->codes->join(c, with_tail, group, whole);
        for (int b = 0; b < made; b++)
            if (!is_thin(&blocks[b])) tile_block(c, whole, &blocks[b], group);
    }
    for (int b = 0; b < made; b++) {
        const int64_t left = is_thin(&blocks[b]) ? start : group;
        for (int q = 0; q < blocks[b].count; q++) {
            lane *one = blocks[b].lanes[q];
            one->found.count += one->s.ops->codes->bound(
                c, &one->cs.query, blocks[b].stage, &one->cs.priors, one->s.floor, left, stop,
                one->found.hits + one->found.count);
        }
    }
    for (int i = 0; i < count; i++) {
        resolve_items(lanes[i]);
        coded_found(&lanes[i]->s, &lanes[i]->cs, lanes[i]->found.hits, lanes[i]->found.count,
                    stop - start);
    }
}

/* All lanes over all codes; they share them. */
static void search_lanes(lane **lanes, int count, uint8_t *whole) {
    if (count == 0) return;
    const scan_codes *c = lanes[0]->cs.codes;
    const int64_t warm = c->group_count < WARM_GROUPS ? c->group_count : WARM_GROUPS;
    for (int i = 0; i < count; i++) {
        coded_span(&lanes[i]->s, &lanes[i]->cs, 0, warm);
        coded_flush(&lanes[i]->s, &lanes[i]->cs);
        stage_choice *choice = &lanes[i]->cs.choice;
        /* Half the bits save no time where several queries share what is read. */
        if (choice->first == STAGE_HEAD4) choice->first = STAGE_HEAD8;
        if (choice->first == STAGE_ALL4) choice->first = STAGE_ALL8;
        choice->dense = STAGE_ALL8;
        choice->stage = choice->first;
        choice->resolve_cost = RESOLVE_COST;
    }
    const int64_t step = tile_groups(c);
    for (int64_t group = warm; group < c->group_count && count > 0; group += step) {
        const int64_t stop = group + step < c->group_count ? group + step : c->group_count;
        int kept = 0;
        for (int i = 0; i < count; i++)
            if (coded_in_reach(&lanes[i]->s, c, group)) lanes[kept++] = lanes[i];
        count = kept;
        if (count > 0) search_groups(lanes, count, whole, group, stop);
    }
}

enum { LINE_BYTES = 64 };

size_t scan_lane_bytes(void) {
    return SCAN_BATCH_MAX * sizeof(lane) + CODES_TILE_BYTES_MAX + LINE_BYTES;
}

/* Where a tile's codes are put together, behind the lanes. */
static uint8_t *whole_codes(lane *lanes) {
    uint8_t *start = (uint8_t *)(lanes + SCAN_BATCH_MAX);
    return start + (LINE_BYTES - (uintptr_t)start % LINE_BYTES) % LINE_BYTES;
}

int scan_top_k_batch(const scan_items *items, const simd_ops *ops, const scan_query *queries,
                     const scan_scratch *const *scratch, void *room, int count,
                     int32_t capacity, int32_t *out_items, double *out_scores,
                     int32_t *out_counts, int *failed, int64_t *position) {
    lane *lanes = room, *coded[SCAN_BATCH_MAX];
    uint8_t *whole = whole_codes(lanes);
    int coded_count = 0, fault = SCAN_OK, begun = 0;
    assert(count <= SCAN_BATCH_MAX && capacity > 0);
    const fenv_t caller = arithmetic_default();
    for (; begun < count && fault == SCAN_OK; begun++) {
        search *s = &lanes[begun].s;
        *s = (search){.items = items, .ops = ops, .query = &queries[begun],
                      .scratch = scratch[begun]};
        s->top = (top_heap){.items = out_items + (int64_t)begun * capacity,
                            .scores = out_scores + (int64_t)begun * capacity,
                            .capacity = capacity};
        *failed = begun;
        fault = search_begin(s, position);
        if (fault != SCAN_OK) break;
        if (search_by_codes(s)) {
            search_extra(s);
            coded_begin(s, &lanes[begun].cs);
            coded[coded_count++] = &lanes[begun];
        } else {
            search_rows_first(s);
        }
    }
    /* Lanes share a tile only where they share codes: own priors go without a subset. */
    for (int first = 0; fault == SCAN_OK && first < coded_count;) {
        lane *same[SCAN_BATCH_MAX];
        int found = 0, others = 0;
        const scan_codes *codes = coded[first]->cs.codes;
        for (int i = first; i < coded_count; i++) {
            if (coded[i]->cs.codes == codes)
                same[found++] = coded[i];
            else
                coded[first + others++] = coded[i];
        }
        coded_count = first + others;
        lane *kept[SCAN_BATCH_MAX];
        for (int i = 0; i < found; i++) kept[i] = same[i];
        search_lanes(same, found, whole);
        for (int i = 0; i < found; i++) coded_end(&kept[i]->s, &kept[i]->cs);
    }
    for (int i = 0; i < begun; i++) {
        search_end(&lanes[i].s);
        out_counts[i] = fault == SCAN_OK ? lanes[i].s.top.count : 0;
    }
    arithmetic_restore(caller);
    return fault;
}
