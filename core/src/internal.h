/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The words of a breaker and what the core's files share. All is static: the library is one
 * translation unit, trifuse.c.
 *
 * A breaker is an array of 64-bit words:
 *
 *   line 0   MAGIC MEMORY STATE DEADLINE SINCE SALT SHAPE SHAPE+1     read by every call
 *   line 1-3 the configuration, packed; cold totals                    read by every outcome
 *   line 4   GENERATION HEAD RUN CUSUM CUSUM+1 LAST_FAILURE LATE LOST  the window's words
 *   line 5   REFUSED x3, TOTAL x4                                      written by refusals
 *   then     transitions, two 32-bit counts a word; leases, two words a probe; the window
 *
 *   STATE     generation 32 | back-off level 10 | opening 9 | cause 4 | 6 unused | state 3
 *             The one word that decides. Every change of state and every reset is one
 *             compare-and-swap of it, and adds 1 to the generation.
 *   DEADLINE  microseconds 55 | opening 9. Belongs to OPEN while its opening is STATE's. Dying between
 *             the two leaves OPEN without a deadline: the next caller sets the ordinary wait from its now.
 *   SINCE     ns, to be printed. Dying before it is written leaves the older time.
 */
#ifndef TRIFUSE_INTERNAL_H
#define TRIFUSE_INTERNAL_H

#include "arith.h"
#include "atomic.h"
#include "trifuse/trifuse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    W_MAGIC, W_MEMORY, W_STATE, W_DEADLINE, W_SINCE, W_SALT, W_SHAPE, W_SHAPE_ODD,
    W_RATES, W_LIMITS, W_PROBE_LIMITS, W_SLOW, W_OPEN, W_OPEN_MAX, W_MULTIPLIER, W_TTL,
    W_TIMEOUT, W_CANCELLED, W_DECAY, W_DESIGN, W_FAILURE_PAIR, W_SLOW_PAIR, W_FALSE_EVERY, W_DETECT,
    W_SEED, W_TOLD, W_TOLD_FAILURES, W_TOLD_SLOW, W_PROBES, W_TIMEOUTS, W_IGNORED, W_WOULD_OPEN,
    W_GENERATION, W_HEAD, W_RUN, W_CUSUM, W_CUSUM_SLOW, W_LAST_FAILURE, W_LATE, W_LOST,
    W_REFUSED, W_REFUSED_LIMIT, W_REFUSED_FORCED, W_TOTAL,
    W_TRANSITIONS = 47, W_LEASES = 60
};

struct trifuse_breaker {
    word w[W_LEASES];
    word tail[];
};

#define MAGIC 0x0001657375666972ULL /* "rifuse", layout 1 */
#define LEASES_ALWAYS 8u
#define LEVEL_MAX 1023u

/* Classes of a recorded outcome: bit 0 failed, bit 1 slow. */
enum { CLASS_FAILED = 1, CLASS_SLOW = 2, CLASSES = 4 };

/* One call in progress: its object, its time (0 until it is needed) and what it is told. */
typedef struct call {
    trifuse_breaker *b;
    uint64_t now;
    trifuse_breaker_event *event; /* the caller's, may be NULL */
    bool told;                    /* it made a transition; a second one would hide the first */
} call;

typedef struct counts { uint64_t total, failed, slow; } counts;

/* The shape of a window, decoded. */
typedef struct shape {
    uint32_t kind, buckets, count, classes, tag;
    uint64_t width;
} shape;

/* W_MEMORY: how many leases and window words the memory holds. */
static inline uint32_t lease_room(const trifuse_breaker *b) {
    return (uint32_t)bits(load_relaxed(&b->w[W_MEMORY]), 0, 8);
}
static inline uint32_t window_room(const trifuse_breaker *b) {
    return (uint32_t)bits(load_relaxed(&b->w[W_MEMORY]), 8, 24);
}
static inline word *window_words(trifuse_breaker *b) { return b->tail + 2u * lease_room(b); }

/* Whether outcomes are recorded in this state. */
static inline bool records(uint32_t state) {
    return state == TRIFUSE_STATE_CLOSED || state == TRIFUSE_STATE_METRICS_ONLY;
}

/* Fields of STATE. */
static inline uint32_t state_of(uint64_t s) { return (uint32_t)bits(s, 0, 3); }
static inline uint32_t cause_of(uint64_t s) { return (uint32_t)bits(s, 9, 4); }
static inline uint32_t opening_of(uint64_t s) { return (uint32_t)bits(s, 13, 9); }
static inline uint32_t level_of(uint64_t s) { return (uint32_t)bits(s, 22, 10); }
static inline uint32_t generation_of(uint64_t s) { return (uint32_t)(s >> 32); }
static inline uint64_t state_word(uint32_t generation, uint32_t level, uint32_t opening, uint32_t cause,
                                  uint32_t state) {
    return ((uint64_t)generation << 32) | ((uint64_t)level << 22) | ((uint64_t)(opening & 511u) << 13) |
           ((uint64_t)cause << 9) | state;
}

