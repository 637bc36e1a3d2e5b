/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The promises, over random histories with weights, clocks that step both ways or stand still, reservations
 * that are cancelled, refunds, debits, new rates and new permits: an independent log of every grant never
 * holds more than the limit in any window, and every wait that is told is exact. */
#include "limiters.h"

enum { EVENTS = 300, ROUNDS = 400 };

/* Tokens granted, less those given back of them, at the time they were ready; what was paid in by then, and
 * a nanosecond later. */
typedef struct event { uint64_t at, paid, paid_next; int64_t n; } event;
static event events[EVENTS];
static size_t count;

/* What is paid in is the integral of permits a second over time. The clock steps back, but what comes back
 * and a new rate are of the newest time, and no older one follows: it would see the level of theirs. */
static uint64_t seen, back_at, changed_at, paid_then, permits_now, most_capacity, newest;

static uint64_t paid_at(uint64_t now) {
    return paid_then + permits_now * ((now > changed_at ? now : changed_at) - changed_at);
}

static void note(uint64_t at, int64_t n) {
    if (at > newest) newest = at;
    events[count++] = (event){at, paid_at(at), paid_at(at + 1), n};
}

/* By time; events of one time stay in their order. */
static void sort_events(void) {
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && events[k].at < events[k - 1].at; k--) {
            event e = events[k];
            events[k] = events[k - 1];
            events[k - 1] = e;
        }
}

/* In no window [t, t + w) more than the capacity and what was paid in while it lasted. */
static bool bucket_promise_holds(void) {
    sort_events();
    for (size_t from = 0; from < count; from++) {
        int64_t sum = 0;
        for (size_t to = from; to < count; to++) {
            sum += events[to].n;
            int64_t over = sum - (int64_t)most_capacity, paid = (int64_t)(events[to].paid_next - events[from].paid);
            bool within = over <= 0 || over * (int64_t)SECOND <= paid;
            if (!CHECK(within)) return false;
        }
    }
    return true;
}

static uint64_t a_time(uint64_t now, uint64_t step) {
    uint64_t back = draw(step / 2);
    switch (draw(10)) {
    case 0: now = now - back > back_at ? now - back : now; break;
    case 1: now += draw(20 * step); break;
    case 2: case 3: case 4: break;
    default: now += draw(step);
    }
    if (now > seen) seen = now;
    return now;
}

static trifuse_limiter *a_bucket(void) {
    count = 0;
    seen = newest = paid_then = changed_at = back_at = 0;
    permits_now = 1 + draw(50);
    most_capacity = 1 + draw(30);
    return bucket_of(permits_now, most_capacity);
}

/* Asks for some; what is shown, told and granted agree. */
static bool ask_for(trifuse_limiter *l, uint64_t n, uint64_t now) {
    uint64_t there = trifuse_limiter_available(l, now), wait = wait_for(l, n, now);
    if (wait == 0) note(now, (int64_t)n);
    return CHECK_EQ(wait == 0, n <= there) && (wait == 0 || wait_is_exact(n, now, wait));
}

/* Counts as given back what came back, a token of rounding more at most. */
static void refund_some(trifuse_limiter *l, uint64_t n, uint64_t now) {
    uint64_t before = trifuse_limiter_available(l, now);
    if (before == 0 || newest > now) return; /* an advance on what is ready later */
    CHECK_EQ(trifuse_limiter_refund(l, n, now), TRIFUSE_OK);
    uint64_t back = trifuse_limiter_available(l, now) - before + 1;
    back_at = now;
    note(now, -(int64_t)(n < back ? n : back));
}

static struct { trifuse_reservation r; size_t event; } held[EVENTS];
static size_t holding;

static void reserve_some(trifuse_limiter *l, uint64_t n, uint64_t now) {
    held[holding].r = reserved(l, n, now);
    held[holding++].event = count;
    note(held[holding - 1].r.ready_ns, (int64_t)n);
}

