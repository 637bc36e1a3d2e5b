/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The count window: the last N outcomes, exactly, 16 to a word.
 *
 *   HEAD   tag 14 | sequence 32 | index of the word being filled 9 | full words behind it 9
 *   word   1 | tag 9 | sequence 17 | filled 5 | 16 outcomes of 2 bits: failed, slow
 *
 * An outcome is one swap of the word that HEAD names. When that is full, HEAD goes on to the next word
 * and sequence; a word of another sequence is empty, and the first outcome overwrites it, its counts
 * going to the totals. There are N/16 + 1 words (N/16 rounded up), so the word overwritten is always
 * out of the window. Dying leaves a HEAD that names a full word or an empty one; both are ordinary. */
#include "window.h"

#define PER_WORD 16u
#define EVEN_BITS 0x55555555ULL

typedef struct count_place { uint32_t sequence, index, behind; } count_place;

static inline count_place count_place_of(uint64_t head) {
    return (count_place){(uint32_t)bits(head, 18, 32), (uint32_t)bits(head, 9, 9),
                         (uint32_t)bits(head, 0, 9)};
}

/* All of a word but the outcomes and how many. */
static inline uint64_t count_mark(uint32_t tag, uint32_t sequence) {
    return COUNT_WORD | ((uint64_t)tag << 54) | ((uint64_t)(sequence & 0x1FFFF) << 37);
}

static inline uint32_t count_filled(uint64_t v) { return (uint32_t)bits(v, 32, 5); }
static inline bool count_marked(uint64_t v, uint64_t mark) { return (v ^ mark) >> 37 == 0; }

static void count_word_counts(uint64_t v, uint64_t n[CLASSES]) {
    uint64_t failed = v & EVEN_BITS, slow = (v >> 1) & EVEN_BITS;
    n[3] = count_ones(failed & slow);
    n[1] = count_ones(failed) - n[3];
    n[2] = count_ones(slow) - n[3];
    n[0] = count_filled(v) - n[1] - n[2] - n[3];
}

static void count_advance(trifuse_breaker *b, uint64_t g, uint64_t head, shape s) {
    count_place p = count_place_of(head);
    uint32_t words = shape_words(s), index = p.index + 1 < words ? p.index + 1 : 0;
    uint32_t behind = p.behind + 1 < words ? p.behind + 1 : p.behind;
    (void)cas_acq_rel(&b->w[W_HEAD], head, count_head(window_tag(g), p.sequence + 1, index, behind));
}

/* Records if it can at this moment; false: something moved, start over. */
static bool count_record(call *c, uint64_t g, shape s, unsigned class, enum recorded *result) {
    trifuse_breaker *b = c->b;
    uint64_t head = load_acquire(&b->w[W_HEAD]);
    if (head >> 50 != window_tag(g)) return false;
    count_place p = count_place_of(head);
    word *w = &window_words(b)[p.index];
    uint64_t v = load_acquire(w), mark = count_mark(window_tag(g), p.sequence);
    *result = RECORDED;
    if (count_marked(v, mark)) {
        uint32_t filled = count_filled(v);
        if (filled < PER_WORD)
            return cas_acq_rel(w, v, (v + (1ULL << 32)) | ((uint64_t)class << (2 * filled)));
        count_advance(b, g, head, s);
        return false;
    }
    if (load_acquire(&b->w[W_GENERATION]) != g || load_acquire(&b->w[W_HEAD]) != head) return false;
    if (!cas_acq_rel(w, v, mark | (1ULL << 32) | class)) return false;
    flush(b, v, s, p.index);
    return true;
}

/* A success where HEAD's word is full or not begun; false if something moved. */
static OUT_OF_LINE bool count_turn(trifuse_breaker *b, uint64_t g, shape s) {
    call c = {b, 0, NULL, false};
    enum recorded result;
    return count_record(&c, g, s, 0, &result) || count_record(&c, g, s, 0, &result);
}

/* The ordinary case of a success, straight: room in HEAD's word. */
static inline bool count_quick(trifuse_breaker *b, uint64_t g, uint64_t raw) {
    uint64_t head = load_acquire(&b->w[W_HEAD]);
    count_place p = count_place_of(head);
    word *w = &window_words(b)[p.index];
    for (;;) {
        uint64_t v = load_acquire(w);
        bool ready = head >> 50 == window_tag(g) && count_marked(v, count_mark(window_tag(g), p.sequence));
        if (!ready || count_filled(v) >= PER_WORD) return count_turn(b, g, shape_decode(raw));
        if (cas_acq_rel(w, v, v + (1ULL << 32))) return true;
    }
}

/* Adds the newest `most` outcomes of a word. */
static void count_add(counts *sum, uint64_t v, uint32_t most) {
    uint32_t filled = count_filled(v), skipped = filled > most ? filled - most : 0;
    uint64_t kept = (v & 0xFFFFFFFFu) >> (2 * skipped);
    sum->total += filled - skipped;
    sum->failed += count_ones(kept & EVEN_BITS);
    sum->slow += count_ones((kept >> 1) & EVEN_BITS);
}

static counts count_sum(trifuse_breaker *b, uint64_t g, uint64_t head, shape s) {
    counts sum = {0, 0, 0};
    count_place p = count_place_of(head);
    const word *words = window_words(b);
    uint32_t n = shape_words(s), index = p.index;
    for (uint32_t back = 0; back <= p.behind && sum.total < s.count; back++) {
        uint64_t v = load_acquire(&words[index]);
        if (count_marked(v, count_mark(window_tag(g), p.sequence - back)))
            count_add(&sum, v, s.count - (uint32_t)sum.total);
        index = index ? index - 1 : n - 1;
    }
    return sum;
}

static bool count_failed_none(trifuse_breaker *b, shape s) {
    const word *words = window_words(b);
    uint64_t any = 0;
    for (uint32_t i = 0; i < shape_words(s); i++) any |= load_relaxed(&words[i]);
    return (any & EVEN_BITS) == 0;
}
