/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* From a configuration to words and back; making and attaching a breaker.
 *
 * The configuration's words are written one by one: a call in flight may see some old and some new,
 * and every mix is a legal configuration. The shape of the window is one word of its own (see window.c).
 *   RATES         failure threshold 30 | slow threshold 30 | detector 1 | jitter 2, in 1e-9
 *   LIMITS        minimum_calls 20 | consecutive_failures 20 | failure_count_threshold 20
 *   PROBE_LIMITS  half_open_max_calls - 1: 6 | success 14 | failure 14 | jitter fraction 30
 *   DESIGN        up 14 | down 5 | threshold 13, twice: failures low, slow calls high */
#include "fields.h"

#define SHAPE_LONGEST ((1ULL << 55) - 1)

static uint64_t shape_word(const trifuse_breaker_config *c) {
    uint64_t slow = c->slow_call_duration_ns != 0;
    if (c->window_kind == TRIFUSE_WINDOW_COUNT) return (slow << 61) | (SHAPE_LONGEST - c->window_count);
    uint64_t width = c->window_duration_ns / c->window_buckets;
    return (slow << 61) | ((uint64_t)(c->window_buckets - 1) << 55) | width;
}

/* Words that a window takes. */
static uint32_t shape_room(uint32_t kind, uint32_t buckets, uint32_t count, bool slow) {
    if (kind == TRIFUSE_WINDOW_COUNT) return (count + 15) / 16 + 1;
    return buckets * (slow ? 4 : 2);
}

static uint32_t max32(uint32_t a, uint32_t b) { return a > b ? a : b; }

static uint32_t window_room_for(const trifuse_breaker_config *c) {
    uint32_t room = shape_room(c->window_kind, c->window_buckets, c->window_count,
                               c->slow_call_duration_ns != 0);
    room = max32(room, shape_room(TRIFUSE_WINDOW_TIME, c->reserve_window_buckets, 0, true));
    if (c->reserve_window_count)
        room = max32(room, shape_room(TRIFUSE_WINDOW_COUNT, 0, c->reserve_window_count, true));
    return room;
}

static uint32_t lease_room_for(const trifuse_breaker_config *c) {
    return max32(LEASES_ALWAYS, max32(c->half_open_max_calls, c->reserve_half_open_calls));
}

static size_t breaker_bytes(const trifuse_breaker_config *known) {
    size_t words = W_LEASES + 2u * lease_room_for(known) + window_room_for(known);
    return (words + 7) / 8 * 64;
}

static uint64_t design_word(uint32_t up, uint32_t down, uint32_t threshold) {
    return up ? (uint64_t)up | ((uint64_t)down << 14) | ((uint64_t)threshold << 19) : 0;
}

static uint64_t real_bits(double value) {
    uint64_t v;
    memcpy(&v, &value, sizeof v);
    return v;
}

static double bits_real(uint64_t v) {
    double value;
    memcpy(&value, &v, sizeof value);
    return value;
}

static void config_store(trifuse_breaker *b, const trifuse_breaker_config *c) {
    word *w = b->w;
    store_release(&w[W_RATES], to_nano(c->failure_rate_threshold) |
                                   (to_nano(c->slow_call_rate_threshold) << 30) |
                                   ((uint64_t)c->detector << 60) | ((uint64_t)c->open_jitter << 61));
    store_release(&w[W_LIMITS], c->minimum_calls | ((uint64_t)c->consecutive_failures << 20) |
                                    ((uint64_t)c->failure_count_threshold << 40));
    store_release(&w[W_PROBE_LIMITS],
                  (c->half_open_max_calls - 1) | ((uint64_t)c->success_threshold << 6) |
                      ((uint64_t)c->half_open_failure_threshold << 20) |
                      (to_nano(c->open_jitter_fraction) << 34));
    store_release(&w[W_SLOW], c->slow_call_duration_ns);
    store_release(&w[W_OPEN], c->open_duration_ns);
    store_release(&w[W_OPEN_MAX], c->open_duration_max_ns);
    store_release(&w[W_MULTIPLIER], to_nano(c->open_backoff_multiplier));
    store_release(&w[W_TTL], c->half_open_permit_ttl_ns);
    store_release(&w[W_TIMEOUT], c->request_timeout_ns);
    store_release(&w[W_CANCELLED], c->cancelled_counts_after_ns);
    store_release(&w[W_DECAY], c->cusum_idle_decay_ns);
    store_release(&w[W_DESIGN], design_word(c->cusum_up, c->cusum_down, c->cusum_threshold) |
                                    (design_word(c->slow_cusum_up, c->slow_cusum_down,
                                                 c->slow_cusum_threshold) << 32));
    store_release(&w[W_FAILURE_PAIR],
                  to_nano(c->tolerated_failure_rate) | (to_nano(c->outage_failure_rate) << 32));
    store_release(&w[W_SLOW_PAIR], to_nano(c->tolerated_slow_rate) | (to_nano(c->outage_slow_rate) << 32));
    store_release(&w[W_FALSE_EVERY], real_bits(c->false_open_every));
    store_release(&w[W_DETECT], real_bits(c->cusum_calls_to_detect_outage));
    store_release(&w[W_SEED], c->seed);
}

