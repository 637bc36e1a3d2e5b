/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The sliding log: the time of each of the last N tokens, in a ring of N words.
 *
 *   STATE   number of the next token: lap 44 | place in the ring 20
 *   slot    lap, lower bits 4 | time 60
 *   TAIL    a token's number: all before it have left the window
 *   ERA     the highest now / 2^56 that TAIL was brought up to
 *
 * A token may be granted when the one N before it has left the window. Its slot is written first, with now or
 * the time of the token before, whichever is later; the swap of STATE then grants. So a granted token
 * is always in the log, with a time not before its own, and tokens N apart are a period apart: never more
 * than N in any window, whatever the clocks do. Dying before the swap of STATE leaves slots written for
 * tokens that are not granted: each stood for a token that had left the window by the time written there,
 * and is taken for just that. Who finds such a slot, or meets another who writes it, makes the time in it
 * the later of both; so a time can only be too late, by as much as two calls that met were apart.
 * A swap of a slot that comes late finds another lap in it.
 *
 * Times are compared in 60 bits, 36 years: TAIL is brought up to date before a grant whose ERA is new, every
 * two years, so what is compared is never older than six. */
#include "limiter.h"

enum { L_TAIL = L_OTHER, L_ERA };
#define PLACE_BITS 20
#define TIME_MASK ((1ULL << 60) - 1)
#define ERA_BITS 56

static inline uint64_t place_in(uint64_t token) { return token & ((1ULL << PLACE_BITS) - 1); }
static inline uint64_t lap_tag(uint64_t token) { return token >> PLACE_BITS & 15; }

/* The token n after, n before; n is at most the ring. */
static inline uint64_t token_after(uint64_t token, uint64_t n, uint64_t ring) {
    return place_in(token) + n < ring ? token + n : token + n - ring + (1ULL << PLACE_BITS);
}
static inline uint64_t token_before(uint64_t token, uint64_t n, uint64_t ring) {
    return place_in(token) >= n ? token - n : token - n + ring - (1ULL << PLACE_BITS);
}

static inline uint64_t ring_of(const trifuse_limiter *l) { return load_relaxed(&l->w[L_ROOM]); }
static inline bool is_after(uint64_t a, uint64_t b) { return ((a - b - 1) & TIME_MASK) < TIME_MASK / 2; }

static void log_begin(trifuse_limiter *l, uint64_t now) {
    store_release(&l->w[L_STATE], 1ULL << PLACE_BITS);
    store_release(&l->w[L_TAIL], 1ULL << PLACE_BITS);
    store_release(&l->w[L_ERA], now >> ERA_BITS);
}

/* How long from now until a token has left the window; 0 when it has. */
static uint64_t log_wait(trifuse_limiter *l, uint64_t token, uint64_t now) {
    uint64_t era = load_acquire(&l->w[L_ERA]), slot = load_acquire(&l->tail[place_in(token)]);
    if (token < load_acquire(&l->w[L_TAIL]) || now >> ERA_BITS > era + 1) return 0;
    uint64_t ready = slot + (slot >> 60 == lap_tag(token) ? limiter_period(l) : 0);
    return is_after(ready, now) ? (ready - now) & TIME_MASK : 0;
}

/* How many of the n tokens before `next` have left the window. Times rise along the ring. */
static uint64_t log_left(trifuse_limiter *l, uint64_t next, uint64_t n, uint64_t now) {
    uint64_t low = 0, high = n, ring = ring_of(l);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (log_wait(l, token_before(next, n - middle, ring), now) == 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Brings TAIL up to a new era. */
static OUT_OF_LINE void log_turn(trifuse_limiter *l, uint64_t next, uint64_t now) {
    uint64_t ring = ring_of(l), left = log_left(l, next, ring, now);
    raise_to(&l->w[L_TAIL], token_before(next, ring - left, ring));
    raise_to(&l->w[L_ERA], now >> ERA_BITS);
}

/* Writes the slots of n tokens from `next` on; false when another was quicker. */
static bool log_write(trifuse_limiter *l, uint64_t next, uint64_t n, uint64_t now) {
    uint64_t ring = ring_of(l), last = token_before(next, 1, ring), time = now & TIME_MASK;
    uint64_t newest = load_acquire(&l->tail[place_in(last)]) & TIME_MASK;
    if (last >= load_acquire(&l->w[L_TAIL]) && is_after(newest, time)) time = newest;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t token = token_after(next, i, ring), stamp = lap_tag(token) << 60 | time;
        word *slot = &l->tail[place_in(token)];
        uint64_t old = load_acquire(slot);
        if (load_acquire(&l->w[L_STATE]) != next) return false;
        bool late = old >> 60 == lap_tag(token) && !is_after(time, old & TIME_MASK);
        if (!late && !cas_acq_rel(slot, old, stamp)) return false;
    }
    return true;
}

static int log_try_acquire(trifuse_limiter *l, uint64_t n, uint64_t now, uint64_t *wait) {
    uint64_t ring = ring_of(l);
    for (;;) {
        uint64_t next = load_acquire(&l->w[L_STATE]), permits = limiter_permits(l);
        if (n > permits) return TRIFUSE_ERROR_OVER_CAPACITY;
        *wait = log_wait(l, token_before(next, permits - n + 1, ring), now);
        if (*wait) {
            if (load_acquire(&l->w[L_STATE]) == next) return count_refusal(l);
        } else if (now >> ERA_BITS > load_acquire(&l->w[L_ERA])) {
            log_turn(l, next, now);
        } else if (log_write(l, next, n, now) && cas_acq_rel(&l->w[L_STATE], next, token_after(next, n, ring))) {
            if (n > 1) add_relaxed(&l->w[L_EXTRA], n - 1);
            return TRIFUSE_OK;
        }
    }
}

static uint64_t log_available(trifuse_limiter *l, uint64_t now) {
    for (;;) {
        uint64_t next = load_acquire(&l->w[L_STATE]), left = log_left(l, next, limiter_permits(l), now);
        if (load_acquire(&l->w[L_STATE]) == next) return left;
    }
}

static uint64_t log_granted(const trifuse_limiter *l) {
    uint64_t next = load_acquire(&l->w[L_STATE]);
    return ((next >> PLACE_BITS) - 1) * ring_of(l) + place_in(next);
}
