/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One rate after another, and rates at the ends of what is allowed. */
#include "limiters.h"

static void a_new_rate_keeps_the_tokens(void) {
    trifuse_limiter *l = bucket_of(10, 100);
    CHECK(granted(l, 70, START));
    CHECK_EQ(rate_set(l, 3, 50, START + SECOND / 4), TRIFUSE_OK); /* 32.5 tokens */
    CHECK_EQ(trifuse_limiter_available(l, START + SECOND / 4), 32);
    CHECK_EQ(wait_for(l, 33, START + SECOND / 4), 166666667);
    CHECK_EQ(trifuse_limiter_available(l, START + 100 * SECOND), 50);
    CHECK_EQ(rate_set(l, 3, 20, START + 100 * SECOND), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_available(l, START + 100 * SECOND), 20);
    CHECK_EQ(rate_set(l, 3, 60, START + 100 * SECOND), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_available(l, START + 100 * SECOND), 20);
    CHECK_EQ(trifuse_limiter_try_acquire(l, 61, START + 100 * SECOND, NULL), TRIFUSE_ERROR_OVER_CAPACITY);
    CHECK(granted(l, 60, START + 114 * SECOND));
    trifuse_limiter_snapshot s = limiter_picture(l, START + 114 * SECOND);
    CHECK(s.capacity == 60 && s.permits == 3 && s.period_ns == SECOND && s.rate == 3 && s.granted_tokens == 130);
}

/* Units of time beyond a full bucket are no tokens. */
static void an_idle_bucket_brings_no_more_than_its_capacity_along(void) {
    trifuse_limiter *l = bucket_of(10, 10);
    CHECK(granted(l, 10, START));
    CHECK_EQ(rate_set(l, 1, 50, START + 1000 * SECOND), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_available(l, START + 1000 * SECOND), 10);
    CHECK_EQ(wait_for(l, 11, START + 1000 * SECOND), SECOND);
}

static void a_new_rate_keeps_a_debt(void) {
    trifuse_limiter *l = bucket_of(10, 10);
    (void)reserved(l, 10, START);
    trifuse_reservation r = reserved(l, 10, START);
    CHECK_EQ(trifuse_limiter_debit(l, 5, START), TRIFUSE_OK);
    CHECK_EQ(rate_set(l, 1, 10, START + SECOND / 2), TRIFUSE_OK);
    CHECK(limiter_picture(l, START + SECOND / 2).debt == 10 && r.ready_ns == START + SECOND);
    CHECK_EQ(wait_for(l, 1, START + SECOND / 2), 11 * SECOND);
    CHECK_EQ(cancelled(l, &r, START + SECOND / 2), 10);
    CHECK_EQ(limiter_picture(l, START + SECOND / 2).debt, 0);
    CHECK_EQ(rate_set(l, 100, 2, START + SECOND / 2), TRIFUSE_OK);
    CHECK_EQ(wait_for(l, 1, START + SECOND / 2), SECOND / 100);
}

static void a_reservation_is_cancelled_after_many_new_rates(void) {
    trifuse_limiter *l = bucket_of(10, 10);
    (void)reserved(l, 10, START);
    trifuse_reservation r = reserved(l, 6, START), s = reserved(l, 2, START);
    for (uint64_t i = 1; i <= 100; i++) CHECK_EQ(rate_set(l, 1 + i % 7, 10 + i % 3, START + i), TRIFUSE_OK);
    CHECK_EQ(cancelled(l, &r, START + 100), 4);
    CHECK_EQ(cancelled(l, &s, START + 100), 2);
    CHECK_EQ(limiter_picture(l, START + 100).debt, 2);
    CHECK_EQ(rate_set(l, 1, 3, START + 100), TRIFUSE_OK);
    r.position[0] += 2;
    CHECK_EQ(cancelled(l, &r, START + 100), 6); /* 8 was over the capacity: no more than full */
    CHECK_EQ(trifuse_limiter_available(l, START + 100), 3);
}

static void a_new_rate_of_the_past_counts_from_the_newest(void) {
    trifuse_limiter *l = bucket_of(10, 100);
    CHECK(granted(l, 100, START));
    CHECK_EQ(rate_set(l, 20, 100, START + SECOND), TRIFUSE_OK);
    CHECK_EQ(rate_set(l, 40, 100, START), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_available(l, START + SECOND), 10);
    CHECK_EQ(trifuse_limiter_available(l, START + 2 * SECOND), 50);
    CHECK_EQ(wait_for(l, 20, START), SECOND + SECOND / 4);
}

