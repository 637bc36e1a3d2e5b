/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Counts over a sliding time, in buckets: what the retry budget and the throttle share.
 *
 *   HEAD    newest epoch 62 | to be swept 2; an epoch is floor(time / width)
 *   TOTAL   a word a series: counts of buckets that were left behind
 *   TOLD    a word a series: the greatest total told, so that totals never run backwards
 *   words   for each series a ring of buckets: sealed 1 | lap 17 | count 46;
 *           epoch = lap x buckets + place in the ring
 *
 * One event is one swap of one word. To go on to a newer epoch: HEAD takes it, with SWEEP_ONE (the next
 * epoch) or SWEEP_ALL (a whole ring later); the buckets that are new are stamped empty with their lap,
 * their old counts going to the totals; HEAD becomes CLEAN. Whoever meets a sweep helps, and nothing is
 * recorded until it is over, so no bucket can look current after any number of laps. A helper loads a word,
 * sees that HEAD still is as when it began, then swaps: a word written after the sweep is never emptied.
 * Dying leaves the sweep for the next one; dying after a word was emptied and before the total was raised
 * loses that word from the totals.
 *
 * A sealed series is written in its newest bucket alone. Before a sweep stamps anything it seals all words of
 * this series; only the newest bucket is stamped open. Hence: while an open word stays as it was read,
 * no bucket of any series has been emptied and this series has not changed at all. Who sums the ring
 * after reading that word and then swaps it has decided on a sum that was true. */
#include "window.h"

#define RING_SEALED (1ULL << 63)
#define RING_COUNT ((1ULL << 46) - 1)

typedef struct ring {
    word *head, *totals, *words;
    uint64_t width;
    uint32_t buckets, series;
    uint32_t sealed; /* number of the sealed series; `series` for none */
} ring;

/* Words that a ring needs: every series begins a cache line. */
static inline uint32_t ring_stride(uint32_t buckets) { return (buckets + 7) & ~7u; }

static inline word *ring_series(ring r, uint32_t series) { return r.words + series * ring_stride(r.buckets); }

static inline uint64_t ring_word(uint64_t lap) { return (lap & 0x1FFFF) << 46; }

static inline uint64_t ring_stamp_of(ring r, place newest, uint32_t series, uint32_t slot) {
    uint64_t open = ring_word(lap_of_slot(newest, slot));
    return series == r.sealed && slot != newest.slot ? open | RING_SEALED : open;
}

static void ring_seal(ring r, uint64_t head, place newest) {
    word *words = ring_series(r, r.sealed);
    for (uint32_t slot = 0; slot < r.buckets;) {
        uint64_t v = load_acquire(&words[slot]);
        bool stamped = slot == newest.slot && v == ring_stamp_of(r, newest, r.sealed, slot);
        if (load_acquire(r.head) != head) return;
        if (stamped || (v & RING_SEALED) || cas_acq_rel(&words[slot], v, v | RING_SEALED)) slot++;
    }
}

static void ring_stamp(ring r, uint64_t head, place newest, uint32_t series) {
    word *words = ring_series(r, series);
    for (uint32_t slot = 0; slot < r.buckets;) {
        uint64_t stamp = ring_stamp_of(r, newest, series, slot), v = load_acquire(&words[slot]);
        bool done = v == stamp || ((head & 3) == SWEEP_ONE && slot != newest.slot);
        if (load_acquire(r.head) != head) return;
        bool swapped = !done && cas_acq_rel(&words[slot], v, stamp);
        if (swapped && (v & RING_COUNT)) add_relaxed(&r.totals[series], v & RING_COUNT);
        if (swapped || done) slot++;
    }
}

/* Carries a sweep to its end, unless HEAD has moved on. */
static void ring_sweep(ring r, uint64_t head) {
    place newest = place_of(head >> 2, r.buckets);
    if (r.sealed < r.series) ring_seal(r, head, newest);
    for (uint32_t series = 0; series < r.series; series++) ring_stamp(r, head, newest, series);
    (void)cas_acq_rel(r.head, head, head & ~3ULL);
}

