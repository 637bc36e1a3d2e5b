/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Names of every enum-like constant, both ways. */
#include "internal.h"

typedef struct name { int64_t value; const char *text; } name;
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

static const name result_names[] = {
    {TRIFUSE_OK, "ok"}, {TRIFUSE_REFUSED_OPEN, "open"},
    {TRIFUSE_REFUSED_HALF_OPEN_LIMIT, "half_open_limit"}, {TRIFUSE_REFUSED_FORCED_OPEN, "forced_open"},
    {TRIFUSE_REFUSED_RATE_LIMITED, "rate_limited"}, {TRIFUSE_REFUSED_BULKHEAD_FULL, "bulkhead_full"},
    {TRIFUSE_REFUSED_THROTTLED, "throttled"}, {TRIFUSE_REFUSED_RETRY_BUDGET, "retry_budget"},
    {TRIFUSE_REFUSED_HEDGE_BUDGET, "hedge_budget"}, {TRIFUSE_LATE, "late"}, {TRIFUSE_STALE, "stale"},
    {TRIFUSE_EMPTY, "empty"}, {TRIFUSE_STOP_RETRIES, "stop_retries"},
    {TRIFUSE_STOP_DEADLINE, "stop_deadline"}, {TRIFUSE_STOP_RETRY_AFTER, "stop_retry_after"},
    {TRIFUSE_ERROR_ARGUMENT, "error_argument"},
    {TRIFUSE_ERROR_CONFIG, "error_config"}, {TRIFUSE_ERROR_STRUCT_SIZE, "error_struct_size"},
    {TRIFUSE_ERROR_MEMORY_SIZE, "error_memory_size"}, {TRIFUSE_ERROR_ALIGNMENT, "error_alignment"},
    {TRIFUSE_ERROR_NOT_AN_OBJECT, "error_not_an_object"}, {TRIFUSE_ERROR_NO_MEMORY, "error_no_memory"},
    {TRIFUSE_ERROR_UNSUPPORTED, "error_unsupported"}, {TRIFUSE_ERROR_TEXT, "error_text"},
    {TRIFUSE_ERROR_OVER_CAPACITY, "error_over_capacity"}, {TRIFUSE_ERROR_NOT_HELD, "error_not_held"}};

static const name state_names[] = {
    {TRIFUSE_STATE_CLOSED, "closed"}, {TRIFUSE_STATE_OPEN, "open"},
    {TRIFUSE_STATE_HALF_OPEN, "half_open"}, {TRIFUSE_STATE_FORCED_OPEN, "forced_open"},
    {TRIFUSE_STATE_DISABLED, "disabled"}, {TRIFUSE_STATE_METRICS_ONLY, "metrics_only"}};

static const name outcome_names[] = {
    {TRIFUSE_OUTCOME_SUCCESS, "success"}, {TRIFUSE_OUTCOME_FAILURE, "failure"},
    {TRIFUSE_OUTCOME_TIMEOUT, "timeout"}, {TRIFUSE_OUTCOME_IGNORED, "ignored"}};

static const name cause_names[] = {
    {TRIFUSE_CAUSE_NONE, "none"}, {TRIFUSE_CAUSE_FAILURE_RATE, "failure_rate"},
    {TRIFUSE_CAUSE_FAILURE_COUNT, "failure_count"}, {TRIFUSE_CAUSE_SLOW_RATE, "slow_rate"},
    {TRIFUSE_CAUSE_CONSECUTIVE, "consecutive_failures"}, {TRIFUSE_CAUSE_CUSUM, "cusum"},
    {TRIFUSE_CAUSE_PROBE_FAILED, "probe_failed"}, {TRIFUSE_CAUSE_PROBES_SUCCEEDED, "probes_succeeded"},
    {TRIFUSE_CAUSE_WAIT_OVER, "wait_over"}, {TRIFUSE_CAUSE_TRIPPED, "tripped"},
    {TRIFUSE_CAUSE_FORCED, "forced"}, {TRIFUSE_CAUSE_RESET, "reset"}};

