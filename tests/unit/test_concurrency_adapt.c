/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How AIMD and GRADIENT2 move, beside naive ones in doubles, and what all adaptive limits have. */
#include "adaptive.h"

static uint64_t random_state;

static uint64_t draw(uint64_t below) {
    return next_random(&random_state) % below;
}

static void aimd_adds_1_and_takes_a_tenth(void) {
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_AIMD);
    c.timeout_ns = SECOND;
    trifuse_concurrency *l = with_in_flight(&c, 20);
    CHECK(is_near(succeeds(l, SECOND), 21));
    CHECK(is_near(release(l, TRIFUSE_OUTCOME_FAILURE, 1), 18.9));
    CHECK_EQ(trifuse_concurrency_limit(l), 18);
    CHECK(is_near(release(l, TRIFUSE_OUTCOME_TIMEOUT, 1), 17.01));
    CHECK(is_near(succeeds(l, SECOND + 1), 15.309));
    CHECK(is_near(release(l, TRIFUSE_OUTCOME_IGNORED, 10 * SECOND), 15.309));
    CHECK(is_near(succeeds(l, 0), 16.309));
    trifuse_concurrency_snapshot s = picture_of(l);
    CHECK(s.failures == 3 && s.released == 6 && s.no_load_ns == 0 && s.long_ns == 0);
}

static void without_a_timeout_a_long_call_is_a_success(void) {
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_AIMD);
    trifuse_concurrency *l = with_in_flight(&c, 20);
    CHECK(is_near(succeeds(l, UINT64_MAX), 21));
    CHECK_EQ(picture_of(l).failures, 0);
}

static void no_limit_grows_while_less_than_half_of_it_is_used(void) {
    for (uint32_t algorithm = 1; algorithm < 4; algorithm++) {
        trifuse_concurrency_config c = config_of(algorithm);
        trifuse_concurrency *l = with_in_flight(&c, 9);
        CHECK(is_near(succeeds(l, SECOND), 20));
        CHECK(trifuse_concurrency_try_acquire(l) == TRIFUSE_OK && trifuse_concurrency_try_acquire(l) == TRIFUSE_OK);
        CHECK(succeeds(l, SECOND) > 20.5);
    }
}

static void failures_count_however_little_is_used(void) {
    for (uint32_t algorithm = 1; algorithm < 4; algorithm++) {
        trifuse_concurrency_config c = config_of(algorithm);
        trifuse_concurrency *l = made_of(&c);
        double before = 20;
        for (unsigned i = 0; i < 400; i++) {
            CHECK_EQ(trifuse_concurrency_try_acquire(l), TRIFUSE_OK);
            double after = release(l, 1 + i % 2, i % 3 ? SECOND : 0);
            CHECK(after < before || after == 1);
            before = after;
        }
        CHECK(before == 1 && trifuse_concurrency_limit(l) == 1);
    }
}

static void n_stays_within_its_bounds(void) {
    for (uint32_t algorithm = 1; algorithm < 4; algorithm++) {
        trifuse_concurrency_config c = config_of(algorithm);
        c.min_limit = 5;
        c.max_limit = 30;
        trifuse_concurrency *l = with_in_flight(&c, 20);
        for (unsigned i = 0; i < 100; i++) CHECK(succeeds_and_asks(l, SECOND) <= 30);
        CHECK_EQ(trifuse_concurrency_limit(l), 30);
        for (unsigned i = 0; i < 100; i++) {
            CHECK(release(l, TRIFUSE_OUTCOME_FAILURE, SECOND) >= 5);
            (void)trifuse_concurrency_try_acquire(l);
        }
        CHECK_EQ(trifuse_concurrency_limit(l), 5);
    }
}

static void every_algorithm_recovers_from_1(void) {
    for (uint32_t algorithm = 1; algorithm < 4; algorithm++) {
        trifuse_concurrency_config c = config_of(algorithm);
        c.limit = 1;
        trifuse_concurrency *l = with_in_flight(&c, 1);
        for (unsigned i = 0; i < 300; i++) {
            (void)succeeds_and_asks(l, SECOND);
            while (trifuse_concurrency_try_acquire(l) == TRIFUSE_OK) continue;
        }
        CHECK(trifuse_concurrency_limit(l) > 50);
    }
}

static void gradient2_follows_its_formula(void) {
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_GRADIENT2);
    c.max_limit = 1000000;
    for (unsigned round = 0; round < 20; round++) {
        random_state = 88172645463325252ULL + round;
        c.long_window = round ? 1 + (uint32_t)draw(1000) : 1000000;
        trifuse_concurrency *l = with_in_flight(&c, 1);
        double n = 20, mean = 0, samples = 0;
        for (unsigned i = 0; i < 3000; i++) {
            while (draw(4) && trifuse_concurrency_in_flight(l) < 300 && trifuse_concurrency_try_acquire(l) == TRIFUSE_OK) continue;
            uint32_t outcome = draw(20) ? 0 : (uint32_t)draw(4);
            uint64_t time = draw(30) ? 1000 + draw(9000) : draw(2) * 100000;
            uint64_t used = trifuse_concurrency_in_flight(l);
            if (used == 0) continue;
            double next = n;
            if (outcome == TRIFUSE_OUTCOME_FAILURE || outcome == TRIFUSE_OUTCOME_TIMEOUT) next = n * 0.9;
            else if (outcome == TRIFUSE_OUTCOME_SUCCESS && time) {
                double weight = 1 / ++samples, least = 2 / (c.long_window + 1.0);
                mean += ((double)time - mean) * (weight > least ? weight : least);
                double g = fmin(1, fmax(0.5, 1.5 * mean / (double)time));
                next = 0.8 * n + 0.2 * (g * n + 4);
                if (mean > 2 * (double)time) mean *= 0.95;
            }
            if (next > n && 2 * (double)used < n) next = n;
            next = fmax(1, next);
            double got = release(l, outcome, time);
            if (outcome == TRIFUSE_OUTCOME_SUCCESS && time) CHECK_EQ(picture_of(l).short_ns, time);
            if (!CHECK(fabs(got - next) < 1e-4)) return;
            CHECK(fabs((double)picture_of(l).long_ns - mean) < 1);
            n = got;
        }
    }
}

static void the_longest_times_do_not_overflow(void) {
    for (uint32_t algorithm = 2; algorithm < 4; algorithm++) {
        trifuse_concurrency_config c = config_of(algorithm);
        trifuse_concurrency *l = with_in_flight(&c, 20);
        for (unsigned i = 0; i < 5; i++) CHECK(succeeds_and_asks(l, UINT64_MAX) > 20);
        trifuse_concurrency_snapshot s = picture_of(l);
        CHECK_EQ(s.no_load_ns, algorithm == TRIFUSE_ALGORITHM_VEGAS ? (1ULL << 48) - 1 : 0);
        CHECK_EQ(s.short_ns, algorithm == TRIFUSE_ALGORITHM_VEGAS ? 0 : TRIFUSE_DURATION_MAX_NS);
        CHECK(succeeds(l, 1) > 20);
    }
}

int main(void) {
    RUN(aimd_adds_1_and_takes_a_tenth);
    RUN(without_a_timeout_a_long_call_is_a_success);
    RUN(no_limit_grows_while_less_than_half_of_it_is_used);
    RUN(failures_count_however_little_is_used);
    RUN(n_stays_within_its_bounds);
    RUN(every_algorithm_recovers_from_1);
    RUN(gradient2_follows_its_formula);
    RUN(the_longest_times_do_not_overflow);
    return check_summary();
}
