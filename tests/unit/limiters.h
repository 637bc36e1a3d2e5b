/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of the rate limiters share: limiters in static memory, short calls, virtual time. */
#ifndef TRIFUSE_TESTS_LIMITER_H
#define TRIFUSE_TESTS_LIMITER_H

#include "support.h"

#define YEAR (365 * 86400 * SECOND)
enum { LIMITER_WORDS = 1200 };

static _Alignas(64) uint64_t limiter_memory[LIMITER_WORDS], limiter_copy[LIMITER_WORDS];
static uint64_t limiter_random = 88172645463325252ULL;

static inline uint64_t draw(uint64_t below) {
    return next_random(&limiter_random) % below;
}

static inline trifuse_limiter_config limiter_config(uint32_t kind, uint64_t permits, uint64_t period) {
    trifuse_limiter_config c;
    CHECK_EQ(trifuse_limiter_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT), TRIFUSE_OK);
    c.kind = kind;
    c.permits = permits;
    c.period_ns = period;
    return c;
}

static inline trifuse_limiter *limiter_made(const trifuse_limiter_config *c, uint64_t now) {
    trifuse_limiter *l = NULL;
    CHECK_EQ(trifuse_limiter_init(limiter_memory, sizeof limiter_memory, c, now, NULL, &l), TRIFUSE_OK);
    return l;
}

static inline trifuse_limiter *limiter_of(uint32_t kind, uint64_t permits, uint64_t period) {
    trifuse_limiter_config c = limiter_config(kind, permits, period);
    return limiter_made(&c, START);
}

/* A bucket of `capacity` that fills at permits a second. */
static inline trifuse_limiter *bucket_of(uint64_t permits, uint64_t capacity) {
    trifuse_limiter_config c = limiter_config(TRIFUSE_LIMITER_TOKEN_BUCKET, permits, SECOND);
    c.capacity = capacity;
    return limiter_made(&c, START);
}

static inline trifuse_limiter *bucket_of_rate(double rate, uint64_t capacity) {
    trifuse_limiter_config c = limiter_config(TRIFUSE_LIMITER_TOKEN_BUCKET, 1, SECOND);
    c.rate = rate;
    c.capacity = capacity;
    return limiter_made(&c, START);
}

static inline bool granted(trifuse_limiter *l, uint64_t n, uint64_t now) {
    return trifuse_limiter_try_acquire(l, n, now, NULL) == TRIFUSE_OK;
}

/* Asks once: the wait; 0 when it was granted. */
static inline uint64_t wait_for(trifuse_limiter *l, uint64_t n, uint64_t now) {
    uint64_t wait = 12345;
    int result = trifuse_limiter_try_acquire(l, n, now, &wait);
    CHECK((result == TRIFUSE_OK && wait == 0) || (result == TRIFUSE_REFUSED_RATE_LIMITED && wait > 0));
    return wait;
}

static inline trifuse_reservation reserved(trifuse_limiter *l, uint64_t n, uint64_t now) {
    trifuse_reservation r = {.struct_size = sizeof r};
    CHECK_EQ(trifuse_limiter_reserve(l, n, now, TRIFUSE_NEVER, &r), TRIFUSE_OK);
    CHECK(r.n == n && r.ready_ns == now + r.wait_ns);
    return r;
}

static inline uint64_t cancelled(trifuse_limiter *l, const trifuse_reservation *r, uint64_t now) {
    uint64_t back = 12345;
    CHECK_EQ(trifuse_limiter_cancel(l, r, now, &back), TRIFUSE_OK);
    return back;
}

static inline trifuse_limiter_snapshot limiter_picture(trifuse_limiter *l, uint64_t now) {
    trifuse_limiter_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_limiter_get_snapshot(l, now, &s), TRIFUSE_OK);
    CHECK(s.available == trifuse_limiter_available(l, now) && (s.available == 0 || s.debt == 0));
    return s;
}

static inline int rate_set(trifuse_limiter *l, uint64_t permits, uint64_t capacity, uint64_t now) {
    trifuse_limiter_config c = limiter_config(TRIFUSE_LIMITER_TOKEN_BUCKET, permits, SECOND);
    c.capacity = capacity;
    return trifuse_limiter_set_rate(l, &c, now, NULL);
}

/* Whether a refusal's wait is exact: tried on a copy, at both sides of it. */
static inline bool wait_is_exact(uint64_t n, uint64_t now, uint64_t wait) {
    trifuse_limiter *copy = NULL;
    uint64_t left = 0;
    memcpy(limiter_copy, limiter_memory, sizeof limiter_copy);
    bool all = CHECK_EQ(trifuse_limiter_attach(limiter_copy, sizeof limiter_copy, &copy), TRIFUSE_OK);
    if (wait > UINT64_MAX - now) return all;
    if (wait > 1)
        all &= CHECK_EQ(trifuse_limiter_try_acquire(copy, n, now + wait - 1, &left), TRIFUSE_REFUSED_RATE_LIMITED) &&
               CHECK_EQ(left, 1);
    return all && CHECK_EQ(trifuse_limiter_try_acquire(copy, n, now + wait, &left), TRIFUSE_OK);
}

#endif