/* A permit: generation 28 | salt 12 | 1 | probe 1 | lease 6 | sequence 16, the last two of a probe. */
#define PERMIT_MARK (1ULL << 23)
#define PERMIT_PROBE (1ULL << 22)
static inline uint64_t closed_permit(const trifuse_breaker *b, uint64_t s) {
    return ((uint64_t)generation_of(s) << 36) | (load_relaxed(&b->w[W_SALT]) << 24) | PERMIT_MARK;
}
/* Whether a permit was given in state `s`, lease apart. */
static inline bool permit_is_of(const trifuse_breaker *b, uint64_t permit, uint64_t s) {
    return (permit ^ closed_permit(b, s)) >> 23 == 0;
}

/* A deadline in microseconds, rounded up, and back. */
static inline uint64_t to_us(uint64_t ns) { return ns / 1000 + (ns % 1000 != 0); }
static inline uint64_t from_us(uint64_t us) { return us > UINT64_MAX / 1000 ? UINT64_MAX : us * 1000; }

static inline uint64_t now_of(call *c) {
    if (c->now == 0) c->now = trifuse_now_ns();
    return c->now;
}

/* config.c */
static int config_take(const trifuse_breaker_config *given, trifuse_breaker_config *known,
                       trifuse_config_error *error);
/* layout.c */
static size_t breaker_bytes(const trifuse_breaker_config *known);
static void breaker_write(void *memory, size_t size, const trifuse_breaker_config *known,
                          uint64_t now_ns);
static void config_store(trifuse_breaker *b, const trifuse_breaker_config *known);
static uint64_t shape_word(const trifuse_breaker_config *known);
static uint32_t shape_room(uint32_t kind, uint32_t buckets, uint32_t count, bool slow);
/* detector.c */
static int design_solve(trifuse_cusum_design *design, uint32_t field, trifuse_config_error *error);
/* window.c */
enum recorded { RECORDED, TOO_OLD, GONE };
static enum recorded window_record(call *c, uint32_t generation, unsigned class);
static bool window_failed_none(call *c);
static const unsigned char failed_first[CLASSES], slow_first[CLASSES];
static counts window_counts(trifuse_breaker *b, uint64_t state, uint64_t aged_to,
                            const unsigned char order[CLASSES]);
static void window_totals(trifuse_breaker *b, uint64_t totals[CLASSES]);
static void window_reshape(trifuse_breaker *b, uint64_t next_shape);
static void total_add(trifuse_breaker *b, unsigned class, uint64_t n);
/* run.c */
typedef struct run_verdict { uint64_t length; bool cusum, slow_cusum; } run_verdict;
static run_verdict run_record(call *c, uint32_t generation, unsigned class);
static bool run_begins_to_hold(call *c, uint32_t generation, bool holds);
static uint32_t design_of(trifuse_breaker *b, unsigned which);
static void run_restart(trifuse_breaker *b, uint32_t generation, uint64_t seen);
static uint64_t run_length(trifuse_breaker *b, uint64_t state);
static uint32_t cusum_now(trifuse_breaker *b, uint64_t state, unsigned which, uint64_t now);
static void cusum_clear(trifuse_breaker *b, unsigned which, uint32_t generation);
/* state.c */
static bool transition(call *c, uint64_t old, uint64_t next, counts window, uint64_t probes);
static uint64_t open_word(uint64_t old, bool reopening, uint32_t cause);
static uint64_t plain_word(uint64_t old, uint32_t state, uint32_t cause);
static bool enter_open(call *c, uint64_t old, uint64_t next, uint64_t wait, counts window,
                       uint64_t probes);
static uint64_t ordinary_wait(trifuse_breaker *b, uint64_t state, uint64_t now);
static uint64_t deadline_of(call *c, uint64_t state);
static bool deadline_raise(call *c, uint64_t s, uint64_t wait);
static int event_start(trifuse_breaker_event *event);
static void event_tell(call *c, uint64_t old, uint64_t next, counts window, uint64_t probes);
/* breaker.c */
static bool slow_is_judged(trifuse_breaker *b);
/* probe.c */
static int probe_acquire(call *c, uint64_t s, uint64_t *permit);
static int probe_report(call *c, uint64_t s, uint64_t permit, uint32_t outcome, bool slow);
static int probe_renew(call *c, uint64_t s, uint64_t permit);
static bool probes_settle(call *c, uint64_t s);
static uint64_t probes_said(trifuse_breaker *b, uint64_t s);
static uint32_t leases_sweep(call *c, uint32_t generation, bool expire_only);
static uint32_t leases_live(trifuse_breaker *b, uint32_t generation, uint64_t now, uint32_t *lapsed);

#endif
