/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Reading a breaker. */
#include "fields.h"

int trifuse_breaker_state(const trifuse_breaker *breaker) {
    return breaker ? (int)state_of(load_acquire(&breaker->w[W_STATE])) : TRIFUSE_ERROR_ARGUMENT;
}

uint64_t trifuse_breaker_generation(const trifuse_breaker *breaker) {
    return breaker ? generation_of(load_acquire(&breaker->w[W_STATE])) : 0;
}

/* Totals are what was flushed plus what stands in the window; between the two a flush in progress is in
 * neither, so what was told before is kept and the greater is told. */
static uint64_t told(trifuse_breaker *b, uint32_t at, uint64_t found) {
    raise_to(&b->w[at], found);
    return load_acquire(&b->w[at]);
}

static void read_totals(trifuse_breaker *b, trifuse_breaker_snapshot *o) {
    uint64_t n[CLASSES], flushed[CLASSES];
    const word *w = b->w;
    for (unsigned class = 0; class < CLASSES; class++) flushed[class] = load_acquire(&w[W_TOTAL + class]);
    window_totals(b, n);
    for (unsigned class = 0; class < CLASSES; class++) n[class] += flushed[class];
    o->successes = told(b, W_TOLD, n[0] + n[CLASS_SLOW]);
    o->failures = told(b, W_TOLD_FAILURES, n[CLASS_FAILED] + n[CLASS_FAILED | CLASS_SLOW]);
    o->slow = told(b, W_TOLD_SLOW, n[CLASS_SLOW] + n[CLASS_FAILED | CLASS_SLOW]);
    o->calls = o->successes + o->failures;
    o->timeouts = load_acquire(&w[W_TIMEOUTS]);
    o->ignored = load_acquire(&w[W_IGNORED]);
    o->late_results = load_acquire(&w[W_LATE]);
    o->lost_permits += load_acquire(&w[W_LOST]); /* and those lapsed by now, a view */
    o->would_have_opened = load_acquire(&w[W_WOULD_OPEN]);
    o->refused_open = load_acquire(&w[W_REFUSED]);
    o->refused_half_open_limit = load_acquire(&w[W_REFUSED_LIMIT]);
    o->refused_forced_open = load_acquire(&w[W_REFUSED_FORCED]);
    for (uint32_t pair = 0; pair < TRIFUSE_STATES * TRIFUSE_STATES; pair++) {
        uint32_t from = pair / TRIFUSE_STATES, to = pair % TRIFUSE_STATES;
        unsigned shift;
        const word *count = transition_count(b, from, to, &shift);
        if (count) o->transitions[from][to] = bits(load_acquire(count), shift, 32);
    }
}

static void read_window(trifuse_breaker *b, uint64_t s, uint64_t now, trifuse_breaker_snapshot *o) {
    counts n = window_counts(b, s, now, failed_first);
    o->window_total = n.total;
    o->window_failed = n.failed;
    o->window_slow = n.slow;
    o->failure_rate = n.total ? (double)n.failed / (double)n.total : 0.0;
    o->slow_rate = n.total ? (double)n.slow / (double)n.total : 0.0;
    o->consecutive_failures = run_length(b, s);
}

static void read_cusum(trifuse_breaker *b, uint64_t s, uint64_t now, trifuse_breaker_snapshot *o) {
    uint32_t d = design_of(b, 0), slow = design_of(b, 1);
    o->cusum_s = cusum_now(b, s, 0, now);
    o->cusum_up = design_up(d);
    o->cusum_down = design_down(d);
    o->cusum_threshold = design_threshold(d);
    o->slow_cusum_s = cusum_now(b, s, 1, now);
    o->slow_cusum_up = design_up(slow);
    o->slow_cusum_down = design_down(slow);
    o->slow_cusum_threshold = design_threshold(slow);
    if (o->cusum_up == 0) return;
    o->cusum_calls_to_detect_outage = bits_real(load_relaxed(&b->w[W_DETECT]));
    o->cusum_calls_to_detect_total = (double)((o->cusum_threshold + o->cusum_up - 1) / o->cusum_up);
}

static void read_probes(trifuse_breaker *b, uint64_t s, uint64_t now, trifuse_breaker_snapshot *o) {
    uint32_t lapsed;
    if (state_of(s) != TRIFUSE_STATE_HALF_OPEN) return;
    o->probes_in_flight = leases_live(b, generation_of(s), now, &lapsed);
    o->lost_permits = lapsed;
    uint64_t probes = probes_said(b, s);
    o->probe_successes = (uint32_t)bits(probes, 15, 15);
    o->probe_failures = (uint32_t)bits(probes, 0, 15);
}

static void read_state(trifuse_breaker *b, uint64_t s, trifuse_breaker_snapshot *o) {
    o->state = state_of(s);
    o->cause = cause_of(s);
    o->generation = generation_of(s);
    o->since_ns = load_acquire(&b->w[W_SINCE]);
    o->last_failure_ns = load_acquire(&b->w[W_LAST_FAILURE]);
    o->reopenings = level_of(s);
    if (o->state != TRIFUSE_STATE_OPEN) return;
    uint64_t d = load_acquire(&b->w[W_DEADLINE]);
    o->open_until_ns = deadline_is_of(d, s) ? from_us(d >> 9) : TRIFUSE_NEVER;
}

