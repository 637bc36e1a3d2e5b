/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The hedge budget, beside a naive one. */
#include "support.h"

static uint64_t memory[24];

static trifuse_hedge_config config_of(double share, uint32_t max_saved) {
    trifuse_hedge_config c;
    CHECK_EQ(trifuse_hedge_config_init(&c, sizeof c), TRIFUSE_OK);
    c.share = share;
    c.max_saved = max_saved;
    return c;
}

static trifuse_hedge *hedge_of(double share, uint32_t max_saved) {
    trifuse_hedge_config c = config_of(share, max_saved);
    trifuse_hedge *h = NULL;
    CHECK_EQ(trifuse_hedge_init(memory, sizeof memory, &c, START, NULL, &h), TRIFUSE_OK);
    return h;
}

static trifuse_hedge_snapshot hedge_picture(trifuse_hedge *h) {
    trifuse_hedge_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_hedge_get_snapshot(h, &s), TRIFUSE_OK);
    return s;
}

static void pay(trifuse_hedge *h, unsigned n) {
    while (n--) CHECK_EQ(trifuse_hedge_deposit(h), TRIFUSE_OK);
}

static unsigned hedges_granted(trifuse_hedge *h, unsigned asked) {
    unsigned granted = 0;
    while (asked--) {
        int result = trifuse_hedge_try_withdraw(h);
        CHECK(result == TRIFUSE_OK || result == TRIFUSE_REFUSED_HEDGE_BUDGET);
        granted += result == TRIFUSE_OK;
    }
    return granted;
}

static void there_is_nothing_to_begin_with(void) {
    trifuse_hedge *h = hedge_of(0.05, 10);
    CHECK_EQ(hedges_granted(h, 3), 0);
    trifuse_hedge_snapshot s = hedge_picture(h);
    CHECK(s.saved == 0 && s.calls == 0 && s.hedges == 0 && s.refused == 3);
}

static void twenty_calls_pay_for_one_hedge(void) {
    trifuse_hedge *h = hedge_of(0.05, 10);
    pay(h, 19);
    CHECK_EQ(hedges_granted(h, 1), 0);
    pay(h, 1);
    CHECK_EQ(hedges_granted(h, 2), 1);
    trifuse_hedge_snapshot s = hedge_picture(h);
    CHECK(s.saved == 0 && s.calls == 20 && s.hedges == 1 && s.refused == 2);
}

static void no_more_than_max_saved_is_saved_up(void) {
    trifuse_hedge *h = hedge_of(0.05, 10);
    pay(h, 1000);
    CHECK(hedge_picture(h).saved == 10);
    CHECK_EQ(hedges_granted(h, 20), 10);
}

static void a_third_is_the_nearest_billionth(void) {
    trifuse_hedge *h = hedge_of(1.0 / 3, 5);
    pay(h, 3);
    CHECK_EQ(hedges_granted(h, 1), 0);
    CHECK(hedge_picture(h).saved == 0.999999999);
    pay(h, 1);
    CHECK_EQ(hedges_granted(h, 1), 1);
}

static void a_share_of_0_never_hedges_and_of_1_always(void) {
    trifuse_hedge *h = hedge_of(0, 1000000);
    pay(h, 1000);
    CHECK_EQ(hedges_granted(h, 1), 0);
    CHECK_EQ(hedge_picture(h).calls, 1000);
    h = hedge_of(1, 1);
    for (unsigned i = 0; i < 100; i++) {
        pay(h, 2);
        CHECK_EQ(hedges_granted(h, 2), 1);
    }
}

/* In millionths, so that the naive sums are exact as well. */
static void any_history_is_that_of_a_naive_budget(void) {
    uint64_t x = 88172645463325252ULL;
    for (unsigned round = 0; round < 50; round++) {
        uint64_t share = round * 20011 % 1000001, most = 1 + round % 7, saved = 0;
        trifuse_hedge *h = hedge_of((double)share / 1e6, (uint32_t)most);
        for (unsigned i = 0; i < 2000; i++) {
            (void)next_random(&x);
            if (x % 3) {
                pay(h, 1);
                saved = saved + share < most * 1000000 ? saved + share : most * 1000000;
            } else {
                bool granted = saved >= 1000000;
                CHECK_EQ(hedges_granted(h, 1), granted);
                saved -= granted ? 1000000 : 0;
            }
        }
    }
}

