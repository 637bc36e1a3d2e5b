/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "stress.h"

static atomic_uint waiting;
static runner_body *the_body;

static void *start_thread(void *argument) {
    (void)atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) != 0) (void)sched_yield();
    the_body(argument);
    return NULL;
}

runner run_together(runner_body *body) {
    pthread_t thread[THREADS];
    runner each[THREADS], sum = {.number = THREADS};
    the_body = body;
    atomic_store(&waiting, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        each[i] = (runner){.number = i, .seed = 88172645463325252ULL + 977 * i};
        if (pthread_create(&thread[i], NULL, start_thread, &each[i]) != 0) abort();
    }
    for (unsigned i = 0; i < THREADS; i++) {
        (void)pthread_join(thread[i], NULL);
        sum.reports += each[i].reports;
        sum.late += each[i].late;
        sum.failures += each[i].failures;
        sum.told += each[i].told;
        sum.admitted += each[i].admitted;
    }
    return sum;
}

trifuse_breaker *fresh_breaker(const trifuse_breaker_config *c) {
    static _Alignas(64) uint64_t memory[2048];
    trifuse_breaker *b = NULL;
    CHECK_EQ(trifuse_breaker_init(memory, sizeof memory, c, START, NULL, &b), TRIFUSE_OK);
    return b;
}

trifuse_breaker_config busy_config(void) {
    trifuse_breaker_config c;
    CHECK_EQ(trifuse_breaker_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT), TRIFUSE_OK);
    c.slow_call_duration_ns = SECOND;
    c.reserve_window_buckets = 64;
    c.reserve_window_count = 1000;
    return c;
}

trifuse_breaker_snapshot picture(trifuse_breaker *b, uint64_t now) {
    trifuse_breaker_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_breaker_get_snapshot(b, now, &s), TRIFUSE_OK);
    return s;
}
