/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Changes of STATE: the one swap that decides, and what its winner writes down afterwards.
 *
 * Legal: CLOSED -> OPEN; OPEN -> HALF_OPEN; HALF_OPEN -> OPEN, CLOSED; any -> CLOSED (reset, close) and
 * any -> a forced state (by hand). The winner alone is told. Dying after the swap loses the telling, the
 * count of transitions and SINCE; a missing DEADLINE is set by the next caller. */
#include "internal.h"

/* Least size of an event: up to retry_after_ns. */
#define EVENT_LEAST 16u

static int event_start(trifuse_breaker_event *event) {
    if (!event) return TRIFUSE_OK;
    if (event->struct_size < EVENT_LEAST || event->struct_size % 8 != 0) return TRIFUSE_ERROR_STRUCT_SIZE;
    event->flags = 0;
    event->retry_after_ns = 0;
    return TRIFUSE_OK;
}

static void event_tell(call *c, uint64_t old, uint64_t next, counts window, uint64_t probes) {
    trifuse_breaker_event *event = c->event;
    c->told = true;
    if (!event) return;
    bool opens = state_of(next) == TRIFUSE_STATE_OPEN;
    trifuse_breaker_event full = {
        .struct_size = event->struct_size,
        .flags = TRIFUSE_EVENT_TRANSITION,
        .retry_after_ns = event->retry_after_ns,
        .from = state_of(old),
        .to = state_of(next),
        .cause = cause_of(next),
        .generation = generation_of(next),
        .at_ns = now_of(c),
        .open_until_ns = opens ? deadline_of(c, next) : 0,
        .window_total = window.total,
        .window_failed = window.failed,
        .window_slow = window.slow,
        .probe_successes = (uint32_t)bits(probes, 15, 15),
        .probe_failures = (uint32_t)bits(probes, 0, 15),
    };
    size_t size = event->struct_size;
    memset(event, 0, size);
    memcpy(event, &full, size < sizeof full ? size : sizeof full);
}

/* The legal pairs [from][to], numbered from 1; 0 for the others. */
static const unsigned char pairs[TRIFUSE_STATES][TRIFUSE_STATES] = {
    {0, 1, 0, 2, 3, 4},     {5, 0, 6, 7, 8, 9},     {10, 11, 0, 12, 13, 14},
    {15, 0, 0, 0, 16, 17}, {18, 0, 0, 19, 0, 20}, {21, 0, 0, 22, 23, 0}};

/* Two saturating 32-bit counts a word; NULL for a pair that is no transition. */
static word *transition_count(trifuse_breaker *b, uint32_t from, uint32_t to, unsigned *shift) {
    uint32_t pair = pairs[from][to];
    *shift = 32 * (pair & 1);
    return pair ? &b->w[W_TRANSITIONS + pair / 2] : NULL;
}

static void count_transition(trifuse_breaker *b, uint32_t from, uint32_t to) {
    unsigned shift;
    word *w = transition_count(b, from, to, &shift);
    if (!w) return;
    uint64_t v = load_acquire(w);
    while (bits(v, shift, 32) != UINT32_MAX && !cas_acq_rel(w, v, v + (1ULL << shift)))
        v = load_acquire(w);
}

/* Leases that had lapsed when a HALF_OPEN generation ended are lost; the others just late. */
static bool transition_quiet(call *c, uint64_t old, uint64_t next) {
    trifuse_breaker *b = c->b;
    uint64_t now = now_of(c), g;
    /* A generation without an outcome has not restarted the window yet: what is left is to be empty. */
    if (records(state_of(old))) (void)window_enter(b, generation_of(old), &g);
    if (!cas_acq_rel(&b->w[W_STATE], old, next)) return false;
    if (state_of(old) == TRIFUSE_STATE_HALF_OPEN) (void)leases_sweep(c, generation_of(old), true);
    count_transition(b, state_of(old), state_of(next));
    if (load_acquire(&b->w[W_STATE]) == next) store_release(&b->w[W_SINCE], now);
    return true;
}

