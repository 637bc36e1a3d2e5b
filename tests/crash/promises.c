/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "promises.h"
#include "check.h"

/* OPEN: refused until the told wait is over, to the nanosecond, then a probe. */
static bool wait_is_exact(world *w, uint64_t *now) {
    uint64_t permit;
    trifuse_breaker_event event = blank_event();
    bool all = CHECK_EQ(trifuse_breaker_try_acquire(w->b, *now, &permit, &event), TRIFUSE_REFUSED_OPEN);
    all &= CHECK(event.retry_after_ns > 0 && event.retry_after_ns <= 600 * SECOND);
    *now += event.retry_after_ns;
    all &= CHECK_EQ(trifuse_breaker_try_acquire(w->b, *now - 1, &permit, &event), TRIFUSE_REFUSED_OPEN);
    all &= CHECK_EQ(event.retry_after_ns, 1);
    all &= CHECK_EQ(trifuse_breaker_try_acquire(w->b, *now, &permit, &event), TRIFUSE_OK);
    all &= CHECK_EQ(trifuse_breaker_report(w->b, permit, TRIFUSE_OUTCOME_IGNORED, 0, *now, NULL), TRIFUSE_OK);
    return all;
}

static uint32_t most_probes(world *w) {
    trifuse_breaker_config c = {.struct_size = sizeof c};
    (void)trifuse_breaker_get_config(w->b, &c);
    return c.half_open_max_calls;
}

/* HALF_OPEN, a lease's length later: exactly so many probes, and their successes close it. */
static bool probes_are_exact(world *w, uint64_t *now) {
    uint64_t permit[8];
    uint32_t given = 0, most = most_probes(w);
    (void)one_call(w, *now, TRIFUSE_OUTCOME_IGNORED, 0); /* gives an end to a lease without one */
    *now += 200 * SECOND;
    for (unsigned i = 0; i < 8; i++)
        if (trifuse_breaker_try_acquire(w->b, *now, &permit[given], NULL) == TRIFUSE_OK) given++;
    if (trifuse_breaker_state(w->b) == TRIFUSE_STATE_OPEN) return wait_is_exact(w, now);
    if (trifuse_breaker_state(w->b) == TRIFUSE_STATE_CLOSED) return CHECK_EQ(given, 8);
    bool all = CHECK_EQ(given, most);
    for (unsigned i = 0; i < given; i++)
        all &= CHECK_EQ(trifuse_breaker_report(w->b, permit[i], TRIFUSE_OUTCOME_IGNORED, 0, *now, NULL), TRIFUSE_OK);
    for (unsigned i = 0; i < 2 && trifuse_breaker_state(w->b) == TRIFUSE_STATE_HALF_OPEN; i++)
        all &= CHECK_EQ(one_call(w, *now, TRIFUSE_OUTCOME_SUCCESS, 0), TRIFUSE_OK);
    return all && CHECK_EQ(trifuse_breaker_state(w->b), TRIFUSE_STATE_CLOSED);
}

/* CLOSED: each outcome is in the window and the totals, and failures open it. */
static bool outcomes_are_counted(world *w, uint64_t now) {
    bool all = CHECK_EQ(trifuse_breaker_reset(w->b, now, NULL), TRIFUSE_OK);
    trifuse_breaker_snapshot a = picture(w->b, now);
    for (unsigned i = 0; i < 4; i++) all &= CHECK_EQ(one_call(w, now, TRIFUSE_OUTCOME_SUCCESS, 0), TRIFUSE_OK);
    for (unsigned i = 0; i < 2; i++) all &= CHECK_EQ(one_call(w, now, TRIFUSE_OUTCOME_TIMEOUT, 0), TRIFUSE_OK);
    trifuse_breaker_snapshot b = picture(w->b, now);
    all &= CHECK_EQ(a.window_total, 0) && CHECK_EQ(b.window_total, 6) && CHECK_EQ(b.window_failed, 2);
    all &= CHECK(b.successes >= a.successes && b.successes <= a.successes + 4);
    all &= CHECK_EQ(b.timeouts, a.timeouts + 2) && CHECK_EQ(b.consecutive_failures, 2);
    for (unsigned i = 0; i < 6 && trifuse_breaker_state(w->b) == TRIFUSE_STATE_CLOSED; i++)
        all &= CHECK_EQ(one_call(w, now, TRIFUSE_OUTCOME_FAILURE, 0), TRIFUSE_OK);
    return all && CHECK_EQ(trifuse_breaker_state(w->b), TRIFUSE_STATE_OPEN);
}

bool others_go_on(world *w, uint64_t now) {
    bool all = true;
    for (unsigned round = 0; round < 6; round++) {
        switch (trifuse_breaker_state(w->b)) {
        case TRIFUSE_STATE_OPEN: {
            trifuse_breaker_snapshot p = picture(w->b, now);
            if (p.open_until_ns != TRIFUSE_NEVER && p.open_until_ns <= now) now = p.open_until_ns - 1;
            all &= wait_is_exact(w, &now);
            break;
        }
        case TRIFUSE_STATE_HALF_OPEN: all &= probes_are_exact(w, &now); break;
        case TRIFUSE_STATE_CLOSED: all &= outcomes_are_counted(w, now); break;
        default: all &= CHECK_EQ(trifuse_breaker_close(w->b, now, NULL), TRIFUSE_OK);
        }
    }
    return all;
}
