/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Real threads on one retry budget and one throttle, in virtual time: never a retry more than was paid for,
 * never one less, no event lost. A run in which the threads never met fails. */
#include "stress.h"

static trifuse_retry_budget *budget;
static trifuse_throttle *throttle;
static _Atomic(uint64_t) clock_ns;

static void fresh_budget(double ratio, double floor) {
    static _Alignas(64) uint64_t memory[64];
    trifuse_retry_budget_config c = {.struct_size = sizeof c, .ttl_ns = 10 * SECOND, .ratio = ratio, .floor = floor};
    CHECK_EQ(trifuse_retry_budget_init(memory, sizeof memory, &c, START, NULL, &budget), TRIFUSE_OK);
    atomic_store(&clock_ns, START);
}

static trifuse_retry_budget_snapshot seen(uint64_t now) {
    trifuse_retry_budget_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_retry_budget_get_snapshot(budget, now, &s), TRIFUSE_OK);
    return s;
}

static bool withdraw(uint64_t now) { return trifuse_retry_budget_try_withdraw(budget, now) == TRIFUSE_OK; }

static void ask_500_times(runner *r) {
    for (unsigned i = 0; i < 500; i++) r->admitted += withdraw(START);
}

static void of_all_who_ask_at_once_exactly_so_many_are_granted(void) {
    uint64_t met = swaps_failed;
    for (unsigned round = 0; round < 20 * TIMES || (swaps_failed == met && round < 5000); round++) {
        fresh_budget(0.2, 10);
        unsigned calls = round % 1000;
        for (unsigned i = 0; i < calls; i++) CHECK_EQ(trifuse_retry_budget_deposit(budget, START), TRIFUSE_OK);
        runner all = run_together(ask_500_times);
        CHECK_EQ(all.admitted, 100 + calls / 5);
        CHECK_EQ(seen(START).refused, THREADS * 500 - all.admitted);
    }
    CHECK(swaps_failed > met);
}

/* Every call pays for half a retry; the callers ask twice as often as is paid for. */
static void pay_and_ask(runner *r) {
    for (unsigned i = 0; i < 5000 * TIMES; i++) {
        uint64_t now = START + next_random(&r->seed) % 4 * (SECOND / 2);
        CHECK_EQ(trifuse_retry_budget_deposit(budget, now), TRIFUSE_OK);
        r->reports++;
        r->admitted += withdraw(now);
    }
}

static void all_that_is_paid_in_is_paid_out_and_no_more(void) {
    uint64_t met = swaps_failed;
    fresh_budget(0.5, 1);
    runner all = run_together(pay_and_ask);
    while (withdraw(START)) all.admitted++;
    CHECK(swaps_failed > met);
    CHECK_EQ(all.admitted, 10 + all.reports / 2);
    CHECK(seen(START).withdrawals == all.admitted && seen(START).deposits == all.reports);
}

static void pay_and_ask_as_time_goes_on(runner *r) {
    for (unsigned i = 0; i < 5000 * TIMES; i++) {
        uint64_t x = next_random(&r->seed), now = atomic_fetch_add(&clock_ns, SECOND / 100);
        if (x % 4096 == 0) (void)atomic_fetch_add(&clock_ns, 20 * SECOND);
        if (x % 16 == 1) now -= 3 * SECOND;
        CHECK_EQ(trifuse_retry_budget_deposit(budget, now), TRIFUSE_OK);
        r->reports++;
        for (unsigned k = 0; k < 2; k++) r->admitted += withdraw(now);
    }
}

/* Ten buckets in a row never hold more than they paid for, so neither do all, ten by ten. */
static void no_window_pays_out_more_than_was_paid_in(void) {
    uint64_t met = swaps_failed;
    fresh_budget(0.5, 1);
    runner all = run_together(pay_and_ask_as_time_goes_on);
    uint64_t windows = (atomic_load(&clock_ns) - START) / (10 * SECOND) + 1;
    trifuse_retry_budget_snapshot s = seen(atomic_load(&clock_ns));
    CHECK(swaps_failed > met);
    CHECK(all.admitted <= all.reports / 2 + 10 * windows && all.admitted > all.reports / 4);
    CHECK(s.total_deposits == all.reports && s.total_withdrawals == all.admitted);
    CHECK_EQ(s.refused, 2 * all.reports - all.admitted);
}

static void request_and_accept(runner *r) {
    for (unsigned i = 0; i < 5000 * TIMES; i++) {
        uint64_t x = next_random(&r->seed), now = atomic_fetch_add(&clock_ns, SECOND / 100);
        if (x % 4096 == 0) (void)atomic_fetch_add(&clock_ns, 50 * SECOND);
        bool admitted = trifuse_throttle_try_acquire(throttle, now) == TRIFUSE_OK;
        r->admitted += admitted;
        if (!admitted || x % 3 != 0) continue;
        CHECK_EQ(trifuse_throttle_accept(throttle, now), TRIFUSE_OK);
        r->reports++;
    }
}

static void a_throttle_loses_no_request(void) {
    static _Alignas(64) uint64_t memory[128];
    uint64_t met = swaps_failed;
    trifuse_throttle_config c = {.struct_size = 8};
    CHECK_EQ(trifuse_throttle_init(memory, sizeof memory, &c, START, NULL, &throttle), TRIFUSE_OK);
    atomic_store(&clock_ns, START);
    runner all = run_together(request_and_accept);
    trifuse_throttle_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_throttle_get_snapshot(throttle, clock_ns, &s), TRIFUSE_OK);
    CHECK(swaps_failed > met);
    CHECK(s.admitted == all.admitted && s.accepted == all.reports);
    CHECK_EQ(s.admitted + s.refused, THREADS * 5000 * TIMES);
    CHECK(s.refused > 0 && s.requests <= s.admitted + s.refused);
}

int main(void) {
    RUN(of_all_who_ask_at_once_exactly_so_many_are_granted);
    RUN(all_that_is_paid_in_is_paid_out_and_no_more);
    RUN(no_window_pays_out_more_than_was_paid_in);
    RUN(a_throttle_loses_no_request);
    printf("%" PRIu64 " swaps failed for another\n", (uint64_t)swaps_failed);
    return check_summary();
}
