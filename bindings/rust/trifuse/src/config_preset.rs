// SPDX-License-Identifier: MIT OR Apache-2.0
//! The presets as constants. The core's own are the truth; a test holds these against them.
use std::time::Duration;

use trifuse_sys::{
    TRIFUSE_DETECTOR_RATE, TRIFUSE_JITTER_NONE, TRIFUSE_STATE_CLOSED, TRIFUSE_WINDOW_TIME,
    trifuse_breaker_config,
};

use crate::config::Config;
use crate::text::{Detector, Jitter, Preset};

const SECOND: u64 = 1_000_000_000;

impl Config {
    /// The defaults.
    ///
    /// ```
    /// # use trifuse::{Config, Preset};
    /// assert_eq!(Config::DEFAULT, Config::preset(Preset::Default));
    /// ```
    pub const DEFAULT: Self = Self { raw: DEFAULTS, seeded: false };

    /// A configuration to start from; what a preset does not name keeps its default.
    ///
    /// ```
    /// # use trifuse::{Config, Preset};
    /// const LLM: Config = Config::preset(Preset::Llm);
    /// assert_eq!(LLM.half_open_max_calls(), 1);
    /// ```
    #[must_use]
    pub const fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Default => Self::DEFAULT,
            Preset::Adaptive => Self::ADAPTIVE,
            Preset::Aggressive => by_rate(0.3, 5, 10, 3, 2),
            Preset::Conservative => by_rate(0.7, 20, 60, 10, 10),
            Preset::Llm => {
                by_rate(0.5, 5, 30, 1, 30).with_cancelled_counts_after(Some(Duration::from_secs(10)))
            }
            Preset::Critical => by_run(3, 30, 30),
            Preset::Normal => by_run(5, 30, 10),
            Preset::Batch => by_run(10, 60, 60),
            Preset::Payment => by_rate(0.3, 5, 10, 3, 3),
            Preset::User => by_rate(0.6, 15, 30, 8, 5),
            Preset::Recommendation => by_rate(0.2, 3, 5, 2, 1),
        }
    }

    const ADAPTIVE: Self = Self::DEFAULT
        .with_detector(Detector::Cusum)
        .with_open_duration(Duration::from_millis(200))
        .with_open_duration_max(Some(Duration::from_secs(5)))
        .with_open_backoff_multiplier(2.0)
        .with_open_jitter(Jitter::Full)
        .with_success_threshold(3);
}

const fn by_rate(threshold: f64, calls: u32, open: u64, probes: u32, timeout: u64) -> Config {
    Config::DEFAULT
        .with_failure_rate_threshold(threshold)
        .with_minimum_calls(calls)
        .with_open_duration(Duration::from_secs(open))
        .with_half_open_max_calls(probes)
        .with_request_timeout(Some(Duration::from_secs(timeout)))
}

const fn by_run(failures: u32, open: u64, timeout: u64) -> Config {
    Config::DEFAULT
        .with_failure_rate_threshold(1.0)
        .with_consecutive_failures(failures)
        .with_open_duration(Duration::from_secs(open))
        .with_request_timeout(Some(Duration::from_secs(timeout)))
        .with_success_threshold(2)
}

const DEFAULTS: trifuse_breaker_config = trifuse_breaker_config {
    struct_size: Config::SIZE,
    flags: 0,
    window_kind: TRIFUSE_WINDOW_TIME,
    window_buckets: 10,
    window_duration_ns: 60 * SECOND,
    window_count: 100,
    minimum_calls: 10,
    failure_rate_threshold: 0.5,
    slow_call_duration_ns: 0,
    slow_call_rate_threshold: 1.0,
    consecutive_failures: 0,
    failure_count_threshold: 0,
    detector: TRIFUSE_DETECTOR_RATE,
    initial_state: TRIFUSE_STATE_CLOSED,
    open_duration_ns: 30 * SECOND,
    open_duration_max_ns: 0,
    open_backoff_multiplier: 1.0,
    open_jitter_fraction: 0.1,
    open_jitter: TRIFUSE_JITTER_NONE,
    half_open_max_calls: 5,
    success_threshold: 1,
    half_open_failure_threshold: 1,
    half_open_permit_ttl_ns: 0,
    request_timeout_ns: 5 * SECOND,
    cancelled_counts_after_ns: 0,
    tolerated_failure_rate: 0.3,
    outage_failure_rate: 0.7,
    tolerated_slow_rate: 0.0,
    outage_slow_rate: 0.7,
    false_open_every: 1e6,
    cusum_idle_decay_ns: 60 * SECOND,
    cusum_up: 0,
    cusum_down: 0,
    cusum_threshold: 0,
    slow_cusum_up: 0,
    slow_cusum_down: 0,
    slow_cusum_threshold: 0,
    cusum_calls_to_detect_outage: 0.0,
    seed: 0,
    reserve_window_buckets: 0,
    reserve_window_count: 0,
    reserve_half_open_calls: 0,
    reserved: 0,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw;

    #[test]
    fn every_preset_is_the_cores() {
        for &preset in Preset::ALL {
            assert_eq!(Config::preset(preset).raw, raw::config::preset(preset as u32), "{preset}");
        }
    }
}
