#include "allocation.h"

#include <stddef.h>

enum { STEPS = 80 };

static double clipped(double value) { return value < 0.0 ? 0.0 : value > 1.0 ? 1.0 : value; }

/* Those of a person's pairs that are worth something after prices; returns how many. */
static int64_t worthwhile(const allocation_pairs *pairs, const allocation_prices *prices,
                          int64_t person, allocation_scratch *scratch) {
    int64_t found = 0;
    for (int64_t pair = pairs->starts[person]; pair < pairs->starts[person + 1]; pair++) {
        const int32_t choice = pairs->choices[pair];
        const double reduced = (double)pairs->values[pair] - prices->unit[choice] -
                               prices->spend[choice] * (double)pairs->costs[pair];
        scratch->reduced[found] = reduced;
        scratch->pairs[found] = pair;
        found += reduced > 0.0;
    }
    return found;
}

/* The `wanted` largest numbers, descending. */
static void largest(const double *reduced, int64_t count, int64_t wanted, double *top) {
    int64_t found = 0;
    for (int64_t at = 0; at < count; at++) {
        const double value = reduced[at];
        if (found == wanted && value <= top[wanted - 1]) continue;
        int64_t place = found < wanted ? found++ : wanted - 1;
        for (; place > 0 && top[place - 1] < value; place--) top[place] = top[place - 1];
        top[place] = value;
    }
}

/* What a slot costs a person who could fill more than she has: the least t >= 0 with
 * sum clip((r - t) / s) <= slots. The sum falls in straight pieces, so Newton's step is exact
 * within a piece; halving keeps it inside what is known. `near` is working memory. */
static double slot_price(const double *reduced, int64_t count, int64_t slots, const double *top,
                         double smoothing, double *near) {
    double low = top[slots - 1] - smoothing, high = top[slots];
    if (low < 0.0) low = 0.0;
    if (low >= high) return low;
    int64_t near_count = 0;
    for (int64_t at = 0; at < count; at++) {
        near[near_count] = reduced[at];
        near_count += reduced[at] > low;
    }
    double price = low;
    for (int step = 0; step < STEPS && high - low > 1e-12 * smoothing; step++) {
        double sum = 0.0;
        int64_t bending = 0;
        for (int64_t at = 0; at < near_count; at++) {
            const double part = (near[at] - price) / smoothing;
            sum += clipped(part);
            bending += part > 0.0 && part < 1.0;
        }
        if (sum > (double)slots) low = price;
        else high = price;
        if (price == 0.0 && sum <= (double)slots) return 0.0;
        const double next =
            price + (sum - (double)slots) * smoothing / (double)(bending ? bending : 1);
        if (next == price) return price;
        price = bending && next > low && next < high ? next : 0.5 * (low + high);
    }
    return high;
}

/* Fill the worthwhile pairs of a person, what they are worth and the part of each that she takes;
 * returns how many they are, and adds her exact best. */
static int64_t settle(const allocation_pairs *pairs, const allocation_prices *prices,
                      int64_t person, allocation_scratch *scratch, double *exact) {
    const int64_t slots = pairs->slots[person];
    if (slots == 0) return 0;
    const int64_t count = worthwhile(pairs, prices, person, scratch);
    const int64_t taken = count < slots ? count : slots;
    double *reduced = scratch->reduced, *fractions = scratch->fractions, *top = scratch->top;
    if (count == 0) return 0;
    largest(reduced, count, slots + 1, top);
    for (int64_t place = 0; place < taken; place++) *exact += top[place];
    if (prices->smoothing > 0.0) {
        const double smoothing = prices->smoothing;
        const double price =
            count > slots ? slot_price(reduced, count, slots, top, smoothing, fractions) : 0.0;
        for (int64_t at = 0; at < count; at++) {
            fractions[at] = clipped((reduced[at] - price) / smoothing);
        }
        return count;
    }
    int64_t left = taken;
    for (int64_t at = 0; at < count; at++) {
        fractions[at] = reduced[at] > top[taken - 1] ? 1.0 : 0.0;
        left -= reduced[at] > top[taken - 1];
    }
    for (int64_t at = 0; at < count && left > 0; at++) {
        if (reduced[at] == top[taken - 1]) fractions[at] = 1.0, left--;
    }
    return count;
}

