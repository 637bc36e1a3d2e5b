/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Real threads on one breaker, in virtual time: no update is lost, no probe is one too many, every change
 * is told once. A run in which the threads never met fails. */
#include "stress.h"

static trifuse_breaker *b;
static _Atomic(uint64_t) clock_ns;
static trifuse_breaker_config shapes[2];

/* A time of this breaker's clock, now and then a little old. */
static uint64_t a_time(runner *r, uint64_t step) {
    uint64_t now = atomic_fetch_add(&clock_ns, step);
    return next_random(&r->seed) % 16 == 0 ? now - SECOND : now;
}

static void one_report(runner *r, uint64_t step, trifuse_breaker_event *event) {
    uint64_t permit, now = a_time(r, step), x = next_random(&r->seed);
    int asked = trifuse_breaker_try_acquire(b, now, &permit, event);
    r->told += event && event->flags;
    if (asked != TRIFUSE_OK) return;
    uint32_t outcome = x % 3 == 0 ? TRIFUSE_OUTCOME_FAILURE : TRIFUSE_OUTCOME_SUCCESS;
    uint64_t duration = x % 5 == 0 ? 2 * SECOND : 0;
    int result = trifuse_breaker_report(b, permit, outcome, duration, now, event);
    r->reports++;
    r->late += result == TRIFUSE_LATE;
    r->failures += result == TRIFUSE_OK && outcome == TRIFUSE_OUTCOME_FAILURE;
    r->told += event && event->flags;
}

static void report_much(runner *r) {
    for (unsigned i = 0; i < 10000 * TIMES; i++) one_report(r, SECOND / 500, NULL);
}

static void no_report_is_lost(trifuse_breaker_config *c) {
    c->initial_state = TRIFUSE_STATE_METRICS_ONLY;
    b = fresh_breaker(c);
    atomic_store(&clock_ns, START);
    uint64_t met = swaps_failed;
    runner all = run_together(report_much);
    trifuse_breaker_snapshot s = picture(b, clock_ns);
    CHECK(swaps_failed > met);
    CHECK_EQ(s.calls, all.reports);
    CHECK_EQ(s.failures, all.failures);
    CHECK_EQ(s.late_results, 0);
    CHECK(s.window_total <= s.calls && s.window_failed <= s.window_total);
}

static void no_report_is_lost_in_a_time_window(void) {
    trifuse_breaker_config c = busy_config();
    no_report_is_lost(&c);
}

static void no_report_is_lost_in_a_window_of_one_bucket(void) {
    trifuse_breaker_config c = busy_config();
    c.window_buckets = 1;
    c.window_duration_ns = SECOND / 10;
    no_report_is_lost(&c);
}

static void no_report_is_lost_in_a_count_window(void) {
    trifuse_breaker_config c = busy_config();
    c.window_kind = TRIFUSE_WINDOW_COUNT;
    no_report_is_lost(&c);
    CHECK_EQ(picture(b, clock_ns).window_total, 100);
}

static void reset_now_and_then(runner *r) {
    for (unsigned i = 0; i < 10000 * TIMES; i++) {
        trifuse_breaker_event event = {.struct_size = sizeof event};
        if (r->number == 0 && i % 20 == 0) {
            (void)trifuse_breaker_reset(b, clock_ns, &event);
            r->told += event.flags;
        } else {
            one_report(r, 1000, &event);
        }
    }
}

static void resets_lose_nothing(void) {
    for (unsigned kind = 0; kind < 2; kind++) {
        trifuse_breaker_config c = busy_config();
        c.window_kind = kind;
        c.failure_rate_threshold = 1;
        b = fresh_breaker(&c);
        uint64_t met = swaps_failed;
        runner all = run_together(reset_now_and_then);
        trifuse_breaker_snapshot s = picture(b, clock_ns);
        CHECK(swaps_failed > met && all.late > 0);
        CHECK_EQ(s.calls + s.late_results, all.reports);
        CHECK_EQ(s.failures, all.failures);
        CHECK_EQ(s.late_results, all.late);
        CHECK_EQ(s.generation, 1 + all.told);
        CHECK_EQ(s.generation, 1 + 500 * TIMES);
    }
}

