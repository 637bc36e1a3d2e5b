/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Real threads on one rate limiter, in virtual time with clocks that are a little apart: the times of all
 * grants, put together, hold the promise in every window, and the totals are right. A run in which the
 * threads never met fails. */
#include "stress.h"

enum { STEPS = 20000 * TIMES, KEPT = THREADS * STEPS, PERMITS = 50 };

typedef struct grant { uint64_t at, n; } grant;

static _Alignas(64) uint64_t memory[128];
static trifuse_limiter *l;
static _Atomic(uint64_t) clock_ns, kept;
static grant grants[KEPT];
static uint64_t step_ns;

static void make(uint32_t kind, uint64_t permits, uint64_t period) {
    trifuse_limiter_config c;
    CHECK_EQ(trifuse_limiter_config_init(&c, sizeof c, 0), TRIFUSE_OK);
    c.kind = kind;
    c.permits = permits;
    c.period_ns = period;
    CHECK_EQ(trifuse_limiter_init(memory, sizeof memory, &c, START, NULL, &l), TRIFUSE_OK);
    atomic_store(&clock_ns, START);
    atomic_store(&kept, 0);
}

/* A time of the common clock, now and then a little old. */
static uint64_t a_time(runner *r) {
    uint64_t now = atomic_fetch_add(&clock_ns, step_ns), x = next_random(&r->seed);
    return x % 16 == 0 && now - START > 50 * step_ns ? now - x % (50 * step_ns) : now;
}

static void keep(uint64_t at, uint64_t n) { grants[atomic_fetch_add(&kept, 1)] = (grant){at, n}; }

static void ask_much(runner *r) {
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t now = a_time(r), n = 1 + next_random(&r->seed) % 3, wait;
        int result = trifuse_limiter_try_acquire(l, n, now, &wait);
        r->admitted += result == TRIFUSE_OK;
        r->late += result == TRIFUSE_REFUSED_RATE_LIMITED;
        r->reports += result == TRIFUSE_OK ? n : 0;
        if (result == TRIFUSE_OK) keep(now, n);
    }
}

static int by_time(const void *a, const void *b) {
    const grant *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static void totals_are_right(const runner *all) {
    trifuse_limiter_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_limiter_get_snapshot(l, clock_ns, &s), TRIFUSE_OK);
    CHECK_EQ(s.granted, all->admitted);
    CHECK_EQ(s.granted_tokens, all->reports);
    CHECK_EQ(s.refused, all->late);
}

/* In each window [from, to] no more than `capacity` and what `permits` a second pay in, in millionths. */
static void no_window_exceeds(uint64_t capacity, uint64_t permits) {
    qsort(grants, (size_t)kept, sizeof grants[0], by_time);
    int64_t sum = 0, least = INT64_MAX; /* of what was granted before a window, less what was paid by then */
    for (uint64_t i = 0; i < kept; i++) {
        int64_t paid = (int64_t)((grants[i].at - START) * permits / 1000);
        if (sum - paid < least) least = sum - paid;
        sum += (int64_t)grants[i].n * 1000000;
        if (!CHECK(sum - paid - least <= (int64_t)capacity * 1000000 + 2 * (int64_t)permits)) return;
    }
}

static void a_bucket_grants_no_more_than_its_rate(void) {
    make(TRIFUSE_LIMITER_TOKEN_BUCKET, PERMITS, SECOND);
    step_ns = SECOND / PERMITS / 3;
    uint64_t met = swaps_failed;
    runner all = run_together(ask_much);
    CHECK(swaps_failed > met);
    totals_are_right(&all);
    no_window_exceeds(PERMITS, PERMITS);
    CHECK((double)all.reports > 0.98 * (double)(clock_ns - START) / 1e9 * PERMITS);
}

/* One thread changes the rate all the time: never more than the faster one allows. */
static void change_and_ask(runner *r) {
    trifuse_limiter_config c;
    (void)trifuse_limiter_config_init(&c, sizeof c, 0);
    for (unsigned i = 0; i < STEPS / 8; i++) {
        if (r->number < 2 && i % 4 == 0) {
            c.permits = i % 8 ? PERMITS : PERMITS / 3;
            c.capacity = 20 + r->number;
            CHECK_EQ(trifuse_limiter_set_rate(l, &c, a_time(r), NULL), TRIFUSE_OK);
        }
        uint64_t now = atomic_fetch_add(&clock_ns, step_ns), n = 1 + next_random(&r->seed) % 3;
        if (trifuse_limiter_try_acquire(l, n, now, NULL) != TRIFUSE_OK) continue;
        r->reports += n;
        keep(now, n);
    }
}

