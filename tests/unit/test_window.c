/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The windows beside a naive one that keeps a list of all outcomes. */
#include "support.h"

#if defined(TRIFUSE_EMULATED) /* repeat less */
enum { ROUNDS = 4, STEPS = 2000 };
#else
enum { ROUNDS = 40, STEPS = 4000 };
#endif

typedef struct outcome { uint64_t at; bool failed, slow; } outcome;
typedef struct tally { uint64_t total, failed, slow; } tally;

static outcome history[STEPS];
static size_t length;
static uint64_t random_state;

static uint64_t draw(uint64_t below) {
    return next_random(&random_state) % below;
}

static void take(tally *t, const outcome *o) {
    t->total++;
    t->failed += o->failed;
    t->slow += o->slow;
}

/* The outcomes whose bucket is one of the newest `buckets` at `now`, the newest seen or now. */
static tally naive_time(const trifuse_breaker_config *c, uint64_t now) {
    tally t = {0, 0, 0};
    uint64_t width = c->window_duration_ns / c->window_buckets, newest = now / width;
    for (size_t i = 0; i < length; i++)
        if (history[i].at / width > newest) newest = history[i].at / width;
    uint64_t seen = 0;
    for (size_t i = 0; i < length; i++) {
        uint64_t epoch = history[i].at / width;
        if (epoch > seen) seen = epoch;
        bool reached = seen - epoch < c->window_buckets; /* when it was reported */
        if (reached && newest - epoch < c->window_buckets) take(&t, &history[i]);
    }
    return t;
}

static tally naive_count(const trifuse_breaker_config *c) {
    tally t = {0, 0, 0};
    for (size_t i = length > c->window_count ? length - c->window_count : 0; i < length; i++) take(&t, &history[i]);
    return t;
}

static void report_one(trifuse_breaker *b, uint64_t at) {
    outcome o = {at, draw(3) == 0, draw(4) == 0};
    uint64_t permit = admit(b, at);
    CHECK_EQ(trifuse_breaker_report(b, permit, o.failed, o.slow ? 2 * SECOND : 0, at, NULL), TRIFUSE_OK);
    history[length++] = o;
}

static trifuse_breaker *metrics_breaker(const trifuse_breaker_config *c) {
    trifuse_breaker_config shadow = *c;
    shadow.initial_state = TRIFUSE_STATE_METRICS_ONLY;
    length = 0;
    return breaker_of(&shadow);
}

static bool shows(trifuse_breaker *b, uint64_t now, tally t, bool slow) {
    trifuse_breaker_snapshot s = picture(b, now);
    return CHECK_EQ(s.window_total, t.total) && CHECK_EQ(s.window_failed, t.failed) &&
           CHECK_EQ(s.window_slow, slow ? t.slow : 0);
}

static void the_time_window_holds_the_newest_buckets(void) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        random_state = 88172645463325252ULL + round;
        trifuse_breaker_config c = preset_config(0);
        c.window_buckets = 1 + (uint32_t)draw(64);
        c.window_duration_ns = c.window_buckets * (1000 + draw(SECOND));
        c.slow_call_duration_ns = round % 2 ? SECOND : 0;
        trifuse_breaker *b = metrics_breaker(&c);
        uint64_t width = c.window_duration_ns / c.window_buckets, now = START;
        for (unsigned i = 0; i < 250; i++) {
            now += draw(20) == 0 ? draw(3 * c.window_duration_ns) : draw(width);
            uint64_t back = draw(8) == 0 ? draw(2 * c.window_duration_ns) : 0;
            report_one(b, now > back + 1 ? now - back : now);
            uint64_t later = draw(2) ? draw(c.window_duration_ns) : 0;
            if (!shows(b, now + later, naive_time(&c, now + later), c.slow_call_duration_ns != 0)) return;
        }
    }
}

static void the_count_window_holds_the_last_outcomes(void) {
    static const uint32_t counts[] = {1, 2, 15, 16, 17, 31, 32, 33, 100, 1000, 4096};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        random_state = 88172645463325252ULL + i;
        trifuse_breaker_config c = preset_config(0);
        c.window_kind = TRIFUSE_WINDOW_COUNT;
        c.window_count = counts[i];
        c.slow_call_duration_ns = SECOND;
        trifuse_breaker *b = metrics_breaker(&c);
        for (unsigned step = 0; step < STEPS; step++) {
            report_one(b, START + step);
            if (step % (1 + counts[i] / 16) == 0 && !shows(b, START, naive_count(&c), true)) return;
        }
    }
}

/* The lap in a word has 8 bits, the tag of HEAD 7: no idle time may make an old bucket look new. */
static void no_bucket_looks_current_after_any_number_of_laps(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = metrics_breaker(&c);
    uint64_t now = START;
    for (uint64_t laps = 1; laps < 1ULL << 32; laps *= 2) {
        fail(b, now, 3);
        CHECK_EQ(picture(b, now).window_total, 3);
        now += laps * 4 * SECOND;
        CHECK_EQ(picture(b, now).window_total, 0);
        succeed(b, now, 1);
        CHECK_EQ(picture(b, now).window_failed, 0);
        now += 4 * SECOND;
    }
}

