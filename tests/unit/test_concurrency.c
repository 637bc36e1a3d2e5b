/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The bulkhead, and what every concurrency limit has: configuration, places, totals. */
#include "support.h"

static uint64_t memory[32];

static trifuse_concurrency_config config_of(uint32_t algorithm) {
    trifuse_concurrency_config c;
    CHECK_EQ(trifuse_concurrency_config_init(&c, sizeof c, algorithm), TRIFUSE_OK);
    return c;
}

static trifuse_concurrency *made_of(const trifuse_concurrency_config *c) {
    trifuse_concurrency *l = NULL;
    CHECK_EQ(trifuse_concurrency_init(memory, sizeof memory, c, START, NULL, &l), TRIFUSE_OK);
    return l;
}

static trifuse_concurrency *bulkhead_of(uint32_t limit) {
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_FIXED);
    c.limit = limit;
    return made_of(&c);
}

static trifuse_concurrency_snapshot picture_of(trifuse_concurrency *l) {
    trifuse_concurrency_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_concurrency_get_snapshot(l, &s), TRIFUSE_OK);
    return s;
}

static int give_back(trifuse_concurrency *l) { return trifuse_concurrency_release(l, TRIFUSE_OUTCOME_SUCCESS, 1); }

static unsigned admitted_of(trifuse_concurrency *l, unsigned asked) {
    unsigned admitted = 0;
    while (asked--) {
        int result = trifuse_concurrency_try_acquire(l);
        CHECK(result == TRIFUSE_OK || result == TRIFUSE_REFUSED_BULKHEAD_FULL);
        admitted += result == TRIFUSE_OK;
    }
    return admitted;
}

static void at_most_n_are_in_flight(void) {
    static const uint32_t limits[] = {1, 2, 20, 255, 256, 1000000};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        trifuse_concurrency *l = bulkhead_of(limits[i]);
        CHECK_EQ(admitted_of(l, limits[i] + 3), limits[i]);
        CHECK_EQ(trifuse_concurrency_in_flight(l), limits[i]);
        CHECK_EQ(give_back(l), TRIFUSE_OK);
        CHECK_EQ(admitted_of(l, 2), 1);
        trifuse_concurrency_snapshot s = picture_of(l);
        CHECK(s.admitted == limits[i] + 1ULL && s.refused == 4 && s.released == 1 && s.in_flight == limits[i]);
    }
}

static void a_release_of_what_was_not_acquired_changes_nothing(void) {
    for (uint32_t algorithm = 0; algorithm < 4; algorithm++)
        for (uint32_t outcome = 0; outcome < 4; outcome++) {
            trifuse_concurrency_config c = config_of(algorithm);
            trifuse_concurrency *l = made_of(&c);
            CHECK_EQ(trifuse_concurrency_try_acquire(l), TRIFUSE_OK);
            CHECK_EQ(give_back(l), TRIFUSE_OK);
            static uint64_t before[32];
            memcpy(before, memory, sizeof before);
            CHECK_EQ(trifuse_concurrency_release(l, outcome, SECOND), TRIFUSE_ERROR_NOT_HELD);
            CHECK(memcmp(before, memory, sizeof before) == 0);
        }
}

static void a_lower_limit_throws_nobody_out(void) {
    trifuse_concurrency *l = bulkhead_of(10);
    CHECK_EQ(admitted_of(l, 10), 10);
    CHECK_EQ(trifuse_concurrency_set_limit(l, 3, NULL), TRIFUSE_OK);
    CHECK(trifuse_concurrency_in_flight(l) == 10 && trifuse_concurrency_limit(l) == 3);
    for (unsigned left = 10; left > 3; left--) {
        CHECK_EQ(admitted_of(l, 1), 0);
        CHECK_EQ(give_back(l), TRIFUSE_OK);
    }
    CHECK_EQ(admitted_of(l, 1), 0);
    CHECK_EQ(give_back(l), TRIFUSE_OK);
    CHECK_EQ(admitted_of(l, 5), 1);
    CHECK_EQ(trifuse_concurrency_set_limit(l, 5, NULL), TRIFUSE_OK);
    CHECK_EQ(admitted_of(l, 5), 2);
}

