/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Rate limiters: configurations, making, and the calls, each handed to the kind's own file. */
#include "limiter.h"

#define LIMITER_MAGIC 0x0001726574696D69ULL /* "imiter", layout 1 */
#define LOG_MOST 1000000u
#define NO_RATE "0 (permits a period), or 0.000001 to 1000000000 a second"

static const trifuse_limiter_config limiter_defaults = {.struct_size = sizeof(trifuse_limiter_config),
                                                        .kind = TRIFUSE_LIMITER_TOKEN_BUCKET,
                                                        .permits = 100,
                                                        .period_ns = NANO};

#define AT(member) offsetof(trifuse_limiter_config, member)
static const field_rule limiter_table[] = {
    FIELD_INTEGER(FLAGS, AT(flags), 0, 0, "0"),
    FIELD_INTEGER(FLAGS, AT(reserved), 0, 0, "0"),
    FIELD_INTEGER(KIND, AT(kind), 0, 3, "token_bucket, sliding_log, sliding_counter or fixed_window"),
    FIELD_REAL(RATE, AT(rate), 0, 1e9, NO_RATE),
    FIELD_LONG(PERMITS, AT(permits), 1, 1e9, "1 to 1000000000"),
    FIELD_DURATION(PERIOD, AT(period_ns), 1000, "1 microsecond to 365 days"),
    FIELD_LONG(CAPACITY, AT(capacity), 0, 1e9, "0 (automatic), or 1 to 1000000000"),
};
#undef AT
static const field_rules limiter_fields = FIELD_RULES(limiter_table);

static int window_fields(const trifuse_limiter_config *c, trifuse_config_error *error) {
    if (c->rate != 0) return refuse_real(error, TRIFUSE_FIELD_RATE, "0: only a token bucket has a rate", c->rate);
    if (c->capacity != 0)
        return refuse(error, TRIFUSE_FIELD_CAPACITY, "0: only a token bucket has a capacity", c->capacity);
    if (c->kind == TRIFUSE_LIMITER_SLIDING_LOG && c->permits > LOG_MOST)
        return refuse(error, TRIFUSE_FIELD_PERMITS, "1 to 1000000 for a sliding log", c->permits);
    return TRIFUSE_OK;
}

static int limiter_take(const trifuse_limiter_config *given, trifuse_limiter_config *known,
                        trifuse_config_error *error) {
    int result = fields_read(given, known, &limiter_defaults, sizeof *known, &limiter_fields, error);
    if (result != TRIFUSE_OK) return result;
    if (known->rate > 0 && known->rate < 1e-6) return refuse_real(error, TRIFUSE_FIELD_RATE, NO_RATE, known->rate);
    return known->kind == TRIFUSE_LIMITER_TOKEN_BUCKET ? TRIFUSE_OK : window_fields(known, error);
}

/* A `rate` in permits of 1e-9 a period of 10^18 ns; its whole part apart, so that no double is over 2^53. */
static rate rate_given(const trifuse_limiter_config *c) {
    uint64_t whole = (uint64_t)c->rate, capacity = c->capacity;
    if (c->rate == 0) return (rate){c->permits, c->period_ns, capacity ? capacity : c->permits};
    uint64_t permits = whole * NANO + to_nano(c->rate - (double)whole);
    return (rate){permits, RATE_PERIOD, capacity ? capacity : max64(1, permits / NANO)};
}

static size_t limiter_words(const trifuse_limiter_config *known) {
    switch (known->kind) {
    case TRIFUSE_LIMITER_TOKEN_BUCKET: return L_LINES + RATE_LINES;
    case TRIFUSE_LIMITER_SLIDING_LOG: return L_LINES + (size_t)known->permits;
    default: return L_LINES;
    }
}

static void limiter_write(word *w, const trifuse_limiter_config *known, uint64_t now) {
    void *memory = w;
    trifuse_limiter *l = memory;
    store_release(&w[L_KIND], known->kind);
    store_release(&w[L_PERIOD], known->period_ns);
    store_release(&w[L_PERMITS], known->permits);
    store_release(&w[L_ROOM], known->permits);
    switch (known->kind) {
    case TRIFUSE_LIMITER_TOKEN_BUCKET: rates_begin(l, rate_given(known), now); break;
    case TRIFUSE_LIMITER_SLIDING_LOG: log_begin(l, now); break;
    default: window_begin(l, now);
    }
}

