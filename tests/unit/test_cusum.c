/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The cusum detector: its design, its walk, its ageing. */
#include "support.h"

#include <math.h>

static trifuse_cusum_design solved(double tolerated, double outage, double every) {
    trifuse_cusum_design d;
    memset(&d, 0, sizeof d);
    d.struct_size = sizeof d;
    d.tolerated_rate = tolerated;
    d.outage_rate = outage;
    d.false_open_every = every;
    CHECK_EQ(trifuse_cusum_solve(&d, NULL), TRIFUSE_OK);
    return d;
}

static bool near(double got, double want, double off) { return fabs(got - want) <= off; }

static void the_defaults_are_solved_as_documented(void) {
    trifuse_cusum_design d = solved(0.3, 0.7, 1e6);
    CHECK(d.up == 1 && d.down == 1 && d.threshold == 15);
    CHECK(near(d.calls_to_false_open, 1.4e6, 0.1e6));
    CHECK(near(d.calls_to_detect_outage, 36, 2));
    CHECK(near(d.calls_to_detect_total, 15, 0));
    d = solved(0.05, 0.5, 1e7);
    CHECK(d.up == 7 && d.down == 2 && d.threshold == 44);
    CHECK(near(d.calls_to_detect_outage, 17.7, 0.05) && near(d.calls_to_detect_total, 7, 0));
}

static void a_threshold_that_one_failure_reaches_is_solved_too(void) {
    trifuse_cusum_design d = solved(0.3, 0.7, 1);
    CHECK_EQ(d.threshold, 1);
    CHECK(near(d.calls_to_false_open, 1 / 0.3, 1e-9));
    d = solved(0.01, 0.3, 50);
    CHECK(d.threshold <= d.up && near(d.calls_to_false_open, 100, 1e-9));
}

static int solve_result(double tolerated, double outage, double every, uint32_t field) {
    trifuse_cusum_design d;
    memset(&d, 0, sizeof d);
    d.struct_size = sizeof d;
    d.tolerated_rate = tolerated;
    d.outage_rate = outage;
    d.false_open_every = every;
    trifuse_config_error error = blank_error();
    int result = trifuse_cusum_solve(&d, &error);
    CHECK_EQ(error.field, field);
    CHECK_EQ(d.up, 0);
    return result;
}