static void a_bulkhead_does_not_move_by_itself(void) {
    trifuse_concurrency *l = bulkhead_of(4);
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_EQ(trifuse_concurrency_try_acquire(l), TRIFUSE_OK);
        CHECK_EQ(trifuse_concurrency_release(l, i % 4, i * SECOND), TRIFUSE_OK);
    }
    trifuse_concurrency_snapshot s = picture_of(l);
    CHECK(s.limit == 4 && s.limit_exact == 4 && s.algorithm == TRIFUSE_ALGORITHM_FIXED);
    CHECK(s.admitted == 1000 && s.released == 1000 && s.failures == 500 && s.refused == 0);
    CHECK(s.no_load_ns == 0 && s.short_ns == 0 && s.long_ns == 0);
}

static void any_history_is_that_of_a_naive_bulkhead(void) {
    uint64_t x = 88172645463325252ULL;
    for (unsigned round = 0; round < 20; round++) {
        uint64_t limit = 1 + round, in_flight = 0, admitted = 0, refused = 0, released = 0;
        trifuse_concurrency *l = bulkhead_of((uint32_t)limit);
        for (unsigned i = 0; i < 5000; i++) {
            (void)next_random(&x);
            if (x % 64 == 0) {
                limit = 1 + x / 64 % 30;
                CHECK_EQ(trifuse_concurrency_set_limit(l, (uint32_t)limit, NULL), TRIFUSE_OK);
            } else if (x % 2) {
                bool fits = in_flight < limit;
                CHECK_EQ(trifuse_concurrency_try_acquire(l), fits ? TRIFUSE_OK : TRIFUSE_REFUSED_BULKHEAD_FULL);
                in_flight += fits, admitted += fits, refused += !fits;
            } else {
                CHECK_EQ(give_back(l), in_flight ? TRIFUSE_OK : TRIFUSE_ERROR_NOT_HELD);
                released += in_flight != 0, in_flight -= in_flight != 0;
            }
            trifuse_concurrency_snapshot s = picture_of(l);
            if (!CHECK(s.in_flight == in_flight && s.limit == limit && s.admitted == admitted)) return;
            if (!CHECK(s.refused == refused && s.released == released)) return;
        }
    }
}

typedef struct bad_field { uint32_t field; double value; const char *allowed; } bad_field;

static void put(trifuse_concurrency_config *c, const bad_field *bad) {
    uint32_t whole = bad->value < 0 ? UINT32_MAX : (uint32_t)bad->value;
    switch (bad->field) {
    case TRIFUSE_FIELD_FLAGS: c->flags = whole; break;
    case TRIFUSE_FIELD_ALGORITHM: c->algorithm = whole; break;
    case TRIFUSE_FIELD_LIMIT: c->limit = whole; break;
    case TRIFUSE_FIELD_MIN_LIMIT: c->min_limit = whole; break;
    case TRIFUSE_FIELD_MAX_LIMIT: c->max_limit = whole; break;
    case TRIFUSE_FIELD_PROBE_EVERY: c->probe_every = whole; break;
    case TRIFUSE_FIELD_LONG_WINDOW: c->long_window = whole; break;
    case TRIFUSE_FIELD_TIMEOUT: c->timeout_ns = TRIFUSE_DURATION_MAX_NS + whole; break;
    case TRIFUSE_FIELD_BACKOFF_RATIO: c->backoff_ratio = bad->value; break;
    case TRIFUSE_FIELD_ALPHA: c->alpha = bad->value; break;
    case TRIFUSE_FIELD_BETA: c->beta = bad->value; break;
    case TRIFUSE_FIELD_TOLERANCE: c->tolerance = bad->value; break;
    case TRIFUSE_FIELD_SMOOTHING: c->smoothing = bad->value; break;
    case TRIFUSE_FIELD_QUEUE_SIZE: c->queue_size = bad->value; break;
    default: c->long_decay = bad->value;
    }
}

