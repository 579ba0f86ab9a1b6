/* From events to item weights; `recsys/features.py` says what they mean. */
#ifndef RECSYS_WEIGHTS_H
#define RECSYS_WEIGHTS_H

#include <stdint.h>

typedef struct {
    const double *table; /* (type_count, channel_count): weight of a fresh event */
    int64_t type_count;
    int64_t channel_count;
    double decay_per_second; /* 0 or below; 0 for no decay */
    double decay_min;
    double weight_max;
    float weight_min;
} event_weighting;

/* Weigh events one by one, as of `now`. Codes outside the table weigh 0. */
void weights_of_events(const event_weighting *weighting, const uint8_t *types,
                       const uint8_t *channels, const double *times, int64_t count, double now,
                       double *weights);

typedef struct {
    int64_t kept_count; /* rows with a weight that counts */
    int64_t seen_count; /* rows with any contact */
} item_counts;

/* Sum events per item, bound the sums, and drop those below the smallest that counts.
 * Events with a row below 0 are passed over. Sums are in float64 in the order of
 * the events. `rows` and `weights` receive what is kept, `seen` the rows with any
 * contact, all by ascending row; they and `keys` have room for `count`. */
item_counts weights_by_item(const event_weighting *weighting, const int32_t *event_rows,
                            const double *event_weights, int64_t count, int64_t *keys,
                            int32_t *rows, float *weights, int32_t *seen);

/* How item weights are made ready for item-item rows; `recsys/features.py` says why. */
typedef struct {
    double step_decay;      /* above 0 to 1 */
    double length_exponent; /* 0 to 1 */
    double newest_boost;
} history_weighting;

typedef struct {
    double time;
    int64_t line;
} timed_line;

/* Multiply each weight by step_decay once for each later time at which there is contact.
 * `scratch` has room for `count`. */
void weights_by_step(double step_decay, const double *times, int64_t count, timed_line *scratch,
                     double *weights);

/* Keep of `rows` what is among `kept_rows` too (both ascending), and divide the weights by
 * their sum to the power; in place. Returns how many stay. */
int64_t weights_linked(const history_weighting *history, const int32_t *kept_rows,
                       int64_t kept_count, int32_t *rows, float *weights, int64_t count);

/* Boost what is among `link_rows` (ascending) and was in contact at the latest time of all
 * contact: `newest_boost` times its link weight. `keys` has room for `count`, `rows` and `values`
 * for `link_count`. Returns how many are boosted, by ascending row. */
int64_t weights_newest(const history_weighting *history, const double *times,
                       const double *event_weights, const int32_t *event_rows, int64_t count,
                       int64_t *keys, const int32_t *link_rows, const float *link_weights,
                       int64_t link_count, int32_t *rows, float *values);

#endif
