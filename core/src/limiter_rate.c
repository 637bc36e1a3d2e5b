/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The rate of a token bucket, and how one follows another.
 *
 * Two lines of eight words hold the rate in force and the next one (limiter_units.c says what they mean):
 *   HIGH LOW INVERSE UNIT   61 bits each
 *   FORM     ticket 20 | capacity 30 | shift 7 | lower bits of the base 3
 *   BASE     from when time counts, its upper 61 bits
 *   PERMITS PERIOD          as given; those of a `rate` are its 1e-9 parts and 10^18 ns
 * each with the lower 3 bits of the ticket that wrote it at its low end.
 *
 *   STATE    units taken 61 | turn 2 | line in force 1
 *   CLAIM    the youngest ticket
 *
 * To go over: a ticket is drawn, one swap of CLAIM; the turn in STATE is raised, one swap, after which no
 * older ticket can be put in force, for that too is a swap of STATE; the line that is not in force is
 * written, each word swapped from what was there; one swap of STATE puts it in force and converts the tokens.
 * A younger ticket stops an older one between any two of these. A word of an older ticket does not come
 * late: its swap would have to find the word that it read, and the tag of the younger one is in it by then.
 * Dying leaves a line that is not in force, or the new rate. The ticket also shifts where units start to
 * count, so STATE does not come back to an older value under a caller that sleeps. */
#include "limiter.h"

enum { B_HIGH, B_LOW, B_UNIT, B_FORM, B_BASE, B_PERMITS, B_PERIOD, B_INVERSE, B_WORDS };
enum { L_CLAIM = L_OTHER };

static inline uint64_t taken_of(uint64_t state) { return state >> 3; }
static inline uint64_t with_taken(uint64_t state, uint64_t taken) { return taken << 3 | (state & 7); }

static inline uint64_t start_of(uint64_t ticket) { return MOST_HELD + ((ticket & 0xFFFFF) << 36); }
static inline uint64_t elapsed_at(const scale *s, uint64_t now) { return now > s->base ? now - s->base : 0; }

/* The line in force in `state`; if STATE is no more that afterwards, it may be a mix. */
static inline scale scale_of(const trifuse_limiter *l, uint64_t state) {
    const word *r = l->tail + B_WORDS * (state & 1);
    uint64_t form = load_acquire(&r[B_FORM]) >> 3;
    return (scale){.high = load_acquire(&r[B_HIGH]) >> 3,
                   .low = load_acquire(&r[B_LOW]) >> 3,
                   .unit = load_acquire(&r[B_UNIT]) >> 3,
                   .inverse = load_acquire(&r[B_INVERSE]) >> 3,
                   .base = (load_acquire(&r[B_BASE]) & ~7ULL) | (form & 7),
                   .start = start_of(form >> 40),
                   .capacity = bits(form, 10, 30),
                   .shift = (unsigned)bits(form, 3, 7)};
}

static rate rate_of(const trifuse_limiter *l, uint64_t state) {
    const word *r = l->tail + B_WORDS * (state & 1);
    return (rate){load_acquire(&r[B_PERMITS]) >> 3, load_acquire(&r[B_PERIOD]) >> 3,
                  bits(load_acquire(&r[B_FORM]), 13, 30)};
}

/* Writes the line that is not in force in `state`; false if a younger ticket has come. */
static bool line_write(trifuse_limiter *l, uint64_t state, const scale *s, rate r, uint64_t ticket) {
    uint64_t form = (ticket & 0xFFFFF) << 40 | s->capacity << 10 | (uint64_t)s->shift << 3 | (s->base & 7);
    uint64_t next[B_WORDS] = {[B_HIGH] = s->high,       [B_LOW] = s->low,         [B_UNIT] = s->unit,
                              [B_FORM] = form,        [B_BASE] = s->base >> 3,  [B_PERMITS] = r.permits,
                              [B_PERIOD] = r.period,    [B_INVERSE] = s->inverse};
    word *line = l->tail + B_WORDS * (~state & 1);
    for (unsigned i = 0; i < B_WORDS;) {
        uint64_t old = load_acquire(&line[i]);
        if (load_acquire(&l->w[L_CLAIM]) != ticket) return false;
        if (cas_acq_rel(&line[i], old, next[i] << 3 | (ticket & 7))) i++;
    }
    return true;
}

