/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "subjects.h"

#include <stdlib.h>

static volatile uint64_t sink;

void floor_clock(uint64_t n, void *argument) {
    (void)argument;
    while (n--) sink = trifuse_now_ns();
}

void floor_clock_and_swap(uint64_t n, void *argument) {
    padded *p = argument;
    while (n--) {
        uint64_t old = atomic_load_explicit(&p->word, memory_order_acquire);
        sink = trifuse_now_ns();
        (void)atomic_compare_exchange_strong_explicit(&p->word, &old, old + 1, memory_order_acq_rel,
                                                      memory_order_acquire);
    }
}

void floor_clock_and_add(uint64_t n, void *argument) {
    padded *p = argument;
    while (n--) {
        sink = trifuse_now_ns();
        (void)atomic_fetch_add_explicit(&p->word, 1, memory_order_relaxed);
    }
}

void floor_swap(uint64_t n, void *argument) {
    padded *p = argument;
    while (n--) {
        uint64_t old = atomic_load_explicit(&p->word, memory_order_acquire);
        while (!atomic_compare_exchange_strong_explicit(&p->word, &old, old + 1, memory_order_acq_rel,
                                                        memory_order_acquire)) {
        }
    }
}

void run_admission(uint64_t n, void *argument) {
    uint64_t permit;
    while (n--) (void)trifuse_breaker_try_acquire(argument, 0, &permit, NULL);
}

void run_success(uint64_t n, void *argument) {
    uint64_t permit;
    while (n--) {
        (void)trifuse_breaker_try_acquire(argument, 0, &permit, NULL);
        (void)trifuse_breaker_report(argument, permit, TRIFUSE_OUTCOME_SUCCESS, 0, 0, NULL);
    }
}

static void run_now(uint64_t n, trifuse_breaker *b, uint32_t outcome) {
    uint64_t permit, now = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (i % 64 == 0) now = trifuse_now_ns();
        (void)trifuse_breaker_try_acquire(b, now, &permit, NULL);
        (void)trifuse_breaker_report(b, permit, outcome, 0, now, NULL);
    }
}

void run_success_now(uint64_t n, void *argument) { run_now(n, argument, TRIFUSE_OUTCOME_SUCCESS); }
void run_failure_now(uint64_t n, void *argument) { run_now(n, argument, TRIFUSE_OUTCOME_FAILURE); }

void run_refusal(uint64_t n, void *argument) {
    uint64_t permit;
    trifuse_breaker_event event = {.struct_size = sizeof event};
    while (n--) {
        (void)trifuse_breaker_try_acquire(argument, 0, &permit, &event);
        sink = event.retry_after_ns;
    }
}

trifuse_breaker_config plain_config(void) {
    trifuse_breaker_config c;
    (void)trifuse_breaker_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT);
    return c;
}

trifuse_breaker *make_breaker(const trifuse_breaker_config *c) {
    trifuse_breaker *b = NULL;
    if (trifuse_breaker_new(c, 0, NULL, &b) != TRIFUSE_OK) abort();
    return b;
}
