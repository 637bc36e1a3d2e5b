/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Delays of retries: strategies, caps, jitters and their distribution, the longest total. */
#include "retry.h"

#define YEAR TRIFUSE_DURATION_MAX_NS

/* The delay of retry k, given one before of `previous`. */
static uint64_t delay_of(trifuse_retry *r, uint32_t k, uint64_t previous) {
    trifuse_retry_call call = begin(r, START);
    uint64_t delay;
    call.retries = k;
    call.previous_ns = previous;
    CHECK_EQ(next(r, &call, START, &delay), TRIFUSE_OK);
    return delay;
}

static trifuse_retry_config endless(uint32_t strategy, uint32_t jitter) {
    trifuse_retry_config c = plain();
    c.strategy = strategy;
    c.jitter = jitter;
    c.max_retries = 1000000;
    return c;
}

static void fixed_is_always_the_same(void) {
    trifuse_retry_config c = endless(TRIFUSE_STRATEGY_FIXED, TRIFUSE_JITTER_NONE);
    trifuse_retry *r = retry_of(&c);
    CHECK(delay_of(r, 0, 0) == SECOND / 10 && delay_of(r, 999999, 0) == SECOND / 10);
}

static void linear_grows_by_the_increment_up_to_the_cap(void) {
    trifuse_retry_config c = endless(TRIFUSE_STRATEGY_LINEAR, TRIFUSE_JITTER_NONE);
    c.increment_ns = 3;
    trifuse_retry *r = retry_of(&c);
    CHECK(delay_of(r, 0, 0) == SECOND / 10 && delay_of(r, 999999, 0) == SECOND / 10 + 3 * 999999);
    c.increment_ns = YEAR;
    r = retry_of(&c);
    CHECK(delay_of(r, 1, 0) == 10 * SECOND && delay_of(r, 999999, 0) == 10 * SECOND);
}

/* Computed with rational numbers of any length. */
static const struct grown { uint64_t delay; double multiplier; uint32_t retry; uint64_t want; } grown[] = {
    {SECOND / 10, 2.0, 0, SECOND / 10},
    {SECOND / 10, 2.0, 6, 6400000000},
    {SECOND / 10, 2.0, 28, 26843545600000000},
    {SECOND / 10, 2.0, 29, YEAR},
    {SECOND / 10, 2.0, 999999, YEAR},
    {123456789, 1.1, 1, 135802467},
    {123456789, 1.1, 20, 830555541},
    {SECOND / 10, 1.5, 30, 19175105923288},
    {SECOND / 10, 1.333333333, 25, 132882690414},
    {7, 1.618033989, 12, 2253},
    {SECOND, 1.000001, 999999, 2718277751},
    {SECOND, 1.0, 999999, SECOND},
    {1, 1000.0, 5, 1000000000000000},
    {1, 1000.0, 6, YEAR},
    {YEAR, 1000.0, 1, YEAR},
    {0, 1000.0, 999999, 0},
};

static void exponential_is_exact_to_the_nanosecond(void) {
    for (size_t i = 0; i < sizeof grown / sizeof grown[0]; i++) {
        trifuse_retry_config c = endless(TRIFUSE_STRATEGY_EXPONENTIAL, TRIFUSE_JITTER_NONE);
        c.delay_ns = grown[i].delay;
        c.multiplier = grown[i].multiplier;
        c.max_delay_ns = YEAR;
        CHECK_EQ(delay_of(retry_of(&c), grown[i].retry, 0), grown[i].want);
    }
}

typedef struct sample { uint64_t least, most; double mean; } sample;

static sample sample_of(const trifuse_retry_config *c, uint32_t k, uint64_t previous, unsigned n) {
    trifuse_retry *r = retry_of(c);
    sample s = {UINT64_MAX, 0, 0};
    for (unsigned i = 0; i < n; i++) {
        uint64_t delay = delay_of(r, k, previous);
        if (delay < s.least) s.least = delay;
        if (delay > s.most) s.most = delay;
        s.mean += (double)delay / n;
    }
    return s;
}

/* A uniform draw of 40,000 is within 5 standard errors of its middle: 5 * span / sqrt(12 * 40000). */
static void check_uniform(const trifuse_retry_config *c, uint32_t k, uint64_t previous, uint64_t low,
                          uint64_t high) {
    sample s = sample_of(c, k, previous, 40000);
    double middle = ((double)low + (double)high) / 2, span = (double)(high - low), off = s.mean - middle;
    CHECK(s.least >= low && s.most <= high);
    CHECK((double)(s.least - low) < span / 1000 && (double)(high - s.most) < span / 1000);
    CHECK(off < span * 5 / 692 && off > -span * 5 / 692);
}

