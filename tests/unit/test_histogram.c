/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a histogram counts, and when: beside a naive one that keeps every value. How near its quantiles
 * are is test_histogram_quantiles.c. */
#include "support.h"

enum { WORDS = 181 * 8, VALUES = 3000 };
static uint64_t memory[WORDS], second_memory[WORDS];

static trifuse_histogram *histogram_in(uint64_t *words, uint64_t sliding_ns, uint64_t now) {
    trifuse_histogram_config c;
    trifuse_histogram *h = NULL;
    CHECK_EQ(trifuse_histogram_config_init(&c, sizeof c), TRIFUSE_OK);
    c.sliding_ns = sliding_ns;
    CHECK_EQ(trifuse_histogram_init(words, sizeof memory, &c, now, NULL, &h), TRIFUSE_OK);
    return h;
}

static trifuse_histogram_snapshot picture_of(trifuse_histogram *h, uint64_t now) {
    trifuse_histogram_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_histogram_get_snapshot(h, now, &s), TRIFUSE_OK);
    return s;
}

static void record(trifuse_histogram *h, uint64_t value, uint64_t now) {
    CHECK_EQ(trifuse_histogram_record(h, value, now), TRIFUSE_OK);
}

static uint64_t quantile(trifuse_histogram *h, double q, uint64_t now) {
    uint64_t value = 0;
    CHECK_EQ(trifuse_histogram_quantile(h, q, now, &value), TRIFUSE_OK);
    return value;
}

static void an_empty_one_has_no_value(void) {
    for (unsigned sliding = 0; sliding < 2; sliding++) {
        trifuse_histogram *h = histogram_in(memory, sliding * SECOND, START);
        uint64_t value = 7;
        CHECK_EQ(trifuse_histogram_quantile(h, 0.5, START, &value), TRIFUSE_EMPTY);
        CHECK_EQ(value, 0);
        trifuse_histogram_snapshot s = picture_of(h, START);
        CHECK(s.count == 0 && s.sum_ns == 0 && s.min_ns == 0 && s.max_ns == 0 && s.total == 0);
        CHECK(s.p50_ns == 0 && s.p95_ns == 0 && s.p99_ns == 0);
    }
}

/* 1 ns to 2^48 and beyond: every step of every octave, its ends too. */
static void any_single_value_is_told_within_5_percent(void) {
    for (unsigned octave = 0; octave <= 48; octave++)
        for (uint64_t part = 0; part < 33; part++) {
            uint64_t value = (1ULL << octave) + ((1ULL << octave) * part / 32) - (part == 32);
            if (value > 1ULL << 48) continue;
            trifuse_histogram *h = histogram_in(memory, 0, START);
            record(h, value, START);
            uint64_t told = quantile(h, 0.5, START), off = told > value ? told - value : value - told;
            CHECK(off * 20 <= value);
            CHECK(value >= 32 || off == 0);
        }
}

static void a_0_counts_as_the_lowest_step_and_what_is_too_long_as_the_highest(void) {
    trifuse_histogram *h = histogram_in(memory, 0, START);
    record(h, 0, START);
    record(h, UINT64_MAX, START);
    CHECK_EQ(quantile(h, 0, START), 1);
    CHECK(quantile(h, 1, START) > (1ULL << 48) / 20 * 19 && quantile(h, 1, START) <= 1ULL << 48);
    trifuse_histogram_snapshot s = picture_of(h, START);
    CHECK(s.count == 2 && s.total == 2 && s.min_ns == 1 && s.max_ns == quantile(h, 1, START));
    CHECK_EQ(s.sum_ns, s.min_ns + s.max_ns);
}

static void ranks_are_taken_exactly(void) {
    trifuse_histogram *h = histogram_in(memory, 0, START);
    for (uint64_t value = 1; value <= 20; value++) record(h, value, START);
    CHECK_EQ(quantile(h, 0, START), 1);
    CHECK_EQ(quantile(h, 0.05, START), 1);
    CHECK_EQ(quantile(h, 0.050000001, START), 2);
    CHECK_EQ(quantile(h, 0.35, START), 7); /* 0.35 * 20 is above 7 in doubles */
    CHECK_EQ(quantile(h, 0.95, START), 19);
    CHECK_EQ(quantile(h, 0.950000001, START), 20);
    CHECK_EQ(quantile(h, 1, START), 20);
}

