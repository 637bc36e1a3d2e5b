/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A configuration of any bytes: refused by name with nothing made, or legal, and then it makes a breaker
 * that works and reads back as it was given. */
#include "fuzz.h"

enum { WORDS = 8192 };
static _Alignas(64) uint64_t memory[WORDS];

static void is_refused(const trifuse_breaker_config *c, int checked, const trifuse_config_error *error) {
    trifuse_breaker *b = NULL;
    PROMISE(checked == TRIFUSE_ERROR_STRUCT_SIZE || checked == TRIFUSE_ERROR_CONFIG);
    if (checked == TRIFUSE_ERROR_CONFIG) {
        PROMISE(error->field > TRIFUSE_FIELD_NONE && error->field <= TRIFUSE_FIELD_RESERVE_HALF_OPEN_CALLS);
        PROMISE(memchr(error->allowed, 0, sizeof error->allowed) != NULL && error->allowed[0]);
    }
    PROMISE(trifuse_breaker_size(c) == 0);
    PROMISE(trifuse_breaker_init(memory, sizeof memory, c, 1, NULL, &b) == checked && b == NULL);
}

static void works(trifuse_breaker *b, uint64_t now) {
    uint64_t permit;
    for (unsigned i = 0; i < 20; i++) {
        int asked = trifuse_breaker_try_acquire(b, now, &permit, NULL);
        PROMISE(asked >= 0 && asked <= TRIFUSE_REFUSED_FORCED_OPEN && (asked == TRIFUSE_OK) == (permit != 0));
        if (permit) PROMISE(trifuse_breaker_report(b, permit, i % 4, i * now, now, NULL) == TRIFUSE_OK ||
                            trifuse_breaker_state(b) != TRIFUSE_STATE_CLOSED);
    }
    trifuse_breaker_snapshot s = {.struct_size = sizeof s};
    PROMISE(trifuse_breaker_get_snapshot(b, now, &s) == TRIFUSE_OK);
    PROMISE(s.window_failed <= s.window_total && s.failure_rate >= 0 && s.failure_rate <= 1);
}

static void reads_back(trifuse_breaker *b) {
    trifuse_breaker_config x = {.struct_size = sizeof x}, y = {.struct_size = sizeof y};
    PROMISE(trifuse_breaker_get_config(b, &x) == TRIFUSE_OK);
    PROMISE(trifuse_breaker_config_check(&x, NULL) == TRIFUSE_OK);
    PROMISE(trifuse_breaker_reconfigure(b, &x, 1, NULL) == TRIFUSE_OK);
    PROMISE(trifuse_breaker_get_config(b, &y) == TRIFUSE_OK && memcmp(&x, &y, sizeof x) == 0);
}

/* A cusum without a design is solved at creation, which takes too long for a fuzzer: give it one. */
static void give_designs(trifuse_breaker_config *c) {
    if (c->struct_size < sizeof *c || c->detector != TRIFUSE_DETECTOR_CUSUM) return;
    if (c->cusum_up == 0) c->cusum_up = c->cusum_down = c->cusum_threshold = 1;
    if (c->slow_cusum_up == 0) c->slow_cusum_up = c->slow_cusum_down = c->slow_cusum_threshold = 1;
}

static void try_config(trifuse_breaker_config *c, uint64_t now) {
    trifuse_config_error error = {.struct_size = sizeof error};
    uint32_t advice;
    give_designs(c);
    int checked = trifuse_breaker_config_check(c, &error);
    PROMISE(trifuse_breaker_config_advise(c, &advice, NULL) == checked);
    if (checked != TRIFUSE_OK) {
        is_refused(c, checked, &error);
        return;
    }
    trifuse_breaker *b = NULL;
    size_t size = trifuse_breaker_size(c);
    PROMISE(size % 64 == 0 && size > 0 && size <= sizeof memory);
    int made = trifuse_breaker_init(memory, size, c, now, &error, &b);
    if (made == TRIFUSE_ERROR_CONFIG) return; /* a short struct with a cusum: no design for the pair */
    PROMISE(made == TRIFUSE_OK);
    works(b, now);
    reads_back(b);
}

/* The first byte says how much of a legal configuration the bytes replace. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static union { trifuse_breaker_config c; unsigned char raw[sizeof(trifuse_breaker_config) + 64]; } u;
    bytes in = {data, size};
    memset(&u, 0, sizeof u);
    (void)trifuse_breaker_config_init(&u.c, sizeof u.c, (uint32_t)take(&in, 1) % 11);
    uint64_t now = take(&in, 8) | 1;
    uint64_t whole = take(&in, 1);
    if (whole == 0) memcpy(&u, in.at, in.left < sizeof u ? in.left : sizeof u);
    while (whole != 0 && in.left > 0) {
        size_t at = (size_t)take(&in, 1) * 4 % sizeof u;
        uint64_t value = take(&in, 4);
        memcpy(u.raw + at, &value, 4);
    }
    if (u.c.struct_size > sizeof u) u.c.struct_size %= sizeof u; /* never beyond what is there */
    try_config(&u.c, now);
    return 0;
}
