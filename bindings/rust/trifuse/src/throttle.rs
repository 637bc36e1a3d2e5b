// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::time::Duration;

use crate::builder_basics::{builder_basics, named, seeded};
use crate::clock::Clock;
use crate::error::ConfigError;
use crate::name::Name;
use crate::policy_config::policy_config;
use crate::raw::latency::RawThrottle;
use crate::refused::Refused;
use crate::snapshot_policy::ThrottleSnapshot;
use crate::text::Outcome;
use crate::text_refusal::{PolicyKind, RefusalReason};

/// An adaptive throttle: when the backend takes on fewer calls than it gets, this client refuses a share
/// of them by itself, drawn at random, so that the backend need not.
///
/// Over a window, a call is refused with probability max(0, (requests - k * accepts) / (requests + 1)).
/// Clones are handles to the same throttle and cheap.
///
/// ```
/// let throttle = trifuse::Throttle::builder("search").seed(7).build()?;
/// for _ in 0..1000 {
///     if throttle.try_acquire().is_ok() {
///         // ... the backend says it is overloaded: no accept() ...
///     }
/// }
/// assert!(throttle.snapshot().refused > 900);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Throttle {
    pub(crate) shared: Arc<ThrottleShared>,
}

#[repr(align(128))]
pub(crate) struct ThrottleShared {
    pub(crate) raw: RawThrottle,
    clock: Clock,
    pub(crate) name: Name,
    pub(crate) config: ThrottleConfig,
}

/// Makes a [`Throttle`]; every field of [`ThrottleConfig`] has a method of its name.
///
/// ```
/// let throttle = trifuse::Throttle::builder("search").k(1.5).build()?;
/// # let _ = throttle;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct ThrottleBuilder {
    pub(crate) name: Name,
    pub(crate) config: ThrottleConfig,
    pub(crate) clock: Clock,
}

policy_config! {
    /// The configuration of a [`Throttle`].
    ///
    /// ```
    /// const SEARCH: trifuse::ThrottleConfig = trifuse::ThrottleConfig::DEFAULT.with_k(1.5);
    /// assert_eq!(SEARCH.window_buckets(), 10);
    /// ```
    ThrottleConfig(trifuse_throttle_config), RawThrottle::check, ThrottleBuilder of Throttle, "builder(\"search\")";
    DEFAULT { window_duration_ns: 30_000_000_000, window_buckets: 10, reserved: 0, k: 2.0, seed: 0, }
    time Duration, window_duration, with_window_duration, window_duration_ns, "Duration::from_secs(60)",
        "The window, at least 1 us a bucket, to 365 days, by default 30 s.";
    plain u32, window_buckets, with_window_buckets, window_buckets, "6",
        "Buckets of the window, 1 to 64, by default 10.";
    plain f64, k, with_k, k, "1.5",
        "Calls that may go out for each one taken on, 1 to 1000, to the nearest 1e-9, by default 2.";
    seed Option<u64>, seed, with_seed, seed, "Some(7)",
        "Makes the draws the same in every run, not 0; `None` (default): the system's entropy.";
}

builder_basics! { Throttle, "builder(\"search\")", ThrottleBuilder }

impl ThrottleBuilder {
    /// Makes the throttle.
    ///
    /// # Errors
    /// An empty name, or a field that is out of its range.
    ///
    /// ```
    /// assert_eq!(trifuse::Throttle::builder("search").k(0.5).build().unwrap_err().field, "k");
    /// ```
    pub fn build(self) -> Result<Throttle, ConfigError> {
        named(&self.name)?;
        let mut raw = self.config.raw;
        raw.seed = seeded(raw.seed);
        let raw = RawThrottle::new(&raw, self.clock.stamp())?;
        let Self { name, config, clock } = self;
        Ok(Throttle { shared: Arc::new(ThrottleShared { raw, clock, name, config }) })
    }
}

impl Throttle {
    /// Starts a throttle with the defaults: k = 2 over 30 s.
    ///
    /// ```
    /// let throttle = trifuse::Throttle::builder("search").build()?;
    /// assert_eq!(throttle.name(), "search");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> ThrottleBuilder {
        ThrottleBuilder { name: name.into(), config: ThrottleConfig::DEFAULT, clock: Clock::default() }
    }

    /// Counts a request and draws.
    ///
    /// # Errors
    /// This one is not to go out.
    ///
    /// ```
    /// # let throttle = trifuse::Throttle::builder("search").build()?;
    /// throttle.try_acquire()?;
    /// throttle.accept();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn try_acquire(&self) -> Result<(), Refused> {
        if self.shared.raw.try_acquire(self.shared.clock.stamp()) {
            return Ok(());
        }
        let name = self.shared.name.clone();
        Err(Refused::new(PolicyKind::Throttle, name, RefusalReason::Throttled, None))
    }

    /// The backend took an admitted request on. One that it refused for overload is not reported.
    ///
    /// ```
    /// # let throttle = trifuse::Throttle::builder("search").build()?;
    /// throttle.accept();
    /// assert_eq!(throttle.snapshot().accepts, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[inline]
    pub fn accept(&self) {
        self.shared.raw.accept(self.shared.clock.stamp());
    }

    /// A success was taken on, and what says nothing about the backend; a failure or timeout was not.
    pub(crate) fn report(&self, outcome: Outcome) {
        if matches!(outcome, Outcome::Success | Outcome::Ignored) {
            self.accept();
        }
    }

    /// Window, probability and totals.
    ///
    /// ```
    /// # let throttle = trifuse::Throttle::builder("search").build()?;
    /// throttle.try_acquire()?;
    /// assert_eq!(throttle.snapshot().requests, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> ThrottleSnapshot {
        ThrottleSnapshot::from_raw(&self.shared.name, &self.shared.raw.snapshot(self.shared.clock.stamp()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_the_cores() {
        assert_eq!(ThrottleConfig::DEFAULT.raw, RawThrottle::defaults());
    }
}
