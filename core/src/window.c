/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The window: what its words mean, and how it is started anew.
 *
 *   GENERATION   generation 32 | version 24 | unused 6 | reshape 1 | restart 1
 *                For which generation of the breaker, and in which version of its shape, the window
 *                counts. It lags STATE until the first outcome of a new generation restarts the window.
 *   SHAPE[v & 1] version v 2 | slow kept apart 1 | buckets - 1: 6 | bucket width in ns 55; a width
 *                over a year stands for a count window of SHAPE_LONGEST - width outcomes.
 *   HEAD         of the time window (window_time.c) or the count window (window_count.c)
 *   words        every word bears a tag of 9 bits, generation + version: a word of another tag is empty
 *
 * To restart: GENERATION takes the new generation (or version) with a flag; then every word is emptied,
 * its counts going to the totals; HEAD is set; the flag is taken off. Whoever meets a flag helps. A
 * helper loads a word, sees that GENERATION still is as when it began, then swaps: so a word written
 * after the flag went is never emptied. Until the flag is off nothing is recorded and the window reads
 * as empty. Dying anywhere leaves the flag for the next; dying after a word was emptied and before the
 * total was raised loses that word from the totals.
 *
 * A shape is proposed in the slot that is not in use (its version says for what), then taken by one
 * swap of GENERATION; a proposal whose maker died is taken by the next one who changes the shape. */
#include "window.h"

enum { RESTART = 1, RESHAPE = 2, FLAGS = 3 };
#define COUNT_WORD (1ULL << 63)

static inline uint32_t window_generation(uint64_t g) { return (uint32_t)(g >> 32); }
static inline uint32_t window_version(uint64_t g) { return (uint32_t)bits(g, 8, 24); }
static inline uint32_t window_tag(uint64_t g) {
    return (window_generation(g) + window_version(g)) & 511u;
}

static inline shape shape_decode(uint64_t v) {
    uint64_t width = bits(v, 0, 55);
    shape s = {.kind = TRIFUSE_WINDOW_TIME, .buckets = (uint32_t)bits(v, 55, 6) + 1,
               .classes = bits(v, 61, 1) ? 4 : 2, .tag = (uint32_t)(v >> 62), .width = width};
    if (width > TRIFUSE_DURATION_MAX_NS) {
        s.kind = TRIFUSE_WINDOW_COUNT;
        s.count = (uint32_t)(SHAPE_LONGEST - width);
    }
    return s;
}

static inline uint64_t shape_raw(trifuse_breaker *b, uint32_t version) {
    return load_acquire(&b->w[W_SHAPE + (version & 1)]);
}

/* The shape in force for a GENERATION word; false if it has moved on meanwhile. */
static inline bool shape_get(trifuse_breaker *b, uint64_t g, shape *s) {
    *s = shape_decode(shape_raw(b, window_version(g)));
    return s->tag == (window_version(g) & 3);
}

static uint32_t shape_words(shape s) {
    return shape_room(s.kind, s.buckets, s.count, s.classes == 4);
}

static void total_add(trifuse_breaker *b, unsigned class, uint64_t n) {
    if (n) add_relaxed(&b->w[W_TOTAL + class], n);
}

/* What a word holds, by class; `index` tells the class of a time word. */
static void word_counts(uint64_t v, shape s, uint32_t index, uint64_t n[CLASSES]) {
    memset(n, 0, CLASSES * sizeof n[0]);
    if (v & COUNT_WORD) count_word_counts(v, n);
    else if (index < s.classes * s.buckets) n[index / s.buckets] = v & TIME_COUNT;
}

static void flush(trifuse_breaker *b, uint64_t v, shape s, uint32_t index) {
    uint64_t n[CLASSES];
    word_counts(v, s, index, n);
    for (unsigned class = 0; class < CLASSES; class++) total_add(b, class, n[class]);
}

/* The shape that the words not yet emptied were written in. */
static bool shape_written(trifuse_breaker *b, uint64_t g, shape *s) {
    if (!(g & RESHAPE)) return shape_get(b, g, s);
    *s = shape_decode(shape_raw(b, window_version(g) + 1));
    return s->tag == ((window_version(g) - 1) & 3);
}

/* Carries a flagged restart to its end; returns early if GENERATION has moved on. */
static void window_clean(trifuse_breaker *b, uint64_t g) {
    shape written, next;
    if (!shape_written(b, g, &written) || !shape_get(b, g, &next)) return;
    word *words = window_words(b);
    uint32_t n = (g & RESHAPE) ? window_room(b) : shape_words(next);
    uint64_t empty = time_word(window_tag(g), 0, 0);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v = load_acquire(&words[i]);
        if (load_acquire(&b->w[W_GENERATION]) != g) return;
        if (v != empty && cas_acq_rel(&words[i], v, empty)) flush(b, v, written, i);
        else if (v != empty) i--;
    }
    uint64_t head = load_acquire(&b->w[W_HEAD]);
    uint64_t fresh = next.kind == TRIFUSE_WINDOW_COUNT ? count_head(window_tag(g), 0, 0, 0)
                                                       : time_head(0, window_tag(g), SWEEP_ALL);
    if (load_acquire(&b->w[W_GENERATION]) != g) return;
    if (head != fresh && !cas_acq_rel(&b->w[W_HEAD], head, fresh)) return;
    if (g & RESTART) run_restart(b, window_generation(g), g);
    (void)cas_acq_rel(&b->w[W_GENERATION], g, g & ~(uint64_t)FLAGS);
}

