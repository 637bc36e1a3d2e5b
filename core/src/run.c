/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What follows the outcomes one by one: the run of failures and the two cusum sums.
 *
 *   RUN          tag 9 | a rule held at the last outcome (METRICS_ONLY) 1 | failures in a row 54
 *   CUSUM[0..1]  tag 3 | S 13 | time of the last outcome 48, in 1/1024 of cusum_idle_decay
 *
 * The tags are of the window's generation; window_clean sets the words anew with a restart. Each outcome
 * is one swap a word. While S is 0 a success leaves the word alone. Dying between the words leaves an
 * outcome in one and not in the next, as if it were in progress. */
#include "internal.h"

#define RUN_HOLDS (1ULL << 54)
#define RUN_COUNT (RUN_HOLDS - 1)
#define STAMP ((1ULL << 48) - 1)

static inline uint64_t run_word(uint32_t generation) { return (uint64_t)(generation & 511) << 55; }
static inline uint64_t cusum_word(uint32_t generation) { return (uint64_t)(generation & 7) << 61; }
static inline uint32_t cusum_s(uint64_t v) { return (uint32_t)bits(v, 48, 13); }

static void restart_word(trifuse_breaker *b, uint32_t at, uint64_t fresh, uint64_t seen) {
    uint64_t v = load_acquire(&b->w[at]);
    while (v != fresh && load_acquire(&b->w[W_GENERATION]) == seen && !cas_acq_rel(&b->w[at], v, fresh))
        v = load_acquire(&b->w[at]);
}

/* Part of a restart of the window, as long as GENERATION is `seen`. */
static void run_restart(trifuse_breaker *b, uint32_t generation, uint64_t seen) {
    restart_word(b, W_RUN, run_word(generation), seen);
    restart_word(b, W_CUSUM, cusum_word(generation), seen);
    restart_word(b, W_CUSUM_SLOW, cusum_word(generation), seen);
}

static bool run_shows(trifuse_breaker *b, uint64_t state) {
    uint64_t g = load_acquire(&b->w[W_GENERATION]);
    bool fits = !records(state_of(state)) || window_generation(g) == generation_of(state);
    return fits && !(g & RESTART);
}

static uint64_t run_length(trifuse_breaker *b, uint64_t state) {
    return run_shows(b, state) ? load_acquire(&b->w[W_RUN]) & RUN_COUNT : 0;
}

/* Design of sum `which`: up 14 | down 5 | threshold 13; 0 = off. */
static uint32_t design_of(trifuse_breaker *b, unsigned which) {
    return (uint32_t)(load_relaxed(&b->w[W_DESIGN]) >> (32 * which));
}
static inline uint32_t design_up(uint32_t d) { return d & 0x3FFF; }
static inline uint32_t design_down(uint32_t d) { return d >> 14 & 31; }
static inline uint32_t design_threshold(uint32_t d) { return d >> 19; }

static uint64_t stamp_at(trifuse_breaker *b, uint64_t now) {
    uint64_t decay = load_relaxed(&b->w[W_DECAY]);
    return decay ? (now / (decay / 1024)) & STAMP : 0;
}

static uint32_t aged(uint64_t v, uint64_t stamp) {
    uint64_t last = v & STAMP, halvings = stamp > last ? (stamp - last) / 1024 : 0;
    return halvings > 13 ? 0 : cusum_s(v) >> halvings;
}

/* One outcome for sum `which`; true if S has reached H. */
static bool cusum_record(call *c, uint32_t generation, unsigned which, bool bad) {
    trifuse_breaker *b = c->b;
    uint32_t d = design_of(b, which);
    word *w = &b->w[W_CUSUM + which];
    for (;;) {
        uint64_t v = load_acquire(w);
        if (v >> 61 != (generation & 7) || design_up(d) == 0) return false;
        if (!bad && cusum_s(v) == 0) return false;
        uint64_t stamp = stamp_at(b, now_of(c));
        uint32_t s = aged(v, stamp), down = design_down(d), limit = design_threshold(d);
        if (bad) s = s + design_up(d) < limit ? s + design_up(d) : limit;
        else s = s > down ? s - down : 0;
        uint64_t next = cusum_word(generation) | ((uint64_t)s << 48) | max64(stamp, v & STAMP);
        if (cas_acq_rel(w, v, next)) return bad && s >= limit;
    }
}

static uint32_t cusum_now(trifuse_breaker *b, uint64_t state, unsigned which, uint64_t now) {
    if (!run_shows(b, state) || design_of(b, which) == 0) return 0;
    return aged(load_acquire(&b->w[W_CUSUM + which]), stamp_at(b, now));
}

/* Sets sum `which` to 0 and its time to none, as long as it is that of `generation`. */
static void cusum_clear(trifuse_breaker *b, unsigned which, uint32_t generation) {
    word *w = &b->w[W_CUSUM + which];
    uint64_t v = load_acquire(w);
    while (v != cusum_word(generation) && v >> 61 == (generation & 7) &&
           !cas_acq_rel(w, v, cusum_word(generation)))
        v = load_acquire(w);
}

/* Takes an outcome into the run and the sums; says which of their rules hold. */
static run_verdict run_record(call *c, uint32_t generation, unsigned class) {
    word *w = &c->b->w[W_RUN];
    run_verdict verdict = {0, false, false};
    bool failed = class & CLASS_FAILED;
    uint64_t v, next;
    do {
        v = load_acquire(w);
        next = failed ? v + 1 : v & ~RUN_COUNT;
    } while (v >> 55 == (generation & 511) && next != v && !cas_acq_rel(w, v, next));
    verdict.length = next & RUN_COUNT;
    if (load_relaxed(&c->b->w[W_DESIGN]) == 0) return verdict;
    verdict.cusum = cusum_record(c, generation, 0, failed);
    verdict.slow_cusum = cusum_record(c, generation, 1, class & CLASS_SLOW);
    return verdict;
}

/* METRICS_ONLY: remembers whether a rule holds now; true if it does and did not before. */
static bool run_begins_to_hold(call *c, uint32_t generation, bool holds) {
    word *w = &c->b->w[W_RUN];
    for (;;) {
        uint64_t v = load_acquire(w), next = holds ? v | RUN_HOLDS : v & ~RUN_HOLDS;
        if (v >> 55 != (generation & 511)) return false;
        if (v == next) return false;
        if (cas_acq_rel(w, v, next)) return holds;
    }
}
