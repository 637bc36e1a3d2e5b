/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The 64-bit words that all state is made of, and the few ways to touch them.
 *
 * Every write is one step. A build with TRIFUSE_TEST_STEPS asks trifuse_test_step before each: it may
 * make a compare-and-swap fail, or never return (the thread died here). */
#ifndef TRIFUSE_ATOMIC_H
#define TRIFUSE_ATOMIC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#if ATOMIC_LLONG_LOCK_FREE != 2
#error "trifuse needs lock-free 64-bit atomics, which this target does not have"
#endif

/* Keeps what is rare out of the way of what is frequent. */
#if defined(__GNUC__)
#define OUT_OF_LINE __attribute__((noinline, cold))
#else
#define OUT_OF_LINE
#endif

typedef _Atomic(uint64_t) word;
_Static_assert(sizeof(word) == 8, "a word is 64 bits");

#if defined(TRIFUSE_TEST_STEPS)
#define TRIFUSE_STEP_SWAP 1
#define TRIFUSE_STEP_WRITE 2
int trifuse_test_step(int kind); /* not 0: the compare-and-swap fails */
#else
#define TRIFUSE_STEP_SWAP 0
#define TRIFUSE_STEP_WRITE 0
#define trifuse_test_step(kind) (kind)
#endif

static inline uint64_t load_acquire(const word *w) {
    return atomic_load_explicit(w, memory_order_acquire);
}

static inline uint64_t load_relaxed(const word *w) {
    return atomic_load_explicit(w, memory_order_relaxed);
}

static inline void store_release(word *w, uint64_t value) {
    (void)trifuse_test_step(TRIFUSE_STEP_WRITE);
    atomic_store_explicit(w, value, memory_order_release);
}

static inline void add_relaxed(word *w, uint64_t n) {
    (void)trifuse_test_step(TRIFUSE_STEP_WRITE);
    (void)atomic_fetch_add_explicit(w, n, memory_order_relaxed);
}

/* Adds n; what was there before. */
static inline uint64_t added_relaxed(word *w, uint64_t n) {
    (void)trifuse_test_step(TRIFUSE_STEP_WRITE);
    return atomic_fetch_add_explicit(w, n, memory_order_relaxed);
}

/* Adds one; what was there before. */
static inline uint64_t count_relaxed(word *w) {
    (void)trifuse_test_step(TRIFUSE_STEP_WRITE);
    return atomic_fetch_add_explicit(w, 1, memory_order_relaxed);
}

static inline bool cas_acq_rel(word *w, uint64_t old, uint64_t next) {
    if (trifuse_test_step(TRIFUSE_STEP_SWAP)) return false;
    return atomic_compare_exchange_strong_explicit(w, &old, next, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* Raises *w to at least `value`. */
static inline void raise_to(word *w, uint64_t value) {
    uint64_t old = load_acquire(w);
    while (old < value && !cas_acq_rel(w, old, value)) old = load_acquire(w);
}

#endif
