/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The retry budget: what it pays and when, its window, its totals, against a naive model. */
#include "objects.h"

#include <math.h>

static uint64_t budget_memory[64];

static trifuse_retry_budget_config budget_config(uint64_t ttl, double ratio, double floor) {
    trifuse_retry_budget_config c;
    CHECK_EQ(trifuse_retry_budget_config_init(&c, sizeof c), TRIFUSE_OK);
    c.ttl_ns = ttl;
    c.ratio = ratio;
    c.floor = floor;
    return c;
}

static trifuse_retry_budget *budget_at(uint64_t ttl, double ratio, double floor, uint64_t now) {
    trifuse_retry_budget_config c = budget_config(ttl, ratio, floor);
    trifuse_retry_budget *b = NULL;
    CHECK_EQ(trifuse_retry_budget_init(budget_memory, sizeof budget_memory, &c, now, NULL, &b), TRIFUSE_OK);
    return b;
}

static trifuse_retry_budget *budget_of(double ratio, double floor) {
    return budget_at(10 * SECOND, ratio, floor, START);
}

static void deposit(trifuse_retry_budget *b, uint64_t now, unsigned n) {
    while (n--) CHECK_EQ(trifuse_retry_budget_deposit(b, now), TRIFUSE_OK);
}

/* Withdraws until it is refused; how many were granted. */
static unsigned withdrawn(trifuse_retry_budget *b, uint64_t now) {
    unsigned n = 0;
    while (trifuse_retry_budget_try_withdraw(b, now) == TRIFUSE_OK) n++;
    return n;
}

static trifuse_retry_budget_snapshot seen(trifuse_retry_budget *b, uint64_t now) {
    trifuse_retry_budget_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_retry_budget_get_snapshot(b, now, &s), TRIFUSE_OK);
    return s;
}

static uint32_t refused(uint64_t ttl, double ratio, double floor, uint32_t flags) {
    trifuse_retry_budget_config c = budget_config(ttl, ratio, floor);
    c.flags = flags;
    trifuse_config_error why = blank_error();
    int result = trifuse_retry_budget_config_check(&c, &why);
    CHECK(result == TRIFUSE_OK || (result == TRIFUSE_ERROR_CONFIG && why.allowed[0] != 0));
    return why.field;
}

static void every_field_outside_its_range_is_refused_with_its_name(void) {
    CHECK_EQ(refused(SECOND / 100, 0, 0, 0), TRIFUSE_FIELD_NONE);
    CHECK_EQ(refused(TRIFUSE_DURATION_MAX_NS, 1000, 1e6, 0), TRIFUSE_FIELD_NONE);
    CHECK_EQ(refused(SECOND, 0, 0, 1), TRIFUSE_FIELD_FLAGS);
    CHECK_EQ(refused(SECOND / 100 - 1, 0, 0, 0), TRIFUSE_FIELD_TTL);
    CHECK_EQ(refused(TRIFUSE_DURATION_MAX_NS + 1, 0, 0, 0), TRIFUSE_FIELD_TTL);
    CHECK_EQ(refused(SECOND, -0.1, 0, 0), TRIFUSE_FIELD_RATIO);
    CHECK_EQ(refused(SECOND, 1000.1, 0, 0), TRIFUSE_FIELD_RATIO);
    CHECK_EQ(refused(SECOND, NAN, 0, 0), TRIFUSE_FIELD_RATIO);
    CHECK_EQ(refused(SECOND, 0, INFINITY, 0), TRIFUSE_FIELD_FLOOR);
    CHECK_EQ(refused(SECOND, 0, 1e6 + 1, 0), TRIFUSE_FIELD_FLOOR);
}

static void it_is_made_as_every_object(void) {
    trifuse_retry_budget_config good = budget_config(SECOND, 0.2, 10), bad = budget_config(SECOND, -1, 10);
    CHECK_MAKING(retry_budget, good, bad, TRIFUSE_FIELD_RATIO);
}

static void five_calls_pay_exactly_one_retry(void) {
    trifuse_retry_budget *b = budget_of(0.2, 0);
    deposit(b, START, 4);
    CHECK_EQ(trifuse_retry_budget_try_withdraw(b, START), TRIFUSE_REFUSED_RETRY_BUDGET);
    deposit(b, START, 1);
    CHECK_EQ(seen(b, START).available, 1);
    CHECK_EQ(withdrawn(b, START), 1);
    deposit(b, START, 4);
    CHECK_EQ(withdrawn(b, START), 0);
    deposit(b, START, 1);
    CHECK_EQ(withdrawn(b, START), 1);
    b = budget_of(0.1, 0);
    deposit(b, START, 9);
    CHECK_EQ(withdrawn(b, START), 0);
    deposit(b, START, 21);
    CHECK_EQ(withdrawn(b, START), 3);
    b = budget_of(1000, 0);
    deposit(b, START, 2);
    CHECK_EQ(withdrawn(b, START), 2000);
}

