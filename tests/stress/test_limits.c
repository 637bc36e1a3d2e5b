/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Real threads on one concurrency limit, histogram or hedge budget: never more than N in flight, no update
 * lost, nothing handed out twice. A run in which the threads never met fails. */
#include "stress.h"

static uint64_t memory[181 * 8], other_memory[181 * 8];
static trifuse_concurrency *places;
static trifuse_histogram *values, *whole;
static trifuse_hedge *budget;
static _Atomic(uint64_t) inside, most_inside, clock_ns;

static void make_places(uint32_t algorithm, uint32_t n) {
    trifuse_concurrency_config c;
    CHECK_EQ(trifuse_concurrency_config_init(&c, sizeof c, algorithm), TRIFUSE_OK);
    c.limit = n;
    c.probe_every = 2;
    CHECK_EQ(trifuse_concurrency_init(memory, sizeof memory, &c, START, NULL, &places), TRIFUSE_OK);
}

static trifuse_concurrency_snapshot places_picture(void) {
    trifuse_concurrency_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_concurrency_get_snapshot(places, &s), TRIFUSE_OK);
    return s;
}

/* A call of this thread: held while others come and go. */
static void one_call(runner *r) {
    uint64_t x = next_random(&r->seed);
    if (trifuse_concurrency_try_acquire(places) != TRIFUSE_OK) {
        r->late++;
        return;
    }
    uint64_t now_inside = atomic_fetch_add(&inside, 1) + 1, most = atomic_load(&most_inside);
    while (now_inside > most && !atomic_compare_exchange_weak(&most_inside, &most, now_inside)) continue;
    for (unsigned i = 0; i < x % 4; i++) (void)sched_yield();
    (void)atomic_fetch_sub(&inside, 1);
    uint32_t outcome = x % 50 == 0 ? TRIFUSE_OUTCOME_FAILURE : TRIFUSE_OUTCOME_SUCCESS;
    CHECK_EQ(trifuse_concurrency_release(places, outcome, 1000 + x % 1000), TRIFUSE_OK);
    r->admitted++;
    r->failures += outcome == TRIFUSE_OUTCOME_FAILURE;
}

static void call_much(runner *r) {
    for (unsigned i = 0; i < 20000 * TIMES; i++) {
        one_call(r);
        if (i % 64) continue;
        trifuse_concurrency_snapshot s = places_picture();
        CHECK(s.admitted >= s.released);
    }
}

static void all_is_counted(const runner *all) {
    trifuse_concurrency_snapshot s = places_picture();
    CHECK_EQ(s.admitted, all->admitted);
    CHECK_EQ(s.released, all->admitted);
    CHECK_EQ(s.refused, all->late);
    CHECK_EQ(s.failures, all->failures);
    CHECK_EQ(s.in_flight, 0);
}

static void never_are_more_than_n_in_flight_and_no_release_is_lost(void) {
    uint64_t met = swaps_failed, refused = 0;
    for (uint32_t n = 1; n < THREADS; n++) {
        make_places(TRIFUSE_ALGORITHM_FIXED, n);
        atomic_store(&most_inside, 0);
        runner all = run_together(call_much);
        CHECK(most_inside <= n);
        all_is_counted(&all);
        refused += all.late;
    }
    CHECK(swaps_failed > met && refused > 0);
}

static void no_algorithm_loses_a_release(void) {
    for (uint32_t algorithm = TRIFUSE_ALGORITHM_AIMD; algorithm <= TRIFUSE_ALGORITHM_GRADIENT2; algorithm++) {
        uint64_t met = swaps_failed;
        make_places(algorithm, 2);
        runner all = run_together(call_much);
        CHECK(swaps_failed > met);
        all_is_counted(&all);
        CHECK(places_picture().limit >= 1 && places_picture().limit <= 1000);
    }
}

/* AIMD in whole steps: N is the first one, plus all successes that used half of it. */
static void succeed_much(runner *r) {
    for (unsigned i = 0; i < 10000 * TIMES; i++) {
        CHECK_EQ(trifuse_concurrency_release(places, TRIFUSE_OUTCOME_SUCCESS, 1), TRIFUSE_OK);
        r->admitted++;
    }
}

static void no_step_of_n_is_lost(void) {
    trifuse_concurrency_config c;
    uint64_t met = swaps_failed;
    CHECK_EQ(trifuse_concurrency_config_init(&c, sizeof c, TRIFUSE_ALGORITHM_AIMD), TRIFUSE_OK);
    c.limit = 600000;
    c.max_limit = 1000000;
    CHECK_EQ(trifuse_concurrency_init(memory, sizeof memory, &c, START, NULL, &places), TRIFUSE_OK);
    for (unsigned i = 0; i < 600000; i++) CHECK_EQ(trifuse_concurrency_try_acquire(places), TRIFUSE_OK);
    runner all = run_together(succeed_much);
    uint64_t n = 600000, used = 600000;
    for (uint64_t i = 0; i < all.admitted; i++, used--) n += 2 * used >= n;
    CHECK(swaps_failed > met);
    CHECK_EQ(places_picture().limit, n);
    CHECK_EQ(places_picture().in_flight, used);
}

