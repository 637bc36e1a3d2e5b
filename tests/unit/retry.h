/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the tests of retry share: a retry object in static memory, short calls. */
#ifndef TRIFUSE_TESTS_RETRY_H
#define TRIFUSE_TESTS_RETRY_H

#include "support.h"

static uint64_t retry_memory[64];

static inline trifuse_retry_config plain(void) {
    trifuse_retry_config c;
    CHECK_EQ(trifuse_retry_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT), TRIFUSE_OK);
    return c;
}

/* 100 ms, doubled, 3 retries, without jitter. */
static inline trifuse_retry_config steady(void) {
    trifuse_retry_config c = plain();
    c.jitter = TRIFUSE_JITTER_NONE;
    return c;
}

static inline trifuse_retry *retry_of(const trifuse_retry_config *c) {
    trifuse_retry *r = NULL;
    CHECK_EQ(trifuse_retry_init(retry_memory, sizeof retry_memory, c, START, NULL, &r), TRIFUSE_OK);
    return r;
}

static inline trifuse_retry_call begin(trifuse_retry *r, uint64_t now) {
    trifuse_retry_call call = {.struct_size = sizeof call, .random = 99, .retries = 7};
    CHECK_EQ(trifuse_retry_begin(r, now, &call), TRIFUSE_OK);
    return call;
}

static inline int next(trifuse_retry *r, trifuse_retry_call *call, uint64_t now, uint64_t *delay) {
    *delay = 77;
    return trifuse_retry_next(r, NULL, call, TRIFUSE_NEVER, TRIFUSE_NEVER, now, delay);
}

#endif
