/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Admission and outcomes.
 *
 * CLOSED: an admission reads STATE; an outcome is recorded in the window, the run and the sums, then the
 * rules are judged, and the first to see one hold swaps STATE. Each outcome judges after it has recorded,
 * so of several at once the last sees all. Dying after recording leaves judging to the next outcome. */
#include "internal.h"

static bool admits_all(uint32_t state) {
    return state == TRIFUSE_STATE_CLOSED || state >= TRIFUSE_STATE_DISABLED;
}

static const counts no_counts = {0, 0, 0};

static int refuse_call(call *c, unsigned refusal, uint64_t retry_after) {
    add_relaxed(&c->b->w[W_REFUSED + refusal - TRIFUSE_REFUSED_OPEN], 1);
    if (c->event) c->event->retry_after_ns = retry_after;
    return (int)refusal;
}

/* OPEN: refused until the deadline; then the first one moves on. 0: look at STATE again. */
static int acquire_open(call *c, uint64_t s) {
    uint64_t deadline = deadline_of(c, s), now = now_of(c);
    if (now < deadline) return refuse_call(c, TRIFUSE_REFUSED_OPEN, deadline - now);
    if (c->told) return refuse_call(c, TRIFUSE_REFUSED_OPEN, 0);
    uint64_t next = plain_word(s, TRIFUSE_STATE_HALF_OPEN, TRIFUSE_CAUSE_WAIT_OVER);
    (void)transition(c, s, next, window_counts(c->b, s, now, failed_first), 0);
    return 0;
}

static OUT_OF_LINE int acquire_slowly(call *c, uint64_t *permit) {
    trifuse_breaker *b = c->b;
    for (;;) {
        uint64_t s = load_acquire(&b->w[W_STATE]);
        switch (state_of(s)) {
        case TRIFUSE_STATE_FORCED_OPEN:
            return refuse_call(c, TRIFUSE_REFUSED_FORCED_OPEN, TRIFUSE_NEVER);
        case TRIFUSE_STATE_OPEN: {
            int refused = acquire_open(c, s);
            if (refused) return refused;
            break;
        }
        case TRIFUSE_STATE_HALF_OPEN: {
            if (!c->told && probes_settle(c, s)) break;
            int result = probe_acquire(c, s, permit);
            if (result == TRIFUSE_OK) return TRIFUSE_OK;
            if (result == TRIFUSE_STALE) break;
            return refuse_call(c, TRIFUSE_REFUSED_HALF_OPEN_LIMIT, TRIFUSE_NEVER);
        }
        default:
            *permit = closed_permit(b, s);
            return TRIFUSE_OK;
        }
    }
}

int trifuse_breaker_try_acquire(trifuse_breaker *breaker, uint64_t now_ns, uint64_t *permit,
                                trifuse_breaker_event *event) {
    if (!breaker || !permit) return TRIFUSE_ERROR_ARGUMENT;
    int result = event_start(event);
    if (result != TRIFUSE_OK) return result;
    uint64_t s = load_acquire(&breaker->w[W_STATE]);
    if (admits_all(state_of(s))) {
        *permit = closed_permit(breaker, s);
        return TRIFUSE_OK;
    }
    *permit = 0;
    call c = {breaker, now_ns, event, false};
    return acquire_slowly(&c, permit);
}

int trifuse_breaker_reenter(const trifuse_breaker *breaker, uint64_t permit) {
    if (!breaker) return TRIFUSE_ERROR_ARGUMENT;
    uint64_t s = load_acquire(&breaker->w[W_STATE]);
    return permit == closed_permit(breaker, s) && admits_all(state_of(s)) ? TRIFUSE_OK : TRIFUSE_STALE;
}


static uint64_t failure_threshold(uint64_t rates) { return bits(rates, 0, 30); }
static uint64_t slow_threshold(uint64_t rates) { return bits(rates, 30, 30); }

/* Slow detection: a duration, and a rule that reads it. */
static bool slow_is_judged(trifuse_breaker *b) {
    if (load_relaxed(&b->w[W_SLOW]) == 0) return false;
    return slow_threshold(load_relaxed(&b->w[W_RATES])) < NANO || design_of(b, 1) != 0;
}

