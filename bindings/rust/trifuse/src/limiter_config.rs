// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use trifuse_sys::TRIFUSE_LIMITER_TOKEN_BUCKET;

use crate::builder_basics::builder_basics;
use crate::clock::Clock;
use crate::error::{ConfigError, ConfigValue};
use crate::limiter::RateLimiter;
use crate::name::Name;
use crate::policy_config::policy_config;
use crate::raw::limits::RawLimiter;
use crate::text::Preset;
use crate::text_policy::LimiterKind;

/// Makes a [`RateLimiter`]; every field of [`RateLimiterConfig`] has a method of its name.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{LimiterKind, RateLimiter};
///
/// let limiter = RateLimiter::per(100, Duration::from_secs(60))
///     .kind(LimiterKind::SlidingLog)
///     .name("mail")
///     .max_wait(Duration::from_secs(2))
///     .build()?;
/// assert_eq!(limiter.snapshot().capacity, 100);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct RateLimiterBuilder {
    pub(crate) name: Name,
    pub(crate) config: RateLimiterConfig,
    pub(crate) clock: Clock,
    pub(crate) max_wait: Option<Duration>,
    /// Made by `per_second(0.0)`, which is refused.
    pub(crate) zero: bool,
}

policy_config! {
    /// The configuration of a [`RateLimiter`]: a plain value that can be a constant.
    ///
    /// The rate is either `rate` tokens per second or, exactly, `permits` per `period`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::{LimiterKind, RateLimiterConfig};
    ///
    /// const MAIL: RateLimiterConfig = RateLimiterConfig::DEFAULT
    ///     .with_kind(LimiterKind::SlidingLog)
    ///     .with_permits(500)
    ///     .with_period(Duration::from_secs(60));
    /// assert_eq!((MAIL.permits(), MAIL.kind()), (500, LimiterKind::SlidingLog));
    /// ```
    RateLimiterConfig(trifuse_limiter_config), RawLimiter::check,
    RateLimiterBuilder of RateLimiter, "per_second(5.0)";
    DEFAULT {
        kind: TRIFUSE_LIMITER_TOKEN_BUCKET,
        reserved: 0,
        rate: 0.0,
        permits: 100,
        period_ns: 1_000_000_000,
        capacity: 0,
    }
    choice LimiterKind, kind, with_kind, kind, "LimiterKind::FixedWindow",
        "How it counts, by default a token bucket.";
    plain f64, rate, with_rate, rate, "2.5",
        "Token bucket: tokens per second, 1e-6 to 1e9, to the nearest 1e-9; 0 (default): `permits` per `period`.";
    plain u64, permits, with_permits, permits, "500",
        "Permits per `period`, 1 to 1e9 (a sliding log: to 1,000,000), by default 100.";
    time Duration, period, with_period, period_ns, "Duration::from_secs(60)",
        "The period of `permits`, 1 us to 365 days, by default 1 s; of the kinds with a window its length.";
    plain u64, capacity, with_capacity, capacity, "10",
        "Token bucket: the most tokens that are saved up, 1 to 1e9; 0 (default): one second's worth of `rate`, at least 1, or `permits`.";
}

impl RateLimiterConfig {
    /// A configuration to start from: 1000 per second of `critical`, 500 of `normal`, 100 of `batch`,
    /// the default of the others.
    ///
    /// ```
    /// use trifuse::{Preset, RateLimiterConfig};
    /// assert_eq!(RateLimiterConfig::preset(Preset::Normal).permits(), 500);
    /// ```
    #[must_use]
    pub const fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Critical => Self::DEFAULT.with_permits(1000),
            Preset::Normal => Self::DEFAULT.with_permits(500),
            _ => Self::DEFAULT,
        }
    }
}

impl RateLimiterConfig {
    pub(crate) fn no_rate() -> ConfigError {
        ConfigError::new("rate", ConfigValue::Real(0.0), "0.000001 to 1000000000 a second")
    }

    pub(crate) fn is_bucket(&self) -> Result<(), ConfigError> {
        match self.kind() {
            LimiterKind::TokenBucket => Ok(()),
            kind => Err(ConfigError::new("kind", ConfigValue::Text(kind.to_string()), "token_bucket")),
        }
    }
}

builder_basics! { RateLimiter, "per_second(5.0)", RateLimiterBuilder }

impl RateLimiterBuilder {
    pub(crate) fn new(config: RateLimiterConfig, zero: bool) -> Self {
        Self { name: "rate_limit".into(), config, clock: Clock::default(), max_wait: None, zero }
    }

    /// How long a guarded call ([`call`](RateLimiter::call), a pipeline) may wait for its tokens; `None`
    /// (default): it is refused at once.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let limiter = trifuse::RateLimiter::per_second(5.0).max_wait(Duration::from_secs(1)).build()?;
    /// # let _ = limiter;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn max_wait(mut self, wait: impl Into<Option<Duration>>) -> Self {
        self.max_wait = wait.into();
        self
    }

    /// Makes the limiter, full.
    ///
    /// # Errors
    /// An empty name, or a field that is out of its range.
    ///
    /// ```
    /// let error = trifuse::RateLimiter::per_second(-1.0).build().unwrap_err();
    /// assert_eq!(error.field, "rate");
    /// ```
    pub fn build(self) -> Result<RateLimiter, ConfigError> {
        RateLimiter::made(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_cores() {
        for &preset in Preset::ALL {
            let core = RawLimiter::defaults(preset as u32);
            assert_eq!(RateLimiterConfig::preset(preset).raw, core, "{preset}");
        }
    }
}
