/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Concurrency limits: their configuration, admission and release. The words are in concurrency.h. */
#include "concurrency.h"

#define CONCURRENCY_MAGIC 0x0101006B6C756262ULL /* "bbulk", layout 1 */
#define PLACES_MAX 1000000u

static const trifuse_concurrency_config concurrency_defaults = {
    .struct_size = sizeof(trifuse_concurrency_config),
    .limit = 20,
    .min_limit = 1,
    .max_limit = 1000,
    .probe_every = 30,
    .long_window = 600,
    .backoff_ratio = 0.9,
    .alpha = 3,
    .beta = 6,
    .tolerance = 1.5,
    .smoothing = 0.2,
    .queue_size = 4,
    .long_decay = 0.95,
};

#define AT(member) (uint32_t)offsetof(trifuse_concurrency_config, member)
static const char places[] = "1 to 1000000";
static const field_rule concurrency_rules[] = {
    FIELD_INTEGER(FLAGS, AT(flags), 0, 0, "0"),
    FIELD_INTEGER(ALGORITHM, AT(algorithm), 0, 3, "fixed (0), aimd (1), vegas (2) or gradient2 (3)"),
    FIELD_INTEGER(LIMIT, AT(limit), 1, PLACES_MAX, places),
    FIELD_INTEGER(MIN_LIMIT, AT(min_limit), 1, PLACES_MAX, places),
    FIELD_INTEGER(MAX_LIMIT, AT(max_limit), 1, PLACES_MAX, "min_limit to 1000000"),
    FIELD_INTEGER(PROBE_EVERY, AT(probe_every), 1, PLACES_MAX, places),
    FIELD_INTEGER(LONG_WINDOW, AT(long_window), 1, PLACES_MAX, places),
    FIELD_DURATION(TIMEOUT, AT(timeout_ns), 0, "0 (off) to 365 days"),
    FIELD_REAL(BACKOFF_RATIO, AT(backoff_ratio), 0.1, 0.999, "0.1 to 0.999"),
    FIELD_REAL(ALPHA, AT(alpha), 0.1, 100, "0.1 to 100.0"),
    FIELD_REAL(BETA, AT(beta), 0.1, 100, "alpha to 100.0"),
    FIELD_REAL(TOLERANCE, AT(tolerance), 1, 100, "1.0 to 100.0"),
    FIELD_REAL(SMOOTHING, AT(smoothing), 0.001, 1, "0.001 to 1.0"),
    FIELD_REAL(QUEUE_SIZE, AT(queue_size), 0, 1000, "0.0 to 1000.0"),
    FIELD_REAL(LONG_DECAY, AT(long_decay), 0.5, 1, "0.5 to 1.0"),
};
#undef AT
static const field_rules concurrency_fields = FIELD_RULES(concurrency_rules);

int trifuse_concurrency_config_init(trifuse_concurrency_config *config, size_t struct_size, uint32_t algorithm) {
    trifuse_concurrency_config preset = concurrency_defaults;
    preset.algorithm = algorithm;
    if (algorithm > TRIFUSE_ALGORITHM_GRADIENT2) return TRIFUSE_ERROR_ARGUMENT;
    return fields_init(config, struct_size, &preset, sizeof preset);
}

/* A first or new N: of an adaptive limit between its bounds. */
static int check_limit(uint32_t limit, bool adaptive, uint64_t bounds, trifuse_config_error *error) {
    if (limit < 1 || limit > PLACES_MAX) return refuse(error, TRIFUSE_FIELD_LIMIT, places, limit);
    if (adaptive && (limit < bounds >> 32 || limit > (uint32_t)bounds))
        return refuse(error, TRIFUSE_FIELD_LIMIT, "min_limit to max_limit", limit);
    return TRIFUSE_OK;
}

static uint64_t bounds_word(const trifuse_concurrency_config *c) {
    return ((uint64_t)c->min_limit << 32) | c->max_limit;
}

