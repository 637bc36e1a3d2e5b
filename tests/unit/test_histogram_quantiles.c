/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Quantiles beside the exact ones (sorted, nearest rank) of uniform, log-normal, bimodal and constant
 * data, whole, merged and sliding; and what is refused. */
#include "support.h"

#include <math.h>
#include <stdlib.h>

enum { WORDS = 181 * 8, VALUES = 20000, PARTS = 3 };
static uint64_t memory[PARTS + 1][WORDS], values[VALUES];
static uint64_t random_state;

static double real_draw(void) { /* (0, 1) */
    return ((double)(next_random(&random_state) >> 12) + 0.5) / 4503599627370496.0;
}

static double normal_draw(void) { return sqrt(-2 * log(real_draw())) * cos(6.283185307179586 * real_draw()); }

static uint64_t uniform_value(void) { return 1 + (uint64_t)(real_draw() * 5e8); }
static uint64_t log_normal_value(void) { return (uint64_t)exp(16 + 2 * normal_draw()); }
static uint64_t bimodal_value(void) {
    return (uint64_t)(real_draw() < 0.93 ? 2e6 * (1 + 0.1 * real_draw()) : 3e9 * (1 + 0.3 * real_draw()));
}
static uint64_t constant_value(void) { return 123456789; }
static uint64_t tiny_value(void) { return (uint64_t)(real_draw() * 70); }

static uint64_t (*const kinds[])(void) = {uniform_value, log_normal_value, bimodal_value, constant_value, tiny_value};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static trifuse_histogram *histogram_in(unsigned i, uint64_t sliding_ns) {
    trifuse_histogram_config c;
    trifuse_histogram *h = NULL;
    CHECK_EQ(trifuse_histogram_config_init(&c, sizeof c), TRIFUSE_OK);
    c.sliding_ns = sliding_ns;
    CHECK_EQ(trifuse_histogram_init(memory[i], sizeof memory[i], &c, START, NULL, &h), TRIFUSE_OK);
    return h;
}

static int by_size(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The quantile that the sorted values [0, n) have, in millionths of a share. */
static uint64_t exact(size_t n, uint64_t millionths) {
    size_t rank = (size_t)((n * millionths + 999999) / 1000000);
    uint64_t value = values[rank ? rank - 1 : 0];
    return value ? value : 1;
}

static bool is_near(uint64_t told, uint64_t value) {
    return (told > value ? told - value : value - told) * 20 <= value;
}

static void all_quantiles_are_near(trifuse_histogram *h, size_t n, uint64_t now) {
    qsort(values, n, sizeof values[0], by_size);
    for (uint64_t millionths = 0; millionths <= 1000000; millionths += 500) {
        uint64_t told = 0;
        CHECK_EQ(trifuse_histogram_quantile(h, (double)millionths / 1e6, now, &told), TRIFUSE_OK);
        if (!CHECK(is_near(told, exact(n, millionths)))) return;
    }
    trifuse_histogram_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_histogram_get_snapshot(h, now, &s), TRIFUSE_OK);
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += values[i];
    CHECK(s.count == n && is_near(s.sum_ns, sum) && is_near(s.min_ns, exact(n, 0)) && is_near(s.max_ns, values[n - 1]));
    CHECK(is_near(s.p50_ns, exact(n, 500000)) && is_near(s.p95_ns, exact(n, 950000)));
    CHECK(is_near(s.p99_ns, exact(n, 990000)));
}

static void fill(unsigned kind, size_t n) {
    random_state = 88172645463325252ULL + kind;
    for (size_t i = 0; i < n; i++) values[i] = kinds[kind]();
}

static void over_the_lifetime_all_quantiles_are_within_5_percent(void) {
    static const size_t sizes[] = {1, 2, 19, 100, 1001, VALUES};
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            trifuse_histogram *h = histogram_in(0, 0);
            fill(kind, sizes[i]);
            for (size_t k = 0; k < sizes[i]; k++) CHECK_EQ(trifuse_histogram_record(h, values[k], START), TRIFUSE_OK);
            all_quantiles_are_near(h, sizes[i], START);
        }
}

static void merged_from_parts_they_are_too(void) {
    for (unsigned kind = 0; kind < KINDS; kind++) {
        trifuse_histogram *all = histogram_in(PARTS, kind % 2 ? 60 * SECOND : 0), *part[PARTS];
        for (unsigned p = 0; p < PARTS; p++) part[p] = histogram_in(p, p == 1 ? 60 * SECOND : 0);
        fill(kind, VALUES);
        for (size_t k = 0; k < VALUES; k++)
            CHECK_EQ(trifuse_histogram_record(part[k * k % PARTS], values[k], START), TRIFUSE_OK);
        for (unsigned p = 0; p < PARTS; p++) CHECK_EQ(trifuse_histogram_merge(all, part[p], START), TRIFUSE_OK);
        all_quantiles_are_near(all, VALUES, START);
    }
}

