/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* HALF_OPEN: the leases of the probes and what the probes said.
 *
 *   lease i   CLAIM  generation 32 | sequence 16 | unused 15 | held 1
 *             END    microseconds 55 | sequence 9
 *   PROBES    generation 32 | decided 2 | successes 15 | failures 15
 *
 * A lease is taken by one swap of a CLAIM that is free (not held, of another generation, or lapsed), so
 * never more than half_open_max_calls are out. Its END follows; dying between leaves a claim without an
 * end, to which the next caller gives one from its own now, so it lapses. Freed by one swap; whoever frees
 * it counts its outcome. The swap of PROBES that reaches a threshold notes the decision; dying before the
 * change of STATE leaves it to the next caller. */
#include "internal.h"

enum { UNDECIDED, CLOSES, REOPENS };
#define HELD 1ULL

static word *claim_of(trifuse_breaker *b, uint32_t i) { return &b->tail[2 * i]; }
static word *end_of(trifuse_breaker *b, uint32_t i) { return &b->tail[2 * i + 1]; }

static inline uint32_t claim_generation(uint64_t v) { return (uint32_t)(v >> 32); }
static inline uint32_t claim_sequence(uint64_t v) { return (uint32_t)bits(v, 16, 16); }
static inline bool claim_held(uint64_t v, uint32_t generation) {
    return (v & HELD) && claim_generation(v) == generation;
}

static uint64_t lease_length(trifuse_breaker *b) {
    uint64_t ttl = load_relaxed(&b->w[W_TTL]);
    return ttl ? ttl : max64(60 * NANO, 2 * load_relaxed(&b->w[W_TIMEOUT]));
}

/* Gives the claim an end of at least now + ttl; false if the claim is no longer this one. */
static bool lease_extend(trifuse_breaker *b, uint32_t i, uint64_t claim, uint64_t now) {
    uint64_t us = to_us(add_saturating(now, lease_length(b))), mark = claim_sequence(claim) & 511;
    for (;;) {
        uint64_t old = load_acquire(end_of(b, i));
        if (load_acquire(claim_of(b, i)) != claim) return false;
        if ((old & 511) == mark && old >> 9 >= us) return true;
        if (cas_acq_rel(end_of(b, i), old, (us << 9) | mark)) return true;
    }
}

/* Whether a held claim is live at now; one without an end is, and gets one if `mend`. */
static bool lease_live(trifuse_breaker *b, uint32_t i, uint64_t claim, uint64_t now, bool mend) {
    uint64_t end = load_acquire(end_of(b, i));
    if ((end & 511) == (claim_sequence(claim) & 511)) return now < from_us(end >> 9);
    if (mend) (void)lease_extend(b, i, claim, now);
    return true;
}

static bool lease_free(trifuse_breaker *b, uint32_t i, uint64_t claim) {
    return cas_acq_rel(claim_of(b, i), claim, claim & ~HELD);
}

/* Frees the lapsed leases of a generation, which are lost; returns how many are live. */
static uint32_t leases_sweep(call *c, uint32_t generation, bool expire_only) {
    trifuse_breaker *b = c->b;
    uint32_t live = 0, room = lease_room(b);
    for (uint32_t i = 0; i < room; i++) {
        uint64_t claim = load_acquire(claim_of(b, i));
        if (!claim_held(claim, generation)) continue;
        if (lease_live(b, i, claim, now_of(c), !expire_only)) live++;
        else if (lease_free(b, i, claim)) add_relaxed(&b->w[W_LOST], 1);
    }
    return live;
}

static uint32_t leases_live(trifuse_breaker *b, uint32_t generation, uint64_t now, uint32_t *lapsed) {
    uint32_t live = 0, room = lease_room(b);
    *lapsed = 0;
    for (uint32_t i = 0; i < room; i++) {
        uint64_t claim = load_acquire(claim_of(b, i));
        if (!claim_held(claim, generation)) continue;
        if (lease_live(b, i, claim, now, false)) live++;
        else ++*lapsed;
    }
    return live;
}

/* Takes a free lease among the first `most`; its index, or `most` if none is free. */
static uint32_t lease_take(call *c, uint32_t generation, uint32_t most, uint64_t *taken) {
    trifuse_breaker *b = c->b;
    for (uint32_t i = 0; i < most;) {
        uint64_t claim = load_acquire(claim_of(b, i));
        *taken = ((uint64_t)generation << 32) | ((uint64_t)((claim_sequence(claim) + 1) & 0xFFFF) << 16) | HELD;
        if (claim_held(claim, generation)) i++;
        else if (cas_acq_rel(claim_of(b, i), claim, *taken)) return i;
    }
    return most;
}

static uint64_t probe_permit(trifuse_breaker *b, uint64_t s, uint32_t i, uint64_t claim) {
    return closed_permit(b, s) | PERMIT_PROBE | ((uint64_t)i << 16) | claim_sequence(claim);
}

/* PROBES of the HALF_OPEN state `s`; 0 in other states. */
static uint64_t probes_said(trifuse_breaker *b, uint64_t s) {
    uint64_t probes = load_acquire(&b->w[W_PROBES]);
    bool of = state_of(s) == TRIFUSE_STATE_HALF_OPEN && claim_generation(probes) == generation_of(s);
    return of ? probes : 0;
}

/* Asks for a probe in the HALF_OPEN state `s`; TRIFUSE_STALE if STATE has moved on meanwhile. More than
 * `most` can be out only after a reconfiguration to fewer: then one who claimed counts again, and gives
 * back if it is one too many. */
