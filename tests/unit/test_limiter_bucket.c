/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The token bucket: grants and waits, reservations, settling, what is shown. */
#include "limiters.h"

static void a_full_bucket_gives_its_capacity_and_then_its_rate(void) {
    trifuse_limiter *l = bucket_of(10, 4);
    for (unsigned i = 0; i < 4; i++) CHECK(granted(l, 1, START));
    CHECK_EQ(wait_for(l, 1, START), SECOND / 10);
    CHECK_EQ(wait_for(l, 4, START), 4 * SECOND / 10);
    CHECK_EQ(wait_for(l, 1, START + SECOND / 10 - 1), 1);
    CHECK(granted(l, 1, START + SECOND / 10));
    CHECK_EQ(trifuse_limiter_available(l, START + SECOND), 4);
    CHECK(granted(l, 4, START + SECOND));
}

/* A third of a second is no whole number of nanoseconds: the waits are rounded up, the tokens are not. */
static void a_third_is_kept_exactly(void) {
    trifuse_limiter *l = bucket_of(3, 3);
    uint64_t now = START + 7;
    for (uint64_t round = 0; round < 1000; round++) {
        now = START + 7 + round * SECOND;
        CHECK(granted(l, 3, now));
        CHECK_EQ(wait_for(l, 1, now), 333333334);
        CHECK_EQ(wait_for(l, 2, now), 666666667);
        CHECK_EQ(wait_for(l, 3, now), SECOND);
    }
}

/* Asked whenever it says so, for a million tokens: what it grants beside what it should. */
static void in_the_long_run_the_rate_is_met(void) {
    static const struct { double rate; uint64_t n, grants; } runs[] = {
        {700000, 1, 1000000}, {999999, 1, 1000000}, {1000000, 1, 1000000}, {123456.789, 1, 1000000},
        {3, 1, 100000},       {1e-3, 1, 10000},     {700000, 1000, 100000}, {1e9, 1000, 100000}};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        trifuse_limiter *l = bucket_of_rate(runs[i].rate, 2000);
        uint64_t now = START, wait = 0;
        CHECK(granted(l, 2000, now));
        for (uint64_t k = 0; k < runs[i].grants;) {
            if (trifuse_limiter_try_acquire(l, runs[i].n, now, &wait) == TRIFUSE_OK) k++;
            else now += wait;
        }
        double ideal = (double)(runs[i].grants * runs[i].n) / runs[i].rate * 1e9;
        CHECK((double)(now - START) >= ideal * (1 - 1e-15) && (double)(now - START) <= ideal * (1 + 1e-12) + 2);
    }
}

static void a_bucket_is_full_after_ten_idle_years_and_at_the_end_of_time(void) {
    static const uint64_t later[] = {10 * YEAR, 36 * YEAR, 300 * YEAR, UINT64_MAX - START};
    for (unsigned i = 0; i < 4; i++) {
        trifuse_limiter *l = bucket_of(7, 20);
        CHECK(granted(l, 20, START) && trifuse_limiter_debit(l, 1000, START) == TRIFUSE_OK);
        CHECK_EQ(trifuse_limiter_available(l, START + later[i]), 20);
        CHECK(granted(l, 20, START + later[i]) && !granted(l, 1, START + later[i]));
        CHECK_EQ(wait_for(l, 7, START + later[i]), SECOND);
        CHECK_EQ(limiter_picture(l, START + later[i]).granted_tokens, 40);
        CHECK(!granted(l, 1, START)); /* of the past, to which the newest level is shown */
    }
}

static void a_time_before_its_birth_sees_the_bucket_as_it_was_born(void) {
    trifuse_limiter *l = bucket_of(10, 5);
    CHECK(granted(l, 3, 1) && granted(l, 2, START - SECOND));
    CHECK_EQ(wait_for(l, 1, 1), START - 1 + SECOND / 10);
    CHECK_EQ(wait_for(l, 1, START - 5), 5 + SECOND / 10);
    CHECK(granted(l, 1, START + SECOND / 10));
}

static void an_older_time_gains_nothing(void) {
    trifuse_limiter *l = bucket_of(10, 5);
    CHECK(granted(l, 5, START + SECOND));
    CHECK_EQ(wait_for(l, 1, START), SECOND + SECOND / 10);
    CHECK_EQ(limiter_picture(l, START).debt, 10);
    CHECK_EQ(trifuse_limiter_available(l, START + 3 * SECOND / 2), 5);
}

