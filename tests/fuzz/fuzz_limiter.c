/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Any configuration and sequence of calls on a rate limiter, at any times, with any numbers: what is told,
 * shown and counted agrees, waits are exact, and nothing is ever granted that was not shown. */
#include "fuzz.h"

#define SECOND 1000000000ULL
enum { WORDS = 24 + 304 };

static _Alignas(64) uint64_t memory[WORDS], spare[WORDS];

typedef struct session {
    trifuse_limiter *l;
    trifuse_limiter_snapshot last;
    trifuse_reservation held;
    uint64_t now, granted, tokens, refused, back;
} session;

static trifuse_limiter_config any_config(bytes *in) {
    trifuse_limiter_config c;
    (void)trifuse_limiter_config_init(&c, sizeof c, (uint32_t)take(in, 1) % 11);
    c.kind = (uint32_t)take(in, 1) % 4;
    unsigned wide = (unsigned)take(in, 1);
    c.permits = 1 + take(in, 1 + wide % 4);
    c.period_ns = 1000 + take(in, 1 + wide / 4 % 7) % (TRIFUSE_DURATION_MAX_NS - 1000);
    if (c.kind == TRIFUSE_LIMITER_SLIDING_LOG) c.permits = 1 + c.permits % 300;
    else c.permits = 1 + c.permits % 1000000000;
    if (c.kind != TRIFUSE_LIMITER_TOKEN_BUCKET) return c;
    c.capacity = take(in, 1 + wide / 28 % 4) % 1000000001;
    if (wide & 128) c.rate = 1e-6 * (double)(1 + take(in, 7) % 1000000000000000ULL);
    return c;
}

/* On a copy: refused a nanosecond before the wait is over, granted when it is. */
static void check_wait(const session *s, uint64_t n, uint64_t wait) {
    trifuse_limiter *copy;
    uint64_t left = 0;
    PROMISE(wait > 0);
    if (wait > UINT64_MAX - s->now || wait > TRIFUSE_DURATION_MAX_NS * 2) return;
    memcpy(spare, memory, sizeof spare);
    PROMISE(trifuse_limiter_attach(spare, sizeof spare, &copy) == TRIFUSE_OK);
    if (wait > 1) PROMISE(trifuse_limiter_try_acquire(copy, n, s->now + wait - 1, &left) == TRIFUSE_REFUSED_RATE_LIMITED);
    int result = trifuse_limiter_try_acquire(copy, n, s->now + wait, &left);
    bool renewed = s->last.kind == TRIFUSE_LIMITER_TOKEN_BUCKET && wait > SECOND * 3600; /* units rounded once more */
    PROMISE(result == TRIFUSE_OK || (renewed && left <= 4));
}

static void ask(session *s, uint64_t n) {
    uint64_t wait = 77, there = trifuse_limiter_available(s->l, s->now);
    int result = trifuse_limiter_try_acquire(s->l, n, s->now, &wait);
    if (n == 0 || n > s->last.capacity) {
        PROMISE(result == (n ? TRIFUSE_ERROR_OVER_CAPACITY : TRIFUSE_ERROR_ARGUMENT) && wait == 77);
        return;
    }
    PROMISE(result == (n <= there ? TRIFUSE_OK : TRIFUSE_REFUSED_RATE_LIMITED));
    s->granted += result == TRIFUSE_OK;
    s->tokens += result == TRIFUSE_OK ? n : 0;
    s->refused += result != TRIFUSE_OK;
    if (result == TRIFUSE_OK) PROMISE(wait == 0 && trifuse_limiter_available(s->l, s->now) == there - n);
    else check_wait(s, n, wait);
}

static void reserve(session *s, uint64_t n, uint64_t most) {
    trifuse_reservation r = {.struct_size = sizeof r};
    uint64_t there = trifuse_limiter_available(s->l, s->now);
    int result = trifuse_limiter_reserve(s->l, n, s->now, most, &r);
    if (result == TRIFUSE_OK) {
        PROMISE(r.n == n && r.wait_ns <= most && (r.wait_ns == 0) == (n <= there));
        s->held = r;
        s->granted++;
        s->tokens += n;
    } else if (result == TRIFUSE_REFUSED_RATE_LIMITED) {
        PROMISE(r.n == 0 && (r.wait_ns > most || r.wait_ns > 30 * TRIFUSE_DURATION_MAX_NS));
        s->refused++;
    } else {
        bool bucket = s->last.kind == TRIFUSE_LIMITER_TOKEN_BUCKET;
        PROMISE(result == (bucket ? (n ? TRIFUSE_ERROR_OVER_CAPACITY : TRIFUSE_ERROR_ARGUMENT) : TRIFUSE_ERROR_UNSUPPORTED));
    }
}

