/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

double bench_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void one_round(subject *s, unsigned round) {
    double start = bench_ns();
    s->run(s->operations, s->argument);
    s->round[round] = (bench_ns() - start) / (double)s->operations;
}

void bench_run(subject *subjects, unsigned n) {
    for (unsigned round = 0; round < BENCH_ROUNDS; round++)
        for (unsigned i = 0; i < n; i++) one_round(&subjects[i], round);
    for (unsigned i = 0; i < n; i++) {
        qsort(subjects[i].round, BENCH_ROUNDS, sizeof subjects[i].round[0], by_size);
        subjects[i].median = subjects[i].round[BENCH_ROUNDS / 2];
        subjects[i].best = subjects[i].round[0];
    }
}

void bench_print(const subject *s) {
    printf("  %-56s %9.2f ns, best %9.2f\n", s->name, s->median, s->best);
}

int bench_ratio(const char *what, const subject *a, const subject *b, double most) {
    double median = a->median / b->median, best = a->best / b->best;
    int within = median <= most || best <= most;
    printf("  = %-54s %6.2f x, best %6.2f x   aim <= %.2f x: %s\n", what, median, best, most,
           within ? "PASS" : "over");
    return within;
}

int bench_limit(const char *what, const subject *a, double most_ns) {
    int within = a->median <= most_ns || a->best <= most_ns;
    printf("  = %-54s %6.2f ns, best %5.2f ns  aim <= %.1f ns: %s\n", what, a->median, a->best, most_ns,
           within ? "PASS" : "over");
    return within;
}
