/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One thread on one object of each of the other policies, beside the floors. */
#include "policies.h"

#include <stdio.h>

enum { CALLS = 200000 };

static void run_and_print(subject *s, unsigned n) {
    for (unsigned i = 0; i < n; i++) s[i].operations = CALLS;
    bench_run(s, n);
    for (unsigned i = 0; i < n; i++) bench_print(&s[i]);
}
#define COUNT(s) (unsigned)(sizeof(s) / sizeof(s)[0])

static void limiters(void) {
    static const char *const names[] = {"token bucket", "sliding log", "sliding counter", "fixed window"};
    static padded word;
    for (uint32_t kind = 0; kind <= TRIFUSE_LIMITER_FIXED_WINDOW; kind++) {
        trifuse_limiter *granting = make_limiter(kind), *spent = make_spent_limiter(kind);
        subject s[] = {
            {.name = "clock + compare-and-swap (floor)", .run = floor_clock_and_swap, .argument = &word},
            {.name = "granted, clock read inside", .run = run_limiter, .argument = granting},
            {.name = "granted, now given in batches of 64", .run = run_limiter_now, .argument = granting},
            {.name = "refused, clock read inside", .run = run_limiter, .argument = spent},
            {.name = "refused, now given in batches of 64", .run = run_limiter_now, .argument = spent},
        };
        printf(" %s\n", names[kind]);
        run_and_print(s, COUNT(s));
        (void)bench_ratio("granted / (clock + compare-and-swap)", &s[1], &s[0], 1.5);
        (void)bench_ratio("refused / (clock + compare-and-swap)", &s[3], &s[0], 1.5);
        trifuse_limiter_free(granting);
        trifuse_limiter_free(spent);
    }
}

static void concurrency(void) {
    static padded word;
    subject s[] = {
        {.name = "compare-and-swap (floor)", .run = floor_swap, .argument = &word},
        {.name = "bulkhead: acquire + release", .run = run_places, .argument = make_concurrency(TRIFUSE_ALGORITHM_FIXED)},
        {.name = "AIMD", .run = run_places, .argument = make_concurrency(TRIFUSE_ALGORITHM_AIMD)},
        {.name = "VEGAS", .run = run_places, .argument = make_concurrency(TRIFUSE_ALGORITHM_VEGAS)},
        {.name = "GRADIENT2", .run = run_places, .argument = make_concurrency(TRIFUSE_ALGORITHM_GRADIENT2)},
    };
    run_and_print(s, COUNT(s));
    for (unsigned i = 1; i < COUNT(s); i++) trifuse_concurrency_free(s[i].argument);
}

static void latencies(void) {
    trifuse_histogram *lifetime = make_histogram(0), *sliding = make_histogram(60000000000ULL);
    trifuse_hedge *hedge = make_hedge();
    subject s[] = {
        {.name = "histogram: record, over the lifetime (reads no clock)", .run = run_record, .argument = lifetime},
        {.name = "histogram: record, sliding, clock read inside", .run = run_record, .argument = sliding},
        {.name = "histogram: record, sliding, now given", .run = run_record_now, .argument = sliding},
        {.name = "histogram: 95th percentile", .run = run_quantile, .argument = sliding},
        {.name = "hedge budget: deposit", .run = run_hedge, .argument = hedge},
    };
    run_and_print(s, COUNT(s));
    trifuse_histogram_free(lifetime);
    trifuse_histogram_free(sliding);
    trifuse_hedge_free(hedge);
}

static void retries(void) {
    trifuse_retry *retry = make_retry();
    trifuse_retry_budget *budget = make_budget();
    trifuse_throttle *throttle = make_throttle();
    subject s[] = {
        {.name = "retry: a call that succeeds at once (begin + settle)", .run = run_at_once, .argument = retry},
        {.name = "retry: back-off of a failed attempt, now given", .run = run_back_off_now, .argument = retry},
        {.name = "retry budget: deposit, clock read inside", .run = run_deposit, .argument = budget},
        {.name = "retry budget: deposit, now given", .run = run_deposit_now, .argument = budget},
        {.name = "retry budget: deposit + withdrawal, now given", .run = run_withdraw_now, .argument = budget},
        {.name = "throttle: request + accept, clock read inside", .run = run_throttle, .argument = throttle},
        {.name = "throttle: request + accept, now given", .run = run_throttle_now, .argument = throttle},
    };
    run_and_print(s, COUNT(s));
    trifuse_retry_free(retry);
    trifuse_retry_budget_free(budget);
    trifuse_throttle_free(throttle);
}

int main(void) {
    printf("Rate limiters: one thread (%d rounds in turn, median and best)\n", BENCH_ROUNDS);
    limiters();
    printf("Concurrency limits\n");
    concurrency();
    printf("Latencies\n");
    latencies();
    printf("Retries\n");
    retries();
    return 0;
}
