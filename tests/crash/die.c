/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A thread that ends before any write of a call leaves a breaker that keeps its promises and serves the
 * others: what is seen is what was there before or what the whole call would have left, field by field,
 * and the calls of others do all they should. Then the others die too, one after the other. */
#include "check.h"
#include "promises.h"
#include "steps.h"

static const operation *tried;
static long deaths;
static trifuse_breaker_snapshot before, after;
static uint64_t operation_time;

static void run_tried(void *argument) {
    world *w = argument;
    trifuse_breaker_event event = blank_event();
    (void)tried->run(w, 0, operation_time, &event);
}

static bool one_of(uint64_t got, uint64_t a, uint64_t b) { return got == a || got == b; }
static bool between(uint64_t got, uint64_t a, uint64_t b) { return got >= a && got <= b; }

#define IS_ONE(field) CHECK(one_of(now.field, before.field, after.field))
#define IS_BETWEEN(field) CHECK(between(now.field, before.field, after.field))

/* The picture after a death: state and window as before the call or after it, totals in between. */
static bool picture_is_whole(world *w) {
    trifuse_breaker_snapshot now = picture(w->b, operation_time);
    bool all = IS_ONE(state) && IS_ONE(cause) && IS_ONE(generation) && IS_ONE(reopenings);
    all &= CHECK(one_of(now.window_failed, before.window_failed, after.window_failed) || now.window_total == 0);
    all &= CHECK(now.window_failed <= now.window_total && now.window_slow <= now.window_total);
    all &= CHECK(one_of(now.window_total, before.window_total, after.window_total) || now.window_total == 0);
    all &= IS_BETWEEN(successes) && IS_BETWEEN(failures) && IS_BETWEEN(timeouts) && IS_BETWEEN(slow);
    all &= IS_BETWEEN(ignored) && IS_BETWEEN(late_results) && IS_BETWEEN(would_have_opened);
    all &= IS_BETWEEN(refused_open) && IS_BETWEEN(refused_half_open_limit) && IS_BETWEEN(refused_forced_open);
    all &= CHECK(now.lost_permits + PROBES >= before.lost_permits && now.lost_permits <= after.lost_permits);
    all &= CHECK(now.probes_in_flight <= PROBES);
    for (unsigned from = 0; from < 6; from++)
        for (unsigned to = 0; to < 6; to++) all &= IS_BETWEEN(transitions[from][to]);
    return all;
}

static bool promises_hold_after_death(void) {
    return picture_is_whole(&the_world) && others_go_on(&the_world, operation_time);
}

static void try_all_steps(const scene *at, window kind) {
    scene_begin(&the_world, at, kind);
    static world start;
    operation_time = the_world.now;
    before = picture(the_world.b, operation_time);
    start = the_world;
    run_tried(&the_world);
    after = picture(the_world.b, operation_time);
    for (long k = 1;; k++) {
        the_world = start;
        if (!steps_die(k, run_tried, &the_world)) break;
        deaths++;
        if (!promises_hold_after_death())
            fprintf(stderr, "  %s, %s window, %s, died before write %ld\n", at->name, window_names[kind],
                    tried->name, k);
    }
}

static void a_thread_that_ends_anywhere_harms_nobody(void) {
    for (size_t s = 0; s < scene_count; s++)
        for (unsigned kind = 0; kind < WINDOWS; kind++)
            for (size_t o = 0; o < operation_count; o++) {
                tried = &operations[o];
                if (tried->kind == SEVERAL) continue;
                try_all_steps(&scenes[s], (window)kind);
            }
    CHECK(deaths > 1000);
}

/* Each of these dies at the same step; whoever comes last finds what all of them left. */
static void a_chain_of_deaths_harms_nobody(void) {
    static world start;
    for (size_t s = 0; s < scene_count; s++)
        for (unsigned kind = 0; kind < WINDOWS; kind++) {
            scene_begin(&the_world, &scenes[s], (window)kind);
            start = the_world;
            for (long k = 1; k < 60; k++) {
                the_world = start;
                operation_time = the_world.now;
                for (size_t o = 0; o < operation_count; o++) {
                    tried = &operations[(o * 7 + (size_t)k) % operation_count];
                    deaths += steps_die(k, run_tried, &the_world);
                    CHECK(picture(the_world.b, operation_time).probes_in_flight <= PROBES);
                    operation_time += SECOND / 3;
                }
                if (!others_go_on(&the_world, operation_time))
                    fprintf(stderr, "  %s, %s window, all died before write %ld\n", scenes[s].name,
                            window_names[kind], k);
            }
        }
}

int main(void) {
    RUN(a_thread_that_ends_anywhere_harms_nobody);
    RUN(a_chain_of_deaths_harms_nobody);
    printf("%ld deaths\n", deaths);
    return check_summary();
}
