/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Any sequence of calls on a concurrency limit, a histogram and a hedge budget, with any times and any
 * legal configuration: after each step the promises that need no model hold. */
#include "fuzz.h"

#define SECOND 1000000000ULL
enum { WORDS = 181 * 8 };

static _Alignas(64) uint64_t memory[3][WORDS];

typedef struct session {
    trifuse_concurrency *limit;
    trifuse_concurrency_config limits;
    trifuse_concurrency_snapshot last;
    trifuse_histogram *times;
    trifuse_hedge *hedge;
    uint64_t held, admitted, refused, released, failed, now, recorded, total, calls, hedges;
    uint32_t max_saved;
} session;

static double share(bytes *in) { return (double)(take(in, 2) % 1001) / 1000; }

static void begin_limit(session *s, bytes *in) {
    trifuse_concurrency_config *c = &s->limits;
    PROMISE(trifuse_concurrency_config_init(c, sizeof *c, (uint32_t)take(in, 1) % 4) == TRIFUSE_OK);
    c->min_limit = 1 + (uint32_t)take(in, 1) % 8;
    c->max_limit = c->min_limit + (uint32_t)take(in, 3) % 900000;
    c->limit = c->min_limit + (uint32_t)take(in, 2) % (c->max_limit - c->min_limit + 1);
    c->probe_every = 1 + (uint32_t)take(in, 1);
    c->long_window = 1 + (uint32_t)take(in, 2);
    c->timeout_ns = take(in, 3);
    c->backoff_ratio = 0.1 + 0.899 * share(in);
    c->alpha = 0.1 + 10 * share(in);
    c->beta = c->alpha + 10 * share(in);
    c->tolerance = 1 + 10 * share(in);
    c->smoothing = 0.001 + 0.999 * share(in);
    c->queue_size = 1000 * share(in);
    c->long_decay = 0.5 + 0.5 * share(in);
    c->seed = take(in, 2);
    PROMISE(trifuse_concurrency_init(memory[0], sizeof memory[0], c, 1, NULL, &s->limit) == TRIFUSE_OK);
}

static void begin(session *s, bytes *in) {
    s->now = 1 + take(in, 6);
    begin_limit(s, in);
    trifuse_histogram_config h = {.struct_size = sizeof h, .sliding_ns = 0};
    if (take(in, 1) % 4) h.sliding_ns = SECOND / 1000 + take(in, 5);
    PROMISE(trifuse_histogram_init(memory[1], sizeof memory[1], &h, s->now, NULL, &s->times) == TRIFUSE_OK);
    trifuse_hedge_config e = {.struct_size = sizeof e, .share = share(in), .max_saved = 1 + (uint32_t)take(in, 1)};
    s->max_saved = e.max_saved;
    PROMISE(trifuse_hedge_init(memory[2], sizeof memory[2], &e, s->now, NULL, &s->hedge) == TRIFUSE_OK);
}

static void acquire(session *s) {
    int result = trifuse_concurrency_try_acquire(s->limit);
    bool fits = s->held < trifuse_concurrency_limit(s->limit);
    PROMISE(result == (fits ? TRIFUSE_OK : TRIFUSE_REFUSED_BULKHEAD_FULL));
    s->held += fits, s->admitted += fits, s->refused += !fits;
}

/* IGNORED moves nothing, a failure never up, and nothing grows while less than half is used. */
static void give_back(session *s, bytes *in) {
    uint32_t outcome = (uint32_t)take(in, 1) % 4;
    uint64_t time = take(in, take(in, 1) % 9), used = s->held;
    int result = trifuse_concurrency_release(s->limit, outcome, time);
    PROMISE(result == (used ? TRIFUSE_OK : TRIFUSE_ERROR_NOT_HELD));
    if (used == 0) return;
    bool aimd = s->limits.algorithm == TRIFUSE_ALGORITHM_AIMD && s->limits.timeout_ns && time > s->limits.timeout_ns;
    bool failed = outcome == TRIFUSE_OUTCOME_FAILURE || outcome == TRIFUSE_OUTCOME_TIMEOUT ||
                  (outcome == TRIFUSE_OUTCOME_SUCCESS && aimd);
    s->held--, s->released++, s->failed += failed;
    trifuse_concurrency_snapshot p = {.struct_size = sizeof p};
    PROMISE(trifuse_concurrency_get_snapshot(s->limit, &p) == TRIFUSE_OK);
    bool moves = outcome != TRIFUSE_OUTCOME_IGNORED && s->limits.algorithm != TRIFUSE_ALGORITHM_FIXED;
    PROMISE(moves || p.limit_exact == s->last.limit_exact);
    bool grows = p.limit_exact > s->last.limit_exact;
    PROMISE(!grows || (!failed && 2 * (double)used >= s->last.limit_exact));
    bool at_least = s->last.limit_exact == s->limits.min_limit;
    PROMISE(!failed || !moves || at_least || p.limit_exact < s->last.limit_exact);
}

