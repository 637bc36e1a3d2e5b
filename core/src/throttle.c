/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Adaptive throttle: refuses with a probability that grows as the backend takes on less of what it is asked.
 *
 *   line 0   MAGIC WORDS WIDTH BUCKETS K SEED HEAD
 *   line 1   TOTAL x3, TOLD x3, DRAWS
 *   line 2   admitted, a ring of BUCKETS words; then refused; then accepted (ring.c)
 *
 *   K      in units of 1e-9
 *   DRAWS  how many draws were made; the random bits of one are a hash of (seed, its number, now)
 *
 * A request sums the rings, draws if the probability is not 0, and is one addition to the bucket of what it
 * became; an accept is one addition to its own. While the backend takes on all there is no draw. Requests
 * that are decided at the same time do not see each other: each is drawn with the probability of a moment
 * ago. Dying between the draw and the addition is a request that nobody made. */
#include "object.h"

enum { ADMITTED, REFUSED, ACCEPTED, THROTTLE_SERIES };
enum {
    T_WIDTH = O_FIRST, T_BUCKETS, T_K, T_SEED, T_HEAD,
    T_TOTAL = 8, T_DRAWS = T_TOTAL + 2 * THROTTLE_SERIES, T_RING = 16
};

struct trifuse_throttle { word w[T_RING]; };

#define THROTTLE_MAGIC 0x000174746F726874ULL /* "thrott", layout 1 */

static const trifuse_throttle_config throttle_defaults = {
    .struct_size = sizeof(trifuse_throttle_config),
    .window_duration_ns = 30 * NANO,
    .window_buckets = 10,
    .k = 2.0,
};

#define AT(member) (uint32_t)offsetof(trifuse_throttle_config, member)
static const char bucket_of_a_microsecond[] =
    "1 microsecond a bucket (window_duration / window_buckets) to 365 days";
static const field_rule throttle_rule_table[] = {
    FIELD_INTEGER(FLAGS, AT(flags), 0, 0, "0"),
    FIELD_INTEGER(FLAGS, AT(reserved), 0, 0, "0"),
    FIELD_INTEGER(WINDOW_BUCKETS, AT(window_buckets), 1, 64, "1 to 64"),
    FIELD_DURATION(WINDOW_DURATION, AT(window_duration_ns), 1, bucket_of_a_microsecond),
    FIELD_REAL(K, AT(k), 1, 1000, "1.0 to 1000.0"),
};
static const field_rules throttle_fields = FIELD_RULES(throttle_rule_table);
#undef AT

int trifuse_throttle_config_init(trifuse_throttle_config *config, size_t struct_size) {
    return fields_init(config, struct_size, &throttle_defaults, sizeof throttle_defaults);
}

static int throttle_take(const trifuse_throttle_config *given, trifuse_throttle_config *known,
                         trifuse_config_error *error) {
    int result = fields_read(given, known, &throttle_defaults, sizeof *known, &throttle_fields, error);
    if (result != TRIFUSE_OK || known->window_duration_ns / known->window_buckets >= 1000) return result;
    return refuse_duration(error, TRIFUSE_FIELD_WINDOW_DURATION, bucket_of_a_microsecond,
                           known->window_duration_ns);
}

static size_t throttle_words(const trifuse_throttle_config *known) {
    return T_RING + THROTTLE_SERIES * ring_stride(known->window_buckets);
}

static ring throttle_ring(word *w) {
    return (ring){&w[T_HEAD], &w[T_TOTAL], &w[T_RING], load_relaxed(&w[T_WIDTH]),
                  (uint32_t)load_relaxed(&w[T_BUCKETS]), THROTTLE_SERIES, THROTTLE_SERIES};
}

static void throttle_write(word *w, const trifuse_throttle_config *known, uint64_t now_ns) {
    store_release(&w[T_WIDTH], known->window_duration_ns / known->window_buckets);
    store_release(&w[T_BUCKETS], known->window_buckets);
    store_release(&w[T_K], to_nano(known->k));
    store_release(&w[T_SEED], known->seed);
    ring_begin(throttle_ring(w), now_ns);
}