void allocation_add(const allocation_pairs *pairs, const allocation_prices *prices,
                    int64_t first, int64_t stop, allocation_scratch *scratch,
                    allocation_sums *sums) {
    for (int64_t person = first; person < stop; person++) {
        const int64_t count = settle(pairs, prices, person, scratch, &sums->exact);
        for (int64_t at = 0; at < count; at++) {
            const double x = scratch->fractions[at];
            if (x == 0.0) continue;
            const int64_t pair = scratch->pairs[at];
            const int32_t choice = pairs->choices[pair];
            sums->counts[choice] += x;
            sums->spends[choice] += x * (double)pairs->costs[pair];
            sums->smooth += x * (scratch->reduced[at] - 0.5 * prices->smoothing * x);
        }
    }
}

void allocation_round(const allocation_pairs *pairs, const allocation_prices *prices,
                      int64_t first, int64_t stop, allocation_scratch *scratch,
                      const double *draws, uint8_t *chosen) {
    for (int64_t person = first; person < stop; person++) {
        double exact = 0.0, sum = draws[person];
        const int64_t count = settle(pairs, prices, person, scratch, &exact);
        int64_t taken = 0;
        for (int64_t at = 0; at < count; at++) {
            sum += scratch->fractions[at];
            const int takes = sum >= (double)(taken + 1) && taken < pairs->slots[person];
            chosen[scratch->pairs[at]] = (uint8_t)takes;
            taken += takes;
        }
    }
}

static double amount(const allocation_pairs *pairs, const allocation_limits *limits,
                     int32_t limit, int64_t pair) {
    return limits->of_costs[limit] ? (double)pairs->costs[pair] : 1.0;
}

static int allowed(const allocation_pairs *pairs, const allocation_limits *limits, int64_t pair) {
    const int32_t choice = pairs->choices[pair];
    for (int64_t at = limits->starts[choice]; at < limits->starts[choice + 1]; at++) {
        const int32_t limit = limits->limits[at];
        if (limits->left[limit] < amount(pairs, limits, limit, pair)) return 0;
    }
    return 1;
}

static int overdrawn(const allocation_pairs *pairs, const allocation_limits *limits,
                     int64_t pair) {
    const int32_t choice = pairs->choices[pair];
    for (int64_t at = limits->starts[choice]; at < limits->starts[choice + 1]; at++) {
        const int32_t limit = limits->limits[at];
        if (limits->left[limit] < 0.0 && amount(pairs, limits, limit, pair) > 0.0) return 1;
    }
    return 0;
}

static void move(const allocation_pairs *pairs, const allocation_limits *limits, int64_t pair,
                 double sign) {
    const int32_t choice = pairs->choices[pair];
    for (int64_t at = limits->starts[choice]; at < limits->starts[choice + 1]; at++) {
        const int32_t limit = limits->limits[at];
        limits->left[limit] += sign * amount(pairs, limits, limit, pair);
    }
}

int64_t allocation_take(const allocation_pairs *pairs, const allocation_limits *limits,
                        const int64_t *order, const int64_t *persons, int64_t count,
                        int32_t *slots_left, uint8_t *chosen) {
    int64_t taken = 0;
    for (int64_t at = 0; at < count; at++) {
        const int64_t pair = order[at];
        if (chosen[pair] || slots_left[persons[at]] <= 0 || !allowed(pairs, limits, pair)) continue;
        move(pairs, limits, pair, -1.0);
        chosen[pair] = 1;
        slots_left[persons[at]]--;
        taken++;
    }
    return taken;
}

int64_t allocation_drop(const allocation_pairs *pairs, const allocation_limits *limits,
                        const int64_t *order, const int64_t *persons, int64_t count,
                        int32_t *slots_left, uint8_t *chosen) {
    int64_t dropped = 0;
    for (int64_t at = 0; at < count; at++) {
        const int64_t pair = order[at];
        if (!chosen[pair] || !overdrawn(pairs, limits, pair)) continue;
        move(pairs, limits, pair, 1.0);
        chosen[pair] = 0;
        slots_left[persons[at]]++;
        dropped++;
    }
    return dropped;
}