static const bad_field bad_fields[] = {
    {TRIFUSE_FIELD_FLAGS, 1, "0"},
    {TRIFUSE_FIELD_ALGORITHM, 4, "fixed (0), aimd (1), vegas (2) or gradient2 (3)"},
    {TRIFUSE_FIELD_LIMIT, 0, "1 to 1000000"},
    {TRIFUSE_FIELD_LIMIT, 1000001, "1 to 1000000"},
    {TRIFUSE_FIELD_LIMIT, 1001, "min_limit to max_limit"},
    {TRIFUSE_FIELD_MIN_LIMIT, 0, "1 to 1000000"},
    {TRIFUSE_FIELD_MIN_LIMIT, 1000001, "1 to 1000000"},
    {TRIFUSE_FIELD_MAX_LIMIT, 0, "min_limit to 1000000"},
    {TRIFUSE_FIELD_MAX_LIMIT, 1000001, "min_limit to 1000000"},
    {TRIFUSE_FIELD_PROBE_EVERY, 0, "1 to 1000000"},
    {TRIFUSE_FIELD_PROBE_EVERY, 1000001, "1 to 1000000"},
    {TRIFUSE_FIELD_LONG_WINDOW, 0, "1 to 1000000"},
    {TRIFUSE_FIELD_LONG_WINDOW, 1000001, "1 to 1000000"},
    {TRIFUSE_FIELD_TIMEOUT, 1, "0 (off) to 365 days"},
    {TRIFUSE_FIELD_BACKOFF_RATIO, 0.09, "0.1 to 0.999"},
    {TRIFUSE_FIELD_BACKOFF_RATIO, 1, "0.1 to 0.999"},
    {TRIFUSE_FIELD_ALPHA, 0.09, "0.1 to 100.0"},
    {TRIFUSE_FIELD_ALPHA, 101, "0.1 to 100.0"},
    {TRIFUSE_FIELD_BETA, 0.09, "alpha to 100.0"},
    {TRIFUSE_FIELD_BETA, 2.9, "alpha to 100.0"},
    {TRIFUSE_FIELD_BETA, 101, "alpha to 100.0"},
    {TRIFUSE_FIELD_TOLERANCE, 0.99, "1.0 to 100.0"},
    {TRIFUSE_FIELD_TOLERANCE, 101, "1.0 to 100.0"},
    {TRIFUSE_FIELD_SMOOTHING, 0, "0.001 to 1.0"},
    {TRIFUSE_FIELD_SMOOTHING, 1.01, "0.001 to 1.0"},
    {TRIFUSE_FIELD_QUEUE_SIZE, -1, "0.0 to 1000.0"},
    {TRIFUSE_FIELD_QUEUE_SIZE, 1001, "0.0 to 1000.0"},
    {TRIFUSE_FIELD_LONG_DECAY, 0.49, "0.5 to 1.0"},
    {TRIFUSE_FIELD_LONG_DECAY, 1.01, "0.5 to 1.0"},
};

static void each_field_is_refused_by_name(void) {
    for (size_t i = 0; i < sizeof bad_fields / sizeof bad_fields[0]; i++) {
        trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_VEGAS);
        put(&c, &bad_fields[i]);
        trifuse_config_error error = blank_error();
        trifuse_concurrency *l = NULL;
        CHECK_EQ(trifuse_concurrency_config_check(&c, &error), TRIFUSE_ERROR_CONFIG);
        CHECK_EQ(error.field, bad_fields[i].field);
        CHECK_TEXT(error.allowed, bad_fields[i].allowed);
        CHECK(error.value_kind != TRIFUSE_VALUE_REAL || error.value_real == bad_fields[i].value);
        CHECK_EQ(trifuse_concurrency_size(&c), 0);
        CHECK_EQ(trifuse_concurrency_init(memory, sizeof memory, &c, 1, NULL, &l), TRIFUSE_ERROR_CONFIG);
        CHECK_EQ(trifuse_concurrency_new(&c, 1, NULL, &l), TRIFUSE_ERROR_CONFIG);
    }
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_AIMD);
    trifuse_config_error error = blank_error();
    c.min_limit = 21;
    CHECK_EQ(trifuse_concurrency_config_check(&c, &error), TRIFUSE_ERROR_CONFIG);
    CHECK(error.field == TRIFUSE_FIELD_LIMIT && error.value_integer == 20);
    c.max_limit = 20;
    CHECK_EQ(trifuse_concurrency_config_check(&c, &error), TRIFUSE_ERROR_CONFIG);
    CHECK(error.field == TRIFUSE_FIELD_MAX_LIMIT && error.value_integer == 20);
}

