/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One call, paused before any read or write, while another runs from start to end: for all pairs of
 * calls, in every state, at every step, the other coming at the same time, in a later bucket or a window
 * later. What both answer and what is left behind is what one of the two orders would have given. Where
 * a call is several acts and another may come between, the promises are checked one by one. */
#include "aftermath.h"
#include "check.h"
#include "steps.h"

#include <stdlib.h>

typedef struct told { uint32_t from, to, cause; uint64_t generation; } told;

typedef struct outcome {
    int result[2];
    told event[2];
    _Alignas(64) uint64_t memory[sizeof the_world.memory / 8];
    aftermath seen;
} outcome;

static const operation *first, *second;
static uint64_t second_later;
static outcome now_seen, orders[2];
static long pauses;

static void run_one(world *w, unsigned who) {
    const operation *o = who ? second : first;
    trifuse_breaker_event event = blank_event();
    now_seen.result[who] = o->run(w, who, w->now + (who ? second_later : 0), &event);
    if (event.flags)
        now_seen.event[who] = (told){event.from, event.to, event.cause, event.generation};
}

static void run_first(void *w) { run_one(w, 0); }
static void run_second(void *w) { run_one(w, 1); }

static void begin(const world *before) {
    the_world = *before;
    memset(&now_seen, 0, sizeof now_seen);
}

static void look_back(outcome *o) {
    memcpy(now_seen.memory, the_world.memory, sizeof now_seen.memory);
    aftermath_of(&the_world, the_world.now + second_later, &now_seen.seen);
    *o = now_seen;
}

static void both_orders(const world *before) {
    for (unsigned order = 0; order < 2; order++) {
        begin(before);
        run_one(&the_world, order);
        run_one(&the_world, !order);
        look_back(&orders[order]);
    }
}

/* Who of the two is told of a change does not matter, that it is told once does. */
static bool told_alike(const outcome *a, const outcome *b) {
    return memcmp(a->event, b->event, sizeof a->event) == 0 ||
           (memcmp(&a->event[0], &b->event[1], sizeof(told)) == 0 &&
            memcmp(&a->event[1], &b->event[0], sizeof(told)) == 0);
}

static bool answers_alike(const outcome *a, const outcome *b) {
    return a->result[0] == b->result[0] && a->result[1] == b->result[1] && told_alike(a, b);
}

static bool bytes_alike(const outcome *o) {
    return answers_alike(&now_seen, o) && memcmp(the_world.memory, o->memory, sizeof o->memory) == 0;
}

/* Two reports may reach the window in one order, the run and the sums, words of their own, in the other. */
static bool windows_alike(const outcome *a, const outcome *b) {
    trifuse_breaker_snapshot x = a->seen.picture[0], y = b->seen.picture[0];
    x.consecutive_failures = y.consecutive_failures = 0;
    x.cusum_s = x.slow_cusum_s = y.cusum_s = y.slow_cusum_s = 0;
    return memcmp(&x, &y, sizeof x) == 0;
}

static bool alike(const outcome *a, const outcome *b) {
    if (!answers_alike(a, b)) return false;
    bool reports = first->kind == REPORTS && second->kind == REPORTS;
    return reports ? windows_alike(a, b) : aftermath_equal(&a->seen, &b->seen);
}

static bool is_told(told t) { return t.generation != 0; }

static bool changes_state(told t) {
    return is_told(t) && !(t.from == TRIFUSE_STATE_METRICS_ONLY && t.to == TRIFUSE_STATE_METRICS_ONLY);
}

/* Whether the first call is several acts: a report while the state changes (in time, recorded, judged),
 * an opening (the state, then its deadline), a probe (the state, the lease, then its end), a new
 * configuration (field by field). */
static bool first_is_several_acts(void) {
    bool changes = false, moves = false;
    for (unsigned i = 0; i < 4; i++) {
        told t = orders[i / 2].event[i % 2];
        changes |= is_told(t);
        moves |= i % 2 == 0 && is_told(t);
    }
    if (first->kind == REPORTS) return changes || second->kind == CONFIGURES;
    if (first->kind == CONFIGURES) return second->kind == REPORTS;
    if (first->kind == ASKS) return moves || second_later != 0;
    return first->kind == STEERS && second_later != 0;
}

