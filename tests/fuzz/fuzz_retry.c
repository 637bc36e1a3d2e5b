/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A retry, its budget and a throttle of any configuration, asked anything at any time: delays within their
 * bounds, what is told to be available granted and no more, no refusal at probability 0, totals that add up. */
#include "fuzz.h"

#define SECOND 1000000000ULL

static _Alignas(64) uint64_t retry_memory[64], budget_memory[64], throttle_memory[256];

typedef struct session {
    trifuse_retry *retry;
    trifuse_retry_budget *budget;
    trifuse_throttle *throttle;
    trifuse_retry_config c;
    trifuse_retry_call call;
    trifuse_retry_snapshot told;
    uint64_t now, newest, deposits, withdrawals, refused, admitted, throttled, accepted;
} session;

static trifuse_retry_config any_retry(bytes *in) {
    trifuse_retry_config c;
    (void)trifuse_retry_config_init(&c, sizeof c, (uint32_t)take(in, 1) % 11);
    c.strategy = (uint32_t)take(in, 1) % 3;
    c.jitter = (uint32_t)take(in, 1) % 5;
    c.max_retries = (uint32_t)take(in, 2);
    c.delay_ns = take(in, 6);
    c.increment_ns = take(in, 6);
    c.multiplier = 1 + (double)take(in, 2) / 66.0;
    c.max_delay_ns = c.delay_ns + take(in, 6);
    c.max_elapsed_ns = take(in, 1) % 2 ? take(in, 6) : 0;
    c.retry_after_max_ns = take(in, 6);
    c.seed = take(in, 8);
    return c;
}

static void make(session *s, bytes *in) {
    trifuse_retry_budget_config b = {.struct_size = sizeof b};
    trifuse_throttle_config t = {.struct_size = sizeof t};
    s->c = any_retry(in);
    b.ttl_ns = SECOND / 100 + take(in, 5);
    b.ratio = (double)take(in, 1) / 50;
    b.floor = (double)take(in, 2) / 100;
    t.window_buckets = 1 + (uint32_t)take(in, 1) % 64;
    t.window_duration_ns = t.window_buckets * (1000 + take(in, 4));
    t.k = 1 + (double)take(in, 1) / 10;
    t.seed = take(in, 2);
    PROMISE(trifuse_retry_init(retry_memory, sizeof retry_memory, &s->c, s->now, NULL, &s->retry) == TRIFUSE_OK);
    PROMISE(trifuse_retry_budget_init(budget_memory, sizeof budget_memory, &b, s->now, NULL, &s->budget) == TRIFUSE_OK);
    PROMISE(trifuse_throttle_init(throttle_memory, sizeof throttle_memory, &t, s->now, NULL, &s->throttle) ==
            TRIFUSE_OK);
    s->told.struct_size = sizeof s->told;
    s->call.struct_size = sizeof s->call;
    PROMISE(trifuse_retry_begin(s->retry, s->now, &s->call) == TRIFUSE_OK);
}

static uint64_t available(session *s) {
    trifuse_retry_budget_snapshot b = {.struct_size = sizeof b};
    PROMISE(trifuse_retry_budget_get_snapshot(s->budget, s->newest, &b) == TRIFUSE_OK);
    PROMISE(b.total_deposits == s->deposits && b.total_withdrawals == s->withdrawals && b.refused == s->refused);
    PROMISE(b.deposits <= s->deposits && b.withdrawals <= s->withdrawals);
    return b.available;
}

static void withdrew(session *s, uint64_t before, bool granted) {
    PROMISE(granted == (before > 0));
    s->withdrawals += granted;
    s->refused += !granted;
}

static bool stops(const session *s, int result, uint64_t word) {
    if (result == TRIFUSE_STOP_RETRIES) return s->call.retries >= s->c.max_retries;
    if (result == TRIFUSE_STOP_RETRY_AFTER) return word != TRIFUSE_NEVER && word > s->c.retry_after_max_ns;
    return result == TRIFUSE_STOP_DEADLINE && s->call.deadline_ns != TRIFUSE_NEVER;
}

static void retry(session *s, bytes *in) {
    uint64_t word = take(in, 1) % 4 ? TRIFUSE_NEVER : take(in, 6), own = take(in, 1) % 4 ? TRIFUSE_NEVER : take(in, 8);
    bool with_budget = take(in, 1) % 2;
    if (s->now > s->newest) s->newest = s->now;
    uint64_t before = available(s), delay = 1;
    trifuse_retry_call call = s->call;
    int result = trifuse_retry_next(s->retry, with_budget ? s->budget : NULL, &s->call, word, own, s->now, &delay);
    if (with_budget && (result == TRIFUSE_OK || result == TRIFUSE_REFUSED_RETRY_BUDGET))
        withdrew(s, before, result == TRIFUSE_OK);
    if (result != TRIFUSE_OK) {
        PROMISE(delay == 0 && memcmp(&call, &s->call, sizeof call) == 0);
        PROMISE(result == TRIFUSE_REFUSED_RETRY_BUDGET || stops(s, result, word));
        return;
    }
    PROMISE(s->call.retries == call.retries + 1 && s->call.previous_ns == delay);
    PROMISE(s->call.deadline_ns == TRIFUSE_NEVER || delay <= s->call.deadline_ns - s->now);
    if (word != TRIFUSE_NEVER) PROMISE(delay >= word && delay <= word + word / 10);
    else PROMISE(delay <= s->c.max_delay_ns);
}

