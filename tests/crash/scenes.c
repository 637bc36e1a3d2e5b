/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "scenes.h"
#include "check.h"
#include "steps.h"

world the_world;
const char *const window_names[WINDOWS] = {"time", "count", "cusum", "plain time", "plain count"};

trifuse_breaker_config scene_config(window kind) {
    trifuse_breaker_config c;
    (void)trifuse_breaker_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT);
    c.window_kind = kind == BY_COUNT || kind == PLAIN_COUNT ? TRIFUSE_WINDOW_COUNT : TRIFUSE_WINDOW_TIME;
    c.window_buckets = 4;
    c.window_duration_ns = 4 * SECOND;
    c.window_count = 20;
    c.minimum_calls = 4;
    c.failure_rate_threshold = 0.5;
    if (kind < PLAIN_TIME) {
        c.slow_call_duration_ns = SECOND;
        c.slow_call_rate_threshold = 0.75;
    }
    c.consecutive_failures = 5;
    c.open_duration_ns = 30 * SECOND;
    c.open_backoff_multiplier = 2.0;
    c.half_open_max_calls = PROBES;
    c.success_threshold = 2;
    c.half_open_failure_threshold = 2;
    c.reserve_window_buckets = 8;
    c.reserve_window_count = 64;
    c.reserve_half_open_calls = 8;
    if (kind == BY_CUSUM) {
        c.detector = TRIFUSE_DETECTOR_CUSUM;
        c.cusum_up = c.cusum_down = 1;
        c.cusum_threshold = 4;
        c.tolerated_slow_rate = 0.3;
        c.slow_cusum_up = c.slow_cusum_down = 1;
        c.slow_cusum_threshold = 4;
        c.slow_call_rate_threshold = 1.0;
        c.consecutive_failures = 0;
    }
    return c;
}

trifuse_breaker_event blank_event(void) {
    trifuse_breaker_event event;
    memset(&event, 0, sizeof event);
    event.struct_size = sizeof event;
    return event;
}

trifuse_breaker_snapshot picture(trifuse_breaker *b, uint64_t now) {
    trifuse_breaker_snapshot snapshot;
    memset(&snapshot, 0, sizeof snapshot);
    snapshot.struct_size = sizeof snapshot;
    CHECK_EQ(trifuse_breaker_get_snapshot(b, now, &snapshot), TRIFUSE_OK);
    return snapshot;
}

int one_call(world *w, uint64_t now, uint32_t outcome, uint64_t duration) {
    uint64_t permit;
    int result = trifuse_breaker_try_acquire(w->b, now, &permit, NULL);
    if (result != TRIFUSE_OK) return result;
    return trifuse_breaker_report(w->b, permit, outcome, duration, now, NULL);
}

static void calls(world *w, unsigned successes, unsigned failures) {
    while (successes--) (void)one_call(w, w->now, TRIFUSE_OUTCOME_SUCCESS, 0);
    while (failures--) (void)one_call(w, w->now, TRIFUSE_OUTCOME_FAILURE, 0);
}

static void admit_both(world *w) {
    for (unsigned who = 0; who < 2; who++)
        (void)trifuse_breaker_try_acquire(w->b, w->now, &w->permit[who], NULL);
}

static void fresh(world *w) { admit_both(w); }

static void closed_in_use(world *w) {
    calls(w, 5, 2);
    admit_both(w);
}

static void closed_on_the_brink(world *w) {
    calls(w, 3, 3);
    admit_both(w);
}

static void closed_next_bucket(world *w) {
    closed_on_the_brink(w);
    w->now += SECOND;
}

static void closed_after_idle(world *w) {
    closed_on_the_brink(w);
    w->now += 100 * SECOND;
}

static void closed_word_full(world *w) {
    calls(w, 13, 3);
    admit_both(w);
}

static void closed_window_full(world *w) {
    for (unsigned i = 0; i < 12; i++) calls(w, 3, 1);
    admit_both(w);
}

static void closed_slow_on_the_brink(world *w) {
    calls(w, 1, 0);
    for (unsigned i = 0; i < 3; i++) (void)one_call(w, w->now, TRIFUSE_OUTCOME_SUCCESS, 2 * SECOND);
    admit_both(w);
}

static void closed_after_reset(world *w) {
    calls(w, 5, 3);
    (void)trifuse_breaker_reset(w->b, w->now, NULL);
    admit_both(w);
}

static void metrics_only_on_the_brink(world *w) {
    (void)trifuse_breaker_metrics_only(w->b, w->now, NULL);
    closed_on_the_brink(w);
}

static void disabled(world *w) {
    (void)trifuse_breaker_disable(w->b, w->now, NULL);
    admit_both(w);
}

static void forced_open(world *w) {
    admit_both(w);
    (void)trifuse_breaker_force_open(w->b, w->now, NULL);
}

static void open(world *w) {
    admit_both(w);
    calls(w, 2, 5);
    w->now += 2 * SECOND;
}