static void a_rate_that_is_refused_changes_nothing(void) {
    trifuse_limiter *l = bucket_of(10, 100);
    trifuse_config_error error = blank_error();
    trifuse_limiter_config c = limiter_config(TRIFUSE_LIMITER_TOKEN_BUCKET, 0, SECOND);
    memcpy(limiter_copy, limiter_memory, sizeof limiter_copy);
    CHECK_EQ(trifuse_limiter_set_rate(l, &c, START, &error), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(error.field, TRIFUSE_FIELD_PERMITS);
    c.permits = 1;
    c.kind = TRIFUSE_LIMITER_FIXED_WINDOW;
    CHECK_EQ(trifuse_limiter_set_rate(l, &c, START, NULL), TRIFUSE_ERROR_UNSUPPORTED);
    CHECK_EQ(trifuse_limiter_set_rate(l, NULL, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_set_rate(NULL, &c, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK(memcmp(limiter_copy, limiter_memory, sizeof limiter_copy) == 0);
}

static void the_capacity_of_a_rate_is_one_second_of_it(void) {
    static const struct { double rate; uint64_t capacity; } known[] = {
        {1e-6, 1}, {0.5, 1}, {1, 1}, {2.9, 2}, {1000, 1000}, {1e9, 1000000000}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        trifuse_limiter_snapshot s = limiter_picture(bucket_of_rate(known[i].rate, 0), START);
        CHECK(s.capacity == known[i].capacity && s.rate > known[i].rate * (1 - 1e-15));
        CHECK(s.rate < known[i].rate * (1 + 1e-15) && s.permits == 0 && s.period_ns == 0);
        CHECK_EQ(s.available, known[i].capacity);
    }
}

/* The least and the greatest of rate, capacity and period, in all mixes: full, empty, each wait exact. */
static void every_legal_rate_is_exact(void) {
    static const uint64_t permits[] = {1, 7, 999999937, 1000000000}, capacities[] = {1, 12345, 1000000000};
    static const uint64_t periods[] = {1000, 1013, SECOND, YEAR - 1, YEAR};
    for (unsigned i = 0; i < 4 * 3 * 5; i++) {
        trifuse_limiter_config c = limiter_config(TRIFUSE_LIMITER_TOKEN_BUCKET, permits[i % 4], periods[i / 12]);
        c.capacity = capacities[i / 4 % 3];
        trifuse_limiter *l = limiter_made(&c, START);
        CHECK(granted(l, c.capacity, START) && trifuse_limiter_available(l, START) == 0);
        for (uint64_t n = 1; n <= c.capacity; n = n * 10 + 1) {
            uint64_t wait = wait_for(l, n, START);
            double ideal = (double)n * (double)c.period_ns / (double)c.permits;
            if (ideal > 1e18) continue;
            CHECK((double)wait >= ideal * (1 - 1e-15) && (double)wait < ideal * (1 + 1e-15) + 1);
            CHECK(wait_is_exact(n, START, wait));
        }
    }
}

/* The units of a nanosecond do not last for ever: a time out of their reach begins a line anew, and no
 * token is won or lost by it. */
static void time_that_is_out_of_reach_is_counted_on(void) {
    static const double rates[] = {3, 999999, 123456.789, 1e9, 0.017};
    for (unsigned i = 0; i < 5; i++) {
        trifuse_limiter *l = bucket_of_rate(rates[i], 1000);
        CHECK(granted(l, 1000, START));
        uint64_t now = START, taken = 0;
        double most = rates[i] * 20 * YEAR / 1e9;
        for (unsigned step = 0; step < 20; step++) {
            CHECK_EQ(trifuse_limiter_debit(l, (uint64_t)(most / 20), now), TRIFUSE_OK);
            taken += (uint64_t)(most / 20);
            now += YEAR;
            CHECK_EQ(trifuse_limiter_refund(l, 1, now), TRIFUSE_OK);
            taken--;
            double paid = (double)(now - START) * rates[i] / 1e9, owed = (double)taken - paid;
            trifuse_limiter_snapshot s = limiter_picture(l, now);
            double shown = (double)s.debt - (double)s.available;
            CHECK(shown - owed < 2 + paid * 1e-15 && owed - shown < 2 + paid * 1e-15);
        }
    }
}

/* Each in turn beside a limiter that never changes: going over to the same rate changes no answer. */
static void the_same_rate_again_changes_no_answer(void) {
    for (unsigned round = 0; round < 200; round++) {
        uint64_t permits = 1 + draw(1000), capacity = 1 + draw(200), now = START;
        trifuse_limiter *l = bucket_of(permits, capacity), *other = NULL;
        memcpy(limiter_copy, limiter_memory, sizeof limiter_copy);
        CHECK_EQ(trifuse_limiter_attach(limiter_copy, sizeof limiter_copy, &other), TRIFUSE_OK);
        for (unsigned i = 0; i < 200; i++) {
            now += draw(4) ? draw(SECOND / 10) : 0;
            if (draw(3) == 0) CHECK_EQ(rate_set(l, permits, capacity, now), TRIFUSE_OK);
            uint64_t n = 1 + draw(capacity);
            if (!CHECK_EQ(wait_for(l, n, now), wait_for(other, n, now))) return;
        }
    }
}

int main(void) {
    RUN(a_new_rate_keeps_the_tokens);
    RUN(an_idle_bucket_brings_no_more_than_its_capacity_along);
    RUN(a_new_rate_keeps_a_debt);
    RUN(a_reservation_is_cancelled_after_many_new_rates);
    RUN(a_new_rate_of_the_past_counts_from_the_newest);
    RUN(a_rate_that_is_refused_changes_nothing);
    RUN(the_capacity_of_a_rate_is_one_second_of_it);
    RUN(every_legal_rate_is_exact);
    RUN(time_that_is_out_of_reach_is_counted_on);
    RUN(the_same_rate_again_changes_no_answer);
    return check_summary();
}