/* What does not come back counts as granted, or, as nobody uses it, `unused`. */
static void cancel_one(trifuse_limiter *l, uint64_t now, bool unused) {
    size_t i = (size_t)draw(holding);
    uint64_t back = cancelled(l, &held[i].r, now);
    CHECK(back <= held[i].r.n);
    back_at = now;
    events[held[i].event].n -= (int64_t)(unused ? held[i].r.n : back);
    held[i] = held[--holding];
}

static bool bucket_history(bool refunds) {
    trifuse_limiter *l = a_bucket();
    uint64_t now = START, capacity = most_capacity, step = SECOND / permits_now * (1 + draw(3));
    for (holding = 0; count < EVENTS - 1;) {
        now = a_time(now, step);
        uint64_t n = 1 + draw(capacity);
        switch (draw(8)) {
        case 0: if (refunds) refund_some(l, n, now = seen); break;
        case 1: case 2: reserve_some(l, n, now); break;
        case 3: case 4: if (holding) cancel_one(l, now = seen, refunds); break;
        case 5: if (draw(4) == 0) CHECK_EQ(trifuse_limiter_debit(l, n, now), TRIFUSE_OK); break;
        default: if (!ask_for(l, n, now)) return false;
        }
        if (limiter_picture(l, now).debt > 20 * capacity) now += 10 * step * capacity;
    }
    return bucket_promise_holds();
}

static void no_window_has_more_than_a_bucket_may_grant(void) {
    for (unsigned round = 0; round < ROUNDS; round++)
        if (!bucket_history(round % 2)) {
            fprintf(stderr, "  round %u\n", round);
            return;
        }
}

static void another_rate(trifuse_limiter *l, uint64_t now, uint64_t capacity) {
    paid_then = paid_at(now);
    newest = changed_at = back_at = now;
    permits_now = 1 + draw(50);
    CHECK_EQ(rate_set(l, permits_now, capacity, now), TRIFUSE_OK);
}

static void no_window_has_more_than_the_rates_that_were_set_may_grant(void) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        trifuse_limiter *l = a_bucket();
        uint64_t now = START, most = most_capacity, capacity = most;
        while (count < EVENTS - 1) {
            now = a_time(now, SECOND / 20);
            uint64_t n = 1 + draw(capacity);
            switch (draw(8)) {
            case 0: refund_some(l, n, now = seen); break;
            case 1: if (now >= newest) another_rate(l, now, capacity = 1 + draw(most)); break;
            case 2: if (draw(4) == 0) CHECK_EQ(trifuse_limiter_debit(l, n, now), TRIFUSE_OK); break;
            default: if (!ask_for(l, n, now)) return;
            }
        }
        if (!bucket_promise_holds()) {
            fprintf(stderr, "  round %u\n", round);
            return;
        }
    }
}

/* By the times that callers gave: of a log, any `permits` tokens and the next one are a period apart. */
static bool log_promise_holds(uint64_t permits, uint64_t period) {
    sort_events();
    for (size_t from = 0; from < count; from++) {
        uint64_t sum = 0;
        for (size_t to = from; to < count && events[to].at - events[from].at < period; to++)
            sum += (uint64_t)events[to].n;
        if (!CHECK(sum <= permits)) return false;
    }
    return true;
}

static void no_window_of_a_log_has_more_than_its_permits(void) {
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint64_t permits = 1 + draw(round % 2 ? 5 : 40), period = 1000 + draw(9000), now = START;
        trifuse_limiter *l = limiter_of(TRIFUSE_LIMITER_SLIDING_LOG, permits, period);
        count = 0;
        seen = newest = paid_then = changed_at = back_at = 0;
        while (count < EVENTS - 1) {
            now = a_time(now, period / 8);
            uint64_t present = 1 + draw(permits);
            if (draw(16) == 0) CHECK_EQ(trifuse_limiter_set_permits(l, present, now, NULL), TRIFUSE_OK);
            if (!ask_for(l, 1 + draw(limiter_picture(l, now).capacity), now)) return;
        }
        if (!log_promise_holds(permits, period)) return;
    }
}

int main(void) {
    RUN(no_window_has_more_than_a_bucket_may_grant);
    RUN(no_window_has_more_than_the_rates_that_were_set_may_grant);
    RUN(no_window_of_a_log_has_more_than_its_permits);
    return check_summary();
}
