/* The best k seen so far: a binary heap with the worst at the root. It lives in
 * the caller's output arrays, which therefore never hold more than was found. */
#ifndef RECSYS_TOP_H
#define RECSYS_TOP_H

#include <math.h>
#include <stdint.h>

typedef struct {
    int32_t *items;
    double *scores;
    int32_t count;
    int32_t capacity; /* at least 1 */
} top_heap;

/* The order of the contract: score descending, then row ascending. */
static inline int top_outranks(double score, int32_t item, double other_score,
                               int32_t other_item) {
    return score > other_score || (score == other_score && item < other_item);
}

static inline void top_swap(top_heap *top, int32_t a, int32_t b) {
    const int32_t item = top->items[a];
    const double score = top->scores[a];
    top->items[a] = top->items[b];
    top->scores[a] = top->scores[b];
    top->items[b] = item;
    top->scores[b] = score;
}

static inline int top_worse(const top_heap *top, int32_t a, int32_t b) {
    return top_outranks(top->scores[b], top->items[b], top->scores[a], top->items[a]);
}

static inline void top_sift_down(top_heap *top, int32_t count) {
    for (int32_t parent = 0;;) {
        /* 64-bit, because twice a large position leaves int32. */
        const int64_t left = 2 * (int64_t)parent + 1;
        if (left >= count) return;
        int32_t child = (int32_t)left;
        if (left + 1 < count && top_worse(top, child + 1, child)) child++;
        if (!top_worse(top, child, parent)) return;
        top_swap(top, parent, child);
        parent = child;
    }
}

/* Returns whether the threshold may have moved. */
static inline int top_offer(top_heap *top, int32_t item, double score) {
    if (top->count < top->capacity) {
        int32_t child = top->count++;
        top->items[child] = item;
        top->scores[child] = score;
        while (child > 0 && top_worse(top, child, (child - 1) / 2)) {
            top_swap(top, child, (child - 1) / 2);
            child = (child - 1) / 2;
        }
        return top->count == top->capacity;
    }
    if (!top_outranks(score, item, top->scores[0], top->items[0])) return 0;
    top->items[0] = item;
    top->scores[0] = score;
    top_sift_down(top, top->count);
    return 1;
}

/* The score to reach: minus infinity until the heap is full. */
static inline double top_threshold(const top_heap *top) {
    return top->count < top->capacity ? -INFINITY : top->scores[0];
}

/* Best first; the heap is no heap afterwards. */
static inline void top_sort(top_heap *top) {
    for (int32_t last = top->count - 1; last > 0; last--) {
        top_swap(top, 0, last);
        top_sift_down(top, last);
    }
}

#endif
