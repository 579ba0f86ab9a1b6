/* The loops over codes with AVX2 alone. */
#include "simd.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#define LANES_TARGET __attribute__((target("avx2,fma")))
#include "codes_avx2.h"

/* Six sums; twelve and what a product takes would be more than there are registers. */
enum { LANES_TILE_QUERIES = 3 };

/* maddubs adds two products in 16 bits. Query codes of at most 63 keep them below
 * 2 * 255 * 63 = 32,130, so that it cannot saturate. */
enum { CODE_MAX_WITHOUT_VNNI = 63 };

LANES __m256i half_dot(__m256i sum, __m256i bytes, __m256i query) {
    const __m256i pairs = _mm256_maddubs_epi16(bytes, query);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#include "codes_body.h"

const code_ops CODES_AVX2 = {CODES_OPS, .code_max = CODE_MAX_WITHOUT_VNNI};

#endif