static void the_floor_is_paid_per_second_of_the_ttl(void) {
    CHECK_EQ(withdrawn(budget_of(0.2, 10), START), 100);
    CHECK_EQ(withdrawn(budget_of(0.2, 0.25), START), 2);
    CHECK_EQ(withdrawn(budget_at(SECOND / 100, 0, 150, START), START), 1);
    CHECK_EQ(withdrawn(budget_at(SECOND + SECOND / 2, 0, 3, START), START), 4);
    trifuse_retry_budget *b = budget_of(0.25, 0.05); /* half a retry, and two calls that pay the other half */
    deposit(b, START, 1);
    CHECK_EQ(withdrawn(b, START), 0);
    deposit(b, START, 1);
    CHECK_EQ(withdrawn(b, START), 1);
    b = budget_at(TRIFUSE_DURATION_MAX_NS, 1000, 1e6, START);
    CHECK_EQ(seen(b, START).available, 31536000000000ULL);
}

static void what_is_older_than_the_ttl_is_gone(void) {
    trifuse_retry_budget *b = budget_of(0.2, 0.1);
    deposit(b, START, 10);
    CHECK_EQ(withdrawn(b, START), 3);
    CHECK_EQ(withdrawn(b, START + 9 * SECOND), 0);
    CHECK_EQ(seen(b, START + 10 * SECOND).available, 1); /* the calls have left, and their retries */
    CHECK_EQ(withdrawn(b, START + 10 * SECOND), 1);
    deposit(b, START + 12 * SECOND, 20);
    CHECK_EQ(withdrawn(b, START + 12 * SECOND), 4);
    CHECK_EQ(withdrawn(b, START + 19 * SECOND), 0);
    CHECK_EQ(withdrawn(b, START + 20 * SECOND), 1);
    CHECK_EQ(withdrawn(b, START + 22 * SECOND), 0); /* that one is still in it, and nothing else */
}

static void ten_idle_years_leave_nothing(void) {
    trifuse_retry_budget *b = budget_of(0.2, 1);
    deposit(b, START, 1000);
    CHECK_EQ(withdrawn(b, START), 210);
    uint64_t later = START + 10 * TRIFUSE_DURATION_MAX_NS;
    trifuse_retry_budget_snapshot s = seen(b, later);
    CHECK(s.available == 10 && s.deposits == 0 && s.withdrawals == 0);
    CHECK_EQ(withdrawn(b, later), 10);
    CHECK_EQ(withdrawn(b, later + 10 * SECOND), 10);
    CHECK_EQ(withdrawn(b, UINT64_MAX), 10);
    s = seen(b, UINT64_MAX);
    CHECK(s.total_deposits == 1000 && s.total_withdrawals == 240 && s.refused == 4);
}

/* The lap of a bucket is kept modulo 2^17: after exactly that many nothing old may look new. */
static void whole_turns_of_the_laps_leave_nothing(void) {
    for (uint64_t turns = 1; turns < 4; turns++) {
        trifuse_retry_budget *b = budget_at(SECOND / 100, 0.5, 100, START);
        deposit(b, START, 8);
        CHECK_EQ(withdrawn(b, START), 5);
        uint64_t later = START + turns * (1 << 17) * (SECOND / 100);
        CHECK(seen(b, later).deposits == 0 && seen(b, later).withdrawals == 0);
        CHECK_EQ(withdrawn(b, later), 1);
        CHECK_EQ(seen(b, later).deposits, 0);
    }
}

static void an_older_now_moves_nothing_back(void) {
    trifuse_retry_budget *b = budget_of(0.5, 0);
    deposit(b, START + 5 * SECOND, 2);
    deposit(b, START, 2);                      /* into its own bucket */
    CHECK_EQ(withdrawn(b, START + 4 * SECOND), 2);
    deposit(b, START + 20 * SECOND, 2);
    deposit(b, START + 10 * SECOND, 10);       /* older than the ring reaches */
    deposit(b, 1, 10);
    CHECK_EQ(withdrawn(b, START), 1);
    CHECK_EQ(seen(b, START).deposits, 2);
    CHECK_EQ(seen(b, START + 20 * SECOND).total_deposits, 26);
    CHECK_EQ(withdrawn(b, START + 30 * SECOND), 0);
}

