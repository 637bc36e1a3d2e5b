/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the stress tests share: threads that start together, a random number each, seeing contention. */
#ifndef TRIFUSE_TESTS_STRESS_H
#define TRIFUSE_TESTS_STRESS_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "check.h"
#include "trifuse/trifuse.h"

#define SECOND 1000000000ULL
#define START (1000 * SECOND)

#if defined(TRIFUSE_EMULATED) /* repeat less */
enum { THREADS = 4, TIMES = 1 };
#else
enum { THREADS = 4, TIMES = 10 };
#endif

/* How often threads got in each other's way: the compare-and-swaps of the core that failed. */
extern _Atomic(uint64_t) swaps_failed;

typedef struct runner { /* one thread: its number, a seed, what it did */
    unsigned number;
    uint64_t seed;
    uint64_t reports, late, failures, told, admitted;
} runner;

typedef void runner_body(runner *r);

/* Runs `body` in THREADS threads that start together; sums what they did. */
runner run_together(runner_body *body);

trifuse_breaker *fresh_breaker(const trifuse_breaker_config *c);
trifuse_breaker_config busy_config(void);
trifuse_breaker_snapshot picture(trifuse_breaker *b, uint64_t now);

#endif
