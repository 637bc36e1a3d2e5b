/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "limits.h"
#include "check.h"

limits_world limits;
const char *const subject_names[SUBJECTS] = {"bulkhead", "AIMD", "VEGAS", "GRADIENT2", "lifetime histogram",
                                             "sliding histogram", "hedge budget"};

static uint64_t draw(limits_world *w, uint64_t below) {
    return next_random(&w->random) % below;
}

#define CALL(name) static int name(limits_world *w)
#define PLACES(w) ((trifuse_concurrency *)(void *)(w)->memory)
#define VALUES(w) ((trifuse_histogram *)(void *)(w)->memory)
#define BUDGET(w) ((trifuse_hedge *)(void *)(w)->memory)

CALL(acquire) { return trifuse_concurrency_try_acquire(PLACES(w)); }
CALL(success) { return trifuse_concurrency_release(PLACES(w), TRIFUSE_OUTCOME_SUCCESS, 1000000); }
CALL(slow_success) { return trifuse_concurrency_release(PLACES(w), TRIFUSE_OUTCOME_SUCCESS, 9000000); }
CALL(failure) { return trifuse_concurrency_release(PLACES(w), TRIFUSE_OUTCOME_FAILURE, 5000000); }
CALL(new_limit) { return trifuse_concurrency_set_limit(PLACES(w), 5, NULL); }

CALL(record) { return trifuse_histogram_record(VALUES(w), 20, w->now); }
CALL(record_later) { return trifuse_histogram_record(VALUES(w), 20, w->now + 10 * SECOND); }
CALL(record_late) { return trifuse_histogram_record(VALUES(w), 20, w->now - 10 * SECOND); }
CALL(merge) { return trifuse_histogram_merge(VALUES(w), VALUES(w), w->now); }

CALL(deposit) { return trifuse_hedge_deposit(BUDGET(w)); }
CALL(withdraw) { return trifuse_hedge_try_withdraw(BUDGET(w)); }

CALL(snapshot) {
    (void)limits_look(w);
    return TRIFUSE_OK;
}

static const limits_call places_calls[CALLS_MOST + 1] = {
    {"acquire", acquire, ACTS},     {"success", success, ACTS},     {"slow success", slow_success, ACTS},
    {"failure", failure, ACTS},     {"set_limit", new_limit, ACTS}, {"snapshot", snapshot, READS},
};
static const limits_call values_calls[] = {
    {"record", record, ACTS}, {"record later", record_later, ACTS}, {"record late", record_late, ACTS},
    {"merge", merge, ACTS_MANY},   {"snapshot", snapshot, READS},          {NULL, NULL, ACTS},
};
static const limits_call budget_calls[] = {
    {"deposit", deposit, ACTS}, {"withdraw", withdraw, ACTS}, {"snapshot", snapshot, READS}, {NULL, NULL, ACTS}};

const limits_call *limits_calls(unsigned subject) {
    if (is_concurrency(subject)) return places_calls;
    return subject == HEDGE ? budget_calls : values_calls;
}

static void make_places(limits_world *w) {
    trifuse_concurrency_config c;
    trifuse_concurrency *made;
    CHECK_EQ(trifuse_concurrency_config_init(&c, sizeof c, w->subject), TRIFUSE_OK);
    c.limit = 6;
    c.max_limit = 12;
    c.probe_every = 2;
    c.timeout_ns = 8000000;
    CHECK_EQ(trifuse_concurrency_init(w->memory, sizeof w->memory, &c, START, NULL, &made), TRIFUSE_OK);
}

static void make(limits_world *w) {
    if (is_concurrency(w->subject)) {
        make_places(w);
        return;
    }
    trifuse_histogram_config values = {.struct_size = sizeof values, .sliding_ns = w->subject == SLIDING ? 4 * SECOND : 0};
    trifuse_hedge_config budget = {.struct_size = sizeof budget, .share = 0.3, .max_saved = 2};
    trifuse_histogram *histogram;
    trifuse_hedge *hedge;
    int result = w->subject == HEDGE
        ? trifuse_hedge_init(w->memory, sizeof w->memory, &budget, START, NULL, &hedge)
        : trifuse_histogram_init(w->memory, sizeof w->memory, &values, START, NULL, &histogram);
    CHECK_EQ(result, TRIFUSE_OK);
}

