/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library with its compare-and-swap counted where it fails, and threads that now and then give way
 * before one, so that they meet in the middle of calls even on a machine with one core. */
#define _POSIX_C_SOURCE 200809L
#include "atomic.h"
#include "stress.h"

_Atomic(uint64_t) swaps_failed;

static inline bool contended_cas(word *w, uint64_t old, uint64_t next) {
    static _Thread_local uint64_t random = 88172645463325252ULL;
    if (next_random(&random) % 256 == 0) (void)sched_yield();
    if (cas_acq_rel(w, old, next)) return true;
    (void)atomic_fetch_add_explicit(&swaps_failed, 1, memory_order_relaxed);
    return false;
}

#define cas_acq_rel contended_cas
#include "trifuse.c"
