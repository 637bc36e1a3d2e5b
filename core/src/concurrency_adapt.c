/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How an adaptive limit moves. Each algorithm is two steps: the time of a success goes into the words of
 * the algorithm, then N after this sample follows from STATE, and is swapped in with the place given back.
 *
 * VEGAS' no-load time is the least of an epoch; a new epoch begins after 1/2..1 of probe_every * N samples,
 * drawn from (seed, epoch). NO_LOAD says of which epoch it is: whoever comes with a newer one takes it anew,
 * so dying after an epoch was begun leaves the measuring to the next sample. */
#include "concurrency.h"

#define PROBE_SAMPLES ((1ULL << 48) - 1)
#define TIME_MOST ((1ULL << 48) - 1)

/* log10 of N >= 1, at least 1; relative error below 1e-14. */
static double log10_at_least_1(double limit) {
    return limit > 10 ? log_ratio(limit, 1) / 2.30258509299404568402 : 1;
}

static uint64_t vegas_due(const word *w, uint64_t epoch, double limit) {
    uint64_t most = (uint64_t)((double)load_relaxed(&w[N_PROBE_EVERY]) * limit), half = most / 2;
    return half + uniform(mix(load_relaxed(&w[N_SEED]), epoch, 0), most - half);
}

/* Counts a sample; the epoch that it belongs to. */
static uint64_t vegas_epoch(word *w, double limit) {
    for (;;) {
        uint64_t old = load_acquire(&w[N_PROBE]), epoch = old >> 48;
        bool over = (old & PROBE_SAMPLES) + 1 >= vegas_due(w, epoch, limit);
        uint64_t next = over ? (epoch + 1) << 48 : old + 1;
        if (cas_acq_rel(&w[N_PROBE], old, next)) return next >> 48;
    }
}

/* NO_LOAD with this time: anew for a newer epoch, else the less of the two. */
static double vegas_no_load(word *w, uint64_t time, uint64_t epoch) {
    for (;;) {
        uint64_t old = load_acquire(&w[N_NO_LOAD]), least = old >> 16;
        bool anew = least == 0 || ((epoch - old - 1) & 0xFFFF) < 0x7FFF;
        uint64_t next = anew ? (time << 16) | epoch : (min64(time, least) << 16) | (old & 0xFFFF);
        if (next == old || cas_acq_rel(&w[N_NO_LOAD], old, next)) return (double)(next >> 16);
    }
}

static void vegas_time(word *w, limit_sample *s) {
    uint64_t epoch = vegas_epoch(w, limit_of(load_acquire(&w[N_STATE])));
    s->time = min64(s->time, TIME_MOST);
    s->no_load = vegas_no_load(w, s->time, epoch);
}

static double vegas_limit(const word *w, double limit, const limit_sample *s) {
    double l = log10_at_least_1(limit);
    if (s->failed) return limit - l;
    if (s->no_load == 0) return limit;
    double queue = limit * (1 - s->no_load / (double)s->time);
    if (queue <= l) return limit + 6 * l;
    if (queue < real_of(&w[N_ALPHA]) * l) return limit + l;
    return queue > real_of(&w[N_BETA]) * l ? limit - l : limit;
}

/* Moving average over the long window: a plain mean until the weight of a new sample has fallen to
 * 2 / (window + 1), then exponential with that weight. */
static double long_next(uint64_t old, double window, uint64_t time, uint64_t *n) {
    double weight = 2 / (window + 1);
    *n = (old & IN_FLIGHT_MASK) + 1;
    double one = 1 / (double)*n;
    if (one < weight) *n -= 1;
    else weight = one;
    /* Of two shares, not by a difference, whose rest may be 0 between a year and a nanosecond. */
    return long_average(old) * (1 - weight) + (double)time * weight;
}

static void gradient_time(word *w, limit_sample *s) {
    double window = (double)load_relaxed(&w[N_LONG_WINDOW]), time = (double)s->time;
    uint64_t old, next, n;
    store_release(&w[N_SHORT], s->time);
    do {
        old = load_acquire(&w[N_LONG]);
        double mean = long_next(old, window, s->time, &n);
        s->longer = mean / time;
        if (s->longer > 2) mean *= real_of(&w[N_LONG_DECAY]);
        next = ((real_bits(mean) + IN_FLIGHT_MASK / 2) & ~IN_FLIGHT_MASK) | n;
    } while (!cas_acq_rel(&w[N_LONG], old, next));
}

static double gradient_limit(const word *w, double limit, const limit_sample *s) {
    if (s->failed) return limit * real_of(&w[N_BACKOFF]);
    if (s->longer == 0) return limit;
    double gradient = real_of(&w[N_TOLERANCE]) * s->longer, weight = real_of(&w[N_SMOOTHING]);
    gradient = gradient < 0.5 ? 0.5 : gradient > 1 ? 1 : gradient;
    return limit + weight * (gradient * limit + real_of(&w[N_QUEUE_SIZE]) - limit);
}

static double aimd_limit(const word *w, double limit, const limit_sample *s) {
    return s->failed ? limit * real_of(&w[N_BACKOFF]) : limit + 1;
}

static bool uses_half(uint64_t state) { return 2 * (double)in_flight_of(state) >= limit_of(state); }

static void take_time(word *w, uint64_t algorithm, limit_sample *s) {
    if (algorithm == TRIFUSE_ALGORITHM_VEGAS) vegas_time(w, s);
    else if (algorithm == TRIFUSE_ALGORITHM_GRADIENT2) gradient_time(w, s);
}

static double next_limit(const word *w, uint64_t algorithm, uint64_t state, const limit_sample *s) {
    double limit = limit_of(state), next;
    if (algorithm == TRIFUSE_ALGORITHM_AIMD) next = aimd_limit(w, limit, s);
    else if (algorithm == TRIFUSE_ALGORITHM_VEGAS) next = vegas_limit(w, limit, s);
    else next = gradient_limit(w, limit, s);
    return next < limit || uses_half(state) ? next : limit;
}
