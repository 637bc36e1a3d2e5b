/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread that ends before any write of a call on a retry, a budget or a throttle, or whose
 * compare-and-swap fails: the one leaves what was there before or what the whole call would have left, number
 * by number, and the others go on; the other changes nothing at all. */
#include "check.h"
#include "retries.h"
#include "steps.h"

enum { HISTORIES = 200 };

static retries_world world;
static const retries_step *tried;
static long deaths, failures;
static int answer;

static void run_tried(void *argument) { answer = retries_do(argument, tried); }

static bool between(uint64_t got, uint64_t a, uint64_t b) { return (got >= a && got <= b) || (got >= b && got <= a); }

static void die_everywhere(const retries_world *start) {
    static retries_world before_world;
    before_world = *start;
    retries_picture before = retries_look(&before_world, tried->subject, tried->later);
    world = before_world;
    run_tried(&world);
    retries_picture after = retries_look(&world, tried->subject, tried->later);
    for (long k = 1;; k++) {
        world = before_world;
        if (!steps_die(k, run_tried, &world)) return;
        deaths++;
        retries_picture now = retries_look(&world, tried->subject, tried->later);
        bool all = true;
        for (unsigned i = 0; i < NUMBERS; i++) all &= CHECK(between(now.number[i], before.number[i], after.number[i]));
        if (!(all & retries_go_on(&world, tried->later)))
            fprintf(stderr, "  %s, died before write %ld\n", tried->name, k);
    }
}

static void fail_everywhere(const retries_world *start) {
    static retries_world undisturbed;
    undisturbed = *start;
    run_tried(&undisturbed);
    int answered = answer;
    for (long k = 1;; k++) {
        world = *start;
        if (!steps_fail(k, run_tried, &world)) return;
        failures++;
        if (!CHECK(answer == answered && memcmp(&world, &undisturbed, sizeof world) == 0))
            fprintf(stderr, "  %s, swap %ld failed\n", tried->name, k);
    }
}

static void each_history(void (*try_all)(const retries_world *start)) {
    static retries_world start;
    for (unsigned length = 0; length < HISTORIES && checks_failed < 50; length++) {
        retries_begin(&start, length);
        for (size_t i = 0; i < retries_step_count; i++) {
            tried = &retries_steps[i];
            if (tried->subject < SEVERAL) try_all(&start);
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
    for (long k = 1; k < 40; k++) {
        retries_begin(&world, 100);
        for (unsigned round = 0; round < 20; round++)
            for (size_t i = 0; i < retries_step_count; i++) {
                tried = &retries_steps[(i * 7 + round) % retries_step_count];
                deaths += steps_die(k, run_tried, &world);
                world.now += SECOND / 30;
            }
        if (!retries_go_on(&world, 3 * (int64_t)SECOND)) fprintf(stderr, "  all died before write %ld\n", k);
    }
}

int main(void) {
    RUN(a_thread_that_ends_anywhere_harms_nobody);
    RUN(a_swap_that_fails_is_tried_again);
    RUN(a_chain_of_deaths_harms_nobody);
    printf("%ld deaths, %ld swaps made to fail\n", deaths, failures);
    return check_summary();
}
