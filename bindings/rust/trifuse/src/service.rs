// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
#[cfg(feature = "tokio")]
use std::future::Future;
use std::time::Duration;

use crate::breaker::CircuitBreaker;
use crate::error::CallError;
use crate::layer::{Describe, PolicyDescription};
use crate::limiter::RateLimiter;
use crate::name::Name;
use crate::pipeline::{Chain, End, Pipeline};
use crate::retry::Retry;
use crate::service_builder::ResilientServiceBuilder;
use crate::text::{Preset, State};
use crate::timeout::Timeout;

/// Timeouts, retry and a circuit breaker in one object, with defaults that suit most services:
///
/// 10 s in total > 3 retries from 100 ms to 5 s with jitter > a breaker (5 failures in a row open it for
/// 30 s, 3 successes close it; 5 s an attempt) > the call.
///
/// Every refusal and timeout is a [`CallError`], the operation's own error is in it unchanged. A
/// [`Fallback`](crate::Fallback) goes around it: `fallback.call`, or a `match`. Clones are handles to the
/// same service and cheap.
///
/// ```
/// use trifuse::ResilientService;
///
/// let inventory = ResilientService::builder("inventory").build()?;
/// assert_eq!(inventory.call(|| "12".parse::<u8>()), Ok(12));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ResilientService {
    pub(crate) parts: Parts,
    pub(crate) breaker: CircuitBreaker,
    pub(crate) longest: Option<Duration>,
}

type Limited<I> = Chain<Option<RateLimiter>, I>;
/// total > retry > breaker > rate limit, if any > call.
pub(crate) type Recommended = Pipeline<Chain<Timeout, Chain<Retry, Chain<CircuitBreaker, Limited<End>>>>>;
/// breaker > total > retry > rate limit, if any > one attempt > call.
pub(crate) type Founding =
    Pipeline<Chain<CircuitBreaker, Chain<Timeout, Chain<Retry, Limited<Chain<Timeout, End>>>>>>;

#[derive(Clone)]
pub(crate) enum Parts {
    Recommended(Recommended),
    Founding(Founding),
}

impl ResilientService {
    /// Starts a service with the defaults.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::{ResilientService, RetryConfig};
    ///
    /// let inventory = ResilientService::builder("inventory")
    ///     .timeout(Duration::from_secs(3))
    ///     .retry(RetryConfig::DEFAULT.with_max_retries(1))
    ///     .build()?;
    /// # let _ = inventory;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> ResilientServiceBuilder {
        ResilientServiceBuilder::new(name.into())
    }

    /// Starts a service of a profile, `critical`, `normal` or `batch`: its retry, circuit breaker and rate
    /// limit, whose numbers are the presets of the parts, and a total that all its attempts fit in.
    ///
    /// ```
    /// use trifuse::{Preset, ResilientService, State};
    /// let inventory = ResilientService::profile("inventory", Preset::Critical).build()?;
    /// assert_eq!(inventory.state(), State::Closed);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn profile(name: impl Into<Name>, preset: Preset) -> ResilientServiceBuilder {
        ResilientServiceBuilder::of_profile(name.into(), preset)
    }

    /// Its name.
    ///
    /// ```
    /// assert_eq!(trifuse::ResilientService::builder("inventory").build()?.name(), "inventory");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        self.breaker.name()
    }

    /// Its circuit breaker.
    ///
    /// ```
    /// # let inventory = trifuse::ResilientService::builder("inventory").build()?;
    /// inventory.circuit_breaker().force_open();
    /// assert!(inventory.call(|| Ok::<_, ()>(1)).is_err());
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn circuit_breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }

    /// The state of its circuit breaker.
    ///
    /// ```
    /// use trifuse::{ResilientService, State};
    /// assert_eq!(ResilientService::builder("inventory").build()?.state(), State::Closed);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn state(&self) -> State {
        self.breaker.state()
    }

    /// The longest that an asynchronous call can take; `None`: no limit.
    ///
    /// ```
    /// use std::time::Duration;
    /// let inventory = trifuse::ResilientService::builder("inventory").build()?;
    /// assert_eq!(inventory.max_total_time(), Some(Duration::from_secs(10)));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn max_total_time(&self) -> Option<Duration> {
        self.longest
    }

    /// Makes a blocking call. It cannot be interrupted: the total is the time after which no attempt
    /// begins and nobody waits.
    ///
    /// # Errors
    /// The circuit refuses the call, or the operation's own error.
    ///
    /// ```
    /// # let inventory = trifuse::ResilientService::builder("inventory").build()?;
    /// assert_eq!(inventory.call(|| "12".parse::<u8>()), Ok(12));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn call<T, E>(&self, operation: impl FnMut() -> Result<T, E>) -> Result<T, CallError<E>> {
        match &self.parts {
            Parts::Recommended(pipeline) => pipeline.call(operation),
            Parts::Founding(pipeline) => pipeline.call(operation),
        }
    }

    /// Makes an asynchronous call.
    ///
    /// # Cancel safety
    /// As [`Pipeline::call_async`].
    ///
    /// # Errors
    /// The circuit refuses the call, it took too long, or the operation's own error.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its timer on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let inventory = trifuse::ResilientService::builder("inventory").build()?;
    /// assert_eq!(inventory.call_async(|| async { Ok::<_, ()>(12) }).await, Ok(12));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    #[cfg(feature = "tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
    pub fn call_async<F, A, T, E>(
        &self,
        operation: F,
    ) -> impl Future<Output = Result<T, CallError<E>>> + use<F, A, T, E>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, E>>,
    {
        let parts = self.parts.clone();
        async move {
            match parts {
                Parts::Recommended(pipeline) => pipeline.call_async(operation).await,
                Parts::Founding(pipeline) => pipeline.call_async(operation).await,
            }
        }
    }
}

impl Describe for ResilientService {
    fn describe_into(&self, all: &mut Vec<PolicyDescription>) {
        match &self.parts {
            Parts::Recommended(pipeline) => pipeline.describe_into(all),
            Parts::Founding(pipeline) => pipeline.describe_into(all),
        }
    }
}

impl fmt::Display for ResilientService {
    /// The order and the numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.parts {
            Parts::Recommended(pipeline) => pipeline.fmt(f),
            Parts::Founding(pipeline) => pipeline.fmt(f),
        }
    }
}

impl fmt::Debug for ResilientService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResilientService").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}
