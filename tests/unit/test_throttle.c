/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The adaptive throttle: when it refuses and how often, its window, its totals, against a naive model. */
#include "objects.h"

#include <math.h>

static uint64_t throttle_memory[256];

static trifuse_throttle_config plain(void) {
    trifuse_throttle_config c;
    CHECK_EQ(trifuse_throttle_config_init(&c, sizeof c), TRIFUSE_OK);
    return c;
}

static trifuse_throttle *throttle_of(const trifuse_throttle_config *c, uint64_t now) {
    trifuse_throttle *t = NULL;
    CHECK_EQ(trifuse_throttle_init(throttle_memory, sizeof throttle_memory, c, now, NULL, &t), TRIFUSE_OK);
    return t;
}

static trifuse_throttle_snapshot seen(trifuse_throttle *t, uint64_t now) {
    trifuse_throttle_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_throttle_get_snapshot(t, now, &s), TRIFUSE_OK);
    return s;
}

static void accept(trifuse_throttle *t, uint64_t now, unsigned n) {
    while (n--) CHECK_EQ(trifuse_throttle_accept(t, now), TRIFUSE_OK);
}

/* Asks n times; how often it was refused. */
static unsigned refused_of(trifuse_throttle *t, uint64_t now, unsigned n) {
    unsigned refused = 0;
    while (n--) {
        int result = trifuse_throttle_try_acquire(t, now);
        CHECK(result == TRIFUSE_OK || result == TRIFUSE_REFUSED_THROTTLED);
        refused += result != TRIFUSE_OK;
    }
    return refused;
}

static trifuse_config_error why;

static uint32_t refused(const trifuse_throttle_config *c) {
    why = blank_error();
    int result = trifuse_throttle_config_check(c, &why);
    CHECK(result == TRIFUSE_OK || (result == TRIFUSE_ERROR_CONFIG && why.allowed[0] != 0));
    return why.field;
}

#define REFUSES(member, bad, field_name)                   \
    do {                                                   \
        trifuse_throttle_config c = plain();               \
        c.member = (bad);                                  \
        CHECK_EQ(refused(&c), TRIFUSE_FIELD_##field_name); \
    } while (0)

static void every_field_outside_its_range_is_refused_with_its_name(void) {
    REFUSES(flags, 1, FLAGS);
    REFUSES(reserved, 1, FLAGS);
    REFUSES(window_buckets, 0, WINDOW_BUCKETS);
    REFUSES(window_buckets, 65, WINDOW_BUCKETS);
    REFUSES(window_buckets, 64, NONE);
    REFUSES(window_duration_ns, 0, WINDOW_DURATION);
    REFUSES(window_duration_ns, TRIFUSE_DURATION_MAX_NS + 1, WINDOW_DURATION);
    REFUSES(window_duration_ns, 9999, WINDOW_DURATION);
    CHECK(why.value_kind == TRIFUSE_VALUE_DURATION && why.value_integer == 9999);
    CHECK_TEXT(why.allowed, "1 microsecond a bucket (window_duration / window_buckets) to 365 days");
    REFUSES(window_duration_ns, 10000, NONE);
    REFUSES(k, 0.999, K);
    REFUSES(k, 1001, K);
    REFUSES(k, NAN, K);
    CHECK(why.value_kind == TRIFUSE_VALUE_REAL && isnan(why.value_real));
    REFUSES(k, 1, NONE);
    REFUSES(seed, UINT64_MAX, NONE);
}

static void it_is_made_as_every_object(void) {
    trifuse_throttle_config good = plain(), bad = plain();
    bad.k = 0;
    CHECK_MAKING(throttle, good, bad, TRIFUSE_FIELD_K);
}

static void nothing_is_refused_while_the_backend_takes_half(void) {
    trifuse_throttle_config c = plain();
    trifuse_throttle *t = throttle_of(&c, START);
    CHECK_EQ(trifuse_throttle_try_acquire(t, START), TRIFUSE_OK);
    accept(t, START, 1);
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_EQ(refused_of(t, START, 2), 0);
        accept(t, START, 1);
        CHECK(!(seen(t, START).probability > 0));
    }
    trifuse_throttle_snapshot s = seen(t, START);
    CHECK(s.requests == 2001 && s.accepts == 1001 && s.admitted == 2001 && s.refused == 0 && s.accepted == 1001);
}

