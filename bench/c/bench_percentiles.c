/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Operations a second, and the percentiles of single operations, of a limiter's grant and of a breaker's
 * admission and success; `now` given in batches of 64, and the clock read inside.
 *
 * The first is of loops of 500,000, the median of 25. Single operations are timed with the processor's
 * counter where a program can read it; what an empty measurement shows at its median is taken off. The
 * counter's steps may be longer than a nanosecond. */
#define _POSIX_C_SOURCE 200809L
#include "policies.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { SAMPLES = 1000000, ROUND = 500000 };

static inline uint64_t ticks(void) {
#if defined(__x86_64__) && defined(__GNUC__)
    uint32_t low, high;
    __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
#elif defined(__aarch64__) && defined(__GNUC__)
    uint64_t count;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tisb" : "=r"(count) : : "memory");
    return count;
#else
    return trifuse_now_ns();
#endif
}

static double ns_a_tick(void) {
    double start = bench_ns();
    uint64_t from = ticks();
    while (bench_ns() - start < 2e8) {
    }
    return (bench_ns() - start) / (double)(ticks() - from);
}

typedef struct line {
    const char *name;
    void (*one)(void *argument, uint64_t now);
    subject_body *many;
    void *argument;
    bool given; /* the time, in batches */
    double aim[3]; /* operations a second in millions, P50, P99 in ns */
} line;

static volatile uint64_t sink;

static void nothing(void *argument, uint64_t now) {
    (void)argument;
    sink = now;
}

static void grant(void *argument, uint64_t now) {
    uint64_t wait;
    sink = (uint64_t)trifuse_limiter_try_acquire(argument, 1, now, &wait);
}

static void guard(void *argument, uint64_t now) {
    uint64_t permit;
    (void)trifuse_breaker_try_acquire(argument, now, &permit, NULL);
    sink = (uint64_t)trifuse_breaker_report(argument, permit, TRIFUSE_OUTCOME_SUCCESS, 0, now, NULL);
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t *samples_of(const line *l) {
    static uint64_t sample[SAMPLES];
    uint64_t now = 0;
    for (unsigned i = 0; i < SAMPLES; i++) {
        if (i % 64 == 0) now = l->given ? trifuse_now_ns() : 0;
        uint64_t from = ticks();
        l->one(l->argument, now);
        sample[i] = ticks() - from;
    }
    qsort(sample, SAMPLES, sizeof sample[0], by_size);
    return sample;
}

static double at(const uint64_t *sample, double share, uint64_t empty, double scale) {
    uint64_t t = sample[(unsigned)(share * (SAMPLES - 1))];
    return t > empty ? (double)(t - empty) * scale : 0;
}

static void measure(const line *l, double scale) {
    const line blank = {.one = nothing, .given = l->given};
    uint64_t empty = samples_of(&blank)[SAMPLES / 2];
    subject whole = {.name = l->name, .run = l->many, .argument = l->argument, .operations = ROUND};
    bench_run(&whole, 1);
    double rate = 1e3 / whole.median;
    const uint64_t *sample = samples_of(l);
    double p50 = at(sample, 0.5, empty, scale), p99 = at(sample, 0.99, empty, scale);
    printf("  %-46s %7.1f %7.1f %7.1f %8.1f   aim %.0f / %.0f / %.0f: %s\n", l->name, rate, p50, p99,
           at(sample, 0.999, empty, scale), l->aim[0], l->aim[1], l->aim[2],
           rate >= l->aim[0] && p50 <= l->aim[1] && p99 <= l->aim[2] ? "PASS" : "over");
}

int main(void) {
    trifuse_breaker_config c = plain_config();
    trifuse_breaker *breaker = make_breaker(&c);
    trifuse_limiter *limiter = make_limiter(TRIFUSE_LIMITER_TOKEN_BUCKET);
    const line lines[] = {
        {"limiter: a grant, now given in batches of 64", grant, run_limiter_now, limiter, true, {5, 30, 150}},
        {"limiter: a grant, clock read inside", grant, run_limiter, limiter, false, {5, 30, 150}},
        {"breaker: a success, now given in batches of 64", guard, run_success_now, breaker, true, {2, 50, 200}},
        {"breaker: a success, clock read inside", guard, run_success, breaker, false, {2, 50, 200}},
    };
    double scale = ns_a_tick();
    printf("Percentiles, one thread, %d operations each (a tick is %.2f ns)\n", SAMPLES, scale);
    printf("  %-46s %7s %7s %7s %8s\n", "", "M ops/s", "P50 ns", "P99 ns", "P99.9 ns");
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) measure(&lines[i], scale);
    trifuse_breaker_free(breaker);
    trifuse_limiter_free(limiter);
    return 0;
}