static const name preset_names[] = {
    {TRIFUSE_PRESET_DEFAULT, "default"}, {TRIFUSE_PRESET_ADAPTIVE, "adaptive"},
    {TRIFUSE_PRESET_AGGRESSIVE, "aggressive"}, {TRIFUSE_PRESET_CONSERVATIVE, "conservative"},
    {TRIFUSE_PRESET_LLM, "llm"}, {TRIFUSE_PRESET_CRITICAL, "critical"},
    {TRIFUSE_PRESET_NORMAL, "normal"}, {TRIFUSE_PRESET_BATCH, "batch"},
    {TRIFUSE_PRESET_PAYMENT, "payment"}, {TRIFUSE_PRESET_USER, "user"},
    {TRIFUSE_PRESET_RECOMMENDATION, "recommendation"}};

static const name window_names[] = {{TRIFUSE_WINDOW_TIME, "time"}, {TRIFUSE_WINDOW_COUNT, "count"}};
static const name detector_names[] = {{TRIFUSE_DETECTOR_RATE, "rate"}, {TRIFUSE_DETECTOR_CUSUM, "cusum"}};
static const name jitter_names[] = {{TRIFUSE_JITTER_NONE, "none"},
                                    {TRIFUSE_JITTER_PROPORTIONAL, "proportional"},
                                    {TRIFUSE_JITTER_FULL, "full"},
                                    {TRIFUSE_JITTER_EQUAL, "equal"},
                                    {TRIFUSE_JITTER_DECORRELATED, "decorrelated"}};
static const name limiter_kind_names[] = {{TRIFUSE_LIMITER_TOKEN_BUCKET, "token_bucket"},
                                          {TRIFUSE_LIMITER_SLIDING_LOG, "sliding_log"},
                                          {TRIFUSE_LIMITER_SLIDING_COUNTER, "sliding_counter"},
                                          {TRIFUSE_LIMITER_FIXED_WINDOW, "fixed_window"}};
static const name algorithm_names[] = {{TRIFUSE_ALGORITHM_FIXED, "fixed"},
                                       {TRIFUSE_ALGORITHM_AIMD, "aimd"},
                                       {TRIFUSE_ALGORITHM_VEGAS, "vegas"},
                                       {TRIFUSE_ALGORITHM_GRADIENT2, "gradient2"}};
static const name strategy_names[] = {{TRIFUSE_STRATEGY_FIXED, "fixed"},
                                      {TRIFUSE_STRATEGY_LINEAR, "linear"},
                                      {TRIFUSE_STRATEGY_EXPONENTIAL, "exponential"}};

