/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How time becomes tokens, exactly.
 *
 * Tokens are counted in units: `unit` of them make one token, chosen so that a nanosecond is a whole number
 * of units as well, where it can be (3 a second: 3 units a nanosecond, 10^9 a token). Units come in by
 * floor(ns * factor), factor = permits * unit / period. It is held as a binary fraction of 122 bits, rounded
 * up: high * 2^61 + low, over 2^(61 + shift). As ns * (the denominator of factor) stays below that scale, no
 * floor is off by what was rounded up. A unit is a nanosecond's worth or less, but for buckets that take over
 * 18 years to fill; so what is rounded down where a full bucket begins to empty is less than the nanosecond
 * to which times are known. */
#include "limiter.h"

#define MOST_HELD (1ULL << 59)  /* most units of a full bucket */
#define MOST_OWED (1ULL << 60)  /* most units of debt: at least 36 years of any rate */
#define FINEST 4096u            /* most units a nanosecond, but for rates over that */
#define MASK61 ((1ULL << 61) - 1)

/* `start` is how many units count as paid in at `base`. */
typedef struct scale {
    uint64_t high, low, unit, inverse, base, start, capacity; /* inverse: 2^121 / (high + 1), for waits */
    unsigned shift;
} scale;

static inline uint64_t multiply_saturating(uint64_t a, uint64_t b) {
    wide p = multiply(a, b);
    return p.high ? UINT64_MAX : p.low;
}

static inline uint64_t shift_down(wide v, unsigned shift) {
    if (shift >= 64) return v.high >> (shift - 64);
    return v.high >> shift ? UINT64_MAX : v.high << (64 - shift) | v.low >> shift;
}

/* floor(ns * factor), below 2^62. */
static inline uint64_t units_of(const scale *s, uint64_t ns) {
    wide upper = multiply(ns, s->high), lower = multiply(ns, s->low);
    uint64_t carried = lower.high << 3 | lower.low >> 61;
    upper.low += carried;
    upper.high += upper.low < carried;
    return shift_down(upper, s->shift);
}

/* The least ns with floor(ns * factor) >= units; the inverse never says too much. */
static uint64_t ns_of(const scale *s, uint64_t units) {
    uint64_t ns = shift_down(multiply(units, s->inverse), 121 - s->shift);
    while (ns != UINT64_MAX && units_of(s, ns) < units) ns++;
    return ns;
}

/* Up to here fewer than 2^58 units come in. */
static inline uint64_t ns_in_reach(const scale *s) {
    return s->shift < 67 ? (1ULL << (s->shift - 3)) - 1 : UINT64_MAX;
}

/* Units paid in after any time; enough to fill any bucket, whatever its debt, at the latest when `longest`
 * has passed, up to which a floor is exact. */
static uint64_t paid_after(const scale *s, uint64_t ns) {
    uint64_t longest = s->shift < 62 ? 1ULL << (s->shift + 1) : UINT64_MAX;
    return s->start + units_of(s, min64(ns, longest));
}

/* floor(n * 2^shift / d), for d < 2^63 and a result below 2^128; *rest is what is left over. */
static wide divide_wide(wide n, uint64_t d, unsigned shift, uint64_t *rest) {
    wide q = {0, 0};
    *rest = 0;
    for (unsigned i = 128 + shift; i-- > 0;) {
        unsigned at = i - shift;
        uint64_t bit = i < shift ? 0 : (at < 64 ? n.low >> at : n.high >> (at - 64)) & 1;
        *rest = *rest << 1 | bit;
        bool fits = *rest >= d;
        if (fits) *rest -= d;
        q = (wide){q.high << 1 | q.low >> 63, q.low << 1 | fits};
    }
    return q;
}

/* floor(a * b / d), saturating; *rest is 0 if that is exact. */
static uint64_t scale_ratio(uint64_t a, uint64_t b, uint64_t d, uint64_t *rest) {
    wide q = divide_wide(multiply(a, b), d, 0, rest);
    return q.high ? UINT64_MAX : q.low;
}

static rate rate_reduced(rate r) {
    uint64_t a = r.permits, b = r.period;
    while (b) {
        uint64_t c = a % b;
        a = b;
        b = c;
    }
    return (rate){r.permits / a, r.period / a, r.capacity};
}

/* The tokens of MOST_OWED nanoseconds: debt goes no further. */
static uint64_t most_owed(rate r) {
    uint64_t rest;
    return min64(scale_ratio(MOST_OWED, r.permits, r.period, &rest), MOST_OWED);
}

/* Units a token for a reduced rate, such that a full bucket and a debt of so many tokens fit. */
static uint64_t unit_for(rate r, uint64_t owed) {
    uint64_t rest, unit = r.period;
    if (r.permits > FINEST) unit = max64(1, scale_ratio(FINEST, r.period, r.permits, &rest));
    unit = min64(unit, MOST_HELD / r.capacity);
    owed = min64(owed, most_owed(r));
    return owed ? min64(unit, MOST_OWED / owed) : unit;
}

/* The least exponent with units / period < 2^exponent. */
static int exponent_of(wide units, uint64_t period) {
    for (int e = 60;; e--) {
        wide have = e < 0 ? (wide){units.low >> (64 + e), units.low << -e} : units;
        wide most = e > 0 ? (wide){period >> (64 - e), period << e} : (wide){0, period};
        if (have.high > most.high || (have.high == most.high && have.low >= most.low)) return e + 1;
    }
}

/* A rate from `base` on, fit for a debt of `owed` tokens. */
static scale scale_for(rate r, uint64_t base, uint64_t owed) {
    rate reduced = rate_reduced(r);
    scale s = {.base = base, .start = MOST_HELD, .capacity = r.capacity, .unit = unit_for(reduced, owed)};
    wide units = multiply(reduced.permits, s.unit);
    uint64_t rest;
    s.shift = (unsigned)(61 - exponent_of(units, reduced.period));
    wide factor = divide_wide(units, reduced.period, s.shift + 61, &rest);
    if (rest) factor = (wide){factor.high + (factor.low == UINT64_MAX), factor.low + 1};
    s.high = factor.high << 3 | factor.low >> 61;
    s.low = factor.low & MASK61;
    s.inverse = divide_wide((wide){1ULL << 57, 0}, s.high + 1, 0, &rest).low;
    return s;
}
