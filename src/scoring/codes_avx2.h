/* 16 items in two AVX2 registers: what the variants with and without VNNI share.
 * The including file defines LANES_TARGET, LANES_TILE_QUERIES and `half_dot`, the product
 * of one half. */
#ifndef RECSYS_CODES_AVX2_H
#define RECSYS_CODES_AVX2_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define LANES LANES_TARGET static inline __attribute__((always_inline))

enum { LANES_SIGNED = 0, LANES_TILE_GROUPS = 1 };
typedef struct {
    __m256i half[2];
} lanes_i;
typedef struct {
    __m256 half[2];
} lanes_f;

LANES __m256i half_dot(__m256i sum, __m256i bytes, __m256i query);

#define EACH(expression)             \
    for (int h = 0; h < 2; h++) {    \
        out.half[h] = (expression);  \
    }                                \
    return out

LANES lanes_i lanes_zero(void) {
    lanes_i out;
    EACH(_mm256_setzero_si256());
}
LANES lanes_i lanes_load(const uint8_t *bytes) {
    lanes_i out;
    EACH(_mm256_loadu_si256((const __m256i *)bytes + h));
}
LANES lanes_i lanes_add(lanes_i a, lanes_i b) {
    lanes_i out;
    EACH(_mm256_add_epi32(a.half[h], b.half[h]));
}
LANES lanes_i lanes_low_bits(lanes_i bytes) {
    lanes_i out;
    EACH(_mm256_and_si256(bytes.half[h], _mm256_set1_epi8(15)));
}
LANES lanes_i lanes_high_bits(lanes_i bytes) {
    lanes_i out;
    EACH(_mm256_and_si256(_mm256_srli_epi32(bytes.half[h], 4), _mm256_set1_epi8(15)));
}
LANES lanes_i lanes_join_first(lanes_i high, lanes_i low) {
    lanes_i out;
    EACH(_mm256_or_si256(
        _mm256_andnot_si256(_mm256_set1_epi8(15), _mm256_slli_epi32(high.half[h], 4)),
        _mm256_and_si256(low.half[h], _mm256_set1_epi8(15))));
}
LANES lanes_i lanes_join_second(lanes_i high, lanes_i low) {
    lanes_i out;
    EACH(_mm256_or_si256(
        _mm256_andnot_si256(_mm256_set1_epi8(15), high.half[h]),
        _mm256_and_si256(_mm256_srli_epi32(low.half[h], 4), _mm256_set1_epi8(15))));
}
LANES lanes_i lanes_dot(lanes_i sum, lanes_i bytes, const int8_t *query) {
    lanes_i out;
    int32_t four;
    memcpy(&four, query, sizeof four);
    EACH(half_dot(sum.half[h], bytes.half[h], _mm256_set1_epi32(four)));
}
LANES lanes_i lanes_shifted(lanes_i sum, int shift) {
    lanes_i out;
    EACH(_mm256_slli_epi32(sum.half[h], shift));
}
LANES lanes_i lanes_spread(int32_t value) {
    lanes_i out;
    EACH(_mm256_set1_epi32(value));
}
LANES lanes_f lanes_float(lanes_i sum) {
    lanes_f out;
    EACH(_mm256_cvtepi32_ps(sum.half[h]));
}
LANES lanes_f lanes_bf16(const uint16_t *halves) {
    lanes_f out;
    EACH(_mm256_castsi256_ps(_mm256_slli_epi32(
        _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)halves + h)), 16)));
}
LANES lanes_f lanes_set(float value) {
    lanes_f out;
    EACH(_mm256_set1_ps(value));
}
LANES lanes_f lanes_fload(const float *values) {
    lanes_f out;
    EACH(_mm256_loadu_ps(values + 8 * h));
}
LANES void lanes_fstore(float *out, lanes_f values) {
    for (int h = 0; h < 2; h++) _mm256_storeu_ps(out + 8 * h, values.half[h]);
}
LANES lanes_f lanes_mul(lanes_f a, lanes_f b) {
    lanes_f out;
    EACH(_mm256_mul_ps(a.half[h], b.half[h]));
}
LANES lanes_f lanes_fadd(lanes_f a, lanes_f b) {
    lanes_f out;
    EACH(_mm256_add_ps(a.half[h], b.half[h]));
}
LANES uint32_t lanes_not_below(lanes_f a, lanes_f b) {
    uint32_t bits = 0;
    for (int h = 0; h < 2; h++) {
        const __m256 kept = _mm256_cmp_ps(a.half[h], b.half[h], _CMP_NLT_UQ);
        bits |= (uint32_t)_mm256_movemask_ps(kept) << (8 * h);
    }
    return bits;
}

#undef EACH

/* The products of 32 codes, in eight sums; defined with `half_dot`. */
LANES __m256i digest_row(const uint8_t *digest, const digest_query *query) {
    const __m256i first = half_dot(_mm256_setzero_si256(),
                                   _mm256_loadu_si256((const __m256i *)digest),
                                   _mm256_loadu_si256((const __m256i *)query->codes));
    if (query->bytes <= 32) return first;
    /* What lies behind the codes is multiplied by 0. */
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i there =
        _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(query->bytes / 4) - 8), lanes);
    return half_dot(first, _mm256_maskload_epi32((const int *)(digest + 32), there),
                    _mm256_loadu_si256((const __m256i *)(query->codes + 32)));
}

#define LANES_SUMS
LANES lanes_i codes_digest_sums(const uint8_t *const digests[CODES_GROUP],
                                const digest_query *query) {
    lanes_i out;
    for (int h = 0; h < 2; h++) {
        __m256i sum[8];
        for (int i = 0; i < 8; i++) sum[i] = digest_row(digests[8 * h + i], query);
        const __m256i low = _mm256_hadd_epi32(_mm256_hadd_epi32(sum[0], sum[1]),
                                              _mm256_hadd_epi32(sum[2], sum[3]));
        const __m256i high = _mm256_hadd_epi32(_mm256_hadd_epi32(sum[4], sum[5]),
                                               _mm256_hadd_epi32(sum[6], sum[7]));
        out.half[h] = _mm256_add_epi32(_mm256_permute2x128_si256(low, high, 0x20),
                                       _mm256_permute2x128_si256(low, high, 0x31));
    }
    return out;
}

#endif
