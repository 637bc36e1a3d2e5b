/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Retry: what stops a call and in which order, the server's word, the deadline, totals. */
#include "retry.h"

static trifuse_retry_snapshot totals(trifuse_retry *r) {
    trifuse_retry_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_retry_get_snapshot(r, &s), TRIFUSE_OK);
    return s;
}

static void so_many_retries_and_no_more(void) {
    trifuse_retry_config c = steady();
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_call call = begin(r, START);
    CHECK(call.retries == 0 && call.random == 0 && call.started_ns == START && call.deadline_ns == TRIFUSE_NEVER);
    for (uint64_t k = 0; k < 3; k++) {
        uint64_t delay;
        CHECK_EQ(next(r, &call, START, &delay), TRIFUSE_OK);
        CHECK_EQ(delay, (SECOND / 10) << k);
        CHECK(call.retries == k + 1 && call.previous_ns == delay);
    }
    uint64_t delay;
    CHECK_EQ(next(r, &call, START, &delay), TRIFUSE_STOP_RETRIES);
    CHECK(delay == 0 && call.retries == 3);
    CHECK(totals(r).retries == 3 && totals(r).stopped_retries == 1);
}

static void the_servers_word_is_kept_plus_a_tenth(void) {
    trifuse_retry_config c = plain();
    c.max_delay_ns = SECOND;
    c.max_retries = 1000000;
    trifuse_retry *r = retry_of(&c);
    uint64_t least = UINT64_MAX, most = 0;
    for (unsigned i = 0; i < 2000; i++) {
        trifuse_retry_call call = begin(r, START);
        uint64_t delay;
        CHECK_EQ(trifuse_retry_next(r, NULL, &call, 60 * SECOND, SECOND, START, &delay), TRIFUSE_OK);
        if (delay < least) least = delay;
        if (delay > most) most = delay;
    }
    CHECK(least >= 60 * SECOND && least < 60 * SECOND + SECOND / 10);
    CHECK(most <= 66 * SECOND && most > 66 * SECOND - SECOND / 10);
    trifuse_retry_call call = begin(r, START);
    uint64_t delay = 5;
    CHECK_EQ(trifuse_retry_next(r, NULL, &call, 60 * SECOND + 1, TRIFUSE_NEVER, START, &delay),
             TRIFUSE_STOP_RETRY_AFTER);
    CHECK(delay == 0 && call.retries == 0 && totals(r).stopped_retry_after == 1);
    CHECK_EQ(trifuse_retry_next(r, NULL, &call, 0, TRIFUSE_NEVER, START, &delay), TRIFUSE_OK);
    CHECK_EQ(delay, 0);
}

static void a_callers_own_delay_is_capped_and_not_jittered(void) {
    trifuse_retry_config c = plain();
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_call call = begin(r, START);
    uint64_t delay;
    CHECK_EQ(trifuse_retry_next(r, NULL, &call, TRIFUSE_NEVER, 7, START, &delay), TRIFUSE_OK);
    CHECK_EQ(delay, 7);
    CHECK_EQ(trifuse_retry_next(r, NULL, &call, TRIFUSE_NEVER, TRIFUSE_NEVER - 1, START, &delay), TRIFUSE_OK);
    CHECK_EQ(delay, 10 * SECOND);
    CHECK_EQ(call.random, 0);
    call.deadline_ns = START + 7;
    CHECK_EQ(trifuse_retry_next(r, NULL, &call, TRIFUSE_NEVER, 7, START, &delay), TRIFUSE_STOP_DEADLINE);
    CHECK_EQ(trifuse_retry_next(r, NULL, &call, TRIFUSE_NEVER, 6, START, &delay), TRIFUSE_OK);
}

/* At the deadline less `room`: whether a retry is made, and its delay. */
static bool made_with_room(uint32_t jitter, uint64_t room, uint64_t *delay) {
    trifuse_retry_config c = plain();
    c.jitter = jitter;
    c.max_elapsed_ns = 5 * SECOND;
    c.delay_ns = 1000;
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_call call = begin(r, START);
    CHECK_EQ(call.deadline_ns, START + 5 * SECOND);
    int result = next(r, &call, call.deadline_ns - room, delay);
    CHECK(result == TRIFUSE_OK || (result == TRIFUSE_STOP_DEADLINE && *delay == 0));
    return result == TRIFUSE_OK;
}

