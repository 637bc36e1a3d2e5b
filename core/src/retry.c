/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Retry: whether a failed attempt is made again and after what delay.
 *
 *   line 0   MAGIC WORDS SHAPE DELAY INCREMENT MULTIPLIER MAX_DELAY MAX_ELAPSED   read by every retry
 *   line 1   RETRY_AFTER_MAX SEED
 *   line 2   SUCCESSES FAILURES RETRIED, STREAMS RETRIES STOPPED x3               written
 *   line 3   REFUSED
 *
 *   SHAPE       max_retries 32 | strategy 16 | jitter 16
 *   MULTIPLIER  in units of 1e-9; the durations in ns
 *   STREAMS     how many calls have drawn a jitter
 *   the rest    totals
 *
 * What is known of one call is its caller's, in a trifuse_retry_call: the object holds no call, so one that
 * never ends costs nothing. A call draws its jitter from a stream of its own, which is made at its first
 * draw from (seed, STREAMS, now): no two calls share one, nor do forked processes.
 *
 * Every write is an addition to one total, or a word of a new configuration. A death between two of them
 * leaves a total that is one short, or a configuration with some fields old and some new: each field is
 * legal by itself, and a delay over the cap is cut to it. */
#include "object.h"

enum {
    R_SHAPE = O_FIRST, R_DELAY, R_INCREMENT, R_MULTIPLIER, R_MAX_DELAY, R_MAX_ELAPSED,
    R_RETRY_AFTER_MAX, R_SEED,
    R_SUCCESSES = 16, R_FAILURES, R_RETRIED, R_STREAMS, R_RETRIES, R_STOPPED, R_STOPPED_DEADLINE,
    R_STOPPED_RETRY_AFTER, R_REFUSED, R_COUNT
};

struct trifuse_retry { word w[R_COUNT]; };

#define RETRY_MAGIC 0x0001007972746572ULL /* "retry", layout 1 */

static const trifuse_retry_config retry_defaults = {
    .struct_size = sizeof(trifuse_retry_config),
    .strategy = TRIFUSE_STRATEGY_EXPONENTIAL,
    .jitter = TRIFUSE_JITTER_PROPORTIONAL,
    .max_retries = 3,
    .delay_ns = NANO / 10,
    .increment_ns = NANO / 10,
    .multiplier = 2.0,
    .max_delay_ns = 10 * NANO,
    .retry_after_max_ns = 60 * NANO,
};

#define AT(member) (uint32_t)offsetof(trifuse_retry_config, member)
static const char up_to_a_year[] = "0 to 365 days", from_delay[] = "delay to 365 days";
static const field_rule retry_rule_table[] = {
    FIELD_INTEGER(FLAGS, AT(flags), 0, 0, "0"),
    FIELD_INTEGER(FLAGS, AT(reserved), 0, 0, "0"),
    FIELD_INTEGER(STRATEGY, AT(strategy), 0, 2, "fixed (0), linear (1) or exponential (2)"),
    FIELD_INTEGER(JITTER, AT(jitter), 0, 4,
                  "none (0), proportional (1), full (2), equal (3) or decorrelated (4)"),
    FIELD_INTEGER(MAX_RETRIES, AT(max_retries), 0, 1000000, "0 to 1000000"),
    FIELD_DURATION(DELAY, AT(delay_ns), 0, up_to_a_year),
    FIELD_DURATION(INCREMENT, AT(increment_ns), 0, up_to_a_year),
    FIELD_REAL(MULTIPLIER, AT(multiplier), 1, 1000, "1.0 to 1000.0"),
    FIELD_DURATION(MAX_DELAY, AT(max_delay_ns), 0, from_delay),
    FIELD_DURATION(MAX_ELAPSED, AT(max_elapsed_ns), 0, "0 (no limit) to 365 days"),
    FIELD_DURATION(RETRY_AFTER_MAX, AT(retry_after_max_ns), 0, up_to_a_year),
};
static const field_rules retry_fields = FIELD_RULES(retry_rule_table);
#undef AT

int trifuse_retry_config_init(trifuse_retry_config *config, size_t struct_size, uint32_t preset) {
    if (preset > TRIFUSE_PRESET_RECOMMENDATION) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_retry_config full = retry_defaults;
    if (preset == TRIFUSE_PRESET_NORMAL) full.max_retries = 2;
    if (preset == TRIFUSE_PRESET_BATCH) full.max_retries = 5;
    return fields_init(config, struct_size, &full, sizeof full);
}