static void open_wait_over(world *w) {
    open(w);
    w->now += 40 * SECOND;
}

static void trip_now(void *argument) {
    world *w = argument;
    (void)trifuse_breaker_trip(w->b, w->now, 5 * SECOND, NULL);
}

static void open_without_a_deadline(world *w) {
    uint64_t generation = trifuse_breaker_generation(w->b);
    admit_both(w);
    for (long k = 1; trifuse_breaker_generation(w->b) == generation; k++) (void)steps_die(k, trip_now, w);
}

static void half_open_empty(world *w) {
    open_wait_over(w);
    uint64_t permit;
    (void)trifuse_breaker_try_acquire(w->b, w->now, &permit, NULL);
    (void)trifuse_breaker_report(w->b, permit, TRIFUSE_OUTCOME_IGNORED, 0, w->now, NULL);
}

static void half_open_both_out(world *w) {
    half_open_empty(w);
    admit_both(w);
}

static void half_open_one_out(world *w) {
    half_open_both_out(w);
    (void)trifuse_breaker_report(w->b, w->permit[1], TRIFUSE_OUTCOME_IGNORED, 0, w->now, NULL);
}

static void half_open_lapsed(world *w) {
    half_open_both_out(w);
    w->now += 60 * SECOND + 1000;
}

static void half_open_about_to_close(world *w) {
    half_open_empty(w);
    calls(w, 1, 0);
    admit_both(w);
}

static void half_open_about_to_reopen(world *w) {
    half_open_empty(w);
    calls(w, 0, 1);
    admit_both(w);
}

/* After a reconfiguration to fewer probes a lease beyond them is still out. */
static void half_open_fewer(world *w) {
    trifuse_breaker_config c = scene_config(w->kind);
    uint64_t permit[4];
    c.half_open_max_calls = 4;
    half_open_empty(w);
    (void)trifuse_breaker_reconfigure(w->b, &c, w->now, NULL);
    for (unsigned i = 0; i < 4; i++) (void)trifuse_breaker_try_acquire(w->b, w->now, &permit[i], NULL);
    for (unsigned i = 0; i < 3; i++)
        (void)trifuse_breaker_report(w->b, permit[i], TRIFUSE_OUTCOME_IGNORED, 0, w->now, NULL);
    w->permit[0] = permit[3];
    c.half_open_max_calls = PROBES;
    (void)trifuse_breaker_reconfigure(w->b, &c, w->now, NULL);
}

static void report_failure(void *argument) {
    world *w = argument;
    (void)trifuse_breaker_report(w->b, w->permit[0], TRIFUSE_OUTCOME_FAILURE, 0, w->now, NULL);
}

/* The probe that decided died before it changed the state. */
static void half_open_decided(world *w) {
    half_open_about_to_reopen(w);
    world saved = *w;
    long k = 1;
    for (; trifuse_breaker_state(w->b) == TRIFUSE_STATE_HALF_OPEN; k++) {
        *w = saved;
        if (!steps_die(k, report_failure, w)) break;
    }
    *w = saved;
    (void)steps_die(k - 2, report_failure, w);
}

const scene scenes[] = {
    {"fresh", fresh},
    {"closed in use", closed_in_use},
    {"closed on the brink", closed_on_the_brink},
    {"closed, next bucket", closed_next_bucket},
    {"closed after idle", closed_after_idle},
    {"closed, word full", closed_word_full},
    {"closed, window full", closed_window_full},
    {"closed, slow on the brink", closed_slow_on_the_brink},
    {"closed after reset", closed_after_reset},
    {"metrics only on the brink", metrics_only_on_the_brink},
    {"disabled", disabled},
    {"forced open", forced_open},
    {"open", open},
    {"open, wait over", open_wait_over},
    {"open without a deadline", open_without_a_deadline},
    {"half-open empty", half_open_empty},
    {"half-open, one out", half_open_one_out},
    {"half-open, both out", half_open_both_out},
    {"half-open, both lapsed", half_open_lapsed},
    {"half-open about to close", half_open_about_to_close},
    {"half-open about to reopen", half_open_about_to_reopen},
    {"half-open, fewer than before", half_open_fewer},
    {"half-open decided", half_open_decided},
};
const size_t scene_count = sizeof scenes / sizeof scenes[0];

void scene_begin(world *w, const scene *at, window kind) {
    memset(w, 0, sizeof *w);
    w->kind = kind;
    trifuse_breaker_config c = scene_config(kind);
    CHECK(trifuse_breaker_size(&c) <= sizeof w->memory);
    CHECK_EQ(trifuse_breaker_init(w->memory, sizeof w->memory, &c, START, NULL, &w->b), TRIFUSE_OK);
    w->now = START + SECOND / 4;
    (void)trifuse_breaker_try_acquire(w->b, w->now, &w->old, NULL);
    at->set(w);
    (void)picture(w->b, w->now);
}
