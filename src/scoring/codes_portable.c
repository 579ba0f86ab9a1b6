/* The loops over codes in plain C, which compilers vectorise as they can. */
#include <math.h>
#include <string.h>

#include "rounding.h"
#include "simd.h"

#define LANES_TARGET
#define LANES static inline

enum { LANES_SIGNED = 0, LANES_TILE_GROUPS = 1, LANES_TILE_QUERIES = 1 };
typedef union {
    int32_t sum[16];
    uint8_t bytes[64];
} lanes_i;
typedef struct {
    float item[16];
} lanes_f;

#define BYTES(expression)                                           \
    lanes_i out;                                                    \
    for (int i = 0; i < 64; i++) out.bytes[i] = (uint8_t)(expression); \
    return out
#define FLOATS(expression)                                     \
    lanes_f out;                                               \
    for (int i = 0; i < 16; i++) out.item[i] = (expression);   \
    return out

LANES lanes_i lanes_zero(void) { BYTES(0); }
LANES lanes_i lanes_load(const uint8_t *bytes) { BYTES(bytes[i]); }
LANES lanes_i lanes_low_bits(lanes_i in) { BYTES(in.bytes[i] & 15); }
LANES lanes_i lanes_high_bits(lanes_i in) { BYTES(in.bytes[i] >> 4); }
LANES lanes_i lanes_join_first(lanes_i high, lanes_i low) {
    BYTES((high.bytes[i] << 4 & 0xf0) | (low.bytes[i] & 15));
}
LANES lanes_i lanes_join_second(lanes_i high, lanes_i low) {
    BYTES((high.bytes[i] & 0xf0) | low.bytes[i] >> 4);
}
LANES lanes_i lanes_add(lanes_i a, lanes_i b) {
    for (int i = 0; i < 16; i++) a.sum[i] += b.sum[i];
    return a;
}
LANES lanes_i lanes_shifted(lanes_i a, int shift) {
    for (int i = 0; i < 16; i++) a.sum[i] *= 1 << shift;
    return a;
}
LANES lanes_i lanes_dot(lanes_i sum, lanes_i in, const int8_t *query) {
    for (int i = 0; i < 16; i++)
        sum.sum[i] += in.bytes[4 * i] * query[0] + in.bytes[4 * i + 1] * query[1] +
                      in.bytes[4 * i + 2] * query[2] + in.bytes[4 * i + 3] * query[3];
    return sum;
}
LANES lanes_i lanes_spread(int32_t value) {
    lanes_i out;
    for (int i = 0; i < 16; i++) out.sum[i] = value;
    return out;
}
LANES lanes_f lanes_float(lanes_i in) { FLOATS((float)in.sum[i]); }
LANES lanes_f lanes_bf16(const uint16_t *halves) { FLOATS(bf16_value(halves[i])); }
LANES lanes_f lanes_set(float value) { FLOATS(value); }
LANES lanes_f lanes_fload(const float *values) { FLOATS(values[i]); }
LANES void lanes_fstore(float *out, lanes_f values) { memcpy(out, &values, sizeof values); }
LANES lanes_f lanes_mul(lanes_f a, lanes_f b) { FLOATS(a.item[i] * b.item[i]); }
LANES lanes_f lanes_fadd(lanes_f a, lanes_f b) { FLOATS(a.item[i] + b.item[i]); }
LANES uint32_t lanes_not_below(lanes_f a, lanes_f b) {
    uint32_t bits = 0;
    for (int i = 0; i < 16; i++) bits |= (uint32_t)!(a.item[i] < b.item[i]) << i;
    return bits;
}

#include "codes_body.h"

const code_ops CODES_PORTABLE = {CODES_OPS, .code_max = 127};
