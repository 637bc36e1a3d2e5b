/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checking a configuration: every field against its range, then the fields against each other. */
#include "fields.h"

#define YEAR TRIFUSE_DURATION_MAX_NS
#define COUNT_MAX 1000000u

#define AT(member) (uint32_t)offsetof(trifuse_breaker_config, member)
#define INTEGER(id, member, least, most, text) FIELD_INTEGER(id, AT(member), least, most, text)
#define REAL(id, member, least, most, text) FIELD_REAL(id, AT(member), least, most, text)
#define DURATION(id, member, least, text) FIELD_DURATION(id, AT(member), least, text)

static const char any_duration[] = "0 (off) to 365 days";
static const char cusum_rate[] = "0.001 to 0.99";
static const field_rule breaker_rules[] = {
    INTEGER(FLAGS, flags, 0, 0, "0"),
    INTEGER(FLAGS, reserved, 0, 0, "0"),
    INTEGER(WINDOW_KIND, window_kind, 0, 1, "time (0) or count (1)"),
    INTEGER(WINDOW_BUCKETS, window_buckets, 1, 64, "1 to 64"),
    DURATION(WINDOW_DURATION, window_duration_ns, 1, "1 microsecond a bucket to 365 days"),
    INTEGER(WINDOW_COUNT, window_count, 1, 4096, "1 to 4096"),
    INTEGER(MINIMUM_CALLS, minimum_calls, 1, COUNT_MAX, "1 to 1000000"),
    REAL(FAILURE_RATE_THRESHOLD, failure_rate_threshold, 0, 1, "0.0 to 1.0"),
    DURATION(SLOW_CALL_DURATION, slow_call_duration_ns, 0, any_duration),
    REAL(SLOW_CALL_RATE_THRESHOLD, slow_call_rate_threshold, 0, 1, "0.0 to 1.0"),
    INTEGER(CONSECUTIVE_FAILURES, consecutive_failures, 0, COUNT_MAX, "0 (off) to 1000000"),
    INTEGER(FAILURE_COUNT_THRESHOLD, failure_count_threshold, 0, COUNT_MAX, "0 (off) to 1000000"),
    INTEGER(DETECTOR, detector, 0, 1, "rate (0) or cusum (1)"),
    INTEGER(INITIAL_STATE, initial_state, 0, 5, "a state, 0 to 5"),
    DURATION(OPEN_DURATION, open_duration_ns, 1, "more than 0, to 365 days"),
    DURATION(OPEN_DURATION_MAX, open_duration_max_ns, 0, "0 (automatic), or open_duration to 365 days"),
    REAL(OPEN_BACKOFF_MULTIPLIER, open_backoff_multiplier, 1, 1000, "1.0 to 1000.0"),
    INTEGER(OPEN_JITTER, open_jitter, 0, 2, "none (0), proportional (1) or full (2)"),
    REAL(OPEN_JITTER_FRACTION, open_jitter_fraction, 0, 1, "0.0 to 1.0"),
    INTEGER(HALF_OPEN_MAX_CALLS, half_open_max_calls, 1, 64, "1 to 64"),
    INTEGER(SUCCESS_THRESHOLD, success_threshold, 1, 10000, "1 to 10000"),
    INTEGER(HALF_OPEN_FAILURE_THRESHOLD, half_open_failure_threshold, 1, 10000, "1 to 10000"),
    DURATION(HALF_OPEN_PERMIT_TTL, half_open_permit_ttl_ns, 0,
             "0 (automatic), or more than request_timeout, to 365 days"),
    DURATION(REQUEST_TIMEOUT, request_timeout_ns, 0, "0 (none) to 365 days"),
    DURATION(CANCELLED_COUNTS_AFTER, cancelled_counts_after_ns, 0, any_duration),
    REAL(TOLERATED_FAILURE_RATE, tolerated_failure_rate, 0.001, 0.99, cusum_rate),
    REAL(OUTAGE_FAILURE_RATE, outage_failure_rate, 0.001, 0.99, cusum_rate),
    REAL(TOLERATED_SLOW_RATE, tolerated_slow_rate, 0, 0.99, "0 (off), or 0.001 to 0.99"),
    REAL(OUTAGE_SLOW_RATE, outage_slow_rate, 0.001, 0.99, cusum_rate),
    REAL(FALSE_OPEN_EVERY, false_open_every, 1, 1e15, "1 to 1e15 calls"),
    DURATION(CUSUM_IDLE_DECAY, cusum_idle_decay_ns, 0, "0 (never), or 100 milliseconds to 365 days"),
    INTEGER(CUSUM_DESIGN, cusum_up, 0, 15984, "0 (to be solved), or up 1 to 15984"),
    INTEGER(CUSUM_DESIGN, slow_cusum_up, 0, 15984, "0 (to be solved), or up 1 to 15984"),
    REAL(CUSUM_DESIGN, cusum_calls_to_detect_outage, 0, 1e300, "0 (not known) or more"),
    INTEGER(RESERVE_WINDOW_BUCKETS, reserve_window_buckets, 0, 64, "0 to 64"),
    INTEGER(RESERVE_WINDOW_COUNT, reserve_window_count, 0, 4096, "0 to 4096"),
    INTEGER(RESERVE_HALF_OPEN_CALLS, reserve_half_open_calls, 0, 64, "0 to 64"),
};
static const field_rules breaker_fields = FIELD_RULES(breaker_rules);
#undef AT
#undef INTEGER
#undef REAL
#undef DURATION

