/* The loops over codes with AVX-512 VNNI: one register holds 16 items. */
#include "simd.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>
#include <string.h>

#define LANES_TARGET __attribute__((target("avx512f,avx512vnni,avx2,fma")))
#define LANES LANES_TARGET static inline __attribute__((always_inline))

enum { LANES_SIGNED = 0, LANES_TILE_GROUPS = 4, LANES_TILE_QUERIES = 6 };
typedef __m512i lanes_i;
typedef __m512 lanes_f;

LANES lanes_i lanes_zero(void) { return _mm512_setzero_si512(); }
LANES lanes_i lanes_load(const uint8_t *bytes) { return _mm512_loadu_si512(bytes); }
LANES lanes_i lanes_add(lanes_i a, lanes_i b) { return _mm512_add_epi32(a, b); }
LANES lanes_i lanes_low_bits(lanes_i bytes) {
    return _mm512_and_si512(bytes, _mm512_set1_epi32(0x0f0f0f0f));
}
LANES lanes_i lanes_high_bits(lanes_i bytes) {
    return lanes_low_bits(_mm512_srli_epi32(bytes, 4));
}
/* 0xca: bits of the second argument where the first has ones, else of the third. */
LANES lanes_i lanes_join_first(lanes_i high, lanes_i low) {
    return _mm512_ternarylogic_epi32(_mm512_set1_epi32((int)0xf0f0f0f0),
                                     _mm512_slli_epi32(high, 4), low, 0xca);
}
LANES lanes_i lanes_join_second(lanes_i high, lanes_i low) {
    return _mm512_ternarylogic_epi32(_mm512_set1_epi32((int)0xf0f0f0f0), high,
                                     _mm512_srli_epi32(low, 4), 0xca);
}
/* sum += four unsigned bytes of each item times the query's four signed ones. */
LANES lanes_i lanes_dot(lanes_i sum, lanes_i bytes, const int8_t *query) {
    int32_t four;
    memcpy(&four, query, sizeof four);
    const __m512i codes = _mm512_set1_epi32(four);
    /* GCC 12 copies registers around the intrinsic, and sums of tiles then do not fit. */
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(bytes), "v"(codes));
    return sum;
}
LANES lanes_i lanes_shifted(lanes_i sum, int shift) {
    return _mm512_slli_epi32(sum, (unsigned)shift);
}
LANES lanes_i lanes_spread(int32_t value) { return _mm512_set1_epi32(value); }
LANES lanes_f lanes_float(lanes_i sum) { return _mm512_cvtepi32_ps(sum); }
LANES lanes_f lanes_bf16(const uint16_t *halves) {
    const __m256i packed = _mm256_loadu_si256((const __m256i *)halves);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(packed), 16));
}
LANES lanes_f lanes_set(float value) { return _mm512_set1_ps(value); }
LANES lanes_f lanes_fload(const float *values) { return _mm512_loadu_ps(values); }
LANES void lanes_fstore(float *out, lanes_f values) { _mm512_storeu_ps(out, values); }
LANES lanes_f lanes_mul(lanes_f a, lanes_f b) { return _mm512_mul_ps(a, b); }
LANES lanes_f lanes_fadd(lanes_f a, lanes_f b) { return _mm512_add_ps(a, b); }
LANES uint32_t lanes_not_below(lanes_f a, lanes_f b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ);
}

/* Four registers of 16 sums each to one of the four sums of each of their four quarters. */
LANES lanes_i fold_quarters(lanes_i a, lanes_i b, lanes_i c, lanes_i d) {
    const lanes_i ab = lanes_add(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    const lanes_i cd = lanes_add(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    return lanes_add(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

#define LANES_SUMS
LANES lanes_i codes_digest_sums(const uint8_t *const digests[CODES_GROUP],
                                const digest_query *query) {
    /* What lies behind the codes is multiplied by 0. */
    const __mmask16 there = (__mmask16)((1u << (query->bytes / 4)) - 1);
    const lanes_i codes = _mm512_loadu_si512(query->codes);
    lanes_i four[4];
    for (int i = 0; i < 4; i++) {
        lanes_i sum[4];
        for (int j = 0; j < 4; j++)
            sum[j] = _mm512_dpbusd_epi32(
                lanes_zero(), _mm512_maskz_loadu_epi32(there, digests[4 * i + j]), codes);
        four[i] = fold_quarters(sum[0], sum[1], sum[2], sum[3]);
    }
    /* Of item 4 i + j, quarter q is in lane 4 q + j of register i. */
    const lanes_i low02 = _mm512_shuffle_i32x4(four[0], four[1], 0x44);
    const lanes_i low13 = _mm512_shuffle_i32x4(four[0], four[1], 0xee);
    const lanes_i high02 = _mm512_shuffle_i32x4(four[2], four[3], 0x44);
    const lanes_i high13 = _mm512_shuffle_i32x4(four[2], four[3], 0xee);
    const lanes_i first = lanes_add(low02, low13), second = lanes_add(high02, high13);
    return lanes_add(_mm512_shuffle_i32x4(first, second, 0x88),
                     _mm512_shuffle_i32x4(first, second, 0xdd));
}

#include "codes_body.h"

const code_ops CODES_AVX512 = {CODES_OPS, .code_max = 127};

#endif
