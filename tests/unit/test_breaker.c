/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Admission, outcomes, rules, permits; the snapshot. */
#include "support.h"

static void arguments_that_make_no_sense_are_refused(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    uint64_t permit = 7;
    trifuse_breaker_event event = blank_event();
    CHECK_EQ(trifuse_breaker_try_acquire(NULL, START, &permit, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_try_acquire(b, START, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    event.struct_size = 8;
    CHECK_EQ(trifuse_breaker_try_acquire(b, START, &permit, &event), TRIFUSE_ERROR_STRUCT_SIZE);
    event.struct_size = 20;
    CHECK_EQ(trifuse_breaker_try_acquire(b, START, &permit, &event), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(permit, 7);
    permit = admit(b, START);
    CHECK_EQ(trifuse_breaker_report(NULL, permit, 0, 0, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_report(b, 0, 0, 0, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_report(b, permit, 4, 0, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_report(b, permit, 0, 0, START, &event), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_breaker_renew(NULL, permit, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_renew(b, 0, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_reenter(NULL, permit), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_state(NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_generation(NULL), 0);
    CHECK_EQ(picture(b, START).calls, 0);
}

static void closed_admits_and_counts(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    succeed(b, START, 3);
    fail(b, START, 1);
    calls_at(b, START, 1, TRIFUSE_OUTCOME_TIMEOUT, 0);
    calls_at(b, START, 2, TRIFUSE_OUTCOME_IGNORED, 0);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.window_total == 5 && s.window_failed == 2 && s.consecutive_failures == 2);
    CHECK(s.calls == 5 && s.successes == 3 && s.failures == 2 && s.timeouts == 1 && s.ignored == 2);
    CHECK(s.failure_rate > 0.39 && s.failure_rate < 0.41 && s.state == TRIFUSE_STATE_CLOSED);
    CHECK_EQ(s.last_failure_ns, START);
}

static void the_rate_must_exceed_the_threshold(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    succeed(b, START, 2);
    fail(b, START, 2);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_CLOSED);
    uint64_t permit = admit(b, START);
    trifuse_breaker_event event = blank_event();
    CHECK_EQ(trifuse_breaker_report(b, permit, TRIFUSE_OUTCOME_FAILURE, 0, START, &event), TRIFUSE_OK);
    CHECK(event.flags == TRIFUSE_EVENT_TRANSITION && event.from == TRIFUSE_STATE_CLOSED && event.to == TRIFUSE_STATE_OPEN);
    CHECK(event.cause == TRIFUSE_CAUSE_FAILURE_RATE && event.generation == 2 && event.at_ns == START);
    CHECK(event.window_total == 5 && event.window_failed == 3 && event.open_until_ns == START + 30 * SECOND);
}

static void a_success_may_be_the_call_that_reaches_the_minimum(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    fail(b, START, 3);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_CLOSED);
    succeed(b, START, 1);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_OPEN);
}

static uint32_t cause_after(const trifuse_breaker_config *c, unsigned successes, unsigned failures, unsigned slow) {
    trifuse_breaker *b = breaker_of(c);
    succeed(b, START, successes);
    calls_at(b, START, slow, TRIFUSE_OUTCOME_SUCCESS, 2 * SECOND);
    for (unsigned i = 0; i < failures; i++) {
        CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_CLOSED);
        fail(b, START, 1);
    }
    return picture(b, START).cause;
}

static void each_rule_opens_by_itself(void) {
    trifuse_breaker_config c = small_config();
    c.failure_rate_threshold = 1;
    CHECK_EQ(cause_after(&c, 0, 50, 0), TRIFUSE_CAUSE_NONE);
    c.consecutive_failures = 3;
    CHECK_EQ(cause_after(&c, 50, 3, 0), TRIFUSE_CAUSE_CONSECUTIVE);
    c.failure_count_threshold = 3;
    CHECK_EQ(cause_after(&c, 50, 3, 0), TRIFUSE_CAUSE_FAILURE_COUNT);
    c.failure_count_threshold = c.consecutive_failures = 0;
    c.slow_call_rate_threshold = 0.5;
    CHECK_EQ(cause_after(&c, 0, 0, 9), TRIFUSE_CAUSE_NONE);
    c.slow_call_duration_ns = SECOND;
    CHECK_EQ(cause_after(&c, 2, 0, 3), TRIFUSE_CAUSE_SLOW_RATE);
    CHECK_EQ(cause_after(&c, 3, 0, 3), TRIFUSE_CAUSE_NONE);
    c.failure_rate_threshold = 0.5;
    CHECK_EQ(cause_after(&c, 0, 4, 0), TRIFUSE_CAUSE_FAILURE_RATE);
}

static void minimum_calls_is_at_most_the_count_window(void) {
    trifuse_breaker_config c = small_config();
    c.window_kind = TRIFUSE_WINDOW_COUNT;
    c.window_count = 3;
    CHECK_EQ(cause_after(&c, 0, 3, 0), TRIFUSE_CAUSE_FAILURE_RATE);
    c.window_count = 1;
    CHECK_EQ(cause_after(&c, 5, 1, 0), TRIFUSE_CAUSE_FAILURE_RATE);
}

static void a_permit_of_another_generation_is_late(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    uint64_t permit = admit(b, START);
    CHECK_EQ(trifuse_breaker_reenter(b, permit), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_renew(b, permit, START), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_reset(b, START, NULL), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_reenter(b, permit), TRIFUSE_STALE);
    CHECK_EQ(trifuse_breaker_renew(b, permit, START), TRIFUSE_LATE);
    for (uint32_t outcome = 0; outcome <= TRIFUSE_OUTCOME_IGNORED; outcome++)
        CHECK_EQ(outcome_of(b, permit, outcome, START), TRIFUSE_LATE);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.late_results == 4 && s.calls == 0 && s.ignored == 0 && s.window_total == 0);
}

static void an_invented_permit_counts_at_worst_as_one_outcome(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    uint64_t permit = admit(b, START);
    CHECK_EQ(outcome_of(b, permit | 1, 0, START), TRIFUSE_LATE);
    CHECK_EQ(outcome_of(b, permit | 1ULL << 22, 0, START), TRIFUSE_LATE);
    CHECK_EQ(outcome_of(b, permit ^ 1ULL << 24, 0, START), TRIFUSE_LATE);
    CHECK_EQ(trifuse_breaker_renew(b, permit | 1ULL << 22, START), TRIFUSE_LATE);
    CHECK_EQ(trifuse_breaker_renew(b, permit | 1, START), TRIFUSE_LATE);
    CHECK_EQ(trifuse_breaker_reenter(b, permit | 1ULL << 22), TRIFUSE_STALE);
    CHECK_EQ(picture(b, START).late_results, 3);
}

static void forced_open_refuses_and_disabled_admits_without_a_trace(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    uint64_t permit = admit(b, START), wait;
    CHECK_EQ(trifuse_breaker_force_open(b, START, NULL), TRIFUSE_OK);
    CHECK_EQ(ask(b, START, &wait), TRIFUSE_REFUSED_FORCED_OPEN);
    CHECK_EQ(wait, TRIFUSE_NEVER);
    CHECK_EQ(outcome_of(b, permit, 0, START), TRIFUSE_LATE);
    CHECK_EQ(trifuse_breaker_reenter(b, permit), TRIFUSE_STALE);
    CHECK_EQ(trifuse_breaker_disable(b, START, NULL), TRIFUSE_OK);
    fail(b, START, 50);
    CHECK_EQ(outcome_of(b, permit, 0, START), TRIFUSE_OK);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.refused_forced_open == 1 && s.late_results == 1 && s.calls == 0 && s.window_total == 0);
}

/* A permit can only be of an OPEN generation if somebody invents it. */
static void no_permit_is_of_a_state_that_refuses(void) {
    trifuse_breaker_config c = small_config();
    c.initial_state = TRIFUSE_STATE_FORCED_OPEN;
    trifuse_breaker *b = breaker_of(&c);
    uint64_t permit = 1ULL << 36 | 1ULL << 23;
    for (uint64_t salt = 0; salt < 4096; salt++)
        CHECK_EQ(outcome_of(b, permit | salt << 24, 0, START), TRIFUSE_LATE);
    for (uint64_t salt = 0; salt < 4096; salt++) CHECK_EQ(trifuse_breaker_reenter(b, permit | salt << 24), TRIFUSE_STALE);
    CHECK_EQ(picture(b, START).late_results, 4096);
}

static void metrics_only_counts_what_would_have_opened(void) {
    trifuse_breaker_config c = small_config();
    c.initial_state = TRIFUSE_STATE_METRICS_ONLY;
    trifuse_breaker *b = breaker_of(&c);
    fail(b, START, 3);
    uint64_t permit = admit(b, START);
    trifuse_breaker_event event = blank_event();
    CHECK_EQ(trifuse_breaker_report(b, permit, TRIFUSE_OUTCOME_FAILURE, 0, START, &event), TRIFUSE_OK);
    CHECK(event.flags && event.from == TRIFUSE_STATE_METRICS_ONLY && event.to == TRIFUSE_STATE_METRICS_ONLY);
    CHECK_EQ(event.cause, TRIFUSE_CAUSE_FAILURE_RATE);
    fail(b, START, 2);
    CHECK_EQ(picture(b, START).would_have_opened, 1);
    succeed(b, START, 10);
    fail(b, START, 20);
    CHECK_EQ(picture(b, START).would_have_opened, 2);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_METRICS_ONLY);
}

static void an_event_is_filled_as_far_as_it_reaches(void) {
    struct { trifuse_breaker_event e; uint64_t tail; } longer;
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    memset(&longer, 0xFF, sizeof longer);
    longer.e.struct_size = sizeof longer;
    CHECK_EQ(trifuse_breaker_trip(b, START, 0, &longer.e), TRIFUSE_OK);
    CHECK(longer.tail == 0 && longer.e.to == TRIFUSE_STATE_OPEN && longer.e.reserved == 0);
    memset(&longer, 0xFF, sizeof longer);
    longer.e.struct_size = 24;
    CHECK_EQ(trifuse_breaker_reset(b, START, &longer.e), TRIFUSE_OK);
    CHECK(longer.e.from == TRIFUSE_STATE_OPEN && longer.e.cause == UINT32_MAX);
}

static void a_snapshot_is_filled_as_far_as_it_reaches(void) {
    struct { trifuse_breaker_snapshot s; uint64_t tail; } longer;
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    memset(&longer, 0xFF, sizeof longer);
    longer.s.struct_size = sizeof longer;
    CHECK_EQ(trifuse_breaker_get_snapshot(b, 0, &longer.s), TRIFUSE_OK);
    CHECK(longer.tail == 0 && longer.s.generation == 1);
    memset(&longer, 0xFF, sizeof longer);
    longer.s.struct_size = 16;
    CHECK_EQ(trifuse_breaker_get_snapshot(b, START, &longer.s), TRIFUSE_OK);
    CHECK(longer.s.state == TRIFUSE_STATE_CLOSED && longer.s.generation == UINT64_MAX);
    longer.s.struct_size = 4;
    CHECK_EQ(trifuse_breaker_get_snapshot(b, START, &longer.s), TRIFUSE_ERROR_STRUCT_SIZE);
    longer.s.struct_size = 20;
    CHECK_EQ(trifuse_breaker_get_snapshot(b, START, &longer.s), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_breaker_get_snapshot(NULL, START, &longer.s), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_get_snapshot(b, START, NULL), TRIFUSE_ERROR_ARGUMENT);
}

static void the_clock_is_read_where_no_time_is_given(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = NULL;
    uint64_t before = trifuse_now_ns();
    CHECK_EQ(trifuse_breaker_init(breaker_memory, sizeof breaker_memory, &c, 0, NULL, &b), TRIFUSE_OK);
    succeed(b, 0, 2);
    fail(b, 0, 3);
    uint64_t after = trifuse_now_ns();
    trifuse_breaker_snapshot s = picture(b, 0);
    CHECK(s.since_ns >= before && s.since_ns <= after && s.last_failure_ns >= before && s.last_failure_ns <= after);
    CHECK(s.open_until_ns >= before + 30 * SECOND && s.open_until_ns <= after + 30 * SECOND + 1000);
}

/* 2^32 transitions take too long: the words that count them are written. */
static void a_count_of_transitions_does_not_wrap(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    CHECK_EQ(trifuse_breaker_trip(b, START, 0, NULL), TRIFUSE_OK);
    for (unsigned i = 47; i < 60; i++) {
        if (breaker_memory[i] == 1) breaker_memory[i] = UINT32_MAX;
        if (breaker_memory[i] == 1ULL << 32) breaker_memory[i] = (uint64_t)UINT32_MAX << 32;
    }
    CHECK_EQ(trifuse_breaker_close(b, START, NULL), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_trip(b, START, 0, NULL), TRIFUSE_OK);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK_EQ(s.transitions[TRIFUSE_STATE_CLOSED][TRIFUSE_STATE_OPEN], UINT32_MAX);
    CHECK_EQ(s.transitions[TRIFUSE_STATE_OPEN][TRIFUSE_STATE_CLOSED], 1);
}

int main(void) {
    RUN(arguments_that_make_no_sense_are_refused);
    RUN(closed_admits_and_counts);
    RUN(the_rate_must_exceed_the_threshold);
    RUN(a_success_may_be_the_call_that_reaches_the_minimum);
    RUN(each_rule_opens_by_itself);
    RUN(minimum_calls_is_at_most_the_count_window);
    RUN(a_permit_of_another_generation_is_late);
    RUN(an_invented_permit_counts_at_worst_as_one_outcome);
    RUN(forced_open_refuses_and_disabled_admits_without_a_trace);
    RUN(no_permit_is_of_a_state_that_refuses);
    RUN(metrics_only_counts_what_would_have_opened);
    RUN(an_event_is_filled_as_far_as_it_reaches);
    RUN(a_snapshot_is_filled_as_far_as_it_reaches);
    RUN(a_count_of_transitions_does_not_wrap);
    RUN(the_clock_is_read_where_no_time_is_given);
    return check_summary();
}
