// SPDX-License-Identifier: MIT OR Apache-2.0
//! The check of constants. The core's own check is the truth when a breaker is made; a test holds
//! this one against it.
use trifuse_sys::{TRIFUSE_DURATION_MAX_NS, trifuse_breaker_config};

use crate::config::Config;

impl Config {
    /// This configuration, checked where it stands: in a `const` a field out of its range stops the
    /// compilation. Whether a cusum exists for its rates is found when a breaker is made.
    ///
    /// # Panics
    /// When a field is out of its range, naming the field and what is allowed.
    ///
    /// ```
    /// const CONFIG: trifuse::Config = trifuse::Config::DEFAULT.with_minimum_calls(20).checked();
    /// # assert_eq!(CONFIG.minimum_calls(), 20);
    /// ```
    #[must_use]
    pub const fn checked(self) -> Self {
        let refused = refusal(&self.raw);
        assert!(refused.is_empty(), "{}", refused);
        self
    }
}

const COUNT_MAX: u32 = 1_000_000;

/// Why it is refused, or "".
const fn refusal(c: &trifuse_breaker_config) -> &'static str {
    let window = window(c);
    if !window.is_empty() {
        return window;
    }
    let rules = rules(c);
    if !rules.is_empty() {
        return rules;
    }
    let waits = waits(c);
    if !waits.is_empty() { waits } else { cusum(c) }
}

const fn within(value: u32, least: u32, most: u32) -> bool {
    value >= least && value <= most
}

const fn within_real(value: f64, least: f64, most: f64) -> bool {
    value >= least && value <= most
}

const fn window(c: &trifuse_breaker_config) -> &'static str {
    if !within(c.window_buckets, 1, 64) {
        "window_buckets: 1 to 64"
    } else if c.window_duration_ns > TRIFUSE_DURATION_MAX_NS
        || c.window_duration_ns / (c.window_buckets as u64) < 1000
    {
        "window_duration: 1 microsecond a bucket to 365 days"
    } else if !within(c.window_count, 1, 4096) {
        "window_count: 1 to 4096"
    } else if c.reserve_window_buckets > 64 {
        "reserve_window_buckets: 0 to 64"
    } else if c.reserve_window_count > 4096 {
        "reserve_window_count: 0 to 4096"
    } else if c.reserve_half_open_calls > 64 {
        "reserve_half_open_calls: 0 to 64"
    } else {
        ""
    }
}

const fn rules(c: &trifuse_breaker_config) -> &'static str {
    if !within(c.minimum_calls, 1, COUNT_MAX) {
        "minimum_calls: 1 to 1000000"
    } else if !within_real(c.failure_rate_threshold, 0.0, 1.0) {
        "failure_rate_threshold: 0.0 to 1.0"
    } else if c.slow_call_duration_ns > TRIFUSE_DURATION_MAX_NS {
        "slow_call_duration: 0 (off) to 365 days"
    } else if !within_real(c.slow_call_rate_threshold, 0.0, 1.0) {
        "slow_call_rate_threshold: 0.0 to 1.0"
    } else if c.consecutive_failures > COUNT_MAX {
        "consecutive_failures: 0 (off) to 1000000"
    } else if c.failure_count_threshold > COUNT_MAX {
        "failure_count_threshold: 0 (off) to 1000000"
    } else if !within(c.half_open_max_calls, 1, 64) {
        "half_open_max_calls: 1 to 64"
    } else if !within(c.success_threshold, 1, 10_000) {
        "success_threshold: 1 to 10000"
    } else if !within(c.half_open_failure_threshold, 1, 10_000) {
        "half_open_failure_threshold: 1 to 10000"
    } else {
        ""
    }
}

const fn waits(c: &trifuse_breaker_config) -> &'static str {
    let (ttl, cap) = (c.half_open_permit_ttl_ns, c.open_duration_max_ns);
    if c.open_duration_ns < 1 || c.open_duration_ns > TRIFUSE_DURATION_MAX_NS {
        "open_duration: more than 0, to 365 days"
    } else if cap > TRIFUSE_DURATION_MAX_NS || (cap != 0 && cap < c.open_duration_ns) {
        "open_duration_max: None (automatic), or open_duration to 365 days"
    } else if !within_real(c.open_backoff_multiplier, 1.0, 1000.0) {
        "open_backoff_multiplier: 1.0 to 1000.0"
    } else if !within_real(c.open_jitter_fraction, 0.0, 1.0) {
        "open_jitter_fraction: 0.0 to 1.0"
    } else if c.request_timeout_ns > TRIFUSE_DURATION_MAX_NS {
        "request_timeout: None to 365 days"
    } else if ttl > TRIFUSE_DURATION_MAX_NS || (ttl != 0 && ttl <= c.request_timeout_ns) {
        "half_open_permit_ttl: None (automatic), or more than request_timeout, to 365 days"
    } else if c.cancelled_counts_after_ns > TRIFUSE_DURATION_MAX_NS {
        "cancelled_counts_after: None (off) to 365 days"
    } else {
        ""
    }
}