static void wishes_outside_their_range_are_refused_by_name(void) {
    const uint32_t p0 = TRIFUSE_FIELD_TOLERATED_FAILURE_RATE, p1 = TRIFUSE_FIELD_OUTAGE_FAILURE_RATE;
    CHECK_EQ(solve_result(0.0005, 0.7, 100, p0), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(solve_result(0.995, 0.7, 100, p0), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(solve_result((double)NAN, 0.7, 100, p0), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(solve_result(0.3, 0.0005, 100, p1), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(solve_result(0.3, 0.995, 100, p1), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(solve_result(0.3, 0.3, 100, p1), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(solve_result(0.3, 0.7, 0.5, TRIFUSE_FIELD_FALSE_OPEN_EVERY), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(solve_result(0.3, 0.7, 2e15, TRIFUSE_FIELD_FALSE_OPEN_EVERY), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(trifuse_cusum_solve(NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    trifuse_cusum_design d = {.struct_size = 8};
    CHECK_EQ(trifuse_cusum_solve(&d, NULL), TRIFUSE_ERROR_STRUCT_SIZE);
}

static void pairs_without_a_design_are_refused_by_name(void) {
    const uint32_t p0 = TRIFUSE_FIELD_TOLERATED_FAILURE_RATE;
    CHECK_EQ(solve_result(0.499, 0.501, 1e15, p0), TRIFUSE_ERROR_CONFIG); /* more than 4096 levels */
    CHECK_EQ(solve_result(0.5, 0.5001, 1e15, p0), TRIFUSE_ERROR_CONFIG);  /* no step between them */
    CHECK_EQ(solve_result(0.001, 0.001000002, 100, p0), TRIFUSE_ERROR_CONFIG); /* up over 2048 */
    CHECK_EQ(solve_result(0.002, 0.002000002, 100, p0), TRIFUSE_ERROR_CONFIG); /* too many cells */
    CHECK_EQ(solve_result(0.97, 0.99, 100, p0), TRIFUSE_ERROR_CONFIG); /* no step fits */
}

static void a_breaker_without_a_design_is_not_made(void) {
    trifuse_breaker_config c = preset_config(TRIFUSE_PRESET_ADAPTIVE);
    c.tolerated_failure_rate = 0.5;
    c.outage_failure_rate = 0.5001;
    c.false_open_every = 1e15;
    trifuse_breaker *b = NULL;
    trifuse_config_error error = blank_error();
    CHECK_EQ(trifuse_breaker_new(&c, START, &error, &b), TRIFUSE_ERROR_CONFIG);
    CHECK(b == NULL && error.field == TRIFUSE_FIELD_TOLERATED_FAILURE_RATE);
    c = preset_config(TRIFUSE_PRESET_ADAPTIVE);
    c.slow_call_duration_ns = SECOND;
    c.tolerated_slow_rate = 0.6999;
    c.false_open_every = 1e15;
    CHECK_EQ(trifuse_breaker_new(&c, START, &error, &b), TRIFUSE_ERROR_CONFIG);
    CHECK(b == NULL && error.field == TRIFUSE_FIELD_TOLERATED_SLOW_RATE);
}

static void only_as_many_failures_as_the_design_says_open(void) {
    trifuse_breaker_config c = preset_config(TRIFUSE_PRESET_ADAPTIVE);
    trifuse_breaker *b = breaker_of(&c);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.cusum_up == 1 && s.cusum_down == 1 && s.cusum_threshold == 15);
    CHECK(near(s.cusum_calls_to_detect_total, 15, 0) && s.cusum_calls_to_detect_outage > 30);
    fail(b, START, 10);
    succeed(b, START, 3);
    CHECK_EQ(picture(b, START).cusum_s, 7);
    fail(b, START, 7);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_CLOSED);
    fail(b, START, 1);
    s = picture(b, START);
    CHECK(s.state == TRIFUSE_STATE_OPEN && s.cause == TRIFUSE_CAUSE_CUSUM && s.cusum_s == 15);
}

static void the_sum_never_falls_below_0(void) {
    trifuse_breaker_config c = preset_config(TRIFUSE_PRESET_ADAPTIVE);
    c.cusum_up = 2;
    c.cusum_down = 3;
    c.cusum_threshold = 9;
    trifuse_breaker *b = breaker_of(&c);
    succeed(b, START, 5);
    CHECK_EQ(picture(b, START).cusum_s, 0);
    fail(b, START, 1);
    succeed(b, START, 1);
    CHECK_EQ(picture(b, START).cusum_s, 0);
    fail(b, START, 4);
    CHECK_EQ(picture(b, START).cusum_s, 8);
    fail(b, START, 1);
    CHECK_EQ(picture(b, START).cusum_s, 9);
}

static void the_sum_is_halved_for_every_idle_decay(void) {
    trifuse_breaker_config c = preset_config(TRIFUSE_PRESET_ADAPTIVE);
    trifuse_breaker *b = breaker_of(&c);
    fail(b, START, 12);
    CHECK_EQ(picture(b, START + 59 * SECOND).cusum_s, 12);
    CHECK_EQ(picture(b, START + 61 * SECOND).cusum_s, 6);
    CHECK_EQ(picture(b, START + 125 * SECOND).cusum_s, 3);
    CHECK_EQ(picture(b, START + 3600 * SECOND).cusum_s, 0);
    CHECK_EQ(picture(b, START - 100 * SECOND).cusum_s, 12);
    c.cusum_idle_decay_ns = 0;
    CHECK_EQ(trifuse_breaker_reconfigure(b, &c, START, NULL), TRIFUSE_OK);
    CHECK_EQ(picture(b, START).cusum_s, 0); /* S of another time scale means nothing */
    fail(b, START, 12);
    CHECK_EQ(picture(b, START + 3600 * SECOND).cusum_s, 12);
}

static void slow_calls_have_a_sum_of_their_own(void) {
    trifuse_breaker_config c = preset_config(TRIFUSE_PRESET_ADAPTIVE);
    c.slow_call_duration_ns = SECOND;
    c.tolerated_slow_rate = 0.3;
    trifuse_breaker *b = breaker_of(&c);
    calls_at(b, START, 14, TRIFUSE_OUTCOME_SUCCESS, 2 * SECOND);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.slow_cusum_s == 14 && s.cusum_s == 0 && s.slow_cusum_threshold == 15);
    calls_at(b, START, 1, TRIFUSE_OUTCOME_SUCCESS, 2 * SECOND);
    s = picture(b, START);
    CHECK(s.state == TRIFUSE_STATE_OPEN && s.cause == TRIFUSE_CAUSE_SLOW_RATE);
}

static void another_design_sets_its_sum_to_0(void) {
    trifuse_breaker_config c = preset_config(TRIFUSE_PRESET_ADAPTIVE);
    trifuse_breaker *b = breaker_of(&c);
    fail(b, START, 5);
    c.open_duration_ns = SECOND;
    CHECK_EQ(trifuse_breaker_reconfigure(b, &c, START, NULL), TRIFUSE_OK);
    CHECK_EQ(picture(b, START).cusum_s, 5);
    c.false_open_every = 1000;
    CHECK_EQ(trifuse_breaker_reconfigure(b, &c, START, NULL), TRIFUSE_OK);
    CHECK(picture(b, START).cusum_s == 0 && picture(b, START).window_total == 5);
    c.detector = TRIFUSE_DETECTOR_RATE;
    CHECK_EQ(trifuse_breaker_reconfigure(b, &c, START, NULL), TRIFUSE_OK);
    CHECK(picture(b, START).cusum_threshold == 0 && picture(b, START).cusum_s == 0);
}

int main(void) {
    RUN(the_defaults_are_solved_as_documented);
    RUN(a_threshold_that_one_failure_reaches_is_solved_too);
    RUN(wishes_outside_their_range_are_refused_by_name);
    RUN(pairs_without_a_design_are_refused_by_name);
    RUN(a_breaker_without_a_design_is_not_made);
    RUN(only_as_many_failures_as_the_design_says_open);
    RUN(the_sum_never_falls_below_0);
    RUN(the_sum_is_halved_for_every_idle_decay);
    RUN(slow_calls_have_a_sum_of_their_own);
    RUN(another_design_sets_its_sum_to_0);
    return check_summary();
}
