/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Steering by hand and by new configurations. */
#include "support.h"

typedef int steer(trifuse_breaker *b, uint64_t now, trifuse_breaker_event *event);

static const struct { steer *call; uint32_t state, cause; } steers[] = {
    {trifuse_breaker_reset, TRIFUSE_STATE_CLOSED, TRIFUSE_CAUSE_RESET},
    {trifuse_breaker_close, TRIFUSE_STATE_CLOSED, TRIFUSE_CAUSE_RESET},
    {trifuse_breaker_force_open, TRIFUSE_STATE_FORCED_OPEN, TRIFUSE_CAUSE_FORCED},
    {trifuse_breaker_disable, TRIFUSE_STATE_DISABLED, TRIFUSE_CAUSE_FORCED},
    {trifuse_breaker_metrics_only, TRIFUSE_STATE_METRICS_ONLY, TRIFUSE_CAUSE_FORCED},
};
enum { STEERS = sizeof steers / sizeof steers[0] };

static trifuse_breaker *born(uint32_t state) {
    trifuse_breaker_config c = small_config();
    c.initial_state = state;
    trifuse_breaker *b = breaker_of(&c);
    CHECK_EQ(trifuse_breaker_state(b), state);
    return b;
}

static void any_state_can_be_born(void) {
    for (uint32_t state = 0; state < TRIFUSE_STATES; state++) {
        trifuse_breaker_snapshot s = picture(born(state), START);
        CHECK(s.generation == 1 && s.since_ns == START);
        CHECK_EQ(s.open_until_ns, state == TRIFUSE_STATE_OPEN ? START + 30 * SECOND : 0);
        bool forced = state >= TRIFUSE_STATE_FORCED_OPEN;
        CHECK_EQ(s.cause, forced ? TRIFUSE_CAUSE_FORCED : state == TRIFUSE_STATE_OPEN ? TRIFUSE_CAUSE_TRIPPED : 0);
    }
}

static void every_steer_leads_from_every_state(void) {
    for (uint32_t from = 0; from < TRIFUSE_STATES; from++)
        for (unsigned i = 0; i < STEERS; i++) {
            trifuse_breaker *b = born(from);
            trifuse_breaker_event event = blank_event();
            CHECK_EQ(steers[i].call(b, START + 5, &event), TRIFUSE_OK);
            bool nothing = from == steers[i].state && i != 0;
            CHECK_EQ(event.flags, nothing ? 0 : TRIFUSE_EVENT_TRANSITION);
            if (nothing) continue;
            CHECK(event.from == from && event.to == steers[i].state && event.cause == steers[i].cause);
            trifuse_breaker_snapshot s = picture(b, START + 5);
            CHECK(s.state == steers[i].state && s.generation == 2 && s.since_ns == START + 5);
            CHECK_EQ(s.transitions[from][steers[i].state], from != steers[i].state);
        }
}

static void steering_nothing_is_refused(void) {
    trifuse_breaker_event event = blank_event();
    event.struct_size = 4;
    trifuse_breaker *b = born(0);
    for (unsigned i = 0; i < STEERS; i++) {
        CHECK_EQ(steers[i].call(NULL, START, NULL), TRIFUSE_ERROR_ARGUMENT);
        CHECK_EQ(steers[i].call(b, START, &event), TRIFUSE_ERROR_STRUCT_SIZE);
    }
    CHECK_EQ(trifuse_breaker_trip(NULL, START, 0, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_trip(b, START, 0, &event), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_breaker_generation(b), 1);
}

static void trip_opens_for_the_wait_given_or_the_ordinary_one(void) {
    trifuse_breaker *b = born(0);
    CHECK_EQ(trifuse_breaker_trip(b, START, 900 * SECOND, NULL), TRIFUSE_OK);
    CHECK_EQ(picture(b, START).open_until_ns, START + 900 * SECOND);
    CHECK_EQ(trifuse_breaker_trip(b, START, 5 * SECOND, NULL), TRIFUSE_OK);
    CHECK_EQ(picture(b, START).open_until_ns, START + 900 * SECOND);
    CHECK_EQ(trifuse_breaker_trip(b, START, 901 * SECOND, NULL), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_trip(b, START, 0, NULL), TRIFUSE_OK);
    CHECK_EQ(picture(b, START).open_until_ns, START + 901 * SECOND);
    CHECK_EQ(trifuse_breaker_trip(b, START + 901 * SECOND, 0, NULL), TRIFUSE_OK);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.open_until_ns == START + 931 * SECOND && s.generation == 2 && s.reopenings == 0);
}

