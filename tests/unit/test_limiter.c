/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What all kinds of rate limiters have in common: configurations, making, mistakes, pictures. */
#include "limiters.h"
#include "objects.h"

#include <math.h>

static void is_refused(const trifuse_limiter_config *c, uint32_t field, const char *allowed) {
    trifuse_config_error error = blank_error();
    CHECK_EQ(trifuse_limiter_config_check(c, &error), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(error.field, field);
    CHECK_TEXT(error.allowed, allowed);
}

static void the_presets_are_those_of_the_profiles(void) {
    static const struct { uint32_t preset; uint64_t permits; } known[] = {
        {TRIFUSE_PRESET_DEFAULT, 100}, {TRIFUSE_PRESET_CRITICAL, 1000}, {TRIFUSE_PRESET_NORMAL, 500},
        {TRIFUSE_PRESET_BATCH, 100},   {TRIFUSE_PRESET_LLM, 100}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        trifuse_limiter_config c;
        CHECK_EQ(trifuse_limiter_config_init(&c, sizeof c, known[i].preset), TRIFUSE_OK);
        CHECK(c.struct_size == sizeof c && c.kind == TRIFUSE_LIMITER_TOKEN_BUCKET && c.permits == known[i].permits);
        CHECK(c.period_ns == SECOND && c.rate == 0 && c.capacity == 0);
    }
    trifuse_limiter_config c;
    CHECK_EQ(trifuse_limiter_config_init(&c, sizeof c, TRIFUSE_PRESET_RECOMMENDATION + 1), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_config_init(NULL, sizeof c, 0), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_limiter_config_init(&c, 12, 0), TRIFUSE_ERROR_STRUCT_SIZE);
}

static void a_bad_field_is_refused_by_name(void) {
    trifuse_limiter_config c = limiter_config(0, 1, SECOND);
#define REFUSED(member, value, field, allowed)           \
    do {                                                 \
        trifuse_limiter_config bad = c;                  \
        bad.member = value;                              \
        is_refused(&bad, TRIFUSE_FIELD_##field, allowed); \
    } while (0)
    static const char *const rate = "0 (permits a period), or 0.000001 to 1000000000 a second";
    REFUSED(flags, 1, FLAGS, "0");
    REFUSED(reserved, 1, FLAGS, "0");
    REFUSED(kind, 4, KIND, "token_bucket, sliding_log, sliding_counter or fixed_window");
    REFUSED(rate, -1, RATE, rate);
    REFUSED(rate, 9e-7, RATE, rate);
    REFUSED(rate, 1000000001, RATE, rate);
    REFUSED(rate, (double)NAN, RATE, rate);
    REFUSED(rate, (double)INFINITY, RATE, rate);
    REFUSED(permits, 0, PERMITS, "1 to 1000000000");
    REFUSED(permits, 1000000001, PERMITS, "1 to 1000000000");
    REFUSED(period_ns, 999, PERIOD, "1 microsecond to 365 days");
    REFUSED(period_ns, YEAR + 1, PERIOD, "1 microsecond to 365 days");
    REFUSED(capacity, 1000000001, CAPACITY, "0 (automatic), or 1 to 1000000000");
    for (c.kind = TRIFUSE_LIMITER_SLIDING_LOG; c.kind <= TRIFUSE_LIMITER_FIXED_WINDOW; c.kind++) {
        REFUSED(rate, 1, RATE, "0: only a token bucket has a rate");
        REFUSED(capacity, 1, CAPACITY, "0: only a token bucket has a capacity");
    }
    c.kind = TRIFUSE_LIMITER_SLIDING_LOG;
    REFUSED(permits, 1000001, PERMITS, "1 to 1000000 for a sliding log");
}

static void limiters_of_each_kind_are_made_alike(void) {
    trifuse_limiter_config good = limiter_config(0, 10, SECOND), bad = good;
    bad.permits = 0;
    for (good.kind = 0; good.kind < 4; good.kind++) CHECK_MAKING(limiter, good, bad, TRIFUSE_FIELD_PERMITS);
}

static void memory_is_eight_bytes_a_permit_of_a_log_and_constant_otherwise(void) {
    for (uint64_t permits = 8; permits <= 1000000; permits *= 5) {
        trifuse_limiter_config c = limiter_config(TRIFUSE_LIMITER_SLIDING_LOG, permits, SECOND);
        CHECK_EQ(trifuse_limiter_size(&c), 192 + (permits + 7) / 8 * 64);
        for (c.kind = TRIFUSE_LIMITER_SLIDING_COUNTER; c.kind < 4; c.kind++) CHECK_EQ(trifuse_limiter_size(&c), 192);
        c.kind = TRIFUSE_LIMITER_TOKEN_BUCKET;
        CHECK_EQ(trifuse_limiter_size(&c), 320);
    }
}

static void mistakes_are_told_and_change_nothing(void) {
    for (uint32_t kind = 0; kind < 4; kind++) {
        trifuse_limiter *l = limiter_of(kind, 5, SECOND);
        uint64_t wait = 77;
        memcpy(limiter_copy, limiter_memory, sizeof limiter_copy);
        CHECK_EQ(trifuse_limiter_try_acquire(NULL, 1, START, &wait), TRIFUSE_ERROR_ARGUMENT);
        CHECK_EQ(trifuse_limiter_try_acquire(l, 0, START, &wait), TRIFUSE_ERROR_ARGUMENT);
        CHECK_EQ(trifuse_limiter_try_acquire(l, 6, START, &wait), TRIFUSE_ERROR_OVER_CAPACITY);
        CHECK_EQ(trifuse_limiter_try_acquire(l, UINT64_MAX, START, &wait), TRIFUSE_ERROR_OVER_CAPACITY);
        CHECK_EQ(trifuse_limiter_available(NULL, START), 0);
        CHECK_EQ(trifuse_limiter_set_permits(NULL, 1, START, NULL), TRIFUSE_ERROR_ARGUMENT);
        trifuse_limiter_snapshot s = {.struct_size = 12};
        CHECK_EQ(trifuse_limiter_get_snapshot(l, START, &s), TRIFUSE_ERROR_STRUCT_SIZE);
        CHECK_EQ(trifuse_limiter_get_snapshot(l, START, NULL), TRIFUSE_ERROR_ARGUMENT);
        CHECK_EQ(trifuse_limiter_get_snapshot(NULL, START, &s), TRIFUSE_ERROR_ARGUMENT);
        CHECK(wait == 77 && memcmp(limiter_copy, limiter_memory, sizeof limiter_copy) == 0);
    }
}

static void only_a_token_bucket_is_reserved_and_settled(void) {
    for (uint32_t kind = TRIFUSE_LIMITER_SLIDING_LOG; kind < 4; kind++) {
        trifuse_limiter *l = limiter_of(kind, 5, SECOND);
        trifuse_reservation r = {.struct_size = sizeof r, .n = 1};
        trifuse_limiter_config c = limiter_config(0, 1, SECOND);
        memcpy(limiter_copy, limiter_memory, sizeof limiter_copy);
        CHECK_EQ(trifuse_limiter_reserve(l, 1, START, 0, &r), TRIFUSE_ERROR_UNSUPPORTED);
        CHECK_EQ(trifuse_limiter_cancel(l, &r, START, NULL), TRIFUSE_ERROR_UNSUPPORTED);
        CHECK_EQ(trifuse_limiter_refund(l, 1, START), TRIFUSE_ERROR_UNSUPPORTED);
        CHECK_EQ(trifuse_limiter_debit(l, 1, START), TRIFUSE_ERROR_UNSUPPORTED);
        CHECK_EQ(trifuse_limiter_set_rate(l, &c, START, NULL), TRIFUSE_ERROR_UNSUPPORTED);
        CHECK(memcmp(limiter_copy, limiter_memory, sizeof limiter_copy) == 0);
    }
    CHECK_EQ(trifuse_limiter_set_permits(bucket_of(1, 1), 1, START, NULL), TRIFUSE_ERROR_UNSUPPORTED);
}

/* Totals, and every kind of time: the library's own clock too. */
static void a_picture_shows_what_was_granted_and_refused(void) {
    for (uint32_t kind = 0; kind < 4; kind++) {
        trifuse_limiter *l = limiter_of(kind, 5, YEAR);
        CHECK(granted(l, 2, START) && granted(l, 1, START) && !granted(l, 3, START) && !granted(l, 4, START));
        trifuse_limiter_snapshot s = limiter_picture(l, START);
        CHECK(s.kind == kind && s.permits == 5 && s.period_ns == YEAR && s.capacity == 5 && s.available == 2);
        CHECK(s.granted == 2 && s.granted_tokens == 3 && s.refused == 2 && s.given_back == 0 && s.debt == 0);
        CHECK(fabs(s.rate - 5 / 31536000.0) < 1e-16 && s.flags == 0 && s.reserved == 0);
        trifuse_limiter_config c = limiter_config(kind, 3, YEAR);
        l = limiter_made(&c, 0);
        CHECK(granted(l, 2, 0) && trifuse_limiter_available(l, 0) == 1 && !granted(l, 2, 0));
        s = (trifuse_limiter_snapshot){.struct_size = 16};
        CHECK_EQ(trifuse_limiter_get_snapshot(l, 0, &s), TRIFUSE_OK);
        CHECK(s.kind == kind && s.permits == 0);
    }
}

static void permits_of_a_window_change_at_once(void) {
    for (uint32_t kind = TRIFUSE_LIMITER_SLIDING_LOG; kind < 4; kind++) {
        trifuse_limiter *l = limiter_of(kind, 10, SECOND);
        trifuse_config_error error = blank_error();
        bool log = kind == TRIFUSE_LIMITER_SLIDING_LOG;
        CHECK(granted(l, 6, START));
        CHECK_EQ(trifuse_limiter_set_permits(l, 5, START, NULL), TRIFUSE_OK);
        CHECK(trifuse_limiter_available(l, START) == 0 && !granted(l, 1, START));
        CHECK_EQ(trifuse_limiter_try_acquire(l, 6, START, NULL), TRIFUSE_ERROR_OVER_CAPACITY);
        CHECK_EQ(trifuse_limiter_set_permits(l, 8, START, NULL), TRIFUSE_OK);
        CHECK(trifuse_limiter_available(l, START) == 2 && granted(l, 2, START) && !granted(l, 1, START));
        CHECK_EQ(trifuse_limiter_set_permits(l, 0, START, &error), TRIFUSE_ERROR_CONFIG);
        CHECK(error.field == TRIFUSE_FIELD_PERMITS && error.value_integer == 0);
        CHECK_TEXT(error.allowed, log ? "1 to 10, all that fits the memory of creation" : "1 to 1000000000");
        CHECK_EQ(trifuse_limiter_set_permits(l, log ? 11 : 1000000001, START, &error), TRIFUSE_ERROR_CONFIG);
        CHECK_EQ(trifuse_limiter_set_permits(l, log ? 10 : 1000000000, START, &error), TRIFUSE_OK);
        CHECK_EQ(trifuse_limiter_available(l, START), (log ? 10 : 1000000000) - 8);
    }
}

int main(void) {
    RUN(the_presets_are_those_of_the_profiles);
    RUN(a_bad_field_is_refused_by_name);
    RUN(limiters_of_each_kind_are_made_alike);
    RUN(memory_is_eight_bytes_a_permit_of_a_log_and_constant_otherwise);
    RUN(mistakes_are_told_and_change_nothing);
    RUN(only_a_token_bucket_is_reserved_and_settled);
    RUN(a_picture_shows_what_was_granted_and_refused);
    RUN(permits_of_a_window_change_at_once);
    return check_summary();
}