OBJECT_FUNCTIONS(throttle, THROTTLE_MAGIC)

/* requests - k * accepts in units of 1e-9; 0 where that is not more than 0. */
static wide throttle_excess(uint64_t requests, uint64_t accepts, uint64_t k) {
    wide all = multiply(requests, NANO), taken = multiply(accepts, k);
    if (!product_exceeds(requests, NANO, accepts, k)) return (wide){0, 0};
    return (wide){all.high - taken.high - (all.low < taken.low), all.low - taken.low};
}

/* Whether x / 2^64 < excess / (10^9 * (requests + 1)), exactly. */
static bool throttle_drawn(uint64_t x, wide excess, uint64_t requests) {
    wide whole = multiply(requests + 1, NANO), scaled = multiply(x, whole.high);
    uint64_t carried = multiply(x, whole.low).high;
    scaled.low += carried;
    scaled.high += scaled.low < carried;
    return scaled.high != excess.high ? scaled.high < excess.high : scaled.low < excess.low;
}

static bool throttle_refuses(word *w, ring r, uint64_t newest, uint64_t now) {
    uint64_t accepts = ring_sum(r, ACCEPTED, newest, 0);
    uint64_t requests = ring_sum(r, ADMITTED, newest, 0) + ring_sum(r, REFUSED, newest, 0);
    wide excess = throttle_excess(requests, accepts, load_relaxed(&w[T_K]));
    if ((excess.high | excess.low) == 0) return false;
    uint64_t x = mix(load_relaxed(&w[T_SEED]), count_relaxed(&w[T_DRAWS]), now);
    return throttle_drawn(x, excess, requests);
}

int trifuse_throttle_try_acquire(trifuse_throttle *throttle, uint64_t now_ns) {
    if (!throttle) return TRIFUSE_ERROR_ARGUMENT;
    uint64_t now = now_ns ? now_ns : trifuse_now_ns();
    ring r = throttle_ring(throttle->w);
    bool refused = throttle_refuses(throttle->w, r, ring_enter(r, now), now);
    ring_add(r, refused ? REFUSED : ADMITTED, now);
    return refused ? TRIFUSE_REFUSED_THROTTLED : TRIFUSE_OK;
}

int trifuse_throttle_accept(trifuse_throttle *throttle, uint64_t now_ns) {
    if (!throttle) return TRIFUSE_ERROR_ARGUMENT;
    ring_add(throttle_ring(throttle->w), ACCEPTED, now_ns ? now_ns : trifuse_now_ns());
    return TRIFUSE_OK;
}

int trifuse_throttle_get_snapshot(trifuse_throttle *throttle, uint64_t now_ns,
                                  trifuse_throttle_snapshot *snapshot) {
    if (!throttle || !snapshot) return TRIFUSE_ERROR_ARGUMENT;
    ring r = throttle_ring(throttle->w);
    uint64_t sums[THROTTLE_SERIES] = {0};
    ring_read(r, now_ns ? now_ns : trifuse_now_ns(), sums);
    uint64_t requests = sums[ADMITTED] + sums[REFUSED];
    wide excess = throttle_excess(requests, sums[ACCEPTED], load_relaxed(&throttle->w[T_K]));
    double over = (double)excess.high * 18446744073709551616.0 + (double)excess.low;
    trifuse_throttle_snapshot s = {
        .requests = requests,
        .accepts = sums[ACCEPTED],
        .probability = over / ((double)NANO * ((double)requests + 1.0)),
        .admitted = ring_total(r, ADMITTED),
        .refused = ring_total(r, REFUSED),
        .accepted = ring_total(r, ACCEPTED),
    };
    return struct_fill(snapshot, &s, sizeof s);
}
