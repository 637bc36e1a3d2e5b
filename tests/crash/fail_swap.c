/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A compare-and-swap that fails, at whichever step, and is tried again changes nothing: every byte of the
 * breaker, the result and the event are those of the undisturbed call. Some are not tried again, because
 * a failure says that another has done the same: then nothing is told, and the breaker serves on. */
#include "check.h"
#include "promises.h"
#include "scenes.h"
#include "steps.h"

static const operation *tried;
static trifuse_breaker_event event;
static int result;
static long failures_seen, unchanged;

static void run_tried(void *argument) {
    world *w = argument;
    event = blank_event();
    result = tried->run(w, 0, w->now, &event);
}

static void try_all_steps(const scene *at, window kind) {
    scene_begin(&the_world, at, kind);
    static world before, undisturbed;
    before = the_world;
    run_tried(&the_world);
    undisturbed = the_world;
    trifuse_breaker_event told = event;
    int answered = result;
    for (long k = 1;; k++) {
        the_world = before;
        if (!steps_fail(k, run_tried, &the_world)) break;
        failures_seen++;
        bool same = memcmp(&the_world, &undisturbed, sizeof the_world) == 0 && result == answered &&
                    memcmp(&event, &told, sizeof told) == 0;
        unchanged += same;
        if (same) continue;
        bool quiet = event.flags == 0 || memcmp(&event, &told, sizeof told) == 0;
        bool whole = CHECK(quiet) && others_go_on(&the_world, the_world.now);
        if (!whole)
            fprintf(stderr, "  %s, %s window, %s, swap %ld\n", at->name, window_names[kind], tried->name, k);
    }
}

static void a_failed_swap_is_tried_again_or_harms_nobody(void) {
    for (size_t s = 0; s < scene_count; s++)
        for (unsigned kind = 0; kind < WINDOWS; kind++)
            for (size_t o = 0; o < operation_count; o++) {
                tried = &operations[o];
                try_all_steps(&scenes[s], (window)kind);
            }
    CHECK(failures_seen > 500);
    CHECK(unchanged > failures_seen / 100 * 95);
}

int main(void) {
    RUN(a_failed_swap_is_tried_again_or_harms_nobody);
    printf("%ld swaps made to fail, %ld tried again\n", failures_seen, unchanged);
    return check_summary();
}
