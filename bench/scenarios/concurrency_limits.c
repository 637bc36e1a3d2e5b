/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Adaptive limits in front of a server with capacity 50, in virtual time, while the offered load steps from
 * 0.7 of what it can do to 1.4 and to 3 times that, and back: at 1 and at 100,000 calls a second.
 *
 *     concurrency_limits             prints the table of docs/concurrency.md
 *     concurrency_limits 0.5         the same with service times that vary by 50 % instead of 10 %
 *     concurrency_limits --check     a shorter run whose promises are checked */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "concurrency_server.h"
#include "trifuse/trifuse.h"

#define CAPACITY 50.0
enum { PHASES = 5, SUBJECTS = 5 };

typedef struct subject { /* what is compared; an algorithm of 0: a fixed limit that never refuses */
    const char *name;
    uint32_t algorithm;
    double backoff_ratio, mean_most, most, good_least, p99_most; /* what is promised under overload */
} subject;

static const subject subjects[SUBJECTS] = {
    {"AIMD", TRIFUSE_ALGORITHM_AIMD, 0.9, 110, 300, 0.6, 3.2},
    {"AIMD, x0.99", TRIFUSE_ALGORITHM_AIMD, 0.99, 150, 300, 0.85, 3.2},
    {"VEGAS", TRIFUSE_ALGORITHM_VEGAS, 0.9, 80, 250, 0.7, 2.5},
    {"GRADIENT2", TRIFUSE_ALGORITHM_GRADIENT2, 0.9, 220, 500, 0.7, 4.3},
    {"no limit", TRIFUSE_ALGORITHM_FIXED, 0.9, 0, 0, 0, 0},
};

typedef struct figures { /* of the second half of a phase; the limits of all of it */
    double offered, refused, good, least, most, sum, samples;
    uint64_t p99;
} figures;

typedef struct run {
    const subject *subject;
    double rate;      /* calls a second that the server can do */
    double length;    /* of a phase, in calls of that rate */
    server server;
    trifuse_concurrency *limit;
    trifuse_histogram *times;
    figures now;
    bool counts;
} run;

static const double loads[PHASES] = {0.7, 1.4, 3, 0.7, 3};
static const char *const load_names[PHASES] = {"0.7", "1.4", "3", "0.7 again", "3, from N = 1"};

static uint64_t ns(double seconds) { return (uint64_t)(seconds * 1e9) + 1; }

static bool adapts(const run *r) { return r->subject->algorithm != TRIFUSE_ALGORITHM_FIXED; }

static void make(run *r, double spread) {
    static uint64_t limit_memory[64], times_memory[1024];
    trifuse_concurrency_config c;
    trifuse_histogram_config h;
    (void)trifuse_concurrency_config_init(&c, sizeof c, r->subject->algorithm);
    (void)trifuse_histogram_config_init(&h, sizeof h);
    r->server = (server){.capacity = CAPACITY, .service = CAPACITY / r->rate, .spread = spread};
    r->server.patience = 4 * r->server.service;
    r->server.random = 88172645463325252ULL;
    if (!adapts(r)) c.limit = CALLS_AT_ONCE;
    c.backoff_ratio = r->subject->backoff_ratio;
    c.timeout_ns = ns(2 * r->server.service); /* read by AIMD, which has no other sign of load */
    (void)trifuse_concurrency_init(limit_memory, sizeof limit_memory, &c, 1, NULL, &r->limit);
    (void)trifuse_histogram_init(times_memory, sizeof times_memory, &h, 1, NULL, &r->times);
}

static void look_at_limit(run *r) {
    trifuse_concurrency_snapshot s = {.struct_size = sizeof s};
    (void)trifuse_concurrency_get_snapshot(r->limit, &s);
    r->now.least = fmin(r->now.least, s.limit_exact);
    r->now.most = fmax(r->now.most, s.limit_exact);
    if (!r->counts) return;
    r->now.sum += s.limit_exact;
    r->now.samples += 1;
}

static void end_call(run *r, server_event event) {
    uint32_t outcome = event.gave_up ? TRIFUSE_OUTCOME_TIMEOUT : TRIFUSE_OUTCOME_SUCCESS;
    (void)trifuse_concurrency_release(r->limit, outcome, ns(event.duration));
    look_at_limit(r);
    if (!r->counts) return;
    (void)trifuse_histogram_record(r->times, ns(event.duration), 1);
    r->now.good += !event.gave_up;
}

