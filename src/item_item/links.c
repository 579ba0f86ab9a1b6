#include "links.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    float value;
    int32_t column;
} link;

static inline void add(links_scratch *scratch, int32_t column, float amount) {
    /* Infinity times nothing would stay behind: only what is touched is cleared. */
    if (!(amount > 0.0f)) return;
    if (scratch->sums[column] == 0.0f) scratch->touched[scratch->touched_count++] = column;
    scratch->sums[column] += amount;
}

void links_add_products(const links_products *products, int64_t row, links_scratch *scratch) {
    for (int64_t s = products->source_starts[row]; s < products->source_starts[row + 1]; s++) {
        const int32_t user = products->source_users[s];
        const float source = products->source_values[s];
        const int64_t stop = products->target_starts[user + 1];
        for (int64_t t = products->target_starts[user]; t < stop; t++)
            add(scratch, products->target_items[t], source * products->target_values[t]);
    }
}

void links_add_pairs(const links_pairs *pairs, int64_t row, links_scratch *scratch) {
    for (int64_t p = pairs->item_starts[row]; p < pairs->item_starts[row + 1]; p++) {
        const int64_t here = pairs->item_positions[p];
        const int32_t sequence = pairs->sequences[here], step = pairs->steps[here];
        const float source = pairs->source_values[here];
        if (source == 0.0f) continue;
        for (int64_t at = here + 1; at < pairs->position_count; at++) {
            if (pairs->sequences[at] != sequence || pairs->steps[at] - step > pairs->gap) break;
            add(scratch, pairs->items[at],
                source * pairs->ahead[pairs->steps[at] - step] * pairs->target_values[at]);
        }
        for (int64_t at = here - 1; at >= 0; at--) {
            if (pairs->sequences[at] != sequence || step - pairs->steps[at] > pairs->gap) break;
            add(scratch, pairs->items[at],
                source * pairs->back[step - pairs->steps[at]] * pairs->target_values[at]);
        }
    }
}

static double entropy_part(double count) { return count > 0.0 ? count * log(count) : 0.0; }

/* The log-likelihood ratio of a 2 x 2 table, 0 where the pair is no more frequent than by chance. */
static float surprise(double both, double row, double column, double total) {
    const double row_only = fmax(row - both, 0.0), column_only = fmax(column - both, 0.0);
    const double neither = fmax(total - row - column + both, 0.0);
    if (both * total <= row * column) return 0.0f;
    const double cells = entropy_part(both) + entropy_part(row_only) +
                         entropy_part(column_only) + entropy_part(neither);
    const double rows = entropy_part(both + row_only) + entropy_part(column_only + neither);
    const double columns = entropy_part(both + column_only) + entropy_part(row_only + neither);
    const double all = entropy_part(both + row_only + column_only + neither);
    return (float)fmax(2.0 * (cells - rows - columns + all), 0.0);
}

static inline float measured(const links_measure *measure, int64_t row, int32_t column, float sum) {
    if (measure->measure == LINKS_LLR)
        return surprise(sum, measure->row_scale[row], measure->column_scale[column],
                        measure->total);
    return sum * measure->row_scale[row] * measure->column_scale[column];
}

static inline int is_below(link one, link other) {
    return one.value < other.value || (one.value == other.value && one.column > other.column);
}

/* A heap with the worst link on top. */
static void sink(link *heap, int64_t count, int64_t at) {
    const link moved = heap[at];
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= count) break;
        if (child + 1 < count && is_below(heap[child + 1], heap[child])) child++;
        if (!is_below(heap[child], moved)) break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = moved;
}

static int by_column(const void *left, const void *right) {
    const int32_t one = ((const link *)left)->column, other = ((const link *)right)->column;
    return (one > other) - (one < other);
}

int64_t links_finish(const links_measure *measure, int64_t row, int64_t keep,
                     links_scratch *scratch, int32_t *columns, float *values) {
    /* The two outputs are as large as the heap: it lives in a block of its own. */
    link *heap = malloc((size_t)(keep > 0 ? keep : 1) * sizeof *heap);
    int64_t count = 0;
    for (int64_t i = 0; i < scratch->touched_count; i++) {
        const int32_t column = scratch->touched[i];
        const float sum = scratch->sums[column];
        scratch->sums[column] = 0.0f;
        if (heap == NULL || column == row) continue;
        const link found = {measured(measure, row, column, sum), column};
        if (!(found.value > 0.0f) || isinf(found.value)) continue;
        if (count < keep) {
            heap[count++] = found;
            if (count == keep)
                for (int64_t at = keep / 2 - 1; at >= 0; at--) sink(heap, keep, at);
        } else if (keep > 0 && is_below(heap[0], found)) {
            heap[0] = found;
            sink(heap, keep, 0);
        }
    }
    scratch->touched_count = 0;
    if (heap == NULL) return -1;
    qsort(heap, (size_t)count, sizeof *heap, by_column);
    for (int64_t i = 0; i < count; i++) {
        columns[i] = heap[i].column;
        values[i] = heap[i].value;
    }
    free(heap);
    return count;
}