static int concurrency_take(const trifuse_concurrency_config *given, trifuse_concurrency_config *known,
                            trifuse_config_error *error) {
    int result = fields_read(given, known, &concurrency_defaults, sizeof *known, &concurrency_fields, error);
    if (result != TRIFUSE_OK) return result;
    if (known->max_limit < known->min_limit)
        return refuse(error, TRIFUSE_FIELD_MAX_LIMIT, "min_limit to 1000000", known->max_limit);
    if (known->beta < known->alpha)
        return refuse_real(error, TRIFUSE_FIELD_BETA, "alpha to 100.0", known->beta);
    return check_limit(known->limit, known->algorithm != TRIFUSE_ALGORITHM_FIXED, bounds_word(known), error);
}

static size_t concurrency_words(const trifuse_concurrency_config *known) {
    (void)known;
    return N_END;
}

static void concurrency_write(word *w, const trifuse_concurrency_config *c, uint64_t now_ns) {
    (void)now_ns;
    store_release(&w[N_ALGORITHM], c->algorithm);
    store_release(&w[N_BOUNDS], bounds_word(c));
    store_release(&w[N_TIMEOUT], c->timeout_ns);
    store_release(&w[N_BACKOFF], real_bits(c->backoff_ratio));
    store_release(&w[N_ALPHA], real_bits(c->alpha));
    store_release(&w[N_BETA], real_bits(c->beta));
    store_release(&w[N_PROBE_EVERY], c->probe_every);
    store_release(&w[N_SEED], c->seed);
    store_release(&w[N_LONG_WINDOW], c->long_window);
    store_release(&w[N_TOLERANCE], real_bits(c->tolerance));
    store_release(&w[N_SMOOTHING], real_bits(c->smoothing));
    store_release(&w[N_QUEUE_SIZE], real_bits(c->queue_size));
    store_release(&w[N_LONG_DECAY], real_bits(c->long_decay));
    store_release(&w[N_STATE], with_limit(0, c->limit));
}

OBJECT_FUNCTIONS(concurrency, CONCURRENCY_MAGIC)

int trifuse_concurrency_try_acquire(trifuse_concurrency *concurrency) {
    if (!concurrency) return TRIFUSE_ERROR_ARGUMENT;
    word *w = concurrency->w;
    for (;;) {
        uint64_t old = load_acquire(&w[N_STATE]);
        if (in_flight_of(old) >= whole_limit_of(old)) {
            add_relaxed(&w[N_REFUSED], 1);
            return TRIFUSE_REFUSED_BULKHEAD_FULL;
        }
        if (cas_acq_rel(&w[N_STATE], old, old + 1)) return TRIFUSE_OK;
    }
}

/* STATE after a release: one less in flight, one release more. */
static inline uint64_t released_once(uint64_t s) {
    uint64_t count = (s + RELEASE_ONE) & (255 * RELEASE_ONE);
    return ((s & ~(255 * RELEASE_ONE)) | count) - 1;
}

static int release_place(word *w, uint64_t algorithm, const limit_sample *s) {
    for (;;) {
        uint64_t old = load_acquire(&w[N_STATE]), next;
        if (in_flight_of(old) == 0) return TRIFUSE_ERROR_NOT_HELD;
        next = released_once(old);
        if (s) next = with_limit(next, bounded(w, next_limit(w, algorithm, old, s)));
        if (!cas_acq_rel(&w[N_STATE], old, next)) continue;
        if ((next & (255 * RELEASE_ONE)) == 0) add_relaxed(&w[N_RELEASED], 256);
        return TRIFUSE_OK;
    }
}

static OUT_OF_LINE int release_adaptive(word *w, uint64_t algorithm, limit_sample *s) {
    if (in_flight_of(load_acquire(&w[N_STATE])) == 0) return TRIFUSE_ERROR_NOT_HELD;
    s->time = min64(s->time, TRIFUSE_DURATION_MAX_NS);
    if (!s->failed && s->time) take_time(w, algorithm, s);
    return release_place(w, algorithm, s);
}