static void a_bucket_whose_rate_changes_grants_no_more_than_the_faster(void) {
    make(TRIFUSE_LIMITER_TOKEN_BUCKET, PERMITS, SECOND);
    step_ns = SECOND / PERMITS / 3;
    uint64_t met = swaps_failed;
    runner all = run_together(change_and_ask);
    CHECK(swaps_failed > met);
    double seconds = (double)(clock_ns - START) / 1e9;
    CHECK((double)all.reports < PERMITS + seconds * PERMITS);
    CHECK((double)all.reports > 0.9 * seconds * (PERMITS / 3));
    CHECK_EQ(trifuse_limiter_available(l, clock_ns + 1000 * SECOND) / 2, 10);
}

/* What is reserved and given up, refunded or debited leaves the bucket as if it had not been. */
static void take_and_give_back(runner *r) {
    trifuse_reservation one = {.struct_size = sizeof one};
    for (unsigned i = 0; i < STEPS / 4; i++) {
        uint64_t back = 0, n = 1 + next_random(&r->seed) % 3, now = a_time(r);
        switch (next_random(&r->seed) % 3) {
        case 0:
            CHECK_EQ(trifuse_limiter_reserve(l, n, now, TRIFUSE_NEVER, &one), TRIFUSE_OK);
            CHECK_EQ(trifuse_limiter_cancel(l, &one, now, &back), TRIFUSE_OK);
            CHECK(back <= n);
            r->reports += n;
            r->failures += back;
            break;
        case 1:
            CHECK_EQ(trifuse_limiter_debit(l, n, now), TRIFUSE_OK);
            CHECK_EQ(trifuse_limiter_refund(l, n, now), TRIFUSE_OK);
            r->failures += n;
            break;
        default:
            if (trifuse_limiter_try_acquire(l, n, now, NULL) == TRIFUSE_OK) r->reports += n;
        }
    }
}

static void what_is_given_back_is_counted(void) {
    make(TRIFUSE_LIMITER_TOKEN_BUCKET, PERMITS, SECOND);
    step_ns = SECOND / PERMITS;
    uint64_t met = swaps_failed;
    runner all = run_together(take_and_give_back);
    CHECK(swaps_failed > met);
    trifuse_limiter_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_limiter_get_snapshot(l, clock_ns, &s), TRIFUSE_OK);
    CHECK_EQ(s.granted_tokens, all.reports);
    CHECK_EQ(s.given_back, all.failures);
    CHECK_EQ(trifuse_limiter_available(l, clock_ns + 1000 * SECOND), PERMITS);
}

static void a_log_grants_no_more_in_any_window(void) {
    make(TRIFUSE_LIMITER_SLIDING_LOG, PERMITS, SECOND);
    step_ns = SECOND / PERMITS / 3;
    uint64_t met = swaps_failed;
    runner all = run_together(ask_much);
    CHECK(swaps_failed > met);
    totals_are_right(&all);
    qsort(grants, (size_t)kept, sizeof grants[0], by_time);
    uint64_t inside = 0;
    for (uint64_t from = 0, to = 0; to < kept; to++) {
        inside += grants[to].n;
        for (; grants[to].at - grants[from].at >= SECOND; from++) inside -= grants[from].n;
        if (!CHECK(inside <= PERMITS)) return;
    }
    CHECK((double)all.reports > 0.9 * (double)(clock_ns - START) / 1e9 * PERMITS);
}

/* A late clock counts in the newest window, so windows are full and never more than that in all. */
static void windows_grant_no_more_than_their_permits(void) {
    for (uint32_t kind = TRIFUSE_LIMITER_SLIDING_COUNTER; kind < 4; kind++) {
        make(kind, PERMITS, SECOND);
        step_ns = SECOND / PERMITS / 3;
        uint64_t met = swaps_failed;
        runner all = run_together(ask_much);
        CHECK(swaps_failed > met);
        totals_are_right(&all);
        uint64_t windows = (clock_ns - START) / SECOND + 1;
        CHECK(all.reports <= windows * PERMITS);
        CHECK(all.reports > windows * PERMITS * 3 / 4);
    }
}

int main(void) {
    RUN(a_bucket_grants_no_more_than_its_rate);
    RUN(a_bucket_whose_rate_changes_grants_no_more_than_the_faster);
    RUN(what_is_given_back_is_counted);
    RUN(a_log_grants_no_more_in_any_window);
    RUN(windows_grant_no_more_than_their_permits);
    printf("%" PRIu64 " swaps failed for another\n", (uint64_t)swaps_failed);
    return check_summary();
}
