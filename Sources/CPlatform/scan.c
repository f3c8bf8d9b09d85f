#include "CPlatform.h"

// Loops of a number of turns that the compiler knows, which it makes vectors of: twice as long ones where the processor has AVX2. A prompt of
// 800 KB is walked in half the time by those.
#define VECTORS static inline __attribute__((always_inline))

VECTORS size_t plain(const unsigned char *bytes, size_t count) {
    size_t done = 0;
    for (; count - done >= 64; done += 64) {
        unsigned char hits = 0;
        for (int at = 0; at < 64; at++) {
            unsigned char byte = bytes[done + at];
            // Signed, and the quote is the first byte above the control bytes when it changes places with the space.
            hits |= ((signed char)(byte ^ 2) < 0x21) | (byte == '\\');
        }
        if (hits) break;
    }
    return done;
}

VECTORS unsigned char is_light(unsigned char byte) {
    // Signed: of the bytes moved up by five only the small letters lie between 'e' and the greatest.
    return ((signed char)(byte + 5) > 'e') | (byte == ' ');
}

VECTORS size_t light(const unsigned char *bytes, size_t count) {
    size_t sum = 0, done = 0;
    for (; count - done >= 128; done += 128) {
        unsigned char some = 0;
        for (int at = 0; at < 128; at++) some += is_light(bytes[done + at]);
        sum += some;
    }
    for (; done < count; done++) sum += is_light(bytes[done]);
    return sum;
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) static size_t wide_plain(const unsigned char *bytes, size_t count) { return plain(bytes, count); }

__attribute__((target("avx2"))) static size_t wide_light(const unsigned char *bytes, size_t count) { return light(bytes, count); }

size_t cplatform_plain_bytes(const unsigned char *bytes, size_t count) {
    return __builtin_cpu_supports("avx2") ? wide_plain(bytes, count) : plain(bytes, count);
}

size_t cplatform_light_bytes(const unsigned char *bytes, size_t count) {
    return __builtin_cpu_supports("avx2") ? wide_light(bytes, count) : light(bytes, count);
}

#else

size_t cplatform_plain_bytes(const unsigned char *bytes, size_t count) { return plain(bytes, count); }

size_t cplatform_light_bytes(const unsigned char *bytes, size_t count) { return light(bytes, count); }

#endif
