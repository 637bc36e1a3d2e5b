/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A call on a concurrency limit, a histogram or a hedge budget, paused before any read or write while
 * another runs from start to end: what both answer and what is seen afterwards is what one of the two
 * orders would have given. A release under VEGAS or GRADIENT2 is several acts (its time, then N): there
 * places and totals are exact all the same, and N is within its bounds. A merge is as
 * many acts as it has steps to add, and may see the time of a record before its value. */
#include "check.h"
#include "limits.h"
#include "steps.h"

enum { HISTORIES = 120 };

static const limits_call *first, *second;
static int answers[2];
static long pauses;

typedef struct seen { int answers[2]; limits_picture picture; } seen;

static void run_first(void *world) { answers[0] = first->run(world); }
static void run_second(void *world) { answers[1] = second->run(world); }

static seen look_back(void) {
    seen s = {{answers[0], answers[1]}, limits_look(&limits)};
    return s;
}

static seen one_order(const limits_world *start, bool second_first) {
    limits = *start;
    if (second_first) run_second(&limits);
    run_first(&limits);
    if (!second_first) run_second(&limits);
    return look_back();
}

static bool answers_alike(const seen *a, const seen *b) {
    return a->answers[0] == b->answers[0] && a->answers[1] == b->answers[1];
}

static bool alike(const seen *a, const seen *b) {
    return answers_alike(a, b) && memcmp(&a->picture, &b->picture, sizeof a->picture) == 0;
}

/* Answers and all that counts places, as in one of the orders. */
static bool places_alike(const seen *a, const seen *b) {
    bool all = answers_alike(a, b);
    for (unsigned i = IN_FLIGHT; i <= FAILED; i++) all &= a->picture.number[i] == b->picture.number[i];
    return all;
}

static bool is_allowed(const seen *got, const seen *a, const seen *b) {
    if (alike(got, a) || alike(got, b)) return true;
    if (limits.subject == SLIDING && second->kind == ACTS_MANY) return answers_alike(got, a);
    if (limits.subject != VEGAS && limits.subject != GRADIENT2) return false;
    uint64_t n = got->picture.number[LIMIT_EXACT];
    return (places_alike(got, a) || places_alike(got, b)) && n >= 65536 && n <= 12 * 65536;
}

static void pause_everywhere(const limits_world *start) {
    seen one = one_order(start, false), other = one_order(start, true);
    for (long k = 1;; k++) {
        limits = *start;
        if (!steps_pause(k, run_first, run_second, &limits)) return;
        pauses++;
        seen got = look_back();
        bool is_one_of_the_orders = is_allowed(&got, &one, &other);
        if (!CHECK(is_one_of_the_orders))
            fprintf(stderr, "  %s: %s paused at step %ld by %s\n", subject_names[start->subject], first->name, k,
                    second->name);
        bool goes_on = limits_go_on(&limits);
        if (!CHECK(goes_on)) return;
    }
}

static void a_paused_call_and_another_are_as_if_one_had_come_first(void) {
    static limits_world start;
    for (unsigned subject = 0; subject < SUBJECTS; subject++)
        for (unsigned length = 0; length < HISTORIES && checks_failed < 50; length++) {
            limits_begin(&start, subject, length < 60 ? length : length * 5);
            (void)limits_look(&start);
            for (first = limits_calls(subject); first->name; first++)
                for (second = limits_calls(subject); second->name; second++)
                    if (first->kind == ACTS) pause_everywhere(&start);
        }
    CHECK(pauses > 10000);
}

int main(void) {
    RUN(a_paused_call_and_another_are_as_if_one_had_come_first);
    printf("%ld pauses\n", pauses);
    return check_summary();
}
