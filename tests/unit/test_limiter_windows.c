/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The sliding log, the sliding counter and the fixed window, each beside a list of all that it granted. */
#include "limiters.h"

enum { MOST = 4000 };

static struct { uint64_t at, n; } list[MOST];
static size_t listed;
static uint64_t newest; /* the newest time of a grant */

static void note(uint64_t at, uint64_t n) {
    if (at > newest) newest = at;
    list[listed].at = newest;
    list[listed++].n = n;
}

/* Tokens of the list from `from` up to, not with, `to`. */
static uint64_t between(uint64_t from, uint64_t to) {
    uint64_t sum = 0;
    for (size_t i = listed; i-- > 0;)
        if (list[i].at >= from && list[i].at < to) sum += list[i].n;
    return sum;
}

static uint64_t naive_available(uint32_t kind, uint64_t permits, uint64_t period, uint64_t now) {
    uint64_t used, start = now > newest ? now / period * period : newest / period * period;
    uint64_t into = now > start ? now - start : 0;
    if (kind == TRIFUSE_LIMITER_SLIDING_LOG) {
        used = between(now > period - 1 ? now - period + 1 : 0, UINT64_MAX);
    } else {
        used = between(start, UINT64_MAX);
        uint64_t before = between(start >= period ? start - period : 0, start);
        if (kind == TRIFUSE_LIMITER_SLIDING_COUNTER) used += (before * (period - into) + period - 1) / period;
    }
    return used < permits ? permits - used : 0;
}

static uint64_t a_time(uint64_t now, uint64_t period) {
    switch (draw(8)) {
    case 0: return now + draw(3 * period);
    case 1: return now - draw(2 * period);
    case 2: return now;
    default: return now + draw(period / 4);
    }
}

static bool answers_as_the_list(trifuse_limiter *l, uint32_t kind, uint64_t permits, uint64_t period, uint64_t now) {
    uint64_t there = naive_available(kind, permits, period, now), n = 1 + draw(permits);
    bool all = CHECK_EQ(trifuse_limiter_available(l, now), there);
    uint64_t wait = wait_for(l, n, now);
    all &= CHECK_EQ(wait == 0, n <= there);
    if (wait == 0) note(now, n);
    return all && (wait == 0 || wait_is_exact(n, now, wait));
}

static void each_window_answers_as_a_list_of_its_grants(void) {
    for (unsigned round = 0; round < 300; round++) {
        uint32_t kind = TRIFUSE_LIMITER_SLIDING_LOG + round % 3;
        uint64_t permits = 1 + draw(round % 2 ? 4 : 60), period = 1000 + draw(2000), now = START;
        trifuse_limiter *l = limiter_of(kind, permits, period);
        newest = kind == TRIFUSE_LIMITER_SLIDING_LOG ? 0 : START; /* a window is of its birth's time */
        listed = 0;
        for (unsigned i = 0; i < 400; i++) {
            now = a_time(now, period);
            if (!answers_as_the_list(l, kind, permits, period, now)) {
                fprintf(stderr, "  round %u, step %u\n", round, i);
                return;
            }
        }
    }
}

static void a_log_never_grants_more_in_any_window(void) {
    trifuse_limiter *l = limiter_of(TRIFUSE_LIMITER_SLIDING_LOG, 3, 1000);
    CHECK(granted(l, 1, START) && granted(l, 1, START + 999) && granted(l, 1, START + 999));
    CHECK_EQ(wait_for(l, 1, START + 999), 1);
    CHECK(granted(l, 1, START + 1000));
    CHECK_EQ(wait_for(l, 1, START + 1000), 999);
    CHECK_EQ(wait_for(l, 3, START + 1000), 1000);
}

static void a_grant_of_an_older_time_counts_as_of_the_newest(void) {
    trifuse_limiter *l = limiter_of(TRIFUSE_LIMITER_SLIDING_LOG, 2, 1000);
    CHECK(granted(l, 1, START + 500) && granted(l, 1, START));
    CHECK_EQ(wait_for(l, 1, START), 1500);
    CHECK_EQ(wait_for(l, 2, START + 1499), 1);
}

/* Permits that were fewer for a while: what was granted before is still in the log. */
static void more_permits_again_find_what_was_granted(void) {
    trifuse_limiter *l = limiter_of(TRIFUSE_LIMITER_SLIDING_LOG, 10, 1000);
    CHECK(granted(l, 9, START));
    CHECK_EQ(trifuse_limiter_set_permits(l, 2, START, NULL), TRIFUSE_OK);
    CHECK_EQ(wait_for(l, 1, START + 1), 999);
    CHECK_EQ(trifuse_limiter_set_permits(l, 10, START, NULL), TRIFUSE_OK);
    CHECK(trifuse_limiter_available(l, START + 1) == 1 && granted(l, 1, START + 1) && !granted(l, 1, START + 1));
    CHECK_EQ(wait_for(l, 10, START + 2), 999);
}

