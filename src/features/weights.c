#include "weights.h"

#include <math.h>
#include <stdlib.h>

enum { SHORT_SORT_MAX = 48 };

void weights_of_events(const event_weighting *weighting, const uint8_t *types,
                       const uint8_t *channels, const double *times, int64_t count, double now,
                       double *weights) {
    for (int64_t i = 0; i < count; i++) {
        const int known = types[i] < weighting->type_count && channels[i] < weighting->channel_count;
        double weight =
            known ? weighting->table[types[i] * weighting->channel_count + channels[i]] : 0.0;
        if (weight != 0.0 && weighting->decay_per_second != 0.0) {
            const double age = now - times[i];
            /* Events after `now` happen now. */
            double decay = age < 0.0 ? 1.0 : exp(age * weighting->decay_per_second);
            if (decay < weighting->decay_min) decay = weighting->decay_min;
            weight *= decay;
        }
        weights[i] = weight;
    }
}

static int compare_keys(const void *left, const void *right) {
    const int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Histories are short, and a call per comparison costs more than the moves. */
static void sort_keys(int64_t *keys, int64_t count) {
    if (count > SHORT_SORT_MAX) {
        qsort(keys, (size_t)count, sizeof *keys, compare_keys);
        return;
    }
    for (int64_t i = 1; i < count; i++) {
        const int64_t key = keys[i];
        int64_t at = i;
        for (; at > 0 && keys[at - 1] > key; at--) keys[at] = keys[at - 1];
        keys[at] = key;
    }
}

item_counts weights_by_item(const event_weighting *weighting, const int32_t *event_rows,
                            const double *event_weights, int64_t count, int64_t *keys,
                            int32_t *rows, float *weights, int32_t *seen) {
    item_counts counts = {0, 0};
    int64_t known = 0;
    /* The position in the lower half keeps the order of equal rows. */
    for (int64_t i = 0; i < count; i++)
        if (event_rows[i] >= 0) keys[known++] = ((int64_t)event_rows[i] << 32) | i;
    sort_keys(keys, known);
    for (int64_t at = 0; at < known;) {
        const int32_t row = (int32_t)(keys[at] >> 32);
        double total = 0.0;
        int contact = 0;
        for (; at < known && (int32_t)(keys[at] >> 32) == row; at++) {
            const double weight = event_weights[keys[at] & 0xFFFFFFFF];
            total += weight;
            contact |= weight != 0.0;
        }
        if (total > weighting->weight_max) total = weighting->weight_max;
        if ((float)total >= weighting->weight_min) { /* False for NaN too. */
            rows[counts.kept_count] = row;
            weights[counts.kept_count++] = (float)total;
        }
        if (contact) seen[counts.seen_count++] = row;
    }
    return counts;
}

static int newest_first(const void *left, const void *right) {
    const double a = ((const timed_line *)left)->time, b = ((const timed_line *)right)->time;
    return (a < b) - (a > b);
}

void weights_by_step(double step_decay, const double *times, int64_t count, timed_line *scratch,
                     double *weights) {
    int64_t contacts = 0, step = 0;
    for (int64_t i = 0; i < count; i++)
        if (weights[i] != 0.0) scratch[contacts++] = (timed_line){times[i], i};
    qsort(scratch, (size_t)contacts, sizeof *scratch, newest_first);
    for (int64_t at = 0; at < contacts; at++) {
        if (at > 0 && scratch[at].time != scratch[at - 1].time) step++;
        weights[scratch[at].line] *= pow(step_decay, (double)step);
    }
}

int64_t weights_linked(const history_weighting *history, const int32_t *kept_rows,
                       int64_t kept_count, int32_t *rows, float *weights, int64_t count) {
    int64_t linked = 0, kept = 0;
    double sum = 0.0;
    for (int64_t at = 0; at < count; at++) {
        while (kept < kept_count && kept_rows[kept] < rows[at]) kept++;
        if (kept == kept_count || kept_rows[kept] != rows[at]) continue;
        rows[linked] = rows[at];
        weights[linked++] = weights[at];
        sum += (double)weights[at];
    }
    if (history->length_exponent == 0.0 || linked == 0) return linked;
    const double factor = pow(sum, -history->length_exponent);
    for (int64_t at = 0; at < linked; at++) weights[at] = (float)(weights[at] * factor);
    return linked;
}

int64_t weights_newest(const history_weighting *history, const double *times,
                       const double *event_weights, const int32_t *event_rows, int64_t count,
                       int64_t *keys, const int32_t *link_rows, const float *link_weights,
                       int64_t link_count, int32_t *rows, float *values) {
    double latest = -INFINITY;
    int64_t newest = 0, boosted = 0;
    for (int64_t i = 0; i < count; i++)
        if (event_weights[i] != 0.0 && times[i] > latest) latest = times[i];
    for (int64_t i = 0; i < count; i++)
        if (event_weights[i] != 0.0 && times[i] == latest) keys[newest++] = event_rows[i];
    sort_keys(keys, newest);
    for (int64_t link = 0, at = 0; link < link_count; link++) {
        while (at < newest && keys[at] < link_rows[link]) at++;
        if (at == newest) break;
        if (keys[at] != link_rows[link]) continue;
        rows[boosted] = link_rows[link];
        values[boosted++] = (float)(history->newest_boost * (double)link_weights[link]);
    }
    return boosted;
}