static uint64_t minimum_calls(trifuse_breaker *b, uint64_t limits) {
    uint64_t least = bits(limits, 0, 20);
    shape s = shape_decode(shape_raw(b, window_version(load_relaxed(&b->w[W_GENERATION]))));
    return s.kind == TRIFUSE_WINDOW_COUNT ? min64(least, s.count) : least;
}

static bool rate_exceeds(uint64_t part, uint64_t total, uint64_t threshold) {
    return product_exceeds(part, NANO, threshold, total);
}

static bool slow_rate_holds(trifuse_breaker *b, uint64_t s, uint64_t rates, uint64_t least) {
    if (slow_threshold(rates) >= NANO || load_relaxed(&b->w[W_SLOW]) == 0) return false;
    counts n = window_counts(b, s, 0, slow_first);
    return n.total >= least && rate_exceeds(n.slow, n.total, slow_threshold(rates));
}

/* The first rule that holds, and the counts it was judged on. */
static uint32_t judge(trifuse_breaker *b, uint64_t s, run_verdict run, counts *n) {
    uint64_t rates = load_relaxed(&b->w[W_RATES]), limits = load_relaxed(&b->w[W_LIMITS]);
    uint64_t in_row = bits(limits, 20, 20), most = bits(limits, 40, 20);
    bool rate = !bits(rates, 60, 1) && failure_threshold(rates) < NANO;
    uint64_t least = minimum_calls(b, limits);
    *n = window_counts(b, s, 0, failed_first);
    if (rate && n->total >= least && rate_exceeds(n->failed, n->total, failure_threshold(rates)))
        return TRIFUSE_CAUSE_FAILURE_RATE;
    if (most && n->failed >= most) return TRIFUSE_CAUSE_FAILURE_COUNT;
    if (slow_rate_holds(b, s, rates, least) || run.slow_cusum) return TRIFUSE_CAUSE_SLOW_RATE;
    if (in_row && run.length >= in_row) return TRIFUSE_CAUSE_CONSECUTIVE;
    return run.cusum ? TRIFUSE_CAUSE_CUSUM : TRIFUSE_CAUSE_NONE;
}

/* METRICS_ONLY: what would have opened is counted and told, once for as long as a rule holds. */
static void judge_shadow(call *c, uint64_t s, uint32_t cause, counts n) {
    if (!run_begins_to_hold(c, generation_of(s), cause != TRIFUSE_CAUSE_NONE)) return;
    add_relaxed(&c->b->w[W_WOULD_OPEN], 1);
    cusum_clear(c->b, 0, generation_of(s));
    cusum_clear(c->b, 1, generation_of(s));
    uint64_t told = (s & ~(15ULL << 9)) | ((uint64_t)cause << 9);
    event_tell(c, s, told, n, 0);
}

/* After an outcome is in the window: the run, the sums, and whether a rule holds now. */
static OUT_OF_LINE int follow(call *c, uint64_t s, unsigned class) {
    bool shadow = state_of(s) == TRIFUSE_STATE_METRICS_ONLY;
    run_verdict run = run_record(c, generation_of(s), class);
    if (class == 0 && !shadow && !slow_is_judged(c->b) && window_failed_none(c)) return TRIFUSE_OK;
    counts n;
    uint32_t cause = judge(c->b, s, run, &n);
    if (shadow) judge_shadow(c, s, cause, n);
    else if (cause != TRIFUSE_CAUSE_NONE) (void)enter_open(c, s, open_word(s, false, cause), 0, n, 0);
    return TRIFUSE_OK;
}

static int record(call *c, uint64_t s, uint32_t outcome, bool slow) {
    unsigned class = (outcome != TRIFUSE_OUTCOME_SUCCESS ? CLASS_FAILED : 0u) | (slow ? CLASS_SLOW : 0u);
    enum recorded recorded = window_record(c, generation_of(s), class);
    if (recorded == GONE) return TRIFUSE_LATE;
    if (outcome == TRIFUSE_OUTCOME_TIMEOUT) add_relaxed(&c->b->w[W_TIMEOUTS], 1);
    if (recorded == RECORDED) return follow(c, s, class);
    total_add(c->b, class, 1);
    return TRIFUSE_OK;
}

