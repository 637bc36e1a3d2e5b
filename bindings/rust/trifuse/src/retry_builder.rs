// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::builder_basics::{builder_basics, named, seeded};
use crate::clock::Clock;
use crate::error::ConfigError;
use crate::name::Name;
use crate::raw::retry::RawRetry;
use crate::retry::{Retry, RetryShared};
use crate::retry_budget::RetryBudget;
use crate::retry_config::RetryConfig;

/// A delay of your own in place of the computed one. Closures from the number of the retry (0 is the
/// first) to a [`Duration`] are such; `max_delay`, the deadline and the budget still hold.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Backoff, Retry};
///
/// struct Squares;
/// impl Backoff for Squares {
///     fn delay(&self, retry: u32) -> Duration {
///         Duration::from_millis(10) * (retry + 1) * (retry + 1)
///     }
/// }
///
/// let retry = Retry::builder("search").backoff(Squares).build()?;
/// # let _ = retry;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub trait Backoff: Send + Sync {
    /// How long to wait before this retry.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::Backoff;
    /// let seconds = |retry| Duration::from_secs(u64::from(retry));
    /// assert_eq!(seconds.delay(3), Duration::from_secs(3));
    /// ```
    fn delay(&self, retry: u32) -> Duration;
}

impl<F: Fn(u32) -> Duration + Send + Sync> Backoff for F {
    fn delay(&self, retry: u32) -> Duration {
        self(retry)
    }
}

/// Makes a [`Retry`]; every field of [`RetryConfig`] has a method of its name.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Jitter, Retry, RetryBudget};
///
/// let budget = RetryBudget::builder("client").build()?;
/// let retry = Retry::builder("search")
///     .max_retries(5)
///     .delay(Duration::from_millis(50))
///     .jitter(Jitter::Full)
///     .max_elapsed(Duration::from_secs(20))
///     .budget(&budget)
///     .build()?;
/// # let _ = retry;
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct RetryBuilder {
    pub(crate) name: Name,
    pub(crate) config: RetryConfig,
    pub(crate) clock: Clock,
    budget: Option<RetryBudget>,
    backoff: Option<Arc<dyn Backoff>>,
    nested: bool,
}

builder_basics! { Retry, "builder(\"search\")", RetryBuilder }

impl RetryBuilder {
    pub(crate) fn new(name: Name) -> Self {
        let (config, clock) = (RetryConfig::DEFAULT, Clock::default());
        Self { name, config, clock, budget: None, backoff: None, nested: false }
    }

    /// The budget that all retries of a client share; when it is spent, the original error surfaces. Its
    /// clock is to be this retry's.
    ///
    /// ```
    /// # use trifuse::{Retry, RetryBudget};
    /// let budget = RetryBudget::builder("client").build()?;
    /// let retry = Retry::builder("search").budget(&budget).build()?;
    /// # let _ = retry;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = Some(budget.clone());
        self
    }

    /// A delay of your own; `max_delay`, the deadline and the budget still hold.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::Retry;
    ///
    /// let fibonacci = |retry: u32| {
    ///     let (mut a, mut b) = (1, 1);
    ///     for _ in 0..retry {
    ///         (a, b) = (b, a + b);
    ///     }
    ///     Duration::from_millis(a)
    /// };
    /// let retry = Retry::builder("search").backoff(fibonacci).build()?;
    /// # let _ = retry;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn backoff(mut self, backoff: impl Backoff + 'static) -> Self {
        self.backoff = Some(Arc::new(backoff));
        self
    }

    /// Retries also within another retry of the same task, which multiplies the attempts. By default only
    /// the outermost one retries.
    ///
    /// ```
    /// let retry = trifuse::Retry::builder("search").nested(true).build()?;
    /// # let _ = retry;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn nested(mut self, nested: bool) -> Self {
        self.nested = nested;
        self
    }

    /// Makes it.
    ///
    /// # Errors
    /// An empty name, or a field that is out of its range.
    ///
    /// ```
    /// let error = trifuse::Retry::builder("search").multiplier(0.5).build().unwrap_err();
    /// assert_eq!(error.field, "multiplier");
    /// ```
    pub fn build(self) -> Result<Retry, ConfigError> {
        named(&self.name)?;
        let mut raw = self.config.raw;
        raw.seed = seeded(raw.seed);
        let shared = RetryShared {
            raw: RawRetry::new(&raw, self.clock.stamp())?,
            seed: raw.seed,
            config: Mutex::new(self.config),
            clock: self.clock,
            name: self.name,
            budget: self.budget,
            backoff: self.backoff,
            nested: self.nested,
        };
        Ok(Retry { shared: Arc::new(shared) })
    }
}
