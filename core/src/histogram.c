/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The log-linear histogram: 16 steps an octave from 1 ns to 2^48 ns, a word each.
 *
 *   WIDTH     of a half in ns; 0: over the lifetime
 *   LAP_BITS  how many bits of a word are its lap: what 2^64 / WIDTH needs; 0 over the lifetime
 *   NEWEST    sliding: the newest lap recorded in (lap: now / WIDTH)
 *   SPILLED   values that stand in no word any more, or never did: for the total
 *   TOLD      the greatest total told
 *   then      719 words a half, one or two halves: lap | count
 *
 * A value below 32 has a step of its own; above, a step is 1/16 of its octave, and its middle, which is
 * what is told, is within 1/32 of every value in it.
 *
 * Lifetime: a value is one add. Sliding: a lap has its half by its parity, and each word says of which
 * lap its count is. A value is one swap of its word: of the same lap it adds 1; of an older lap it starts
 * anew at 1, and the count that stood there goes to SPILLED; of a newer lap the value is too old for its
 * half. What is read is the words of the two newest laps, so a stale word counts for nothing, however
 * long nobody came: the lap has all the bits that it can ever need. Counts stop at the most they hold,
 * one value in 2 ns.
 *
 * NEWEST is raised first. Dying before the swap loses the value, its time has been seen; between the swap
 * and SPILLED the older count is lost from the total, which then stands still for so many.
 * Nothing waits for anybody. */
#include "object.h"

enum { H_WIDTH = O_FIRST, H_LAP_BITS, H_NEWEST, H_SPILLED, H_TOLD, H_COUNTS = 8, STEPS = 719 };
#define HISTOGRAM_MAGIC 0x01010067726F7473ULL /* "storg", layout 1 */
#define MERGED_MOST (1ULL << 53)              /* of a lifetime's word: adds never wrap it */

struct trifuse_histogram {
    word w[H_COUNTS];
    word counts[];
};

static const trifuse_histogram_config histogram_defaults = {.struct_size = sizeof(trifuse_histogram_config)};

static const char sliding_allowed[] = "0 (over the lifetime), or 1 millisecond to 365 days";
static const field_rule histogram_rules[] = {
    FIELD_INTEGER(FLAGS, (uint32_t)offsetof(trifuse_histogram_config, flags), 0, 0, "0"),
    FIELD_DURATION(SLIDING, (uint32_t)offsetof(trifuse_histogram_config, sliding_ns), 0, sliding_allowed),
};
static const field_rules histogram_fields = FIELD_RULES(histogram_rules);

int trifuse_histogram_config_init(trifuse_histogram_config *config, size_t struct_size) {
    return fields_init(config, struct_size, &histogram_defaults, sizeof histogram_defaults);
}

static int histogram_take(const trifuse_histogram_config *given, trifuse_histogram_config *known,
                          trifuse_config_error *error) {
    int result = fields_read(given, known, &histogram_defaults, sizeof *known, &histogram_fields, error);
    if (result == TRIFUSE_OK && known->sliding_ns && known->sliding_ns < NANO / 1000)
        return refuse_duration(error, TRIFUSE_FIELD_SLIDING, sliding_allowed, known->sliding_ns);
    return result;
}

static size_t histogram_words(const trifuse_histogram_config *known) {
    return H_COUNTS + STEPS * (known->sliding_ns ? 2u : 1u);
}

static void histogram_write(word *w, const trifuse_histogram_config *known, uint64_t now_ns) {
    uint64_t width = known->sliding_ns / 2;
    if (width == 0) return;
    store_release(&w[H_WIDTH], width);
    store_release(&w[H_LAP_BITS], highest_bit(UINT64_MAX / width) + 1);
    store_release(&w[H_NEWEST], now_ns / width);
}

OBJECT_FUNCTIONS(histogram, HISTOGRAM_MAGIC)

static inline uint32_t step_of(uint64_t value) {
    value = min64(max64(value, 1), (1ULL << 48) - 1);
    unsigned high = highest_bit(value);
    if (high < 4) return (uint32_t)value - 1;
    return 16 * (high - 4) + (uint32_t)(value >> (high - 4)) - 1;
}

/* The middle of a step; what step_of gives this step for. */
static uint64_t step_value(uint32_t step) {
    uint64_t mark = (uint64_t)step + 1;
    if (mark < 32) return mark;
    unsigned shift = (unsigned)(mark / 16) - 1;
    return ((16 + mark % 16) << shift) + (1ULL << shift) / 2;
}

/* A sliding histogram's lap at now. The ordinary case needs no division. */
static inline uint64_t lap_of(const word *w, uint64_t now) {
    uint64_t width = load_relaxed(&w[H_WIDTH]), lap = load_acquire(&w[H_NEWEST]);
    return now - lap * width < width ? lap : now / width;
}

/* Adds n values to a step of lap `lap`. */
static void slide(trifuse_histogram *h, uint32_t step, uint64_t lap, uint64_t n) {
    unsigned shift = 64 - (unsigned)load_relaxed(&h->w[H_LAP_BITS]);
    uint64_t most = (1ULL << shift) - 1, mark = lap << shift;
    word *count = &h->counts[(lap & 1) * STEPS + step];
    for (;;) {
        uint64_t old = load_acquire(count), found = old & most;
        bool same = (old ^ mark) <= most, newer = !same && old > mark;
        uint64_t added = newer ? 0 : min64(n, same ? most - found : most);
        uint64_t spilled = n - added + (same || newer ? 0 : found);
        uint64_t next = same ? old + added : mark | added;
        if (added && !cas_acq_rel(count, old, next)) continue;
        if (spilled) add_relaxed(&h->w[H_SPILLED], spilled);
        return;
    }
}