/* A design given with the configuration: all of it, within the lattice. */
static int check_design(uint32_t up, uint32_t down, uint32_t threshold, trifuse_config_error *error) {
    if (up == 0) return TRIFUSE_OK;
    if (down < 1 || down > 16)
        return refuse(error, TRIFUSE_FIELD_CUSUM_DESIGN, "down 1 to 16 with up", down);
    if (threshold < 1 || threshold > 4096)
        return refuse(error, TRIFUSE_FIELD_CUSUM_DESIGN, "threshold 1 to 4096 with up", threshold);
    return TRIFUSE_OK;
}

static int check_rates(const trifuse_breaker_config *c, trifuse_config_error *error) {
    if (to_nano(c->tolerated_failure_rate) >= to_nano(c->outage_failure_rate))
        return refuse_real(error, TRIFUSE_FIELD_OUTAGE_FAILURE_RATE,
                           "more than tolerated_failure_rate, to 0.99", c->outage_failure_rate);
    if (c->tolerated_slow_rate > 0 && c->tolerated_slow_rate < 0.001)
        return refuse_real(error, TRIFUSE_FIELD_TOLERATED_SLOW_RATE, "0 (off), or 0.001 to 0.99",
                           c->tolerated_slow_rate);
    if (to_nano(c->tolerated_slow_rate) >= to_nano(c->outage_slow_rate))
        return refuse_real(error, TRIFUSE_FIELD_OUTAGE_SLOW_RATE,
                           "more than tolerated_slow_rate, to 0.99", c->outage_slow_rate);
    int result = check_design(c->cusum_up, c->cusum_down, c->cusum_threshold, error);
    if (result != TRIFUSE_OK) return result;
    return check_design(c->slow_cusum_up, c->slow_cusum_down, c->slow_cusum_threshold, error);
}

static int check_durations(const trifuse_breaker_config *c, trifuse_config_error *error) {
    if (c->window_duration_ns / c->window_buckets < 1000)
        return refuse_duration(error, TRIFUSE_FIELD_WINDOW_DURATION,
                               "1 microsecond a bucket (window_duration / window_buckets) to 365 days",
                               c->window_duration_ns);
    if (c->open_duration_max_ns != 0 && c->open_duration_max_ns < c->open_duration_ns)
        return refuse_duration(error, TRIFUSE_FIELD_OPEN_DURATION_MAX,
                               "0 (automatic), or open_duration to 365 days", c->open_duration_max_ns);
    if (c->half_open_permit_ttl_ns != 0 && c->half_open_permit_ttl_ns <= c->request_timeout_ns)
        return refuse_duration(error, TRIFUSE_FIELD_HALF_OPEN_PERMIT_TTL,
                               "0 (automatic), or more than request_timeout, to 365 days",
                               c->half_open_permit_ttl_ns);
    if (c->cusum_idle_decay_ns != 0 && c->cusum_idle_decay_ns < NANO / 10)
        return refuse_duration(error, TRIFUSE_FIELD_CUSUM_IDLE_DECAY,
                               "0 (never), or 100 milliseconds to 365 days", c->cusum_idle_decay_ns);
    return TRIFUSE_OK;
}

