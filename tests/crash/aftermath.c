/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "aftermath.h"
#include "check.h"

static void answer(aftermath *seen, uint64_t value) {
    if (seen->answers < ANSWERS) seen->answer[seen->answers++] = value;
}

static void look(world *w, uint64_t now, aftermath *seen, unsigned i) {
    seen->picture[i] = picture(w->b, now);
    seen->picture[i].since_ns = 0;
    seen->picture[i].last_failure_ns = 0;
}

/* As many calls as PROBES and one more, all out together; the last outcome first. */
static void calls_together(world *w, uint64_t now, uint32_t outcome, aftermath *seen) {
    uint64_t permit[PROBES + 1] = {0};
    for (unsigned i = 0; i <= PROBES; i++) {
        trifuse_breaker_event event = blank_event();
        answer(seen, (uint64_t)trifuse_breaker_try_acquire(w->b, now, &permit[i], &event));
        answer(seen, event.retry_after_ns);
    }
    for (unsigned i = PROBES + 1; i-- > 0;)
        if (permit[i])
            answer(seen, (uint64_t)trifuse_breaker_report(w->b, permit[i], outcome, 0, now, NULL));
}

void aftermath_of(world *w, uint64_t now, aftermath *seen) {
    memset(seen, 0, sizeof *seen);
    look(w, now, seen, 0);
    calls_together(w, now, TRIFUSE_OUTCOME_FAILURE, seen);
    look(w, now, seen, 1);
    now += 700 * SECOND;
    calls_together(w, now, TRIFUSE_OUTCOME_SUCCESS, seen);
    look(w, now, seen, 2);
    (void)trifuse_breaker_reset(w->b, now, NULL);
    answer(seen, (uint64_t)one_call(w, now, TRIFUSE_OUTCOME_SUCCESS, 0));
    look(w, now, seen, 3);
}

bool aftermath_equal(const aftermath *a, const aftermath *b) { return memcmp(a, b, sizeof *a) == 0; }

#define PRINT(field)                                                                       \
    if (got->picture[i].field != want->picture[i].field)                                   \
    fprintf(stderr, "    picture %u: " #field " %.17g, not %.17g\n", i, (double)got->picture[i].field, \
            (double)want->picture[i].field)

static void print_picture(const aftermath *got, const aftermath *want, unsigned i) {
    PRINT(state);
    PRINT(cause);
    PRINT(generation);
    PRINT(open_until_ns);
    PRINT(window_total);
    PRINT(window_failed);
    PRINT(window_slow);
    PRINT(consecutive_failures);
    PRINT(probes_in_flight);
    PRINT(probe_successes);
    PRINT(probe_failures);
    PRINT(reopenings);
    PRINT(cusum_s);
    PRINT(slow_cusum_s);
    PRINT(successes);
    PRINT(failures);
    PRINT(timeouts);
    PRINT(slow);
    PRINT(ignored);
    PRINT(late_results);
    PRINT(lost_permits);
    PRINT(would_have_opened);
    PRINT(refused_open);
    PRINT(refused_half_open_limit);
    PRINT(refused_forced_open);
    for (unsigned from = 0; from < 6; from++)
        for (unsigned to = 0; to < 6; to++) PRINT(transitions[from][to]);
}

void aftermath_print(const aftermath *got, const aftermath *want) {
    for (unsigned i = 0; i < PICTURES; i++) print_picture(got, want, i);
    for (unsigned i = 0; i < got->answers || i < want->answers; i++)
        if (got->answer[i] != want->answer[i])
            fprintf(stderr, "    answer %u: %lld, not %lld\n", i, (long long)got->answer[i],
                    (long long)want->answer[i]);
}
