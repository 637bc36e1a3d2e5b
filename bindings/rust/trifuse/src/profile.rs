// SPDX-License-Identifier: MIT OR Apache-2.0
use crate::breaker::CircuitBreaker;
use crate::clock::Clock;
use crate::config::Config;
use crate::error::{ConfigError, ConfigValue};
use crate::limiter::RateLimiter;
use crate::limiter_config::{RateLimiterBuilder, RateLimiterConfig};
use crate::name::Name;
use crate::pipeline::{Chain, End, Pipeline};
use crate::pipeline_builder::PipelineBuilder;
use crate::retry::Retry;
use crate::retry_config::RetryConfig;
use crate::text::Preset;

/// The policies of a service profile: retry > circuit breaker > rate limit.
///
/// ```
/// use trifuse::{Pipeline, Preset, Profile};
///
/// struct Client {
///     search: Pipeline<Profile>,
/// }
/// let client = Client { search: Pipeline::profile("search", Preset::Normal).build()? };
/// # let _ = client.search;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub type Profile = Chain<Retry, Chain<CircuitBreaker, Chain<RateLimiter, End>>>;

/// Makes the pipeline of a service profile; see [`Pipeline::profile`].
///
/// ```
/// use trifuse::{Pipeline, Preset, RateLimiterConfig};
///
/// let search = Pipeline::profile("search", Preset::Critical)
///     .rate_limit(RateLimiterConfig::DEFAULT.with_permits(50))
///     .build()?;
/// # let _ = search;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ProfileBuilder {
    name: Name,
    preset: Preset,
    clock: Clock,
    retry: RetryConfig,
    breaker: Config,
    limit: RateLimiterConfig,
}

impl Pipeline<End> {
    /// Starts the pipeline of a service profile, `critical`, `normal` or `batch`: retries, a circuit breaker
    /// with the time limit of one attempt, and a rate limit; their numbers are the presets of the parts.
    ///
    /// ```
    /// use trifuse::{Pipeline, PolicyKind, Describe, Preset};
    ///
    /// let search = Pipeline::profile("search", Preset::Normal).build()?;
    /// let kinds: Vec<_> = search.describe().iter().map(|policy| policy.kind).collect();
    /// assert_eq!(kinds, [PolicyKind::Retry, PolicyKind::CircuitBreaker, PolicyKind::RateLimit]);
    /// assert_eq!(search.call(|| "12".parse::<u8>()), Ok(12));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn profile(name: impl Into<Name>, preset: Preset) -> ProfileBuilder {
        ProfileBuilder {
            name: name.into(),
            preset,
            clock: Clock::default(),
            retry: RetryConfig::preset(preset),
            breaker: Config::preset(preset),
            limit: RateLimiterConfig::preset(preset),
        }
    }
}

impl ProfileBuilder {
    /// Another retry than the profile's.
    ///
    /// ```
    /// use trifuse::{Pipeline, Preset, RetryConfig};
    /// let retry = RetryConfig::preset(Preset::Batch).with_max_retries(1);
    /// let search = Pipeline::profile("search", Preset::Batch).retry(retry).build()?;
    /// assert!(search.to_string().contains("max_retries=1,"));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn retry(mut self, config: RetryConfig) -> Self {
        self.retry = config;
        self
    }

    /// Another circuit breaker than the profile's.
    ///
    /// ```
    /// use trifuse::{Config, Pipeline, Preset};
    /// let breaker = Config::preset(Preset::Batch).with_consecutive_failures(20);
    /// let search = Pipeline::profile("search", Preset::Batch).circuit_breaker(breaker).build()?;
    /// assert!(search.to_string().contains("consecutive_failures=20,"));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn circuit_breaker(mut self, config: Config) -> Self {
        self.breaker = config;
        self
    }

    /// Another rate limit than the profile's.
    ///
    /// ```
    /// use trifuse::{Pipeline, Preset, RateLimiterConfig};
    /// let limit = RateLimiterConfig::DEFAULT.with_permits(7);
    /// let search = Pipeline::profile("search", Preset::Batch).rate_limit(limit).build()?;
    /// assert!(search.to_string().contains("capacity=7,"));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn rate_limit(mut self, config: RateLimiterConfig) -> Self {
        self.limit = config;
        self
    }

    /// Where the policies take their time from; for tests.
    ///
    /// ```
    /// use trifuse::{ManualClock, Pipeline, Preset};
    /// let search = Pipeline::profile("search", Preset::Batch).clock(ManualClock::new()).build()?;
    /// # let _ = search;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// The profile's policies, to put others within, or to set a classifier.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    ///
    /// ```
    /// use trifuse::{Bulkhead, Pipeline, Preset};
    /// let search = Pipeline::profile("search", Preset::Normal)
    ///     .into_builder()?
    ///     .bulkhead(Bulkhead::builder("search").limit(20).build()?)
    ///     .build();
    /// assert!(search.to_string().ends_with("bulkhead(limit=20) > call"));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn into_builder(self) -> Result<PipelineBuilder<Profile>, ConfigError> {
        let Self { name, preset, clock, retry, breaker, limit } = self;
        is_profile(preset)?;
        let retry = Retry::builder(name.clone()).with_config(retry).clock(clock.clone()).build()?;
        let breaker =
            CircuitBreaker::builder(name.clone()).with_config(breaker).clock(clock.clone()).build()?;
        let limiter = RateLimiterBuilder::new(limit, false).name(name.clone()).clock(clock).build()?;
        Ok(Pipeline::builder(name).retry(retry).circuit_breaker(breaker).rate_limit(limiter))
    }

    /// Makes the pipeline.
    ///
    /// # Errors
    /// An empty name, a preset that is no profile, or a field that is out of its range.
    ///
    /// ```
    /// use trifuse::{Pipeline, Preset};
    /// let error = Pipeline::profile("search", Preset::Llm).build().unwrap_err();
    /// assert_eq!(error.to_string(), "profile = \"llm\" is not allowed: critical, normal, batch");
    /// ```
    pub fn build(self) -> Result<Pipeline<Profile>, ConfigError> {
        Ok(self.into_builder()?.build())
    }
}

/// The presets that have a retry and a rate of their own.
pub(crate) fn is_profile(preset: Preset) -> Result<(), ConfigError> {
    match preset {
        Preset::Critical | Preset::Normal | Preset::Batch => Ok(()),
        other => {
            let value = ConfigValue::Text(other.to_string());
            Err(ConfigError::new("profile", value, "critical, normal, batch"))
        }
    }
}