static void settle(session *s, unsigned what, uint64_t n) {
    bool bucket = s->last.kind == TRIFUSE_LIMITER_TOKEN_BUCKET;
    uint64_t before = trifuse_limiter_available(s->l, s->now), back = 0;
    int result = TRIFUSE_OK, legal = bucket ? TRIFUSE_OK : TRIFUSE_ERROR_UNSUPPORTED;
    n += n == 0;
    switch (what % 3) {
    case 0:
        if (s->held.n == 0) return;
        result = trifuse_limiter_cancel(s->l, &s->held, s->now, &back);
        PROMISE(back <= s->held.n);
        s->held.n = 0;
        break;
    case 1:
        result = trifuse_limiter_refund(s->l, back = n, s->now);
        break;
    default:
        result = trifuse_limiter_debit(s->l, n, s->now);
        PROMISE(trifuse_limiter_available(s->l, s->now) <= before);
    }
    PROMISE(result == legal);
    s->back += bucket ? back : 0;
    if (what % 3 < 2) PROMISE(trifuse_limiter_available(s->l, s->now) >= before);
}

static void change(session *s, bytes *in) {
    trifuse_limiter_config c = any_config(in);
    bool bucket = s->last.kind == TRIFUSE_LIMITER_TOKEN_BUCKET, log = s->last.kind == TRIFUSE_LIMITER_SLIDING_LOG;
    if (!bucket) {
        int result = trifuse_limiter_set_permits(s->l, c.permits, s->now, NULL);
        PROMISE(result == TRIFUSE_OK || (log && result == TRIFUSE_ERROR_CONFIG));
        return;
    }
    uint64_t before = trifuse_limiter_available(s->l, s->now);
    int result = trifuse_limiter_set_rate(s->l, &c, s->now, NULL);
    PROMISE(result == (c.kind == TRIFUSE_LIMITER_TOKEN_BUCKET ? TRIFUSE_OK : TRIFUSE_ERROR_UNSUPPORTED));
    uint64_t after = trifuse_limiter_available(s->l, s->now);
    PROMISE(after <= before && (after + 1 >= before || after + 1 >= c.capacity));
}

static void step(session *s, bytes *in) {
    unsigned what = (unsigned)take(in, 1), wide = 1 + what / 16 % 8;
    switch (what % 16) {
    case 0: case 1: case 2: ask(s, take(in, 1) % 8); break;
    case 3: case 4: ask(s, take(in, wide)); break;
    case 5: case 6: reserve(s, take(in, wide), take(in, 1) & 1 ? TRIFUSE_NEVER : take(in, wide)); break;
    case 7: case 8: settle(s, (unsigned)take(in, 1), take(in, wide)); break;
    case 9: change(s, in); break;
    case 10: s->now -= take(in, wide) % s->now; break;
    case 11: s->now = take(in, 8); break;
    case 12: s->now += take(in, wide); break;
    default: s->now += take(in, 3);
    }
    s->now += s->now == 0;
}

static void check(session *s) {
    trifuse_limiter_snapshot p = {.struct_size = sizeof p};
    PROMISE(trifuse_limiter_get_snapshot(s->l, s->now, &p) == TRIFUSE_OK);
    PROMISE(p.granted == s->granted && p.granted_tokens == s->tokens && p.refused == s->refused);
    PROMISE(p.given_back == s->back && p.available <= p.capacity && (p.debt == 0 || p.available == 0));
    PROMISE(p.available == trifuse_limiter_available(s->l, s->now) && p.rate > 0);
    s->last = p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static session s;
    bytes in = {data, size};
    memset(&s, 0, sizeof s);
    s.now = take(&in, 8) | 1;
    trifuse_limiter_config c = any_config(&in);
    PROMISE(trifuse_limiter_size(&c) <= sizeof memory);
    PROMISE(trifuse_limiter_init(memory, sizeof memory, &c, s.now, NULL, &s.l) == TRIFUSE_OK);
    check(&s);
    while (in.left > 0) {
        step(&s, &in);
        check(&s);
    }
    return 0;
}