static int probe_acquire(call *c, uint64_t s, uint64_t *permit) {
    trifuse_breaker *b = c->b;
    uint32_t generation = generation_of(s), lapsed;
    uint32_t most = (uint32_t)bits(load_relaxed(&b->w[W_PROBE_LIMITS]), 0, 6) + 1;
    uint64_t claim, now = now_of(c);
    bool decided = bits(probes_said(b, s), 30, 2) != UNDECIDED;
    if (decided || leases_sweep(c, generation, false) >= most) return TRIFUSE_REFUSED_HALF_OPEN_LIMIT;
    uint32_t i = lease_take(c, generation, most, &claim);
    if (i == most) return TRIFUSE_REFUSED_HALF_OPEN_LIMIT;
    if (leases_live(b, generation, now, &lapsed) > most) {
        (void)lease_free(b, i, claim);
        return TRIFUSE_REFUSED_HALF_OPEN_LIMIT;
    }
    (void)lease_extend(b, i, claim, now);
    if (load_acquire(&b->w[W_STATE]) != s) {
        (void)lease_free(b, i, claim);
        return TRIFUSE_STALE;
    }
    *permit = probe_permit(b, s, i, claim);
    return TRIFUSE_OK;
}

/* The live lease that a permit of state `s` speaks of, or 0; a lapsed one is freed and lost. */
static uint64_t permit_claim(call *c, uint64_t s, uint64_t permit) {
    trifuse_breaker *b = c->b;
    uint32_t i = (uint32_t)bits(permit, 16, 6);
    if (i >= lease_room(b)) return 0;
    uint64_t claim = load_acquire(claim_of(b, i));
    if (!claim_held(claim, generation_of(s)) || claim_sequence(claim) != bits(permit, 0, 16)) return 0;
    if (lease_live(b, i, claim, now_of(c), true)) return claim;
    if (lease_free(b, i, claim)) add_relaxed(&b->w[W_LOST], 1);
    return 0;
}

static int probe_renew(call *c, uint64_t s, uint64_t permit) {
    uint64_t claim = permit_claim(c, s, permit);
    bool live = claim && lease_extend(c->b, (uint32_t)bits(permit, 16, 6), claim, now_of(c));
    return live ? TRIFUSE_OK : TRIFUSE_LATE;
}

static uint32_t decision(trifuse_breaker *b, uint32_t successes, uint32_t failures) {
    uint64_t limits = load_relaxed(&b->w[W_PROBE_LIMITS]);
    if (failures >= bits(limits, 20, 14)) return REOPENS;
    return successes >= bits(limits, 6, 14) ? CLOSES : UNDECIDED;
}

/* Counts what a probe said; false if the generation was decided before. */
static bool probe_count(trifuse_breaker *b, uint32_t generation, bool failed) {
    for (;;) {
        uint64_t old = load_acquire(&b->w[W_PROBES]);
        uint64_t base = claim_generation(old) == generation ? old : (uint64_t)generation << 32;
        if ((int32_t)(generation - claim_generation(old)) < 0 || bits(base, 30, 2) != UNDECIDED) return false;
        uint64_t next = base + (failed ? 1 : 1ULL << 15);
        uint64_t said = decision(b, (uint32_t)bits(next, 15, 15), (uint32_t)bits(next, 0, 15));
        if (cas_acq_rel(&b->w[W_PROBES], old, next | (said << 30))) return true;
    }
}

/* Carries a decision of the probes of state `s` out; true if there was one. */
static bool probes_settle(call *c, uint64_t s) {
    uint64_t probes = probes_said(c->b, s);
    if (bits(probes, 30, 2) == UNDECIDED) return false;
    counts window = window_counts(c->b, s, now_of(c), failed_first);
    if (bits(probes, 30, 2) == REOPENS)
        (void)enter_open(c, s, open_word(s, true, TRIFUSE_CAUSE_PROBE_FAILED), 0, window, probes);
    else
        (void)transition(c, s, plain_word(s, TRIFUSE_STATE_CLOSED, TRIFUSE_CAUSE_PROBES_SUCCEEDED), window,
                         probes);
    return true;
}

static int probe_report(call *c, uint64_t s, uint64_t permit, uint32_t outcome, bool slow) {
    trifuse_breaker *b = c->b;
    uint32_t i = (uint32_t)bits(permit, 16, 6);
    uint64_t claim = permit_claim(c, s, permit);
    if (!claim || !lease_free(b, i, claim)) return TRIFUSE_LATE;
    if (outcome == TRIFUSE_OUTCOME_IGNORED) {
        add_relaxed(&b->w[W_IGNORED], 1);
        return TRIFUSE_OK;
    }
    bool failed = outcome != TRIFUSE_OUTCOME_SUCCESS;
    if (!probe_count(b, generation_of(s), failed || (slow && slow_is_judged(b)))) {
        (void)probes_settle(c, s);
        return TRIFUSE_LATE;
    }
    total_add(b, (failed ? CLASS_FAILED : 0u) | (slow ? CLASS_SLOW : 0u), 1);
    if (failed) raise_to(&b->w[W_LAST_FAILURE], now_of(c));
    if (outcome == TRIFUSE_OUTCOME_TIMEOUT) add_relaxed(&b->w[W_TIMEOUTS], 1);
    (void)probes_settle(c, s);
    return TRIFUSE_OK;
}