static void a_picture_sees_no_time(void) {
    trifuse_retry_budget *b = budget_of(0.2, 0);
    deposit(b, START, 5);
    CHECK_EQ(seen(b, START + 9 * SECOND).available, 1);
    CHECK_EQ(seen(b, START + 10 * SECOND).available, 0);
    CHECK_EQ(seen(b, UINT64_MAX).deposits, 0);
    CHECK_EQ(withdrawn(b, START), 1);
}

/* A model that remembers every event by its bucket. */
static struct { uint64_t deposits[4096], withdrawals[4096], newest; } model;

static bool model_allows(uint64_t nano_ratio, uint64_t nano_floor) {
    uint64_t d = 0, w = 0;
    for (uint64_t age = 0; age < 10 && age <= model.newest; age++) {
        d += model.deposits[model.newest - age];
        w += model.withdrawals[model.newest - age];
    }
    return d * nano_ratio + nano_floor >= (w + 1) * SECOND;
}

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_below(uint64_t n) {
    return next_random(&random_state) % n;
}

static void it_agrees_with_a_model_over_random_histories(void) {
    for (unsigned history = 0; history < 300; history++) {
        uint64_t ratio = 1 + random_below(40), floor = random_below(30), refusals = 0, asked = 0;
        trifuse_retry_budget *b = budget_at(SECOND, (double)ratio / 100, (double)floor / 10, SECOND);
        memset(&model, 0, sizeof model);
        model.newest = 10;
        uint64_t now = SECOND;
        for (unsigned step = 0; step < 1000; step++) {
            uint64_t bucket = SECOND / 10, pace = random_below(40);
            if (pace == 0) now += random_below(25 * bucket);
            if (pace > 0 && pace < 8) now += random_below(bucket);
            uint64_t at = pace == 8 ? now - random_below(now < 12 * bucket ? now : 12 * bucket) : now;
            uint64_t epoch = at / bucket;
            if (epoch >= 4096) break;
            if (epoch > model.newest) model.newest = epoch;
            if (random_below(3)) {
                deposit(b, at, 1);
                model.deposits[epoch]++;
            } else {
                bool allowed = model_allows(ratio * (SECOND / 100), floor * (SECOND / 10));
                CHECK_EQ(trifuse_retry_budget_try_withdraw(b, at),
                         allowed ? TRIFUSE_OK : TRIFUSE_REFUSED_RETRY_BUDGET);
                model.withdrawals[model.newest] += allowed;
                refusals += !allowed;
                asked++;
            }
        }
        CHECK_EQ(seen(b, now).refused, refusals);
        CHECK_EQ(seen(b, now).total_withdrawals, asked - refusals);
    }
}

static void the_clock_is_read_for_a_now_of_0(void) {
    trifuse_retry_budget *b = budget_at(10 * SECOND, 1, 0, 0);
    deposit(b, 0, 1);
    CHECK_EQ(seen(b, 0).available, 1);
    CHECK_EQ(withdrawn(b, 0), 1);
}

static void mistakes_change_nothing(void) {
    trifuse_retry_budget *b = budget_of(0.2, 0);
    trifuse_retry_budget_snapshot s = {.struct_size = 4};
    CHECK_EQ(trifuse_retry_budget_deposit(NULL, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_budget_try_withdraw(NULL, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_budget_get_snapshot(NULL, START, &s), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_budget_get_snapshot(b, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_budget_get_snapshot(b, START, &s), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_retry_budget_config_init(NULL, 40), TRIFUSE_ERROR_ARGUMENT);
    CHECK(seen(b, START).refused == 0 && seen(b, START).deposits == 0);
}

int main(void) {
    RUN(every_field_outside_its_range_is_refused_with_its_name);
    RUN(it_is_made_as_every_object);
    RUN(five_calls_pay_exactly_one_retry);
    RUN(the_floor_is_paid_per_second_of_the_ttl);
    RUN(what_is_older_than_the_ttl_is_gone);
    RUN(ten_idle_years_leave_nothing);
    RUN(whole_turns_of_the_laps_leave_nothing);
    RUN(an_older_now_moves_nothing_back);
    RUN(a_picture_sees_no_time);
    RUN(it_agrees_with_a_model_over_random_histories);
    RUN(the_clock_is_read_for_a_now_of_0);
    RUN(mistakes_change_nothing);
    return check_summary();
}
