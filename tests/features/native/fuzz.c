/* Random histories against sound and damaged id tables, in blocks of memory that end where
 * they must: a sanitizer sees every step outside. Prints how many lines it looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "features/history.h"
#include "features/weights.h"
#include "items/ids.h"

static uint64_t state;

static uint64_t next(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state * 2685821657736338717ull) >> 16; /* the low bits alone repeat themselves */
}

static int64_t below(int64_t bound) { return (int64_t)(next() % (uint64_t)bound); }

/* A block of exactly this size; what lies beyond is not ours. */
static void *block(int64_t size) {
    void *memory = malloc(size > 0 ? (size_t)size : 1);
    if (memory == NULL) exit(2);
    return memory;
}

static id_table make_table(int64_t item_count, int damaged) {
    id_table table = {.item_count = item_count, .byte_count = 3 * item_count, .slot_count = 1};
    while (table.slot_count < 2 * item_count) table.slot_count *= 2;
    uint8_t *bytes = block(table.byte_count);
    int64_t *offsets = block((item_count + 1) * (int64_t)sizeof *offsets);
    int32_t *slots = block(table.slot_count * (int64_t)sizeof *slots);
    for (int64_t i = 0; i < table.byte_count; i++) bytes[i] = (uint8_t)('a' + below(3));
    for (int64_t i = 0; i <= item_count; i++) offsets[i] = 3 * i;
    for (int64_t i = 0; i < table.slot_count; i++)
        slots[i] = (int32_t)(below(2) ? below(item_count + 1) : -1);
    if (damaged) {
        for (int64_t i = 0; i <= item_count; i++)
            if (below(4) == 0) offsets[i] = below(4) ? below(9 * item_count + 9) - 9 : INT64_MIN;
        for (int64_t i = 0; i < table.slot_count; i++)
            if (below(4) == 0) slots[i] = (int32_t)next();
    }
    table.bytes = bytes, table.offsets = offsets, table.slots = slots;
    return table;
}

static int64_t one_history(const id_table *table, const event_weighting *weighting) {
    const int64_t size = below(200);
    char *text = block(size);
    for (int64_t i = 0; i < size; i++)
        text[i] = (char)(below(4) ? 'a' + below(3) : HISTORY_SEPARATOR);
    const int64_t count = history_split(text, size, NULL, 0);
    id_text *ids = block(count * (int64_t)sizeof *ids);
    if (history_split(text, size, ids, count) != count) exit(3);
    int32_t *event_rows = block(4 * count), *rows = block(4 * count), *seen = block(4 * count);
    uint8_t *types = block(count), *channels = block(count);
    double *times = block(8 * count), *event_weights = block(8 * count);
    float *weights = block(4 * count);
    int64_t *keys = block(8 * count);
    ids_find(table, ids, count, event_rows);
    for (int64_t i = 0; i < count; i++) {
        if (event_rows[i] < -1 || event_rows[i] >= table->item_count) exit(4);
        types[i] = (uint8_t)next(), channels[i] = (uint8_t)below(4);
        times[i] = (double)below(1000) * (below(9) ? 1.0 : 1e300);
    }
    weights_of_events(weighting, types, channels, times, count, 500.0, event_weights);
    const item_counts counts = weights_by_item(weighting, event_rows, event_weights, count, keys,
                                               rows, weights, seen);
    if (counts.kept_count > counts.seen_count || counts.seen_count > count) exit(5);
    void *all[] = {text, ids,   event_rows,    rows,    seen, types,
                   channels, times, event_weights, weights, keys};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    return count;
}

int main(int count, char **arguments) {
    const int64_t rounds = count > 1 ? atoll(arguments[1]) : 100;
    state = count > 2 ? strtoull(arguments[2], NULL, 10) : 88172645463325252ull;
    double fresh[3 * 3];
    int64_t lines = 0;
    for (int i = 0; i < 9; i++) fresh[i] = (double)(i % 3) - 0.5;
    for (int64_t round = 0; round < rounds; round++) {
        const event_weighting weighting = {
            .table = fresh, .type_count = 3, .channel_count = 3,
            .decay_per_second = below(2) ? -0.01 : 0.0, .decay_min = 0.05,
            .weight_max = 5.0, .weight_min = 1e-6f,
        };
        id_table table = make_table(below(40), round % 2 == 1);
        for (int i = 0; i < 20; i++) lines += one_history(&table, &weighting);
        free((void *)table.bytes), free((void *)table.offsets), free((void *)table.slots);
    }
    printf("%lld lines\n", (long long)lines);
    return 0;
}