/* Makes the window that of `generation`; false if it is a newer one's already. */
static bool window_enter(trifuse_breaker *b, uint32_t generation, uint64_t *g) {
    for (;;) {
        *g = load_acquire(&b->w[W_GENERATION]);
        uint32_t ahead = generation - window_generation(*g);
        if (ahead == 0 && !(*g & FLAGS)) return true;
        if (ahead >> 31) return false;
        if (ahead == 0) {
            window_clean(b, *g);
        } else {
            uint64_t next = ((uint64_t)generation << 32) | (*g & 0xFFFFFFFFu) | RESTART;
            (void)cas_acq_rel(&b->w[W_GENERATION], *g, next);
        }
    }
}

static enum recorded window_record(call *c, uint32_t generation, unsigned class) {
    uint64_t g;
    shape s;
    enum recorded result;
    for (;;) {
        if (!window_enter(c->b, generation, &g)) return GONE;
        if (class & CLASS_FAILED) raise_to(&c->b->w[W_LAST_FAILURE], now_of(c));
        if (!shape_get(c->b, g, &s)) continue;
        bool done = s.kind == TRIFUSE_WINDOW_COUNT ? count_record(c, g, s, class, &result)
                                                   : time_record(c, g, s, class, &result);
        if (done) return result;
    }
}

/* Changes the shape of the window to next_shape (its version bits 0). */
static void window_reshape(trifuse_breaker *b, uint64_t next_shape) {
    for (;;) {
        uint64_t g = load_acquire(&b->w[W_GENERATION]);
        uint32_t version = window_version(g) + 1;
        uint64_t wanted = next_shape | ((uint64_t)(version & 3) << 62);
        uint64_t present = shape_raw(b, version - 1), spare = shape_raw(b, version);
        uint64_t moved = (g & ~(0xFFFFFFULL << 8)) | ((uint64_t)(version & 0xFFFFFF) << 8) | RESHAPE;
        if (load_acquire(&b->w[W_GENERATION]) != g) continue;
        if (g & FLAGS) window_clean(b, g);
        else if (((present ^ next_shape) & ~(3ULL << 62)) == 0) return;
        else if ((spare >> 62) == (version & 3) || cas_acq_rel(&b->w[W_SHAPE + (version & 1)], spare, wanted))
            (void)cas_acq_rel(&b->w[W_GENERATION], g, moved);
    }
}

/* Whether GENERATION's window is what a breaker in this state shows. */
static bool window_shows(uint64_t g, uint64_t state) {
    if (g & FLAGS) return false;
    return !records(state_of(state)) || window_generation(g) == generation_of(state);
}

/* Classes in the order in which they are read. What is read first is never overstated against what is
 * read later while others record: the rate told is never over one that was true at some moment. */
static const unsigned char failed_first[CLASSES] = {3, 1, 2, 0}, slow_first[CLASSES] = {3, 2, 1, 0};

/* The counts of the window, as of HEAD's epoch (aged_to 0) or of a later time. */
static counts window_counts(trifuse_breaker *b, uint64_t state, uint64_t aged_to,
                            const unsigned char order[CLASSES]) {
    for (;;) {
        counts none = {0, 0, 0}, found;
        uint64_t g = load_acquire(&b->w[W_GENERATION]);
        shape s;
        if (!window_shows(g, state)) return none;
        if (!shape_get(b, g, &s)) continue;
        uint64_t head = load_acquire(&b->w[W_HEAD]);
        found = s.kind == TRIFUSE_WINDOW_COUNT ? count_sum(b, g, head, s)
                                               : time_sum(b, g, head, s, aged_to, order);
        if (load_acquire(&b->w[W_GENERATION]) == g && load_acquire(&b->w[W_HEAD]) == head) return found;
    }
}

/* True if surely no failure is in the window; a cheap look that spares the sums. LAST_FAILURE is raised
 * before a failure is recorded. */
static bool window_failed_none(call *c) {
    trifuse_breaker *b = c->b;
    shape s;
    if (!shape_get(b, load_acquire(&b->w[W_GENERATION]), &s)) return false;
    uint64_t last = load_acquire(&b->w[W_LAST_FAILURE]);
    if (s.kind == TRIFUSE_WINDOW_COUNT) return last == 0 || count_failed_none(b, s);
    return last == 0 || (now_of(c) > last && now_of(c) - last >= s.width * s.buckets);
}

/* What stands in the words, whatever their tag, by class. */
static void window_totals(trifuse_breaker *b, uint64_t totals[CLASSES]) {
    word *words = window_words(b);
    for (;;) {
        uint64_t g = load_acquire(&b->w[W_GENERATION]), n[CLASSES];
        shape s;
        if (!shape_written(b, g, &s)) continue;
        memset(totals, 0, CLASSES * sizeof totals[0]);
        for (uint32_t i = 0; i < window_room(b); i++) {
            word_counts(load_acquire(&words[i]), s, i, n);
            for (unsigned class = 0; class < CLASSES; class++) totals[class] += n[class];
        }
        if (load_acquire(&b->w[W_GENERATION]) == g) return;
    }
}
