/* Rows of an item-item matrix, one at a time: sum what an item leads to, scale, keep the best.
 *
 * A row needs nothing of other rows, so any number of threads may each take some;
 * a row's sums are in one fixed order, so threads change no bit of it. The whole
 * product is never held: a thread works in one number per item (`links_scratch`).
 */
#ifndef RECSYS_LINKS_H
#define RECSYS_LINKS_H

#include <stdint.h>

/* Working memory of one thread. `sums` is all zero between rows. */
typedef struct {
    float *sums;      /* column_count */
    int32_t *touched; /* column_count: the columns with a sum */
    int64_t touched_count;
} links_scratch;

/* Two sparse matrices with users as the inner dimension: sources by item, targets by user. */
typedef struct {
    const int64_t *source_starts; /* row_count + 1 */
    const int32_t *source_users;
    const float *source_values; /* positive */
    const int64_t *target_starts; /* user_count + 1 */
    const int32_t *target_items;
    const float *target_values; /* positive */
} links_products;

/* Sequences, one after the other, and where each item stands in them. */
typedef struct {
    int64_t position_count;
    const int32_t *items;        /* by position */
    const int32_t *sequences;    /* by position, rising */
    const int32_t *steps;        /* by position, rising within a sequence */
    const float *source_values;  /* by position, not negative */
    const float *target_values;  /* by position, not negative */
    const int64_t *item_starts;  /* item_count + 1, into item_positions */
    const int64_t *item_positions;
    int32_t gap;                 /* steps looked ahead and back at most */
    const float *ahead;          /* gap + 1 weights by distance, not negative; 0 is the same step */
    const float *back;           /* gap + 1, not negative; back[0] counts earlier lines of a step */
} links_pairs;

enum { LINKS_POWER = 0, LINKS_LLR = 1 };

/* How sums become values: sums * row_scale[row] * column_scale[column]; or how unlikely
 * they are by chance (Dunning 1993), the scales then being totals out of `total`. */
typedef struct {
    int measure;
    const float *row_scale;
    const float *column_scale;
    double total;
} links_measure;

void links_add_products(const links_products *products, int64_t row, links_scratch *scratch);
void links_add_pairs(const links_pairs *pairs, int64_t row, links_scratch *scratch);

/* Write the `keep` largest positive values (ties: lower column) but for column `row`, in
 * the order of columns; clears the sums. Returns how many. */
int64_t links_finish(const links_measure *measure, int64_t row, int64_t keep,
                     links_scratch *scratch, int32_t *columns, float *values);

#endif