static void a_sum_too_large_saturates(void) {
    trifuse_histogram *h = histogram_in(memory, 0, START), *other = histogram_in(second_memory, 0, START);
    for (unsigned i = 0; i < 2; i++) record(h, 1ULL << 40, START);
    record(h, 1, START);
    for (unsigned i = 0; i < 80; i++) CHECK_EQ(trifuse_histogram_merge(h, h, START), TRIFUSE_OK);
    trifuse_histogram_snapshot s = picture_of(h, START);
    CHECK_EQ(s.count, 1ULL << 54); /* each step stops at 2^53 */
    CHECK_EQ(s.sum_ns, UINT64_MAX);
    record(h, 1, START);
    CHECK_EQ(picture_of(h, START).count, (1ULL << 54) + 1);
    CHECK_EQ(trifuse_histogram_merge(h, other, START), TRIFUSE_OK);
    CHECK_EQ(picture_of(h, START).count, (1ULL << 54) + 1);
}

static void a_sliding_one_forgets_after_half_to_all_of_its_span(void) {
    trifuse_histogram *h = histogram_in(memory, 60 * SECOND, START);
    uint64_t lap = START / (30 * SECOND) * (30 * SECOND) + 30 * SECOND;
    record(h, 10, lap);
    record(h, 20, lap + 30 * SECOND - 1);
    CHECK_EQ(picture_of(h, lap + 60 * SECOND - 1).count, 2);
    CHECK_EQ(picture_of(h, lap + 60 * SECOND).count, 0);
    CHECK_EQ(picture_of(h, lap + 60 * SECOND).total, 2);
    record(h, 30, lap + 30 * SECOND);
    record(h, 10, lap + 60 * SECOND);
    CHECK_EQ(picture_of(h, lap + 60 * SECOND).count, 2);
    CHECK_EQ(quantile(h, 0, lap + 60 * SECOND), 10);
    CHECK_EQ(quantile(h, 1, lap + 60 * SECOND), 30);
    CHECK_EQ(picture_of(h, lap + 90 * SECOND).count, 1);
    CHECK_EQ(picture_of(h, lap + 90 * SECOND).total, 4);
}

/* Laps that are equal but for a multiple of 2^k, any k. */
static void a_stale_half_never_looks_current_however_long_it_was_idle(void) {
    for (unsigned k = 1; k < 45; k++) {
        trifuse_histogram *h = histogram_in(memory, SECOND / 1000, 1);
        uint64_t half = SECOND / 2000;
        record(h, 100, 1);
        record(h, 100, half);
        uint64_t later = half << k;
        CHECK_EQ(picture_of(h, later).count, k == 1 ? 1 : 0);
        record(h, 100, later);
        CHECK_EQ(picture_of(h, later).count, k == 1 ? 2 : 1);
        CHECK_EQ(picture_of(h, later).total, 3);
    }
}

static void an_older_now_moves_nothing_back(void) {
    trifuse_histogram *h = histogram_in(memory, 2 * SECOND, START);
    record(h, 100, START + 10 * SECOND);
    record(h, 200, START + 9 * SECOND);
    record(h, 200, START + 8 * SECOND); /* its half belongs to a newer lap, this step does not */
    record(h, 100, START + 8 * SECOND); /* this one does */
    CHECK_EQ(picture_of(h, START + 10 * SECOND).count, 2);
    CHECK_EQ(picture_of(h, START).count, 2);
    CHECK_EQ(picture_of(h, START).total, 4);
    CHECK_EQ(picture_of(h, START + 11 * SECOND).count, 1);
}

static void counts_stop_at_the_most_they_hold(void) {
    trifuse_histogram *h = histogram_in(memory, SECOND / 1000, START), *one = histogram_in(second_memory, 0, START);
    record(one, 100, START);
    for (unsigned i = 0; i < 40; i++) CHECK_EQ(trifuse_histogram_merge(one, one, START), TRIFUSE_OK);
    CHECK_EQ(trifuse_histogram_merge(h, one, START), TRIFUSE_OK);
    trifuse_histogram_snapshot full = picture_of(h, START);
    CHECK(full.count >= SECOND / 4000 && full.count < SECOND / 1000);
    CHECK_EQ(full.total, 1ULL << 40);
    record(h, 100, START);
    CHECK_EQ(picture_of(h, START).count, full.count);
    CHECK_EQ(picture_of(h, START).total, (1ULL << 40) + 1);
    record(h, 100, START + SECOND);
    CHECK_EQ(picture_of(h, START + SECOND).count, 1);
    CHECK_EQ(picture_of(h, START + SECOND).total, (1ULL << 40) + 2);
}