static void record_much(runner *r) {
    for (unsigned i = 0; i < 20000 * TIMES; i++) {
        uint64_t now = atomic_fetch_add(&clock_ns, 1000);
        CHECK_EQ(trifuse_histogram_record(whole, next_random(&r->seed) % 20, now), TRIFUSE_OK);
        CHECK_EQ(trifuse_histogram_record(values, next_random(&r->seed) % 20, now), TRIFUSE_OK);
        r->reports++;
    }
}

/* All times are in two laps that follow one another: all of it is in the span. */
static void no_value_is_lost(void) {
    trifuse_histogram_config c = {.struct_size = sizeof c, .sliding_ns = 100 * SECOND};
    trifuse_histogram_snapshot s = {.struct_size = sizeof s};
    uint64_t met = swaps_failed;
    CHECK_EQ(trifuse_histogram_init(memory, sizeof memory, &c, START, NULL, &values), TRIFUSE_OK);
    c.sliding_ns = 0;
    CHECK_EQ(trifuse_histogram_init(other_memory, sizeof other_memory, &c, START, NULL, &whole), TRIFUSE_OK);
    atomic_store(&clock_ns, START + 50 * SECOND - SECOND / 25);
    runner all = run_together(record_much);
    CHECK(swaps_failed > met);
    CHECK_EQ(trifuse_histogram_get_snapshot(values, clock_ns, &s), TRIFUSE_OK);
    CHECK(s.count == all.reports && s.total == all.reports);
    CHECK_EQ(trifuse_histogram_get_snapshot(whole, clock_ns, &s), TRIFUSE_OK);
    CHECK(s.count == all.reports && s.total == all.reports);
}

static void record_over_laps(runner *r) {
    trifuse_histogram_snapshot s = {.struct_size = sizeof s};
    uint64_t last = 0;
    for (unsigned i = 0; i < 20000 * TIMES; i++) {
        uint64_t now = atomic_fetch_add(&clock_ns, SECOND / 10000);
        CHECK_EQ(trifuse_histogram_record(values, next_random(&r->seed) % 20, now), TRIFUSE_OK);
        r->reports++;
        if (i % 500) continue;
        CHECK_EQ(trifuse_histogram_get_snapshot(values, now, &s), TRIFUSE_OK);
        CHECK(s.total >= last && s.count <= s.total);
        last = s.total;
    }
}

static void turning_halves_lose_nothing_from_the_total(void) {
    trifuse_histogram_config c = {.struct_size = sizeof c, .sliding_ns = SECOND / 100};
    trifuse_histogram_snapshot s = {.struct_size = sizeof s};
    uint64_t met = swaps_failed;
    CHECK_EQ(trifuse_histogram_init(memory, sizeof memory, &c, START, NULL, &values), TRIFUSE_OK);
    atomic_store(&clock_ns, START);
    runner all = run_together(record_over_laps);
    CHECK(swaps_failed > met);
    CHECK_EQ(trifuse_histogram_get_snapshot(values, clock_ns + SECOND, &s), TRIFUSE_OK);
    CHECK(s.count == 0 && s.total == all.reports);
}

static void hedge_much(runner *r) {
    for (unsigned i = 0; i < 20000 * TIMES; i++) {
        CHECK_EQ(trifuse_hedge_deposit(budget), TRIFUSE_OK);
        r->reports++;
        int asked = trifuse_hedge_try_withdraw(budget);
        r->admitted += asked == TRIFUSE_OK;
        r->late += asked != TRIFUSE_OK;
    }
}

static void what_was_paid_in_is_handed_out_once(void) {
    trifuse_hedge_config c = {.struct_size = sizeof c, .share = 0.25, .max_saved = 1000000};
    trifuse_hedge_snapshot s = {.struct_size = sizeof s};
    uint64_t met = swaps_failed;
    CHECK_EQ(trifuse_hedge_init(memory, sizeof memory, &c, START, NULL, &budget), TRIFUSE_OK);
    runner all = run_together(hedge_much);
    CHECK_EQ(trifuse_hedge_get_snapshot(budget, &s), TRIFUSE_OK);
    CHECK(swaps_failed > met);
    CHECK(s.calls == all.reports && s.hedges == all.admitted && s.refused == all.late);
    CHECK(s.saved == (double)all.reports / 4 - (double)all.admitted);
}

int main(void) {
    RUN(never_are_more_than_n_in_flight_and_no_release_is_lost);
    RUN(no_algorithm_loses_a_release);
    RUN(no_step_of_n_is_lost);
    RUN(no_value_is_lost);
    RUN(turning_halves_lose_nothing_from_the_total);
    RUN(what_was_paid_in_is_handed_out_once);
    printf("%" PRIu64 " swaps failed for another\n", (uint64_t)swaps_failed);
    return check_summary();
}