static void reservations_stand_in_line_and_a_try_behind_them_waits(void) {
    trifuse_limiter *l = bucket_of(10, 10);
    CHECK_EQ(reserved(l, 10, START).wait_ns, 0);
    CHECK_EQ(reserved(l, 5, START).wait_ns, SECOND / 2);
    CHECK_EQ(reserved(l, 10, START).wait_ns, 3 * SECOND / 2);
    CHECK_EQ(wait_for(l, 1, START), 16 * SECOND / 10);
    trifuse_limiter_snapshot s = limiter_picture(l, START);
    CHECK(s.debt == 15 && s.granted == 3 && s.granted_tokens == 25 && s.refused == 1);
    CHECK_EQ(wait_for(l, 1, START + 16 * SECOND / 10), 0);
}

static void a_reservation_over_max_wait_takes_nothing(void) {
    trifuse_limiter *l = bucket_of(10, 10);
    trifuse_reservation r = {.struct_size = sizeof r};
    (void)reserved(l, 10, START);
    CHECK_EQ(trifuse_limiter_reserve(l, 2, START, SECOND / 5 - 1, &r), TRIFUSE_REFUSED_RATE_LIMITED);
    CHECK(r.n == 0 && r.wait_ns == SECOND / 5 && r.ready_ns == START + SECOND / 5);
    CHECK_EQ(trifuse_limiter_reserve(l, 2, START, SECOND / 5, &r), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_reserve(l, 11, START, TRIFUSE_NEVER, &r), TRIFUSE_ERROR_OVER_CAPACITY);
    CHECK(r.n == 2 && limiter_picture(l, START).refused == 1);
    CHECK_EQ(trifuse_limiter_reserve(l, 0, START, 0, &r), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_reserve(NULL, 1, START, 0, &r), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_reserve(l, 1, START, 0, NULL), TRIFUSE_ERROR_ARGUMENT);
    r.struct_size = 4;
    CHECK_EQ(trifuse_limiter_reserve(l, 1, START, 0, &r), TRIFUSE_ERROR_STRUCT_SIZE);
}

static void a_cancelled_reservation_gives_back_what_nobody_stands_on(void) {
    trifuse_limiter *l = bucket_of(10, 10);
    (void)reserved(l, 10, START);
    trifuse_reservation a = reserved(l, 5, START), b = reserved(l, 3, START), c = reserved(l, 9, START);
    CHECK_EQ(cancelled(l, &c, START), 9);
    CHECK_EQ(limiter_picture(l, START).debt, 8);
    CHECK_EQ(cancelled(l, &b, START), 0); /* c was granted after it */
    trifuse_reservation d = reserved(l, 1, START);
    CHECK_EQ(cancelled(l, &a, START), 0);
    CHECK_EQ(cancelled(l, &d, START + SECOND), 1);
    CHECK_EQ(limiter_picture(l, START).given_back, 10);
}

/* Late: what time has paid in since it was ready is not paid in a second time. */
static void a_reservation_cancelled_late_does_not_fill_the_bucket_twice(void) {
    trifuse_limiter *l = bucket_of(1, 5);
    (void)reserved(l, 5, START);
    trifuse_reservation a = reserved(l, 5, START);
    CHECK_EQ(a.ready_ns, START + 5 * SECOND);
    CHECK(granted(l, 2, START + 8 * SECOND));
    CHECK_EQ(trifuse_limiter_available(l, START + 8 * SECOND), 1);
    CHECK_EQ(cancelled(l, &a, START + 8 * SECOND), 3);
    CHECK_EQ(trifuse_limiter_available(l, START + 8 * SECOND), 3); /* 5 less the 2 that were granted */
    trifuse_reservation b = reserved(l, 1, START + 20 * SECOND);
    CHECK_EQ(cancelled(l, &b, START + 90 * SECOND), 1);
    CHECK_EQ(trifuse_limiter_available(l, START + 90 * SECOND), 5);
}

