/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "scenes.h"

#define MAKES(name) static int name(world *w, unsigned who, uint64_t now, trifuse_breaker_event *event)

MAKES(acquire) { return trifuse_breaker_try_acquire(w->b, now, &w->got[who], event); }

static int report(world *w, unsigned who, uint32_t outcome, uint64_t duration, uint64_t now,
                  trifuse_breaker_event *event) {
    if (w->permit[who] == 0) return TRIFUSE_OK;
    return trifuse_breaker_report(w->b, w->permit[who], outcome, duration, now, event);
}

MAKES(success) { return report(w, who, TRIFUSE_OUTCOME_SUCCESS, 0, now, event); }
MAKES(slow_success) { return report(w, who, TRIFUSE_OUTCOME_SUCCESS, 2 * SECOND, now, event); }
MAKES(failure) { return report(w, who, TRIFUSE_OUTCOME_FAILURE, 0, now, event); }
MAKES(timeout) { return report(w, who, TRIFUSE_OUTCOME_TIMEOUT, 2 * SECOND, now, event); }
MAKES(ignored) { return report(w, who, TRIFUSE_OUTCOME_IGNORED, 0, now, event); }

MAKES(late_failure) {
    (void)who;
    return trifuse_breaker_report(w->b, w->old, TRIFUSE_OUTCOME_FAILURE, 0, now, event);
}

MAKES(renew) {
    (void)event;
    return w->permit[who] ? trifuse_breaker_renew(w->b, w->permit[who], now) : TRIFUSE_OK;
}

MAKES(trip) {
    (void)who;
    return trifuse_breaker_trip(w->b, now, 0, event);
}

MAKES(trip_long) {
    (void)who;
    return trifuse_breaker_trip(w->b, now, 500 * SECOND, event);
}

#define STEERING(name)                                        \
    MAKES(name) {                                           \
        (void)who;                                          \
        return trifuse_breaker_##name(w->b, now, event);    \
    }
STEERING(reset)
STEERING(close)
STEERING(force_open)
STEERING(disable)
STEERING(metrics_only)

MAKES(new_rules) {
    (void)who, (void)event;
    trifuse_breaker_config c = scene_config(w->kind);
    c.half_open_max_calls = 1;
    c.open_duration_ns = 10 * SECOND;
    c.consecutive_failures = 100;
    if (c.cusum_up) c.cusum_threshold = c.slow_cusum_threshold = 6;
    return trifuse_breaker_reconfigure(w->b, &c, now, NULL);
}

MAKES(more_buckets) {
    (void)who, (void)event;
    trifuse_breaker_config c = scene_config(w->kind);
    c.window_kind = TRIFUSE_WINDOW_TIME;
    c.window_buckets = 8;
    c.window_duration_ns = 4 * SECOND;
    return trifuse_breaker_reconfigure(w->b, &c, now, NULL);
}

MAKES(other_count) {
    (void)who, (void)event;
    trifuse_breaker_config c = scene_config(w->kind);
    c.window_kind = TRIFUSE_WINDOW_COUNT;
    c.window_count = 40;
    return trifuse_breaker_reconfigure(w->b, &c, now, NULL);
}

MAKES(snapshot) {
    (void)who, (void)event;
    trifuse_breaker_snapshot s = {.struct_size = sizeof s};
    return trifuse_breaker_get_snapshot(w->b, now, &s);
}

MAKES(two_shapes) {
    int result = other_count(w, who, now, event);
    return result == TRIFUSE_OK ? more_buckets(w, who, now, event) : result;
}

static void two_failures(world *w, uint64_t now) {
    (void)one_call(w, now, TRIFUSE_OUTCOME_FAILURE, 2 * SECOND);
    (void)one_call(w, now, TRIFUSE_OUTCOME_FAILURE, 0);
}

/* Several calls in one: what a caller who sleeps long meets. */
MAKES(reset_and_failures) {
    int result = reset(w, who, now, event);
    two_failures(w, now);
    return result;
}

MAKES(more_buckets_and_failures) {
    int result = more_buckets(w, who, now, event);
    two_failures(w, now);
    return result;
}

MAKES(another_half_open) {
    int result = reset(w, who, now, event);
    (void)trifuse_breaker_trip(w->b, now - 50 * SECOND, SECOND, NULL);
    (void)one_call(w, now, TRIFUSE_OUTCOME_SUCCESS, 0);
    return result;
}

MAKES(trip_that_is_over) {
    int result = reset(w, who, now, event);
    (void)trifuse_breaker_trip(w->b, now - 50 * SECOND, SECOND, NULL);
    return result;
}

MAKES(shadow_and_failures) {
    int result = metrics_only(w, who, now, event);
    two_failures(w, now);
    return result;
}

const operation operations[] = {
    {"acquire", acquire, ASKS},
    {"success", success, REPORTS},
    {"slow success", slow_success, REPORTS},
    {"failure", failure, REPORTS},
    {"slow timeout", timeout, REPORTS},
    {"ignored", ignored, REPORTS},
    {"late failure", late_failure, REPORTS},
    {"renew", renew, ASKS},
    {"trip", trip, STEERS},
    {"trip long", trip_long, STEERS},
    {"reset", reset, STEERS},
    {"close", close, STEERS},
    {"force_open", force_open, STEERS},
    {"disable", disable, STEERS},
    {"metrics_only", metrics_only, STEERS},
    {"new rules", new_rules, CONFIGURES},
    {"more buckets", more_buckets, CONFIGURES},
    {"other count", other_count, CONFIGURES},
    {"two shapes", two_shapes, CONFIGURES},
    {"reset and failures", reset_and_failures, SEVERAL},
    {"another half-open", another_half_open, SEVERAL},
    {"trip that is over", trip_that_is_over, SEVERAL},
    {"shadow and failures", shadow_and_failures, SEVERAL},
    {"more buckets and failures", more_buckets_and_failures, SEVERAL},
    {"snapshot", snapshot, READS},
};
const size_t operation_count = sizeof operations / sizeof operations[0];