static void trip_reopens_half_open_and_leaves_forced_states(void) {
    trifuse_breaker *b = born(TRIFUSE_STATE_HALF_OPEN);
    CHECK_EQ(trifuse_breaker_trip(b, START, 0, NULL), TRIFUSE_OK);
    CHECK(picture(b, START).state == TRIFUSE_STATE_OPEN && picture(b, START).reopenings == 1);
    for (uint32_t state = TRIFUSE_STATE_FORCED_OPEN; state < TRIFUSE_STATES; state++) {
        b = born(state);
        CHECK_EQ(trifuse_breaker_trip(b, START, 0, NULL), TRIFUSE_OK);
        CHECK_EQ(trifuse_breaker_state(b), state);
    }
}

static int take(trifuse_breaker *b, const trifuse_breaker_config *c, trifuse_config_error *error) {
    return trifuse_breaker_reconfigure(b, c, START, error);
}

static void new_rules_keep_the_window_and_judge_the_next_outcome(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    succeed(b, START, 3);
    fail(b, START, 2);
    c.failure_rate_threshold = 0.2;
    CHECK_EQ(take(b, &c, NULL), TRIFUSE_OK);
    CHECK(picture(b, START).window_total == 5 && trifuse_breaker_state(b) == TRIFUSE_STATE_CLOSED);
    succeed(b, START, 1);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_OPEN);
}

static void another_shape_restarts_the_window_only(void) {
    trifuse_breaker_config c = small_config();
    c.reserve_window_buckets = 16;
    c.reserve_window_count = 200;
    trifuse_breaker *b = breaker_of(&c);
    for (unsigned i = 0; i < 40; i++) {
        succeed(b, START, 2);
        fail(b, START, 1);
        CHECK_EQ(picture(b, START).window_total, 3);
        c.window_kind = i % 2;
        c.window_count = 100 + i;
        c.window_buckets = 2 + i % 10;
        c.slow_call_duration_ns = i % 3 ? SECOND : 0;
        CHECK_EQ(take(b, &c, NULL), TRIFUSE_OK);
        trifuse_breaker_snapshot s = picture(b, START);
        CHECK(s.window_total == 0 && s.generation == 1 && s.consecutive_failures == 1);
        CHECK(s.calls == 3 * (i + 1) && s.failures == i + 1);
    }
}

static uint32_t *size_of(trifuse_breaker_config *c, uint32_t field) {
    if (field == TRIFUSE_FIELD_WINDOW_BUCKETS) return &c->window_buckets;
    return field == TRIFUSE_FIELD_WINDOW_COUNT ? &c->window_count : &c->half_open_max_calls;
}

