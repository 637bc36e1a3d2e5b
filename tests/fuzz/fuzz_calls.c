/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Any sequence of calls, at any times, with permits kept, lost, doubled and invented: after each step
 * the promises that need no model hold. */
#include "fuzz.h"

#define SECOND 1000000000ULL
enum { WORDS = 2048, PERMITS = 8 };

static _Alignas(64) uint64_t memory[WORDS];

typedef struct session {
    trifuse_breaker *b;
    trifuse_breaker_config c;
    trifuse_breaker_snapshot last;
    trifuse_breaker_event event;
    uint64_t now, permit[PERMITS], reports, counted, late, ignored;
} session;

static trifuse_breaker_config any_config(bytes *in) {
    trifuse_breaker_config c;
    (void)trifuse_breaker_config_init(&c, sizeof c, (uint32_t)take(in, 1) % 11);
    c.window_kind = (uint32_t)take(in, 1) % 2;
    c.window_buckets = 1 + (uint32_t)take(in, 1) % 64;
    c.window_duration_ns = c.window_buckets * (1000 + take(in, 4));
    c.window_count = 1 + (uint32_t)take(in, 2) % 4096;
    c.minimum_calls = 1 + (uint32_t)take(in, 1);
    c.failure_rate_threshold = (double)(take(in, 1) % 101) / 100;
    c.slow_call_duration_ns = take(in, 1) * SECOND / 100;
    c.slow_call_rate_threshold = (double)(take(in, 1) % 101) / 100;
    c.consecutive_failures = (uint32_t)take(in, 1) % 16;
    c.failure_count_threshold = (uint32_t)take(in, 1);
    c.detector = (uint32_t)take(in, 1) % 2;
    c.initial_state = (uint32_t)take(in, 1) % 6;
    c.half_open_max_calls = 1 + (uint32_t)take(in, 1) % 64;
    c.success_threshold = 1 + (uint32_t)take(in, 1) % 4;
    c.half_open_failure_threshold = 1 + (uint32_t)take(in, 1) % 4;
    c.open_backoff_multiplier = 1 + (double)take(in, 1) / 16;
    c.open_jitter = (uint32_t)take(in, 1) % 3;
    c.cusum_up = c.slow_cusum_up = 1 + (uint32_t)take(in, 1) % 7;
    c.cusum_down = c.slow_cusum_down = 1;
    c.cusum_threshold = c.slow_cusum_threshold = 1 + (uint32_t)take(in, 1) % 40;
    c.reserve_window_buckets = 64;
    c.reserve_window_count = 4096;
    c.reserve_half_open_calls = 64;
    return c;
}

static void count_report(session *s, int result, uint32_t outcome) {
    if (s->last.state == TRIFUSE_STATE_DISABLED) return;
    PROMISE(result == TRIFUSE_OK || result == TRIFUSE_LATE);
    s->late += result == TRIFUSE_LATE;
    s->ignored += result == TRIFUSE_OK && outcome == TRIFUSE_OUTCOME_IGNORED;
    s->counted += result == TRIFUSE_OK && outcome != TRIFUSE_OUTCOME_IGNORED;
}

static void ask(session *s, unsigned i) {
    int result = trifuse_breaker_try_acquire(s->b, s->now, &s->permit[i], &s->event);
    uint64_t wait = s->event.retry_after_ns;
    PROMISE((result == TRIFUSE_OK) == (s->permit[i] != 0));
    if (result != TRIFUSE_REFUSED_OPEN || s->now > UINT64_MAX - wait) return;
    uint64_t permit;
    trifuse_breaker_event event = {.struct_size = sizeof event};
    if (wait > 1) {
        PROMISE(trifuse_breaker_try_acquire(s->b, s->now + wait - 1, &permit, &event) == TRIFUSE_REFUSED_OPEN);
        PROMISE(event.retry_after_ns == 1);
    }
}

static void report(session *s, uint64_t permit, bytes *in) {
    uint32_t outcome = (uint32_t)take(in, 1) % 4;
    if (permit == 0) return;
    int result = trifuse_breaker_report(s->b, permit, outcome, take(in, 1) * SECOND / 50, s->now, &s->event);
    count_report(s, result, outcome);
}

