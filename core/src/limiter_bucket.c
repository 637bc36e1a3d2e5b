/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The token bucket: the generic cell rate algorithm (ITU-T I.371) counted in tokens.
 *
 *   STATE   units taken 61 | turn 2 | line in force 1; limiter_rate.c says how the latter two change
 *
 * Units are paid in as time goes; what is taken may be less than what is paid in by a full bucket at most,
 * and more by what is reserved in advance or owed. Every call is one swap that raises `taken` (a grant, a
 * reservation, a debit; a bucket that is over-full is brought up to full by the same swap) or lowers it (a
 * cancellation, a refund). A request is granted when all it takes is paid in, so it is refused until what
 * was reserved before it is paid. Dying anywhere is a call done or not.
 *
 *   TAKEN   raised before the swap and again after one that failed (then UNDONE is too), so who swaps after
 *           a reservation has its tokens counted after it: cancel never misses one. */
#include "limiter.h"

/* The bucket at some time: what is paid in, what was taken; `full`: a full bucket or more. */
typedef struct level {
    scale s;
    uint64_t state, elapsed, paid, floor; /* floor: what is taken at least, of a full bucket */
    bool full;
} level;

/* False when the time is out of reach and the line was renewed. */
static inline bool level_at(trifuse_limiter *l, uint64_t now, level *at) {
    at->state = load_acquire(&l->w[L_STATE]);
    at->s = scale_of(l, at->state);
    at->elapsed = elapsed_at(&at->s, now);
    if (at->elapsed > ns_in_reach(&at->s)) {
        rate_switch(l, NULL, 0, 0, now);
        return false;
    }
    at->paid = at->s.start + units_of(&at->s, at->elapsed);
    uint64_t most = at->s.capacity * at->s.unit;
    at->full = taken_of(at->state) + most <= at->paid;
    at->floor = at->paid - most;
    return true;
}

static inline uint64_t taken_from(const level *at) {
    return at->full ? at->floor : taken_of(at->state);
}

/* What was read is of one line, and is still so. Only then may a wait be worked out: for a mix of two rates
 * it could take for ever. */
static inline bool is_still(trifuse_limiter *l, const level *at) {
    return load_acquire(&l->w[L_STATE]) == at->state;
}

/* How long from now until `taken` units are paid in, which they are not. */
static uint64_t wait_until(const level *at, uint64_t taken, uint64_t now) {
    uint64_t ready = ns_of(&at->s, taken - at->s.start);
    return now < at->s.base ? add_saturating(at->s.base - now, ready) : ready - at->elapsed;
}

/* The swap of a grant, its n tokens counted; *taken_before is how many were before it. */
static inline bool take(trifuse_limiter *l, const level *at, uint64_t next, uint64_t n, uint64_t *taken_before) {
    count_extra(l, n);
    *taken_before = added_relaxed(&l->w[L_TAKEN], n);
    if (cas_acq_rel(&l->w[L_STATE], at->state, with_taken(at->state, next))) return true;
    add_relaxed(&l->w[L_UNDONE], n);
    uncount_extra(l, n);
    return false;
}

static int bucket_try_acquire(trifuse_limiter *l, uint64_t n, uint64_t now, uint64_t *wait) {
    level at;
    uint64_t before;
    for (;;) {
        if (!level_at(l, now, &at)) continue;
        uint64_t next = taken_from(&at) + n * at.s.unit;
        bool over = n > at.s.capacity;
        if (!over && (at.full || next <= at.paid)) {
            if (take(l, &at, next, n, &before)) return TRIFUSE_OK;
        } else if (is_still(l, &at)) {
            if (over) return TRIFUSE_ERROR_OVER_CAPACITY;
            *wait = wait_until(&at, next, now);
            return count_refusal(l);
        }
    }
}

/* A debt that does not fit is counted in coarser units, in which one of MOST_OWED nanoseconds does. */
static int bucket_reserve(trifuse_limiter *l, uint64_t n, uint64_t now, uint64_t max_wait,
                          trifuse_reservation *made) {
    level at;
    uint64_t before;
    for (;;) {
        if (!level_at(l, now, &at)) continue;
        uint64_t next = taken_from(&at) + n * at.s.unit;
        bool over = n > at.s.capacity, there = at.full || next <= at.paid;
        if ((over || !there) && !is_still(l, &at)) continue;
        if (over) return TRIFUSE_ERROR_OVER_CAPACITY;
        uint64_t wait = there ? 0 : wait_until(&at, next, now);
        *made = (trifuse_reservation){.wait_ns = wait, .ready_ns = add_saturating(now, wait)};
        if (wait > min64(max_wait, MOST_OWED)) return count_refusal(l);
        if (next > MASK61) {
            rate_switch(l, NULL, 0, n, now);
        } else if (take(l, &at, next, n, &before)) {
            made->n = n;
            made->position[0] = before + n;
            return TRIFUSE_OK;
        }
    }
}

/* Lowers what is taken by n tokens, not below a full bucket less `after` tokens; true when done. */
static bool give_back(trifuse_limiter *l, const level *at, uint64_t n, uint64_t after) {
    uint64_t taken = taken_of(at->state), tokens = multiply_saturating(n, at->s.unit);
    uint64_t floor = add_saturating(at->floor, multiply_saturating(after, at->s.unit));
    uint64_t next = max64(taken > tokens ? taken - tokens : 0, floor);
    return next >= taken ? is_still(l, at) : cas_acq_rel(&l->w[L_STATE], at->state, with_taken(at->state, next));
}

/* What was granted after a reservation keeps its place, so that much does not come back. Nor, when it comes
 * late, does what time has paid in since: a bucket is full without it. */
static uint64_t bucket_cancel(trifuse_limiter *l, const trifuse_reservation *made, uint64_t now) {
    for (;;) {
        level at;
        if (!level_at(l, now, &at)) continue;
        uint64_t after = load_acquire(&l->w[L_TAKEN]) - made->position[0];
        uint64_t back = after < made->n ? made->n - after : 0;
        if (!give_back(l, &at, back, after)) continue;
        add_relaxed(&l->w[L_GIVEN_BACK], back);
        return back;
    }
}

static void bucket_refund(trifuse_limiter *l, uint64_t n, uint64_t now) {
    level at;
    while (!level_at(l, now, &at) || !give_back(l, &at, n, 0)) continue;
    add_relaxed(&l->w[L_GIVEN_BACK], n);
}

static void bucket_debit(trifuse_limiter *l, uint64_t n, uint64_t now) {
    for (;;) {
        level at;
        if (!level_at(l, now, &at)) continue;
        uint64_t next = add_saturating(taken_from(&at), multiply_saturating(n, at.s.unit));
        if (next > MASK61) {
            rate_switch(l, NULL, n, 0, now);
            return;
        }
        if (cas_acq_rel(&l->w[L_STATE], at.state, with_taken(at.state, next))) return;
    }
}