static void each_field_is_refused_by_name(void) {
    static const struct { double share; uint32_t max_saved, flags, reserved, field; const char *allowed; } bad[] = {
        {0.05, 10, 1, 0, TRIFUSE_FIELD_FLAGS, "0"},
        {0.05, 10, 0, 7, TRIFUSE_FIELD_FLAGS, "0"},
        {-0.01, 10, 0, 0, TRIFUSE_FIELD_SHARE, "0.0 to 1.0"},
        {1.01, 10, 0, 0, TRIFUSE_FIELD_SHARE, "0.0 to 1.0"},
        {0.05, 0, 0, 0, TRIFUSE_FIELD_MAX_SAVED, "1 to 1000000"},
        {0.05, 1000001, 0, 0, TRIFUSE_FIELD_MAX_SAVED, "1 to 1000000"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        trifuse_hedge_config c = config_of(bad[i].share, bad[i].max_saved);
        c.flags = bad[i].flags;
        c.reserved = bad[i].reserved;
        trifuse_config_error error = blank_error();
        trifuse_hedge *h = NULL;
        CHECK_EQ(trifuse_hedge_config_check(&c, &error), TRIFUSE_ERROR_CONFIG);
        CHECK_EQ(error.field, bad[i].field);
        CHECK_TEXT(error.allowed, bad[i].allowed);
        CHECK_EQ(trifuse_hedge_size(&c), 0);
        CHECK_EQ(trifuse_hedge_init(memory, sizeof memory, &c, 1, NULL, &h), TRIFUSE_ERROR_CONFIG);
        CHECK_EQ(trifuse_hedge_new(&c, 1, NULL, &h), TRIFUSE_ERROR_CONFIG);
        CHECK(h == NULL);
    }
}

static void it_is_made_attached_and_freed_as_every_object(void) {
    trifuse_hedge_config c = config_of(0.05, 10);
    trifuse_hedge *h = NULL, *found = NULL;
    static uint64_t other[24];
    CHECK_EQ(trifuse_hedge_config_init(NULL, sizeof c), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_size(&c), sizeof memory);
    CHECK_EQ(trifuse_hedge_init(NULL, 192, &c, 1, NULL, &h), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_init(memory, 192, &c, 1, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_init(memory, 191, &c, 1, NULL, &h), TRIFUSE_ERROR_MEMORY_SIZE);
    CHECK_EQ(trifuse_hedge_init((char *)memory + 4, 188, &c, 1, NULL, &h), TRIFUSE_ERROR_ALIGNMENT);
    CHECK_EQ(trifuse_hedge_attach(other, sizeof other, &found), TRIFUSE_ERROR_NOT_AN_OBJECT);
    CHECK_EQ(trifuse_hedge_attach(NULL, 192, &found), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_attach(other, 192, NULL), TRIFUSE_ERROR_ARGUMENT);
    h = hedge_of(0.5, 10);
    pay(h, 4);
    memcpy(other, memory, sizeof other);
    CHECK_EQ(trifuse_hedge_attach(other, 128, &found), TRIFUSE_ERROR_MEMORY_SIZE);
    CHECK_EQ(trifuse_hedge_attach(other, sizeof other, &found), TRIFUSE_OK);
    CHECK_EQ(hedges_granted(found, 3), 2);
    CHECK_EQ(trifuse_hedge_new(NULL, 1, NULL, &h), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_new(&c, 1, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_new(&c, 0, NULL, &h), TRIFUSE_OK);
    CHECK_EQ(hedges_granted(h, 1), 0);
    trifuse_hedge_free(h);
    trifuse_hedge_free(NULL);
}

static void a_null_is_an_argument_error(void) {
    trifuse_hedge *h = hedge_of(1, 1);
    trifuse_hedge_snapshot s = {.struct_size = 4};
    CHECK_EQ(trifuse_hedge_deposit(NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_try_withdraw(NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_get_snapshot(NULL, &s), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_get_snapshot(h, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_hedge_get_snapshot(h, &s), TRIFUSE_ERROR_STRUCT_SIZE);
}

int main(void) {
    RUN(there_is_nothing_to_begin_with);
    RUN(twenty_calls_pay_for_one_hedge);
    RUN(no_more_than_max_saved_is_saved_up);
    RUN(a_third_is_the_nearest_billionth);
    RUN(a_share_of_0_never_hedges_and_of_1_always);
    RUN(any_history_is_that_of_a_naive_budget);
    RUN(each_field_is_refused_by_name);
    RUN(it_is_made_attached_and_freed_as_every_object);
    RUN(a_null_is_an_argument_error);
    return check_summary();
}
