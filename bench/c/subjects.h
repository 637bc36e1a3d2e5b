/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The operations that are measured: the breaker's, and the floors beside them. */
#ifndef TRIFUSE_BENCH_SUBJECTS_H
#define TRIFUSE_BENCH_SUBJECTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "bench.h"
#include "trifuse/trifuse.h"

/* Floors: `argument` is a padded word. */
typedef struct padded { _Alignas(128) _Atomic(uint64_t) word; char rest[120]; } padded;
void floor_clock(uint64_t n, void *argument);
void floor_clock_and_swap(uint64_t n, void *argument);
void floor_clock_and_add(uint64_t n, void *argument);
void floor_swap(uint64_t n, void *argument); /* until it succeeds */

/* The breaker: `argument` is one. Those `_now` are given the time, read once for 64 calls. */
void run_admission(uint64_t n, void *argument);
void run_success(uint64_t n, void *argument);
void run_success_now(uint64_t n, void *argument);
void run_failure_now(uint64_t n, void *argument);
void run_refusal(uint64_t n, void *argument);

trifuse_breaker_config plain_config(void);
trifuse_breaker *make_breaker(const trifuse_breaker_config *c);

#endif
