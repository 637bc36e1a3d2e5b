/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "policies.h"

#include <stdbool.h>
#include <stdlib.h>

static volatile uint64_t sink;

#define MADE(call) do { if ((call) != TRIFUSE_OK) abort(); } while (0)

/* Times: read once for 64 operations. */
#define EACH_NOW(i, now, n)                          \
    uint64_t now = 0;                                \
    for (uint64_t i = 0; i < (n); i++)               \
        if (i % 64 == 0 && (now = trifuse_now_ns()) == 0) abort(); \
        else

static trifuse_limiter *limiter_of(uint32_t kind, uint64_t permits, uint64_t period_ns) {
    trifuse_limiter_config c;
    trifuse_limiter *limiter = NULL;
    MADE(trifuse_limiter_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT));
    c.kind = kind;
    c.permits = permits;
    c.period_ns = period_ns;
    MADE(trifuse_limiter_new(&c, 0, NULL, &limiter));
    return limiter;
}

/* A log has a word for each permit, and forgets after its period. */
trifuse_limiter *make_limiter(uint32_t kind) {
    bool log = kind == TRIFUSE_LIMITER_SLIDING_LOG;
    return limiter_of(kind, log ? 100000 : 1000000000, log ? 100000 : 1000000000);
}

trifuse_limiter *make_spent_limiter(uint32_t kind) {
    trifuse_limiter *limiter = limiter_of(kind, 1, TRIFUSE_DURATION_MAX_NS);
    MADE(trifuse_limiter_try_acquire(limiter, 1, 0, NULL));
    return limiter;
}

void run_limiter(uint64_t n, void *argument) {
    uint64_t wait;
    while (n--) sink = (uint64_t)trifuse_limiter_try_acquire(argument, 1, 0, &wait);
}

void run_limiter_now(uint64_t n, void *argument) {
    uint64_t wait;
    EACH_NOW(i, now, n) sink = (uint64_t)trifuse_limiter_try_acquire(argument, 1, now, &wait);
}

trifuse_concurrency *make_concurrency(uint32_t algorithm) {
    trifuse_concurrency_config c;
    trifuse_concurrency *made = NULL;
    MADE(trifuse_concurrency_config_init(&c, sizeof c, algorithm));
    MADE(trifuse_concurrency_new(&c, 0, NULL, &made));
    return made;
}

void run_places(uint64_t n, void *argument) {
    while (n--) {
        sink = (uint64_t)trifuse_concurrency_try_acquire(argument);
        (void)trifuse_concurrency_release(argument, TRIFUSE_OUTCOME_SUCCESS, 1000000);
    }
}

trifuse_histogram *make_histogram(uint64_t sliding_ns) {
    trifuse_histogram_config c = {.struct_size = sizeof c, .sliding_ns = sliding_ns};
    trifuse_histogram *made = NULL;
    MADE(trifuse_histogram_new(&c, 0, NULL, &made));
    return made;
}

void run_record(uint64_t n, void *argument) {
    while (n--) (void)trifuse_histogram_record(argument, n * 977 % 50000000, 0);
}

void run_record_now(uint64_t n, void *argument) {
    EACH_NOW(i, now, n) (void)trifuse_histogram_record(argument, i * 977 % 50000000, now);
}

void run_quantile(uint64_t n, void *argument) {
    uint64_t value = 0;
    while (n--) (void)trifuse_histogram_quantile(argument, 0.95, 0, &value);
    sink = value;
}

trifuse_retry *make_retry(void) {
    trifuse_retry_config c;
    trifuse_retry *made = NULL;
    MADE(trifuse_retry_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT));
    MADE(trifuse_retry_new(&c, 0, NULL, &made));
    return made;
}

void run_at_once(uint64_t n, void *argument) {
    trifuse_retry_call call = {.struct_size = sizeof call};
    while (n--) {
        (void)trifuse_retry_begin(argument, 0, &call);
        (void)trifuse_retry_settle(argument, call.retries, 1);
    }
}

void run_back_off_now(uint64_t n, void *argument) {
    trifuse_retry_call call = {.struct_size = sizeof call};
    uint64_t delay = 0;
    (void)trifuse_retry_begin(argument, 0, &call);
    EACH_NOW(i, now, n) {
        (void)trifuse_retry_next(argument, NULL, &call, TRIFUSE_NEVER, TRIFUSE_NEVER, now, &delay);
        sink = delay;
        call.retries = (uint32_t)(i % 3);
    }
}

trifuse_retry_budget *make_budget(void) {
    trifuse_retry_budget_config c;
    trifuse_retry_budget *made = NULL;
    MADE(trifuse_retry_budget_config_init(&c, sizeof c));
    c.ratio = 1;
    MADE(trifuse_retry_budget_new(&c, 0, NULL, &made));
    return made;
}

void run_deposit(uint64_t n, void *argument) {
    while (n--) (void)trifuse_retry_budget_deposit(argument, 0);
}

void run_deposit_now(uint64_t n, void *argument) {
    EACH_NOW(i, now, n) (void)trifuse_retry_budget_deposit(argument, now);
}

void run_withdraw_now(uint64_t n, void *argument) {
    EACH_NOW(i, now, n) {
        (void)trifuse_retry_budget_deposit(argument, now);
        sink = (uint64_t)trifuse_retry_budget_try_withdraw(argument, now);
    }
}

trifuse_throttle *make_throttle(void) {
    trifuse_throttle_config c;
    trifuse_throttle *made = NULL;
    MADE(trifuse_throttle_config_init(&c, sizeof c));
    MADE(trifuse_throttle_new(&c, 0, NULL, &made));
    return made;
}

void run_throttle(uint64_t n, void *argument) {
    while (n--) {
        sink = (uint64_t)trifuse_throttle_try_acquire(argument, 0);
        (void)trifuse_throttle_accept(argument, 0);
    }
}

void run_throttle_now(uint64_t n, void *argument) {
    EACH_NOW(i, now, n) {
        sink = (uint64_t)trifuse_throttle_try_acquire(argument, now);
        (void)trifuse_throttle_accept(argument, now);
    }
}

trifuse_hedge *make_hedge(void) {
    trifuse_hedge_config c;
    trifuse_hedge *made = NULL;
    MADE(trifuse_hedge_config_init(&c, sizeof c));
    MADE(trifuse_hedge_new(&c, 0, NULL, &made));
    return made;
}

void run_hedge(uint64_t n, void *argument) {
    while (n--) (void)trifuse_hedge_deposit(argument);
}
