// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::time::Duration;

use crate::breaker::CircuitBreaker;
use crate::bulkhead_config::{AdaptiveLimitBuilder, BulkheadBuilder};
use crate::client::hosts::Host;
use crate::client::places::HostPlaces;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{ConfigError, ConfigValue};
use crate::event::Listeners;
use crate::limiter::RateLimiter;
use crate::limiter_config::RateLimiterBuilder;
use crate::name::Name;

/// The policies of one host (of gRPC: one method, service or target), as a template: each has its own
/// breaker, limit and places.
///
/// The names and clocks that the builders given here may have are not used: the policies are called by the
/// name of the client and the host, such as `reqwest[https://api.example.com:443]`.
///
/// ```
/// # #[cfg(feature = "reqwest")] {
/// use std::time::Duration;
/// use trifuse::reqwest::Policies;
/// use trifuse::{Bulkhead, Config, Preset, RateLimiter};
///
/// let payments = Policies::new()
///     .circuit_breaker(Config::preset(Preset::Payment))
///     .rate_limit(RateLimiter::per(100, Duration::from_secs(1)))
///     .bulkhead(Bulkhead::builder("any").limit(10))
///     .total_timeout(Duration::from_secs(8))
///     .retry(false);
/// # let _ = payments;
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Policies {
    breaker: Config,
    rate_limit: Option<Arc<RateLimiterBuilder>>,
    places: Option<PlacesTemplate>,
    total_timeout: Option<Duration>,
    retry: bool,
}

#[derive(Clone, Debug)]
enum PlacesTemplate {
    Bulkhead(Arc<BulkheadBuilder>),
    Adaptive(Arc<AdaptiveLimitBuilder>),
}

impl Default for Policies {
    fn default() -> Self {
        Self::new()
    }
}

impl Policies {
    /// A circuit breaker with the defaults, no limits, retried as the client retries.
    ///
    /// ```
    /// # #[cfg(feature = "reqwest")] {
    /// let plain = trifuse::reqwest::Policies::new();
    /// # let _ = plain;
    /// # }
    /// ```
    pub const fn new() -> Self {
        Self { breaker: Config::DEFAULT, rate_limit: None, places: None, total_timeout: None, retry: true }
    }

    /// The configuration of the circuit breaker. Its `request_timeout` is the time from sending one attempt
    /// to the head of its answer.
    ///
    /// ```
    /// # #[cfg(feature = "reqwest")] {
    /// use trifuse::{Config, Preset};
    /// let model = trifuse::reqwest::Policies::new().circuit_breaker(Config::preset(Preset::Llm));
    /// # let _ = model;
    /// # }
    /// ```
    pub fn circuit_breaker(mut self, config: Config) -> Self {
        self.breaker = config;
        self
    }

    /// A rate limit; with its `max_wait` requests wait for their turn, else what comes too soon is refused.
    ///
    /// ```
    /// # #[cfg(feature = "reqwest")] {
    /// use std::time::Duration;
    /// use trifuse::RateLimiter;
    /// let limit = RateLimiter::per(500, Duration::from_secs(60)).max_wait(Duration::from_secs(1));
    /// let search = trifuse::reqwest::Policies::new().rate_limit(limit);
    /// # let _ = search;
    /// # }
    /// ```
    pub fn rate_limit(mut self, each: RateLimiterBuilder) -> Self {
        self.rate_limit = Some(Arc::new(each));
        self
    }

    /// How many requests may be in flight, from asking to the end of the answer's body; with its
    /// `max_queue` others wait.
    ///
    /// ```
    /// # #[cfg(feature = "reqwest")] {
    /// use trifuse::Bulkhead;
    /// let search = trifuse::reqwest::Policies::new()
    ///     .bulkhead(Bulkhead::builder("any").limit(20).max_queue(100));
    /// # let _ = search;
    /// # }
    /// ```
    pub fn bulkhead(mut self, each: BulkheadBuilder) -> Self {
        self.places = Some(PlacesTemplate::Bulkhead(Arc::new(each)));
        self
    }

    /// As [`bulkhead`](Self::bulkhead), in its place, with a limit that adapts.
    ///
    /// ```
    /// # #[cfg(feature = "reqwest")] {
    /// use trifuse::AdaptiveLimit;
    /// let search = trifuse::reqwest::Policies::new().adaptive_limit(AdaptiveLimit::gradient2("any"));
    /// # let _ = search;
    /// # }
    /// ```
    pub fn adaptive_limit(mut self, each: AdaptiveLimitBuilder) -> Self {
        self.places = Some(PlacesTemplate::Adaptive(Arc::new(each)));
        self
    }

    /// The time for all of a request: waiting, attempts, redirects and the body of the answer. `None`, the
    /// default, is no limit.
    ///
    /// ```
    /// # #[cfg(feature = "reqwest")] {
    /// use std::time::Duration;
    /// let search = trifuse::reqwest::Policies::new().total_timeout(Duration::from_secs(10));
    /// # let _ = search;
    /// # }
    /// ```
    pub fn total_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.total_timeout = limit.into();
        self
    }

    /// Whether the client's retry is used for this host, by default yes.
    ///
    /// ```
    /// # #[cfg(feature = "reqwest")] {
    /// let payments = trifuse::reqwest::Policies::new().retry(false);
    /// # let _ = payments;
    /// # }
    /// ```
    pub fn retry(mut self, retry: bool) -> Self {
        self.retry = retry;
        self
    }

    /// Makes the policies of a host.
    pub(crate) fn make(
        &self,
        key: &str,
        name: &Name,
        clock: &Clock,
        listeners: &Listeners,
    ) -> Result<Host, ConfigError> {
        if let Some(total) = self.total_timeout.filter(Duration::is_zero) {
            return Err(ConfigError::new("total_timeout", ConfigValue::Duration(total), "more than 0"));
        }
        let name = Name::from(format!("{name}[{key}]"));
        let mut breaker =
            CircuitBreaker::builder(name.clone()).with_config(self.breaker).clock(clock.clone());
        breaker.listeners = listeners.clone();
        let limiter = self.rate_limit.as_ref().map(|each| {
            let RateLimiterBuilder { config, max_wait, zero, .. } = &**each;
            let (name, clock) = (name.clone(), clock.clone());
            RateLimiter::made(RateLimiterBuilder {
                name,
                config: *config,
                clock,
                max_wait: *max_wait,
                zero: *zero,
            })
        });
        let places = self.places.as_ref().map(|each| each.make(name.clone(), clock.clone()));
        Ok(Host {
            key: key.into(),
            breaker: breaker.build()?,
            limiter: limiter.transpose()?,
            places: places.transpose()?,
            total_timeout: self.total_timeout,
            retries: self.retry,
        })
    }
}

impl PlacesTemplate {
    fn make(&self, name: Name, clock: Clock) -> Result<HostPlaces, ConfigError> {
        match self {
            Self::Bulkhead(each) => {
                let made = BulkheadBuilder { name, clock, config: each.config, line: each.line }.build()?;
                Ok(HostPlaces::Bulkhead(made))
            }
            Self::Adaptive(each) => {
                let made =
                    AdaptiveLimitBuilder { name, clock, config: each.config, line: each.line }.build()?;
                Ok(HostPlaces::Adaptive(made))
            }
        }
    }
}

/// What [`Policies`] are made into.
pub(crate) type SharedHost = Arc<Host>;
