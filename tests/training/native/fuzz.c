/* Random sequences and user-by-item values against sums made the slow way: item-item rows
 * are the largest of them, and nothing outside is touched. Prints how many rows it made; with
 * -DFUZZER it is a target of libFuzzer. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "links.h"
#include "random_source.h"

enum { GAP_MAX = 3 };

static int64_t *starts_of(random_source *r, int64_t count, int64_t length_max) {
    int64_t *starts = block(count + 1, sizeof *starts);
    for (int64_t i = 0; i < count; i++) starts[i + 1] = starts[i] + below(r, length_max + 1);
    return starts;
}

static float *amounts(random_source *r, int64_t count) {
    float *made = block(count, sizeof *made);
    const double scale = pow(10.0, (double)below(r, 3) * 20.0 - 20.0);
    for (int64_t i = 0; i < count; i++)
        made[i] = below(r, 9) ? (float)((uniform(r) + 0.01) * scale) : 0.0f;
    return made;
}

static int32_t *places(random_source *r, int64_t count, int64_t limit) {
    int32_t *made = block(count, sizeof *made);
    for (int64_t i = 0; i < count; i++) made[i] = (int32_t)below(r, limit);
    return made;
}

/* What overflows on one side and is nothing on the other counts for nothing. */
static void add_amount(float *sum, float amount) {
    if (amount > 0.0f) *sum += amount;
}

/* The row that `sums` should give: every positive value, or the best `keep` of them. */
static int is_right(const links_measure *measure, int64_t row, const float *sums, int64_t n,
                    int64_t keep, const int32_t *columns, const float *values, int64_t count) {
    int64_t better = 0, possible = 0, at = 0;
    float worst = INFINITY;
    for (int64_t i = 0; i < count; i++) worst = fminf(worst, values[i]);
    for (int32_t column = 0; column < n; column++) {
        const float value = sums[column] * measure->row_scale[row] * measure->column_scale[column];
        const int is_kept = at < count && columns[at] == column;
        if (is_kept && (value != values[at++] || column == row)) return 0;
        if (column == row || !(value > 0.0f) || isinf(value)) continue;
        possible++;
        better += !is_kept && value > worst;
    }
    return at == count && better == 0 && count == (possible < keep ? possible : keep);
}

static int check_rows(random_source *r, const links_products *products, const links_pairs *pairs,
                      float *dense, int64_t n) {
    const int64_t keep = below(r, n + 2);
    links_scratch scratch = {.sums = block(n, 4), .touched = block(n, 4)};
    float *row_scale = amounts(r, n), *column_scale = amounts(r, n);
    const links_measure power = {.measure = LINKS_POWER, .row_scale = row_scale,
                                 .column_scale = column_scale};
    const links_measure surprise = {.measure = LINKS_LLR, .row_scale = row_scale,
                                    .column_scale = column_scale, .total = 10.0 * (double)n};
    int32_t *columns = block(keep, 4);
    float *values = block(keep, 4);
    int wrong = 0;
    for (int64_t row = 0; row < n && !wrong; row++) {
        for (int turn = 0; turn < 2; turn++) {
            if (products != NULL) links_add_products(products, row, &scratch);
            else links_add_pairs(pairs, row, &scratch);
            const int64_t count =
                links_finish(turn ? &surprise : &power, row, keep, &scratch, columns, values);
            for (int64_t i = 1; i < count; i++) wrong |= columns[i - 1] >= columns[i];
            if (turn == 0)
                wrong |= !is_right(&power, row, dense + row * n, n, keep, columns, values, count);
        }
    }
    free(scratch.sums), free(scratch.touched), free(row_scale), free(column_scale);
    free(columns), free(values);
    return wrong;
}