static uint64_t outcomes_in(const trifuse_breaker_snapshot *p) { return p->calls + p->ignored + p->late_results; }

/* Promises of any interleaving, whatever the order. */
static bool promises_hold(const outcome *got, const trifuse_breaker_snapshot *start) {
    const trifuse_breaker_snapshot *end = &got->seen.picture[0];
    uint64_t reports = outcomes_in(&orders[0].seen.picture[0]) - outcomes_in(start);
    unsigned changes = changes_state(got->event[0]) + changes_state(got->event[1]);
    bool all = CHECK_EQ(end->generation - start->generation, changes);
    all &= CHECK(!changes_state(got->event[0]) || got->event[0].generation != got->event[1].generation);
    if (end->state != TRIFUSE_STATE_DISABLED) all &= CHECK_EQ(outcomes_in(end) - outcomes_in(start), reports);
    uint64_t late = (uint64_t)(got->result[0] == TRIFUSE_LATE) + (got->result[1] == TRIFUSE_LATE);
    all &= CHECK_EQ(end->late_results - start->late_results, late);
    all &= CHECK(end->probes_in_flight <= PROBES);
    all &= CHECK(end->state != TRIFUSE_STATE_OPEN || end->open_until_ns != TRIFUSE_NEVER);
    if (end->generation != start->generation && end->state == TRIFUSE_STATE_CLOSED)
        all &= CHECK(end->window_total <= 1);
    return all;
}

static bool is_allowed(const outcome *got, const trifuse_breaker_snapshot *start) {
    if (alike(got, &orders[0]) || alike(got, &orders[1])) return true;
    return first_is_several_acts() && promises_hold(got, start);
}

static void print_difference(const outcome *got, unsigned order) {
    const outcome *want = &orders[order];
    fprintf(stderr, "   %s first: results %d %d, not %d %d; told %u>%u %u>%u, not %u>%u %u>%u\n",
            order ? second->name : first->name, got->result[0], got->result[1], want->result[0],
            want->result[1], got->event[0].from, got->event[0].to, got->event[1].from, got->event[1].to,
            want->event[0].from, want->event[0].to, want->event[1].from, want->event[1].to);
    aftermath_print(&got->seen, &want->seen);
}

static void pause_everywhere(const char *where, const world *before) {
    static outcome got;
    begin(before);
    trifuse_breaker_snapshot start = picture(the_world.b, the_world.now);
    both_orders(before);
    for (long k = 1;; k++) {
        begin(before);
        if (!steps_pause(k, run_first, run_second, &the_world)) break;
        pauses++;
        if (bytes_alike(&orders[0]) || bytes_alike(&orders[1])) continue;
        look_back(&got);
        bool is_one_of_the_orders = is_allowed(&got, &start);
        if (CHECK(is_one_of_the_orders)) continue;
        if (checks_failed > 20) continue;
        fprintf(stderr, "  %s: %s paused at step %ld by %s +%.1f s\n", where, first->name, k, second->name,
                (double)second_later / 1e9);
        print_difference(&got, 0);
        print_difference(&got, 1);
    }
}

/* Steering touches no sum and no bucket: one kind of window and two times are enough for it. */
static bool adds_something(const operation *a, const operation *b, window kind, uint64_t later) {
    bool steers = a->kind == STEERS && b->kind == STEERS;
    if (kind >= BY_CUSUM && a->kind != REPORTS && b->kind != REPORTS) return false;
    return (kind == BY_TIME && later != SECOND) || !steers;
}

/* Two new configurations may mix; calls that are several are compared with a reader only. */
static bool are_comparable(const operation *a, const operation *b) {
    if (a->kind == SEVERAL || (b->kind == SEVERAL && a->kind != READS)) return false;
    return a->kind != CONFIGURES || b->kind != CONFIGURES;
}

