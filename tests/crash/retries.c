/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "retries.h"
#include "check.h"

#define BUDGET_OF(w) ((trifuse_retry_budget *)(void *)(w)->memory[BUDGET])
#define THROTTLE_OF(w) ((trifuse_throttle *)(void *)(w)->memory[THROTTLE])
#define RETRY_OF(w) ((trifuse_retry *)(void *)(w)->memory[RETRY])
#define MAKES(name) static int name(retries_world *w, uint64_t now)

MAKES(deposit) { return trifuse_retry_budget_deposit(BUDGET_OF(w), now); }
MAKES(withdraw) { return trifuse_retry_budget_try_withdraw(BUDGET_OF(w), now); }
MAKES(request) { return trifuse_throttle_try_acquire(THROTTLE_OF(w), now); }
MAKES(accept) { return trifuse_throttle_accept(THROTTLE_OF(w), now); }

static trifuse_retry_config retry_config(void) {
    trifuse_retry_config c;
    CHECK_EQ(trifuse_retry_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT), TRIFUSE_OK);
    return c;
}

MAKES(retry) {
    uint64_t delay;
    return trifuse_retry_next(RETRY_OF(w), NULL, &w->call, TRIFUSE_NEVER, TRIFUSE_NEVER, now, &delay);
}

MAKES(settle) {
    (void)now;
    return trifuse_retry_settle(RETRY_OF(w), 1, 1);
}

MAKES(new_delays) {
    (void)now;
    trifuse_retry_config c = retry_config();
    c.strategy = TRIFUSE_STRATEGY_LINEAR;
    c.jitter = TRIFUSE_JITTER_DECORRELATED;
    c.delay_ns = c.max_delay_ns = 1000;
    return trifuse_retry_reconfigure(RETRY_OF(w), &c, NULL);
}

MAKES(budget_snapshot) {
    trifuse_retry_budget_snapshot s = {.struct_size = sizeof s};
    return trifuse_retry_budget_get_snapshot(BUDGET_OF(w), now, &s);
}

MAKES(throttle_snapshot) {
    trifuse_throttle_snapshot s = {.struct_size = sizeof s};
    return trifuse_throttle_get_snapshot(THROTTLE_OF(w), now, &s);
}

/* Pays for one retry and makes one: what a caller who sleeps meets. */
MAKES(pay_and_withdraw) { return deposit(w, now) | deposit(w, now) | withdraw(w, now); }

#define BUCKET ((int64_t)SECOND / 10)
#define LONG_AFTER (4 * SECOND) /* no call of a history was so late */
const retries_step retries_steps[] = {
    {"deposit", BUDGET, deposit, 0},
    {"deposit in the next bucket", BUDGET, deposit, BUCKET},
    {"deposit long after", BUDGET, deposit, 25 * BUCKET},
    {"deposit of before", BUDGET, deposit, -4 * BUCKET},
    {"deposit too late", BUDGET, deposit, -30 * BUCKET},
    {"withdraw", BUDGET, withdraw, 0},
    {"withdraw in the next bucket", BUDGET, withdraw, BUCKET},
    {"withdraw some buckets on", BUDGET, withdraw, 4 * BUCKET},
    {"withdraw long after", BUDGET, withdraw, 25 * BUCKET},
    {"withdraw with an older now", BUDGET, withdraw, -4 * BUCKET},
    {"request", THROTTLE, request, 0},
    {"request later", THROTTLE, request, 4 * BUCKET},
    {"request long after", THROTTLE, request, 25 * BUCKET},
    {"accept", THROTTLE, accept, 0},
    {"accept in the next bucket", THROTTLE, accept, BUCKET},
    {"accept of before", THROTTLE, accept, -4 * BUCKET},
    {"pay and withdraw", SEVERAL + BUDGET, pay_and_withdraw, 0},
    {"snapshot of the budget", BUDGET, budget_snapshot, 0},
    {"snapshot of the throttle", THROTTLE, throttle_snapshot, 0},
    {"retry", RETRY, retry, 0},
    {"settle", RETRY, settle, 0},
    {"new delays", RETRY, new_delays, 0},
};
const size_t retries_step_count = sizeof retries_steps / sizeof retries_steps[0];

static uint64_t draw(retries_world *w, uint64_t below) {
    return next_random(&w->random) % below;
}

int retries_do(retries_world *w, const retries_step *step) {
    return step->run(w, (uint64_t)((int64_t)w->now + step->later));
}

