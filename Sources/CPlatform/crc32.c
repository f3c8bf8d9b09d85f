#include "CPlatform.h"

#include <string.h>

// The remainder of the polynomial of ISO 3309, reflected: see Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ".

#if defined(__x86_64__)
#include <immintrin.h>

// What 512 and 128 bits further on, and the last 64, are worth, and the reduction by Barrett's method.
static const uint64_t by_512[2] = {0x0154442bd4, 0x01c6e41596};
static const uint64_t by_128[2] = {0x01751997d0, 0x00ccaa009e};
static const uint64_t by_64[2] = {0x0163cd6124, 0};
static const uint64_t barrett[2] = {0x01db710641, 0x01f7011641};

#define SIMD __attribute__((target("pclmul,sse4.1")))

SIMD static __m128i load(const void *bytes) { return _mm_loadu_si128(bytes); }

SIMD static __m128i fold(__m128i sum, __m128i next, __m128i by) {
    __m128i low = _mm_clmulepi64_si128(sum, by, 0x00), high = _mm_clmulepi64_si128(sum, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

SIMD static uint32_t reduce(__m128i sum) {
    const __m128i words = _mm_setr_epi32(~0, 0, ~0, 0);
    __m128i low = _mm_clmulepi64_si128(sum, load(by_128), 0x10);
    sum = _mm_xor_si128(_mm_srli_si128(sum, 8), low);
    low = _mm_srli_si128(sum, 4);
    sum = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(sum, words), load(by_64), 0x00), low);
    low = _mm_clmulepi64_si128(_mm_and_si128(sum, words), load(barrett), 0x10);
    low = _mm_clmulepi64_si128(_mm_and_si128(low, words), load(barrett), 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(sum, low), 1);
}

SIMD static size_t blocks(const unsigned char *bytes, size_t count, uint32_t *state) {
    __m128i sums[4], by = load(by_512);
    for (int lane = 0; lane < 4; lane++) sums[lane] = load(bytes + 16 * lane);
    sums[0] = _mm_xor_si128(sums[0], _mm_cvtsi32_si128((int)*state));
    size_t done = 64;
    for (; done + 64 <= count; done += 64)
        for (int lane = 0; lane < 4; lane++) sums[lane] = fold(sums[lane], load(bytes + done + 16 * lane), by);
    by = load(by_128);
    __m128i sum = sums[0];
    for (int lane = 1; lane < 4; lane++) sum = fold(sum, sums[lane], by);
    for (; done + 16 <= count; done += 16) sum = fold(sum, load(bytes + done), by);
    *state = reduce(sum);
    return done;
}

size_t cplatform_crc32(const void *bytes, size_t count, uint32_t *state) {
    static int is_able = -1;
    // Threads that find out at the same time find the same.
    if (is_able < 0) is_able = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
    return is_able && count >= 64 ? blocks(bytes, count, state) : 0;
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

size_t cplatform_crc32(const void *bytes, size_t count, uint32_t *state) {
    size_t done = 0;
    for (; done + 8 <= count; done += 8) {
        uint64_t word;
        memcpy(&word, (const char *)bytes + done, 8);
        *state = __crc32d(*state, word);
    }
    return done;
}

#else

size_t cplatform_crc32(const void *bytes, size_t count, uint32_t *state) { return 0; }

#endif