static void no_wait_ends_past_the_deadline(void) {
    static const uint64_t least[] = {1000, 1000, 0, 500, 1000}; /* by jitter */
    for (uint32_t jitter = 0; jitter <= TRIFUSE_JITTER_DECORRELATED; jitter++) {
        uint64_t delay;
        CHECK(!made_with_room(jitter, least[jitter], &delay));
        CHECK(!made_with_room(jitter, 0, &delay));
        CHECK(!made_with_room(jitter, (uint64_t)-1, &delay)); /* past it */
        for (uint64_t room = least[jitter] + 1; room < 3500; room += 7)
            CHECK(made_with_room(jitter, room, &delay) && delay >= least[jitter] && delay <= room);
    }
}

static void a_servers_word_past_the_deadline_ends_the_call(void) {
    trifuse_retry_config c = plain();
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_call call = begin(r, START);
    call.deadline_ns = START + SECOND; /* lowered by the caller */
    uint64_t delay;
    CHECK_EQ(trifuse_retry_next(r, NULL, &call, SECOND, TRIFUSE_NEVER, START, &delay), TRIFUSE_STOP_DEADLINE);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(trifuse_retry_next(r, NULL, &call, SECOND - 5, TRIFUSE_NEVER, START, &delay), TRIFUSE_OK);
        CHECK(delay >= SECOND - 5 && delay <= SECOND);
    }
    CHECK_EQ(totals(r).stopped_deadline, 1);
}

static trifuse_retry_budget *empty_budget(void) {
    static uint64_t memory[64];
    trifuse_retry_budget_config c;
    CHECK_EQ(trifuse_retry_budget_config_init(&c, sizeof c), TRIFUSE_OK);
    c.floor = 0;
    trifuse_retry_budget *b = NULL;
    CHECK_EQ(trifuse_retry_budget_init(memory, sizeof memory, &c, START, NULL, &b), TRIFUSE_OK);
    return b;
}

static void each_reason_comes_before_the_next_and_the_budget_last(void) {
    trifuse_retry_config c = steady();
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_budget *b = empty_budget();
    trifuse_retry_call call = begin(r, START);
    uint64_t delay, late = START + SECOND, long_wait = 61 * SECOND;
    call.deadline_ns = START + 1;
    call.retries = 3;
    CHECK_EQ(trifuse_retry_next(r, b, &call, long_wait, TRIFUSE_NEVER, late, &delay), TRIFUSE_STOP_RETRIES);
    call.retries = 2;
    CHECK_EQ(trifuse_retry_next(r, b, &call, long_wait, TRIFUSE_NEVER, late, &delay), TRIFUSE_STOP_RETRY_AFTER);
    CHECK_EQ(trifuse_retry_next(r, b, &call, SECOND, TRIFUSE_NEVER, late, &delay), TRIFUSE_STOP_DEADLINE);
    for (unsigned i = 0; i < 5; i++) CHECK_EQ(trifuse_retry_budget_deposit(b, START), TRIFUSE_OK);
    CHECK_EQ(next(r, &call, late, &delay), TRIFUSE_STOP_DEADLINE);
    call.deadline_ns = TRIFUSE_NEVER;
    CHECK_EQ(trifuse_retry_next(r, b, &call, TRIFUSE_NEVER, TRIFUSE_NEVER, late, &delay), TRIFUSE_OK);
    call.retries = 2;
    delay = 4;
    CHECK_EQ(trifuse_retry_next(r, b, &call, TRIFUSE_NEVER, TRIFUSE_NEVER, late, &delay),
             TRIFUSE_REFUSED_RETRY_BUDGET);
    CHECK(delay == 0 && call.retries == 2 && totals(r).refused_budget == 1);
}

static void times_at_the_end_of_the_clock_saturate(void) {
    trifuse_retry_config c = steady();
    c.max_elapsed_ns = TRIFUSE_DURATION_MAX_NS;
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_call call = begin(r, UINT64_MAX - 5);
    CHECK_EQ(call.deadline_ns, TRIFUSE_NEVER);
    uint64_t delay;
    CHECK_EQ(next(r, &call, UINT64_MAX, &delay), TRIFUSE_OK);
    CHECK_EQ(delay, SECOND / 10);
}