static void no_tag_comes_back_after_any_number_of_resets(void) {
    trifuse_breaker_config c = small_config();
    c.minimum_calls = 100;
    for (unsigned kind = 0; kind < 2; kind++) {
        c.window_kind = kind;
        trifuse_breaker *b = breaker_of(&c);
        for (unsigned i = 0; i < 1100; i++) {
            if (i % 128 == 0) fail(b, START, 40);
            CHECK_EQ(trifuse_breaker_reset(b, START, NULL), TRIFUSE_OK);
            CHECK_EQ(picture(b, START).window_total, 0);
            if (i % 3 == 0) {
                succeed(b, START, 1);
                trifuse_breaker_snapshot s = picture(b, START);
                CHECK(s.window_total == 1 && s.window_failed == 0 && s.consecutive_failures == 0);
            }
        }
        CHECK_EQ(picture(b, START).failures, 9 * 40);
    }
}

static void an_outcome_older_than_the_window_is_in_the_totals_only(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    succeed(b, START, 1);
    fail(b, START - 4 * SECOND, 20);
    trifuse_breaker_snapshot s = picture(b, START);
    CHECK(s.window_total == 1 && s.failures == 20 && s.consecutive_failures == 0 && s.state == TRIFUSE_STATE_CLOSED);
    fail(b, START - 3 * SECOND, 1);
    CHECK_EQ(picture(b, START).window_total, 2);
}

static void a_bucket_counts_more_than_any_16_bits(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    succeed(b, START, 70000);
    CHECK_EQ(picture(b, START).window_total, 70000);
    CHECK_EQ(picture(b, START).successes, 70000);
}

/* A bucket full to its 46 bits stays there: 2^46 outcomes cannot be reported, so the word is written. */
static void a_full_bucket_does_not_wrap(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    succeed(b, START, 1);
    for (size_t i = 60; i < 2048; i++) {
        uint64_t count = breaker_memory[i] & ((1ULL << 46) - 1);
        if (count == 1) breaker_memory[i] += (1ULL << 46) - 2;
    }
    succeed(b, START, 3);
    CHECK_EQ(picture(b, START).window_total, (1ULL << 46) - 1);
}

/* Rates are compared in 128 bits: nine of ten times 2^36 does not exceed 0.9, one more does. */
static void rates_of_huge_counts_are_exact(void) {
    trifuse_breaker_config c = small_config();
    c.failure_rate_threshold = 0.9;
    for (unsigned over = 0; over < 2; over++) {
        trifuse_breaker *b = breaker_of(&c);
        succeed(b, START, 1);
        fail(b, START, 2);
        for (size_t i = 60; i < 2048; i++) {
            uint64_t count = breaker_memory[i] & ((1ULL << 46) - 1);
            if (count == 1) breaker_memory[i] += (1ULL << 36) - 1;
            if (count == 2) breaker_memory[i] += 9 * (1ULL << 36) - 4 + over;
        }
        fail(b, START, 1);
        CHECK_EQ(picture(b, START).window_total, 10 * (1ULL << 36) - 1 + over);
        CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_CLOSED);
        fail(b, START, 1);
        CHECK_EQ(trifuse_breaker_state(b), over ? TRIFUSE_STATE_OPEN : TRIFUSE_STATE_CLOSED);
    }
}

static void one_failure_among_a_hundred_billion_opens_nothing(void) {
    trifuse_breaker_config c = small_config();
    trifuse_breaker *b = breaker_of(&c);
    succeed(b, START, 1);
    for (size_t i = 60; i < 2048; i++)
        if ((breaker_memory[i] & ((1ULL << 46) - 1)) == 1) breaker_memory[i] += 1ULL << 37;
    fail(b, START, 1);
    CHECK_EQ(picture(b, START).window_total, (1ULL << 37) + 2);
    CHECK_EQ(trifuse_breaker_state(b), TRIFUSE_STATE_CLOSED);
}

static void totals_go_on_over_buckets_windows_and_resets(void) {
    for (unsigned kind = 0; kind < 2; kind++) {
        trifuse_breaker_config c = small_config();
        c.window_kind = kind;
        c.slow_call_duration_ns = SECOND;
        trifuse_breaker *b = metrics_breaker(&c);
        uint64_t now = START, failures = 0, slow = 0;
        random_state = 5;
        for (unsigned i = 0; i < STEPS; i++) {
            now += draw(SECOND);
            report_one(b, now);
            failures += history[length - 1].failed;
            slow += history[length - 1].slow;
            trifuse_breaker_snapshot s = picture(b, now);
            CHECK(s.calls == i + 1 && s.failures == failures && s.slow == slow);
            if (draw(50) == 0) CHECK_EQ(trifuse_breaker_reset(b, now, NULL), TRIFUSE_OK);
            if (draw(50) == 0) CHECK_EQ(trifuse_breaker_metrics_only(b, now, NULL), TRIFUSE_OK);
            if (picture(b, now).state != TRIFUSE_STATE_METRICS_ONLY)
                CHECK_EQ(trifuse_breaker_metrics_only(b, now, NULL), TRIFUSE_OK);
        }
    }
}

int main(void) {
    RUN(the_time_window_holds_the_newest_buckets);
    RUN(the_count_window_holds_the_last_outcomes);
    RUN(no_bucket_looks_current_after_any_number_of_laps);
    RUN(no_tag_comes_back_after_any_number_of_resets);
    RUN(an_outcome_older_than_the_window_is_in_the_totals_only);
    RUN(a_bucket_counts_more_than_any_16_bits);
    RUN(a_full_bucket_does_not_wrap);
    RUN(rates_of_huge_counts_are_exact);
    RUN(one_failure_among_a_hundred_billion_opens_nothing);
    RUN(totals_go_on_over_buckets_windows_and_resets);
    return check_summary();
}