static int try_products(random_source *r, int64_t n, float *dense) {
    const int64_t users = below(r, 8) + 1;
    int64_t *sources = starts_of(r, n, 6), *targets = starts_of(r, users, 6);
    int32_t *source_users = places(r, sources[n], users);
    int32_t *target_items = places(r, targets[users], n);
    float *source_values = amounts(r, sources[n]), *target_values = amounts(r, targets[users]);
    const links_products products = {sources, source_users, source_values,
                                     targets, target_items, target_values};
    for (int64_t row = 0; row < n; row++)
        for (int64_t s = sources[row]; s < sources[row + 1]; s++)
            for (int64_t t = targets[source_users[s]]; t < targets[source_users[s] + 1]; t++)
                add_amount(&dense[row * n + target_items[t]], source_values[s] * target_values[t]);
    const int wrong = check_rows(r, &products, NULL, dense, n);
    free(sources), free(targets), free(source_users), free(target_items);
    free(source_values), free(target_values);
    return wrong;
}

/* Where each item stands, in rising order. */
static int64_t *positions_of(const int32_t *items, int64_t count, int64_t n, int64_t *starts) {
    int64_t *made = block(count, sizeof *made);
    int64_t found = 0;
    for (int64_t item = 0; item < n; item++) {
        starts[item] = found;
        for (int64_t at = 0; at < count; at++)
            if (items[at] == item) made[found++] = at;
    }
    starts[n] = found;
    return made;
}

static int try_pairs(random_source *r, int64_t n, float *dense) {
    const int64_t count = below(r, 60);
    int32_t *items = places(r, count, n), *sequences = block(count, 4), *steps = block(count, 4);
    for (int64_t at = 1; at < count; at++) {
        const int is_new = below(r, 6) == 0;
        sequences[at] = sequences[at - 1] + is_new;
        steps[at] = is_new ? 0 : steps[at - 1] + (int32_t)below(r, 3);
    }
    float *source_values = amounts(r, count), *target_values = amounts(r, count);
    float *ahead = amounts(r, GAP_MAX + 1), *back = amounts(r, GAP_MAX + 1);
    int64_t *starts = block(n + 1, sizeof *starts);
    int64_t *positions = positions_of(items, count, n, starts);
    const links_pairs pairs = {count, items, sequences, steps, source_values, target_values,
                               starts, positions, (int32_t)below(r, GAP_MAX + 1), ahead, back};
    for (int64_t here = 0; here < count; here++) {
        float *row = dense + items[here] * n;
        const int32_t step = steps[here];
        for (int64_t at = here + 1; at < count && sequences[at] == sequences[here]; at++)
            if (steps[at] - step <= pairs.gap)
                add_amount(&row[items[at]],
                           source_values[here] * ahead[steps[at] - step] * target_values[at]);
        for (int64_t at = here - 1; at >= 0 && sequences[at] == sequences[here]; at--)
            if (step - steps[at] <= pairs.gap)
                add_amount(&row[items[at]],
                           source_values[here] * back[step - steps[at]] * target_values[at]);
    }
    const int wrong = check_rows(r, NULL, &pairs, dense, n);
    free(items), free(sequences), free(steps), free(source_values), free(target_values);
    free(ahead), free(back), free(starts), free(positions);
    return wrong;
}

static int try_one(random_source *r) {
    const int64_t n = below(r, 20) + 1;
    float *dense = block(n * n, sizeof *dense);
    const int wrong = below(r, 2) ? try_products(r, n, dense) : try_pairs(r, n, dense);
    free(dense);
    return wrong;
}

#ifdef FUZZER

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    random_source r = random_of(data, size);
    if (try_one(&r)) abort();
    return 0;
}

#else

int main(int count, char **arguments) {
    const long rounds = count > 1 ? atol(arguments[1]) : 200;
    random_source r = {.state = count > 2 ? strtoull(arguments[2], NULL, 10) : 1};
    int wrong = 0;
    for (long i = 0; i < rounds && !wrong; i++) wrong = try_one(&r);
    printf("%s\n", wrong ? "WRONG" : "agree");
    return wrong;
}

#endif
