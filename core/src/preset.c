/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The defaults and the presets. */
#include "fields.h"

#define SECONDS(n) ((n) * NANO)

static const trifuse_breaker_config defaults = {
    .struct_size = sizeof(trifuse_breaker_config),
    .window_kind = TRIFUSE_WINDOW_TIME,
    .window_buckets = 10,
    .window_duration_ns = SECONDS(60),
    .window_count = 100,
    .minimum_calls = 10,
    .failure_rate_threshold = 0.5,
    .slow_call_rate_threshold = 1.0,
    .open_duration_ns = SECONDS(30),
    .open_backoff_multiplier = 1.0,
    .open_jitter_fraction = 0.1,
    .half_open_max_calls = 5,
    .success_threshold = 1,
    .half_open_failure_threshold = 1,
    .request_timeout_ns = SECONDS(5),
    .tolerated_failure_rate = 0.3,
    .outage_failure_rate = 0.7,
    .outage_slow_rate = 0.7,
    .false_open_every = 1e6,
    .cusum_idle_decay_ns = SECONDS(60),
};

/* Presets by failure rate: threshold, minimum calls, open s, probes, request timeout s. */
static const struct rate_preset {
    uint32_t preset;
    double threshold;
    uint32_t calls, open, probes, timeout;
} rate_presets[] = {
    {TRIFUSE_PRESET_AGGRESSIVE, 0.3, 5, 10, 3, 2}, {TRIFUSE_PRESET_CONSERVATIVE, 0.7, 20, 60, 10, 10},
    {TRIFUSE_PRESET_LLM, 0.5, 5, 30, 1, 30},       {TRIFUSE_PRESET_PAYMENT, 0.3, 5, 10, 3, 3},
    {TRIFUSE_PRESET_USER, 0.6, 15, 30, 8, 5},      {TRIFUSE_PRESET_RECOMMENDATION, 0.2, 3, 5, 2, 1},
};

/* Service profiles by failures in a row: failures, open s, request timeout s. */
static const struct run_preset { uint32_t preset, failures, open, timeout; } run_presets[] = {
    {TRIFUSE_PRESET_CRITICAL, 3, 30, 30},
    {TRIFUSE_PRESET_NORMAL, 5, 30, 10},
    {TRIFUSE_PRESET_BATCH, 10, 60, 60},
};

static void rate_preset_apply(trifuse_breaker_config *c, uint32_t preset) {
    for (size_t i = 0; i < sizeof rate_presets / sizeof rate_presets[0]; i++) {
        const struct rate_preset *p = &rate_presets[i];
        if (p->preset != preset) continue;
        c->failure_rate_threshold = p->threshold;
        c->minimum_calls = p->calls;
        c->open_duration_ns = SECONDS(p->open);
        c->half_open_max_calls = p->probes;
        c->request_timeout_ns = SECONDS(p->timeout);
    }
    if (preset == TRIFUSE_PRESET_LLM) c->cancelled_counts_after_ns = SECONDS(10);
}

static void run_preset_apply(trifuse_breaker_config *c, uint32_t preset) {
    for (size_t i = 0; i < sizeof run_presets / sizeof run_presets[0]; i++) {
        const struct run_preset *p = &run_presets[i];
        if (p->preset != preset) continue;
        c->failure_rate_threshold = 1.0;
        c->consecutive_failures = p->failures;
        c->open_duration_ns = SECONDS(p->open);
        c->request_timeout_ns = SECONDS(p->timeout);
        c->success_threshold = 2;
    }
}

static void adaptive_apply(trifuse_breaker_config *c) {
    c->detector = TRIFUSE_DETECTOR_CUSUM;
    c->open_duration_ns = NANO / 5;
    c->open_duration_max_ns = SECONDS(5);
    c->open_backoff_multiplier = 2.0;
    c->open_jitter = TRIFUSE_JITTER_FULL;
    c->success_threshold = 3;
}

int trifuse_breaker_config_init(trifuse_breaker_config *config, size_t struct_size, uint32_t preset) {
    if (preset > TRIFUSE_PRESET_RECOMMENDATION) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_breaker_config full = defaults;
    rate_preset_apply(&full, preset);
    run_preset_apply(&full, preset);
    if (preset == TRIFUSE_PRESET_ADAPTIVE) adaptive_apply(&full);
    return fields_init(config, struct_size, &full, sizeof full);
}