static int retry_take(const trifuse_retry_config *given, trifuse_retry_config *known,
                      trifuse_config_error *error) {
    int result = fields_read(given, known, &retry_defaults, sizeof *known, &retry_fields, error);
    if (result != TRIFUSE_OK || known->max_delay_ns >= known->delay_ns) return result;
    return refuse_duration(error, TRIFUSE_FIELD_MAX_DELAY, from_delay, known->max_delay_ns);
}

static size_t retry_words(const trifuse_retry_config *known) {
    (void)known;
    return R_COUNT;
}

static void retry_store(word *w, const trifuse_retry_config *c) {
    uint64_t packed = ((uint64_t)c->max_retries << 32) | (c->strategy << 16) | c->jitter;
    store_release(&w[R_SHAPE], packed);
    store_release(&w[R_DELAY], c->delay_ns);
    store_release(&w[R_INCREMENT], c->increment_ns);
    store_release(&w[R_MULTIPLIER], to_nano(c->multiplier));
    store_release(&w[R_MAX_DELAY], c->max_delay_ns);
    store_release(&w[R_MAX_ELAPSED], c->max_elapsed_ns);
    store_release(&w[R_RETRY_AFTER_MAX], c->retry_after_max_ns);
    store_release(&w[R_SEED], c->seed);
}

static void retry_write(word *w, const trifuse_retry_config *known, uint64_t now_ns) {
    (void)now_ns;
    retry_store(w, known);
}

OBJECT_FUNCTIONS(retry, RETRY_MAGIC)

int trifuse_retry_reconfigure(trifuse_retry *retry, const trifuse_retry_config *config,
                              trifuse_config_error *error) {
    if (!retry) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_retry_config known;
    int result = retry_take(config, &known, error);
    if (result == TRIFUSE_OK) retry_store(retry->w, &known);
    return result;
}

int trifuse_retry_max_total(const trifuse_retry_config *config, uint64_t attempt_timeout_ns,
                            uint64_t *total_ns, trifuse_config_error *error) {
    if (!total_ns) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_retry_config c;
    int result = retry_take(config, &c, error);
    if (result != TRIFUSE_OK) return result;
    retry_rules r = {c.strategy, c.jitter, c.max_retries, c.delay_ns, c.increment_ns,
                     to_nano(c.multiplier), c.max_delay_ns};
    *total_ns = total_at_most(&r, attempt_timeout_ns, c.max_elapsed_ns ? c.max_elapsed_ns : TRIFUSE_NEVER);
    return TRIFUSE_OK;
}

int trifuse_retry_begin(trifuse_retry *retry, uint64_t now_ns, trifuse_retry_call *c) {
    if (!retry || !c) return TRIFUSE_ERROR_ARGUMENT;
    if (c->struct_size < sizeof *c) return TRIFUSE_ERROR_STRUCT_SIZE;
    uint64_t limit = load_relaxed(&retry->w[R_MAX_ELAPSED]);
    uint64_t now = now_ns == 0 && limit ? trifuse_now_ns() : now_ns;
    trifuse_retry_call made = {.started_ns = now,
                               .deadline_ns = limit ? add_saturating(now, limit) : TRIFUSE_NEVER,
                               .previous_ns = load_relaxed(&retry->w[R_DELAY])};
    return struct_fill(c, &made, sizeof made);
}

static retry_rules rules_of(trifuse_retry *retry) {
    const word *w = retry->w;
    uint64_t packed = load_relaxed(&w[R_SHAPE]);
    return (retry_rules){(uint32_t)bits(packed, 16, 16), (uint32_t)bits(packed, 0, 16), (uint32_t)(packed >> 32),
                         load_relaxed(&w[R_DELAY]), load_relaxed(&w[R_INCREMENT]),
                         load_relaxed(&w[R_MULTIPLIER]), load_relaxed(&w[R_MAX_DELAY])};
}