static void rates_begin(trifuse_limiter *l, rate r, uint64_t now) {
    scale s = scale_for(r, now, 0);
    (void)line_write(l, 1, &s, r, 0);
    store_release(&l->w[L_STATE], (s.start - s.capacity * s.unit) << 3);
}

/* Raises the turn of `state` for `ticket`: from here on it alone can put a line in force. */
static bool turn_raise(trifuse_limiter *l, uint64_t *state) {
    for (;;) {
        uint64_t s = load_acquire(&l->w[L_STATE]), next = (s & ~6ULL) | ((s + 2) & 6);
        if ((s & 7) != (*state & 7)) return false;
        if (cas_acq_rel(&l->w[L_STATE], s, next)) {
            *state = next;
            return true;
        }
    }
}

/* What `taken` units of the old scale, `paid` being paid in, are in the new one; a debit goes on top. */
static uint64_t taken_anew(const scale *old, uint64_t paid, uint64_t taken, const scale *next, uint64_t debit) {
    uint64_t rest, most = next->capacity * next->unit, anew;
    if (taken <= paid) {
        uint64_t held = min64(paid - taken, old->capacity * old->unit);
        anew = next->start - min64(scale_ratio(held, next->unit, old->unit, &rest), most);
    } else {
        uint64_t owed = scale_ratio(taken - paid, next->unit, old->unit, &rest);
        anew = add_saturating(next->start, add_saturating(owed, rest != 0));
    }
    return min64(add_saturating(anew, multiply_saturating(debit, next->unit)), next->start + MOST_OWED);
}

/* Puts the written line in force; false if a younger ticket or another line has come. */
static bool line_enforce(trifuse_limiter *l, uint64_t state, const scale *old, const scale *next, uint64_t debit,
                         uint64_t ticket) {
    uint64_t paid = paid_after(old, next->base - old->base);
    for (;;) {
        uint64_t s = load_acquire(&l->w[L_STATE]);
        if ((s & 7) != (state & 7) || load_acquire(&l->w[L_CLAIM]) != ticket) return false;
        uint64_t taken = taken_anew(old, paid, taken_of(s), next, debit);
        if (cas_acq_rel(&l->w[L_STATE], s, with_taken(s ^ 1, taken))) return true;
    }
}

/* Whole tokens owed, rounded up. */
static uint64_t owed_at(const scale *s, uint64_t paid, uint64_t taken) {
    return taken > paid ? (taken - paid - 1) / s->unit + 1 : 0;
}

static bool rate_switch_once(trifuse_limiter *l, const rate *want, uint64_t debit, uint64_t room, uint64_t now) {
    uint64_t state = load_acquire(&l->w[L_STATE]), ticket = load_acquire(&l->w[L_CLAIM]) + 1;
    scale old = scale_of(l, state);
    rate r = want ? *want : rate_of(l, state);
    if (load_acquire(&l->w[L_STATE]) != state) return false;
    uint64_t base = max64(now, old.base);
    uint64_t owed = owed_at(&old, paid_after(&old, base - old.base), taken_of(state));
    scale next = scale_for(r, base, add_saturating(add_saturating(owed, debit), room));
    next.start = start_of(ticket);
    return cas_acq_rel(&l->w[L_CLAIM], ticket - 1, ticket) && turn_raise(l, &state) &&
           line_write(l, state, &next, r, ticket) && line_enforce(l, state, &old, &next, debit, ticket);
}

/* Goes over to `want` (NULL: the same rate, with units that suit now), room for a debt of `room` tokens more
 * than there is, and takes `debit` tokens. One who was stopped lets the others go first for a while. */
static void rate_switch(trifuse_limiter *l, const rate *want, uint64_t debit, uint64_t room, uint64_t now) {
    for (unsigned stopped = 1; !rate_switch_once(l, want, debit, room, now); stopped++)
        for (unsigned i = 0; i < 16u << min64(stopped, 8); i++) (void)load_relaxed(&l->w[L_CLAIM]);
}

static holding bucket_holding(trifuse_limiter *l, uint64_t now, rate *r) {
    for (;;) {
        uint64_t state = load_acquire(&l->w[L_STATE]), taken = taken_of(state);
        scale s = scale_of(l, state);
        *r = rate_of(l, state);
        if (load_acquire(&l->w[L_STATE]) != state) continue;
        uint64_t paid = paid_after(&s, elapsed_at(&s, now));
        uint64_t there = taken < paid ? min64((paid - taken) / s.unit, s.capacity) : 0;
        return (holding){there, owed_at(&s, paid, taken)};
    }
}
