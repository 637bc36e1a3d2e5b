/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One thread on one breaker: admission, admission and success, refusal; and what they grow with. */
#include "subjects.h"

#include <stdio.h>

enum { CALLS = 200000 };

static void one_breaker(void) {
    static padded word;
    trifuse_breaker_config c = plain_config(), count = c;
    count.window_kind = TRIFUSE_WINDOW_COUNT;
    count.request_timeout_ns = 0;
    trifuse_breaker *time_breaker = make_breaker(&c), *count_breaker = make_breaker(&count), *open = make_breaker(&c);
    (void)trifuse_breaker_trip(open, 0, 3600000000000ULL, NULL);
    subject s[] = {
        {.name = "clock", .run = floor_clock, .operations = CALLS},
        {.name = "clock + compare-and-swap (floor)", .run = floor_clock_and_swap, .argument = &word, .operations = CALLS},
        {.name = "clock + locked add (floor)", .run = floor_clock_and_add, .argument = &word, .operations = CALLS},
        {.name = "admission", .run = run_admission, .argument = time_breaker, .operations = CALLS},
        {.name = "admission + success, clock read inside", .run = run_success, .argument = time_breaker, .operations = CALLS},
        {.name = "admission + success, now given in batches of 64", .run = run_success_now, .argument = time_breaker, .operations = CALLS},
        {.name = "admission + success, count window (reads no clock)", .run = run_success, .argument = count_breaker, .operations = CALLS},
        {.name = "refusal, clock read inside", .run = run_refusal, .argument = open, .operations = CALLS},
    };
    bench_run(s, sizeof s / sizeof s[0]);
    for (unsigned i = 0; i < sizeof s / sizeof s[0]; i++) bench_print(&s[i]);
    (void)bench_ratio("admission + success / (clock + compare-and-swap)", &s[4], &s[1], 1.5);
    (void)bench_limit("admission", &s[3], 5.0);
    (void)bench_ratio("refusal / (clock + locked add)", &s[7], &s[2], 1.25);
    (void)bench_limit("admission + success, now given", &s[5], 25.0);
    trifuse_breaker_free(time_breaker);
    trifuse_breaker_free(count_breaker);
    trifuse_breaker_free(open);
}

/* A breaker that has seen a failure and so judges every success; in shadow mode, so that it stays. */
static trifuse_breaker *judging(uint32_t kind, uint32_t buckets, uint64_t duration_s, uint32_t count, uint64_t traffic) {
    trifuse_breaker_config c = plain_config();
    c.window_kind = kind;
    c.window_buckets = buckets;
    c.window_duration_ns = duration_s * 1000000000ULL;
    c.window_count = count;
    trifuse_breaker *b = make_breaker(&c);
    uint64_t permit;
    run_success_now(traffic, b);
    (void)trifuse_breaker_try_acquire(b, 0, &permit, NULL);
    (void)trifuse_breaker_report(b, permit, TRIFUSE_OUTCOME_FAILURE, 0, 0, NULL);
    return b;
}

static void growth(void) {
    subject s[] = {
        {.name = "success, judged: 10 buckets, W = 60 s", .argument = judging(0, 10, 60, 1, 100)},
        {.name = "success, judged: 10 buckets, W = 3600 s", .argument = judging(0, 10, 3600, 1, 100)},
        {.name = "success, judged: 10 buckets, W = 60 s, after 1,000,000 calls", .argument = judging(0, 10, 60, 1, 1000000)},
        {.name = "success, judged: 64 buckets, W = 60 s", .argument = judging(0, 64, 60, 1, 100)},
        {.name = "success, judged: last 16 calls", .argument = judging(1, 10, 60, 16, 16)},
        {.name = "success, judged: last 100 calls", .argument = judging(1, 10, 60, 100, 100)},
        {.name = "success, judged: last 4096 calls", .argument = judging(1, 10, 60, 4096, 4096)},
    };
    enum { N = sizeof s / sizeof s[0] };
    for (unsigned i = 0; i < N; i++) {
        s[i].run = run_success_now;
        s[i].operations = CALLS / 10;
    }
    bench_run(s, N);
    for (unsigned i = 0; i < N; i++) bench_print(&s[i]);
    (void)bench_ratio("60 times the window", &s[1], &s[0], 1.15);
    (void)bench_ratio("10,000 times the traffic", &s[2], &s[0], 1.15);
    (void)bench_ratio("6.4 times the buckets", &s[3], &s[0], 6.4);
    (void)bench_ratio("41 times the N", &s[6], &s[5], 41);
    for (unsigned i = 0; i < N; i++) trifuse_breaker_free(s[i].argument);
}

int main(void) {
    printf("One thread, one breaker (%d rounds in turn, median and best)\n", BENCH_ROUNDS);
    one_breaker();
    printf("What the cost grows with: after a failure each success is judged on the window\n");
    growth();
    return 0;
}
