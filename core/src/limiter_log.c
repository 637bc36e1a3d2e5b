/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The sliding log: the time of each of the last N tokens, in a ring of N words.
 *
 *   STATE   number of the next token: lap 44 | place in the ring 20
 *   slot    lap, lower bits 4 | time 60
 *   TAIL    a token's number: all before it had left the window an era, 2^56 ns, before SINCE
 *   SINCE   the newest time that TAIL may have been brought up to
 *   ERA     the number of eras up to the newest time that it was brought up to
 *
 * A token may be granted when the one N before it has left the window. Its slot is written first, with now or
 * the time of the token before, whichever is later; the swap of STATE then grants. So a granted token
 * is always in the log, with a time not before its own, and tokens N apart are a period apart: never more
 * than N in any window, whatever the clocks do. Dying before the swap of STATE leaves slots written for
 * tokens that are not granted: in each stood a token that had left the window by the time written there,
 * and it is taken for just that. Who finds such a slot, or meets another who writes it, makes the time in it
 * the later of both; so a time can only be too late, by as much as two calls that met were apart.
 * A swap of a slot that comes late finds another lap in it.
 *
 * Times are compared in 60 bits, 36 years: TAIL is brought up to date before the first grant of an era, every
 * two years, so what is compared is never older than ten. A clock that is behind SINCE by more than an era is
 * taken to be behind by just that. */
#include "limiter.h"

enum { L_TAIL = L_OTHER, L_ERA, L_SINCE = L_TAKEN };
#define PLACE_BITS 20
#define TIME_MASK ((1ULL << 60) - 1)
#define ERA_LENGTH (1ULL << 56)

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
    store_release(&l->w[L_SINCE], now);
    store_release(&l->w[L_ERA], now / ERA_LENGTH);
}

/* The time that a now counts as. */
static inline uint64_t log_time(const trifuse_limiter *l, uint64_t now) {
    uint64_t since = load_acquire(&l->w[L_SINCE]);
    return since > ERA_LENGTH ? max64(now, since - ERA_LENGTH) : now;
}

/* Whether a token is known to have left the window without a look at its slot: one of lap 0, of which there
 * are none, too. */
static inline bool is_left(const trifuse_limiter *l, uint64_t token, uint64_t now) {
    if (token >> PLACE_BITS == 0 || now / ERA_LENGTH > load_acquire(&l->w[L_ERA]) + 1) return true;
    return token < load_acquire(&l->w[L_TAIL]) && log_time(l, now) == now;
}

/* How long from now until a token, one before `next`, has left the window; 0 when it has. Where its slot was
 * written anew it had by the time written there, and in any case when one that came after it has. */
static uint64_t log_wait(trifuse_limiter *l, uint64_t token, uint64_t next, uint64_t now) {
    uint64_t least = UINT64_MAX, ring = ring_of(l);
    if (is_left(l, token, now)) return 0;
    for (bool anew = true; anew && token != next; token = token_after(token, 1, ring)) {
        uint64_t slot = load_acquire(&l->tail[place_in(token)]);
        anew = slot >> 60 != lap_tag(token);
        uint64_t ready = slot + (anew ? 0 : limiter_period(l));
        if (!is_after(ready, now)) return 0;
        least = min64(least, (ready - now) & TIME_MASK);
    }
    return least;
}

/* How many of the n tokens before `next` have left the window. Times rise along the ring. */
static uint64_t log_left(trifuse_limiter *l, uint64_t next, uint64_t n, uint64_t now) {
    uint64_t low = 0, high = n, ring = ring_of(l);
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (log_wait(l, token_before(next, n - middle, ring), next, now) == 0) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Brings TAIL up to a new era. */
static OUT_OF_LINE void log_turn(trifuse_limiter *l, uint64_t next, uint64_t now) {
    uint64_t ring = ring_of(l), left = log_left(l, next, ring, now - ERA_LENGTH);
    raise_to(&l->w[L_SINCE], now);
    raise_to(&l->w[L_TAIL], token_before(next, ring - left, ring));
    raise_to(&l->w[L_ERA], now / ERA_LENGTH);
}

/* Writes the slots of n tokens from `next` on; false when another was quicker. */
static bool log_write(trifuse_limiter *l, uint64_t next, uint64_t n, uint64_t now) {
    uint64_t ring = ring_of(l), last = token_before(next, 1, ring), time = now & TIME_MASK;
    uint64_t newest = load_acquire(&l->tail[place_in(last)]) & TIME_MASK;
    if (!is_left(l, last, now) && is_after(newest, time)) time = newest;
    for (uint64_t i = 0; i < n;) {
        uint64_t token = token_after(next, i, ring), stamp = lap_tag(token) << 60 | time;
        word *slot = &l->tail[place_in(token)];
        uint64_t old = load_acquire(slot);
        if (load_acquire(&l->w[L_STATE]) != next) return false;
        bool late = old >> 60 == lap_tag(token) && !is_after(time, old & TIME_MASK);
        if (late || cas_acq_rel(slot, old, stamp)) i++;
    }
    return true;
}

/* Grants n tokens that are there; false when another was quicker. */
static bool log_grant(trifuse_limiter *l, uint64_t next, uint64_t n, uint64_t now) {
    if (!log_write(l, next, n, now)) return false;
    count_extra(l, n);
    while (!cas_acq_rel(&l->w[L_STATE], next, token_after(next, n, ring_of(l))))
        if (load_acquire(&l->w[L_STATE]) != next) {
            uncount_extra(l, n);
            return false;
        }
    return true;
}

static int log_try_acquire(trifuse_limiter *l, uint64_t n, uint64_t now_ns, uint64_t *wait) {
    uint64_t ring = ring_of(l);
    for (;;) {
        uint64_t now = log_time(l, now_ns);
        uint64_t next = load_acquire(&l->w[L_STATE]), permits = limiter_permits(l);
        if (n > permits) return TRIFUSE_ERROR_OVER_CAPACITY;
        *wait = log_wait(l, token_before(next, permits - n + 1, ring), next, now);
        if (*wait) {
            *wait = add_saturating(*wait, now - now_ns);
            if (load_acquire(&l->w[L_STATE]) == next) return count_refusal(l);
        } else if (now / ERA_LENGTH > load_acquire(&l->w[L_ERA])) {
            log_turn(l, next, now);
        } else if (log_grant(l, next, n, now)) {
            return TRIFUSE_OK;
        }
    }
}

static uint64_t log_available(trifuse_limiter *l, uint64_t now) {
    for (;;) {
        uint64_t next = load_acquire(&l->w[L_STATE]);
        uint64_t left = log_left(l, next, limiter_permits(l), log_time(l, now));
        if (load_acquire(&l->w[L_STATE]) == next) return left;
    }
}

static uint64_t log_granted(const trifuse_limiter *l) {
    uint64_t next = load_acquire(&l->w[L_STATE]);
    return ((next >> PLACE_BITS) - 1) * ring_of(l) + place_in(next);
}
