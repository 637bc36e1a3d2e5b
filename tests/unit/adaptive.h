/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of the adaptive concurrency limits share. */
#ifndef TRIFUSE_TESTS_ADAPTIVE_H
#define TRIFUSE_TESTS_ADAPTIVE_H

#include "support.h"

#include <math.h>

static uint64_t limit_memory[32];

static inline trifuse_concurrency_config config_of(uint32_t algorithm) {
    trifuse_concurrency_config c;
    CHECK_EQ(trifuse_concurrency_config_init(&c, sizeof c, algorithm), TRIFUSE_OK);
    return c;
}

static inline trifuse_concurrency *made_of(const trifuse_concurrency_config *c) {
    trifuse_concurrency *l = NULL;
    CHECK_EQ(trifuse_concurrency_init(limit_memory, sizeof limit_memory, c, START, NULL, &l), TRIFUSE_OK);
    return l;
}

static inline trifuse_concurrency *with_in_flight(const trifuse_concurrency_config *c, unsigned n) {
    trifuse_concurrency *l = made_of(c);
    while (n--) CHECK_EQ(trifuse_concurrency_try_acquire(l), TRIFUSE_OK);
    return l;
}

static inline trifuse_concurrency_snapshot picture_of(trifuse_concurrency *l) {
    trifuse_concurrency_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_concurrency_get_snapshot(l, &s), TRIFUSE_OK);
    return s;
}

static inline bool is_near(double got, double want) { return fabs(got - want) < 1e-4; }

/* A release, and N after it. */
static inline double release(trifuse_concurrency *l, uint32_t outcome, uint64_t duration) {
    CHECK_EQ(trifuse_concurrency_release(l, outcome, duration), TRIFUSE_OK);
    return picture_of(l).limit_exact;
}

static inline double succeeds(trifuse_concurrency *l, uint64_t duration) {
    return release(l, TRIFUSE_OUTCOME_SUCCESS, duration);
}

/* The same with one more call in its place, so that as many stay in flight. */
static inline double succeeds_and_asks(trifuse_concurrency *l, uint64_t duration) {
    double limit = succeeds(l, duration);
    (void)trifuse_concurrency_try_acquire(l);
    return limit;
}

#endif
