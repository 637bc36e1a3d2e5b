/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Configurations: what is refused, with which field, value and range; what is advised. */
#include "support.h"

#include <math.h>

static trifuse_config_error why;

static uint32_t refused(const trifuse_breaker_config *c) {
    why = blank_error();
    int result = trifuse_breaker_config_check(c, &why);
    if (result == TRIFUSE_OK) return TRIFUSE_FIELD_NONE;
    CHECK_EQ(result, TRIFUSE_ERROR_CONFIG);
    CHECK(why.allowed[0] != 0);
    CHECK_EQ(trifuse_breaker_config_check(c, NULL), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(trifuse_breaker_size(c), 0);
    return why.field;
}

#define REFUSES(member, value, field_name)                          \
    do {                                                            \
        trifuse_breaker_config c = preset_config(0);                \
        c.member = (value);                                         \
        CHECK_EQ(refused(&c), TRIFUSE_FIELD_##field_name);          \
    } while (0)
#define TAKES(member, value)                                        \
    do {                                                            \
        trifuse_breaker_config c = preset_config(0);                \
        c.member = (value);                                         \
        CHECK_EQ(refused(&c), TRIFUSE_FIELD_NONE);                  \
    } while (0)

static void every_preset_is_legal(void) {
    for (uint32_t p = 0; p <= TRIFUSE_PRESET_RECOMMENDATION; p++) {
        trifuse_breaker_config c = preset_config(p);
        CHECK_EQ(refused(&c), TRIFUSE_FIELD_NONE);
        CHECK(trifuse_breaker_size(&c) % 64 == 0 && trifuse_breaker_size(&c) > 0);
    }
    trifuse_breaker_config c = preset_config(TRIFUSE_PRESET_LLM);
    CHECK_EQ(c.cancelled_counts_after_ns, 10 * SECOND);
    c = preset_config(TRIFUSE_PRESET_BATCH);
    CHECK(c.consecutive_failures == 10 && c.failure_rate_threshold >= 1.0);
    c = preset_config(TRIFUSE_PRESET_ADAPTIVE);
    CHECK_EQ(c.detector, TRIFUSE_DETECTOR_CUSUM);
}

static void integers_outside_their_range_are_refused(void) {
    REFUSES(flags, 1, FLAGS);
    REFUSES(window_kind, 2, WINDOW_KIND);
    REFUSES(window_buckets, 0, WINDOW_BUCKETS);
    REFUSES(window_buckets, 65, WINDOW_BUCKETS);
    CHECK_EQ(why.value_kind, TRIFUSE_VALUE_INTEGER);
    CHECK_EQ(why.value_integer, 65);
    CHECK_TEXT(why.allowed, "1 to 64");
    TAKES(window_buckets, 64);
    REFUSES(window_count, 4097, WINDOW_COUNT);
    REFUSES(minimum_calls, 0, MINIMUM_CALLS);
    REFUSES(half_open_max_calls, 65, HALF_OPEN_MAX_CALLS);
    REFUSES(reserve_half_open_calls, 65, RESERVE_HALF_OPEN_CALLS);
    REFUSES(reserved, 1, FLAGS);
}

static void reals_outside_their_range_are_refused(void) {
    REFUSES(failure_rate_threshold, 1.5, FAILURE_RATE_THRESHOLD);
    CHECK_EQ(why.value_kind, TRIFUSE_VALUE_REAL);
    CHECK(why.value_real > 1.4 && why.value_real < 1.6);
    REFUSES(failure_rate_threshold, (double)NAN, FAILURE_RATE_THRESHOLD);
    REFUSES(failure_rate_threshold, (double)INFINITY, FAILURE_RATE_THRESHOLD);
    REFUSES(slow_call_rate_threshold, -0.1, SLOW_CALL_RATE_THRESHOLD);
    REFUSES(open_backoff_multiplier, 0.9, OPEN_BACKOFF_MULTIPLIER);
    REFUSES(tolerated_slow_rate, 0.0005, TOLERATED_SLOW_RATE);
    REFUSES(tolerated_slow_rate, 0.8, OUTAGE_SLOW_RATE);
    REFUSES(tolerated_failure_rate, 0.7, OUTAGE_FAILURE_RATE);
}

static void durations_are_checked_alone_and_against_each_other(void) {
    REFUSES(open_duration_ns, 0, OPEN_DURATION);
    CHECK_EQ(why.value_kind, TRIFUSE_VALUE_DURATION);
    REFUSES(window_duration_ns, TRIFUSE_DURATION_MAX_NS + 1, WINDOW_DURATION);
    REFUSES(window_duration_ns, 9999, WINDOW_DURATION);
    TAKES(window_duration_ns, 10000);
    REFUSES(open_duration_max_ns, 29 * SECOND, OPEN_DURATION_MAX);
    TAKES(open_duration_max_ns, 30 * SECOND);
    REFUSES(half_open_permit_ttl_ns, 5 * SECOND, HALF_OPEN_PERMIT_TTL);
    TAKES(half_open_permit_ttl_ns, 5 * SECOND + 1);
    REFUSES(cusum_idle_decay_ns, SECOND / 10 - 1, CUSUM_IDLE_DECAY);
    TAKES(cusum_idle_decay_ns, SECOND / 10);
    TAKES(cusum_idle_decay_ns, 0);
}

static void half_a_design_is_refused(void) {
    trifuse_breaker_config c = preset_config(0);
    c.cusum_up = 1;
    CHECK_EQ(refused(&c), TRIFUSE_FIELD_CUSUM_DESIGN);
    c.cusum_down = 17;
    CHECK_EQ(refused(&c), TRIFUSE_FIELD_CUSUM_DESIGN);
    c.cusum_down = 16;
    CHECK_EQ(refused(&c), TRIFUSE_FIELD_CUSUM_DESIGN);
    c.cusum_threshold = 4097;
    CHECK_EQ(refused(&c), TRIFUSE_FIELD_CUSUM_DESIGN);
    c.cusum_threshold = 4096;
    CHECK_EQ(refused(&c), TRIFUSE_FIELD_NONE);
    c.slow_cusum_up = 1;
    CHECK_EQ(refused(&c), TRIFUSE_FIELD_CUSUM_DESIGN);
}

static void a_struct_may_be_shorter_or_longer_with_a_zero_tail(void) {
    struct { trifuse_breaker_config c; uint64_t tail; } longer;
    memset(&longer, 0, sizeof longer);
    longer.c = preset_config(0);
    longer.c.struct_size = sizeof longer;
    CHECK_EQ(trifuse_breaker_config_check(&longer.c, NULL), TRIFUSE_OK);
    longer.tail = 1ULL << 56;
    CHECK_EQ(trifuse_breaker_config_check(&longer.c, NULL), TRIFUSE_ERROR_STRUCT_SIZE);
    trifuse_breaker_config c = preset_config(0);
    c.struct_size = 8;
    c.window_buckets = 0; /* not read */
    CHECK_EQ(trifuse_breaker_config_check(&c, NULL), TRIFUSE_OK);
    c.struct_size = 4;
    CHECK_EQ(trifuse_breaker_config_check(&c, NULL), TRIFUSE_ERROR_STRUCT_SIZE);
    c.struct_size = 12;
    CHECK_EQ(trifuse_breaker_config_check(&c, NULL), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_breaker_config_check(NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
}

static void config_init_fills_as_far_as_the_struct_reaches(void) {
    struct { trifuse_breaker_config c; uint64_t tail; } longer;
    memset(&longer, 0xFF, sizeof longer);
    CHECK_EQ(trifuse_breaker_config_init(&longer.c, sizeof longer, 0), TRIFUSE_OK);
    CHECK(longer.tail == 0 && longer.c.struct_size == sizeof longer && longer.c.window_buckets == 10);
    memset(&longer, 0xFF, sizeof longer);
    CHECK_EQ(trifuse_breaker_config_init(&longer.c, 16, 0), TRIFUSE_OK);
    CHECK(longer.c.window_buckets == 10 && longer.c.window_duration_ns == UINT64_MAX);
    CHECK_EQ(trifuse_breaker_config_init(NULL, 16, 0), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_config_init(&longer.c, 16, 11), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_config_init(&longer.c, 0, 0), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_breaker_config_init(&longer.c, 12, 0), TRIFUSE_ERROR_STRUCT_SIZE);
#if SIZE_MAX > 0xFFFFFFFFu
    CHECK_EQ(trifuse_breaker_config_init(&longer.c, (size_t)1 << 32, 0), TRIFUSE_ERROR_STRUCT_SIZE);
#endif
}

static void an_error_struct_that_is_too_short_is_left_alone(void) {
    trifuse_breaker_config c = preset_config(0);
    c.window_buckets = 0;
    trifuse_config_error error = blank_error();
    error.struct_size = 8;
    CHECK_EQ(trifuse_breaker_config_check(&c, &error), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(error.field, TRIFUSE_FIELD_NONE);
}

static uint32_t advised(const trifuse_breaker_config *c) {
    uint32_t advice = 0;
    CHECK_EQ(trifuse_breaker_config_advise(c, &advice, NULL), TRIFUSE_OK);
    return advice;
}

#define ADVISES(code, ...)                                     \
    do {                                                       \
        trifuse_breaker_config c = preset_config(0);           \
        __VA_ARGS__;                                           \
        CHECK(advised(&c) & TRIFUSE_ADVICE_##code);            \
        CHECK(trifuse_advice_reason(TRIFUSE_ADVICE_##code)[0]); \
    } while (0)

static void what_is_known_to_hurt_is_advised(void) {
    ADVISES(LOW_THRESHOLD, c.failure_rate_threshold = 0.1);
    ADVISES(FEW_CALLS, c.minimum_calls = 2);
    ADVISES(FEW_CALLS, c.minimum_calls = 2, c.failure_rate_threshold = 1, c.slow_call_rate_threshold = 0.5);
    ADVISES(LONG_OPEN, c.open_duration_ns = 300 * SECOND);
    ADVISES(TIMEOUT_OVER_OPEN, c.request_timeout_ns = 31 * SECOND);
    ADVISES(TIMEOUT_OVER_OPEN, c.request_timeout_ns = 41 * SECOND, c.open_backoff_multiplier = 2,
            c.open_duration_max_ns = 40 * SECOND);
    ADVISES(TIMEOUT_OVER_OPEN, c.request_timeout_ns = 301 * SECOND, c.open_backoff_multiplier = 2);
    ADVISES(COUNT_WITHOUT_RATE, c.failure_count_threshold = 5, c.failure_rate_threshold = 1);
    ADVISES(NO_TIMEOUT, c.request_timeout_ns = 0);
    ADVISES(NO_RULE, c.failure_rate_threshold = 1);
    ADVISES(NO_RULE, c.failure_rate_threshold = 1, c.slow_call_duration_ns = SECOND);
    ADVISES(COUNT_OUT_OF_REACH, c.window_kind = TRIFUSE_WINDOW_COUNT, c.failure_count_threshold = 101);
    ADVISES(SLOW_RULE_OFF, c.slow_call_duration_ns = SECOND);
    ADVISES(SLOW_RULE_OFF, c.slow_call_rate_threshold = 0.5);
    ADVISES(SLOW_OVER_TIMEOUT, c.slow_call_duration_ns = 5 * SECOND, c.slow_call_rate_threshold = 0.5);
}

static void what_does_no_harm_is_not_advised(void) {
    trifuse_breaker_config c = preset_config(0);
    CHECK_EQ(advised(&c), 0);
    c = preset_config(TRIFUSE_PRESET_ADAPTIVE);
    c.minimum_calls = 1;
    c.failure_count_threshold = 5;
    CHECK_EQ(advised(&c) & ~(uint32_t)TRIFUSE_ADVICE_TIMEOUT_OVER_OPEN, 0);
    c.tolerated_slow_rate = 0.3;
    c.slow_call_duration_ns = SECOND;
    CHECK_EQ(advised(&c) & ~(uint32_t)TRIFUSE_ADVICE_TIMEOUT_OVER_OPEN, 0);
    c = preset_config(0);
    c.failure_rate_threshold = 1;
    c.slow_call_duration_ns = SECOND;
    c.slow_call_rate_threshold = 0.5;
    CHECK_EQ(advised(&c), 0);
    c.slow_call_duration_ns = 0;
    c.slow_call_rate_threshold = 1;
    c.consecutive_failures = 5;
    CHECK_EQ(advised(&c), 0);
    c.window_kind = TRIFUSE_WINDOW_COUNT;
    c.request_timeout_ns = 0;
    c.slow_call_duration_ns = SECOND;
    c.slow_call_rate_threshold = 0.5;
    CHECK_EQ(advised(&c), TRIFUSE_ADVICE_NO_TIMEOUT);
}

static void advice_needs_a_legal_configuration(void) {
    uint32_t advice = 77;
    trifuse_breaker_config c = preset_config(0);
    CHECK_EQ(trifuse_breaker_config_advise(&c, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    c.window_buckets = 0;
    CHECK_EQ(trifuse_breaker_config_advise(&c, &advice, NULL), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(advice, 77);
    CHECK_TEXT(trifuse_advice_reason(0x80000000u), "");
}

int main(void) {
    RUN(every_preset_is_legal);
    RUN(integers_outside_their_range_are_refused);
    RUN(reals_outside_their_range_are_refused);
    RUN(durations_are_checked_alone_and_against_each_other);
    RUN(half_a_design_is_refused);
    RUN(a_struct_may_be_shorter_or_longer_with_a_zero_tail);
    RUN(config_init_fills_as_far_as_the_struct_reaches);
    RUN(an_error_struct_that_is_too_short_is_left_alone);
    RUN(what_is_known_to_hurt_is_advised);
    RUN(what_does_no_harm_is_not_advised);
    RUN(advice_needs_a_legal_configuration);
    return check_summary();
}