static void ring_begin(ring r, uint64_t now) {
    uint64_t head = now / r.width << 2 | SWEEP_ALL;
    store_release(r.head, head);
    ring_sweep(r, head);
}

/* One step towards `epoch`, which is newer than HEAD's. */
static void ring_advance(ring r, uint64_t head, uint64_t epoch) {
    uint64_t present = head >> 2;
    bool all = epoch - present >= r.buckets;
    uint64_t next = all ? epoch << 2 | SWEEP_ALL : (present + 1) << 2 | SWEEP_ONE;
    if (cas_acq_rel(r.head, head, next)) ring_sweep(r, next);
}

/* HEAD's epoch, once it is that of now or newer and nothing is left to be swept. */
static uint64_t ring_enter(ring r, uint64_t now) {
    for (;;) {
        uint64_t head = load_acquire(r.head), epoch = head >> 2, start = epoch * r.width;
        if (head & 3) ring_sweep(r, head);
        else if (now < start || now - start < r.width) return epoch;
        else ring_advance(r, head, now / r.width);
    }
}

/* Adds one to the bucket of `epoch`; false if that is no longer its. */
static bool ring_count(ring r, uint32_t series, uint64_t epoch) {
    place p = place_of(epoch, r.buckets);
    word *w = &ring_series(r, series)[p.slot];
    for (;;) {
        uint64_t v = load_acquire(w);
        if ((v ^ ring_word(p.lap)) >> 46 != 0) return false;
        if ((v & RING_COUNT) == RING_COUNT || cas_acq_rel(w, v, v + 1)) return true;
    }
}

/* Records an event of a series that is not sealed; one older than the ring reaches is in the totals alone. */
static void ring_add(ring r, uint32_t series, uint64_t now) {
    uint64_t newest, epoch;
    do {
        newest = epoch = ring_enter(r, now);
        if (now < newest * r.width) epoch = now / r.width;
    } while (newest - epoch < r.buckets && !ring_count(r, series, epoch));
    if (newest - epoch >= r.buckets) add_relaxed(&r.totals[series], 1);
}

/* The count of a series as of HEAD's epoch `newest`, or of the later epoch `aged`. */
static uint64_t ring_sum(ring r, uint32_t series, uint64_t newest, uint64_t aged) {
    uint64_t hidden = aged > newest ? aged - newest : 0, sum = 0;
    if (hidden >= r.buckets) return 0;
    place p = place_of(newest, r.buckets);
    const word *words = ring_series(r, series);
    for (uint32_t slot = 0; slot < r.buckets; slot++) {
        uint64_t v = load_acquire(&words[slot]);
        uint32_t age = slot <= p.slot ? p.slot - slot : p.slot + r.buckets - slot;
        bool current = ((v ^ ring_word(lap_of_slot(p, slot))) & ~RING_SEALED) >> 46 == 0;
        if (current && age + hidden < r.buckets) sum += v & RING_COUNT;
    }
    return sum;
}

/* The counts at a time which the ring is not told of, all of one moment of HEAD. */
static void ring_read(ring r, uint64_t now, uint64_t *sums) {
    uint64_t head;
    do {
        head = load_acquire(r.head);
        for (uint32_t series = 0; series < r.series; series++)
            sums[series] = (head & 3) == SWEEP_ALL ? 0 : ring_sum(r, series, head >> 2, now / r.width);
    } while (load_acquire(r.head) != head);
}

/* The lifetime total of a series: what was left behind and what stands in the ring. */
static uint64_t ring_total(ring r, uint32_t series) {
    word *words = ring_series(r, series), *told = &r.totals[r.series + series];
    uint64_t sum = load_acquire(&r.totals[series]);
    for (uint32_t slot = 0; slot < r.buckets; slot++) sum += load_acquire(&words[slot]) & RING_COUNT;
    raise_to(told, sum);
    return load_acquire(told);
}