/* A budget of half a retry a call and one for nothing over 1 s; a throttle of 3 buckets of as long. */
static void make(retries_world *w) {
    trifuse_retry_budget_config b = {.struct_size = sizeof b, .ttl_ns = SECOND, .ratio = 0.5, .floor = 1};
    trifuse_throttle_config t = {.struct_size = sizeof t, .window_duration_ns = 3 * SECOND / 10,
                                 .window_buckets = 3, .k = 1.5};
    trifuse_retry_config r = retry_config();
    trifuse_retry_budget *budget;
    trifuse_throttle *throttle;
    trifuse_retry *made;
    size_t size = sizeof w->memory[0];
    CHECK_EQ(trifuse_retry_budget_init(w->memory[BUDGET], size, &b, START, NULL, &budget), TRIFUSE_OK);
    CHECK_EQ(trifuse_throttle_init(w->memory[THROTTLE], size, &t, START, NULL, &throttle), TRIFUSE_OK);
    CHECK_EQ(trifuse_retry_init(w->memory[RETRY], size, &r, START, NULL, &made), TRIFUSE_OK);
    w->call.struct_size = sizeof w->call;
    CHECK_EQ(trifuse_retry_begin(made, START, &w->call), TRIFUSE_OK);
}

void retries_begin(retries_world *w, unsigned length) {
    memset(w, 0, sizeof *w);
    w->now = START;
    w->random = 88172645463325252ULL + length;
    make(w);
    for (unsigned i = 0; i < length; i++) {
        (void)retries_do(w, &retries_steps[draw(w, retries_step_count - 1)]);
        w->now += draw(w, 3) ? draw(w, SECOND / 20) : draw(w, SECOND / 2);
        w->call.retries = 0;
    }
    w->now += 25 * (uint64_t)BUCKET * (length % 2); /* up to the newest that was seen, and sometimes not */
    w->call.random = 0;
}

static retries_picture budget_picture(retries_world *w, uint64_t now) {
    trifuse_retry_budget_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_retry_budget_get_snapshot(BUDGET_OF(w), now, &s), TRIFUSE_OK);
    return (retries_picture){{s.available, s.deposits, s.withdrawals, s.total_deposits, s.total_withdrawals,
                              s.refused}};
}

static retries_picture throttle_picture(retries_world *w, uint64_t now) {
    trifuse_throttle_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_throttle_get_snapshot(THROTTLE_OF(w), now, &s), TRIFUSE_OK);
    return (retries_picture){{s.requests, s.accepts, 0, s.admitted + s.refused, s.accepted}};
}

static retries_picture retry_picture(retries_world *w) {
    trifuse_retry_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_retry_get_snapshot(RETRY_OF(w), &s), TRIFUSE_OK);
    return (retries_picture){{0, 0, 0, s.calls, s.successes, s.retried, s.retries, s.stopped_retries}};
}

retries_picture retries_look(retries_world *w, unsigned subject, int64_t later) {
    uint64_t now = later > 0 ? w->now + (uint64_t)later : w->now;
    if (subject % SEVERAL == BUDGET) return budget_picture(w, now);
    return subject == THROTTLE ? throttle_picture(w, now) : retry_picture(w);
}

/* What is told to be available is granted and no more; two calls pay one retry more. */
static bool budget_goes_on(retries_world *w, uint64_t now) {
    bool all = true;
    (void)deposit(w, now);
    for (uint64_t left = budget_picture(w, now).number[AVAILABLE]; left; left--)
        all &= CHECK_EQ(withdraw(w, now), TRIFUSE_OK);
    all &= CHECK_EQ(withdraw(w, now), TRIFUSE_REFUSED_RETRY_BUDGET);
    uint64_t after = now + LONG_AFTER;
    all &= CHECK_EQ(withdraw(w, after), TRIFUSE_OK);
    all &= CHECK_EQ(withdraw(w, after), TRIFUSE_REFUSED_RETRY_BUDGET);
    for (unsigned i = 0; i < 2; i++) all &= CHECK_EQ(deposit(w, after), TRIFUSE_OK);
    all &= CHECK_EQ(withdraw(w, after), TRIFUSE_OK);
    all &= CHECK_EQ(withdraw(w, after), TRIFUSE_REFUSED_RETRY_BUDGET);
    return all;
}

static bool throttle_goes_on(retries_world *w, uint64_t now) {
    uint64_t after = now + LONG_AFTER;
    bool all = CHECK_EQ(request(w, after), TRIFUSE_OK);
    all &= CHECK_EQ(accept(w, after), TRIFUSE_OK);
    retries_picture p = throttle_picture(w, after);
    all &= CHECK(p.number[0] == 1 && p.number[1] == 1);
    return all;
}

static bool retry_goes_on(retries_world *w, uint64_t now) {
    uint64_t delay;
    w->call.retries = 0;
    bool all = CHECK_EQ(trifuse_retry_next(RETRY_OF(w), BUDGET_OF(w), &w->call, TRIFUSE_NEVER, TRIFUSE_NEVER,
                                           now, &delay), TRIFUSE_OK);
    all &= CHECK(delay <= 10 * SECOND);
    return all;
}

bool retries_go_on(retries_world *w, int64_t later) {
    uint64_t now = later > 0 ? w->now + (uint64_t)later : w->now;
    now += 30 * (uint64_t)BUCKET * (w->now % 2); /* in the same second, or much later */
    bool all = budget_goes_on(w, now);
    all &= throttle_goes_on(w, now);
    all &= retry_goes_on(w, now + 2 * LONG_AFTER);
    return all;
}
