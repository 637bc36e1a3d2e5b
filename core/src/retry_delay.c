/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How long a retry waits: the strategy, its cap, the range that the jitter draws from. Integers alone.
 *
 * A delay is `least` plus a uniform draw from 0..span. EXPONENTIAL multiplies in units of 1e-9 ns, rounded
 * down each time: multipliers with decimals come out to the nanosecond from delays of a tenth of a
 * millisecond on. It ends at the cap, however many retries there are. */
#include "object.h"

typedef struct retry_rules {
    uint32_t strategy, jitter, max_retries;
    uint64_t delay, increment, multiplier, max_delay; /* the multiplier in units of 1e-9 */
} retry_rules;

typedef struct delay_range { uint64_t least, span; } delay_range;

/* delay * multiplier^retry, in ns and units of 1e-9 ns. */
typedef struct growth {
    uint64_t whole, fraction;
    uint32_t retry;
} growth;

static void grow(growth *g, uint64_t multiplier) {
    wide product = multiply(g->whole, multiplier);
    uint64_t more = scale_nano(g->fraction, multiplier);
    product.low += more;
    product.high += product.low < more;
    g->whole = divide_nano(product, &g->fraction);
    g->retry++;
}

/* The delay of retry k before its jitter. `g` is where an earlier retry left it, at first {delay, 0, 0}. */
static uint64_t delay_before_jitter(const retry_rules *r, growth *g, uint32_t k) {
    if (r->strategy == TRIFUSE_STRATEGY_LINEAR) {
        wide more = multiply(r->increment, k);
        return more.high ? r->max_delay : min64(r->max_delay, add_saturating(r->delay, more.low));
    }
    if (r->strategy == TRIFUSE_STRATEGY_EXPONENTIAL && r->multiplier > NANO && r->delay > 0)
        while (g->retry < k && g->whole < r->max_delay) grow(g, r->multiplier);
    return min64(r->max_delay, g->whole);
}

static uint64_t triple(uint64_t n) { return n > UINT64_MAX / 3 ? UINT64_MAX : 3 * n; }

/* What the jitter makes of a delay; `previous` is the one before. Never over max_delay. PROPORTIONAL
 * leaves room for its 10 % below the cap and DECORRELATED draws below it, so that clients that have
 * reached the cap do not march in step. */
static delay_range delay_with_jitter(const retry_rules *r, uint64_t delay, uint64_t previous) {
    uint64_t low;
    switch (r->jitter) {
    case TRIFUSE_JITTER_PROPORTIONAL:
        low = min64(delay, r->max_delay * 10 / 11);
        return (delay_range){low, low / 10};
    case TRIFUSE_JITTER_FULL: return (delay_range){0, delay};
    case TRIFUSE_JITTER_EQUAL: return (delay_range){delay / 2, delay - delay / 2};
    case TRIFUSE_JITTER_DECORRELATED:
        low = min64(r->delay, r->max_delay);
        return (delay_range){low, min64(max64(triple(previous), low), r->max_delay) - low};
    default: return (delay_range){delay, 0};
    }
}

/* A server's word is kept to, plus 0..10 %: its clients would come back in step. */
static delay_range delay_of_server(uint64_t retry_after) { return (delay_range){retry_after, retry_after / 10}; }

/* Cuts the jitter so that the wait ends at the deadline at the latest; false if even the least wait would
 * not end before it. */
static bool delay_fit(delay_range *range, uint64_t deadline, uint64_t now) {
    if (deadline == TRIFUSE_NEVER) return true;
    if (now >= deadline || range->least >= deadline - now) return false;
    range->span = min64(range->span, deadline - now - range->least);
    return true;
}

/* The longest that a call can take whose attempts take 0..timeout; saturating. The attempts before one that
 * begins as late as the deadline lets it are as long as that needs: an attempt may begin at any time from
 * `soonest` to `latest`. */
static uint64_t total_at_most(const retry_rules *r, uint64_t timeout, uint64_t deadline) {
    growth g = {r->delay, 0, 0};
    uint64_t soonest = 0, latest = 0, longest = timeout, previous = r->delay;
    for (uint32_t k = 0; k < r->max_retries; k++) {
        delay_range range = delay_with_jitter(r, delay_before_jitter(r, &g, k), previous);
        uint64_t end = add_saturating(latest, timeout);
        soonest = add_saturating(soonest, range.least);
        if (deadline != TRIFUSE_NEVER) {
            if (soonest >= deadline) break;
            end = min64(end, deadline - range.least - 1);
        }
        previous = range.least + range.span;
        latest = min64(add_saturating(end, previous), deadline);
        longest = max64(longest, add_saturating(latest, timeout));
    }
    return longest;
}
