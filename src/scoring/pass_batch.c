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
};

typedef struct {
    search s;
    coded_search cs;
    code_hit hits[SEARCH_CHUNK_MAX];
    int64_t hit_count;
} lane;

static int64_t tile_groups(const scan_codes *c) {
    const int64_t bytes = 2 * (c->head_pairs + c->tail_pairs) * CODES_PAIR_BYTES;
    const int64_t fitting = TILE_BYTES_MAX / bytes / CODES_TILE_GROUPS * CODES_TILE_GROUPS;
    return fitting < CODES_TILE_GROUPS ? CODES_TILE_GROUPS
           : fitting > SEARCH_CHUNK_MAX ? SEARCH_CHUNK_MAX : fitting;
}

static void search_block(lane *const *block, int count, int64_t start, int64_t stop) {
    const scan_codes *c = block[0]->cs.codes;
    const code_ops *ops = block[0]->s.ops->codes;
    const int stage = block[0]->cs.choice.stage;
    code_tile queries[CODES_TILE_QUERIES];
    for (int q = 0; q < CODES_TILE_QUERIES; q++) {
        const lane *one = block[q < count ? q : 0];
        queries[q] = (code_tile){.query = &one->cs.query, .priors = one->cs.priors,
                                 .floor = one->s.floor};
    }
    for (int q = 0; q < count; q++) block[q]->hit_count = 0;
    int64_t group = start;
    for (; 2 * count > CODES_TILE_QUERIES && group + CODES_TILE_GROUPS <= stop;
         group += CODES_TILE_GROUPS) {
        uint16_t kept[CODES_TILE_QUERIES][CODES_TILE_GROUPS];
        ops->tile(c, queries, stage, group, kept);
        for (int q = 0; q < count; q++)
            for (int g = 0; g < CODES_TILE_GROUPS; g++)
                if (kept[q][g] != 0)
                    block[q]->hits[block[q]->hit_count++] =
                        (code_hit){.group = (int32_t)(group + g), .items = kept[q][g]};
    }
    for (int q = 0; q < count; q++) {
        lane *one = block[q];
        if (group < stop)
            one->hit_count += ops->bound(c, &one->cs.query, stage, &one->cs.priors, one->s.floor,
                                         group, stop, one->hits + one->hit_count);
        coded_resolve(&one->s, &one->cs, one->hits, one->hit_count, stop - start);
    }
}

/* All lanes over all codes; they share them. */
static void search_lanes(lane **lanes, int count) {
    if (count == 0) return;
    const scan_codes *c = lanes[0]->cs.codes;
    const int64_t warm = c->group_count < WARM_GROUPS ? c->group_count : WARM_GROUPS;
    for (int i = 0; i < count; i++) {
        coded_span(&lanes[i]->s, &lanes[i]->cs, 0, warm);
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
        for (int stage = 0; stage < STAGE_COUNT; stage++) {
            lane *block[CODES_TILE_QUERIES];
            int filled = 0;
            /* Resolving changes a lane's stage: to a later one only after its turn. */
            uint64_t turn = 0;
            for (int i = 0; i < count; i++)
                turn |= (uint64_t)(lanes[i]->cs.choice.stage == stage && !lanes[i]->s.is_done) << i;
            for (int i = 0; i < count; i++) {
                if (!(turn >> i & 1)) continue;
                lanes[i]->s.is_done = 1;
                block[filled++] = lanes[i];
                if (filled == CODES_TILE_QUERIES) search_block(block, filled, group, stop);
                filled %= CODES_TILE_QUERIES;
            }
            if (filled > 0) search_block(block, filled, group, stop);
        }
        for (int i = 0; i < count; i++) lanes[i]->s.is_done = 0;
    }
}

int scan_top_k_batch(const scan_items *items, const simd_ops *ops, const scan_query *queries,
                     const scan_scratch *const *scratch, int count, int32_t capacity,
                     int32_t *out_items, double *out_scores, int32_t *out_counts,
                     int *failed, int64_t *position) {
    lane lanes[SCAN_BATCH_MAX], *coded[SCAN_BATCH_MAX];
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
        search_lanes(same, found);
        for (int i = 0; i < found; i++) coded_end(&kept[i]->s);
    }
    for (int i = 0; i < begun; i++) {
        search_end(&lanes[i].s);
        out_counts[i] = fault == SCAN_OK ? lanes[i].s.top.count : 0;
    }
    arithmetic_restore(caller);
    return fault;
}
