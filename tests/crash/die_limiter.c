/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread that ends before any write of a call on a rate limiter, or whose compare-and-swap fails: the one
 * leaves what was there before or what the whole call would have left, and the others go on; the other
 * is tried again, and nobody sees a difference. */
#include "check.h"
#include "limiter_world.h"
#include "steps.h"

enum { HISTORIES = 150 };

static const limiter_call *tried;
static long deaths, failures;
static int answer;

static void run_tried(void *world) { answer = tried->run(world); }

static bool is_one_of(const limiter_picture *now, const limiter_picture *whole) {
    return memcmp(now->number, whole->number, TOGETHER * sizeof now->number[0]) == 0;
}

/* A log that was written for a grant that never came: to one whose clock is behind it may look fuller than it
 * is, until the newest time in it. */
static bool is_careful(const limiter_picture *now, const limiter_picture *before) {
    return limiter.kind == LOG && now->number[AVAILABLE] <= before->number[AVAILABLE] &&
           now->number[WAIT_OF_ONE] <= 6 * SECOND && now->number[WAIT_OF_ALL] >= before->number[WAIT_OF_ALL];
}

static bool between(uint64_t got, uint64_t a, uint64_t b) { return (got >= a && got <= b) || (got >= b && got <= a); }

static bool picture_is_whole(const limiter_picture *before, const limiter_picture *after) {
    limiter_picture now = limiter_look(&limiter, tried->later);
    bool whole = is_one_of(&now, before) || is_one_of(&now, after), all = CHECK(whole || is_careful(&now, before));
    for (unsigned i = TOGETHER; i < NUMBERS; i++)
        all &= CHECK(between(now.number[i], before->number[i], after->number[i]));
    return all;
}

static void die_everywhere(const limiter_world *start, const limiter_picture *before) {
    limiter = *start;
    run_tried(&limiter);
    limiter_picture after = limiter_look(&limiter, tried->later);
    for (long k = 1;; k++) {
        limiter = *start;
        if (!steps_die(k, run_tried, &limiter)) return;
        deaths++;
        if (!picture_is_whole(before, &after) || !limiter_goes_on(&limiter, tried->later))
            fprintf(stderr, "  %s, %s, died before write %ld\n", limiter_names[limiter.kind], tried->name, k);
    }
}

static void fail_everywhere(const limiter_world *start, const limiter_picture *before) {
    (void)before;
    limiter = *start;
    run_tried(&limiter);
    int answered = answer;
    limiter_picture undisturbed = limiter_look(&limiter, tried->later);
    for (long k = 1;; k++) {
        limiter = *start;
        if (!steps_fail(k, run_tried, &limiter)) return;
        failures++;
        limiter_picture now = limiter_look(&limiter, tried->later);
        bool same = answer == answered && memcmp(&now, &undisturbed, sizeof now) == 0;
        if (!CHECK(same) || !limiter_goes_on(&limiter, tried->later))
            fprintf(stderr, "  %s, %s, swap %ld failed\n", limiter_names[limiter.kind], tried->name, k);
    }
}

static void each_history(void (*try_all)(const limiter_world *start, const limiter_picture *before)) {
    static limiter_world start;
    for (uint32_t kind = 0; kind < LIMITERS; kind++)
        for (unsigned length = 0; length < HISTORIES && checks_failed < 50; length++) {
            limiter_begin(&start, kind, length);
            for (tried = limiter_calls(kind); tried->name; tried++) {
                limiter_picture before = limiter_look(&start, tried->later);
                try_all(&start, &before);
            }
        }
}

static void a_thread_that_ends_anywhere_harms_nobody(void) {
    each_history(die_everywhere);
    CHECK(deaths > 10000);
}

static void a_swap_that_fails_is_tried_again(void) {
    each_history(fail_everywhere);
    CHECK(failures > 5000);
}

/* Everybody dies at the same step of his call; whoever comes last finds what all of them left. */
static void a_chain_of_deaths_harms_nobody(void) {
    for (uint32_t kind = 0; kind < LIMITERS; kind++)
        for (long k = 1; k < 20; k++) {
            limiter_begin(&limiter, kind, 40);
            for (unsigned round = 0; round < 20; round++)
                for (tried = limiter_calls(kind); tried[1].name; tried++) {
                    deaths += steps_die(k, run_tried, &limiter);
                    limiter.now += SECOND / 7;
                }
            if (!limiter_goes_on(&limiter, 0))
                fprintf(stderr, "  %s, all died before write %ld\n", limiter_names[kind], k);
        }
}

int main(void) {
    RUN(a_thread_that_ends_anywhere_harms_nobody);
    RUN(a_swap_that_fails_is_tried_again);
    RUN(a_chain_of_deaths_harms_nobody);
    printf("%ld deaths, %ld swaps made to fail\n", deaths, failures);
    return check_summary();
}