int trifuse_concurrency_release(trifuse_concurrency *concurrency, uint32_t outcome, uint64_t duration_ns) {
    if (!concurrency || outcome > TRIFUSE_OUTCOME_IGNORED) return TRIFUSE_ERROR_ARGUMENT;
    word *w = concurrency->w;
    uint64_t algorithm = load_relaxed(&w[N_ALGORITHM]);
    if (outcome == TRIFUSE_OUTCOME_IGNORED) return release_place(w, algorithm, NULL);
    limit_sample s = {.failed = outcome != TRIFUSE_OUTCOME_SUCCESS, .time = duration_ns};
    if (algorithm == TRIFUSE_ALGORITHM_AIMD) {
        uint64_t timeout = load_relaxed(&w[N_TIMEOUT]);
        s.failed |= timeout != 0 && duration_ns > timeout;
    }
    int result = algorithm == TRIFUSE_ALGORITHM_FIXED ? release_place(w, algorithm, NULL)
                                                      : release_adaptive(w, algorithm, &s);
    if (s.failed && result == TRIFUSE_OK) add_relaxed(&w[N_FAILURES], 1);
    return result;
}

int trifuse_concurrency_set_limit(trifuse_concurrency *concurrency, uint32_t limit, trifuse_config_error *error) {
    if (!concurrency) return TRIFUSE_ERROR_ARGUMENT;
    word *w = concurrency->w;
    bool adaptive = load_relaxed(&w[N_ALGORITHM]) != TRIFUSE_ALGORITHM_FIXED;
    int result = check_limit(limit, adaptive, load_relaxed(&w[N_BOUNDS]), error);
    if (result != TRIFUSE_OK) return result;
    uint64_t old = load_acquire(&w[N_STATE]);
    while (!cas_acq_rel(&w[N_STATE], old, with_limit(old, limit))) old = load_acquire(&w[N_STATE]);
    return TRIFUSE_OK;
}

uint32_t trifuse_concurrency_limit(const trifuse_concurrency *concurrency) {
    return concurrency ? (uint32_t)whole_limit_of(load_acquire(&concurrency->w[N_STATE])) : 0;
}

uint64_t trifuse_concurrency_in_flight(const trifuse_concurrency *concurrency) {
    return concurrency ? in_flight_of(load_acquire(&concurrency->w[N_STATE])) : 0;
}

/* RELEASED is read before STATE: a total is never told too high. A carry on its way is in neither, so
 * what was told before is kept. The order makes sure that no release is told before its admission. */
static void read_places(word *w, trifuse_concurrency_snapshot *s) {
    uint64_t carried = load_acquire(&w[N_RELEASED]), state = load_acquire(&w[N_STATE]);
    uint64_t gone = carried + bits(state, 20, 8);
    raise_to(&w[N_TOLD_ADMITTED], gone + in_flight_of(state));
    raise_to(&w[N_TOLD_RELEASED], gone);
    s->limit = (uint32_t)whole_limit_of(state);
    s->limit_exact = limit_of(state);
    s->in_flight = in_flight_of(state);
    s->released = load_acquire(&w[N_TOLD_RELEASED]);
    s->admitted = load_acquire(&w[N_TOLD_ADMITTED]);
}

int trifuse_concurrency_get_snapshot(trifuse_concurrency *concurrency, trifuse_concurrency_snapshot *snapshot) {
    if (!concurrency || !snapshot) return TRIFUSE_ERROR_ARGUMENT;
    word *w = concurrency->w;
    trifuse_concurrency_snapshot s = {.algorithm = (uint32_t)load_relaxed(&w[N_ALGORITHM])};
    read_places(w, &s);
    s.failures = load_acquire(&w[N_FAILURES]);
    s.refused = load_acquire(&w[N_REFUSED]);
    s.no_load_ns = load_acquire(&w[N_NO_LOAD]) >> 16;
    s.short_ns = load_acquire(&w[N_SHORT]);
    s.long_ns = (uint64_t)(long_average(load_acquire(&w[N_LONG])) + 0.5);
    return struct_fill(snapshot, &s, sizeof s);
}
