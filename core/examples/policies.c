/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A rate limiter, a bulkhead and a retry with its budget, one inside the other, in front of a service that
 * fails for a moment. Time is virtual, so each run prints the same; a real program passes 0 for `now` and
 * sleeps where this one moves its clock.
 *
 *     cc policies.c $(pkg-config --cflags --libs trifuse) -o policies && ./policies
 */
#include <inttypes.h>
#include <stdio.h>
#include <trifuse/trifuse.h>

#define MS UINT64_C(1000000)
#define START (1000000 * MS)

typedef struct client {
    trifuse_limiter *limiter;       /* 5 requests a second */
    trifuse_concurrency *bulkhead;  /* 2 at once */
    trifuse_retry *retry;
    trifuse_retry_budget *budget;
    uint64_t now;
} client;

static uint64_t ms(uint64_t now) { return (now - START) / MS; }

/* The service: down in the first quarter of a second. */
static int service_fails(uint64_t now) { return now < START + 250 * MS; }

/* One attempt: a place, a token, the call. Returns a result, or TRIFUSE_OK with *failed. */
static int attempt(client *c, int *failed, uint64_t *wait) {
    int result = trifuse_concurrency_try_acquire(c->bulkhead);
    if (result != TRIFUSE_OK)
        return result;
    result = trifuse_limiter_try_acquire(c->limiter, 1, c->now, wait);
    if (result == TRIFUSE_OK)
        *failed = service_fails(c->now);
    trifuse_concurrency_release(c->bulkhead, result != TRIFUSE_OK ? TRIFUSE_OUTCOME_IGNORED :
                                *failed ? TRIFUSE_OUTCOME_FAILURE : TRIFUSE_OUTCOME_SUCCESS, 10 * MS);
    return result;
}

/* A call with its retries. A refusal of the limiter tells when to come back: the retry waits that long. */
static void call_service(client *c) {
    trifuse_retry_call call = {.struct_size = sizeof call};
    trifuse_retry_begin(c->retry, c->now, &call);
    trifuse_retry_budget_deposit(c->budget, c->now);
    int ok = 0;
    while (!ok) {
        int failed = 0;
        uint64_t wait = TRIFUSE_NEVER, delay;
        int result = attempt(c, &failed, &wait);
        if (result == TRIFUSE_OK && !failed) {
            printf("%5" PRIu64 " ms  answered after %" PRIu32 " retries\n", ms(c->now), call.retries);
            ok = 1;
            continue;
        }
        uint64_t told = result == TRIFUSE_REFUSED_RATE_LIMITED ? wait : TRIFUSE_NEVER;
        const char *why = result == TRIFUSE_OK ? "failed" : trifuse_result_text(result);
        int again = trifuse_retry_next(c->retry, c->budget, &call, TRIFUSE_NEVER, told, c->now, &delay);
        if (again != TRIFUSE_OK) {
            printf("%5" PRIu64 " ms  %s; gives up: %s\n", ms(c->now), why, trifuse_result_text(again));
            break;
        }
        printf("%5" PRIu64 " ms  %s; again in %" PRIu64 " ms\n", ms(c->now), why, delay / MS);
        c->now += delay;
    }
    trifuse_retry_settle(c->retry, call.retries, ok);
}

static int make(client *c) {
    trifuse_config_error error = {.struct_size = sizeof error};
    trifuse_limiter_config limiter;
    trifuse_concurrency_config bulkhead;
    trifuse_retry_config retry;
    trifuse_retry_budget_config budget;
    trifuse_limiter_config_init(&limiter, sizeof limiter, TRIFUSE_PRESET_DEFAULT);
    limiter.rate = 5;
    trifuse_concurrency_config_init(&bulkhead, sizeof bulkhead, TRIFUSE_ALGORITHM_FIXED);
    bulkhead.limit = 2;
    trifuse_retry_config_init(&retry, sizeof retry, TRIFUSE_PRESET_DEFAULT);
    retry.jitter = TRIFUSE_JITTER_NONE; /* so that this program prints the same on each run */
    trifuse_retry_budget_config_init(&budget, sizeof budget);
    budget.floor = 0.4; /* 4 retries in 10 s for nothing, and one for every 5 calls */
    int result = trifuse_limiter_new(&limiter, c->now, &error, &c->limiter);
    if (result == TRIFUSE_OK) result = trifuse_concurrency_new(&bulkhead, c->now, &error, &c->bulkhead);
    if (result == TRIFUSE_OK) result = trifuse_retry_new(&retry, c->now, &error, &c->retry);
    if (result == TRIFUSE_OK) result = trifuse_retry_budget_new(&budget, c->now, &error, &c->budget);
    if (result != TRIFUSE_OK)
        fprintf(stderr, "%s: field %s, allowed: %s\n", trifuse_result_text(result), trifuse_field_text(error.field),
                error.allowed);
    return result;
}

static void report(const client *c) {
    trifuse_limiter_snapshot limiter = {.struct_size = sizeof limiter};
    trifuse_retry_snapshot retry = {.struct_size = sizeof retry};
    trifuse_limiter_get_snapshot(c->limiter, c->now, &limiter);
    trifuse_retry_get_snapshot(c->retry, &retry);
    printf("%" PRIu64 " calls, %" PRIu64 " failed, %" PRIu64 " with retries; requests let through %" PRIu64
           ", held back %" PRIu64 "; refused by the budget %" PRIu64 "\n",
           retry.calls, retry.failures, retry.retried, limiter.granted, limiter.refused, retry.refused_budget);
}

int main(void) {
    client c = {.now = START};
    int made = make(&c);
    for (int i = 0; made == TRIFUSE_OK && i < 9; i++) {
        call_service(&c);
        c.now += 10 * MS;
    }
    if (made == TRIFUSE_OK)
        report(&c);
    trifuse_limiter_free(c.limiter);
    trifuse_concurrency_free(c.bulkhead);
    trifuse_retry_free(c.retry);
    trifuse_retry_budget_free(c.budget);
    return made != TRIFUSE_OK;
}
