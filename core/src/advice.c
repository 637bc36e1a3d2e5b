/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What a legal configuration is known to hurt. */
#include "fields.h"

static const struct advice { uint32_t code; const char *reason; } advices[] = {
    {TRIFUSE_ADVICE_LOW_THRESHOLD,
     "failure_rate_threshold of 0.1 or less: ordinary noise will open the circuit; raise it, or use the cusum "
     "detector"},
    {TRIFUSE_ADVICE_FEW_CALLS,
     "minimum_calls of 2 or less: one unlucky call decides; use at least 5"},
    {TRIFUSE_ADVICE_LONG_OPEN,
     "open_duration of 5 minutes or more: users stay cut off long after the service has recovered; use a shorter "
     "one with open_backoff_multiplier"},
    {TRIFUSE_ADVICE_TIMEOUT_OVER_OPEN,
     "request_timeout is longer than the longest open wait: calls hang for longer than the circuit protects; "
     "shorten the timeout"},
    {TRIFUSE_ADVICE_COUNT_WITHOUT_RATE,
     "failure_count_threshold without a rate: a busy healthy service reaches any count; turn "
     "failure_rate_threshold on, or use consecutive_failures"},
    {TRIFUSE_ADVICE_NO_TIMEOUT,
     "no request_timeout: a call that hangs never becomes an outcome, so an outage by hanging is not seen"},
    {TRIFUSE_ADVICE_NO_RULE, "no rule is on: the circuit can never open by itself"},
    {TRIFUSE_ADVICE_COUNT_OUT_OF_REACH,
     "failure_count_threshold is over window_count: the window can never hold that many failures"},
    {TRIFUSE_ADVICE_SLOW_RULE_OFF,
     "slow_call_duration without a slow rule, or a slow rule without slow_call_duration: slow calls open nothing"},
    {TRIFUSE_ADVICE_SLOW_OVER_TIMEOUT,
     "slow_call_duration is not below request_timeout: a call times out before it counts as slow"},
};

const char *trifuse_advice_reason(uint32_t advice) {
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (advices[i].code == advice) return advices[i].reason;
    return "";
}

static uint64_t longest_wait(const trifuse_breaker_config *c) {
    if (c->open_backoff_multiplier <= 1.0) return c->open_duration_ns;
    if (c->open_duration_max_ns) return c->open_duration_max_ns;
    return max64(300 * NANO, c->open_duration_ns);
}

static uint32_t advice_on_rules(const trifuse_breaker_config *c) {
    bool cusum = c->detector == TRIFUSE_DETECTOR_CUSUM;
    uint64_t threshold = to_nano(c->failure_rate_threshold);
    bool rate = !cusum && threshold < NANO;
    bool slow_rate = to_nano(c->slow_call_rate_threshold) < NANO;
    bool slow_rule = slow_rate || (cusum && c->tolerated_slow_rate > 0);
    bool slow = c->slow_call_duration_ns != 0;
    uint32_t advice = 0;
    if (rate && threshold <= NANO / 10) advice |= TRIFUSE_ADVICE_LOW_THRESHOLD;
    if (c->minimum_calls <= 2 && (rate || slow_rate)) advice |= TRIFUSE_ADVICE_FEW_CALLS;
    if (c->failure_count_threshold && !rate && !cusum) advice |= TRIFUSE_ADVICE_COUNT_WITHOUT_RATE;
    if (!rate && !cusum && !(slow && slow_rule) && !c->consecutive_failures && !c->failure_count_threshold)
        advice |= TRIFUSE_ADVICE_NO_RULE;
    if (slow != slow_rule) advice |= TRIFUSE_ADVICE_SLOW_RULE_OFF;
    if (c->window_kind == TRIFUSE_WINDOW_COUNT && c->failure_count_threshold > c->window_count)
        advice |= TRIFUSE_ADVICE_COUNT_OUT_OF_REACH;
    return advice;
}

static uint32_t advice_on_times(const trifuse_breaker_config *c) {
    uint32_t advice = 0;
    if (c->open_duration_ns >= 300 * NANO) advice |= TRIFUSE_ADVICE_LONG_OPEN;
    if (c->request_timeout_ns > longest_wait(c)) advice |= TRIFUSE_ADVICE_TIMEOUT_OVER_OPEN;
    if (c->request_timeout_ns == 0) advice |= TRIFUSE_ADVICE_NO_TIMEOUT;
    if (c->slow_call_duration_ns && c->request_timeout_ns &&
        c->slow_call_duration_ns >= c->request_timeout_ns)
        advice |= TRIFUSE_ADVICE_SLOW_OVER_TIMEOUT;
    return advice;
}

int trifuse_breaker_config_advise(const trifuse_breaker_config *config, uint32_t *advice,
                                  trifuse_config_error *error) {
    if (!advice) return TRIFUSE_ERROR_ARGUMENT;
    trifuse_breaker_config known;
    int result = config_read(config, &known, error);
    if (result == TRIFUSE_OK) *advice = advice_on_rules(&known) | advice_on_times(&known);
    return result;
}