OBJECT_FUNCTIONS(limiter, LIMITER_MAGIC)

int trifuse_limiter_config_init(trifuse_limiter_config *config, size_t struct_size, uint32_t preset) {
    if (preset > TRIFUSE_PRESET_RECOMMENDATION) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_limiter_config full = limiter_defaults;
    if (preset == TRIFUSE_PRESET_CRITICAL) full.permits = 1000;
    if (preset == TRIFUSE_PRESET_NORMAL) full.permits = 500;
    return fields_init(config, struct_size, &full, sizeof full);
}

static inline uint64_t kind_of(const trifuse_limiter *l) { return load_relaxed(&l->w[L_KIND]); }
static inline bool is_bucket(const trifuse_limiter *l) { return kind_of(l) == TRIFUSE_LIMITER_TOKEN_BUCKET; }
static inline uint64_t time_of(uint64_t now_ns) { return now_ns ? now_ns : trifuse_now_ns(); }

int trifuse_limiter_try_acquire(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns, uint64_t *wait_ns) {
    if (!limiter || n == 0) return TRIFUSE_ERROR_ARGUMENT;
    uint64_t now = time_of(now_ns), wait = 0;
    int result;
    switch (kind_of(limiter)) {
    case TRIFUSE_LIMITER_TOKEN_BUCKET: result = bucket_try_acquire(limiter, n, now, &wait); break;
    case TRIFUSE_LIMITER_SLIDING_LOG: result = log_try_acquire(limiter, n, now, &wait); break;
    default: result = window_try_acquire(limiter, n, now, &wait);
    }
    if (wait_ns && result >= 0) *wait_ns = wait;
    return result;
}

int trifuse_limiter_reserve(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns, uint64_t max_wait_ns,
                            trifuse_reservation *reservation) {
    if (!limiter || !reservation) return TRIFUSE_ERROR_ARGUMENT;
    if (!size_is_legal(reservation->struct_size)) return TRIFUSE_ERROR_STRUCT_SIZE;
    if (!is_bucket(limiter)) return TRIFUSE_ERROR_UNSUPPORTED;
    if (n == 0) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_reservation made;
    int result = bucket_reserve(limiter, n, time_of(now_ns), max_wait_ns, &made);
    if (result >= 0) (void)struct_fill(reservation, &made, sizeof made);
    return result;
}

int trifuse_limiter_cancel(trifuse_limiter *limiter, const trifuse_reservation *reservation, uint64_t now_ns,
                           uint64_t *given_back) {
    if (!limiter || !reservation) return TRIFUSE_ERROR_ARGUMENT;
    if (reservation->struct_size < sizeof *reservation) return TRIFUSE_ERROR_STRUCT_SIZE;
    if (!is_bucket(limiter)) return TRIFUSE_ERROR_UNSUPPORTED;
    if (reservation->n == 0) return TRIFUSE_ERROR_ARGUMENT;
    uint64_t back = bucket_cancel(limiter, reservation, time_of(now_ns));
    if (given_back) *given_back = back;
    return TRIFUSE_OK;
}

int trifuse_limiter_refund(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns) {
    if (!limiter) return TRIFUSE_ERROR_ARGUMENT;
    if (!is_bucket(limiter)) return TRIFUSE_ERROR_UNSUPPORTED;
    if (n == 0) return TRIFUSE_ERROR_ARGUMENT;
    bucket_refund(limiter, n, time_of(now_ns));
    return TRIFUSE_OK;
}

int trifuse_limiter_debit(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns) {
    if (!limiter) return TRIFUSE_ERROR_ARGUMENT;
    if (!is_bucket(limiter)) return TRIFUSE_ERROR_UNSUPPORTED;
    if (n == 0) return TRIFUSE_ERROR_ARGUMENT;
    bucket_debit(limiter, n, time_of(now_ns));
    return TRIFUSE_OK;
}

int trifuse_limiter_set_rate(trifuse_limiter *limiter, const trifuse_limiter_config *config, uint64_t now_ns,
                             trifuse_config_error *error) {
    if (!limiter || !config) return TRIFUSE_ERROR_ARGUMENT;
    if (!is_bucket(limiter)) return TRIFUSE_ERROR_UNSUPPORTED;
    trifuse_limiter_config known;
    int result = limiter_take(config, &known, error);
    if (result != TRIFUSE_OK) return result;
    if (known.kind != TRIFUSE_LIMITER_TOKEN_BUCKET) return TRIFUSE_ERROR_UNSUPPORTED;
    rate want = rate_given(&known);
    rate_switch(limiter, &want, 0, 0, time_of(now_ns));
    return TRIFUSE_OK;
}

