/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The library, asking trifuse_test_step before every write and, here, before every read as well: so a
 * test can stop a call between any two touches of shared memory. */
#define _POSIX_C_SOURCE 200809L
#define TRIFUSE_TEST_STEPS
#include "atomic.h"
#include "steps.h"

static inline uint64_t acquire_after_step(const word *w) {
    (void)trifuse_test_step(STEP_READ);
    return load_acquire(w);
}

static inline uint64_t relaxed_after_step(const word *w) {
    (void)trifuse_test_step(STEP_READ);
    return load_relaxed(w);
}

#define load_acquire acquire_after_step
#define load_relaxed relaxed_after_step
#include "trifuse.c"
