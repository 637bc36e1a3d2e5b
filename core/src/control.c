/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Steering: trip, reset, close, the forced states, reconfigure. */
#include "fields.h"

/* Moves to `state` from any other; CLOSED to CLOSED too if `again`. */
static int move_to(trifuse_breaker *b, uint64_t now_ns, trifuse_breaker_event *event, uint32_t state,
                   uint32_t cause, bool again) {
    if (!b) return TRIFUSE_ERROR_ARGUMENT;
    int result = event_start(event);
    if (result != TRIFUSE_OK) return result;
    call c = {b, now_ns, event, false};
    for (;;) {
        uint64_t s = load_acquire(&b->w[W_STATE]);
        if (state_of(s) == state && !again) return TRIFUSE_OK;
        counts n = window_counts(b, s, now_of(&c), failed_first);
        if (transition(&c, s, plain_word(s, state, cause), n, probes_said(b, s))) return TRIFUSE_OK;
    }
}

int trifuse_breaker_reset(trifuse_breaker *breaker, uint64_t now_ns, trifuse_breaker_event *event) {
    return move_to(breaker, now_ns, event, TRIFUSE_STATE_CLOSED, TRIFUSE_CAUSE_RESET, true);
}

int trifuse_breaker_close(trifuse_breaker *breaker, uint64_t now_ns, trifuse_breaker_event *event) {
    return move_to(breaker, now_ns, event, TRIFUSE_STATE_CLOSED, TRIFUSE_CAUSE_RESET, false);
}

int trifuse_breaker_force_open(trifuse_breaker *breaker, uint64_t now_ns, trifuse_breaker_event *event) {
    return move_to(breaker, now_ns, event, TRIFUSE_STATE_FORCED_OPEN, TRIFUSE_CAUSE_FORCED, false);
}

int trifuse_breaker_disable(trifuse_breaker *breaker, uint64_t now_ns, trifuse_breaker_event *event) {
    return move_to(breaker, now_ns, event, TRIFUSE_STATE_DISABLED, TRIFUSE_CAUSE_FORCED, false);
}

int trifuse_breaker_metrics_only(trifuse_breaker *breaker, uint64_t now_ns, trifuse_breaker_event *event) {
    return move_to(breaker, now_ns, event, TRIFUSE_STATE_METRICS_ONLY, TRIFUSE_CAUSE_FORCED, false);
}

/* OPEN already: its deadline moves out, never in; past it, a new wait begins. False: STATE moved on. */
static bool trip_again(call *c, uint64_t s, uint64_t wait) {
    bool over = now_of(c) >= deadline_of(c, s);
    if (!wait && over) wait = ordinary_wait(c->b, s, now_of(c));
    return deadline_raise(c, s, wait);
}

int trifuse_breaker_trip(trifuse_breaker *breaker, uint64_t now_ns, uint64_t wait_ns,
                         trifuse_breaker_event *event) {
    if (!breaker) return TRIFUSE_ERROR_ARGUMENT;
    int result = event_start(event);
    if (result != TRIFUSE_OK) return result;
    call c = {breaker, now_ns, event, false};
    for (;;) {
        uint64_t s = load_acquire(&breaker->w[W_STATE]);
        if (state_of(s) >= TRIFUSE_STATE_FORCED_OPEN) return TRIFUSE_OK;
        if (state_of(s) == TRIFUSE_STATE_OPEN) {
            if (trip_again(&c, s, wait_ns)) return TRIFUSE_OK;
            continue;
        }
        counts n = window_counts(breaker, s, now_of(&c), failed_first);
        uint64_t next = open_word(s, state_of(s) == TRIFUSE_STATE_HALF_OPEN, TRIFUSE_CAUSE_TRIPPED);
        if (enter_open(&c, s, next, wait_ns, n, probes_said(breaker, s))) return TRIFUSE_OK;
    }
}

/* The shape and the probes must fit the memory given at creation. */
static int check_room(trifuse_breaker *b, const trifuse_breaker_config *known,
                      trifuse_config_error *error) {
    bool slow = known->slow_call_duration_ns != 0;
    uint32_t room = window_room(b), leases = lease_room(b);
    if (known->half_open_max_calls > leases)
        return refuse_most(error, TRIFUSE_FIELD_HALF_OPEN_MAX_CALLS, known->half_open_max_calls, leases);
    if (shape_room(known->window_kind, known->window_buckets, known->window_count, slow) <= room)
        return TRIFUSE_OK;
    if (known->window_kind == TRIFUSE_WINDOW_COUNT)
        return refuse_most(error, TRIFUSE_FIELD_WINDOW_COUNT, known->window_count, (room - 1) * 16);
    return refuse_most(error, TRIFUSE_FIELD_WINDOW_BUCKETS, known->window_buckets, room / (slow ? 4 : 2));
}

int trifuse_breaker_reconfigure(trifuse_breaker *breaker, const trifuse_breaker_config *config,
                                uint64_t now_ns, trifuse_config_error *error) {
    (void)now_ns; /* nothing is timed; kept so that a later rule may be */
    if (!breaker) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_breaker_config known;
    int result = config_take(config, &known, error);
    if (result == TRIFUSE_OK) result = check_room(breaker, &known, error);
    if (result != TRIFUSE_OK) return result;
    uint32_t before[2] = {design_of(breaker, 0), design_of(breaker, 1)};
    bool other_decay = known.cusum_idle_decay_ns != load_relaxed(&breaker->w[W_DECAY]);
    config_store(breaker, &known);
    for (unsigned which = 0; which < 2; which++)
        if (other_decay || design_of(breaker, which) != before[which])
            cusum_clear(breaker, which, window_generation(load_acquire(&breaker->w[W_GENERATION])));
    window_reshape(breaker, shape_word(&known));
    return TRIFUSE_OK;
}
