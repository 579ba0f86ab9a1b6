/* The loops over codes with AVX2 and its VNNI extension (AVX-VNNI). */
#include "simd.h"

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#define LANES_TARGET __attribute__((target("avxvnni,avx2,fma")))
#include "codes_avx2.h"

enum { LANES_TILE_QUERIES = 6 };

LANES __m256i half_dot(__m256i sum, __m256i bytes, __m256i query) {
    /* GCC 12 copies registers around the intrinsic, and sums of tiles then do not fit. */
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(bytes), "x"(query));
    return sum;
}

#include "codes_body.h"

const code_ops CODES_AVX2_VNNI = {CODES_OPS, .code_max = 127};

#endif