static struct { uint64_t lap, value; } kept[VALUES];
static size_t values;
static uint64_t random_state;

static uint64_t draw(uint64_t below) {
    return next_random(&random_state) % below;
}

static void shows_what_was_kept(trifuse_histogram *h, uint64_t born, uint64_t lap, uint64_t now) {
    uint64_t newest = lap > born ? lap : born, count = 0, sum = 0;
    for (size_t i = 0; i < values; i++)
        if (kept[i].lap > newest) newest = kept[i].lap;
    for (size_t i = 0; i < values; i++) {
        if (kept[i].lap + 1 < newest) continue;
        count++;
        sum += kept[i].value;
    }
    trifuse_histogram_snapshot s = picture_of(h, now);
    CHECK(s.count == count && s.sum_ns == sum && s.total == values);
}

/* Values below 32, which have a step each. */
static void any_history_is_that_of_a_naive_one(void) {
    for (unsigned round = 0; round < 30; round++) {
        random_state = 88172645463325252ULL + round;
        uint64_t half = SECOND / 2000 + draw(SECOND), now = START;
        trifuse_histogram *h = histogram_in(memory, 2 * half + round % 2, now);
        for (values = 0; values < 200;) {
            now += draw(4) ? draw(half / 20) : draw(3 * half);
            uint64_t at = draw(8) ? now : now - draw(3 * half), read = draw(4) ? now : now - draw(3 * half);
            kept[values].lap = at / half;
            kept[values].value = 1 + draw(31);
            record(h, kept[values].value, at);
            values++;
            shows_what_was_kept(h, START / half, read / half, read);
        }
    }
}

static void a_merge_adds_what_the_other_holds_now(void) {
    trifuse_histogram *whole = histogram_in(memory, 0, START), *part = histogram_in(second_memory, 2 * SECOND, START);
    record(whole, 10, START);
    record(part, 20, START);
    record(part, 30, START + 3 * SECOND);
    CHECK_EQ(trifuse_histogram_merge(whole, part, START + 3 * SECOND), TRIFUSE_OK);
    trifuse_histogram_snapshot s = picture_of(whole, START);
    CHECK(s.count == 2 && s.sum_ns == 40 && picture_of(part, START + 3 * SECOND).count == 1);
    CHECK_EQ(trifuse_histogram_merge(part, whole, START + 4 * SECOND), TRIFUSE_OK);
    CHECK_EQ(picture_of(part, START + 4 * SECOND).sum_ns, 70);
    CHECK_EQ(picture_of(part, START + 5 * SECOND).sum_ns, 40);
    CHECK_EQ(picture_of(part, START + 6 * SECOND).count, 0);
}

static void a_now_of_0_is_the_clock(void) {
    trifuse_histogram *h = histogram_in(memory, 3600 * SECOND, 0), *other = histogram_in(second_memory, 0, 0);
    uint64_t value;
    record(h, 25, 0);
    CHECK_EQ(trifuse_histogram_quantile(h, 1, 0, &value), TRIFUSE_OK);
    CHECK_EQ(value, 25);
    CHECK_EQ(trifuse_histogram_merge(other, h, 0), TRIFUSE_OK);
    CHECK_EQ(picture_of(h, 0).count + picture_of(other, 0).count, 2);
}

int main(void) {
    RUN(an_empty_one_has_no_value);
    RUN(any_single_value_is_told_within_5_percent);
    RUN(a_0_counts_as_the_lowest_step_and_what_is_too_long_as_the_highest);
    RUN(ranks_are_taken_exactly);
    RUN(a_sum_too_large_saturates);
    RUN(a_sliding_one_forgets_after_half_to_all_of_its_span);
    RUN(a_stale_half_never_looks_current_however_long_it_was_idle);
    RUN(an_older_now_moves_nothing_back);
    RUN(counts_stop_at_the_most_they_hold);
    RUN(any_history_is_that_of_a_naive_one);
    RUN(a_merge_adds_what_the_other_holds_now);
    RUN(a_now_of_0_is_the_clock);
    return check_summary();
}