/* 10,000 of every kind, two halves of it in the span, one kind after the other. */
static void sliding_they_are_those_of_the_two_newest_halves(void) {
    trifuse_histogram *h = histogram_in(0, 2 * SECOND);
    for (unsigned kind = 0; kind < KINDS; kind++) {
        fill(kind, VALUES);
        for (size_t k = 0; k < VALUES; k++) {
            uint64_t now = START + (10 * kind + (k < VALUES / 2 ? 0 : 1)) * SECOND;
            CHECK_EQ(trifuse_histogram_record(h, values[k], now), TRIFUSE_OK);
        }
        uint64_t now = START + (10 * kind + 1) * SECOND;
        uint64_t *second = values + VALUES / 2;
        all_quantiles_are_near(h, VALUES, now);
        fill(kind, VALUES);
        memmove(values, second, VALUES / 2 * sizeof values[0]);
        all_quantiles_are_near(h, VALUES / 2, now + SECOND);
    }
}

static void each_field_is_refused_by_name(void) {
    static const struct { uint64_t sliding; uint32_t flags, field; const char *allowed; } bad[] = {
        {0, 1, TRIFUSE_FIELD_FLAGS, "0"},
        {999999, 0, TRIFUSE_FIELD_SLIDING, "0 (over the lifetime), or 1 millisecond to 365 days"},
        {TRIFUSE_DURATION_MAX_NS + 1, 0, TRIFUSE_FIELD_SLIDING, "0 (over the lifetime), or 1 millisecond to 365 days"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        trifuse_histogram_config c = {.struct_size = sizeof c, .flags = bad[i].flags, .sliding_ns = bad[i].sliding};
        trifuse_config_error error = blank_error();
        trifuse_histogram *h = NULL;
        CHECK_EQ(trifuse_histogram_config_check(&c, &error), TRIFUSE_ERROR_CONFIG);
        CHECK(error.field == bad[i].field && (bad[i].sliding == 0 || error.value_integer == bad[i].sliding));
        CHECK_TEXT(error.allowed, bad[i].allowed);
        CHECK_EQ(trifuse_histogram_size(&c), 0);
        CHECK_EQ(trifuse_histogram_init(memory[0], sizeof memory[0], &c, 1, NULL, &h), TRIFUSE_ERROR_CONFIG);
        CHECK_EQ(trifuse_histogram_new(&c, 1, NULL, &h), TRIFUSE_ERROR_CONFIG);
    }
}

static void it_is_made_attached_and_freed_as_every_object(void) {
    trifuse_histogram_config c = {.struct_size = sizeof c};
    trifuse_histogram *h = NULL, *found = NULL;
    CHECK_EQ(trifuse_histogram_size(&c), 91 * 64);
    c.sliding_ns = TRIFUSE_DURATION_MAX_NS;
    CHECK_EQ(trifuse_histogram_size(&c), sizeof memory[0]);
    CHECK_EQ(trifuse_histogram_init(NULL, 64, &c, 1, NULL, &h), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_init(memory[0], 64, &c, 1, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_init(memory[0], 64, &c, 1, NULL, &h), TRIFUSE_ERROR_MEMORY_SIZE);
    CHECK_EQ(trifuse_histogram_attach(NULL, 64, &found), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_attach(memory[0], 64, NULL), TRIFUSE_ERROR_ARGUMENT);
    h = histogram_in(0, 0);
    CHECK_EQ(trifuse_histogram_record(h, 77, START), TRIFUSE_OK);
    memcpy(memory[1], memory[0], sizeof memory[0]);
    CHECK_EQ(trifuse_histogram_attach(memory[1], 90 * 64, &found), TRIFUSE_ERROR_MEMORY_SIZE);
    CHECK_EQ(trifuse_histogram_attach(memory[1], sizeof memory[1], &found), TRIFUSE_OK);
    values[0] = 77;
    all_quantiles_are_near(found, 1, START);
    CHECK_EQ(trifuse_histogram_new(NULL, 1, NULL, &h), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_new(&c, 1, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_new(&c, 0, NULL, &h), TRIFUSE_OK);
    CHECK_EQ(trifuse_histogram_record(h, 77, 0), TRIFUSE_OK);
    trifuse_histogram_free(h);
    trifuse_histogram_free(NULL);
}

static void a_null_and_a_share_that_is_none_are_argument_errors(void) {
    trifuse_histogram *h = histogram_in(0, 0);
    trifuse_histogram_snapshot s = {.struct_size = 4};
    uint64_t value;
    const double bad[] = {-0.000001, 1.000001, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(trifuse_histogram_quantile(h, bad[i], START, &value), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_quantile(NULL, 0.5, START, &value), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_quantile(h, 0.5, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_record(NULL, 1, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_merge(NULL, h, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_merge(h, NULL, START), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_get_snapshot(NULL, START, &s), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_get_snapshot(h, START, NULL), TRIFUSE_ERROR_ARGUMENT);
    CHECK_EQ(trifuse_histogram_get_snapshot(h, START, &s), TRIFUSE_ERROR_STRUCT_SIZE);
}

int main(void) {
    RUN(over_the_lifetime_all_quantiles_are_within_5_percent);
    RUN(merged_from_parts_they_are_too);
    RUN(sliding_they_are_those_of_the_two_newest_halves);
    RUN(each_field_is_refused_by_name);
    RUN(it_is_made_attached_and_freed_as_every_object);
    RUN(a_null_and_a_share_that_is_none_are_argument_errors);
    return check_summary();
}