static void the_clock_is_read_where_it_is_needed(void) {
    trifuse_retry_config c = plain();
    trifuse_retry *r = retry_of(&c);
    CHECK_EQ(begin(r, 0).started_ns, 0);
    c.max_elapsed_ns = SECOND;
    r = retry_of(&c);
    uint64_t before = trifuse_now_ns(), delay;
    trifuse_retry_call call = begin(r, 0);
    CHECK(call.started_ns >= before && call.deadline_ns == call.started_ns + SECOND);
    CHECK_EQ(next(r, &call, 0, &delay), TRIFUSE_OK);
    call.deadline_ns = before;
    CHECK_EQ(next(r, &call, 0, &delay), TRIFUSE_STOP_DEADLINE);
}

static void new_values_count_for_what_is_decided_next(void) {
    trifuse_retry_config c = steady();
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_call call = begin(r, START);
    uint64_t delay;
    CHECK_EQ(next(r, &call, START, &delay), TRIFUSE_OK);
    c.strategy = TRIFUSE_STRATEGY_FIXED;
    c.delay_ns = 5;
    c.max_retries = 2;
    c.max_elapsed_ns = SECOND;
    CHECK_EQ(trifuse_retry_reconfigure(r, &c, NULL), TRIFUSE_OK);
    CHECK_EQ(next(r, &call, START + 2 * SECOND, &delay), TRIFUSE_OK);
    CHECK_EQ(delay, 5);
    CHECK_EQ(next(r, &call, START, &delay), TRIFUSE_STOP_RETRIES);
    c.delay_ns = c.max_delay_ns + 1;
    CHECK_EQ(trifuse_retry_reconfigure(r, &c, NULL), TRIFUSE_ERROR_CONFIG);
    CHECK_EQ(trifuse_retry_reconfigure(NULL, &c, NULL), TRIFUSE_ERROR_ARGUMENT);
    call = begin(r, START);
    CHECK_EQ(call.deadline_ns, START + SECOND);
    CHECK_EQ(next(r, &call, START, &delay), TRIFUSE_OK);
    CHECK_EQ(delay, 5);
}

static void what_has_ended_is_counted(void) {
    trifuse_retry_config c = plain();
    trifuse_retry *r = retry_of(&c);
    CHECK_EQ(trifuse_retry_settle(r, 0, 1), TRIFUSE_OK);
    CHECK_EQ(trifuse_retry_settle(r, 2, 5), TRIFUSE_OK);
    CHECK_EQ(trifuse_retry_settle(r, 3, 0), TRIFUSE_OK);
    CHECK_EQ(trifuse_retry_settle(NULL, 3, 0), TRIFUSE_ERROR_ARGUMENT);
    trifuse_retry_snapshot s = totals(r);
    CHECK(s.calls == 3 && s.successes == 2 && s.failures == 1 && s.retried == 2 && s.retries == 0);
}

static void mistakes_change_nothing(void) {
    trifuse_retry_config c = plain();
    trifuse_retry *r = retry_of(&c);
    trifuse_retry_call call = begin(r, START), whole = call;
    uint64_t delay = 3;
    CHECK_EQ(next(NULL, &call, START, &delay), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(next(r, NULL, START, &delay), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_next(r, NULL, &call, 0, 0, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_begin(NULL, START, &call), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_begin(r, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK(memcmp(&call, &whole, sizeof call) == 0);
    call.struct_size = sizeof call - 8;
    CHECK_EQ(next(r, &call, START, &delay), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(delay, 77);
    CHECK_EQ(trifuse_retry_begin(r, START, &call), TRIFUSE_ERROR_STRUCT_SIZE);
    trifuse_retry_snapshot s = {.struct_size = 4};
    CHECK_EQ(trifuse_retry_get_snapshot(r, &s), TRIFUSE_ERROR_STRUCT_SIZE);
    CHECK_EQ(trifuse_retry_get_snapshot(NULL, &s), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_retry_get_snapshot(r, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK(totals(r).retries == 0 && totals(r).stopped_retries == 0);
}

int main(void) {
    RUN(so_many_retries_and_no_more);
    RUN(the_servers_word_is_kept_plus_a_tenth);
    RUN(a_callers_own_delay_is_capped_and_not_jittered);
    RUN(no_wait_ends_past_the_deadline);
    RUN(a_servers_word_past_the_deadline_ends_the_call);
    RUN(each_reason_comes_before_the_next_and_the_budget_last);
    RUN(times_at_the_end_of_the_clock_saturate);
    RUN(the_clock_is_read_where_it_is_needed);
    RUN(new_values_count_for_what_is_decided_next);
    RUN(what_has_ended_is_counted);
    RUN(mistakes_change_nothing);
    return check_summary();
}