static const name field_names[] = {
    {TRIFUSE_FIELD_NONE, "none"}, {TRIFUSE_FIELD_FLAGS, "flags"},
    {TRIFUSE_FIELD_WINDOW_KIND, "window_kind"}, {TRIFUSE_FIELD_WINDOW_BUCKETS, "window_buckets"},
    {TRIFUSE_FIELD_WINDOW_DURATION, "window_duration"}, {TRIFUSE_FIELD_WINDOW_COUNT, "window_count"},
    {TRIFUSE_FIELD_MINIMUM_CALLS, "minimum_calls"},
    {TRIFUSE_FIELD_FAILURE_RATE_THRESHOLD, "failure_rate_threshold"},
    {TRIFUSE_FIELD_SLOW_CALL_DURATION, "slow_call_duration"},
    {TRIFUSE_FIELD_SLOW_CALL_RATE_THRESHOLD, "slow_call_rate_threshold"},
    {TRIFUSE_FIELD_CONSECUTIVE_FAILURES, "consecutive_failures"},
    {TRIFUSE_FIELD_FAILURE_COUNT_THRESHOLD, "failure_count_threshold"},
    {TRIFUSE_FIELD_DETECTOR, "detector"}, {TRIFUSE_FIELD_INITIAL_STATE, "initial_state"},
    {TRIFUSE_FIELD_OPEN_DURATION, "open_duration"}, {TRIFUSE_FIELD_OPEN_DURATION_MAX, "open_duration_max"},
    {TRIFUSE_FIELD_OPEN_BACKOFF_MULTIPLIER, "open_backoff_multiplier"},
    {TRIFUSE_FIELD_OPEN_JITTER, "open_jitter"},
    {TRIFUSE_FIELD_OPEN_JITTER_FRACTION, "open_jitter_fraction"},
    {TRIFUSE_FIELD_HALF_OPEN_MAX_CALLS, "half_open_max_calls"},
    {TRIFUSE_FIELD_SUCCESS_THRESHOLD, "success_threshold"},
    {TRIFUSE_FIELD_HALF_OPEN_FAILURE_THRESHOLD, "half_open_failure_threshold"},
    {TRIFUSE_FIELD_HALF_OPEN_PERMIT_TTL, "half_open_permit_ttl"},
    {TRIFUSE_FIELD_REQUEST_TIMEOUT, "request_timeout"},
    {TRIFUSE_FIELD_CANCELLED_COUNTS_AFTER, "cancelled_counts_after"},
    {TRIFUSE_FIELD_TOLERATED_FAILURE_RATE, "tolerated_failure_rate"},
    {TRIFUSE_FIELD_OUTAGE_FAILURE_RATE, "outage_failure_rate"},
    {TRIFUSE_FIELD_TOLERATED_SLOW_RATE, "tolerated_slow_rate"},
    {TRIFUSE_FIELD_OUTAGE_SLOW_RATE, "outage_slow_rate"},
    {TRIFUSE_FIELD_FALSE_OPEN_EVERY, "false_open_every"},
    {TRIFUSE_FIELD_CUSUM_IDLE_DECAY, "cusum_idle_decay"}, {TRIFUSE_FIELD_CUSUM_DESIGN, "cusum_design"},
    {TRIFUSE_FIELD_RESERVE_WINDOW_BUCKETS, "reserve_window_buckets"},
    {TRIFUSE_FIELD_RESERVE_WINDOW_COUNT, "reserve_window_count"},
    {TRIFUSE_FIELD_RESERVE_HALF_OPEN_CALLS, "reserve_half_open_calls"},
    {TRIFUSE_FIELD_SEED, "seed"}, {TRIFUSE_FIELD_KIND, "kind"}, {TRIFUSE_FIELD_RATE, "rate"},
    {TRIFUSE_FIELD_PERMITS, "permits"}, {TRIFUSE_FIELD_PERIOD, "period"},
    {TRIFUSE_FIELD_CAPACITY, "capacity"}, {TRIFUSE_FIELD_ALGORITHM, "algorithm"},
    {TRIFUSE_FIELD_LIMIT, "limit"}, {TRIFUSE_FIELD_MIN_LIMIT, "min_limit"},
    {TRIFUSE_FIELD_MAX_LIMIT, "max_limit"}, {TRIFUSE_FIELD_TIMEOUT, "timeout"},
    {TRIFUSE_FIELD_BACKOFF_RATIO, "backoff_ratio"}, {TRIFUSE_FIELD_ALPHA, "alpha"},
    {TRIFUSE_FIELD_BETA, "beta"}, {TRIFUSE_FIELD_PROBE_EVERY, "probe_every"},
    {TRIFUSE_FIELD_LONG_WINDOW, "long_window"}, {TRIFUSE_FIELD_TOLERANCE, "tolerance"},
    {TRIFUSE_FIELD_SMOOTHING, "smoothing"}, {TRIFUSE_FIELD_QUEUE_SIZE, "queue_size"},
    {TRIFUSE_FIELD_LONG_DECAY, "long_decay"}, {TRIFUSE_FIELD_STRATEGY, "strategy"},
    {TRIFUSE_FIELD_JITTER, "jitter"}, {TRIFUSE_FIELD_MAX_RETRIES, "max_retries"},
    {TRIFUSE_FIELD_DELAY, "delay"}, {TRIFUSE_FIELD_INCREMENT, "increment"},
    {TRIFUSE_FIELD_MULTIPLIER, "multiplier"}, {TRIFUSE_FIELD_MAX_DELAY, "max_delay"},
    {TRIFUSE_FIELD_MAX_ELAPSED, "max_elapsed"}, {TRIFUSE_FIELD_RETRY_AFTER_MAX, "retry_after_max"},
    {TRIFUSE_FIELD_TTL, "ttl"}, {TRIFUSE_FIELD_RATIO, "ratio"}, {TRIFUSE_FIELD_FLOOR, "floor"},
    {TRIFUSE_FIELD_K, "k"}, {TRIFUSE_FIELD_SLIDING, "sliding"}, {TRIFUSE_FIELD_SHARE, "share"},
    {TRIFUSE_FIELD_MAX_SAVED, "max_saved"}};