static void a_cancel_takes_a_reservation_only(void) {
    trifuse_limiter *l = bucket_of(1, 5);
    trifuse_reservation r = reserved(l, 5, START), other = r;
    other.position[0] = 999; /* of another limiter */
    CHECK_EQ(cancelled(l, &other, START), 0);
    other.n = 0;
    CHECK_EQ(trifuse_limiter_cancel(l, &other, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    other = r;
    other.struct_size -= 8;
    CHECK_EQ(trifuse_limiter_cancel(l, &other, START, NULL), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_limiter_cancel(NULL, &r, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_cancel(l, NULL, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_cancel(l, &r, START, NULL), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_available(l, START), 5);
}

static void an_estimate_is_settled_by_refund_and_debit(void) {
    trifuse_limiter *l = bucket_of(10, 100);
    CHECK(granted(l, 60, START));
    CHECK_EQ(trifuse_limiter_refund(l, 20, START), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_available(l, START), 60);
    CHECK_EQ(trifuse_limiter_refund(l, UINT64_MAX, START), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_available(l, START), 100);
    CHECK_EQ(trifuse_limiter_refund(l, 1, START), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_debit(l, 150, START), TRIFUSE_OK);
    CHECK(limiter_picture(l, START).debt == 50 && trifuse_limiter_available(l, START) == 0);
    CHECK_EQ(wait_for(l, 10, START), 6 * SECOND);
    CHECK_EQ(limiter_picture(l, START + 5 * SECOND - 1).debt, 1);
    CHECK_EQ(limiter_picture(l, START + 5 * SECOND).debt, 0);
    CHECK_EQ(trifuse_limiter_refund(l, 0, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_debit(l, 0, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_refund(NULL, 1, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_debit(NULL, 1, START), TRIFUSE_ERROR_ARGUMENT);
}

static void a_debit_on_a_bucket_that_is_over_full_counts_from_full(void) {
    trifuse_limiter *l = bucket_of(10, 100);
    CHECK_EQ(trifuse_limiter_debit(l, 30, START + 1000 * SECOND), TRIFUSE_OK);
    CHECK_EQ(trifuse_limiter_available(l, START + 1000 * SECOND), 70);
}

static void a_huge_debt_saturates_after_thirty_years(void) {
    static const double rates[] = {1e-6, 3, 700000, 1e9};
    for (unsigned i = 0; i < 4; i++) {
        trifuse_limiter *l = bucket_of_rate(rates[i], 10);
        CHECK_EQ(trifuse_limiter_debit(l, 5, START), TRIFUSE_OK);
        for (unsigned k = 0; k < 3; k++) CHECK_EQ(trifuse_limiter_debit(l, UINT64_MAX - k, START), TRIFUSE_OK);
        CHECK((double)limiter_picture(l, START).debt >= rates[i] * 30 * 31536000);
        uint64_t wait = wait_for(l, 1, START);
        CHECK(wait > 30 * YEAR && wait < 80 * YEAR);
        CHECK(!granted(l, 1, START + wait - 1) && granted(l, 1, START + wait + 3)); /* rounded on the way */
        CHECK_EQ(trifuse_limiter_debit(l, UINT64_MAX, START + wait), TRIFUSE_OK);
        CHECK_EQ(trifuse_limiter_refund(l, UINT64_MAX, START), TRIFUSE_OK);
        CHECK_EQ(trifuse_limiter_available(l, START), 10);
    }
}

/* A debt of hours does not fit the finest units: they are made coarser, and every wait stays what it is. */
static void a_long_line_of_reservations_keeps_its_waits(void) {
    trifuse_limiter *l = bucket_of_rate(999999, 1000000000);
    trifuse_reservation r = {.struct_size = sizeof r};
    uint64_t n = 0, last = 0;
    while (trifuse_limiter_reserve(l, 1000000000, START, 50 * YEAR, &r) == TRIFUSE_OK && ++n < 2000000) {
        if (n > 1) CHECK(r.wait_ns - last >= 1000001000000 && r.wait_ns - last <= 1000001000002);
        last = r.wait_ns;
    }
    CHECK(n > 30 * 31535 && r.n == 0 && r.wait_ns > 36 * YEAR);
    CHECK_EQ(limiter_picture(l, START).granted, n);
}

int main(void) {
    RUN(a_full_bucket_gives_its_capacity_and_then_its_rate);
    RUN(a_third_is_kept_exactly);
    RUN(in_the_long_run_the_rate_is_met);
    RUN(a_bucket_is_full_after_ten_idle_years_and_at_the_end_of_time);
    RUN(a_time_before_its_birth_sees_the_bucket_as_it_was_born);
    RUN(an_older_time_gains_nothing);
    RUN(reservations_stand_in_line_and_a_try_behind_them_waits);
    RUN(a_reservation_over_max_wait_takes_nothing);
    RUN(a_cancelled_reservation_gives_back_what_nobody_stands_on);
    RUN(a_reservation_cancelled_late_does_not_fill_the_bucket_twice);
    RUN(a_cancel_takes_a_reservation_only);
    RUN(an_estimate_is_settled_by_refund_and_debit);
    RUN(a_debit_on_a_bucket_that_is_over_full_counts_from_full);
    RUN(a_huge_debt_saturates_after_thirty_years);
    RUN(a_long_line_of_reservations_keeps_its_waits);
    return check_summary();
}
