/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Two threads on one breaker; 10,000 breakers. */
#define _POSIX_C_SOURCE 200809L
#include "subjects.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS = 200000, BREAKERS = 10000 };

typedef struct pair { subject_body *body; void *argument; uint64_t each; atomic_int waiting; } pair;

static void *half(void *argument) {
    pair *p = argument;
    (void)atomic_fetch_sub(&p->waiting, 1);
    while (atomic_load(&p->waiting) != 0) {
    }
    p->body(p->each, p->argument);
    return NULL;
}

/* n operations in each of two threads; counted as n, so a round says ns for one of each thread. */
static void in_two_threads(uint64_t n, void *argument) {
    pair *p = argument;
    pthread_t other;
    p->each = n;
    atomic_store(&p->waiting, 2);
    if (pthread_create(&other, NULL, half, p) != 0) abort();
    (void)half(p);
    (void)pthread_join(other, NULL);
}

static void two_threads(void) {
    static padded word;
    trifuse_breaker_config c = plain_config(), count = c;
    count.window_kind = TRIFUSE_WINDOW_COUNT;
    pair swap = {.body = floor_swap, .argument = &word}, timed = {.body = floor_clock_and_swap, .argument = &word};
    pair success = {.body = run_success, .argument = make_breaker(&c)};
    pair given = {.body = run_success_now, .argument = make_breaker(&c)};
    pair counted = {.body = run_success, .argument = make_breaker(&count)};
    subject s[] = {
        {.name = "contended compare-and-swap (floor)", .argument = &swap},
        {.name = "clock + contended compare-and-swap (floor)", .argument = &timed},
        {.name = "admission + success, clock read inside", .argument = &success},
        {.name = "admission + success, now given in batches of 64", .argument = &given},
        {.name = "admission + success, count window", .argument = &counted},
    };
    enum { N = sizeof s / sizeof s[0] };
    for (unsigned i = 0; i < N; i++) {
        s[i].run = in_two_threads;
        s[i].operations = CALLS;
    }
    bench_run(s, N);
    for (unsigned i = 0; i < N; i++) {
        s[i].best = s[i].median; /* in its best round the threads did not meet: it says nothing */
        bench_print(&s[i]);
    }
    (void)bench_ratio("now given / contended swap", &s[3], &s[0], 2.0);
    (void)bench_ratio("count window / contended swap", &s[4], &s[0], 2.0);
    (void)bench_ratio("clock read inside / (clock + contended swap)", &s[2], &s[1], 2.0);
    (void)bench_ratio("clock read inside / contended swap without a clock", &s[2], &s[0], 2.0);
    trifuse_breaker_free(success.argument);
    trifuse_breaker_free(given.argument);
    trifuse_breaker_free(counted.argument);
}

typedef struct crowd { void **member; unsigned n; subject_body *body; } crowd;

/* One operation on each of n objects in an order that no prefetcher guesses. */
static void one_each(uint64_t n, void *argument) {
    crowd *c = argument;
    for (uint64_t i = 0; i < n; i++) c->body(1, c->member[i * 7919 % c->n]);
}

static void many_breakers(void) {
    static void *words[BREAKERS], *breakers[BREAKERS];
    trifuse_breaker_config config = plain_config();
    for (unsigned i = 0; i < BREAKERS; i++) breakers[i] = make_breaker(&config);
    padded *padded_words = calloc(BREAKERS + 1, sizeof(padded));
    if (!padded_words) abort();
    padded *aligned = (padded *)(((uintptr_t)padded_words + 127) / 128 * 128);
    for (unsigned i = 0; i < BREAKERS; i++) words[i] = &aligned[i];
    crowd few_swaps = {words, 1, floor_clock_and_swap}, many_swaps = {words, BREAKERS, floor_clock_and_swap};
    crowd few = {breakers, 1, run_success}, many = {breakers, BREAKERS, run_success};
    subject s[] = {
        {.name = "clock + compare-and-swap, 1 word", .argument = &few_swaps},
        {.name = "clock + compare-and-swap, 10,000 words", .argument = &many_swaps},
        {.name = "admission + success, 1 breaker", .argument = &few},
        {.name = "admission + success, 10,000 breakers in turn", .argument = &many},
    };
    for (unsigned i = 0; i < 4; i++) {
        s[i].run = one_each;
        s[i].operations = CALLS;
    }
    bench_run(s, 4);
    for (unsigned i = 0; i < 4; i++) bench_print(&s[i]);
    printf("  = cache misses of one more breaker %28.1f ns (a padded word: %.1f ns); %zu bytes a breaker\n",
           s[3].median - s[2].median, s[1].median - s[0].median, trifuse_breaker_size(&config));
    for (unsigned i = 0; i < BREAKERS; i++) trifuse_breaker_free(breakers[i]);
    free(padded_words);
}

int main(void) {
    printf("Two threads on one breaker (ns for one call of each)\n");
    two_threads();
    printf("10,000 breakers\n");
    many_breakers();
    return 0;
}
