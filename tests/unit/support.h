/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the unit tests share: a breaker in static memory, short calls, virtual time. */
#ifndef TRIFUSE_TESTS_SUPPORT_H
#define TRIFUSE_TESTS_SUPPORT_H

#include "check.h"
#include "trifuse/trifuse.h"

#define SECOND 1000000000ULL
#define START (1000 * SECOND)

static uint64_t breaker_memory[2048];

static inline trifuse_breaker_config preset_config(uint32_t preset) {
    trifuse_breaker_config c;
    CHECK_EQ(trifuse_breaker_config_init(&c, sizeof c, preset), TRIFUSE_OK);
    return c;
}

/* 4 s in 4 buckets; opens over 50 % of 4. */
static inline trifuse_breaker_config small_config(void) {
    trifuse_breaker_config c = preset_config(TRIFUSE_PRESET_DEFAULT);
    c.window_buckets = 4;
    c.window_duration_ns = 4 * SECOND;
    c.minimum_calls = 4;
    c.half_open_max_calls = 2;
    return c;
}

static inline trifuse_breaker *breaker_of(const trifuse_breaker_config *c) {
    trifuse_breaker *b = NULL;
    CHECK_EQ(trifuse_breaker_init(breaker_memory, sizeof breaker_memory, c, START, NULL, &b), TRIFUSE_OK);
    return b;
}

static inline trifuse_breaker_event blank_event(void) {
    trifuse_breaker_event event;
    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    return event;
}

static inline trifuse_config_error blank_error(void) {
    trifuse_config_error error;
    memset(&error, 0, sizeof error);
    error.struct_size = sizeof error;
    return error;
}

static inline trifuse_breaker_snapshot picture(trifuse_breaker *b, uint64_t now) {
    trifuse_breaker_snapshot s;
    memset(&s, 0, sizeof s);
    s.struct_size = sizeof s;
    CHECK_EQ(trifuse_breaker_get_snapshot(b, now, &s), TRIFUSE_OK);
    return s;
}

static inline uint64_t admit(trifuse_breaker *b, uint64_t now) {
    uint64_t permit;
    CHECK_EQ(trifuse_breaker_try_acquire(b, now, &permit, NULL), TRIFUSE_OK);
    return permit;
}

static inline int outcome_of(trifuse_breaker *b, uint64_t permit, uint32_t outcome, uint64_t now) {
    return trifuse_breaker_report(b, permit, outcome, 0, now, NULL);
}

static inline void calls_at(trifuse_breaker *b, uint64_t now, unsigned n, uint32_t outcome, uint64_t duration) {
    while (n--) {
        uint64_t permit = admit(b, now);
        CHECK_EQ(trifuse_breaker_report(b, permit, outcome, duration, now, NULL), TRIFUSE_OK);
    }
}

static inline void succeed(trifuse_breaker *b, uint64_t now, unsigned n) {
    calls_at(b, now, n, TRIFUSE_OUTCOME_SUCCESS, 0);
}

static inline void fail(trifuse_breaker *b, uint64_t now, unsigned n) {
    calls_at(b, now, n, TRIFUSE_OUTCOME_FAILURE, 0);
}

/* Asks once: the result, the wait in *wait. */
static inline int ask(trifuse_breaker *b, uint64_t now, uint64_t *wait) {
    uint64_t permit;
    trifuse_breaker_event event = blank_event();
    int result = trifuse_breaker_try_acquire(b, now, &permit, &event);
    if (wait) *wait = event.retry_after_ns;
    return result;
}

#endif
