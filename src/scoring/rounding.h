/* Directed rounding, for bounds. */
#ifndef RECSYS_ROUNDING_H
#define RECSYS_ROUNDING_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float round_down(double value) {
    const float nearest = (float)value;
    return (double)nearest > value ? nextafterf(nearest, -INFINITY) : nearest;
}

static inline float round_up(double value) { return -round_down(-value); }

/* bfloat16 is the upper half of a float32. */
static inline float bf16_value(uint16_t half) {
    const uint32_t bits = (uint32_t)half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The least bfloat16 that is not below a value of 0 and above. */
static inline uint16_t bf16_up(double value) {
    const float up = round_up(value);
    uint32_t bits;
    memcpy(&bits, &up, sizeof bits);
    return (uint16_t)((bits >> 16) + ((bits & 0xffff) != 0));
}

#endif
