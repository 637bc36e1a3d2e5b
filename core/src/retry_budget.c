/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Retry budget: retries as a share of first attempts, over a sliding time in 10 buckets.
 *
 *   line 0   MAGIC WORDS WIDTH RATIO FLOOR FLOOR_REST HEAD
 *   line 1   TOTAL x2, TOLD x2, REFUSED
 *   line 2   deposits, a ring of 10 words; then withdrawals, the same, sealed (ring.c)
 *
 *   RATIO       retries that a deposit pays, in units of 1e-9
 *   FLOOR       floor * ttl, whole retries; FLOOR_REST the rest, in units of 1e-9
 *
 * A deposit is one addition to a bucket. A withdrawal reads the newest bucket of the withdrawals, sums the
 * rings, and swaps that word for one more: all withdrawals of a bucket go through one word and those before
 * it are sealed, so while the word has not changed no other withdrawal was made and no bucket left; deposits
 * can only have grown. So no two retries are paid by one coin, however many ask. A refusal, too, is given
 * only if the word is as it was before the sum: else withdrawals may be in it without the deposits that paid
 * them, and it is summed again.
 *
 * Dying before the swap has withdrawn nothing, after it a retry was granted that nobody makes: it is out
 * of the window in one ttl, as every other. What is in the middle of moving to the next bucket is finished by
 * the next caller. */
#include "object.h"

enum { BUDGET_BUCKETS = 10, DEPOSITS = 0, WITHDRAWALS = 1, BUDGET_SERIES = 2 };
enum {
    B_WIDTH = O_FIRST, B_RATIO, B_FLOOR, B_FLOOR_REST, B_HEAD,
    B_TOTAL = 8, B_REFUSED = B_TOTAL + 2 * BUDGET_SERIES, B_RING = 16, B_COUNT = B_RING + BUDGET_SERIES * 16
};

struct trifuse_retry_budget { word w[B_COUNT]; };

#define BUDGET_MAGIC 0x0001746567647562ULL /* "budget", layout 1 */

static const trifuse_retry_budget_config budget_defaults = {
    .struct_size = sizeof(trifuse_retry_budget_config),
    .ttl_ns = 10 * NANO,
    .ratio = 0.2,
    .floor = 10.0,
};

#define AT(member) (uint32_t)offsetof(trifuse_retry_budget_config, member)
static const field_rule budget_rule_table[] = {
    FIELD_INTEGER(FLAGS, AT(flags), 0, 0, "0"),
    FIELD_DURATION(TTL, AT(ttl_ns), 1e7, "10 milliseconds to 365 days"),
    FIELD_REAL(RATIO, AT(ratio), 0, 1000, "0.0 to 1000.0"),
    FIELD_REAL(FLOOR, AT(floor), 0, 1e6, "0.0 to 1000000.0 retries a second"),
};
static const field_rules budget_fields = FIELD_RULES(budget_rule_table);
#undef AT

int trifuse_retry_budget_config_init(trifuse_retry_budget_config *config, size_t struct_size) {
    return fields_init(config, struct_size, &budget_defaults, sizeof budget_defaults);
}

static int retry_budget_take(const trifuse_retry_budget_config *given, trifuse_retry_budget_config *known,
                             trifuse_config_error *error) {
    return fields_read(given, known, &budget_defaults, sizeof *known, &budget_fields, error);
}

static size_t retry_budget_words(const trifuse_retry_budget_config *known) {
    (void)known;
    return B_COUNT;
}

static ring budget_ring(word *w) {
    return (ring){&w[B_HEAD], &w[B_TOTAL], &w[B_RING], load_relaxed(&w[B_WIDTH]), BUDGET_BUCKETS,
                  BUDGET_SERIES, WITHDRAWALS};
}

static void retry_budget_write(word *w, const trifuse_retry_budget_config *known, uint64_t now_ns) {
    uint64_t floor = to_nano(known->floor), rest;
    uint64_t whole = divide_nano(multiply(floor, known->ttl_ns / NANO), &rest);
    rest += scale_nano(floor, known->ttl_ns % NANO);
    store_release(&w[B_WIDTH], known->ttl_ns / BUDGET_BUCKETS);
    store_release(&w[B_RATIO], to_nano(known->ratio));
    store_release(&w[B_FLOOR], whole + rest / NANO);
    store_release(&w[B_FLOOR_REST], rest % NANO);
    ring_begin(budget_ring(w), now_ns);
}

OBJECT_FUNCTIONS(retry_budget, BUDGET_MAGIC)

/* The retries that so many deposits allow: whole ones of ratio * deposits + floor * ttl. */
static uint64_t budget_allows(const word *w, uint64_t deposits) {
    wide paid = multiply(load_relaxed(&w[B_RATIO]), deposits);
    uint64_t rest = load_relaxed(&w[B_FLOOR_REST]);
    paid.low += rest;
    paid.high += paid.low < rest;
    return add_saturating(divide_nano(paid, &rest), load_relaxed(&w[B_FLOOR]));
}

int trifuse_retry_budget_deposit(trifuse_retry_budget *budget, uint64_t now_ns) {
    if (!budget) return TRIFUSE_ERROR_ARGUMENT;
    ring_add(budget_ring(budget->w), DEPOSITS, now_ns ? now_ns : trifuse_now_ns());
    return TRIFUSE_OK;
}

int trifuse_retry_budget_try_withdraw(trifuse_retry_budget *budget, uint64_t now_ns) {
    if (!budget) return TRIFUSE_ERROR_ARGUMENT;
    uint64_t now = now_ns ? now_ns : trifuse_now_ns();
    ring r = budget_ring(budget->w);
    for (;;) {
        uint64_t newest = ring_enter(r, now);
        place p = place_of(newest, BUDGET_BUCKETS);
        word *open = &ring_series(r, WITHDRAWALS)[p.slot];
        uint64_t v = load_acquire(open);
        if ((v ^ ring_word(p.lap)) >> 46 != 0) continue; /* sealed: HEAD moves on */
        uint64_t allowed = budget_allows(budget->w, ring_sum(r, DEPOSITS, newest, 0));
        if (ring_sum(r, WITHDRAWALS, newest, 0) < allowed) {
            if (cas_acq_rel(open, v, v + 1)) return TRIFUSE_OK;
        } else if (load_acquire(open) == v) {
            add_relaxed(&budget->w[B_REFUSED], 1);
            return TRIFUSE_REFUSED_RETRY_BUDGET;
        }
    }
}

int trifuse_retry_budget_get_snapshot(trifuse_retry_budget *budget, uint64_t now_ns,
                                      trifuse_retry_budget_snapshot *snapshot) {
    if (!budget || !snapshot) return TRIFUSE_ERROR_ARGUMENT;
    ring r = budget_ring(budget->w);
    uint64_t sums[BUDGET_SERIES] = {0};
    ring_read(r, now_ns ? now_ns : trifuse_now_ns(), sums);
    uint64_t allowed = budget_allows(budget->w, sums[DEPOSITS]);
    trifuse_retry_budget_snapshot s = {
        .available = allowed - min64(allowed, sums[WITHDRAWALS]),
        .deposits = sums[DEPOSITS],
        .withdrawals = sums[WITHDRAWALS],
        .total_deposits = ring_total(r, DEPOSITS),
        .total_withdrawals = ring_total(r, WITHDRAWALS),
        .refused = load_relaxed(&budget->w[B_REFUSED]),
    };
    return struct_fill(snapshot, &s, sizeof s);
}
