/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "limiter_world.h"
#include "check.h"

#define YEAR ((int64_t)(365 * 86400 * SECOND))
#define MS ((int64_t)(SECOND / 1000))

limiter_world limiter;
const char *const limiter_names[LIMITERS] = {"token bucket", "sliding log", "sliding counter", "fixed window"};

static uint64_t draw(limiter_world *w, uint64_t below) {
    return next_random(&w->random) % below;
}

#define OF(w) ((trifuse_limiter *)(void *)(w)->memory)
#define CALL(name) static int name(limiter_world *w)

static int acquire_at(limiter_world *w, uint64_t n, int64_t later) {
    return trifuse_limiter_try_acquire(OF(w), n, w->now + (uint64_t)later, NULL);
}

static int rate_set(limiter_world *w, uint64_t permits, uint64_t capacity) {
    trifuse_limiter_config c;
    CHECK_EQ(trifuse_limiter_config_init(&c, sizeof c, 0), TRIFUSE_OK);
    c.permits = permits;
    c.capacity = capacity;
    return trifuse_limiter_set_rate(OF(w), &c, w->now, NULL);
}

CALL(one) { return acquire_at(w, 1, 0); }
CALL(three) { return acquire_at(w, 3, 0); }
CALL(two_soon) { return acquire_at(w, 2, 100 * MS); }
CALL(all_soon) { return acquire_at(w, PERMITS, 100 * MS); }
CALL(one_of_the_past) { return acquire_at(w, 1, -300 * MS); }
CALL(one_in_the_next_window) { return acquire_at(w, 1, 1000 * MS); }
CALL(two_much_later) { return acquire_at(w, 2, 5000 * MS); }
CALL(one_after_years) { return acquire_at(w, 1, 10 * YEAR); }
CALL(fewer_permits) { return trifuse_limiter_set_permits(OF(w), 3, w->now, NULL); }
CALL(more_permits) { return trifuse_limiter_set_permits(OF(w), PERMITS, w->now, NULL); }

CALL(reserve) {
    trifuse_reservation r = {.struct_size = sizeof r};
    return trifuse_limiter_reserve(OF(w), 3, w->now, TRIFUSE_NEVER, &r);
}
CALL(reserve_in_time) {
    trifuse_reservation r = {.struct_size = sizeof r};
    return trifuse_limiter_reserve(OF(w), 1, w->now, SECOND / 100, &r);
}
CALL(reserve_and_hold) {
    w->held.struct_size = sizeof w->held;
    return trifuse_limiter_reserve(OF(w), 2, w->now, TRIFUSE_NEVER, &w->held);
}
CALL(cancel) {
    trifuse_reservation r = w->held;
    return r.n ? trifuse_limiter_cancel(OF(w), &r, w->now, NULL) : TRIFUSE_OK;
}
CALL(refund) { return trifuse_limiter_refund(OF(w), 2, w->now); }
CALL(debit) { return trifuse_limiter_debit(OF(w), 2, w->now); }
CALL(debit_a_million_years) { return trifuse_limiter_debit(OF(w), UINT64_MAX, w->now); }
CALL(slower) { return rate_set(w, 3, 2); }
CALL(faster) { return rate_set(w, 70, PERMITS); }
CALL(snapshot) {
    trifuse_limiter_snapshot s = {.struct_size = sizeof s};
    return trifuse_limiter_get_snapshot(OF(w), w->now, &s);
}

static const limiter_call bucket_calls[] = {
    {"one", one, 0}, {"three", three, 0}, {"two, soon", two_soon, 100 * MS},
    {"one of the past", one_of_the_past, -300 * MS}, {"one after years", one_after_years, 10 * YEAR},
    {"reserve", reserve, 0}, {"reserve in time", reserve_in_time, 0}, {"reserve and hold", reserve_and_hold, 0}, {"cancel", cancel, 0},
    {"refund", refund, 0}, {"debit", debit, 0}, {"slower", slower, 0}, {"faster", faster, 0},
    {"snapshot", snapshot, 0}, {"debit a million years", debit_a_million_years, 0}, {NULL, NULL, 0}};
static const limiter_call window_calls[] = {
    {"one", one, 0}, {"three", three, 0}, {"two, soon", two_soon, 100 * MS},
    {"all, soon", all_soon, 100 * MS},
    {"one of the past", one_of_the_past, -300 * MS}, {"one in the next window", one_in_the_next_window, 1000 * MS},
    {"two much later", two_much_later, 5000 * MS}, {"fewer permits", fewer_permits, 0},
    {"more permits", more_permits, 0}, {"snapshot", snapshot, 0}, {"one after years", one_after_years, 10 * YEAR},
    {NULL, NULL, 0}};

