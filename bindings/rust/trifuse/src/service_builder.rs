// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use crate::breaker::CircuitBreaker;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{ConfigError, ConfigValue};
use crate::limiter_config::{RateLimiterBuilder, RateLimiterConfig};
use crate::name::Name;
use crate::pipeline::Pipeline;
use crate::profile::is_profile;
use crate::retry::Retry;
use crate::retry_config::RetryConfig;
use crate::service::{Parts, ResilientService};
use crate::text::Preset;
use crate::timeout::Timeout;

/// In which order the parts of a [`ResilientService`] stand.
///
/// ```
/// use trifuse::{Order, ResilientService};
/// let inventory = ResilientService::builder("inventory").order(Order::Founding).build()?;
/// assert!(inventory.to_string().starts_with("inventory: circuit_breaker("));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// total > retry > circuit breaker, with the attempt's limit > rate limit, if any > call: the breaker
    /// sees every attempt.
    #[default]
    Recommended,
    /// circuit breaker > total > retry > rate limit, if any > the attempt's limit > call: the breaker sees
    /// the outcome of all attempts together.
    Founding,
}

/// Makes a [`ResilientService`].
///
/// ```
/// use std::time::Duration;
/// let inventory = trifuse::ResilientService::builder("inventory").timeout(Duration::from_secs(8)).build()?;
/// # let _ = inventory;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ResilientServiceBuilder {
    name: Name,
    order: Order,
    timeout: Duration,
    retry: RetryConfig,
    breaker: Config,
    limit: Option<RateLimiterConfig>,
    /// Of which it is, when it is to be one.
    profile: Option<Preset>,
    clock: Clock,
}

impl ResilientServiceBuilder {
    pub(crate) fn new(name: Name) -> Self {
        Self {
            name,
            order: Order::Recommended,
            timeout: Duration::from_secs(10),
            retry: RetryConfig::DEFAULT.with_max_delay(Duration::from_secs(5)),
            breaker: Config::DEFAULT
                .with_consecutive_failures(5)
                .with_failure_rate_threshold(1.0)
                .with_success_threshold(3)
                .with_open_duration(Duration::from_secs(30))
                .with_request_timeout(Some(Duration::from_secs(5))),
            limit: None,
            profile: None,
            clock: Clock::default(),
        }
    }

    pub(crate) fn of_profile(name: Name, preset: Preset) -> Self {
        let (retry, breaker) = (RetryConfig::preset(preset), Config::preset(preset));
        let all = retry.max_total_time(breaker.request_timeout());
        let common = Self::new(name);
        Self {
            timeout: all.unwrap_or(common.timeout),
            retry,
            breaker,
            limit: Some(RateLimiterConfig::preset(preset)),
            profile: Some(preset),
            ..common
        }
    }

    /// The order of the parts, by default the recommended one.
    ///
    /// ```
    /// # use trifuse::{Order, ResilientService};
    /// let inventory = ResilientService::builder("inventory").order(Order::Founding).build()?;
    /// # let _ = inventory;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The limit of all attempts together, by default 10 s.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use trifuse::ResilientService;
    /// let inventory = ResilientService::builder("inventory").timeout(Duration::from_secs(8)).build()?;
    /// assert_eq!(inventory.max_total_time(), Some(Duration::from_secs(8)));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Another retry, by default 3 retries from 100 ms to 5 s with proportional jitter.
    ///
    /// ```
    /// # use trifuse::{ResilientService, RetryConfig};
    /// let retry = RetryConfig::DEFAULT.with_max_retries(5);
    /// let inventory = ResilientService::builder("inventory").retry(retry).build()?;
    /// # let _ = inventory;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn retry(mut self, config: RetryConfig) -> Self {
        self.retry = config;
        self
    }

    /// Another circuit breaker, by default 5 failures in a row, 3 successes to close, 30 s open; its
    /// `request_timeout`, by default 5 s, is the limit of one attempt.
    ///
    /// ```
    /// # use trifuse::{Config, Preset, ResilientService};
    /// let breaker = Config::preset(Preset::Critical);
    /// let inventory = ResilientService::builder("inventory").circuit_breaker(breaker).build()?;
    /// # let _ = inventory;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn circuit_breaker(mut self, config: Config) -> Self {
        self.breaker = config;
        self
    }

    /// A rate limit of the attempts, by default none; a profile has one.
    ///
    /// ```
    /// # use trifuse::{RateLimiterConfig, ResilientService};
    /// let limit = RateLimiterConfig::DEFAULT.with_permits(50);
    /// let inventory = ResilientService::builder("inventory").rate_limit(limit).build()?;
    /// assert!(inventory.to_string().contains("rate_limit(rate=50.0, "));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn rate_limit(mut self, config: impl Into<Option<RateLimiterConfig>>) -> Self {
        self.limit = config.into();
        self
    }

    /// Where it takes its time from; for tests.
    ///
    /// ```
    /// # use trifuse::{ManualClock, ResilientService};
    /// let inventory = ResilientService::builder("inventory").clock(ManualClock::new()).build()?;
    /// # let _ = inventory;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// Makes the service.
    ///
    /// # Errors
    /// An empty name, or a field that is out of its range.
    ///
    /// ```
    /// # use trifuse::{ResilientService, RetryConfig};
    /// let retry = RetryConfig::DEFAULT.with_multiplier(0.5);
    /// let error = ResilientService::builder("inventory").retry(retry).build().unwrap_err();
    /// assert_eq!(error.field, "multiplier");
    /// ```
    pub fn build(self) -> Result<ResilientService, ConfigError> {
        self.profile.map_or(Ok(()), is_profile)?;
        let Self { name, order, timeout, retry, breaker, limit, clock, .. } = self;
        let attempt = breaker.request_timeout();
        if timeout.is_zero() {
            return Err(ConfigError::new("timeout", ConfigValue::Duration(timeout), "more than 0"));
        }
        // Before anything is computed from it.
        retry.check()?;
        breaker.check()?;
        let all = retry.max_total_time(attempt);
        let longest = Some(all.map_or(timeout, |all| all.min(timeout)));
        // A breaker around all attempts has no limit of its own.
        let outermost = order == Order::Founding;
        let config = if outermost { breaker.with_request_timeout(None) } else { breaker };
        let breaker =
            CircuitBreaker::builder(name.clone()).with_config(config).clock(clock.clone()).build()?;
        let total = Timeout::after(timeout).name(name.clone()).clock(clock.clone());
        let retry = Retry::builder(name.clone()).with_config(retry).clock(clock.clone()).build()?;
        let limiter = |config| RateLimiterBuilder::new(config, false).name(name.clone()).clock(clock.clone());
        let limiter = limit.map(|config| limiter(config).build()).transpose()?;
        let start = Pipeline::builder(name.clone());
        let parts = if outermost {
            let one = Timeout::after(attempt.unwrap_or(timeout)).name(name).clock(clock);
            let founding = start.circuit_breaker(breaker.clone()).timeout(total).retry(retry);
            Parts::Founding(founding.policy(limiter).timeout(one).build())
        } else {
            let recommended = start.timeout(total).retry(retry).circuit_breaker(breaker.clone());
            Parts::Recommended(recommended.policy(limiter).build())
        };
        Ok(ResilientService { parts, breaker, longest })
    }
}