static void ask_throttle(session *s) {
    trifuse_throttle_snapshot t = {.struct_size = sizeof t};
    PROMISE(trifuse_throttle_get_snapshot(s->throttle, s->newest, &t) == TRIFUSE_OK);
    PROMISE(t.admitted == s->admitted && t.refused == s->throttled && t.accepted == s->accepted);
    PROMISE(t.probability >= 0 && t.probability < 1 && t.requests <= t.admitted + t.refused);
    int result = trifuse_throttle_try_acquire(s->throttle, s->newest);
    PROMISE(result == TRIFUSE_OK || (result == TRIFUSE_REFUSED_THROTTLED && t.probability > 0));
    s->admitted += result == TRIFUSE_OK;
    s->throttled += result != TRIFUSE_OK;
}

static void longest(session *s, uint64_t timeout) {
    uint64_t with = 0, without = 0;
    trifuse_retry_config c = s->c;
    PROMISE(trifuse_retry_max_total(&c, timeout, &with, NULL) == TRIFUSE_OK);
    c.max_elapsed_ns = 0;
    PROMISE(trifuse_retry_max_total(&c, timeout, &without, NULL) == TRIFUSE_OK);
    PROMISE(with <= without && with >= timeout && (s->c.max_elapsed_ns || with == without));
}

static void move_clock(session *s, bytes *in) {
    uint64_t forward = take(in, 5), back = take(in, 3);
    s->now = s->now + forward > back + 1 ? s->now + forward - back : 1;
}

static void step(session *s, bytes *in) {
    unsigned what = (unsigned)take(in, 1);
    if (s->now > s->newest) s->newest = s->now;
    switch (what % 12) {
    case 0: case 1: retry(s, in); break;
    case 2: case 3:
        PROMISE(trifuse_retry_budget_deposit(s->budget, s->now) == TRIFUSE_OK);
        s->deposits++;
        break;
    case 4: case 5: {
        uint64_t before = available(s);
        withdrew(s, before, trifuse_retry_budget_try_withdraw(s->budget, s->now) == TRIFUSE_OK);
        break;
    }
    case 6: case 7: ask_throttle(s); break;
    case 8:
        PROMISE(trifuse_throttle_accept(s->throttle, s->now) == TRIFUSE_OK);
        s->accepted++;
        break;
    case 9:
        s->c = any_retry(in);
        PROMISE(trifuse_retry_reconfigure(s->retry, &s->c, NULL) == TRIFUSE_OK);
        longest(s, take(in, 6));
        break;
    case 10: PROMISE(trifuse_retry_begin(s->retry, s->now, &s->call) == TRIFUSE_OK); break;
    default: move_clock(s, in);
    }
}

/* Any bytes as configurations: refused by name, or the object is made. */
static void any_bytes(bytes *in) {
    union { trifuse_retry_config r; trifuse_retry_budget_config b; trifuse_throttle_config t; } c;
    trifuse_config_error error = {.struct_size = sizeof error};
    for (size_t i = 0; i < sizeof c; i += 8) {
        uint64_t v = take(in, 8);
        memcpy((unsigned char *)&c + i, &v, 8);
    }
    c.r.struct_size = sizeof c.r;
    c.r.flags = 0;
    int result = trifuse_retry_config_check(&c.r, &error);
    PROMISE((result == TRIFUSE_OK) == (trifuse_retry_size(&c.r) != 0) && (result == TRIFUSE_OK || error.allowed[0]));
    c.b.struct_size = sizeof c.b;
    result = trifuse_retry_budget_config_check(&c.b, &error);
    PROMISE((result == TRIFUSE_OK) == (trifuse_retry_budget_size(&c.b) != 0));
    c.t.struct_size = sizeof c.t;
    result = trifuse_throttle_config_check(&c.t, &error);
    PROMISE((result == TRIFUSE_OK) == (trifuse_throttle_size(&c.t) != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static session s;
    bytes in = {data, size};
    memset(&s, 0, sizeof s);
    s.now = s.newest = 1 + take(&in, 6);
    make(&s, &in);
    any_bytes(&in);
    while (in.left > 0) step(&s, &in);
    return 0;
}
