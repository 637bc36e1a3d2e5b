/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* OPEN and HALF_OPEN: exact waits, back-off and jitter, probes and their leases. */
#include "support.h"

static trifuse_breaker *half_open(const trifuse_breaker_config *c, uint64_t *first) {
    trifuse_breaker *b = breaker_of(c);
    CHECK_EQ(trifuse_breaker_trip(b, START - 40 * SECOND, 0, NULL), TRIFUSE_OK);
    *first = admit(b, START);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_HALF_OPEN);
    return b;
}

static void open_refuses_until_the_told_wait_is_over(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    fail(b, START + 1, 4);
    uint64_t wait, now = START + 3 * SECOND;
    CHECK_EQ(ask(b, now, &wait), TRIFUSE_REFUSED_OPEN);
    CHECK_EQ(wait, 27 * SECOND + 1000); /* the deadline is rounded up to 1 us */
    CHECK_EQ(ask(b, now + wait - 1, NULL), TRIFUSE_REFUSED_OPEN);
    CHECK_EQ(picture(b, now + wait).state, TRIFUSE_STATE_OPEN);
    CHECK_EQ(ask(b, now + wait, NULL), TRIFUSE_OK);
    CHECK_EQ(picture(b, now).refused_open, 2);
}

static void exactly_so_many_probes_are_admitted(void) {
    trifuse_breaker_config c = small_config();
    for (uint32_t most = 1; most <= 64; most++) {
        uint64_t first;
        c.half_open_max_calls = most;
        trifuse_breaker *b = half_open(&c, &first);
        unsigned given = 1;
        for (unsigned i = 0; i < 200; i++) given += ask(b, START, NULL) == TRIFUSE_OK;
        CHECK_EQ(given, most);
        CHECK_EQ(picture(b, START).probes_in_flight, most);
        CHECK_EQ(picture(b, START).refused_half_open_limit, 201 - most);
    }
}

static void enough_successes_close_it(void) {
    trifuse_breaker_config c = small_config();
    c.success_threshold = 3;
    uint64_t first;
    trifuse_breaker *b = half_open(&c, &first);
    CHECK_EQ(outcome_of(b, first, TRIFUSE_OUTCOME_SUCCESS, START), TRIFUSE_OK);
    succeed(b, START, 1);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.state == TRIFUSE_STATE_HALF_OPEN && s.probe_successes == 2);
    uint64_t permit = admit(b, START);
    trifuse_breaker_event event = blank_event();
    CHECK_EQ(trifuse_breaker_report(b, permit, TRIFUSE_OUTCOME_SUCCESS, 0, START, &event), TRIFUSE_OK);
    CHECK(event.to == TRIFUSE_STATE_CLOSED && event.cause == TRIFUSE_CAUSE_PROBES_SUCCEEDED && event.probe_successes == 3);
    CHECK_EQ(picture(b, START).window_total, 0);
}

static void enough_failures_reopen_it_and_the_wait_grows(void) {
    trifuse_breaker_config c = small_config();
    c.half_open_failure_threshold = 2;
    c.open_backoff_multiplier = 2;
    c.open_duration_max_ns = 100 * SECOND;
    uint64_t permit, now = START;
    trifuse_breaker *b = half_open(&c, &permit);
    static const uint64_t waits[] = {60, 100, 100};
    for (unsigned round = 0; round < 3; round++) {
        CHECK_EQ(outcome_of(b, permit, TRIFUSE_OUTCOME_TIMEOUT, now), TRIFUSE_OK);
        permit = admit(b, now);
        CHECK_EQ(outcome_of(b, permit, TRIFUSE_OUTCOME_FAILURE, now), TRIFUSE_OK);
        trifuse_breaker_snapshot s = picture(b, now);
        CHECK(s.state == TRIFUSE_STATE_OPEN && s.reopenings == round + 1);
        CHECK_EQ(s.open_until_ns, now + waits[round] * SECOND);
        now = s.open_until_ns;
        permit = admit(b, now);
    }
    CHECK_EQ(outcome_of(b, permit, TRIFUSE_OUTCOME_SUCCESS, now), TRIFUSE_OK);
    CHECK_EQ(picture(b, now).reopenings, 0);
}

static void the_backoff_stops_at_five_minutes_unless_told(void) {
    trifuse_breaker_config c = small_config();
    c.open_backoff_multiplier = 1000;
    uint64_t permit;
    trifuse_breaker *b = half_open(&c, &permit);
    CHECK_EQ(outcome_of(b, permit, TRIFUSE_OUTCOME_FAILURE, START), TRIFUSE_OK);
    CHECK_EQ(picture(b, START).open_until_ns, START + 300 * SECOND);
}