/* The range of the next wait: the server's word, the caller's own delay, or the computed one. */
static delay_range next_range(const retry_rules *r, const trifuse_retry_call *c, uint64_t retry_after,
                              uint64_t own_delay) {
    if (retry_after != TRIFUSE_NEVER) return delay_of_server(retry_after);
    if (own_delay != TRIFUSE_NEVER) return (delay_range){min64(own_delay, r->max_delay), 0};
    growth g = {r->delay, 0, 0};
    return delay_with_jitter(r, delay_before_jitter(r, &g, c->retries), c->previous_ns);
}

/* A draw from the range, out of the call's own stream; none where there is nothing to draw. */
static uint64_t draw(trifuse_retry *retry, trifuse_retry_call *c, delay_range range, uint64_t now) {
    if (range.span == 0) return range.least;
    if (c->random == 0) {
        uint64_t number = count_relaxed(&retry->w[R_STREAMS]);
        c->random = mix(load_relaxed(&retry->w[R_SEED]), number, now);
    }
    uint64_t x = splitmix(c->random);
    c->random += 0x9E3779B97F4A7C15ULL;
    return range.least + uniform(x, range.span);
}

static int stopped(trifuse_retry *retry, unsigned total, int result) {
    add_relaxed(&retry->w[total], 1);
    return result;
}

int trifuse_retry_next(trifuse_retry *retry, trifuse_retry_budget *budget, trifuse_retry_call *c,
                       uint64_t retry_after_ns, uint64_t own_delay_ns, uint64_t now_ns, uint64_t *delay_ns) {
    if (!retry || !c || !delay_ns) return TRIFUSE_ERROR_ARGUMENT;
    if (c->struct_size < sizeof *c) return TRIFUSE_ERROR_STRUCT_SIZE;
    *delay_ns = 0;
    retry_rules r = rules_of(retry);
    if (c->retries >= r.max_retries) return stopped(retry, R_STOPPED, TRIFUSE_STOP_RETRIES);
    bool told = retry_after_ns != TRIFUSE_NEVER;
    if (told && retry_after_ns > load_relaxed(&retry->w[R_RETRY_AFTER_MAX]))
        return stopped(retry, R_STOPPED_RETRY_AFTER, TRIFUSE_STOP_RETRY_AFTER);
    uint64_t now = now_ns ? now_ns : trifuse_now_ns();
    delay_range range = next_range(&r, c, retry_after_ns, own_delay_ns);
    if (!delay_fit(&range, c->deadline_ns, now))
        return stopped(retry, R_STOPPED_DEADLINE, TRIFUSE_STOP_DEADLINE);
    if (budget && trifuse_retry_budget_try_withdraw(budget, now) != TRIFUSE_OK)
        return stopped(retry, R_REFUSED, TRIFUSE_REFUSED_RETRY_BUDGET);
    *delay_ns = draw(retry, c, range, now);
    c->previous_ns = *delay_ns;
    c->retries++;
    add_relaxed(&retry->w[R_RETRIES], 1);
    return TRIFUSE_OK;
}

int trifuse_retry_settle(trifuse_retry *retry, uint32_t retries, int ok) {
    if (!retry) return TRIFUSE_ERROR_ARGUMENT;
    add_relaxed(&retry->w[ok ? R_SUCCESSES : R_FAILURES], 1);
    if (retries) add_relaxed(&retry->w[R_RETRIED], 1);
    return TRIFUSE_OK;
}

int trifuse_retry_get_snapshot(trifuse_retry *retry, trifuse_retry_snapshot *snapshot) {
    if (!retry || !snapshot) return TRIFUSE_ERROR_ARGUMENT;
    const word *w = retry->w;
    trifuse_retry_snapshot s = {
        .retried = load_relaxed(&w[R_RETRIED]),
        .successes = load_relaxed(&w[R_SUCCESSES]),
        .failures = load_relaxed(&w[R_FAILURES]),
        .retries = load_relaxed(&w[R_RETRIES]),
        .stopped_retries = load_relaxed(&w[R_STOPPED]),
        .stopped_deadline = load_relaxed(&w[R_STOPPED_DEADLINE]),
        .stopped_retry_after = load_relaxed(&w[R_STOPPED_RETRY_AFTER]),
        .refused_budget = load_relaxed(&w[R_REFUSED]),
    };
    s.calls = s.successes + s.failures;
    return struct_fill(snapshot, &s, sizeof s);
}