static const name advice_names[] = {
    {TRIFUSE_ADVICE_LOW_THRESHOLD, "low_threshold"}, {TRIFUSE_ADVICE_FEW_CALLS, "few_calls"},
    {TRIFUSE_ADVICE_LONG_OPEN, "long_open"}, {TRIFUSE_ADVICE_TIMEOUT_OVER_OPEN, "timeout_over_open"},
    {TRIFUSE_ADVICE_COUNT_WITHOUT_RATE, "count_without_rate"}, {TRIFUSE_ADVICE_NO_TIMEOUT, "no_timeout"},
    {TRIFUSE_ADVICE_NO_RULE, "no_rule"}, {TRIFUSE_ADVICE_COUNT_OUT_OF_REACH, "count_out_of_reach"},
    {TRIFUSE_ADVICE_SLOW_RULE_OFF, "slow_rule_off"},
    {TRIFUSE_ADVICE_SLOW_OVER_TIMEOUT, "slow_over_timeout"}};

static const char *text_of(const name *names, size_t n, int64_t value) {
    for (size_t i = 0; i < n; i++)
        if (names[i].value == value) return names[i].text;
    return "unknown";
}

static const name *name_of(const name *names, size_t n, const char *text) {
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i].text, text) == 0) return &names[i];
    return NULL;
}

#define CONVERSION(function, type, from, names)                                        \
    const char *function(type value) { return text_of(names, COUNT_OF(names), value); } \
    int from(const char *text, type *value) {                                    \
        if (!text || !value) return TRIFUSE_ERROR_ARGUMENT;                      \
        const name *found = name_of(names, COUNT_OF(names), text);               \
        if (!found) return TRIFUSE_ERROR_TEXT;                                   \
        *value = (type)found->value;                                             \
        return TRIFUSE_OK;                                                       \
    }

CONVERSION(trifuse_result_text, int, trifuse_result_from_text, result_names)
CONVERSION(trifuse_state_text, uint32_t, trifuse_state_from_text, state_names)
CONVERSION(trifuse_outcome_text, uint32_t, trifuse_outcome_from_text, outcome_names)
CONVERSION(trifuse_cause_text, uint32_t, trifuse_cause_from_text, cause_names)
CONVERSION(trifuse_preset_text, uint32_t, trifuse_preset_from_text, preset_names)
CONVERSION(trifuse_window_text, uint32_t, trifuse_window_from_text, window_names)
CONVERSION(trifuse_detector_text, uint32_t, trifuse_detector_from_text, detector_names)
CONVERSION(trifuse_jitter_text, uint32_t, trifuse_jitter_from_text, jitter_names)
CONVERSION(trifuse_limiter_kind_text, uint32_t, trifuse_limiter_kind_from_text, limiter_kind_names)
CONVERSION(trifuse_algorithm_text, uint32_t, trifuse_algorithm_from_text, algorithm_names)
CONVERSION(trifuse_strategy_text, uint32_t, trifuse_strategy_from_text, strategy_names)
CONVERSION(trifuse_field_text, uint32_t, trifuse_field_from_text, field_names)
CONVERSION(trifuse_advice_text, uint32_t, trifuse_advice_from_text, advice_names)
