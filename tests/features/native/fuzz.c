/* Random histories against sound and damaged id tables, in blocks of memory that end where
 * they must: a sanitizer sees every step outside. Prints how many lines it looked at; with
 * -DFUZZER it is a target of libFuzzer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features/history.h"
#include "features/weights.h"
#include "items/ids.h"
#include "random_source.h"

static id_table make_table(random_source *r, int64_t item_count, int damaged) {
    id_table table = {.item_count = item_count, .byte_count = 3 * item_count, .slot_count = 1};
    while (table.slot_count < 2 * item_count) table.slot_count *= 2;
    uint8_t *bytes = block(table.byte_count, 1);
    int64_t *offsets = block(item_count + 1, sizeof *offsets);
    int32_t *slots = block(table.slot_count, sizeof *slots);
    for (int64_t i = 0; i < table.byte_count; i++) bytes[i] = (uint8_t)('a' + below(r, 3));
    for (int64_t i = 0; i <= item_count; i++) offsets[i] = 3 * i;
    for (int64_t i = 0; i < table.slot_count; i++)
        slots[i] = (int32_t)(below(r, 2) ? below(r, item_count + 1) : -1);
    if (damaged) {
        for (int64_t i = 0; i <= item_count; i++)
            if (below(r, 4) == 0) offsets[i] = below(r, 4) ? below(r, 9 * item_count + 9) - 9 : INT64_MIN;
        for (int64_t i = 0; i < table.slot_count; i++)
            if (below(r, 4) == 0) slots[i] = (int32_t)next_bits(r);
    }
    table.bytes = bytes, table.offsets = offsets, table.slots = slots;
    return table;
}

static int64_t one_history(random_source *r, const id_table *table,
                           const event_weighting *weighting) {
    const int64_t size = below(r, 200);
    char *text = block(size, 1);
    for (int64_t i = 0; i < size; i++)
        text[i] = (char)(below(r, 4) ? 'a' + below(r, 3) : HISTORY_SEPARATOR);
    const int64_t count = history_split(text, size, NULL, 0);
    id_text *ids = block(count, sizeof *ids);
    if (history_split(text, size, ids, count) != count) exit(3);
    int32_t *event_rows = block(count, 4), *rows = block(count, 4), *seen = block(count, 4);
    uint8_t *types = block(count, 1), *channels = block(count, 1);
    double *times = block(count, 8), *event_weights = block(count, 8);
    float *weights = block(count, 4);
    int64_t *keys = block(count, 8);
    ids_find(table, ids, count, event_rows);
    for (int64_t i = 0; i < count; i++) {
        if (event_rows[i] < -1 || event_rows[i] >= table->item_count) exit(4);
        types[i] = (uint8_t)next_bits(r), channels[i] = (uint8_t)below(r, 4);
        times[i] = (double)below(r, 1000) * (below(r, 9) ? 1.0 : 1e300);
    }
    weights_of_events(weighting, types, channels, times, count, 500.0, event_weights);
    const item_counts counts = weights_by_item(weighting, event_rows, event_weights, count, keys,
                                               rows, weights, seen);
    if (counts.kept_count > counts.seen_count || counts.seen_count > count) exit(5);
    history_weighting steps = {.step_decay = 0.5, .length_exponent = below(r, 2) ? 0.5 : 0.0,
                               .newest_boost = -2.0};
    timed_line *timed = block(count, sizeof *timed);
    weights_by_step(steps.step_decay, times, count, timed, event_weights);
    int32_t *linked = block(counts.kept_count, 4);
    float *linked_weights = block(counts.kept_count, 4);
    memcpy(linked, rows, 4 * (size_t)counts.kept_count);
    memcpy(linked_weights, weights, 4 * (size_t)counts.kept_count);
    const int64_t half = counts.kept_count / 2;
    const int64_t linked_count =
        weights_linked(&steps, rows + half, counts.kept_count - half, linked, linked_weights,
                       counts.kept_count);
    if (linked_count > counts.kept_count - half) exit(6);
    int32_t *boosted = block(linked_count, 4);
    float *boosts = block(linked_count, 4);
    if (weights_newest(&steps, times, event_weights, event_rows, count, keys, linked,
                       linked_weights, linked_count, boosted, boosts) > linked_count)
        exit(7);
    void *all[] = {timed, boosted, boosts, linked, linked_weights, text, ids,   event_rows,    rows,    seen, types,
                   channels, times, event_weights, weights, keys};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    return count;
}

/* A table, and histories that ask it. Returns how many lines they had. */
static int64_t one_table(random_source *r, int damaged) {
    static const double FRESH[9] = {-0.5, 0.5, 1.5, -0.5, 0.5, 1.5, -0.5, 0.5, 1.5};
    const event_weighting weighting = {
        .table = FRESH, .type_count = 3, .channel_count = 3,
        .decay_per_second = below(r, 2) ? -0.01 : 0.0, .decay_min = 0.05,
        .weight_max = 5.0, .weight_min = 1e-6f,
    };
    int64_t lines = 0;
    id_table table = make_table(r, below(r, 40), damaged);
    for (int i = 0; i < 20; i++) lines += one_history(r, &table, &weighting);
    free((void *)table.bytes), free((void *)table.offsets), free((void *)table.slots);
    return lines;
}

#ifdef FUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    random_source r = random_of(data, size);
    one_table(&r, (int)below(&r, 2));
    return 0;
}

#else

int main(int count, char **arguments) {
    const int64_t rounds = count > 1 ? atoll(arguments[1]) : 100;
    random_source r = {.state = count > 2 ? strtoull(arguments[2], NULL, 10) : 1};
    int64_t lines = 0;
    for (int64_t round = 0; round < rounds; round++) lines += one_table(&r, round % 2 == 1);
    printf("%lld lines\n", (long long)lines);
    return 0;
}

#endif
