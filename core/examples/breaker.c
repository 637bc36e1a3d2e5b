/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A circuit breaker in front of a service that fails for a while. Time is virtual, one call every
 * half second, so each run prints the same; a real program passes 0 for `now` and the clock is read.
 *
 *     cc breaker.c $(pkg-config --cflags --libs trifuse) -o breaker && ./breaker
 */
#include <inttypes.h>
#include <stdio.h>
#include <trifuse/trifuse.h>

#define SECOND UINT64_C(1000000000)
#define START (1000 * SECOND)

/* The service: down from the 10th to the 30th second. */
static int service_fails(uint64_t now) {
    return now >= START + 10 * SECOND && now < START + 30 * SECOND;
}

static double seconds(uint64_t now) {
    return (double)(now - START) / (double)SECOND;
}

static void tell(uint64_t now, const trifuse_breaker_event *event) {
    if (!(event->flags & TRIFUSE_EVENT_TRANSITION))
        return;
    printf("%5.1f s  %s -> %s (%s)", seconds(now), trifuse_state_text(event->from),
           trifuse_state_text(event->to), trifuse_cause_text(event->cause));
    if (event->from == TRIFUSE_STATE_CLOSED)
        printf(", %" PRIu64 " of %" PRIu64 " calls failed", event->window_failed, event->window_total);
    if (event->to == TRIFUSE_STATE_OPEN)
        printf(", open until %.1f s", seconds(event->open_until_ns));
    printf("\n");
}

/* One guarded call. Returns 0 if the service answered, 1 if it failed, 2 if it was not asked. */
static int guarded_call(trifuse_breaker *breaker, uint64_t now) {
    trifuse_breaker_event event = {.struct_size = sizeof event};
    uint64_t permit;
    int result = trifuse_breaker_try_acquire(breaker, now, &permit, &event);
    tell(now, &event);
    if (result != TRIFUSE_OK)
        return 2;
    int failed = service_fails(now);
    trifuse_breaker_report(breaker, permit, failed ? TRIFUSE_OUTCOME_FAILURE : TRIFUSE_OUTCOME_SUCCESS,
                           SECOND / 100, now, &event);
    tell(now, &event);
    return failed;
}

static int make_breaker(trifuse_breaker **breaker) {
    trifuse_breaker_config config;
    trifuse_breaker_config_init(&config, sizeof config, TRIFUSE_PRESET_DEFAULT);
    config.window_duration_ns = 10 * SECOND;
    config.open_duration_ns = 5 * SECOND;
    config.request_timeout_ns = 2 * SECOND;

    trifuse_config_error error = {.struct_size = sizeof error};
    int result = trifuse_breaker_new(&config, START, &error, breaker);
    if (result != TRIFUSE_OK)
        fprintf(stderr, "no breaker: %s: field %s, allowed: %s\n", trifuse_result_text(result),
                trifuse_field_text(error.field), error.allowed);
    return result;
}

int main(void) {
    trifuse_breaker *breaker = NULL;
    if (make_breaker(&breaker) != TRIFUSE_OK)
        return 1;

    int count[3] = {0, 0, 0};
    for (uint64_t now = START; now < START + 45 * SECOND; now += SECOND / 2)
        count[guarded_call(breaker, now)]++;

    trifuse_breaker_snapshot snapshot = {.struct_size = sizeof snapshot};
    trifuse_breaker_get_snapshot(breaker, START + 45 * SECOND, &snapshot);
    printf("answered %d, failed %d, spared the service %d calls; now %s\n", count[0], count[1], count[2],
           trifuse_state_text(snapshot.state));
    trifuse_breaker_free(breaker);
    return 0;
}