/* With so many requests and accepts before: the share of refusals of the next, over many seeds, is the
 * probability within 5 standard errors. */
static void check_probability(unsigned requests, unsigned accepts, double k, double want) {
    enum { DRAWS = 8000 };
    unsigned drawn = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        trifuse_throttle_config c = plain();
        c.k = 1000;
        c.seed = i;
        trifuse_throttle *t = throttle_of(&c, START);
        accept(t, START, requests > 0); /* with k = 1000 none of these is refused */
        CHECK_EQ(refused_of(t, START, requests), 0);
        accept(t, START, accepts - (requests > 0));
        throttle_memory[4] = (uint64_t)(k * 1e9 + 0.5);
        CHECK(fabs(seen(t, START).probability - want) < 1e-12);
        drawn += refused_of(t, START, 1);
    }
    CHECK(fabs(drawn / (double)DRAWS - want) <= 5 * sqrt(want * (1 - want) / DRAWS));
}

static void the_probability_is_that_of_the_formula(void) {
    check_probability(0, 0, 2, 0);
    check_probability(2, 1, 2, 0);
    check_probability(3, 1, 2, 0.25);
    check_probability(9, 1, 2, 0.7);
    check_probability(9, 1, 1, 0.8);
    check_probability(9, 3, 1.5, 0.45);
    check_probability(20, 1, 19.999999999, 1e-9 / 21);
    check_probability(10, 5, 2, 0);
}

static void refused_requests_count_and_an_outage_lets_few_through(void) {
    trifuse_throttle_config c = plain();
    c.seed = 7;
    trifuse_throttle *t = throttle_of(&c, START);
    unsigned refusals = refused_of(t, START, 10000);
    trifuse_throttle_snapshot s = seen(t, START);
    CHECK(s.requests == 10000 && s.refused == refusals && s.admitted == 10000 - refusals);
    CHECK(fabs(s.probability - 10000.0 / 10001) < 1e-12);
    CHECK(s.admitted >= 1 && s.admitted < 40); /* sum of 1 / (n + 1) is 9.8, its variance 8 */
}

static void draws_depend_on_the_seed_their_number_and_now(void) {
    trifuse_throttle_config c = plain();
    uint64_t pattern[4] = {0};
    for (unsigned i = 0; i < 4; i++) {
        c.seed = i == 1;
        trifuse_throttle *t = throttle_of(&c, START);
        CHECK_EQ(refused_of(t, START, 1), 0);
        for (unsigned n = 0; n < 64; n++) {
            accept(t, START, n % 3 == 0);
            pattern[i] = pattern[i] << 1 | refused_of(t, START + (i == 2), 1);
        }
    }
    CHECK(pattern[0] != pattern[1] && pattern[0] != pattern[2] && pattern[0] == pattern[3] && pattern[0] != 0);
}

static void the_window_slides_and_ten_idle_years_leave_nothing(void) {
    trifuse_throttle_config c = plain();
    trifuse_throttle *t = throttle_of(&c, START);
    (void)refused_of(t, START, 50);
    accept(t, START, 5);
    uint64_t last = START / (3 * SECOND) * (3 * SECOND) + 30 * SECOND; /* its bucket leaves then */
    CHECK(seen(t, last - 1).requests == 50 && seen(t, last - 1).accepts == 5);
    CHECK(seen(t, last).requests == 0 && !(seen(t, last).probability > 0));
    CHECK_EQ(seen(t, START).requests, 50);
    uint64_t later = START + 10 * TRIFUSE_DURATION_MAX_NS;
    CHECK_EQ(refused_of(t, later, 1), 0);
    CHECK(seen(t, later).requests == 1 && seen(t, later).accepts == 0 && seen(t, later).accepted == 5);
    CHECK_EQ(seen(t, later).admitted + seen(t, later).refused, 51);
    accept(t, START, 1);
    CHECK(seen(t, START).accepts == 0 && seen(t, later).accepted == 6);
}