static void reshape_now_and_then(runner *r) {
    for (unsigned i = 0; i < 10000 * TIMES; i++) {
        if (r->number < 2 && i % 50 == 0)
            CHECK_EQ(trifuse_breaker_reconfigure(b, &shapes[(i / 50 + r->number) % 2], clock_ns, NULL), TRIFUSE_OK);
        if (r->number == 2 && i % 16 == 0) CHECK(picture(b, clock_ns).calls <= 4 * 10000 * TIMES);
        one_report(r, 1000, NULL);
    }
}

static void new_shapes_lose_nothing(void) {
    shapes[0] = shapes[1] = busy_config();
    shapes[0].failure_rate_threshold = shapes[1].failure_rate_threshold = 1;
    shapes[1].window_kind = TRIFUSE_WINDOW_COUNT;
    for (unsigned round = 0; round < 2; round++) {
        b = fresh_breaker(&shapes[0]);
        uint64_t met = swaps_failed;
        runner all = run_together(reshape_now_and_then);
        trifuse_breaker_snapshot s = picture(b, clock_ns);
        CHECK(swaps_failed > met);
        CHECK(s.calls == all.reports && s.failures == all.failures && s.late_results == 0 && s.generation == 1);
        shapes[1].window_kind = TRIFUSE_WINDOW_TIME;
        shapes[1].window_buckets = 64;
    }
}

static void ask_250_times(runner *r) {
    for (unsigned i = 0; i < 1000 / THREADS; i++) {
        uint64_t permit;
        trifuse_breaker_event event = {.struct_size = sizeof event};
        r->admitted += trifuse_breaker_try_acquire(b, START + 40 * SECOND, &permit, &event) == TRIFUSE_OK;
        r->told += event.flags;
    }
}

static void of_1000_arrivals_exactly_so_many_are_probes(void) {
    uint64_t met = swaps_failed;
    for (unsigned round = 0; round < 20 * TIMES || (swaps_failed == met && round < 5000); round++) {
        trifuse_breaker_config c = busy_config();
        c.half_open_max_calls = 1 + round % 64;
        b = fresh_breaker(&c);
        CHECK_EQ(trifuse_breaker_trip(b, START, 0, NULL), TRIFUSE_OK);
        runner all = run_together(ask_250_times);
        CHECK_EQ(all.admitted, c.half_open_max_calls);
        CHECK_EQ(all.told, 1);
        trifuse_breaker_snapshot s = picture(b, START + 40 * SECOND);
        CHECK(s.probes_in_flight == c.half_open_max_calls && s.refused_half_open_limit == 1000 - all.admitted);
    }
    CHECK(swaps_failed > met);
}

static void live_through_all_states(runner *r) {
    for (unsigned i = 0; i < 10000 * TIMES; i++) {
        trifuse_breaker_event event = {.struct_size = sizeof event};
        one_report(r, SECOND / 20, &event);
        CHECK(picture(b, clock_ns).probes_in_flight <= 5);
    }
}

static void every_change_of_state_is_told_once(void) {
    trifuse_breaker_config c = busy_config();
    c.failure_rate_threshold = 0.3;
    c.success_threshold = 3;
    b = fresh_breaker(&c);
    atomic_store(&clock_ns, START);
    uint64_t met = swaps_failed;
    runner all = run_together(live_through_all_states);
    trifuse_breaker_snapshot s = picture(b, clock_ns);
    uint64_t changes = 0;
    for (unsigned i = 0; i < 36; i++) changes += s.transitions[i / 6][i % 6];
    CHECK(swaps_failed > met && changes > 20);
    CHECK_EQ(s.generation, 1 + changes);
    CHECK_EQ(s.calls + s.late_results, all.reports);
    CHECK_EQ(s.late_results, all.late);
    CHECK_EQ(all.told, changes);
}

int main(void) {
    RUN(no_report_is_lost_in_a_time_window);
    RUN(no_report_is_lost_in_a_window_of_one_bucket);
    RUN(no_report_is_lost_in_a_count_window);
    RUN(resets_lose_nothing);
    RUN(new_shapes_lose_nothing);
    RUN(of_1000_arrivals_exactly_so_many_are_probes);
    RUN(every_change_of_state_is_told_once);
    printf("%" PRIu64 " swaps failed for another\n", (uint64_t)swaps_failed);
    return check_summary();
}