static void birth(trifuse_breaker *b, const trifuse_breaker_config *c, uint64_t now) {
    static const uint32_t causes[TRIFUSE_STATES] = {
        TRIFUSE_CAUSE_NONE,   TRIFUSE_CAUSE_TRIPPED, TRIFUSE_CAUSE_NONE,
        TRIFUSE_CAUSE_FORCED, TRIFUSE_CAUSE_FORCED,  TRIFUSE_CAUSE_FORCED};
    uint64_t s = state_word(1, 0, 1, causes[c->initial_state], c->initial_state);
    store_release(&b->w[W_DEADLINE], 0);
    store_release(&b->w[W_SINCE], now);
    store_release(&b->w[W_STATE], s);
    call at = {.b = b, .now = now};
    if (c->initial_state == TRIFUSE_STATE_OPEN) (void)deadline_of(&at, s);
}

/* The sequence of each lease begins elsewhere, so that no permit can be made out of a neighbour's. */
static void leases_write(trifuse_breaker *b, uint32_t leases) {
    uint64_t salt = load_relaxed(&b->w[W_SALT]);
    for (uint32_t i = 0; i < leases; i++) {
        uint64_t sequence = mix(salt, i, load_relaxed(&b->w[W_SEED])) & 0xFFFF;
        store_release(&b->tail[2 * i], sequence << 16);
        store_release(&b->tail[2 * i + 1], sequence & 511);
    }
}

static void breaker_write(void *memory, size_t size, const trifuse_breaker_config *known,
                          uint64_t now_ns) {
    trifuse_breaker *b = memory;
    uint64_t now = now_ns ? now_ns : trifuse_now_ns();
    uint32_t leases = lease_room_for(known);
    size_t room = size / 8 - W_LEASES - 2u * leases;
    memset(memory, 0, size / 8 * 8);
    store_release(&b->w[W_MEMORY], leases | ((uint64_t)min64(room, 0xFFFF) << 8));
    store_release(&b->w[W_SALT], mix(known->seed, now, (uint64_t)(uintptr_t)memory) & 0xFFF);
    config_store(b, known);
    leases_write(b, leases);
    store_release(&b->w[W_SHAPE], shape_word(known));
    store_release(&b->w[W_SHAPE_ODD], 3ULL << 62);
    store_release(&b->w[W_GENERATION], (1ULL << 32) | 1); /* to be cleaned by the first outcome */
    birth(b, known, now);
    store_release(&b->w[W_MAGIC], MAGIC);
}

size_t trifuse_breaker_size(const trifuse_breaker_config *config) {
    trifuse_breaker_config known;
    return config_read(config, &known, NULL) == TRIFUSE_OK ? breaker_bytes(&known) : 0;
}

static int check_memory(const void *memory, size_t size, size_t least) {
    if ((uintptr_t)memory % 8 != 0) return TRIFUSE_ERROR_ALIGNMENT;
    return size < least ? TRIFUSE_ERROR_MEMORY_SIZE : TRIFUSE_OK;
}

int trifuse_breaker_init(void *memory, size_t size, const trifuse_breaker_config *config,
                         uint64_t now_ns, trifuse_config_error *error, trifuse_breaker **breaker) {
    if (!memory || !breaker) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_breaker_config known;
    int result = config_take(config, &known, error);
    if (result == TRIFUSE_OK) result = check_memory(memory, size, breaker_bytes(&known));
    if (result != TRIFUSE_OK) return result;
    breaker_write(memory, size, &known, now_ns);
    *breaker = memory;
    return TRIFUSE_OK;
}

int trifuse_breaker_attach(void *memory, size_t size, trifuse_breaker **breaker) {
    if (!memory || !breaker) return TRIFUSE_ERROR_ARGUMENT;
    int result = check_memory(memory, size, W_LEASES * 8u);
    if (result != TRIFUSE_OK) return result;
    trifuse_breaker *b = memory;
    if (load_acquire(&b->w[W_MAGIC]) != MAGIC) return TRIFUSE_ERROR_NOT_AN_OBJECT;
    size_t words = W_LEASES + 2u * lease_room(b) + window_room(b);
    if (size / 8 < words) return TRIFUSE_ERROR_MEMORY_SIZE;
    *breaker = b;
    return TRIFUSE_OK;
}