static void one_bucket_is_a_window_too(void) {
    trifuse_throttle_config c = plain();
    c.window_buckets = 1;
    c.window_duration_ns = SECOND;
    trifuse_throttle *t = throttle_of(&c, START);
    (void)refused_of(t, START, 3);
    CHECK_EQ(seen(t, START + SECOND - 1).requests, 3);
    CHECK_EQ(refused_of(t, START + SECOND, 1), 0);
    CHECK_EQ(seen(t, START + SECOND).requests, 1);
}

static void counts_never_wrap(void) {
    const uint64_t full = (1ULL << 46) - 1;
    trifuse_throttle_config c = plain();
    c.k = 1000;
    trifuse_throttle *t = throttle_of(&c, START);
    accept(t, START, 1);
    unsigned slot = 0;
    while ((throttle_memory[16 + 32 + slot] & full) == 0) slot++;
    throttle_memory[16 + slot] |= full; /* admitted, of the newest bucket */
    CHECK_EQ(seen(t, START).requests, full);
    CHECK_EQ(trifuse_throttle_try_acquire(t, START), TRIFUSE_REFUSED_THROTTLED);
    throttle_memory[16 + 32 + slot] |= full;
    accept(t, START, 1);
    CHECK_EQ(trifuse_throttle_try_acquire(t, START), TRIFUSE_OK);
    CHECK(seen(t, START).requests == full + 1 && seen(t, START).accepts == full);
}

static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_below(uint64_t n) {
    return next_random(&random_state) % n;
}

static void its_window_agrees_with_a_model_over_random_histories(void) {
    static uint64_t requests[8192], accepts[8192];
    for (uint32_t buckets = 1; buckets <= 64; buckets += 7) {
        trifuse_throttle_config c = plain();
        c.window_buckets = buckets;
        c.window_duration_ns = buckets * 1000;
        uint64_t now = 200000, newest = 200;
        trifuse_throttle *t = throttle_of(&c, now);
        memset(requests, 0, sizeof requests);
        memset(accepts, 0, sizeof accepts);
        for (unsigned step = 0; step < 8000 && now < 8000000; step++) {
            uint64_t pace = random_below(30), r = 0, a = 0;
            if (pace == 0) now += random_below(80000);
            if (pace > 20) now += random_below(700);
            uint64_t at = pace == 1 ? now - random_below(80000) : now;
            if (at / 1000 > newest) newest = at / 1000;
            if (random_below(3)) (void)refused_of(t, at, 1), requests[at / 1000]++;
            else accept(t, at, 1), accepts[at / 1000]++;
            for (uint64_t age = 0; age < buckets; age++) r += requests[newest - age], a += accepts[newest - age];
            trifuse_throttle_snapshot s = seen(t, now);
            uint64_t want = r > 2 * a ? r - 2 * a : 0;
            if (now / 1000 == newest) CHECK(s.requests == r && s.accepts == a);
            if (now / 1000 == newest) CHECK(fabs(s.probability - (double)want / (double)(r + 1)) < 1e-12);
        }
    }
}

static void mistakes_change_nothing(void) {
    trifuse_throttle_config c = plain();
    trifuse_throttle *t = throttle_of(&c, 0);
    trifuse_throttle_snapshot s = {.struct_size = 4};
    CHECK_EQ(trifuse_throttle_try_acquire(NULL, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_throttle_accept(NULL, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_throttle_get_snapshot(NULL, START, &s), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_throttle_get_snapshot(t, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_throttle_get_snapshot(t, START, &s), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_throttle_config_init(NULL, 40), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(refused_of(t, 0, 1), 0);
    accept(t, 0, 1);
    CHECK(seen(t, 0).requests == 1 && seen(t, 0).accepts == 1);
}

int main(void) {
    RUN(every_field_outside_its_range_is_refused_with_its_name);
    RUN(it_is_made_as_every_object);
    RUN(nothing_is_refused_while_the_backend_takes_half);
    RUN(the_probability_is_that_of_the_formula);
    RUN(refused_requests_count_and_an_outage_lets_few_through);
    RUN(draws_depend_on_the_seed_their_number_and_now);
    RUN(the_window_slides_and_ten_idle_years_leave_nothing);
    RUN(one_bucket_is_a_window_too);
    RUN(counts_never_wrap);
    RUN(its_window_agrees_with_a_model_over_random_histories);
    RUN(mistakes_change_nothing);
    return check_summary();
}