static void steer(session *s, unsigned what, uint64_t wait) {
    switch (what % 7) {
    case 0: PROMISE(trifuse_breaker_trip(s->b, s->now, wait, &s->event) == TRIFUSE_OK); break;
    case 1: PROMISE(trifuse_breaker_reset(s->b, s->now, &s->event) == TRIFUSE_OK); break;
    case 2: PROMISE(trifuse_breaker_close(s->b, s->now, &s->event) == TRIFUSE_OK); break;
    case 3: PROMISE(trifuse_breaker_force_open(s->b, s->now, &s->event) == TRIFUSE_OK); break;
    case 4: PROMISE(trifuse_breaker_disable(s->b, s->now, &s->event) == TRIFUSE_OK); break;
    case 5: PROMISE(trifuse_breaker_metrics_only(s->b, s->now, &s->event) == TRIFUSE_OK); break;
    default: PROMISE(trifuse_breaker_trip(s->b, s->now, 0, &s->event) == TRIFUSE_OK);
    }
}

static void step(session *s, bytes *in) {
    unsigned what = (unsigned)take(in, 1), i = what / 16 % PERMITS;
    s->event = (trifuse_breaker_event){.struct_size = sizeof s->event};
    switch (what % 16) {
    case 0: case 1: case 2: case 3: ask(s, i); break;
    case 4: case 5: case 6: case 7: report(s, s->permit[i], in); break;
    case 8: report(s, take(in, 8), in); break;
    case 9: if (s->permit[i]) (void)trifuse_breaker_renew(s->b, s->permit[i], s->now); break;
    case 10: steer(s, (unsigned)take(in, 1), take(in, 5)); break;
    case 11:
        s->c = any_config(in);
        PROMISE(trifuse_breaker_reconfigure(s->b, &s->c, s->now, NULL) == TRIFUSE_OK);
        break;
    case 12: s->now += take(in, 5); break;
    case 13: s->now = s->now > 1 + take(in, 4) ? s->now - take(in, 4) % s->now : s->now; break;
    default: s->now += take(in, 3);
    }
    if (s->now == 0) s->now = 1;
}

static void check(session *s) {
    trifuse_breaker_snapshot p = {.struct_size = sizeof p};
    PROMISE(trifuse_breaker_get_snapshot(s->b, s->now, &p) == TRIFUSE_OK);
    PROMISE(p.generation - s->last.generation <= 1 && p.generation >= s->last.generation);
    bool shadow = s->event.from == TRIFUSE_STATE_METRICS_ONLY && s->event.to == TRIFUSE_STATE_METRICS_ONLY;
    bool told = (s->event.flags & TRIFUSE_EVENT_TRANSITION) && !shadow;
    PROMISE(told == (p.generation != s->last.generation));
    PROMISE(p.state == s->last.state || told);
    PROMISE(p.window_failed <= p.window_total && p.window_slow <= p.window_total);
    PROMISE(p.probes_in_flight <= 64 && (p.state == TRIFUSE_STATE_HALF_OPEN || p.probes_in_flight == 0));
    PROMISE(p.cusum_s <= p.cusum_threshold || p.cusum_threshold == 0);
    PROMISE(p.calls == p.successes + p.failures && p.timeouts <= p.failures && p.slow <= p.calls);
    PROMISE(p.calls == s->counted && p.ignored == s->ignored && p.late_results == s->late);
    PROMISE(p.window_total <= p.calls && p.refused_open >= s->last.refused_open);
    s->last = p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static session s;
    bytes in = {data, size};
    memset(&s, 0, sizeof s);
    s.now = 1 + take(&in, 6);
    s.c = any_config(&in);
    PROMISE(trifuse_breaker_init(memory, sizeof memory, &s.c, s.now, NULL, &s.b) == TRIFUSE_OK);
    s.last.struct_size = sizeof s.last;
    PROMISE(trifuse_breaker_get_snapshot(s.b, s.now, &s.last) == TRIFUSE_OK);
    while (in.left > 0) {
        step(&s, &in);
        check(&s);
    }
    return 0;
}
