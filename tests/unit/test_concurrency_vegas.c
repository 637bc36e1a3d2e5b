/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How VEGAS moves, and how it measures the no-load time. */
#include "adaptive.h"

static void vegas_moves_by_its_queue(void) {
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_VEGAS);
    trifuse_concurrency *l = with_in_flight(&c, 20);
    double n = 20, lo = log10(20);
    CHECK(is_near(succeeds(l, 1000), n + 6 * lo));
    n += 6 * lo;
    CHECK_EQ(picture_of(l).no_load_ns, 1000);
    lo = log10(n); /* queue of n (1 - 1000 / time): 2 l, 4 l, 7 l */
    CHECK(is_near(succeeds(l, (uint64_t)(1000 / (1 - 2 * lo / n))), n + lo));
    n += lo;
    lo = log10(n);
    CHECK(is_near(succeeds(l, (uint64_t)(1000 / (1 - 4 * lo / n))), n));
    CHECK(is_near(succeeds(l, (uint64_t)(1000 / (1 - 7 * lo / n))), n - lo));
    n -= lo;
    lo = log10(n);
    CHECK(is_near(release(l, TRIFUSE_OUTCOME_FAILURE, 1), n - lo));
    n -= lo;
    CHECK_EQ(picture_of(l).no_load_ns, 1000); /* a failure may be quick for its own reasons */
    CHECK(is_near(succeeds(l, 0), n));
    CHECK(is_near(release(l, TRIFUSE_OUTCOME_IGNORED, 1), n));
    while (trifuse_concurrency_try_acquire(l) == TRIFUSE_OK) continue;
    lo = log10(n);
    CHECK(is_near(succeeds(l, 900), n + 6 * lo));
    CHECK_EQ(picture_of(l).no_load_ns, 900);
}

/* With at most 10, l is 1. */
static void vegas_takes_alpha_and_beta_from_the_configuration(void) {
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_VEGAS);
    c.limit = 10;
    c.alpha = 1.5;
    c.beta = 2;
    trifuse_concurrency *l = with_in_flight(&c, 1);
    CHECK(is_near(succeeds(l, 1000), 10));
    static const struct { uint64_t time; double next; } steps[] = {
        {1111, 16}, {1112, 11}, {1176, 11}, {1177, 10}, {1249, 10}, {1251, 9}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        CHECK_EQ(trifuse_concurrency_set_limit(l, 10, NULL), TRIFUSE_OK);
        while (trifuse_concurrency_try_acquire(l) == TRIFUSE_OK) continue;
        CHECK(is_near(succeeds(l, steps[i].time), steps[i].next));
    }
}

/* How many samples pass until the no-load time is a longer one. */
static unsigned samples_until_anew(trifuse_concurrency *l, uint64_t time) {
    unsigned n = 0;
    do {
        n++;
        (void)succeeds_and_asks(l, time);
    } while (picture_of(l).no_load_ns != time && n < 100000);
    return n;
}

static void vegas_takes_the_no_load_time_anew_at_least_every_30_n(void) {
    unsigned least = 1000, most = 0;
    for (uint64_t seed = 0; seed < 200; seed++) {
        trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_VEGAS);
        c.max_limit = 20;
        c.seed = seed;
        trifuse_concurrency *l = with_in_flight(&c, 20);
        (void)succeeds_and_asks(l, 1000);
        unsigned n = samples_until_anew(l, 1001);
        CHECK(is_near(picture_of(l).limit_exact, 20));
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    CHECK(least >= 299 && least < 330 && most > 570 && most <= 600);
}

static void vegas_measures_anew_even_if_every_sample_is_to(void) {
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_VEGAS);
    c.probe_every = c.limit = c.max_limit = 1;
    trifuse_concurrency *l = with_in_flight(&c, 1);
    (void)succeeds_and_asks(l, 1000);
    CHECK(samples_until_anew(l, 2000) <= 1);
    CHECK_EQ(trifuse_concurrency_limit(l), 1);
}

/* More epochs than their tag has values. */
static void vegas_epochs_may_wrap(void) {
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_VEGAS);
    c.probe_every = c.limit = c.max_limit = 1;
    trifuse_concurrency *l = with_in_flight(&c, 1);
    for (uint64_t i = 1; i < 200000; i++) {
        (void)succeeds_and_asks(l, i);
        if (!CHECK(picture_of(l).no_load_ns + 1 >= i)) return;
    }
}

int main(void) {
    RUN(vegas_moves_by_its_queue);
    RUN(vegas_takes_alpha_and_beta_from_the_configuration);
    RUN(vegas_takes_the_no_load_time_anew_at_least_every_30_n);
    RUN(vegas_measures_anew_even_if_every_sample_is_to);
    RUN(vegas_epochs_may_wrap);
    return check_summary();
}
