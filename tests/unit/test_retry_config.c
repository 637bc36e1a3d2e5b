/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Retry: configurations, presets, and how the object is made. */
#include "objects.h"
#include "retry.h"

#include <math.h>

static trifuse_config_error why;

static uint32_t refused(const trifuse_retry_config *c) {
    why = blank_error();
    int result = trifuse_retry_config_check(c, &why);
    CHECK_EQ(trifuse_retry_size(c) == 0, result != TRIFUSE_OK);
    CHECK(result == TRIFUSE_OK || (result == TRIFUSE_ERROR_CONFIG && why.allowed[0] != 0));
    return result == TRIFUSE_OK ? TRIFUSE_FIELD_NONE : why.field;
}

#define REFUSES(member, bad, field_name)                  \
    do {                                                  \
        trifuse_retry_config c = plain();                 \
        c.member = (bad);                                 \
        CHECK_EQ(refused(&c), TRIFUSE_FIELD_##field_name); \
    } while (0)
#define TAKES(member, good) REFUSES(member, good, NONE)

static void every_field_outside_its_range_is_refused_with_its_name(void) {
    const uint64_t year = TRIFUSE_DURATION_MAX_NS;
    REFUSES(flags, 1, FLAGS);
    REFUSES(reserved, 1, FLAGS);
    REFUSES(strategy, 3, STRATEGY);
    REFUSES(jitter, 5, JITTER);
    CHECK_TEXT(why.allowed, "none (0), proportional (1), full (2), equal (3) or decorrelated (4)");
    REFUSES(max_retries, 1000001, MAX_RETRIES);
    CHECK(why.value_kind == TRIFUSE_VALUE_INTEGER && why.value_integer == 1000001);
    TAKES(max_retries, 0);
    REFUSES(delay_ns, year + 1, DELAY);
    REFUSES(increment_ns, year + 1, INCREMENT);
    REFUSES(multiplier, 0.999, MULTIPLIER);
    REFUSES(multiplier, 1000.5, MULTIPLIER);
    REFUSES(multiplier, NAN, MULTIPLIER);
    CHECK(why.value_kind == TRIFUSE_VALUE_REAL && isnan(why.value_real));
    REFUSES(multiplier, INFINITY, MULTIPLIER);
    TAKES(multiplier, 1.0);
    REFUSES(max_delay_ns, year + 1, MAX_DELAY);
    REFUSES(max_elapsed_ns, year + 1, MAX_ELAPSED);
    REFUSES(retry_after_max_ns, year + 1, RETRY_AFTER_MAX);
    TAKES(retry_after_max_ns, 0);
    TAKES(seed, UINT64_MAX);
}

static void a_cap_below_the_delay_is_refused(void) {
    REFUSES(max_delay_ns, SECOND / 10 - 1, MAX_DELAY);
    CHECK(why.value_kind == TRIFUSE_VALUE_DURATION && why.value_integer == SECOND / 10 - 1);
    CHECK_TEXT(why.allowed, "delay to 365 days");
    TAKES(max_delay_ns, SECOND / 10);
}

static void presets_differ_in_their_retries(void) {
    for (uint32_t preset = 0; preset <= TRIFUSE_PRESET_RECOMMENDATION; preset++) {
        trifuse_retry_config c;
        CHECK_EQ(trifuse_retry_config_init(&c, sizeof c, preset), TRIFUSE_OK);
        uint32_t want = preset == TRIFUSE_PRESET_NORMAL ? 2 : preset == TRIFUSE_PRESET_BATCH ? 5 : 3;
        CHECK(c.max_retries == want && refused(&c) == TRIFUSE_FIELD_NONE);
        CHECK(c.delay_ns == SECOND / 10 && c.max_delay_ns == 10 * SECOND && c.retry_after_max_ns == 60 * SECOND);
        CHECK(c.strategy == TRIFUSE_STRATEGY_EXPONENTIAL && c.jitter == TRIFUSE_JITTER_PROPORTIONAL);
    }
    trifuse_retry_config c;
    CHECK_EQ(trifuse_retry_config_init(&c, sizeof c, 11), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_config_init(NULL, sizeof c, 0), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_config_init(&c, 4, 0), TRIFUSE_ERROR_STRUCT_SIZE);
}

static void it_is_made_as_every_object(void) {
    trifuse_retry_config good = plain(), bad = plain();
    bad.strategy = 9;
    CHECK_MAKING(retry, good, bad, TRIFUSE_FIELD_STRATEGY);
}

static void a_shorter_struct_takes_the_defaults(void) {
    trifuse_retry_config c = plain();
    c.struct_size = 24; /* up to max_retries */
    c.max_retries = 1;
    c.multiplier = NAN;
    CHECK_EQ(refused(&c), TRIFUSE_FIELD_NONE);
    uint64_t total;
    CHECK_EQ(trifuse_retry_max_total(&c, 0, &total, NULL), TRIFUSE_OK);
    CHECK_EQ(total, 110000000);
}

int main(void) {
    RUN(every_field_outside_its_range_is_refused_with_its_name);
    RUN(a_cap_below_the_delay_is_refused);
    RUN(presets_differ_in_their_retries);
    RUN(it_is_made_as_every_object);
    RUN(a_shorter_struct_takes_the_defaults);
    return check_summary();
}