const fn cusum(c: &trifuse_breaker_config) -> &'static str {
    let slow = c.tolerated_slow_rate;
    if !within_real(c.tolerated_failure_rate, 0.001, 0.99) {
        "tolerated_failure_rate: 0.001 to 0.99"
    } else if !within_real(c.outage_failure_rate, 0.001, 0.99)
        || nano(c.tolerated_failure_rate) >= nano(c.outage_failure_rate)
    {
        "outage_failure_rate: more than tolerated_failure_rate, to 0.99"
    } else if slow != 0.0 && !within_real(slow, 0.001, 0.99) {
        "tolerated_slow_rate: 0 (off), or 0.001 to 0.99"
    } else if !within_real(c.outage_slow_rate, 0.001, 0.99) || nano(slow) >= nano(c.outage_slow_rate) {
        "outage_slow_rate: more than tolerated_slow_rate, to 0.99"
    } else if !within_real(c.false_open_every, 1.0, 1e15) {
        "false_open_every: 1 to 1e15"
    } else if c.cusum_idle_decay_ns > TRIFUSE_DURATION_MAX_NS
        || (c.cusum_idle_decay_ns != 0 && c.cusum_idle_decay_ns < 100_000_000)
    {
        "cusum_idle_decay: None (never), or 100 ms to 365 days"
    } else {
        ""
    }
}

/// A rate in units of 1e-9, as the core takes it.
const fn nano(rate: f64) -> u64 {
    (rate * 1e9 + 0.5) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator: values that are mostly legal, at times on or over an edge.
    struct Draw(u64);

    impl Draw {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            self.0 >> 33
        }

        fn of<T: Copy>(&mut self, values: &[T]) -> T {
            values[self.next() as usize % values.len()]
        }
    }

    fn change(c: &mut trifuse_breaker_config, draw: &mut Draw) {
        let small = [0, 1, 2, 16, 64, 65, 4096, 4097, 10_000, 10_001, COUNT_MAX, COUNT_MAX + 1, u32::MAX];
        let real = [-1.0, 0.0, 0.0009, 0.001, 0.3, 0.7, 0.99, 0.991, 1.0, 1.1, 1000.0, 1e15, 2e15, f64::NAN];
        let max = TRIFUSE_DURATION_MAX_NS;
        let time = [
            0,
            1,
            9_999,
            10_000,
            99_999_999,
            100_000_000,
            5_000_000_000,
            30_000_000_000,
            max,
            max + 1,
            u64::MAX,
        ];
        match draw.next() % 25 {
            0 => c.window_buckets = draw.of(&small),
            1 => c.window_duration_ns = draw.of(&time),
            2 => c.window_count = draw.of(&small),
            3 => c.minimum_calls = draw.of(&small),
            4 => c.failure_rate_threshold = draw.of(&real),
            5 => c.slow_call_duration_ns = draw.of(&time),
            6 => c.slow_call_rate_threshold = draw.of(&real),
            7 => c.consecutive_failures = draw.of(&small),
            8 => c.failure_count_threshold = draw.of(&small),
            9 => c.open_duration_ns = draw.of(&time),
            10 => c.open_duration_max_ns = draw.of(&time),
            11 => c.open_backoff_multiplier = draw.of(&real),
            12 => c.open_jitter_fraction = draw.of(&real),
            13 => c.half_open_max_calls = draw.of(&small),
            14 => c.success_threshold = draw.of(&small),
            15 => c.half_open_failure_threshold = draw.of(&small),
            16 => c.half_open_permit_ttl_ns = draw.of(&time),
            17 => c.request_timeout_ns = draw.of(&time),
            18 => c.cancelled_counts_after_ns = draw.of(&time),
            19 => c.tolerated_failure_rate = draw.of(&real),
            20 => c.outage_failure_rate = draw.of(&real),
            21 => c.tolerated_slow_rate = draw.of(&real),
            22 => c.outage_slow_rate = draw.of(&real),
            23 => c.false_open_every = draw.of(&real),
            _ => c.cusum_idle_decay_ns = draw.of(&time),
        }
    }

    #[test]
    fn the_check_of_constants_agrees_with_the_cores() {
        let mut draw = Draw(1);
        let (mut legal, mut refused) = (0, 0);
        for round in 0..200_000 {
            let mut config = Config::DEFAULT;
            for _ in 0..1 + draw.next() % 3 {
                change(&mut config.raw, &mut draw);
            }
            let ours = refusal(&config.raw);
            let core = config.check();
            assert_eq!(ours.is_empty(), core.is_ok(), "round {round}: {ours:?}, {core:?}, {config:?}");
            *if core.is_ok() { &mut legal } else { &mut refused } += 1;
        }
        assert!(legal > 10_000 && refused > 10_000, "{legal} legal, {refused} refused");
    }
}
