/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The time window: for each class a ring of buckets, a word each.
 *
 *   HEAD   newest epoch 55 | tag 7 | to be swept 2; an epoch is floor(time / width)
 *   word   0 | tag 9 | lap 8 | count 46; epoch = lap x buckets + place in the ring
 *
 * An outcome is one swap of one word. To go on to a newer epoch: HEAD takes it, with SWEEP_ONE (the next
 * epoch) or SWEEP_ALL (a whole window later); the buckets that are new are stamped empty with their tag
 * and lap, their old counts going to the totals; HEAD becomes CLEAN. Whoever meets a sweep helps, and
 * nothing is recorded until it is over, so no bucket can look current after any number of laps: it was
 * stamped when its epoch came. The lap in the word makes the swap of one who slept meanwhile fail.
 * Dying leaves a sweep for the next one. */
#include "window.h"

#define R(d) (UINT64_MAX / (d) + 1)
#define R8(d) R(d), R(d + 1), R(d + 2), R(d + 3), R(d + 4), R(d + 5), R(d + 6), R(d + 7)
/* floor(2^64 / d) + 1 for d = 2..65; d = 1 needs none, powers of two are exact. */
static const uint64_t reciprocals[] = {R8(2ULL), R8(10ULL), R8(18ULL), R8(26ULL),
                                       R8(34ULL), R8(42ULL), R8(50ULL), R8(58ULL)};

typedef struct place { uint32_t slot; uint64_t lap; } place;

static inline place place_of(uint64_t epoch, uint32_t buckets) {
    if (buckets == 1) return (place){0, epoch};
    uint64_t lap = divide_by(epoch, reciprocals[buckets - 2]);
    return (place){(uint32_t)(epoch - lap * buckets), lap};
}

/* The epoch, one of the newest `buckets` up to `newest`, that a slot stands for. */
static inline uint64_t lap_of_slot(place newest, uint32_t slot) {
    return slot <= newest.slot ? newest.lap : newest.lap - 1;
}

/* Carries a sweep to its end; returns early if HEAD has moved on. */
static void time_sweep(trifuse_breaker *b, uint64_t g, uint64_t head, shape s) {
    word *words = window_words(b);
    place newest = place_of(head >> 9, s.buckets);
    for (uint32_t i = 0; i < s.classes * s.buckets;) {
        uint32_t slot = i % s.buckets;
        uint64_t stamp = time_word(window_tag(g), lap_of_slot(newest, slot), 0);
        bool wanted = (head & 3) == SWEEP_ALL || slot == newest.slot;
        uint64_t v = load_acquire(&words[i]);
        if (load_acquire(&b->w[W_HEAD]) != head) return;
        bool swapped = wanted && v != stamp && cas_acq_rel(&words[i], v, stamp);
        if (swapped) flush(b, v, s, i);
        if (swapped || !wanted || v == stamp) i++;
    }
    (void)cas_acq_rel(&b->w[W_HEAD], head, head & ~3ULL);
}

/* One step towards `epoch`, which is newer than HEAD's. */
static void time_advance(trifuse_breaker *b, uint64_t g, uint64_t head, shape s, uint64_t epoch) {
    uint64_t present = head >> 9;
    bool all = epoch - present >= s.buckets;
    uint64_t next = time_head(all ? epoch : present + 1, window_tag(g), all ? SWEEP_ALL : SWEEP_ONE);
    if (cas_acq_rel(&b->w[W_HEAD], head, next)) time_sweep(b, g, next, s);
}

/* Adds one to a bucket of the window; all of them were stamped before HEAD became CLEAN, so another stamp
 * says that HEAD has moved on. */
static bool time_add(trifuse_breaker *b, uint64_t stamp, uint32_t index) {
    word *w = &window_words(b)[index];
    for (;;) {
        uint64_t v = load_acquire(w);
        if ((v ^ stamp) >> 46 != 0) return false;
        if ((v & TIME_COUNT) == TIME_COUNT || cas_acq_rel(w, v, v + 1)) return true;
    }
}

/* Records if it can at this moment; false: something moved, start over. */
static bool time_record(call *c, uint64_t g, shape s, unsigned class, enum recorded *result) {
    trifuse_breaker *b = c->b;
    uint64_t now = now_of(c), head = load_acquire(&b->w[W_HEAD]);
    if ((head >> 2 & 127) != (window_tag(g) & 127)) return false;
    if (head & 3) {
        time_sweep(b, g, head, s);
        return false;
    }
    uint64_t epoch = head >> 9, start = epoch * s.width;
    if (now < start) {
        epoch = now / s.width;
        *result = TOO_OLD;
        if ((head >> 9) - epoch >= s.buckets) return true;
    } else if (now - start >= s.width) {
        time_advance(b, g, head, s, now / s.width);
        return false;
    }
    *result = RECORDED;
    place p = place_of(epoch, s.buckets);
    return time_add(b, time_word(window_tag(g), p.lap, 0), (class & (s.classes - 1)) * s.buckets + p.slot);
}

static uint64_t time_class_sum(trifuse_breaker *b, uint64_t g, place newest, shape s,
                               unsigned class, uint32_t hidden) {
    const word *words = window_words(b) + class * s.buckets;
    uint64_t sum = 0;
    uint32_t tag = window_tag(g);
    uint64_t low = time_word(tag, newest.lap, 0) >> 46, high = time_word(tag, newest.lap - 1, 0) >> 46;
    for (uint32_t slot = 0; slot < s.buckets; slot++) {
        uint64_t v = load_acquire(&words[slot]);
        if ((v & TIME_COUNT) == 0) continue;
        uint32_t age = slot <= newest.slot ? newest.slot - slot : newest.slot + s.buckets - slot;
        if (v >> 46 != (slot <= newest.slot ? low : high)) continue;
        if (age + hidden < s.buckets) sum += v & TIME_COUNT;
    }
    return sum;
}

static counts time_sum(trifuse_breaker *b, uint64_t g, uint64_t head, shape s, uint64_t aged_to,
                       const unsigned char order[CLASSES]) {
    counts sum = {0, 0, 0};
    uint64_t present = head >> 9, aged = aged_to / s.width;
    uint64_t hidden = aged > present ? aged - present : 0;
    if ((head & 3) == SWEEP_ALL || hidden >= s.buckets) return sum;
    place newest = place_of(present, s.buckets);
    for (unsigned i = 0; i < CLASSES; i++) {
        unsigned class = order[i];
        if (class >= s.classes) continue;
        uint64_t n = time_class_sum(b, g, newest, s, class, (uint32_t)hidden);
        sum.total += n;
        if (class & CLASS_FAILED) sum.failed += n;
        if (class & CLASS_SLOW) sum.slow += n;
    }
    return sum;
}

/* The ordinary case of a success, straight: in HEAD's bucket; false if anything is unusual. */
static inline bool time_quick(trifuse_breaker *b, uint64_t g, uint64_t raw, uint64_t now) {
    uint64_t width = bits(raw, 0, 55), head = load_acquire(&b->w[W_HEAD]), epoch = head >> 9;
    uint64_t start = epoch * width;
    if ((head & 511) != time_head(0, window_tag(g), CLEAN) || now < start || now - start >= width) return false;
    place p = place_of(epoch, (uint32_t)bits(raw, 55, 6) + 1);
    return time_add(b, time_word(window_tag(g), p.lap, 0), p.slot);
}
