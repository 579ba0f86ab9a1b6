/* AVX2 and AVX-512 variants. Each function carries its own target, so the file
 * compiles without flags and the object runs on any x86-64 machine. */
#include "simd.h"

#include <stddef.h>
#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <cpuid.h>
#include <immintrin.h>

#include "fold_in_body.h"
#include "query_body.h"

#define AVX2 __attribute__((target("avx2,fma,popcnt")))
#define AVX512 __attribute__((target("avx512f,avx512vnni,avx2,fma")))

/* Sums stay in registers only where their loop is unrolled. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* ---------------------------------------------------------------- AVX2 */

AVX2 static uint64_t reach_avx2(const float *norms, const float *prior, float query_norm,
                                float floor) {
    const __m256 scale = _mm256_set1_ps(query_norm), limit = _mm256_set1_ps(floor);
    uint64_t bits = 0;
    for (int i = 0; i < SIMD_BLOCK; i += 8) {
        __m256 bound = _mm256_mul_ps(_mm256_loadu_ps(norms + i), scale);
        if (prior != NULL) bound = _mm256_add_ps(bound, _mm256_loadu_ps(prior + i));
        const __m256 kept = _mm256_cmp_ps(bound, limit, _CMP_NLT_UQ);
        bits |= (uint64_t)(uint32_t)_mm256_movemask_ps(kept) << i;
    }
    return bits;
}

/* Loads that stop at the last factor: lane i of the mask is set for i < left. */
AVX2 static __m256i tail_mask(int64_t left) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)left), lanes);
}

AVX2 static void dots8_avx2(const float *const row[8], int64_t count, const float *query,
                            float *out) {
    __m256 sum[8];
    UNROLL
    for (int r = 0; r < 8; r++) sum[r] = _mm256_setzero_ps();
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m256 part = _mm256_loadu_ps(query + i);
        UNROLL
        for (int r = 0; r < 8; r++)
            sum[r] = _mm256_fmadd_ps(_mm256_loadu_ps(row[r] + i), part, sum[r]);
    }
    if (i < count) {
        const __m256i mask = tail_mask(count - i);
        const __m256 part = _mm256_maskload_ps(query + i, mask);
        UNROLL
        for (int r = 0; r < 8; r++)
            sum[r] = _mm256_fmadd_ps(_mm256_maskload_ps(row[r] + i, mask), part, sum[r]);
    }
    const __m256 low = _mm256_hadd_ps(_mm256_hadd_ps(sum[0], sum[1]),
                                      _mm256_hadd_ps(sum[2], sum[3]));
    const __m256 high = _mm256_hadd_ps(_mm256_hadd_ps(sum[4], sum[5]),
                                       _mm256_hadd_ps(sum[6], sum[7]));
    _mm256_storeu_ps(out, _mm256_add_ps(_mm256_permute2f128_ps(low, high, 0x20),
                                        _mm256_permute2f128_ps(low, high, 0x31)));
}

AVX2 static void dots_avx2(const float *factors, int64_t factor_count, const int32_t *rows,
                           const float *query, float *out) {
    for (int half = 0; half < SIMD_DOTS; half += 8) {
        const float *row[8];
        UNROLL
        for (int r = 0; r < 8; r++) row[r] = factors + rows[half + r] * factor_count;
        dots8_avx2(row, factor_count, query, out + half);
    }
}

AVX2 static double dot_exact_avx2(const float *left, const float *right, int64_t count) {
    __m256d low = _mm256_setzero_pd(), high = _mm256_setzero_pd();
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        low = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(left + i)),
                              _mm256_cvtps_pd(_mm_loadu_ps(right + i)), low);
        high = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(left + i + 4)),
                               _mm256_cvtps_pd(_mm_loadu_ps(right + i + 4)), high);
    }
    double lanes[SIMD_EXACT_LANES];
    _mm256_storeu_pd(lanes, low);
    _mm256_storeu_pd(lanes + 4, high);
    for (int lane = 0; i + lane < count; lane++)
        lanes[lane] += (double)left[i + lane] * (double)right[i + lane];
    return simd_tree(lanes);
}