int trifuse_limiter_set_permits(trifuse_limiter *limiter, uint64_t permits, uint64_t now_ns,
                                trifuse_config_error *error) {
    (void)now_ns;
    if (!limiter) return TRIFUSE_ERROR_ARGUMENT;
    if (is_bucket(limiter)) return TRIFUSE_ERROR_UNSUPPORTED;
    uint64_t most = load_relaxed(&limiter->w[L_ROOM]);
    if (kind_of(limiter) == TRIFUSE_LIMITER_SLIDING_LOG && (permits == 0 || permits > most))
        return refuse_most(error, TRIFUSE_FIELD_PERMITS, permits, most);
    if (permits == 0 || permits > NANO) return refuse(error, TRIFUSE_FIELD_PERMITS, "1 to 1000000000", permits);
    store_release(&limiter->w[L_PERMITS], permits);
    return TRIFUSE_OK;
}

uint64_t trifuse_limiter_available(trifuse_limiter *limiter, uint64_t now_ns) {
    if (!limiter) return 0;
    uint64_t now = time_of(now_ns);
    rate r;
    switch (kind_of(limiter)) {
    case TRIFUSE_LIMITER_TOKEN_BUCKET: return bucket_holding(limiter, now, &r).available;
    case TRIFUSE_LIMITER_SLIDING_LOG: return log_available(limiter, now);
    default: return window_available(limiter, now);
    }
}

static void bucket_read(trifuse_limiter *l, uint64_t now, trifuse_limiter_snapshot *s) {
    rate r;
    holding h = bucket_holding(l, now, &r);
    bool rated = r.period == RATE_PERIOD;
    s->rate = (double)r.permits / (double)r.period * 1e9;
    s->permits = rated ? 0 : r.permits;
    s->period_ns = rated ? 0 : r.period;
    s->capacity = r.capacity;
    s->available = h.available;
    s->debt = h.debt;
}

static void window_read(trifuse_limiter *l, uint64_t now, trifuse_limiter_snapshot *s) {
    s->permits = s->capacity = limiter_permits(l);
    s->period_ns = limiter_period(l);
    s->rate = (double)s->permits / (double)s->period_ns * 1e9;
    s->available = trifuse_limiter_available(l, now);
}

static uint64_t less(uint64_t a, uint64_t b) { return a - min64(a, b); }

/* What is to be taken off is read last: a total is told too low rather than too high, and then as it was told
 * before. Only tokens that a bucket's caller has counted and not yet swapped for are in it early. */
static void totals_read(trifuse_limiter *l, trifuse_limiter_snapshot *s) {
    bool log = s->kind == TRIFUSE_LIMITER_SLIDING_LOG;
    uint64_t tokens = log ? log_granted(l) : load_acquire(&l->w[L_TAKEN]);
    if (!log) tokens = less(tokens, load_acquire(&l->w[L_UNDONE]));
    raise_to(&l->w[L_TOLD_TOKENS], tokens);
    raise_to(&l->w[L_TOLD_REQUESTS], less(tokens, load_acquire(&l->w[L_EXTRA])));
    s->granted = load_acquire(&l->w[L_TOLD_REQUESTS]);
    s->granted_tokens = load_acquire(&l->w[L_TOLD_TOKENS]);
    s->refused = load_acquire(&l->w[L_REFUSED]);
    s->given_back = load_acquire(&l->w[L_GIVEN_BACK]);
}

int trifuse_limiter_get_snapshot(trifuse_limiter *limiter, uint64_t now_ns, trifuse_limiter_snapshot *snapshot) {
    if (!limiter || !snapshot) return TRIFUSE_ERROR_ARGUMENT;
    if (!size_is_legal(snapshot->struct_size)) return TRIFUSE_ERROR_STRUCT_SIZE;
    trifuse_limiter_snapshot full;
    memset(&full, 0, sizeof full);
    full.kind = (uint32_t)kind_of(limiter);
    if (is_bucket(limiter)) bucket_read(limiter, time_of(now_ns), &full);
    else window_read(limiter, time_of(now_ns), &full);
    totals_read(limiter, &full);
    return struct_fill(snapshot, &full, sizeof full);
}
