// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::mem::size_of;
use std::time::Duration;

use trifuse_sys::{TRIFUSE_WINDOW_COUNT, TRIFUSE_WINDOW_TIME, trifuse_breaker_config};

use crate::advice::Advices;
use crate::error::ConfigError;
use crate::raw;
use crate::text::WindowKind;

/// The configuration of a breaker: a plain value that can be a constant.
///
/// Start from [`Config::DEFAULT`] or a [preset](Config::preset), change fields with the `with_`
/// methods. A value out of its range is refused when a breaker is made, or by [`Config::check`], or
/// at compile time by [`Config::checked`]:
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Config, Preset};
///
/// const PAYMENTS: Config = Config::preset(Preset::Aggressive)
///     .with_open_duration(Duration::from_secs(15))
///     .with_minimum_calls(20)
///     .checked();
/// assert_eq!(PAYMENTS.minimum_calls(), 20);
/// ```
///
/// ```compile_fail
/// # use trifuse::Config;
/// const BAD: Config = Config::DEFAULT.with_failure_rate_threshold(1.5).checked();
/// # fn main() { let _ = BAD; }
/// ```
///
/// Rates are taken to the nearest 1e-9; durations are at most 365 days.
#[derive(Clone, Copy, PartialEq)]
pub struct Config {
    pub(crate) raw: trifuse_breaker_config,
    /// Whether `raw.seed` is to be taken as it is.
    pub(crate) seeded: bool,
}

impl Config {
    pub(crate) const SIZE: u32 = size_of::<trifuse_breaker_config>() as u32;

    /// Watches the outcomes of the last `duration`, in `buckets` of equal length.
    ///
    /// 1 to 64 buckets of at least 1 us each; by default 60 s in 10 buckets.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let config = trifuse::Config::DEFAULT.with_time_window(Duration::from_secs(30), 6);
    /// assert_eq!((config.window_duration(), config.window_buckets()), (Duration::from_secs(30), 6));
    /// ```
    #[must_use]
    pub const fn with_time_window(mut self, duration: Duration, buckets: u32) -> Self {
        self.raw.window_kind = TRIFUSE_WINDOW_TIME;
        self.raw.window_duration_ns = to_ns(duration);
        self.raw.window_buckets = buckets;
        self
    }

    /// Watches the last `count` outcomes, 1 to 4096. Such a breaker reads no clock while closed
    /// where it need not measure durations (no slow rule, no `request_timeout`).
    ///
    /// ```
    /// # use trifuse::{Config, WindowKind};
    /// let config = Config::DEFAULT.with_count_window(50);
    /// assert_eq!((config.window_kind(), config.window_count()), (WindowKind::Count, 50));
    /// ```
    #[must_use]
    pub const fn with_count_window(mut self, count: u32) -> Self {
        self.raw.window_kind = TRIFUSE_WINDOW_COUNT;
        self.raw.window_count = count;
        self
    }

    /// Which kind of window it is.
    ///
    /// ```
    /// # use trifuse::{Config, WindowKind};
    /// assert_eq!(Config::DEFAULT.window_kind(), WindowKind::Time);
    /// ```
    #[must_use]
    pub const fn window_kind(&self) -> WindowKind {
        if self.raw.window_kind == TRIFUSE_WINDOW_COUNT { WindowKind::Count } else { WindowKind::Time }
    }

    /// Makes the jitter of the open wait and the permits of this breaker the same in every run.
    /// Without it they come from the operating system's entropy.
    ///
    /// ```
    /// assert_eq!(trifuse::Config::DEFAULT.with_seed(7).seed(), Some(7));
    /// ```
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.raw.seed = seed;
        self.seeded = true;
        self
    }

    /// The seed, if one was given.
    ///
    /// ```
    /// assert_eq!(trifuse::Config::DEFAULT.seed(), None);
    /// ```
    #[must_use]
    pub const fn seed(&self) -> Option<u64> {
        if self.seeded { Some(self.raw.seed) } else { None }
    }

    /// Checks every field against its range and the fields against each other.
    ///
    /// # Errors
    /// The first field that is refused, with its value and what is allowed.
    ///
    /// ```
    /// let error = trifuse::Config::DEFAULT.with_half_open_max_calls(65).check().unwrap_err();
    /// assert_eq!(error.field, "half_open_max_calls");
    /// assert_eq!(error.to_string(), "half_open_max_calls = 65 is not allowed: 1 to 64");
    /// ```
    pub fn check(&self) -> Result<(), ConfigError> {
        raw::config::check(&self.raw)
    }

    /// What is legal here but known to hurt.
    ///
    /// # Errors
    /// As [`Config::check`].
    ///
    /// ```
    /// # use trifuse::{Advice, Config};
    /// let advices = Config::DEFAULT.with_minimum_calls(1).advice()?;
    /// assert_eq!(advices.into_iter().collect::<Vec<_>>(), [Advice::FewCalls]);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn advice(&self) -> Result<Advices, ConfigError> {
        raw::config::advise(&self.raw).map(Advices)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Config");
        self.each_field(|name, value| {
            all.field(name, value);
        });
        all.field("seed", &self.seed()).finish()
    }
}

/// Nanoseconds; what does not fit is over every range.
pub(crate) const fn to_ns(duration: Duration) -> u64 {
    let ns = duration.as_nanos();
    if ns > u64::MAX as u128 { u64::MAX } else { ns as u64 }
}

/// `None` is the core's 0.
pub(crate) const fn maybe_to_ns(duration: Option<Duration>) -> u64 {
    match duration {
        Some(duration) => to_ns(duration),
        None => 0,
    }
}

/// The core's 0 is `None`.
pub(crate) const fn maybe_from_ns(ns: u64) -> Option<Duration> {
    if ns == 0 { None } else { Some(Duration::from_nanos(ns)) }
}
