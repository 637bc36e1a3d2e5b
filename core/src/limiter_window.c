/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Windows aligned to multiples of their length: the fixed window, and what the sliding counter stands on.
 *
 *   STATE    number of the window 62 | to be turned 2; the number is floor(time / period)
 *   COUNT i  number, lower bits 33 | closed 1 | tokens 30; of the windows whose number is i modulo 2
 *
 * A grant is one swap of the present window's COUNT. To go on to a newer window: STATE takes it, with
 * TURN_ONE (the next) or TURN_ALL (a later one); the window before it is closed, an empty one if none was
 * counted, so that no swap can find it open any more; the new one is stamped empty; STATE becomes
 * TURNED. Whoever meets a turn in progress carries it on, and nothing is granted until it is over, so a
 * grant never sees a window before that still changes. Dying leaves a turn for the next one. Each helper
 * looks at STATE between reading a COUNT and swapping it: one who slept finds either of them changed.
 * An older now is taken for the beginning of the newest window that granted. */
#include "limiter.h"

enum { L_COUNT = L_OTHER };
enum { TURNED, TURN_ONE, TURN_ALL };
#define CLOSED (1ULL << 30)
#define TOKENS (CLOSED - 1)

static inline word *count_at(trifuse_limiter *l, uint64_t number) { return &l->w[L_COUNT + (number & 1)]; }
static inline uint64_t count_stamp(uint64_t number) { return number << 31; }

static void window_begin(trifuse_limiter *l, uint64_t now) {
    uint64_t number = now / limiter_period(l);
    store_release(&l->w[L_STATE], number << 2 | TURNED);
    store_release(count_at(l, number), count_stamp(number));
    store_release(count_at(l, number - 1), count_stamp(number - 1) | CLOSED);
}

/* Carries a turn to its end; returns early if STATE has moved on. */
static void window_turn(trifuse_limiter *l, uint64_t state) {
    uint64_t number = state >> 2;
    for (unsigned i = 0; i < 2;) {
        word *w = count_at(l, number - 1 + i);
        uint64_t old = load_acquire(w), next = i ? count_stamp(number) : count_stamp(number - 1) | CLOSED;
        if (i == 0 && (state & 3) == TURN_ONE) next = old | CLOSED;
        if (load_acquire(&l->w[L_STATE]) != state) return;
        if (old == next || cas_acq_rel(w, old, next)) i++;
    }
    (void)cas_acq_rel(&l->w[L_STATE], state, number << 2 | TURNED);
}

/* The window that now falls into, or STATE's if that is newer; nothing is written. */
static window_view window_look(trifuse_limiter *l, uint64_t now) {
    for (;;) {
        uint64_t period = limiter_period(l), state = load_acquire(&l->w[L_STATE]), number = state >> 2;
        uint64_t last = load_acquire(count_at(l, number - 1)), present = load_acquire(count_at(l, number));
        if (load_acquire(&l->w[L_STATE]) != state) continue;
        window_view v = {.state = state, .number = number, .start = number * period, .count = present};
        if ((state & 3) == TURNED) v.tokens = present & TOKENS;
        if ((state & 3) != TURN_ALL) v.before = last & TOKENS;
        if (now > v.start && now - v.start >= period) {
            v.number = now / period;
            v.before = v.number == number + 1 ? v.tokens : 0;
            v.tokens = 0;
            v.start = v.number * period;
        }
        v.into = now > v.start ? now - v.start : 0;
        return v;
    }
}

/* Turns to the window that was looked at; true when it was there already. */
static bool window_come_to(trifuse_limiter *l, const window_view *v) {
    uint64_t state = v->state, number = state >> 2;
    if ((state & 3) == TURNED) {
        if (v->number == number) return true;
        state = v->number << 2 | (v->number == number + 1 ? TURN_ONE : TURN_ALL);
        if (!cas_acq_rel(&l->w[L_STATE], v->state, state)) return false;
    }
    window_turn(l, state);
    return false;
}

/* From now to `offset` ns after the window's beginning. */
static uint64_t window_wait(const window_view *v, uint64_t offset, uint64_t now) {
    return now < v->start ? add_saturating(v->start - now, offset) : offset - v->into;
}

/* When, in ns after the beginning of the window, n tokens are there: not over v->into if they are now. */
static uint64_t window_when(const trifuse_limiter *l, const window_view *v, uint64_t permits, uint64_t n) {
    if (load_relaxed(&l->w[L_KIND]) == TRIFUSE_LIMITER_SLIDING_COUNTER)
        return counter_when(v, permits, limiter_period(l), n);
    return v->tokens + n <= permits ? 0 : limiter_period(l);
}

static int window_try_acquire(trifuse_limiter *l, uint64_t n, uint64_t now, uint64_t *wait) {
    for (;;) {
        uint64_t permits = limiter_permits(l);
        if (n > permits) return TRIFUSE_ERROR_OVER_CAPACITY;
        window_view v = window_look(l, now);
        uint64_t when = window_when(l, &v, permits, n);
        if (when > v.into) {
            *wait = window_wait(&v, when, now);
            return count_refusal(l);
        }
        if (!window_come_to(l, &v) || !cas_acq_rel(count_at(l, v.number), v.count, v.count + n)) continue;
        count_grant(l, n);
        return TRIFUSE_OK;
    }
}

static uint64_t window_available(trifuse_limiter *l, uint64_t now) {
    window_view v = window_look(l, now);
    uint64_t permits = limiter_permits(l);
    if (load_relaxed(&l->w[L_KIND]) == TRIFUSE_LIMITER_SLIDING_COUNTER)
        return counter_available(&v, permits, limiter_period(l));
    return v.tokens < permits ? permits - v.tokens : 0;
}
