/* Who gets which offer, one person at a time, under prices of what is scarce.
 *
 * The whole problem: choose x_po in [0, 1] that maximises sum v_po x_po, with at most
 * `slots_p` choices for each person, and limits on sums of x_po and c_po x_po over all
 * people. Once each limit has a price (a Lagrange multiplier), people no longer
 * depend on each other: each takes what is worth most after prices,
 *
 *     r_po = v_po - unit_price_o - spend_price_o c_po.
 *
 * What she takes jumps as prices move. With smoothing s > 0 a person maximises
 * sum r x - s/2 x^2 instead, which is unique and moves without jumps:
 * x = min(1, max(0, (r - t) / s)), where t >= 0 is what a slot costs her (Basu et al. 2020,
 * "ECLIPSE: An Extreme-Scale Linear Program Solver for Web-Applications").
 */
#ifndef RECSYS_ALLOCATION_H
#define RECSYS_ALLOCATION_H

#include <stdint.h>

typedef struct {
    const int64_t *starts;  /* person_count + 1, into the pairs */
    const int32_t *choices; /* by pair; no choice twice for one person */
    const float *values;    /* by pair */
    const float *costs;     /* by pair, not negative */
    const int32_t *slots;   /* by person, not negative */
} allocation_pairs;

typedef struct {
    const double *unit; /* by choice */
    const double *spend; /* by choice */
    double smoothing;    /* not negative; 0: whole choices, the first of equals */
} allocation_prices;

typedef struct {
    double *counts; /* by choice: sum x */
    double *spends; /* by choice: sum c x */
    double exact;   /* sum over people of the best that they could take, without smoothing */
    double smooth;  /* the same with it */
} allocation_sums;

/* Working memory of one thread. */
typedef struct {
    int64_t *pairs;    /* one more than one person has pairs at most */
    double *reduced;   /* as many */
    double *fractions; /* as many */
    double *top;       /* the most slots + 1 */
} allocation_scratch;

/* Add what persons [first, stop) take to `sums`. */
void allocation_add(const allocation_pairs *pairs, const allocation_prices *prices,
                    int64_t first, int64_t stop, allocation_scratch *scratch,
                    allocation_sums *sums);

/* Round what persons [first, stop) take to whole choices: pair by pair with the
 * probability of its fraction, and never more than slots (systematic sampling, Madow 1949).
 * `draws` is one number in [0, 1) by person; `chosen` is by pair and all zero before. */
void allocation_round(const allocation_pairs *pairs, const allocation_prices *prices,
                      int64_t first, int64_t stop, allocation_scratch *scratch,
                      const double *draws, uint8_t *chosen);

/* Limits of sums over people. */
typedef struct {
    const int64_t *starts;   /* choice_count + 1, into `limits` */
    const int32_t *limits;   /* the limits of each choice */
    const uint8_t *of_costs; /* by limit: whether costs are summed, or choices */
    double *left;            /* by limit: what may still be taken; may be negative */
} allocation_limits;

/* Take pairs in the order given, each if its person has a slot left and all its limits allow
 * it. Returns how many were taken. */
int64_t allocation_take(const allocation_pairs *pairs, const allocation_limits *limits,
                        const int64_t *order, const int64_t *persons, int64_t count,
                        int32_t *slots_left, uint8_t *chosen);

/* Give back chosen pairs in the order given, each if one of its limits is overdrawn.
 * Returns how many were given back. */
int64_t allocation_drop(const allocation_pairs *pairs, const allocation_limits *limits,
                        const int64_t *order, const int64_t *persons, int64_t count,
                        int32_t *slots_left, uint8_t *chosen);

#endif