/* A history: calls at random, of one kind twice as often as of the others, time going on. */
void limits_begin(limits_world *w, unsigned subject, unsigned length) {
    memset(w, 0, sizeof *w);
    w->subject = subject;
    w->now = START;
    w->random = 88172645463325252ULL + length;
    make(w);
    const limits_call *calls = limits_calls(subject);
    unsigned n = 0;
    while (calls[n].name) n++;
    for (unsigned i = 0; i < length; i++) {
        unsigned at = (unsigned)draw(w, n + 1) % n;
        if (calls[at].run != merge || draw(w, 8) == 0) (void)calls[at].run(w);
        w->now += draw(w, 2 * SECOND);
    }
}

static limits_picture places_picture(limits_world *w) {
    trifuse_concurrency_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_concurrency_get_snapshot(PLACES(w), &s), TRIFUSE_OK);
    return (limits_picture){{(uint64_t)(s.limit_exact * 65536), s.in_flight, s.refused, s.admitted, s.released,
                             s.failures, s.no_load_ns, s.short_ns, s.long_ns}};
}

static limits_picture values_picture(limits_world *w) {
    trifuse_histogram_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_histogram_get_snapshot(VALUES(w), w->now + 10 * SECOND, &s), TRIFUSE_OK);
    limits_picture p = {{s.count, s.sum_ns, s.total, s.min_ns, s.max_ns, s.p50_ns, s.p99_ns}};
    CHECK_EQ(trifuse_histogram_get_snapshot(VALUES(w), w->now, &s), TRIFUSE_OK);
    p.number[OLDER_COUNT] = s.count;
    return p;
}

static limits_picture budget_picture(limits_world *w) {
    trifuse_hedge_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_hedge_get_snapshot(BUDGET(w), &s), TRIFUSE_OK);
    return (limits_picture){{(uint64_t)(s.saved * 1e9 + 0.5), 0, s.calls, s.hedges, s.refused}};
}

limits_picture limits_look(limits_world *w) {
    if (is_concurrency(w->subject)) return places_picture(w);
    return w->subject == HEDGE ? budget_picture(w) : values_picture(w);
}

/* All places come back, then exactly N are given. */
static bool places_go_on(limits_world *w) {
    uint64_t out = trifuse_concurrency_in_flight(PLACES(w));
    while (out--)
        if (!CHECK_EQ(success(w), TRIFUSE_OK)) return false;
    bool all = CHECK_EQ(success(w), TRIFUSE_ERROR_NOT_HELD);
    uint32_t n = trifuse_concurrency_limit(PLACES(w));
    all &= CHECK(n >= 1 && n <= 12);
    for (uint32_t i = 0; i < n; i++) all &= CHECK_EQ(acquire(w), TRIFUSE_OK);
    return all && CHECK_EQ(acquire(w), TRIFUSE_REFUSED_BULKHEAD_FULL);
}

/* A value more is one more, in its span and in the total; that may first make up for what a death lost. */
static bool values_go_on(limits_world *w) {
    w->now += 5 * SECOND;
    limits_picture before = limits_look(w);
    bool all = CHECK_EQ(record_later(w), TRIFUSE_OK);
    limits_picture after = limits_look(w);
    uint64_t more = after.number[2] - before.number[2];
    return all && CHECK_EQ(after.number[0], before.number[0] + 1) && CHECK(more == 1 || (w->subject == SLIDING && !more));
}

/* What is told to be saved is there, and no more; four more calls pay for one. */
static bool budget_goes_on(limits_world *w) {
    bool all = true;
    for (uint64_t saved = limits_look(w).number[0]; saved >= SECOND; saved -= SECOND)
        all &= CHECK_EQ(withdraw(w), TRIFUSE_OK);
    all &= CHECK_EQ(withdraw(w), TRIFUSE_REFUSED_HEDGE_BUDGET);
    for (unsigned i = 0; i < 4; i++) all &= CHECK_EQ(deposit(w), TRIFUSE_OK);
    return all && CHECK_EQ(withdraw(w), TRIFUSE_OK);
}

bool limits_go_on(limits_world *w) {
    if (is_concurrency(w->subject)) return places_go_on(w);
    return w->subject == HEDGE ? budget_goes_on(w) : values_go_on(w);
}
