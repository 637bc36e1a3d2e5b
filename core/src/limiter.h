/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The words of a rate limiter and what its kinds share.
 *
 *   line 0   MAGIC WORDS KIND PERIOD PERMITS ROOM                          read by every call
 *   line 1   STATE TAKEN UNDONE EXTRA GIVEN_BACK OTHER OTHER+1             written by grants
 *   line 2   REFUSED; TOLD x2                                              by refusals; by snapshots
 *   then     token bucket: two lines of rate words; sliding log: the ring
 *
 *   STATE      the word that decides, or leads to the one that does; each kind's file says more.
 *   TAKEN      tokens of token buckets, of fixed windows and of sliding counters that were asked for and
 *              there; UNDONE those of them that another call was quicker to take. Granted is the difference.
 *   EXTRA      tokens granted beyond one a request, so that requests are tokens - EXTRA; counted before
 *              the tokens are, and taken back where they are not granted.
 *   TOLD       the greatest totals told, tokens and requests, so that they never run backwards.
 * The totals are adds of their own: who dies between a grant and its add is missing in them, or there too
 * much, and nothing else. */
#ifndef TRIFUSE_LIMITER_H
#define TRIFUSE_LIMITER_H

#include "object.h"

enum {
    L_KIND = O_FIRST, L_PERIOD, L_PERMITS, L_ROOM,
    L_STATE = 8, L_TAKEN, L_UNDONE, L_EXTRA, L_GIVEN_BACK, L_OTHER, L_OTHER_ODD,
    L_REFUSED = 16, L_TOLD_TOKENS, L_TOLD_REQUESTS, L_LINES = 24
};

#define RATE_LINES 16u                 /* words that a token bucket has after these */
#define RATE_PERIOD (NANO * NANO)      /* the period of a `rate`, whose permits are its 1e-9 parts */

struct trifuse_limiter {
    word w[L_LINES];
    word tail[];
};

static inline uint64_t limiter_permits(const trifuse_limiter *l) { return load_relaxed(&l->w[L_PERMITS]); }
static inline uint64_t limiter_period(const trifuse_limiter *l) { return load_relaxed(&l->w[L_PERIOD]); }

/* Tokens beyond one, of a request that is about to be granted, and of one that then is not. */
static inline void count_extra(trifuse_limiter *l, uint64_t n) {
    if (n > 1) add_relaxed(&l->w[L_EXTRA], n - 1);
}
static inline void uncount_extra(trifuse_limiter *l, uint64_t n) {
    if (n > 1) add_relaxed(&l->w[L_EXTRA], 1 - n);
}

/* A grant of n tokens goes into the totals. */
static inline void count_grant(trifuse_limiter *l, uint64_t n) {
    count_extra(l, n);
    add_relaxed(&l->w[L_TAKEN], n);
}

static inline int count_refusal(trifuse_limiter *l) {
    add_relaxed(&l->w[L_REFUSED], 1);
    return TRIFUSE_REFUSED_RATE_LIMITED;
}

/* What a bucket holds at some time: whole tokens there, or whole tokens owed. */
typedef struct holding { uint64_t available, debt; } holding;

/* A rate as permits a period; `capacity` is the most tokens at once. */
typedef struct rate { uint64_t permits, period, capacity; } rate;

/* A window at some time: its number and beginning, how far into it, what it and the one before hold. */
typedef struct window_view { uint64_t state, number, start, into, count, tokens, before; } window_view;

/* limiter_rate.c */
static void rates_begin(trifuse_limiter *l, rate r, uint64_t now);
static void rate_switch(trifuse_limiter *l, const rate *want, uint64_t debit, uint64_t room, uint64_t now);
static holding bucket_holding(trifuse_limiter *l, uint64_t now, rate *r);
/* limiter_bucket.c */
static int bucket_try_acquire(trifuse_limiter *l, uint64_t n, uint64_t now, uint64_t *wait);
static int bucket_reserve(trifuse_limiter *l, uint64_t n, uint64_t now, uint64_t max_wait,
                          trifuse_reservation *made);
static uint64_t bucket_cancel(trifuse_limiter *l, const trifuse_reservation *made, uint64_t now);
static void bucket_refund(trifuse_limiter *l, uint64_t n, uint64_t now);
static void bucket_debit(trifuse_limiter *l, uint64_t n, uint64_t now);

/* limiter_log.c */
static void log_begin(trifuse_limiter *l, uint64_t now);
static int log_try_acquire(trifuse_limiter *l, uint64_t n, uint64_t now, uint64_t *wait);
static uint64_t log_available(trifuse_limiter *l, uint64_t now);
static uint64_t log_granted(const trifuse_limiter *l);

/* limiter_window.c, limiter_counter.c */
static void window_begin(trifuse_limiter *l, uint64_t now);
static int window_try_acquire(trifuse_limiter *l, uint64_t n, uint64_t now, uint64_t *wait);
static uint64_t window_available(trifuse_limiter *l, uint64_t now);
static uint64_t counter_when(const window_view *v, uint64_t permits, uint64_t period, uint64_t n);
static uint64_t counter_available(const window_view *v, uint64_t permits, uint64_t period);

#endif
