/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A call on a token bucket, paused before any read or write while two new rates come: the line that it reads
 * is written anew under it. It answers, at once, as if it had come before, between or after them. */
#include "check.h"
#include "steps.h"
#include "trifuse/trifuse.h"

#define SECOND 1000000000ULL
#define YEAR (365 * 86400 * SECOND)
#define NOW (1000 * SECOND)

enum { RATES = 5, CAPACITY = 5 };
static const struct { uint64_t permits, period; } rates[RATES] = {
    {1, YEAR}, {1000000, SECOND / 1000000}, {3, SECOND}, {7, 86400 * SECOND}, {700001, SECOND}};

static _Alignas(64) uint64_t memory[48], start[48];
static unsigned early, late;
static trifuse_reservation held;
static long pauses;

#define BUCKET ((trifuse_limiter *)(void *)memory)

static trifuse_limiter_config rate_config(unsigned rate) {
    trifuse_limiter_config c;
    CHECK_EQ(trifuse_limiter_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT), TRIFUSE_OK);
    c.permits = rates[rate].permits;
    c.period_ns = rates[rate].period;
    c.capacity = CAPACITY;
    return c;
}

static void set_rate(unsigned rate) {
    trifuse_limiter_config c = rate_config(rate);
    CHECK_EQ(trifuse_limiter_set_rate(BUCKET, &c, NOW, NULL), TRIFUSE_OK);
}

static void two_rates(void *unused) {
    (void)unused;
    set_rate(early);
    set_rate(late);
}

/* What a call answers, and the bucket after it. */
typedef struct seen { uint64_t answer, wait, available, debt; } seen;
static seen answered;

static void acquire(void *unused) {
    (void)unused;
    answered.wait = 12345;
    answered.answer = (uint64_t)trifuse_limiter_try_acquire(BUCKET, 3, NOW, &answered.wait);
}
static void acquire_too_much(void *unused) {
    (void)unused;
    answered.answer = (uint64_t)trifuse_limiter_try_acquire(BUCKET, CAPACITY + 1, NOW, NULL);
}
static void reserve(void *unused) {
    (void)unused;
    trifuse_reservation r = {.struct_size = sizeof r};
    answered.answer = (uint64_t)trifuse_limiter_reserve(BUCKET, 3, NOW, YEAR, &r);
    answered.wait = r.wait_ns;
}
static void reserve_too_much(void *unused) {
    (void)unused;
    trifuse_reservation r = {.struct_size = sizeof r};
    answered.answer = (uint64_t)trifuse_limiter_reserve(BUCKET, CAPACITY + 1, NOW, YEAR, &r);
}
static void cancel(void *unused) {
    (void)unused;
    answered.answer = (uint64_t)trifuse_limiter_cancel(BUCKET, &held, NOW, &answered.wait);
}
static void refund(void *unused) {
    (void)unused;
    answered.answer = (uint64_t)trifuse_limiter_refund(BUCKET, 2, NOW);
}
static void debit(void *unused) {
    (void)unused;
    answered.answer = (uint64_t)trifuse_limiter_debit(BUCKET, 2, NOW);
}
static void look(void *unused) {
    (void)unused;
    answered.answer = trifuse_limiter_available(BUCKET, NOW);
}

static steps_action *const calls[] = {acquire, acquire_too_much, reserve, reserve_too_much,
                                      cancel, refund, debit, look, NULL};

/* A bucket that `taken` tokens were taken from, the last of them by a reservation. */
static void begin(unsigned rate, uint64_t taken) {
    trifuse_limiter_config c = rate_config(rate);
    trifuse_limiter *made;
    CHECK_EQ(trifuse_limiter_init(memory, sizeof memory, &c, NOW, NULL, &made), TRIFUSE_OK);
    if (taken) CHECK_EQ(trifuse_limiter_debit(made, taken, NOW), TRIFUSE_OK);
    held = (trifuse_reservation){.struct_size = sizeof held};
    CHECK_EQ(trifuse_limiter_reserve(made, 2, NOW, TRIFUSE_NEVER, &held), TRIFUSE_OK);
    memcpy(start, memory, sizeof start);
}

static seen look_back(void) {
    trifuse_limiter_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_limiter_get_snapshot(BUCKET, NOW, &s), TRIFUSE_OK);
    answered.available = s.available;
    answered.debt = s.debt;
    return answered;
}

/* The call after so many of the two rates. */
static seen in_order(steps_action *call, unsigned after) {
    memcpy(memory, start, sizeof memory);
    answered = (seen){0, 0, 0, 0};
    if (after > 0) set_rate(early);
    if (after > 1) set_rate(late);
    call(NULL);
    if (after < 1) set_rate(early);
    if (after < 2) set_rate(late);
    return look_back();
}

static bool pause_everywhere(steps_action *call) {
    seen orders[3];
    for (unsigned after = 0; after < 3; after++) orders[after] = in_order(call, after);
    for (long k = 1;; k++, pauses++) {
        memcpy(memory, start, sizeof memory);
        answered = (seen){0, 0, 0, 0};
        if (!steps_pause(k, call, two_rates, NULL)) return true;
        seen got = look_back();
        bool allowed = false;
        for (unsigned after = 0; after < 3; after++) allowed |= memcmp(&got, &orders[after], sizeof got) == 0;
        if (!CHECK(allowed)) return false;
    }
}

static void a_call_that_two_rates_come_upon_is_of_one_of_them(void) {
    for (unsigned rate = 0; rate < RATES; rate++)
        for (early = 0; early < RATES; early++)
            for (late = 0; late < RATES; late++)
                for (uint64_t taken = 0; taken <= CAPACITY; taken++)
                    for (unsigned i = 0; calls[i]; i++) {
                        begin(rate, taken);
                        if (!pause_everywhere(calls[i]))
                            fprintf(stderr, "  rates %u %u %u, %u taken, call %u\n", rate, early, late,
                                    (unsigned)taken, i);
                    }
    CHECK(pauses > 10000);
}

int main(void) {
    RUN(a_call_that_two_rates_come_upon_is_of_one_of_them);
    printf("%ld pauses\n", pauses);
    return check_summary();
}