static bool transition(call *c, uint64_t old, uint64_t next, counts window, uint64_t probes) {
    if (!transition_quiet(c, old, next)) return false;
    event_tell(c, old, next, window, probes);
    return true;
}

/* STATE after `old` that is not OPEN. */
static uint64_t plain_word(uint64_t old, uint32_t state, uint32_t cause) {
    uint32_t level = state == TRIFUSE_STATE_CLOSED ? 0 : level_of(old);
    return state_word(generation_of(old) + 1, level, opening_of(old), cause, state);
}

/* STATE after `old` that is OPEN. */
static uint64_t open_word(uint64_t old, bool reopening, uint32_t cause) {
    uint32_t level = level_of(old) + (reopening && level_of(old) < LEVEL_MAX);
    return state_word(generation_of(old) + 1, level, opening_of(old) + 1, cause, TRIFUSE_STATE_OPEN);
}

static uint64_t open_cap(trifuse_breaker *b, uint64_t open) {
    uint64_t cap = load_relaxed(&b->w[W_OPEN_MAX]);
    return cap ? cap : max64(300 * NANO, open);
}

/* How long the OPEN state `s` waits, if nobody gave a wait; jitter is drawn from (seed, generation, now). */
static uint64_t ordinary_wait(trifuse_breaker *b, uint64_t s, uint64_t now) {
    uint64_t wait = load_relaxed(&b->w[W_OPEN]), cap = open_cap(b, wait);
    uint64_t multiplier = load_relaxed(&b->w[W_MULTIPLIER]);
    for (uint32_t k = level_of(s), more = multiplier > NANO; k && more; k--) {
        uint64_t longer = min64(cap, scale_nano(wait, multiplier));
        more = longer != wait;
        wait = longer;
    }
    uint32_t jitter = (uint32_t)bits(load_relaxed(&b->w[W_RATES]), 61, 2);
    uint64_t x = mix(load_relaxed(&b->w[W_SEED]), generation_of(s), now);
    if (jitter == TRIFUSE_JITTER_FULL) return uniform(x, wait);
    if (jitter == TRIFUSE_JITTER_NONE) return wait;
    uint64_t span = scale_nano(wait, load_relaxed(&b->w[W_PROBE_LIMITS]) >> 34);
    return min64(cap, wait - span + uniform(x, 2 * span));
}

/* DEADLINE: microseconds 55 | opening 9. */
static inline bool deadline_is_of(uint64_t deadline, uint64_t s) {
    return (deadline & 511) == opening_of(s);
}

/* Sets the deadline of the OPEN state `s`, or raises it: at least until now + wait; false if STATE has
 * moved on. */
static bool deadline_raise(call *c, uint64_t s, uint64_t wait) {
    trifuse_breaker *b = c->b;
    uint64_t us = to_us(add_saturating(now_of(c), wait));
    for (;;) {
        uint64_t old = load_acquire(&b->w[W_DEADLINE]);
        if (load_acquire(&b->w[W_STATE]) != s) return false;
        if (deadline_is_of(old, s) && old >> 9 >= us) return true;
        if (cas_acq_rel(&b->w[W_DEADLINE], old, (us << 9) | opening_of(s)))
            return load_acquire(&b->w[W_STATE]) == s;
    }
}

/* The deadline of the OPEN state `s` in ns; set from now if it has none yet. */
static uint64_t deadline_of(call *c, uint64_t s) {
    uint64_t d = load_acquire(&c->b->w[W_DEADLINE]);
    if (!deadline_is_of(d, s)) {
        (void)deadline_raise(c, s, ordinary_wait(c->b, s, now_of(c)));
        d = load_acquire(&c->b->w[W_DEADLINE]);
    }
    return deadline_is_of(d, s) ? from_us(d >> 9) : now_of(c);
}

/* Moves to the OPEN word `next`, for `wait` if one is given, and tells. */
static bool enter_open(call *c, uint64_t old, uint64_t next, uint64_t wait, counts window,
                       uint64_t probes) {
    if (!transition_quiet(c, old, next)) return false;
    if (wait) (void)deadline_raise(c, next, wait);
    else (void)deadline_of(c, next);
    event_tell(c, old, next, window, probes);
    return true;
}
