/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Texts of all constants go there and back; version and clock. */
#include "support.h"

#define BOTH_WAYS(kind, last)                                                        \
    do {                                                                             \
        uint32_t value = 0xAAAAAAAAu;                                                \
        for (uint32_t v = 0; v <= (last); v++) {                                     \
            CHECK_EQ(trifuse_##kind##_from_text(trifuse_##kind##_text(v), &value), TRIFUSE_OK); \
            CHECK_EQ(value, v);                                                      \
        }                                                                            \
        CHECK_TEXT(trifuse_##kind##_text((last) + 1), "unknown");                    \
        CHECK_EQ(trifuse_##kind##_from_text("no such", &value), TRIFUSE_ERROR_TEXT); \
        CHECK_EQ(trifuse_##kind##_from_text(NULL, &value), TRIFUSE_ERROR_ARGUMENT);  \
        CHECK_EQ(trifuse_##kind##_from_text("x", NULL), TRIFUSE_ERROR_ARGUMENT);     \
        CHECK_EQ(value, (last));                                                     \
    } while (0)

static void every_constant_has_a_text_and_back(void) {
    BOTH_WAYS(state, TRIFUSE_STATE_METRICS_ONLY);
    BOTH_WAYS(outcome, TRIFUSE_OUTCOME_IGNORED);
    BOTH_WAYS(cause, TRIFUSE_CAUSE_RESET);
    BOTH_WAYS(preset, TRIFUSE_PRESET_RECOMMENDATION);
    BOTH_WAYS(window, TRIFUSE_WINDOW_COUNT);
    BOTH_WAYS(detector, TRIFUSE_DETECTOR_CUSUM);
    BOTH_WAYS(jitter, TRIFUSE_JITTER_DECORRELATED);
    BOTH_WAYS(limiter_kind, TRIFUSE_LIMITER_FIXED_WINDOW);
    BOTH_WAYS(algorithm, TRIFUSE_ALGORITHM_GRADIENT2);
    BOTH_WAYS(strategy, TRIFUSE_STRATEGY_EXPONENTIAL);
}

/* Their numbers have gaps, one group a kind of object. */
static void every_field_has_a_text_and_back(void) {
    unsigned named = 0;
    for (uint32_t field = 0; field < 1000; field++) {
        uint32_t value = 0xAAAAAAAAu;
        const char *text = trifuse_field_text(field);
        if (strcmp(text, "unknown") == 0) continue;
        named++;
        CHECK_EQ(trifuse_field_from_text(text, &value), TRIFUSE_OK);
        CHECK_EQ(value, field);
    }
    CHECK_EQ(named, 36 + 5 + 14 + 9 + 3 + 1 + 1 + 2);
    uint32_t value = 5;
    CHECK_EQ(trifuse_field_from_text(NULL, &value), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_field_from_text("delay", NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_field_from_text("unknown", &value), TRIFUSE_ERROR_TEXT);
    CHECK_EQ(value, 5);
}

static void every_advice_bit_has_a_text_and_a_reason(void) {
    for (uint32_t bit = 1; bit <= TRIFUSE_ADVICE_SLOW_OVER_TIMEOUT; bit *= 2) {
        uint32_t value = 0;
        CHECK_EQ(trifuse_advice_from_text(trifuse_advice_text(bit), &value), TRIFUSE_OK);
        CHECK_EQ(value, bit);
        CHECK(strlen(trifuse_advice_reason(bit)) > 20);
    }
    uint32_t value = 5;
    CHECK_EQ(trifuse_advice_from_text(NULL, &value), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_advice_from_text("low_threshold", NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_advice_from_text("no such", &value), TRIFUSE_ERROR_TEXT);
    CHECK_EQ(value, 5);
}

static void every_result_has_a_text_and_back(void) {
    static const int results[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  32, 33, 34,  40,  41,
                                  42, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        int value = 99;
        CHECK_EQ(trifuse_result_from_text(trifuse_result_text(results[i]), &value), TRIFUSE_OK);
        CHECK_EQ(value, results[i]);
    }
    int value = 7;
    CHECK_EQ(trifuse_result_from_text(NULL, &value), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_result_from_text("ok", NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_result_from_text("no such", &value), TRIFUSE_ERROR_TEXT);
    CHECK(value == 7 && strcmp(trifuse_result_text(-99), "unknown") == 0);
}

static void the_version_is_that_of_the_header(void) {
    CHECK_EQ(trifuse_version(), TRIFUSE_VERSION_MAJOR * 1000000 + TRIFUSE_VERSION_MINOR * 1000 + TRIFUSE_VERSION_PATCH);
    char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", TRIFUSE_VERSION_MAJOR, TRIFUSE_VERSION_MINOR, TRIFUSE_VERSION_PATCH);
    CHECK_TEXT(trifuse_version_text(), text);
}

static void the_clock_never_runs_back_and_is_never_0(void) {
    uint64_t last = 0;
    for (unsigned i = 0; i < 10000; i++) {
        uint64_t now = trifuse_now_ns();
        CHECK(now > 0 && now >= last);
        last = now;
    }
}

int main(void) {
    RUN(every_constant_has_a_text_and_back);
    RUN(every_field_has_a_text_and_back);
    RUN(every_advice_bit_has_a_text_and_a_reason);
    RUN(every_result_has_a_text_and_back);
    RUN(the_version_is_that_of_the_header);
    RUN(the_clock_never_runs_back_and_is_never_0);
    return check_summary();
}