int trifuse_breaker_get_snapshot(trifuse_breaker *breaker, uint64_t now_ns,
                                 trifuse_breaker_snapshot *snapshot) {
    if (!breaker || !snapshot) return TRIFUSE_ERROR_ARGUMENT;
    size_t size = snapshot->struct_size;
    if (size < 8 || size % 8 != 0) return TRIFUSE_ERROR_STRUCT_SIZE;
    uint64_t now = now_ns ? now_ns : trifuse_now_ns(), s = load_acquire(&breaker->w[W_STATE]);
    trifuse_breaker_snapshot full;
    memset(&full, 0, sizeof full);
    read_state(breaker, s, &full);
    read_window(breaker, s, now, &full);
    read_cusum(breaker, s, now, &full);
    read_probes(breaker, s, now, &full);
    read_totals(breaker, &full);
    return struct_fill(snapshot, &full, sizeof full);
}

static double from_nano(uint64_t rate) { return (double)rate / 1e9; }

static void read_shape(const trifuse_breaker *b, trifuse_breaker_config *o) {
    uint32_t version = window_version(load_acquire(&b->w[W_GENERATION]));
    shape s = shape_decode(load_acquire(&b->w[W_SHAPE + (version & 1)]));
    o->window_kind = s.kind;
    if (s.kind == TRIFUSE_WINDOW_COUNT) o->window_count = s.count;
    else o->window_buckets = s.buckets;
    if (s.kind == TRIFUSE_WINDOW_TIME) o->window_duration_ns = s.width * s.buckets;
}

static void read_rules(const trifuse_breaker *b, trifuse_breaker_config *o) {
    uint64_t rates = load_relaxed(&b->w[W_RATES]), limits = load_relaxed(&b->w[W_LIMITS]);
    uint64_t probes = load_relaxed(&b->w[W_PROBE_LIMITS]), design = load_relaxed(&b->w[W_DESIGN]);
    o->failure_rate_threshold = from_nano(failure_threshold(rates));
    o->slow_call_rate_threshold = from_nano(slow_threshold(rates));
    o->detector = (uint32_t)bits(rates, 60, 1);
    o->open_jitter = (uint32_t)bits(rates, 61, 2);
    o->minimum_calls = (uint32_t)bits(limits, 0, 20);
    o->consecutive_failures = (uint32_t)bits(limits, 20, 20);
    o->failure_count_threshold = (uint32_t)bits(limits, 40, 20);
    o->half_open_max_calls = (uint32_t)bits(probes, 0, 6) + 1;
    o->success_threshold = (uint32_t)bits(probes, 6, 14);
    o->half_open_failure_threshold = (uint32_t)bits(probes, 20, 14);
    o->open_jitter_fraction = from_nano(probes >> 34);
    o->cusum_up = design_up((uint32_t)design);
    o->cusum_down = design_down((uint32_t)design);
    o->cusum_threshold = design_threshold((uint32_t)design);
    o->slow_cusum_up = design_up((uint32_t)(design >> 32));
    o->slow_cusum_down = design_down((uint32_t)(design >> 32));
    o->slow_cusum_threshold = design_threshold((uint32_t)(design >> 32));
}

static void read_values(const trifuse_breaker *b, trifuse_breaker_config *o) {
    const word *w = b->w;
    uint64_t failure = load_relaxed(&w[W_FAILURE_PAIR]), slow = load_relaxed(&w[W_SLOW_PAIR]);
    o->slow_call_duration_ns = load_relaxed(&w[W_SLOW]);
    o->open_duration_ns = load_relaxed(&w[W_OPEN]);
    o->open_duration_max_ns = load_relaxed(&w[W_OPEN_MAX]);
    o->open_backoff_multiplier = from_nano(load_relaxed(&w[W_MULTIPLIER]));
    o->half_open_permit_ttl_ns = load_relaxed(&w[W_TTL]);
    o->request_timeout_ns = load_relaxed(&w[W_TIMEOUT]);
    o->cancelled_counts_after_ns = load_relaxed(&w[W_CANCELLED]);
    o->cusum_idle_decay_ns = load_relaxed(&w[W_DECAY]);
    o->tolerated_failure_rate = from_nano(bits(failure, 0, 32));
    o->outage_failure_rate = from_nano(failure >> 32);
    o->tolerated_slow_rate = from_nano(bits(slow, 0, 32));
    o->outage_slow_rate = from_nano(slow >> 32);
    o->false_open_every = bits_real(load_relaxed(&w[W_FALSE_EVERY]));
    o->cusum_calls_to_detect_outage = bits_real(load_relaxed(&w[W_DETECT]));
    o->seed = load_relaxed(&w[W_SEED]);
}

int trifuse_breaker_get_config(const trifuse_breaker *breaker, trifuse_breaker_config *config) {
    if (!breaker || !config) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_breaker_config full = defaults;
    read_shape(breaker, &full);
    read_rules(breaker, &full);
    read_values(breaker, &full);
    return struct_fill(config, &full, sizeof full);
}
