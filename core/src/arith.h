/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Exact integer arithmetic: saturation, 128-bit products, bit fields, the hash of the jitter. */
#ifndef TRIFUSE_ARITH_H
#define TRIFUSE_ARITH_H

#include <stdbool.h>
#include <stdint.h>

#define NANO 1000000000ULL

static inline uint64_t bits(uint64_t v, unsigned shift, unsigned width) {
    return (v >> shift) & ((1ULL << width) - 1);
}

static inline uint64_t min64(uint64_t a, uint64_t b) { return a < b ? a : b; }
static inline uint64_t max64(uint64_t a, uint64_t b) { return a > b ? a : b; }

static inline uint64_t add_saturating(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

typedef struct wide { uint64_t high, low; } wide;

/* 64 x 64 -> 128 bits. */
static inline wide multiply(uint64_t a, uint64_t b) {
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 u128;
    u128 p = (u128)a * b;
    return (wide){(uint64_t)(p >> 64), (uint64_t)p};
#else
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0;
    uint64_t middle = (p00 >> 32) + (uint32_t)p01 + (uint32_t)p10;
    return (wide){a1 * b1 + (p01 >> 32) + (p10 >> 32) + (middle >> 32),
                  (middle << 32) | (uint32_t)p00};
#endif
}

/* a * b > c * d, exactly. */
static inline bool product_exceeds(uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    wide x = multiply(a, b), y = multiply(c, d);
    return x.high != y.high ? x.high > y.high : x.low > y.low;
}

/* floor(p / 10^9), saturating, and what is left over; long division in 32-bit digits. */
static inline uint64_t divide_nano(wide p, uint64_t *rest) {
    *rest = 0;
    if (p.high >= NANO) return UINT64_MAX;
    uint64_t upper = (p.high << 32) | (p.low >> 32);
    uint64_t lower = ((upper % NANO) << 32) | (uint32_t)p.low;
    *rest = lower % NANO;
    return ((upper / NANO) << 32) + lower / NANO;
}

/* floor(a * m / 10^9), saturating. */
static inline uint64_t scale_nano(uint64_t a, uint64_t m) {
    uint64_t rest;
    return divide_nano(multiply(a, m), &rest);
}

/* floor(n / d) for n < 2^58 and d in 2..64, by the reciprocal floor(2^64 / d) + 1. */
static inline uint64_t divide_by(uint64_t n, uint64_t reciprocal) { return multiply(n, reciprocal).high; }

static inline unsigned count_ones(uint64_t v) {
    v -= (v >> 1) & 0x5555555555555555ULL;
    v = (v & 0x3333333333333333ULL) + ((v >> 2) & 0x3333333333333333ULL);
    return (unsigned)((((v + (v >> 4)) & 0x0F0F0F0F0F0F0F0FULL) * 0x0101010101010101ULL) >> 56);
}

/* Position of the highest bit that is set; v is not 0. */
static inline unsigned highest_bit(uint64_t v) {
#if defined(__GNUC__)
    return 63u - (unsigned)__builtin_clzll(v);
#else
    unsigned n = 0;
    while (v >>= 1) n++;
    return n;
#endif
}

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static inline uint64_t splitmix(uint64_t z) {
    z += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}

static inline uint64_t mix(uint64_t a, uint64_t b, uint64_t c) {
    uint64_t z = splitmix(a ^ (b * 0x9E3779B97F4A7C15ULL));
    return splitmix(z ^ (c * 0xC2B2AE3D27D4EB4FULL));
}

/* A uniform draw from 0..n, both included, out of the 64 random bits x; n < UINT64_MAX. */
static inline uint64_t uniform(uint64_t x, uint64_t n) { return multiply(x, n + 1).high; }

#endif