AVX2 static void rotate_avx2(const float *vector, const float *matrix, int64_t width,
                            double *out) {
    rotate_body(vector, matrix, width, out);
}

AVX2 static void rank_avx2(const uint8_t *ranks, int64_t blocks, uint8_t first, uint8_t last,
                           uint64_t *live) {
    const __m256i start = _mm256_set1_epi8((char)first);
    const __m256i width = _mm256_set1_epi8((char)(last - first));
    for (int64_t b = 0; b < blocks; b++) {
        uint64_t bits = 0;
        for (int h = 0; h < 2; h++) {
            const __m256i *half = (const __m256i *)(ranks + b * SIMD_BLOCK) + h;
            const __m256i off = _mm256_sub_epi8(_mm256_loadu_si256(half), start);
            const __m256i kept = _mm256_cmpeq_epi8(_mm256_min_epu8(off, width), off);
            bits |= (uint64_t)(uint32_t)_mm256_movemask_epi8(kept) << (32 * h);
        }
        live[b] &= bits;
    }
}

AVX2 static int64_t count_bits_avx2(const uint8_t *bytes, int64_t count) {
    return count_bits_body(bytes, count);
}

AVX2 static int solve_avx2(double *system, double *solution, int64_t width) {
    return fold_in_solve_body(system, solution, width);
}

AVX2 static void add_products_avx2(double *system, const double *left, const double *right,
                                       int64_t count, int64_t width) {
    fold_in_add_products_body(system, left, right, count, width);
}

AVX2 static void add_items_avx2(double *system, double *right_side, double *vectors,
                                    const float *factors, const int32_t *rows,
                                    const float *weights, int64_t count, double alpha,
                                    double unobserved, int64_t width) {
    fold_in_add_items_body(system, right_side, vectors, factors, rows, weights, count, alpha,
                           unobserved, width);
}

/* ------------------------------------------------------------- AVX-512 */

AVX512 static uint64_t reach_avx512(const float *norms, const float *prior, float query_norm,
                                    float floor) {
    const __m512 scale = _mm512_set1_ps(query_norm), limit = _mm512_set1_ps(floor);
    uint64_t bits = 0;
    for (int i = 0; i < SIMD_BLOCK; i += 16) {
        __m512 bound = _mm512_mul_ps(_mm512_loadu_ps(norms + i), scale);
        if (prior != NULL) bound = _mm512_add_ps(bound, _mm512_loadu_ps(prior + i));
        bits |= (uint64_t)_mm512_cmp_ps_mask(bound, limit, _CMP_NLT_UQ) << i;
    }
    return bits;
}

/* Add up each of 16 vectors: element i of the result is the sum of sum[i]. */
AVX512 static __m512 fold16(const __m512 sum[16]) {
    __m512 pair[8], quad[4];
    for (int i = 0; i < 8; i++)
        pair[i] = _mm512_add_ps(_mm512_unpacklo_ps(sum[2 * i], sum[2 * i + 1]),
                                _mm512_unpackhi_ps(sum[2 * i], sum[2 * i + 1]));
    for (int i = 0; i < 4; i++) {
        const __m512d left = _mm512_castps_pd(pair[2 * i]);
        const __m512d right = _mm512_castps_pd(pair[2 * i + 1]);
        quad[i] = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(left, right)),
                                _mm512_castpd_ps(_mm512_unpackhi_pd(left, right)));
    }
    const __m512 low = _mm512_add_ps(_mm512_shuffle_f32x4(quad[0], quad[1], 0x88),
                                     _mm512_shuffle_f32x4(quad[0], quad[1], 0xdd));
    const __m512 high = _mm512_add_ps(_mm512_shuffle_f32x4(quad[2], quad[3], 0x88),
                                      _mm512_shuffle_f32x4(quad[2], quad[3], 0xdd));
    return _mm512_add_ps(_mm512_shuffle_f32x4(low, high, 0x88),
                         _mm512_shuffle_f32x4(low, high, 0xdd));
}

