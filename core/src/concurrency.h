/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The words of a concurrency limit. Of one with a fixed N only STATE and the totals move.
 *
 *   line 0-1  MAGIC WORDS, the configuration                           read
 *   line 2    STATE RELEASED FAILURES PROBE NO_LOAD LONG SHORT         written by admissions and releases
 *   line 3    REFUSED; TOLD x2                                         by refusals; by snapshots
 *
 *   STATE     N 36 (20 and 16 of fraction) | releases 8 | in flight 20
 *             The one word that decides. An admission is one swap that adds 1 to what is in flight while
 *             that is below floor(N); a release one swap that takes 1 off, counts itself in the lowest 8
 *             bits of the releases and moves N. Legal: in flight up by 1 below floor(N), down by 1 above
 *             0 with any N within its bounds; N to anything within its bounds (set_limit).
 *   RELEASED  releases in whole 256s: who takes STATE's 8 bits past 255 adds them.
 *   PROBE     epoch 16 | samples of the epoch 48            VEGAS
 *   NO_LOAD   the no-load time in ns 48 | epoch 16          VEGAS; 0: none yet
 *   LONG      the long average, a double whose lowest 20 bits are how many samples are in it   GRADIENT2
 *   SHORT     the newest time in ns                         GRADIENT2
 *
 * Dying before the swap of STATE leaves the place taken, as if the release had never been called (a time
 * may have been taken in); dying after it loses 256 from the totals at worst. A caller that dies between
 * admission and release keeps its place. Nobody waits for anybody. */
#ifndef TRIFUSE_CONCURRENCY_H
#define TRIFUSE_CONCURRENCY_H

#include "object.h"

enum {
    N_ALGORITHM = O_FIRST, N_BOUNDS, N_TIMEOUT, N_BACKOFF, N_ALPHA, N_BETA,
    N_PROBE_EVERY, N_SEED, N_LONG_WINDOW, N_TOLERANCE, N_SMOOTHING, N_QUEUE_SIZE, N_LONG_DECAY,
    N_STATE = 16, N_RELEASED, N_FAILURES, N_PROBE, N_NO_LOAD, N_LONG, N_SHORT,
    N_REFUSED = 24, N_TOLD_ADMITTED, N_TOLD_RELEASED, N_END = 32
};

struct trifuse_concurrency {
    word w[N_END];
};

#define IN_FLIGHT_MASK ((1ULL << 20) - 1)
#define RELEASE_ONE (1ULL << 20)
#define LIMIT_SHIFT 28
#define LIMIT_ONE 65536.0

static inline uint64_t in_flight_of(uint64_t s) { return s & IN_FLIGHT_MASK; }
static inline uint64_t whole_limit_of(uint64_t s) { return s >> (LIMIT_SHIFT + 16); }
static inline double limit_of(uint64_t s) { return (double)(s >> LIMIT_SHIFT) / LIMIT_ONE; }
/* STATE with another N. */
static inline uint64_t with_limit(uint64_t s, double limit) {
    return (s & ((1ULL << LIMIT_SHIFT) - 1)) | ((uint64_t)(limit * LIMIT_ONE + 0.5) << LIMIT_SHIFT);
}

/* N within its bounds. */
static inline double bounded(const word *w, double limit) {
    uint64_t bounds = load_relaxed(&w[N_BOUNDS]);
    double least = (double)(bounds >> 32), most = (double)(uint32_t)bounds;
    return limit < least ? least : limit > most ? most : limit;
}

static inline double real_of(const word *w) { return bits_real(load_relaxed(w)); }
static inline double long_average(uint64_t v) { return bits_real(v & ~IN_FLIGHT_MASK); }

/* A release as the algorithms see it. */
typedef struct limit_sample {
    bool failed;
    uint64_t time;  /* ns; 0: not measured */
    double no_load; /* VEGAS: the no-load time in ns; 0: none known */
    double longer;  /* GRADIENT2: long average / newest time; 0: none known */
} limit_sample;

/* Takes the time of a success into the words of its algorithm; before next_limit. */
static void take_time(word *w, uint64_t algorithm, limit_sample *s);
/* N after a sample, within any bounds, for STATE before it. */
static double next_limit(const word *w, uint64_t algorithm, uint64_t state, const limit_sample *s);

#endif
