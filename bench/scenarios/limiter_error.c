/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How far the sliding counter is from the exact sliding log: the same Poisson arrivals through both, at loads
 * around the limit, and the worst burst there is; in virtual time, printed as the table of docs/limiters.md.
 * Each of the counter's verdicts is held against an exact log of its own grants. With --check it fails where
 * the counter is further off than that page says. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trifuse/trifuse.h"

#define SECOND 1000000000ULL
#define START (1000 * SECOND)
enum { PERMITS = 100, ARRIVALS = 1000000 };

static uint64_t random_state;

static double draw(void) { /* xorshift64, uniform in (0, 1] */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return ((double)(random_state >> 11) + 1) / 9007199254740992.0;
}

/* The times of the newest grants, 4 * PERMITS of them; how many are within a second before now. */
typedef struct window { uint64_t at[4 * PERMITS], from, to; } window;

static uint64_t inside(window *w, uint64_t now) {
    while (w->from < w->to && w->at[w->from % (4 * PERMITS)] + SECOND <= now) w->from++;
    return w->to - w->from;
}

static trifuse_limiter *made(uint32_t kind) {
    trifuse_limiter_config c;
    trifuse_limiter *l = NULL;
    (void)trifuse_limiter_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT);
    c.kind = kind;
    c.permits = PERMITS;
    if (trifuse_limiter_new(&c, START, NULL, &l) != TRIFUSE_OK) abort();
    return l;
}

typedef struct score { uint64_t arrivals, granted, exact, too_many, too_few, worst; } score;

static void arrive(trifuse_limiter *counter, trifuse_limiter *exact, window *w, uint64_t now, score *s) {
    bool room = inside(w, now) < PERMITS;
    bool granted = trifuse_limiter_try_acquire(counter, 1, now, NULL) == TRIFUSE_OK;
    s->arrivals++;
    s->granted += granted;
    s->exact += trifuse_limiter_try_acquire(exact, 1, now, NULL) == TRIFUSE_OK;
    s->too_many += granted && !room;
    s->too_few += !granted && room;
    if (granted) w->at[w->to++ % (4 * PERMITS)] = now;
    if (w->to - w->from > s->worst) s->worst = w->to - w->from;
}

static int too_far_off; /* rows */

/* Over the limit by `most` permits in no window; as much granted in all as by the log, to so many percent. */
static void hold(const score *s, uint64_t most, double percent) {
    double granted = (double)s->granted * 100 / (double)s->arrivals;
    double exact = (double)s->exact * 100 / (double)s->arrivals;
    too_far_off += s->worst > PERMITS + most || fabs(granted - exact) > percent;
}

static void print_row(const char *name, const score *s) {
    double arrivals = (double)s->arrivals / 100;
    printf("| %s | %.1f %% | %.1f %% | %.2f %% | %.2f %% | %.0f %% |\n", name, (double)s->granted / arrivals,
           (double)s->exact / arrivals, (double)s->too_many / arrivals, (double)s->too_few / arrivals,
           (double)s->worst * 100 / PERMITS);
}

static void poisson(double load) {
    trifuse_limiter *counter = made(TRIFUSE_LIMITER_SLIDING_COUNTER), *exact = made(TRIFUSE_LIMITER_SLIDING_LOG);
    static window w;
    w = (window){.from = 0};
    score s = {0};
    double now = (double)START;
    random_state = 88172645463325252ULL;
    while (s.arrivals < ARRIVALS) {
        now -= log(draw()) * (double)SECOND / PERMITS / load;
        arrive(counter, exact, &w, (uint64_t)now, &s);
    }
    char name[48];
    (void)snprintf(name, sizeof name, "Poisson, %.1f x the limit", load);
    print_row(name, &s);
    hold(&s, PERMITS / 4, 1.5);
    trifuse_limiter_free(counter);
    trifuse_limiter_free(exact);
}

/* All permits in the last nanosecond of a window, then again and again all that is there. */
static void boundary_burst(void) {
    trifuse_limiter *counter = made(TRIFUSE_LIMITER_SLIDING_COUNTER), *exact = made(TRIFUSE_LIMITER_SLIDING_LOG);
    static window w;
    w = (window){.from = 0};
    score s = {0};
    for (unsigned round = 0; round < 1000; round++) {
        uint64_t edge = START + 10 * round * SECOND + SECOND - 1;
        for (unsigned i = 0; i < PERMITS; i++) arrive(counter, exact, &w, edge, &s);
        for (unsigned i = 1; i < 2 * PERMITS; i++) arrive(counter, exact, &w, edge + i * SECOND / (2 * PERMITS), &s);
    }
    print_row("burst at the boundary", &s);
    hold(&s, PERMITS - 1, 100);
    trifuse_limiter_free(counter);
    trifuse_limiter_free(exact);
}

int main(int argc, char **argv) {
    static const double loads[] = {0.5, 0.8, 1, 1.5, 2, 3};
    printf("| arrivals | granted | by the log | granted, the log would not | refused, the log would not | "
           "most in any window |\n|---|---|---|---|---|---|\n");
    for (unsigned i = 0; i < sizeof loads / sizeof loads[0]; i++) poisson(loads[i]);
    boundary_burst();
    return argc > 1 && strcmp(argv[1], "--check") == 0 ? too_far_off : 0;
}