static void the_wait_saturates_and_reopenings_are_counted_to_1023(void) {
    trifuse_breaker_config c = small_config();
    c.open_duration_ns = c.open_duration_max_ns = TRIFUSE_DURATION_MAX_NS;
    c.open_backoff_multiplier = 1000;
    c.initial_state = TRIFUSE_STATE_HALF_OPEN;
    trifuse_breaker *b = breaker_of(&c);
    CHECK_EQ(trifuse_breaker_trip(b, START, 0, NULL), TRIFUSE_OK);
    CHECK_EQ(picture(b, START).open_until_ns, START + TRIFUSE_DURATION_MAX_NS);
    c.open_duration_ns = c.open_duration_max_ns = 1000;
    b = breaker_of(&c);
    uint64_t now = START;
    for (unsigned i = 0; i < 1100; i++) {
        CHECK_EQ(trifuse_breaker_trip(b, now, 0, NULL), TRIFUSE_OK);
        CHECK_EQ(picture(b, now).reopenings, i < 1023 ? i + 1 : 1023);
        now += 1000;
        (void)admit(b, now);
    }
}

static void ignored_gives_the_probe_back_and_says_nothing(void) {
    trifuse_breaker_config c = small_config();
    uint64_t first;
    trifuse_breaker *b = half_open(&c, &first);
    CHECK_EQ(outcome_of(b, first, TRIFUSE_OUTCOME_IGNORED, START), TRIFUSE_OK);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.probes_in_flight == 0 && s.probe_successes == 0 && s.probe_failures == 0 && s.ignored == 1);
    CHECK_EQ(outcome_of(b, first, TRIFUSE_OUTCOME_FAILURE, START), TRIFUSE_LATE);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_HALF_OPEN);
}

static void a_probe_that_does_not_report_is_lost_at_the_end_of_its_lease(void) {
    trifuse_breaker_config c = small_config();
    c.half_open_max_calls = 1;
    c.half_open_permit_ttl_ns = 10 * SECOND;
    uint64_t first;
    trifuse_breaker *b = half_open(&c, &first);
    CHECK_EQ(ask(b, START + 10 * SECOND - 1, NULL), TRIFUSE_REFUSED_HALF_OPEN_LIMIT);
    trifuse_breaker_snapshot s = picture(b, START + 10 * SECOND);
    CHECK(s.lost_permits == 1 && s.probes_in_flight == 0);
    uint64_t second = admit(b, START + 10 * SECOND);
    CHECK_EQ(outcome_of(b, first, TRIFUSE_OUTCOME_FAILURE, START + 10 * SECOND), TRIFUSE_LATE);
    CHECK_EQ(outcome_of(b, second, TRIFUSE_OUTCOME_SUCCESS, START + 20 * SECOND), TRIFUSE_LATE);
    s = picture(b, START + 20 * SECOND);
    CHECK(s.lost_permits == 2 && s.late_results == 2 && s.probe_failures == 0);
}

static void renew_keeps_a_lease_that_is_live(void) {
    trifuse_breaker_config c = small_config();
    c.half_open_permit_ttl_ns = 10 * SECOND;
    uint64_t first;
    trifuse_breaker *b = half_open(&c, &first);
    CHECK_EQ(trifuse_breaker_renew(b, first, START + 9 * SECOND), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_renew(b, first, START + 2 * SECOND), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_renew(b, first, START + 19 * SECOND), TRIFUSE_LATE);
    CHECK_EQ(picture(b, START).lost_permits, 1);
    uint64_t second = admit(b, START + 20 * SECOND);
    CHECK_EQ(trifuse_breaker_trip(b, START + 20 * SECOND, 0, NULL), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_renew(b, second, START + 20 * SECOND), TRIFUSE_LATE);
}

static void the_automatic_lease_is_twice_the_request_timeout(void) {
    trifuse_breaker_config c = small_config();
    c.half_open_max_calls = 1;
    c.request_timeout_ns = 50 * SECOND;
    uint64_t first;
    trifuse_breaker *b = half_open(&c, &first);
    CHECK_EQ(ask(b, START + 100 * SECOND - 1, NULL), TRIFUSE_REFUSED_HALF_OPEN_LIMIT);
    CHECK_EQ(ask(b, START + 100 * SECOND, NULL), TRIFUSE_OK);
}

static void an_invented_probe_frees_nobodys_lease(void) {
    trifuse_breaker_config c = small_config();
    uint64_t first;
    trifuse_breaker *b = half_open(&c, &first);
    CHECK_EQ(outcome_of(b, first ^ 1, 0, START), TRIFUSE_LATE);
    CHECK_EQ(outcome_of(b, first | 63ULL << 16, 0, START), TRIFUSE_LATE);
    CHECK_EQ(outcome_of(b, first + (1ULL << 16), 0, START), TRIFUSE_LATE);
    CHECK_EQ(outcome_of(b, first & ~(1ULL << 22), 0, START), TRIFUSE_LATE);
    CHECK_EQ(outcome_of(b, (first & ~(1ULL << 22)) >> 22 << 22, 0, START), TRIFUSE_LATE);
    CHECK_EQ(trifuse_breaker_reenter(b, first), TRIFUSE_STALE);
    CHECK_EQ(picture(b, START).probes_in_flight, 1);
    CHECK_EQ(outcome_of(b, first, 0, START), TRIFUSE_OK);
}