const limiter_call *limiter_calls(uint32_t kind) { return kind == BUCKET ? bucket_calls : window_calls; }

/* A history: calls at random but for the last of the list, time going on. */
void limiter_begin(limiter_world *w, uint32_t kind, unsigned length) {
    trifuse_limiter_config c;
    trifuse_limiter *made;
    memset(w, 0, sizeof *w);
    w->kind = kind;
    w->now = START;
    w->random = 88172645463325252ULL + length;
    CHECK_EQ(trifuse_limiter_config_init(&c, sizeof c, 0), TRIFUSE_OK);
    c.kind = kind;
    c.permits = PERMITS;
    CHECK_EQ(trifuse_limiter_init(w->memory, sizeof w->memory, &c, START, NULL, &made), TRIFUSE_OK);
    const limiter_call *calls = limiter_calls(kind);
    unsigned n = 0;
    while (calls[n + 1].name) n++;
    for (unsigned i = 0; i < length; i++) {
        const limiter_call *call = &calls[draw(w, n)];
        if (call->later < YEAR || draw(w, 30) == 0) (void)call->run(w);
        w->now += draw(w, draw(w, 6) ? SECOND / 3 : 4 * SECOND);
    }
}

static uint64_t wait_on_a_copy(const limiter_world *w, uint64_t n, uint64_t now) {
    static limiter_world copy;
    uint64_t wait = 0;
    copy = *w;
    CHECK(trifuse_limiter_try_acquire(OF(&copy), n, now, &wait) >= 0);
    return wait;
}

limiter_picture limiter_look(limiter_world *w, int64_t later) {
    uint64_t now = w->now + (uint64_t)later;
    trifuse_limiter_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_limiter_get_snapshot(OF(w), now, &s), TRIFUSE_OK);
    CHECK(s.granted <= s.granted_tokens);
    return (limiter_picture){{s.available, s.debt, wait_on_a_copy(w, 1, now), wait_on_a_copy(w, s.capacity, now),
                              s.capacity, s.permits, s.granted_tokens, s.refused, s.given_back}};
}

/* A refusal's wait is exact at both sides, then all that is there is given, and not one more. */
static bool waits_are_exact(limiter_world *w, uint64_t *now, uint64_t n) {
    uint64_t wait = 0, rest = 0;
    if (trifuse_limiter_try_acquire(OF(w), n, *now, &wait) == TRIFUSE_OK) return true;
    *now += wait;
    if (wait > 1)
        CHECK(trifuse_limiter_try_acquire(OF(w), n, *now - 1, &rest) == TRIFUSE_REFUSED_RATE_LIMITED && rest == 1);
    return CHECK_EQ(trifuse_limiter_try_acquire(OF(w), n, *now, NULL), TRIFUSE_OK);
}

bool limiter_goes_on(limiter_world *w, int64_t later) {
    uint64_t now = w->now + (uint64_t)later;
    limiter_picture p = limiter_look(w, later);
    bool all = p.number[DEBT] > 100 || waits_are_exact(w, &now, 1);
    now += 80 * (uint64_t)YEAR; /* over any debt */
    w->now = now;
    uint64_t permits = p.number[CAPACITY];
    all &= CHECK_EQ(limiter_look(w, 0).number[AVAILABLE], permits);
    for (uint64_t i = 0; i < permits; i++) all &= CHECK_EQ(one(w), TRIFUSE_OK);
    all &= CHECK_EQ(one(w), TRIFUSE_REFUSED_RATE_LIMITED);
    limiter_picture after = limiter_look(w, 0);
    all &= CHECK(after.number[TOKENS] >= p.number[TOKENS] + permits && after.number[REFUSED] > p.number[REFUSED]);
    for (uint64_t n = 1; n <= permits; n++) all &= waits_are_exact(w, &now, n);
    w->now = now;
    if (w->kind != BUCKET) return all && CHECK_EQ(fewer_permits(w), TRIFUSE_OK);
    all &= CHECK_EQ(rate_set(w, 1, 5), TRIFUSE_OK) && CHECK_EQ(limiter_look(w, 0).number[CAPACITY], 5);
    return all && waits_are_exact(w, &now, 5);
}