static void jitters_are_uniform_within_their_bounds(void) {
    const uint64_t d = SECOND / 10 * 8; /* of retry 3 */
    trifuse_retry_config c = endless(TRIFUSE_STRATEGY_EXPONENTIAL, TRIFUSE_JITTER_PROPORTIONAL);
    check_uniform(&c, 3, 0, d, d + d / 10);
    check_uniform(&c, 30, 0, 9090909090, 9999999999); /* at the cap there is room for it below the cap */
    c.jitter = TRIFUSE_JITTER_FULL;
    check_uniform(&c, 3, 0, 0, d);
    check_uniform(&c, 30, 0, 0, 10 * SECOND);
    c.jitter = TRIFUSE_JITTER_EQUAL;
    check_uniform(&c, 3, 0, d / 2, d);
    c.jitter = TRIFUSE_JITTER_DECORRELATED;
    check_uniform(&c, 0, SECOND / 10, SECOND / 10, 3 * SECOND / 10);
    check_uniform(&c, 9, 2 * SECOND, SECOND / 10, 6 * SECOND);
    check_uniform(&c, 9, 9 * SECOND, SECOND / 10, 10 * SECOND);
    check_uniform(&c, 9, UINT64_MAX, SECOND / 10, 10 * SECOND);
}

static void decorrelated_begins_at_the_delay_and_never_falls_below_it(void) {
    trifuse_retry_config c = endless(TRIFUSE_STRATEGY_FIXED, TRIFUSE_JITTER_DECORRELATED);
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_call call = begin(r, START);
    CHECK_EQ(call.previous_ns, SECOND / 10);
    CHECK_EQ(delay_of(r, 1, 0), SECOND / 10);
    uint64_t before = call.previous_ns, delay;
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_EQ(next(r, &call, START, &delay), TRIFUSE_OK);
        CHECK(delay >= SECOND / 10 && delay <= 10 * SECOND && delay <= 3 * before);
        before = delay;
    }
}

static void small_delays_have_small_jitters(void) {
    trifuse_retry_config c = endless(TRIFUSE_STRATEGY_FIXED, TRIFUSE_JITTER_EQUAL);
    c.delay_ns = 3;
    sample s = sample_of(&c, 0, 3, 500);
    CHECK(s.least == 1 && s.most == 3);
    c.jitter = TRIFUSE_JITTER_PROPORTIONAL;
    s = sample_of(&c, 0, 3, 100);
    CHECK(s.least == 3 && s.most == 3);
    c.max_delay_ns = c.delay_ns = 0;
    for (c.jitter = 0; c.jitter <= TRIFUSE_JITTER_DECORRELATED; c.jitter++)
        CHECK_EQ(sample_of(&c, 5, 3, 50).most, 0);
}

static void the_seed_the_number_of_the_call_and_now_decide_the_jitter(void) {
    trifuse_retry_config c = endless(TRIFUSE_STRATEGY_FIXED, TRIFUSE_JITTER_FULL);
    c.delay_ns = 10 * SECOND;
    uint64_t first = delay_of(retry_of(&c), 0, 0), second = delay_of((trifuse_retry *)retry_memory, 0, 0);
    CHECK(first != second);
    CHECK_EQ(delay_of(retry_of(&c), 0, 0), first);
    CHECK_EQ(delay_of((trifuse_retry *)retry_memory, 0, 0), second);
    c.seed = 1;
    CHECK(delay_of(retry_of(&c), 0, 0) != first);
    c.seed = 0;
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_call call = begin(r, START);
    uint64_t delay, again;
    CHECK_EQ(next(r, &call, START + 1, &delay), TRIFUSE_OK);
    CHECK(delay != first && call.random != 0);
    CHECK_EQ(next(r, &call, START + 1, &again), TRIFUSE_OK);
    CHECK(again != delay);
}

static uint64_t total_of(const trifuse_retry_config *c, uint64_t timeout) {
    uint64_t total = 0;
    CHECK_EQ(trifuse_retry_max_total(c, timeout, &total, NULL), TRIFUSE_OK);
    return total;
}