static void a_slow_success_is_a_failed_probe_where_slow_calls_are_judged(void) {
    trifuse_breaker_config c = small_config();
    c.slow_call_duration_ns = SECOND;
    uint64_t first;
    trifuse_breaker *b = half_open(&c, &first);
    CHECK_EQ(trifuse_breaker_report(b, first, TRIFUSE_OUTCOME_SUCCESS, 2 * SECOND, START, NULL), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_CLOSED);
    c.slow_call_rate_threshold = 0.5;
    b = half_open(&c, &first);
    CHECK_EQ(trifuse_breaker_report(b, first, TRIFUSE_OUTCOME_SUCCESS, 2 * SECOND, START, NULL), TRIFUSE_OK);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.state == TRIFUSE_STATE_OPEN && s.successes == 1 && s.slow == 1 && s.failures == 0);
}

static void a_slow_success_is_a_failed_probe_for_the_slow_cusum_too(void) {
    trifuse_breaker_config c = small_config();
    c.slow_call_duration_ns = SECOND;
    c.detector = TRIFUSE_DETECTOR_CUSUM;
    c.tolerated_slow_rate = 0.3;
    uint64_t first;
    trifuse_breaker *b = half_open(&c, &first);
    CHECK_EQ(trifuse_breaker_report(b, first, TRIFUSE_OUTCOME_SUCCESS, 2 * SECOND, START, NULL), TRIFUSE_OK);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_OPEN);
}

static void jitter_stays_in_its_range_and_follows_the_seed(void) {
    trifuse_breaker_config c = small_config();
    uint64_t sum = 0, least = UINT64_MAX, most = 0;
    for (unsigned kind = TRIFUSE_JITTER_PROPORTIONAL; kind <= TRIFUSE_JITTER_FULL; kind++) {
        c.open_jitter = kind;
        for (uint64_t seed = 0; seed < 400; seed++) {
            c.seed = seed;
            trifuse_breaker *b = breaker_of(&c);
            CHECK_EQ(trifuse_breaker_trip(b, START, 0, NULL), TRIFUSE_OK);
            uint64_t wait = picture(b, START).open_until_ns - START;
            CHECK(wait <= (kind == TRIFUSE_JITTER_FULL ? 30 : 33) * SECOND);
            CHECK(kind == TRIFUSE_JITTER_FULL || wait >= 27 * SECOND);
            sum += wait;
            least = wait < least ? wait : least;
            most = wait > most ? wait : most;
        }
    }
    CHECK(sum / 800 > 20 * SECOND && sum / 800 < 25 * SECOND && least < SECOND && most > 32 * SECOND);
    c.open_jitter = TRIFUSE_JITTER_PROPORTIONAL;
    c.open_duration_max_ns = c.open_duration_ns;
    for (c.seed = 0; c.seed < 50; c.seed++) {
        trifuse_breaker *b = breaker_of(&c);
        CHECK_EQ(trifuse_breaker_trip(b, START, 0, NULL), TRIFUSE_OK);
        CHECK(picture(b, START).open_until_ns <= START + 30 * SECOND);
    }
}

static void the_end_of_time_is_no_wrap(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    CHECK_EQ(trifuse_breaker_trip(b, START, UINT64_MAX, NULL), TRIFUSE_OK);
    uint64_t wait;
    CHECK_EQ(ask(b, UINT64_MAX - 1, &wait), TRIFUSE_REFUSED_OPEN);
    CHECK_EQ(wait, 1);
}

int main(void) {
    RUN(open_refuses_until_the_told_wait_is_over);
    RUN(exactly_so_many_probes_are_admitted);
    RUN(enough_successes_close_it);
    RUN(enough_failures_reopen_it_and_the_wait_grows);
    RUN(the_backoff_stops_at_five_minutes_unless_told);
    RUN(the_wait_saturates_and_reopenings_are_counted_to_1023);
    RUN(ignored_gives_the_probe_back_and_says_nothing);
    RUN(a_probe_that_does_not_report_is_lost_at_the_end_of_its_lease);
    RUN(renew_keeps_a_lease_that_is_live);
    RUN(the_automatic_lease_is_twice_the_request_timeout);
    RUN(an_invented_probe_frees_nobodys_lease);
    RUN(a_slow_success_is_a_failed_probe_where_slow_calls_are_judged);
    RUN(a_slow_success_is_a_failed_probe_for_the_slow_cusum_too);
    RUN(jitter_stays_in_its_range_and_follows_the_seed);
    RUN(the_end_of_time_is_no_wrap);
    return check_summary();
}
