/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A request at a rate limiter, paused before any read or write while another is made and the totals are looked
 * at before and after: they never run backwards and are right in the end. A token bucket's may tell a request
 * early that was paused when its tokens were counted. */
#include "check.h"
#include "steps.h"
#include "trifuse/trifuse.h"

#define SECOND 1000000000ULL
#define NOW (1000 * SECOND)

enum { PERMITS = 6, LOOKS_MOST = 3 };

static _Alignas(64) uint64_t memory[48], start[48];
static uint64_t own, others; /* how many tokens the two ask for */
static long pauses;

#define LIMITER ((trifuse_limiter *)(void *)memory)

typedef struct total { uint64_t requests, tokens; } total;
static total granted, told[LOOKS_MOST];
static unsigned looks;

static void count(int result, uint64_t n) {
    if (result != TRIFUSE_OK) return;
    granted.requests++;
    granted.tokens += n;
}

static void look(void) {
    trifuse_limiter_snapshot s = {.struct_size = sizeof s};
    CHECK_EQ(trifuse_limiter_get_snapshot(LIMITER, NOW, &s), TRIFUSE_OK);
    CHECK(s.granted <= s.granted_tokens);
    told[looks++] = (total){s.granted, s.granted_tokens};
}

static void ask(void *unused) {
    (void)unused;
    count(trifuse_limiter_try_acquire(LIMITER, own, NOW, NULL), own);
}
static void reserve(void *unused) {
    (void)unused;
    trifuse_reservation r = {.struct_size = sizeof r};
    count(trifuse_limiter_reserve(LIMITER, own, NOW, 0, &r), own);
}
static void ask_and_look(void *unused) {
    (void)unused;
    look();
    count(trifuse_limiter_try_acquire(LIMITER, others, NOW, NULL), others);
    look();
}

static void begin(uint32_t kind, uint64_t taken) {
    trifuse_limiter_config c;
    trifuse_limiter *made;
    CHECK_EQ(trifuse_limiter_config_init(&c, sizeof c, TRIFUSE_PRESET_DEFAULT), TRIFUSE_OK);
    c.kind = kind;
    c.permits = PERMITS;
    CHECK_EQ(trifuse_limiter_init(memory, sizeof memory, &c, NOW, NULL, &made), TRIFUSE_OK);
    if (taken) CHECK_EQ(trifuse_limiter_try_acquire(made, taken, NOW, NULL), TRIFUSE_OK);
    granted = (total){taken != 0, taken};
    looks = 0;
    look();
    memcpy(start, memory, sizeof start);
}

static bool totals_are_right(const total *before, bool early) {
    bool all = CHECK(before->tokens <= told[0].tokens && before->requests <= told[0].requests);
    for (unsigned i = 1; i < looks; i++)
        all &= CHECK(told[i - 1].tokens <= told[i].tokens && told[i - 1].requests <= told[i].requests);
    total last = told[looks - 1];
    if (early && last.requests == granted.requests + 1) return all && CHECK_EQ(last.tokens, granted.tokens + own);
    return all && CHECK_EQ(last.requests, granted.requests) && CHECK_EQ(last.tokens, granted.tokens);
}

static void pause_everywhere(uint32_t kind, steps_action *call) {
    total before = granted;
    for (long k = 1;; k++, pauses++) {
        memcpy(memory, start, sizeof memory);
        granted = before;
        looks = 0;
        if (!steps_pause(k, call, ask_and_look, NULL)) return;
        look();
        if (totals_are_right(&before, kind == TRIFUSE_LIMITER_TOKEN_BUCKET)) continue;
        fprintf(stderr, "  %s: %u paused at step %ld by %u\n", trifuse_limiter_kind_text(kind), (unsigned)own, k,
                (unsigned)others);
    }
}

static void totals_never_run_backwards(void) {
    for (uint32_t kind = 0; kind <= TRIFUSE_LIMITER_FIXED_WINDOW; kind++)
        for (uint64_t taken = 0; taken <= PERMITS; taken++)
            for (own = 1; own <= 3; own++)
                for (others = 1; others <= 3; others++) {
                    begin(kind, taken);
                    pause_everywhere(kind, ask);
                    begin(kind, taken);
                    if (kind == TRIFUSE_LIMITER_TOKEN_BUCKET) pause_everywhere(kind, reserve);
                }
    CHECK(pauses > 1000);
}

int main(void) {
    RUN(totals_never_run_backwards);
    printf("%ld pauses\n", pauses);
    return check_summary();
}
