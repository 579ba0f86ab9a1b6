/* The loops over codes with NEON and its dot product (ARMv8.2 and later). */
#include "simd.h"

#include <stddef.h>

#if defined(__aarch64__) && (defined(__linux__) || defined(__APPLE__))

#include <arm_neon.h>
#include <string.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#define LANES_TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#define LANES LANES_TARGET static inline __attribute__((always_inline))

typedef struct {
    int32x4_t part[4];
} lanes_i;
typedef struct {
    float32x4_t part[4];
} lanes_f;

#define EACH(expression)                                       \
    for (int p = 0; p < 4; p++) out.part[p] = (expression);    \
    return out
#define BYTES(expression)                                                        \
    for (int p = 0; p < 4; p++) out.part[p] = vreinterpretq_s32_u8(expression);  \
    return out
#define U8(vector) vreinterpretq_u8_s32((vector).part[p])

LANES lanes_i lanes_zero(void) {
    lanes_i out;
    EACH(vdupq_n_s32(0));
}
LANES lanes_i lanes_load(const uint8_t *bytes) {
    lanes_i out;
    BYTES(vld1q_u8(bytes + 16 * p));
}
LANES lanes_i lanes_add(lanes_i a, lanes_i b) {
    lanes_i out;
    EACH(vaddq_s32(a.part[p], b.part[p]));
}
LANES lanes_i lanes_low_bits(lanes_i in) {
    lanes_i out;
    BYTES(vandq_u8(U8(in), vdupq_n_u8(15)));
}
LANES lanes_i lanes_high_bits(lanes_i in) {
    lanes_i out;
    BYTES(vshrq_n_u8(U8(in), 4));
}
/* The dot product wants both sides signed, so whole codes are joined less 128.
 * Shifting and inserting keeps the bits that the shift leaves free. */
enum { LANES_SIGNED = 1, LANES_TILE_GROUPS = 1, LANES_TILE_QUERIES = 6 };
LANES lanes_i lanes_join_first(lanes_i high, lanes_i low) {
    lanes_i out;
    BYTES(veorq_u8(vsliq_n_u8(U8(low), U8(high), 4), vdupq_n_u8(128)));
}
LANES lanes_i lanes_join_second(lanes_i high, lanes_i low) {
    lanes_i out;
    BYTES(veorq_u8(vsriq_n_u8(U8(high), U8(low), 4), vdupq_n_u8(128)));
}
LANES lanes_i lanes_dot(lanes_i sum, lanes_i bytes, const int8_t *query) {
    lanes_i out;
    int32_t four;
    memcpy(&four, query, sizeof four);
    const int8x16_t codes = vreinterpretq_s8_s32(vdupq_n_s32(four));
    EACH(vdotq_s32(sum.part[p], vreinterpretq_s8_s32(bytes.part[p]), codes));
}
LANES lanes_i lanes_shifted(lanes_i sum, int shift) {
    lanes_i out;
    EACH(vshlq_s32(sum.part[p], vdupq_n_s32(shift)));
}
LANES lanes_i lanes_spread(int32_t value) {
    lanes_i out;
    EACH(vdupq_n_s32(value));
}
LANES lanes_f lanes_float(lanes_i sum) {
    lanes_f out;
    EACH(vcvtq_f32_s32(sum.part[p]));
}
LANES lanes_f lanes_bf16(const uint16_t *halves) {
    lanes_f out;
    EACH(vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(halves + 4 * p), 16)));
}
LANES lanes_f lanes_set(float value) {
    lanes_f out;
    EACH(vdupq_n_f32(value));
}
LANES lanes_f lanes_fload(const float *values) {
    lanes_f out;
    EACH(vld1q_f32(values + 4 * p));
}
LANES void lanes_fstore(float *out, lanes_f values) {
    for (int p = 0; p < 4; p++) vst1q_f32(out + 4 * p, values.part[p]);
}
LANES lanes_f lanes_mul(lanes_f a, lanes_f b) {
    lanes_f out;
    EACH(vmulq_f32(a.part[p], b.part[p]));
}
LANES lanes_f lanes_fadd(lanes_f a, lanes_f b) {
    lanes_f out;
    EACH(vaddq_f32(a.part[p], b.part[p]));
}
LANES uint32_t lanes_not_below(lanes_f a, lanes_f b) {
    static const uint32_t WEIGHTS[4] = {1, 2, 4, 8};
    const uint32x4_t weights = vld1q_u32(WEIGHTS);
    uint32_t bits = 0;
    for (int p = 0; p < 4; p++) {
        const uint32x4_t below = vcltq_f32(a.part[p], b.part[p]);
        bits |= vaddvq_u32(vbicq_u32(weights, below)) << (4 * p);
    }
    return bits;
}

#include "codes_body.h"

static int has_dot_product(void) {
#if defined(__APPLE__)
    return 1; /* every Apple processor of this architecture that runs macOS */
#else
    return (int)(getauxval(AT_HWCAP) >> 20 & 1); /* HWCAP_ASIMDDP */
#endif
}

int simd_has_neon_dot(void) { return has_dot_product(); }

const code_ops CODES_NEON = {CODES_OPS, .code_max = 127};

#else

int simd_has_neon_dot(void) { return 0; }

const code_ops CODES_NEON = {0};

#endif