static void the_longest_total_is_that_of_the_greatest_delays(void) {
    trifuse_retry_config c = plain();
    CHECK_EQ(total_of(&c, 0), 770000000); /* 110 + 220 + 440 ms */
    CHECK_EQ(total_of(&c, 5 * SECOND), 20770000000);
    c.jitter = TRIFUSE_JITTER_NONE;
    CHECK_EQ(total_of(&c, 0), 700000000);
    c.jitter = TRIFUSE_JITTER_EQUAL;
    CHECK_EQ(total_of(&c, 1), 700000004);
    c.jitter = TRIFUSE_JITTER_DECORRELATED;
    CHECK_EQ(total_of(&c, 0), 3900000000); /* 300 + 900 + 2700 ms */
    c.max_retries = 0;
    CHECK_EQ(total_of(&c, SECOND), SECOND);
    c = endless(TRIFUSE_STRATEGY_EXPONENTIAL, TRIFUSE_JITTER_PROPORTIONAL);
    CHECK_EQ(total_of(&c, 0), 110000000ULL * 127 + 999993 * 9999999999ULL);
    c.strategy = TRIFUSE_STRATEGY_LINEAR;
    c.jitter = TRIFUSE_JITTER_NONE;
    CHECK_EQ(total_of(&c, 0), 505 * SECOND + 999900 * 10 * SECOND);
}

static void the_total_ends_one_attempt_after_the_limit_and_saturates(void) {
    trifuse_retry_config c = plain();
    CHECK_EQ(total_of(&c, TRIFUSE_NEVER), TRIFUSE_NEVER);
    CHECK_EQ(total_of(&c, TRIFUSE_NEVER / 4), TRIFUSE_NEVER);
    c.max_elapsed_ns = 10 * SECOND;
    CHECK_EQ(total_of(&c, SECOND), 4770000000);
    CHECK_EQ(total_of(&c, 5 * SECOND), 15 * SECOND);
    CHECK_EQ(total_of(&c, TRIFUSE_NEVER), TRIFUSE_NEVER);
    c.max_elapsed_ns = 0;
    c.max_delay_ns = c.delay_ns = YEAR;
    c.max_retries = 1000000;
    CHECK_EQ(total_of(&c, 0), TRIFUSE_NEVER);
    trifuse_config_error error = blank_error();
    uint64_t total = 6;
    c.jitter = 9;
    CHECK_EQ(trifuse_retry_max_total(&c, 0, &total, &error), TRIFUSE_ERROR_CONFIG);
    CHECK(error.field == TRIFUSE_FIELD_JITTER && total == 6);
    CHECK_EQ(trifuse_retry_max_total(&c, 0, NULL, &error), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_max_total(NULL, 0, &total, &error), TRIFUSE_ERROR_ARGUMENT);
}

/* Plays a call whose attempts take `timeout` each; how long it took. */
static uint64_t played(trifuse_retry *r, uint64_t timeout) {
    uint64_t now = START, delay;
    trifuse_retry_call call = begin(r, now);
    for (;;) {
        now += timeout;
        if (next(r, &call, now, &delay) != TRIFUSE_OK) return now - START;
        now += delay;
    }
}

static void no_call_takes_longer_than_its_longest_total_and_some_take_it(void) {
    for (uint32_t jitter = 0; jitter <= TRIFUSE_JITTER_DECORRELATED; jitter++)
        for (uint64_t limit = 0; limit < 120; limit += 17) {
            trifuse_retry_config c = plain();
            c.jitter = jitter;
            c.delay_ns = jitter == TRIFUSE_JITTER_PROPORTIONAL ? 10 : 2;
            c.max_elapsed_ns = limit;
            trifuse_retry *r = retry_of(&c);
            uint64_t want = total_of(&c, 3), longest = 0;
            for (unsigned i = 0; i < 20000; i++) {
                uint64_t took = played(r, 3);
                CHECK(took <= want);
                if (took > longest) longest = took;
            }
            CHECK(limit != 0 || longest == want);
        }
}

int main(void) {
    RUN(fixed_is_always_the_same);
    RUN(linear_grows_by_the_increment_up_to_the_cap);
    RUN(exponential_is_exact_to_the_nanosecond);
    RUN(jitters_are_uniform_within_their_bounds);
    RUN(decorrelated_begins_at_the_delay_and_never_falls_below_it);
    RUN(small_delays_have_small_jitters);
    RUN(the_seed_the_number_of_the_call_and_now_decide_the_jitter);
    RUN(the_longest_total_is_that_of_the_greatest_delays);
    RUN(the_total_ends_one_attempt_after_the_limit_and_saturates);
    RUN(no_call_takes_longer_than_its_longest_total_and_some_take_it);
    return check_summary();
}