static void arrive(run *r) {
    bool admitted = trifuse_concurrency_try_acquire(r->limit) == TRIFUSE_OK;
    if (admitted) server_begin(&r->server);
    if (!r->counts) return;
    r->now.offered += 1;
    r->now.refused += !admitted;
}

/* Poisson arrivals at `load` times what the server can do. */
static void half_a_phase(run *r, double load) {
    double end = r->server.now + r->length / 2 / r->rate, next;
    server_event event;
    for (;;) {
        next = r->server.now - log(server_random(&r->server)) / (load * r->rate);
        if (next >= end) break;
        while (server_run(&r->server, next, &event)) end_call(r, event);
        arrive(r);
    }
    while (server_run(&r->server, end, &event)) end_call(r, event);
}

static figures phase(run *r, unsigned i) {
    if (i == PHASES - 1 && adapts(r)) (void)trifuse_concurrency_set_limit(r->limit, 1, NULL);
    r->now = (figures){.least = 1e9};
    r->counts = false;
    half_a_phase(r, loads[i]);
    trifuse_histogram_config h;
    (void)trifuse_histogram_config_init(&h, sizeof h);
    (void)trifuse_histogram_init(r->times, trifuse_histogram_size(&h), &h, 1, NULL, &r->times);
    r->counts = true;
    half_a_phase(r, loads[i]);
    (void)trifuse_histogram_quantile(r->times, 0.99, 1, &r->now.p99);
    return r->now;
}

static double p99_of(const run *r, const figures *f) { return (double)f->p99 / 1e9 / r->server.service; }
static double goodput(const run *r, const figures *f) { return f->good / (r->length / 2); }
static double mean(const figures *f) { return f->sum / f->samples; }

static void print_row(const run *r, unsigned i, const figures *f) {
    printf("| %s | %.0f | %s | ", r->subject->name, r->rate, load_names[i]);
    if (!adapts(r)) printf("- | ");
    else printf("%.0f (%.0f to %.0f) | ", mean(f), f->least, f->most);
    printf("%.0f %% | %.1f | %.1f %% |\n", 100 * goodput(r, f), p99_of(r, f), 100 * f->refused / f->offered);
}

/* The bounds are far from the table's figures. Without a limit an overload leaves next to nothing. */
static bool keeps_its_promise(const run *r, unsigned i, const figures *f) {
    const subject *s = r->subject;
    bool overload = loads[i] > 1;
    if (!adapts(r)) return !overload || goodput(r, f) < 0.05;
    bool serves = overload ? goodput(r, f) >= s->good_least && mean(f) <= s->mean_most : f->refused <= 0.02 * f->offered;
    return serves && mean(f) >= 35 && f->most <= s->most && p99_of(r, f) <= s->p99_most;
}

static bool run_all(run *r, double length, double spread, bool check) {
    bool all = true;
    r->length = length;
    make(r, spread);
    for (unsigned i = 0; i < PHASES; i++) {
        figures f = phase(r, i);
        bool kept = !check || keeps_its_promise(r, i, &f);
        if (!kept) printf("broken: ");
        if (!kept || !check) print_row(r, i, &f);
        all &= kept;
    }
    return all;
}

int main(int argc, char **argv) {
    static run r;
    bool check = argc > 1 && strcmp(argv[1], "--check") == 0, all = true;
    double spread = argc > 1 && !check ? strtod(argv[1], NULL) : 0.1;
    if (!check)
        puts("| limit | calls/s | load | N: mean (range) | goodput | p99 / service time | refused |\n"
             "|---|---|---|---|---|---|---|");
    for (unsigned i = 0; i < 2 * SUBJECTS; i++) {
        r = (run){.subject = &subjects[i % SUBJECTS], .rate = i < SUBJECTS ? 1 : 100000};
        all &= run_all(&r, check ? 6000 : 40000, spread, check);
    }
    if (check) puts(all ? "1 passed, 0 failed" : "0 passed, 1 failed");
    return all ? 0 : 1;
}
