/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread that ends before any write of a call on a concurrency limit, a histogram or a hedge budget, or
 * whose compare-and-swap fails: the one leaves what was there before or what the whole call would have
 * left, number by number, and the others go on; the other changes nothing at all. */
#include "check.h"
#include "limits.h"
#include "steps.h"

enum { HISTORIES = 300 };

static const limits_call *tried;
static long deaths, failures;
static int answer;

static void run_tried(void *world) { answer = tried->run(world); }

static bool between(uint64_t got, uint64_t a, uint64_t b) { return (got >= a && got <= b) || (got >= b && got <= a); }

static bool picture_is_whole(const limits_picture *before, const limits_picture *after) {
    limits_picture now = limits_look(&limits);
    bool all = true;
    unsigned n = limits.subject == SLIDING ? OLDER_COUNT : NUMBERS; /* the time may have been seen without the value */
    for (unsigned i = 0; i < n; i++) all &= CHECK(between(now.number[i], before->number[i], after->number[i]));
    for (unsigned i = 0; is_concurrency(limits.subject) && i < TOGETHER; i++)
        all &= CHECK(now.number[i] == before->number[i] || now.number[i] == after->number[i]);
    return all;
}

static void die_everywhere(const limits_world *start, const limits_picture *before) {
    limits = *start;
    run_tried(&limits);
    limits_picture after = limits_look(&limits);
    for (long k = 1;; k++) {
        limits = *start;
        if (!steps_die(k, run_tried, &limits)) return;
        deaths++;
        if (!picture_is_whole(before, &after) || !limits_go_on(&limits))
            fprintf(stderr, "  %s, %s, died before write %ld\n", subject_names[limits.subject], tried->name, k);
    }
}

static void fail_everywhere(const limits_world *start) {
    static limits_world undisturbed;
    undisturbed = *start;
    run_tried(&undisturbed);
    int answered = answer;
    for (long k = 1;; k++) {
        limits = *start;
        if (!steps_fail(k, run_tried, &limits)) return;
        failures++;
        bool same = answer == answered && memcmp(&limits, &undisturbed, sizeof limits) == 0;
        if (!CHECK(same))
            fprintf(stderr, "  %s, %s, swap %ld failed\n", subject_names[limits.subject], tried->name, k);
    }
}

static void each_history(void (*try_all)(const limits_world *start, const limits_picture *before)) {
    static limits_world start;
    for (unsigned subject = 0; subject < SUBJECTS; subject++)
        for (unsigned length = 0; length < HISTORIES && checks_failed < 50; length++) {
            limits_begin(&start, subject, length < 60 ? length : length * 3);
            limits_picture before = limits_look(&start);
            for (tried = limits_calls(subject); tried->name; tried++) try_all(&start, &before);
        }
}

static void a_thread_that_ends_anywhere_harms_nobody(void) {
    each_history(die_everywhere);
    CHECK(deaths > 10000);
}

static void fail(const limits_world *start, const limits_picture *before) {
    (void)before;
    fail_everywhere(start);
}

static void a_swap_that_fails_is_tried_again(void) {
    each_history(fail);
    CHECK(failures > 5000);
}

/* Everybody dies at the same step of his call; whoever comes last finds what all of them left. */
static void a_chain_of_deaths_harms_nobody(void) {
    for (unsigned subject = 0; subject < SUBJECTS; subject++)
        for (long k = 1; k < 12; k++) {
            limits_begin(&limits, subject, 100);
            for (unsigned round = 0; round < 20; round++) {
                for (tried = limits_calls(subject); tried->name; tried++) {
                    deaths += steps_die(k, run_tried, &limits);
                    limits.now += SECOND / 3;
                }
                (void)limits_look(&limits);
            }
            if (!limits_go_on(&limits))
                fprintf(stderr, "  %s, all died before write %ld\n", subject_names[subject], k);
        }
}

int main(void) {
    RUN(a_thread_that_ends_anywhere_harms_nobody);
    RUN(a_swap_that_fails_is_tried_again);
    RUN(a_chain_of_deaths_harms_nobody);
    printf("%ld deaths, %ld swaps made to fail\n", deaths, failures);
    return check_summary();
}