static void a_new_limit_is_refused_as_in_the_configuration(void) {
    trifuse_config_error error = blank_error();
    trifuse_concurrency *l = bulkhead_of(5);
    CHECK_EQ(trifuse_concurrency_set_limit(l, 0, &error), TRIFUSE_ERROR_CONFIG);
    CHECK(error.field == TRIFUSE_FIELD_LIMIT && error.value_integer == 0);
    CHECK_TEXT(error.allowed, "1 to 1000000");
    CHECK_EQ(trifuse_concurrency_set_limit(l, 1000001, NULL), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(trifuse_concurrency_limit(l), 5);
    CHECK_EQ(trifuse_concurrency_set_limit(l, 1000000, NULL), TRIFUSE_OK);
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_AIMD);
    c.min_limit = 10;
    l = made_of(&c);
    CHECK_EQ(trifuse_concurrency_set_limit(l, 9, &error), TRIFUSE_ERROR_CONFIG);
    CHECK_TEXT(error.allowed, "min_limit to max_limit");
    CHECK_EQ(trifuse_concurrency_set_limit(l, 1001, NULL), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(trifuse_concurrency_set_limit(l, 1000, NULL), TRIFUSE_OK);
    CHECK_EQ(trifuse_concurrency_limit(l), 1000);
}

static void it_is_made_attached_and_freed_as_every_object(void) {
    trifuse_concurrency_config c = config_of(TRIFUSE_ALGORITHM_FIXED);
    trifuse_concurrency *l = NULL, *found = NULL;
    static uint64_t other[32];
    CHECK_EQ(trifuse_concurrency_config_init(&c, sizeof c, 4), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_config_init(NULL, sizeof c, 0), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_size(&c), sizeof memory);
    CHECK_EQ(trifuse_concurrency_init(NULL, 256, &c, 1, NULL, &l), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_init(memory, 256, &c, 1, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_init(memory, 248, &c, 1, NULL, &l), TRIFUSE_ERROR_MEMORY_SIZE);
    CHECK_EQ(trifuse_concurrency_attach(other, sizeof other, &found), TRIFUSE_ERROR_NOT_AN_OBJECT);
    CHECK_EQ(trifuse_concurrency_attach(NULL, 256, &found), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_attach(other, 256, NULL), TRIFUSE_ERROR_ARGUMENT);
    l = bulkhead_of(3);
    CHECK_EQ(admitted_of(l, 2), 2);
    memcpy(other, memory, sizeof other);
    CHECK_EQ(trifuse_concurrency_attach(other, sizeof other, &found), TRIFUSE_OK);
    CHECK_EQ(admitted_of(found, 3), 1);
    CHECK_EQ(trifuse_concurrency_new(NULL, 1, NULL, &l), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_new(&c, 1, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_new(&c, 0, NULL, &l), TRIFUSE_OK);
    CHECK_EQ(admitted_of(l, 30), 20);
    trifuse_concurrency_free(l);
    trifuse_concurrency_free(NULL);
}

static void a_null_and_an_unknown_outcome_are_argument_errors(void) {
    trifuse_concurrency *l = bulkhead_of(3);
    trifuse_concurrency_snapshot s = {.struct_size = 4};
    CHECK_EQ(trifuse_concurrency_try_acquire(l), TRIFUSE_OK);
    CHECK_EQ(trifuse_concurrency_release(l, 4, 1), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_in_flight(l), 1);
    CHECK_EQ(trifuse_concurrency_release(NULL, 0, 1), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_try_acquire(NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_set_limit(NULL, 1, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK(trifuse_concurrency_limit(NULL) == 0 && trifuse_concurrency_in_flight(NULL) == 0);
    CHECK_EQ(trifuse_concurrency_get_snapshot(NULL, &s), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_get_snapshot(l, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_concurrency_get_snapshot(l, &s), TRIFUSE_ERROR_STRUCT_SIZE);
}

int main(void) {
    RUN(at_most_n_are_in_flight);
    RUN(a_release_of_what_was_not_acquired_changes_nothing);
    RUN(a_lower_limit_throws_nobody_out);
    RUN(a_bulkhead_does_not_move_by_itself);
    RUN(any_history_is_that_of_a_naive_bulkhead);
    RUN(each_field_is_refused_by_name);
    RUN(a_new_limit_is_refused_as_in_the_configuration);
    RUN(it_is_made_attached_and_freed_as_every_object);
    RUN(a_null_and_an_unknown_outcome_are_argument_errors);
    return check_summary();
}
