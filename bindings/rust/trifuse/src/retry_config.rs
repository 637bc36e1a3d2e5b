// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use trifuse_sys::{TRIFUSE_JITTER_PROPORTIONAL, TRIFUSE_STRATEGY_EXPONENTIAL};

use crate::policy_config::policy_config;
use crate::raw::retry::RawRetry;
use crate::retry_builder::RetryBuilder;
use crate::text::{Jitter, Preset};
use crate::text_policy::Strategy;

policy_config! {
    /// The configuration of a [`Retry`](crate::Retry): a plain value that can be a constant, and so can the
    /// longest time that a call can take:
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::{Jitter, RetryConfig};
    ///
    /// const SEARCH: RetryConfig = RetryConfig::DEFAULT.with_max_retries(2).with_jitter(Jitter::None);
    /// const LONGEST: Duration = SEARCH.max_total_time(Some(Duration::from_secs(1))).unwrap();
    /// assert_eq!(LONGEST, Duration::from_millis(3300)); // three attempts, 100 and 200 ms
    /// ```
    RetryConfig(trifuse_retry_config), RawRetry::check, RetryBuilder of Retry, "builder(\"search\")";
    DEFAULT {
        strategy: TRIFUSE_STRATEGY_EXPONENTIAL,
        jitter: TRIFUSE_JITTER_PROPORTIONAL,
        max_retries: 3,
        reserved: 0,
        delay_ns: 100_000_000,
        increment_ns: 100_000_000,
        multiplier: 2.0,
        max_delay_ns: 10_000_000_000,
        max_elapsed_ns: 0,
        retry_after_max_ns: 60_000_000_000,
        seed: 0,
    }
    choice Strategy, strategy, with_strategy, strategy, "Strategy::Linear",
        "How the delay grows, by default exponentially.";
    choice Jitter, jitter, with_jitter, jitter, "Jitter::Full",
        "How the delay is spread, by default proportionally: plus 0 to 10 %.";
    plain u32, max_retries, with_max_retries, max_retries, "5",
        "Retries after the first attempt, 0 to 1,000,000, by default 3: four attempts.";
    time Duration, delay, with_delay, delay_ns, "Duration::from_millis(50)",
        "The delay before the first retry, 0 to 365 days, by default 100 ms.";
    time Duration, increment, with_increment, increment_ns, "Duration::from_millis(50)",
        "Linear: how much longer each delay is than the one before, 0 to 365 days, by default 100 ms.";
    plain f64, multiplier, with_multiplier, multiplier, "1.5",
        "Exponential: how many times as long each delay is as the one before, 1 to 1000, by default 2.";
    time Duration, max_delay, with_max_delay, max_delay_ns, "Duration::from_secs(2)",
        "The longest delay, `delay` to 365 days, by default 10 s.";
    maybe Option<Duration>, max_elapsed, with_max_elapsed, max_elapsed_ns, "Some(Duration::from_secs(30))",
        "No retry begins after this time of all attempts and delays; `None` (default): no limit.";
    time Duration, retry_after_max, with_retry_after_max, retry_after_max_ns, "Duration::from_secs(10)",
        "A server's word over this ends the call at once, 0 to 365 days, by default 60 s.";
    seed Option<u64>, seed, with_seed, seed, "Some(7)",
        "Makes the jitter the same in every run, not 0; `None` (default): the system's entropy.";
}

impl RetryConfig {
    /// A configuration to start from: 3 retries of `critical`, 2 of `normal`, 5 of `batch`, the default of
    /// the others.
    ///
    /// ```
    /// use trifuse::{Preset, RetryConfig};
    /// assert_eq!(RetryConfig::preset(Preset::Batch).max_retries(), 5);
    /// ```
    #[must_use]
    pub const fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Normal => Self::DEFAULT.with_max_retries(2),
            Preset::Batch => Self::DEFAULT.with_max_retries(5),
            _ => Self::DEFAULT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_cores() {
        for &preset in Preset::ALL {
            assert_eq!(RetryConfig::preset(preset).raw, RawRetry::defaults(preset as u32), "{preset}");
        }
    }
}