/* Slots have 60 bits of time and 4 of the lap: neither idle years nor slow laps make an old one look new. */
static void a_log_is_right_after_any_time(void) {
    for (uint64_t permits = 1; permits <= 5; permits++) {
        trifuse_limiter *l = limiter_of(TRIFUSE_LIMITER_SLIDING_LOG, permits, SECOND);
        uint64_t now = START;
        for (uint64_t idle = 1; idle < 1ULL << 62; idle = idle * 3 + 1) {
            for (uint64_t i = 0; i < permits; i++) CHECK(granted(l, 1, now + i));
            CHECK_EQ(wait_for(l, 1, now + permits), SECOND - permits);
            now += SECOND + permits + idle;
            CHECK_EQ(trifuse_limiter_available(l, now), permits);
        }
        CHECK(granted(l, permits, UINT64_MAX));
        CHECK_EQ(wait_for(l, 1, UINT64_MAX), SECOND);
        CHECK_EQ(wait_for(l, 1, UINT64_MAX - 1), SECOND + 1);
    }
}

/* A year-long window whose tokens go one by one: the oldest of the ring is older than any 60 bits. */
static void a_log_is_right_over_centuries_of_slow_grants(void) {
    enum { RING = 1000 };
    trifuse_limiter *l = limiter_of(TRIFUSE_LIMITER_SLIDING_LOG, RING, YEAR);
    uint64_t now = START;
    for (unsigned i = 0; i < 600; i++) {
        CHECK_EQ(trifuse_limiter_available(l, now), i == 0 ? RING : RING - 1);
        CHECK(granted(l, 1, now));
        now += YEAR * 95 / 100;
    }
    for (unsigned i = 2; i < RING; i++) CHECK(granted(l, 1, now));
    CHECK_EQ(wait_for(l, 2, now), YEAR / 20);
    CHECK_EQ(wait_for(l, 3, now + YEAR / 20), YEAR * 95 / 100);
}

static void a_counter_weighs_the_window_before(void) {
    trifuse_limiter *l = limiter_of(TRIFUSE_LIMITER_SLIDING_COUNTER, 10, 1000);
    uint64_t start = START / 1000 * 1000;
    CHECK(granted(l, 10, start + 5));
    CHECK_EQ(wait_for(l, 1, start + 5), 1095);
    CHECK_EQ(wait_for(l, 10, start + 5), 1995);
    CHECK_EQ(wait_for(l, 5, start + 1200), 300);
    CHECK(granted(l, 2, start + 1200));
    CHECK_EQ(wait_for(l, 9, start + 1200), 1300);
    CHECK_EQ(trifuse_limiter_available(l, start + 1999), 7);
    CHECK_EQ(trifuse_limiter_available(l, start + 2000), 8);
    CHECK_EQ(wait_for(l, 9, start + 2499), 1);
    CHECK(granted(l, 9, start + 2500));
}

static void a_fixed_window_lets_twice_as_much_pass_around_its_boundary(void) {
    trifuse_limiter *l = limiter_of(TRIFUSE_LIMITER_FIXED_WINDOW, 10, SECOND);
    CHECK(granted(l, 10, START + SECOND - 1));
    CHECK_EQ(wait_for(l, 1, START + SECOND - 1), 1);
    CHECK(granted(l, 10, START + SECOND));
    CHECK_EQ(wait_for(l, 1, START + SECOND), SECOND);
    CHECK_EQ(wait_for(l, 1, START), 2 * SECOND);
}

static void a_window_is_right_after_any_time(void) {
    for (uint32_t kind = TRIFUSE_LIMITER_SLIDING_COUNTER; kind < 4; kind++) {
        trifuse_limiter *l = limiter_of(kind, 7, 1000);
        uint64_t now = START;
        for (uint64_t idle = 1; idle < 1ULL << 62; idle = idle * 3 + 1) {
            CHECK(granted(l, 7, now) && !granted(l, 1, now));
            now += 2000 + idle;
            CHECK_EQ(trifuse_limiter_available(l, now), 7);
        }
        now += (1ULL << 33) * 1000; /* the tag of a window comes round */
        CHECK(granted(l, 7, now) && !granted(l, 1, now));
        CHECK(granted(l, 7, UINT64_MAX) && !granted(l, 1, UINT64_MAX));
        CHECK(wait_for(l, 1, 1) > UINT64_MAX - 1000);
    }
}

int main(void) {
    RUN(each_window_answers_as_a_list_of_its_grants);
    RUN(a_log_never_grants_more_in_any_window);
    RUN(a_grant_of_an_older_time_counts_as_of_the_newest);
    RUN(more_permits_again_find_what_was_granted);
    RUN(a_log_is_right_after_any_time);
    RUN(a_log_is_right_over_centuries_of_slow_grants);
    RUN(a_counter_weighs_the_window_before);
    RUN(a_fixed_window_lets_twice_as_much_pass_around_its_boundary);
    RUN(a_window_is_right_after_any_time);
    return check_summary();
}