/* Records a success of a CLOSED breaker without sums or slow calls straight: one swap. False, with
 * nothing done, if anything is unusual. */
static bool success_quick(trifuse_breaker *b, uint64_t s, uint64_t permit, uint64_t *now) {
    const word *w = b->w;
    uint64_t g = load_acquire(&w[W_GENERATION]);
    bool ordinary = state_of(s) == TRIFUSE_STATE_CLOSED && permit == closed_permit(b, s) &&
                    window_generation(g) == generation_of(s) && !(g & FLAGS);
    if (!ordinary || load_relaxed(&w[W_SLOW]) | load_relaxed(&w[W_DESIGN])) return false;
    uint64_t raw = shape_raw(b, window_version(g));
    if (raw >> 62 != (window_version(g) & 3)) return false;
    if (bits(raw, 0, 55) > TRIFUSE_DURATION_MAX_NS) return count_quick(b, g, raw);
    if (*now == 0) *now = trifuse_now_ns();
    return time_quick(b, g, raw, *now);
}

/* No failure yet: nothing follows from a success. Looked at after it was recorded, so that of a failure
 * and a success at once one sees both. */
static inline bool never_failed(const trifuse_breaker *b) {
    return load_acquire(&b->w[W_LAST_FAILURE]) == 0;
}

static int late(trifuse_breaker *b) {
    add_relaxed(&b->w[W_LATE], 1);
    return TRIFUSE_LATE;
}

static int report(call *c, uint64_t s, uint64_t permit, uint32_t outcome, bool slow) {
    trifuse_breaker *b = c->b;
    uint32_t state = state_of(s);
    if (!permit_is_of(b, permit, s)) return TRIFUSE_LATE;
    if (permit & PERMIT_PROBE)
        return state == TRIFUSE_STATE_HALF_OPEN ? probe_report(c, s, permit, outcome, slow) : TRIFUSE_LATE;
    if (permit != closed_permit(b, s) || !admits_all(state)) return TRIFUSE_LATE;
    if (outcome != TRIFUSE_OUTCOME_IGNORED) return record(c, s, outcome, slow);
    add_relaxed(&b->w[W_IGNORED], 1);
    return TRIFUSE_OK;
}

static OUT_OF_LINE int report_slowly(call *c, uint64_t s, uint64_t permit, uint32_t outcome,
                                     uint64_t duration) {
    if (state_of(s) == TRIFUSE_STATE_DISABLED) return TRIFUSE_OK;
    uint64_t limit = load_relaxed(&c->b->w[W_SLOW]);
    int result = report(c, s, permit, outcome, limit != 0 && duration > limit);
    return result == TRIFUSE_LATE ? late(c->b) : result;
}

int trifuse_breaker_report(trifuse_breaker *breaker, uint64_t permit, uint32_t outcome,
                           uint64_t duration_ns, uint64_t now_ns, trifuse_breaker_event *event) {
    if (!breaker || permit == 0 || outcome > TRIFUSE_OUTCOME_IGNORED) return TRIFUSE_ERROR_ARGUMENT;
    int result = event_start(event);
    if (result != TRIFUSE_OK) return result;
    uint64_t s = load_acquire(&breaker->w[W_STATE]);
    bool quick = outcome == TRIFUSE_OUTCOME_SUCCESS && success_quick(breaker, s, permit, &now_ns);
    if (quick && never_failed(breaker)) return TRIFUSE_OK;
    call c = {breaker, now_ns, event, false};
    return quick ? follow(&c, s, 0) : report_slowly(&c, s, permit, outcome, duration_ns);
}

int trifuse_breaker_renew(trifuse_breaker *breaker, uint64_t permit, uint64_t now_ns) {
    if (!breaker || permit == 0) return TRIFUSE_ERROR_ARGUMENT;
    call c = {breaker, now_ns, NULL, false};
    uint64_t s = load_acquire(&breaker->w[W_STATE]);
    if (!permit_is_of(breaker, permit, s)) return TRIFUSE_LATE;
    if (permit == closed_permit(breaker, s)) return TRIFUSE_OK;
    bool probe = (permit & PERMIT_PROBE) && state_of(s) == TRIFUSE_STATE_HALF_OPEN;
    return probe ? probe_renew(&c, s, permit) : TRIFUSE_LATE;
}