/* Adds n values to a step of a lifetime. */
static void pile(trifuse_histogram *h, uint32_t step, uint64_t n) {
    uint64_t old, next;
    do {
        old = load_acquire(&h->counts[step]);
        next = max64(old, min64(old + n, MERGED_MOST));
    } while (next != old && !cas_acq_rel(&h->counts[step], old, next));
}

int trifuse_histogram_record(trifuse_histogram *histogram, uint64_t value_ns, uint64_t now_ns) {
    if (!histogram) return TRIFUSE_ERROR_ARGUMENT;
    uint32_t step = step_of(value_ns);
    if (load_relaxed(&histogram->w[H_WIDTH]) == 0) {
        add_relaxed(&histogram->counts[step], 1);
        return TRIFUSE_OK;
    }
    uint64_t lap = lap_of(histogram->w, now_ns ? now_ns : trifuse_now_ns());
    raise_to(&histogram->w[H_NEWEST], lap);
    slide(histogram, step, lap, 1);
    return TRIFUSE_OK;
}

/* What is read: the counts of one moment. */
typedef struct value_span {
    uint64_t count, total, counts[STEPS]; /* values in the span; of the lifetime */
} value_span;

/* The count of a word if it belongs to a lap from `oldest` on. */
static void span_add(value_span *s, const trifuse_histogram *h, uint64_t oldest, uint32_t i) {
    unsigned shift = 64 - (unsigned)load_relaxed(&h->w[H_LAP_BITS]);
    uint64_t v = load_acquire(&h->counts[i]), n = v & ((1ULL << shift) - 1);
    s->total += n;
    if (v >> shift < oldest) return;
    s->counts[i % STEPS] += n;
    s->count += n;
}

static void span_read(const trifuse_histogram *h, uint64_t now_ns, value_span *s) {
    memset(s, 0, sizeof *s);
    s->total = load_acquire(&h->w[H_SPILLED]);
    if (load_relaxed(&h->w[H_WIDTH]) == 0) {
        for (uint32_t i = 0; i < STEPS; i++) s->count += s->counts[i] = load_acquire(&h->counts[i]);
        s->total += s->count;
        return;
    }
    uint64_t lap = max64(lap_of(h->w, now_ns ? now_ns : trifuse_now_ns()), load_acquire(&h->w[H_NEWEST]));
    for (uint32_t i = 0; i < 2 * STEPS; i++) span_add(s, h, lap - (lap != 0), i);
}

/* The value of rank ceil(share * count / 10^9), at least 1; the count is not 0. */
static uint64_t span_quantile(const value_span *s, uint64_t share) {
    uint64_t rank = scale_nano(s->count, share), seen = 0;
    rank += product_exceeds(s->count, share, rank, NANO);
    uint32_t step = 0;
    while ((seen += s->counts[step]) < max64(rank, 1)) step++;
    return step_value(step);
}

int trifuse_histogram_quantile(trifuse_histogram *histogram, double quantile, uint64_t now_ns,
                               uint64_t *value_ns) {
    bool legal = quantile >= 0 && quantile <= 1; /* NaN is not */
    if (!histogram || !value_ns || !legal) return TRIFUSE_ERROR_ARGUMENT;
    value_span s;
    span_read(histogram, now_ns, &s);
    *value_ns = s.count ? span_quantile(&s, to_nano(quantile)) : 0;
    return s.count ? TRIFUSE_OK : TRIFUSE_EMPTY;
}

int trifuse_histogram_merge(trifuse_histogram *into, trifuse_histogram *from, uint64_t now_ns) {
    if (!into || !from) return TRIFUSE_ERROR_ARGUMENT;
    value_span s;
    uint64_t now = now_ns ? now_ns : trifuse_now_ns(), lap = 0;
    span_read(from, now, &s);
    bool slides = load_relaxed(&into->w[H_WIDTH]) != 0;
    if (slides) raise_to(&into->w[H_NEWEST], lap = lap_of(into->w, now));
    for (uint32_t i = 0; i < STEPS; i++) {
        if (s.counts[i] == 0) continue;
        if (slides) slide(into, i, lap, s.counts[i]);
        else pile(into, i, s.counts[i]);
    }
    return TRIFUSE_OK;
}

static uint64_t span_sum(const value_span *s) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < STEPS; i++) {
        wide product = multiply(s->counts[i], step_value(i));
        sum = add_saturating(sum, product.high ? UINT64_MAX : product.low);
    }
    return sum;
}

int trifuse_histogram_get_snapshot(trifuse_histogram *histogram, uint64_t now_ns,
                                   trifuse_histogram_snapshot *snapshot) {
    if (!histogram || !snapshot) return TRIFUSE_ERROR_ARGUMENT;
    value_span s;
    span_read(histogram, now_ns, &s);
    raise_to(&histogram->w[H_TOLD], s.total); /* a count on its way to SPILLED is in neither */
    trifuse_histogram_snapshot out = {.count = s.count, .total = load_acquire(&histogram->w[H_TOLD])};
    if (s.count) {
        out.sum_ns = span_sum(&s);
        out.min_ns = span_quantile(&s, 0);
        out.max_ns = span_quantile(&s, NANO);
        out.p50_ns = span_quantile(&s, NANO / 2);
        out.p95_ns = span_quantile(&s, NANO / 100 * 95);
        out.p99_ns = span_quantile(&s, NANO / 100 * 99);
    }
    return struct_fill(snapshot, &out, sizeof out);
}