/* The given struct in the library's own length, checked. */
static int config_read(const trifuse_breaker_config *given, trifuse_breaker_config *known,
                       trifuse_config_error *error) {
    int result = fields_read(given, known, &defaults, sizeof *known, &breaker_fields, error);
    if (result == TRIFUSE_OK) result = check_durations(known, error);
    return result != TRIFUSE_OK ? result : check_rates(known, error);
}

static int solve_failure(trifuse_breaker_config *c, trifuse_config_error *error) {
    trifuse_cusum_design design = {.tolerated_rate = c->tolerated_failure_rate,
                                   .outage_rate = c->outage_failure_rate,
                                   .false_open_every = c->false_open_every};
    int result = design_solve(&design, TRIFUSE_FIELD_TOLERATED_FAILURE_RATE, error);
    if (result != TRIFUSE_OK) return result;
    c->cusum_up = design.up;
    c->cusum_down = design.down;
    c->cusum_threshold = design.threshold;
    c->cusum_calls_to_detect_outage = design.calls_to_detect_outage;
    return TRIFUSE_OK;
}

static int solve_slow(trifuse_breaker_config *c, trifuse_config_error *error) {
    trifuse_cusum_design design = {.tolerated_rate = c->tolerated_slow_rate,
                                   .outage_rate = c->outage_slow_rate,
                                   .false_open_every = c->false_open_every};
    int result = design_solve(&design, TRIFUSE_FIELD_TOLERATED_SLOW_RATE, error);
    if (result != TRIFUSE_OK) return result;
    c->slow_cusum_up = design.up;
    c->slow_cusum_down = design.down;
    c->slow_cusum_threshold = design.threshold;
    return TRIFUSE_OK;
}

/* Read, checked and with its designs: what is off has none. */
static int config_take(const trifuse_breaker_config *given, trifuse_breaker_config *known,
                       trifuse_config_error *error) {
    int result = config_read(given, known, error);
    if (result != TRIFUSE_OK) return result;
    bool cusum = known->detector == TRIFUSE_DETECTOR_CUSUM;
    bool slow = cusum && known->slow_call_duration_ns != 0 && known->tolerated_slow_rate > 0;
    if (!cusum) known->cusum_up = 0;
    if (!slow) known->slow_cusum_up = 0;
    if (cusum && known->cusum_up == 0) result = solve_failure(known, error);
    if (result == TRIFUSE_OK && slow && known->slow_cusum_up == 0) result = solve_slow(known, error);
    return result;
}

int trifuse_breaker_config_check(const trifuse_breaker_config *config, trifuse_config_error *error) {
    trifuse_breaker_config known;
    return config_read(config, &known, error);
}

int trifuse_cusum_solve(trifuse_cusum_design *design, trifuse_config_error *error) {
    if (!design) return TRIFUSE_ERROR_ARGUMENT;
    if (design->struct_size < sizeof *design) return TRIFUSE_ERROR_STRUCT_SIZE;
    if (!(design->tolerated_rate >= 0.001 && design->tolerated_rate <= 0.99))
        return refuse_real(error, TRIFUSE_FIELD_TOLERATED_FAILURE_RATE, cusum_rate, design->tolerated_rate);
    if (!(design->outage_rate >= 0.001 && design->outage_rate <= 0.99 &&
          to_nano(design->outage_rate) > to_nano(design->tolerated_rate)))
        return refuse_real(error, TRIFUSE_FIELD_OUTAGE_FAILURE_RATE,
                           "more than tolerated_failure_rate, to 0.99", design->outage_rate);
    if (!(design->false_open_every >= 1 && design->false_open_every <= 1e15))
        return refuse_real(error, TRIFUSE_FIELD_FALSE_OPEN_EVERY, "1 to 1e15 calls",
                           design->false_open_every);
    return design_solve(design, TRIFUSE_FIELD_TOLERATED_FAILURE_RATE, error);
}