static void all_pairs(const scene *at, window kind) {
    static const uint64_t later[] = {0, SECOND, 100 * SECOND};
    static world before;
    scene_begin(&the_world, at, kind);
    before = the_world;
    for (size_t a = 0; a < operation_count; a++)
        for (size_t b = 0; b < operation_count; b++)
            for (size_t l = 0; l < sizeof later / sizeof later[0]; l++) {
                if (!are_comparable(&operations[a], &operations[b])) continue;
                first = &operations[a];
                second = &operations[b];
                second_later = later[l];
                if (adds_something(first, second, kind, second_later)) pause_everywhere(at->name, &before);
            }
}

static void a_paused_call_and_another_are_as_if_one_had_come_first(void) {
    for (size_t s = 0; s < scene_count; s++)
        for (unsigned kind = 0; kind < WINDOWS; kind++) all_pairs(&scenes[s], (window)kind);
}

static const operation *named(const char *name) {
    size_t o = 0;
    while (strcmp(operations[o].name, name) != 0) o++;
    return &operations[o];
}

static const scene *scene_named(const char *name) {
    size_t s = 0;
    while (strcmp(scenes[s].name, name) != 0) s++;
    return &scenes[s];
}

static bool only_two_failures(void) {
    trifuse_breaker_snapshot p = picture(the_world.b, the_world.now);
    bool alone = p.window_total == 2 && p.window_failed == 2 && p.consecutive_failures == 2;
    alone &= p.window_slow == (the_world.kind < PLAIN_TIME);
    return alone && (the_world.kind != BY_CUSUM || (p.cusum_s == 2 && p.slow_cusum_s == 0));
}

static bool only_one_probe(void) {
    trifuse_breaker_snapshot p = picture(the_world.b, the_world.now);
    return p.state == TRIFUSE_STATE_HALF_OPEN && p.probe_successes == 1 && p.probe_failures == 0;
}

static void pause_by_a_new_generation(const world *before, bool (*is_alone)(void)) {
    for (long k = 1;; k++) {
        begin(before);
        if (!steps_pause(k, run_first, run_second, &the_world)) break;
        pauses++;
        if (!CHECK(is_alone())) fprintf(stderr, "  %s paused at step %ld\n", first->name, k);
    }
}

static void sleep_through(const char *what, bool (*is_alone)(void)) {
    static world before;
    second = named(what);
    second_later = 0;
    for (size_t s = 0; s < scene_count; s++)
        for (unsigned kind = 0; kind < WINDOWS; kind++) {
            scene_begin(&the_world, &scenes[s], (window)kind);
            before = the_world;
            for (size_t a = 0; a < operation_count; a++) {
                first = &operations[a];
                if (first->kind == REPORTS) pause_by_a_new_generation(&before, is_alone);
            }
        }
}

/* Its window, its run and its sums hold the two failures that came after the reset, nothing else. */
static void a_report_that_sleeps_through_a_reset_leaves_the_new_generation_alone(void) {
    sleep_through("reset and failures", only_two_failures);
}

static void a_report_that_sleeps_through_to_new_probes_leaves_them_alone(void) {
    sleep_through("another half-open", only_one_probe);
}

/* One call makes one change at most: who has moved OPEN on finds it OPEN again, its wait over, and is
 * refused with the advice to come at once. */
static void an_acquirer_makes_one_change_at_most(void) {
    static world before;
    long refused = 0;
    first = named("acquire");
    second = named("trip that is over");
    scene_begin(&the_world, scene_named("open, wait over"), BY_TIME);
    before = the_world;
    for (long k = 1;; k++) {
        begin(&before);
        if (!steps_pause(k, run_first, run_second, &the_world)) break;
        pauses++;
        bool moved = now_seen.event[0].to == TRIFUSE_STATE_HALF_OPEN;
        CHECK(now_seen.result[0] == TRIFUSE_OK || (moved && now_seen.result[0] == TRIFUSE_REFUSED_OPEN));
        refused += now_seen.result[0] == TRIFUSE_REFUSED_OPEN;
    }
    CHECK(refused > 0);
}

int main(void) {
    RUN(a_paused_call_and_another_are_as_if_one_had_come_first);
    RUN(a_report_that_sleeps_through_a_reset_leaves_the_new_generation_alone);
    RUN(a_report_that_sleeps_through_to_new_probes_leaves_them_alone);
    RUN(an_acquirer_makes_one_change_at_most);
    printf("%ld pauses\n", pauses);
    return check_summary();
}
