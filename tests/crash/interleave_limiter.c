/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A call on a rate limiter, paused before any read or write while another runs from start to end: what both
 * answer and what is seen afterwards is what one of the two orders would have given, so no tokens are won or
 * lost. A log is a little stricter: one whose clock is behind may be refused beside a grant, and times in it
 * may be too late by as much as the two clocks are apart. A cancellation takes a
 * grant in progress for one after it. */
#include "check.h"
#include "limiter_world.h"
#include "steps.h"

enum { HISTORIES = 30 };

static const limiter_call *first, *second;
static int answers[2];
static long pauses;

typedef struct seen { int answers[2]; limiter_picture picture; } seen;

static void run_first(void *world) { answers[0] = first->run(world); }
static void run_second(void *world) { answers[1] = second->run(world); }

static int64_t latest(void) { return first->later > second->later ? first->later : second->later; }

static seen look_back(void) {
    seen s = {{answers[0], answers[1]}, limiter_look(&limiter, latest())};
    return s;
}

static seen one_order(const limiter_world *start, bool second_first) {
    limiter = *start;
    if (second_first) run_second(&limiter);
    run_first(&limiter);
    if (!second_first) run_second(&limiter);
    return look_back();
}

/* As if the second, whose clock is behind, had come that much later: at the first's time, the newest that it
 * may see; or, to a log, an era before it. */
static seen second_caught_up(const limiter_world *start, uint64_t by) {
    limiter = *start;
    limiter.now += by;
    run_second(&limiter);
    limiter.now -= by;
    run_first(&limiter);
    return look_back();
}

static bool answers_alike(const seen *a, const seen *b) {
    return a->answers[0] == b->answers[0] && a->answers[1] == b->answers[1];
}

static bool alike(const seen *a, const seen *b) {
    return answers_alike(a, b) && memcmp(&a->picture, &b->picture, sizeof a->picture) == 0;
}

/* No more granted than in that order, and no more shown to be there for what was granted. */
static bool is_stricter(const seen *got, const seen *order) {
    const uint64_t *g = got->picture.number, *o = order->picture.number;
    for (unsigned i = 0; i < 2; i++)
        if (got->answers[i] != order->answers[i] && got->answers[i] != TRIFUSE_REFUSED_RATE_LIMITED) return false;
    return g[TOKENS] <= o[TOKENS] && g[AVAILABLE] + g[TOKENS] <= o[AVAILABLE] + o[TOKENS];
}

enum { FIRST_FIRST, SECOND_FIRST, CAUGHT_UP, ALMOST, ORDERS };
static seen orders[ORDERS];

static void all_orders(const limiter_world *start) {
    uint64_t behind = first->later > second->later ? (uint64_t)(first->later - second->later) : 0, era = 1ULL << 56;
    orders[FIRST_FIRST] = one_order(start, false);
    orders[SECOND_FIRST] = one_order(start, true);
    orders[CAUGHT_UP] = second_caught_up(start, behind);
    orders[ALMOST] = second_caught_up(start, behind > era ? behind - era : behind);
}

static bool is_allowed(const seen *got) {
    for (unsigned i = 0; i < ORDERS; i++)
        if (alike(got, &orders[i])) return true;
    bool cancels = strcmp(first->name, "cancel") == 0 || strcmp(second->name, "cancel") == 0;
    for (unsigned i = 0; i < ORDERS && (limiter.kind == LOG || cancels); i++)
        if (is_stricter(got, &orders[i])) return true;
    return false;
}

static void print_difference(const seen *got) {
    const seen *one = &orders[FIRST_FIRST], *other = &orders[SECOND_FIRST];
    fprintf(stderr, "   answers %d %d, not %d %d or %d %d\n", got->answers[0], got->answers[1], one->answers[0],
            one->answers[1], other->answers[0], other->answers[1]);
    for (unsigned i = 0; i < NUMBERS; i++)
        fprintf(stderr, "   number %u: %" PRIu64 ", not %" PRIu64 " or %" PRIu64 "\n", i, got->picture.number[i],
                one->picture.number[i], other->picture.number[i]);
}

/* What is held, and cancelled, is the world's and no part of the limiter. */
static bool are_apart(void) {
    static const char hold[] = "reserve and hold", cancel[] = "cancel";
    return (strcmp(first->name, hold) == 0 && strcmp(second->name, cancel) == 0) ||
           (strcmp(first->name, cancel) == 0 && strcmp(second->name, hold) == 0);
}

static void pause_everywhere(const limiter_world *start) {
    all_orders(start);
    for (long k = 1;; k++) {
        limiter = *start;
        if (!steps_pause(k, run_first, run_second, &limiter)) return;
        pauses++;
        seen got = look_back();
        bool is_one_of_the_orders = is_allowed(&got);
        if (!CHECK(is_one_of_the_orders)) {
            fprintf(stderr, "  %s: %s paused at step %ld by %s\n", limiter_names[start->kind], first->name, k,
                    second->name);
            print_difference(&got);
        }
        bool goes_on = limiter_goes_on(&limiter, latest());
        if (!CHECK(goes_on)) return;
    }
}

static void a_paused_call_and_another_are_as_if_one_had_come_first(void) {
    static limiter_world start;
    for (uint32_t kind = 0; kind < LIMITERS; kind++)
        for (unsigned length = 0; length < HISTORIES && checks_failed < 20; length++) {
            limiter_begin(&start, kind, length * 2);
            for (first = limiter_calls(kind); first->name; first++)
                for (second = limiter_calls(kind); second->name; second++)
                    if (!are_apart()) pause_everywhere(&start);
        }
    CHECK(pauses > 10000);
}

int main(void) {
    RUN(a_paused_call_and_another_are_as_if_one_had_come_first);
    printf("%ld pauses\n", pauses);
    return check_summary();
}