AVX512 static void dots_avx512(const float *factors, int64_t factor_count, const int32_t *rows,
                               const float *query, float *out) {
    const float *row[16];
    __m512 sum[16];
    UNROLL
    for (int r = 0; r < 16; r++) {
        row[r] = factors + rows[r] * factor_count;
        sum[r] = _mm512_setzero_ps();
    }
    int64_t i = 0;
    for (; i + 16 <= factor_count; i += 16) {
        const __m512 part = _mm512_loadu_ps(query + i);
        UNROLL
        for (int r = 0; r < 16; r++)
            sum[r] = _mm512_fmadd_ps(_mm512_loadu_ps(row[r] + i), part, sum[r]);
    }
    if (i < factor_count) {
        const __mmask16 mask = (__mmask16)((1u << (factor_count - i)) - 1);
        const __m512 part = _mm512_maskz_loadu_ps(mask, query + i);
        UNROLL
        for (int r = 0; r < 16; r++)
            sum[r] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, row[r] + i), part, sum[r]);
    }
    _mm512_storeu_ps(out, fold16(sum));
}

AVX512 static double dot_exact_avx512(const float *left, const float *right, int64_t count) {
    __m512d sum = _mm512_setzero_pd();
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        sum = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps(left + i)),
                              _mm512_cvtps_pd(_mm256_loadu_ps(right + i)), sum);
    double lanes[SIMD_EXACT_LANES];
    _mm512_storeu_pd(lanes, sum);
    for (int lane = 0; i + lane < count; lane++)
        lanes[lane] += (double)left[i + lane] * (double)right[i + lane];
    return simd_tree(lanes);
}

AVX512 static void rotate_avx512(const float *vector, const float *matrix, int64_t width,
                                double *out) {
    rotate_body(vector, matrix, width, out);
}

AVX512 static int solve_avx512(double *system, double *solution, int64_t width) {
    return fold_in_solve_body(system, solution, width);
}

AVX512 static void add_products_avx512(double *system, const double *left, const double *right,
                                       int64_t count, int64_t width) {
    fold_in_add_products_body(system, left, right, count, width);
}

AVX512 static void add_items_avx512(double *system, double *right_side, double *vectors,
                                    const float *factors, const int32_t *rows,
                                    const float *weights, int64_t count, double alpha,
                                    double unobserved, int64_t width) {
    fold_in_add_items_body(system, right_side, vectors, factors, rows, weights, count, alpha,
                           unobserved, width);
}

#define AVX2_OPS                                                                      \
    .reach = reach_avx2, .dots = dots_avx2, .dot_exact = dot_exact_avx2,              \
    .rotate = rotate_avx2, .rank = rank_avx2, .count_bits = count_bits_avx2,          \
    .solve = solve_avx2, .add_items = add_items_avx2, .add_products = add_products_avx2

static int has_avx2(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
           __builtin_cpu_supports("popcnt");
}

/* Not every compiler knows AVX-VNNI by name: bit 4 of EAX in leaf 7, subleaf 1. */
static int has_avx_vnni(void) {
    unsigned eax, ebx, ecx, edx;
    return __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1);
}

const simd_ops *simd_avx2(void) {
    static const simd_ops ops = {.name = "avx2", AVX2_OPS, .codes = &CODES_AVX2};
    return has_avx2() ? &ops : NULL;
}

const simd_ops *simd_avx2_vnni(void) {
    static const simd_ops ops = {.name = "avx2vnni", AVX2_OPS, .codes = &CODES_AVX2_VNNI};
    return has_avx2() && has_avx_vnni() ? &ops : NULL;
}

const simd_ops *simd_avx512(void) {
    static const simd_ops ops = {
        .name = "avx512",
        .reach = reach_avx512,
        .dots = dots_avx512,
        .dot_exact = dot_exact_avx512,
        .rotate = rotate_avx512,
        .rank = rank_avx2,
        .count_bits = count_bits_avx2,
        .solve = solve_avx512,
        .add_items = add_items_avx512,
        .add_products = add_products_avx512,
        .codes = &CODES_AVX512,
    };
    return has_avx2() && __builtin_cpu_supports("avx512f") &&
                   __builtin_cpu_supports("avx512vnni")
               ? &ops : NULL;
}

#else

const simd_ops *simd_avx2(void) { return NULL; }
const simd_ops *simd_avx2_vnni(void) { return NULL; }
const simd_ops *simd_avx512(void) { return NULL; }

#endif
