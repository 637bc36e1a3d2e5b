/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A call on a budget or a throttle that is paused before any read or write while another runs from start
 * to end: both answers and all numbers are those of the two calls one after the other, in one of the two
 * orders, where the time of the paused one may have been seen before. So a budget never pays two retries
 * with one coin, and never refuses one that was paid. */
#include "check.h"
#include "retries.h"
#include "steps.h"

enum { HISTORIES = 30 };

static retries_world world;
static const retries_step *one, *other;
static long pauses;
static int answer_one, answer_other;

static void run_one(void *argument) { answer_one = retries_do(argument, one); }
static void run_other(void *argument) { answer_other = retries_do(argument, other); }

typedef struct ending {
    int answers[2];
    retries_picture picture;
} ending;

/* A throttle draws by a sum of a moment ago, so that its answers are not those of an order. */
static ending ending_of(retries_world *w) {
    int64_t later = one->later > other->later ? one->later : other->later;
    ending e;
    memset(&e, 0, sizeof e);
    e.picture = retries_look(w, one->subject, later);
    if (one->subject == THROTTLE) return e;
    e.answers[0] = answer_one;
    e.answers[1] = answer_other;
    return e;
}

static ending in_order(const retries_world *start, steps_action *first, steps_action *second) {
    world = *start;
    first(&world);
    second(&world);
    return ending_of(&world);
}

/* The paused call had shown its time, and done nothing else, when the other came. */
static ending with_time_seen(const retries_world *start) {
    long writes = 0;
    do world = *start;
    while (steps_die(++writes, run_one, &world));
    world = *start;
    if (writes > 1) (void)steps_die(writes - 1, run_one, &world);
    run_other(&world);
    run_one(&world);
    return ending_of(&world);
}

static bool same(const ending *a, const ending *b) { return memcmp(a, b, sizeof *a) == 0; }

static void pause_everywhere(const retries_world *start) {
    ending orders[3] = {in_order(start, run_one, run_other), in_order(start, run_other, run_one),
                        with_time_seen(start)};
    for (long k = 1;; k++) {
        world = *start;
        if (!steps_pause(k, run_one, run_other, &world)) return;
        pauses++;
        ending got = ending_of(&world);
        if (!CHECK(same(&got, &orders[0]) || same(&got, &orders[1]) || same(&got, &orders[2])))
            fprintf(stderr, "  %s, paused before step %ld for %s\n", one->name, k, other->name);
    }
}

static void two_calls_are_as_if_one_came_after_the_other(void) {
    static retries_world start;
    for (unsigned length = 0; length < HISTORIES && checks_failed < 50; length++) {
        retries_begin(&start, length);
        for (size_t i = 0; i < retries_step_count; i++)
            for (size_t j = 0; j < retries_step_count; j++) {
                one = &retries_steps[i];
                other = &retries_steps[j];
                if (one->subject == other->subject % SEVERAL && one->subject != RETRY) pause_everywhere(&start);
            }
    }
    CHECK(pauses > 100000);
}

int main(void) {
    RUN(two_calls_are_as_if_one_came_after_the_other);
    printf("%ld pauses\n", pauses);
    return check_summary();
}