static void record(session *s, bytes *in) {
    PROMISE(trifuse_histogram_record(s->times, take(in, take(in, 1) % 9), s->now) == TRIFUSE_OK);
    s->recorded++;
}

static void hedge(session *s, bool asks) {
    if (!asks) {
        PROMISE(trifuse_hedge_deposit(s->hedge) == TRIFUSE_OK);
        s->calls++;
        return;
    }
    int result = trifuse_hedge_try_withdraw(s->hedge);
    PROMISE(result == TRIFUSE_OK || result == TRIFUSE_REFUSED_HEDGE_BUDGET);
    s->hedges += result == TRIFUSE_OK;
}

static void step(session *s, bytes *in) {
    unsigned what = (unsigned)take(in, 1);
    switch (what % 16) {
    case 0: case 1: case 2: case 3: acquire(s); break;
    case 4: case 5: case 6: case 7: give_back(s, in); break;
    case 8: (void)trifuse_concurrency_set_limit(s->limit, (uint32_t)take(in, 3), NULL); break;
    case 9: case 10: record(s, in); break;
    case 11: hedge(s, what & 16); break;
    case 12: hedge(s, true); break;
    case 13: s->now = s->now > 1 + take(in, 4) ? s->now - take(in, 4) % s->now : s->now; break;
    default: s->now += take(in, 1 + what / 16 % 6);
    }
    if (s->now == 0) s->now = 1;
}

static void check_limit(session *s) {
    trifuse_concurrency_snapshot p = {.struct_size = sizeof p};
    PROMISE(trifuse_concurrency_get_snapshot(s->limit, &p) == TRIFUSE_OK);
    PROMISE(p.in_flight == s->held && p.admitted == s->admitted && p.refused == s->refused);
    PROMISE(p.released == s->released && p.failures == s->failed);
    PROMISE(p.limit >= 1 && p.limit <= 1000000 && p.limit <= p.limit_exact && p.limit + 1.0 > p.limit_exact);
    bool adapts = p.algorithm != TRIFUSE_ALGORITHM_FIXED;
    PROMISE(!adapts || (p.limit_exact >= s->limits.min_limit && p.limit_exact <= s->limits.max_limit));
    PROMISE(!adapts || p.algorithm == s->limits.algorithm);
    s->last = p;
}

static void check_rest(session *s) {
    trifuse_histogram_snapshot h = {.struct_size = sizeof h};
    trifuse_hedge_snapshot e = {.struct_size = sizeof e};
    uint64_t value;
    PROMISE(trifuse_histogram_get_snapshot(s->times, s->now, &h) == TRIFUSE_OK);
    PROMISE(h.total == s->recorded && h.count <= h.total && h.min_ns <= h.p50_ns && h.p50_ns <= h.p95_ns);
    PROMISE(h.p95_ns <= h.p99_ns && h.p99_ns <= h.max_ns && (h.count == 0) == (h.min_ns == 0));
    int result = trifuse_histogram_quantile(s->times, 0.5, s->now, &value);
    PROMISE(result == (h.count ? TRIFUSE_OK : TRIFUSE_EMPTY) && value == h.p50_ns);
    PROMISE(trifuse_hedge_get_snapshot(s->hedge, &e) == TRIFUSE_OK);
    PROMISE(e.calls == s->calls && e.hedges == s->hedges && e.hedges <= e.calls);
    PROMISE(e.saved >= 0 && e.saved <= s->max_saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static session s;
    bytes in = {data, size};
    memset(&s, 0, sizeof s);
    begin(&s, &in);
    s.last.limit_exact = s.limits.limit;
    while (in.left > 0) {
        step(&s, &in);
        check_limit(&s);
        check_rest(&s);
    }
    return 0;
}