/* The error names the most that fits: so many are taken, one more is not. */
static void takes_what_the_error_says(trifuse_breaker *b, const trifuse_breaker_config *too_much, uint32_t field) {
    trifuse_breaker_config c = *too_much;
    trifuse_config_error error = blank_error();
    CHECK_EQ(take(b, &c, &error), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(error.field, field);
    CHECK_EQ(error.value_integer, *size_of(&c, field));
    unsigned most = 0;
    CHECK_EQ(sscanf(error.allowed, "1 to %u,", &most), 1);
    *size_of(&c, field) = most + 1;
    CHECK_EQ(take(b, &c, &error), TRIFUSE_ERROR_CONFIG);
    *size_of(&c, field) = most;
    CHECK_EQ(take(b, &c, &error), TRIFUSE_OK);
}

static void what_does_not_fit_the_memory_is_refused_with_the_most_that_fits(void) {
    trifuse_breaker_config c = small_config(), more = c;
    trifuse_breaker *b = NULL;
    CHECK_EQ(trifuse_breaker_init(breaker_memory, trifuse_breaker_size(&c), &c, START, NULL, &b), TRIFUSE_OK);
    more.window_buckets = 64;
    takes_what_the_error_says(b, &more, TRIFUSE_FIELD_WINDOW_BUCKETS);
    more.slow_call_duration_ns = SECOND;
    takes_what_the_error_says(b, &more, TRIFUSE_FIELD_WINDOW_BUCKETS);
    more.window_kind = TRIFUSE_WINDOW_COUNT;
    more.window_count = 4096;
    takes_what_the_error_says(b, &more, TRIFUSE_FIELD_WINDOW_COUNT);
    more = c;
    more.half_open_max_calls = 64;
    takes_what_the_error_says(b, &more, TRIFUSE_FIELD_HALF_OPEN_MAX_CALLS);
    more.half_open_max_calls = 0;
    CHECK_EQ(take(b, &more, NULL), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(take(NULL, &c, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(take(b, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
}

static void fewer_probes_hold_at_once(void) {
    trifuse_breaker_config c = small_config();
    c.half_open_max_calls = 6;
    c.initial_state = TRIFUSE_STATE_HALF_OPEN;
    trifuse_breaker *b = breaker_of(&c);
    uint64_t permit[6];
    for (unsigned i = 0; i < 6; i++) permit[i] = admit(b, START);
    c.half_open_max_calls = 2;
    CHECK_EQ(take(b, &c, NULL), TRIFUSE_OK);
    for (unsigned i = 0; i < 4; i++) { /* the low leases are free, the high ones still out */
        CHECK_EQ(ask(b, START, NULL), TRIFUSE_REFUSED_HALF_OPEN_LIMIT);
        CHECK_EQ(outcome_of(b, permit[i], TRIFUSE_OUTCOME_IGNORED, START), TRIFUSE_OK);
    }
    CHECK_EQ(ask(b, START, NULL), TRIFUSE_REFUSED_HALF_OPEN_LIMIT);
    CHECK_EQ(outcome_of(b, permit[4], TRIFUSE_OUTCOME_IGNORED, START), TRIFUSE_OK);
    CHECK_EQ(ask(b, START, NULL), TRIFUSE_OK);
    CHECK_EQ(picture(b, START).probes_in_flight, 2);
}

static void a_configuration_reads_back_as_it_was_taken(void) {
    for (uint32_t preset = 0; preset <= TRIFUSE_PRESET_RECOMMENDATION; preset++) {
        trifuse_breaker_config c = preset_config(preset), found = {.struct_size = sizeof found};
        c.seed = 99;
        trifuse_breaker *b = breaker_of(&c);
        CHECK_EQ(trifuse_breaker_get_config(b, &found), TRIFUSE_OK);
        CHECK(found.seed == 99 && found.window_buckets == c.window_buckets);
        CHECK(found.window_duration_ns == c.window_duration_ns && found.open_duration_ns == c.open_duration_ns);
        CHECK(found.consecutive_failures == c.consecutive_failures && found.minimum_calls == c.minimum_calls);
        CHECK(found.half_open_max_calls == c.half_open_max_calls && found.detector == c.detector);
        CHECK_EQ(take(b, &found, NULL), TRIFUSE_OK);
        trifuse_breaker_config again = {.struct_size = sizeof again};
        CHECK_EQ(trifuse_breaker_get_config(b, &again), TRIFUSE_OK);
        CHECK(memcmp(&found, &again, sizeof found) == 0);
    }
}

static void a_configuration_is_read_as_far_as_the_struct_reaches(void) {
    struct { trifuse_breaker_config c; uint64_t tail; } longer;
    trifuse_breaker_config c = small_config();
    c.window_kind = TRIFUSE_WINDOW_COUNT;
    trifuse_breaker *b = breaker_of(&c);
    memset(&longer, 0xFF, sizeof longer);
    longer.c.struct_size = sizeof longer;
    CHECK_EQ(trifuse_breaker_get_config(b, &longer.c), TRIFUSE_OK);
    CHECK(longer.tail == 0 && longer.c.window_count == 100 && longer.c.window_kind == TRIFUSE_WINDOW_COUNT);
    memset(&longer, 0xFF, sizeof longer);
    longer.c.struct_size = 8;
    CHECK_EQ(trifuse_breaker_get_config(b, &longer.c), TRIFUSE_OK);
    CHECK(longer.c.flags == 0 && longer.c.window_kind == UINT32_MAX);
    longer.c.struct_size = 4;
    CHECK_EQ(trifuse_breaker_get_config(b, &longer.c), TRIFUSE_ERROR_STRUCT_SIZE);
    longer.c.struct_size = 12;
    CHECK_EQ(trifuse_breaker_get_config(b, &longer.c), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_breaker_get_config(NULL, &longer.c), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_breaker_get_config(b, NULL), TRIFUSE_ERROR_ARGUMENT);
}

int main(void) {
    RUN(any_state_can_be_born);
    RUN(every_steer_leads_from_every_state);
    RUN(steering_nothing_is_refused);
    RUN(trip_opens_for_the_wait_given_or_the_ordinary_one);
    RUN(trip_reopens_half_open_and_leaves_forced_states);
    RUN(new_rules_keep_the_window_and_judge_the_next_outcome);
    RUN(another_shape_restarts_the_window_only);
    RUN(what_does_not_fit_the_memory_is_refused_with_the_most_that_fits);
    RUN(fewer_probes_hold_at_once);
    RUN(a_configuration_reads_back_as_it_was_taken);
    RUN(a_configuration_is_read_as_far_as_the_struct_reaches);
    return check_summary();
}
