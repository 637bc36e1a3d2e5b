// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::marker::PhantomData;

use crate::builder_basics::named;
use crate::error::{ConfigError, ConfigValue};
use crate::keyed_limiters::KeyedRateLimiters;
use crate::limiter::RateLimiter;
use crate::limiter_config::{RateLimiterBuilder, RateLimiterConfig};
use crate::name::Name;

/// Makes [`KeyedRateLimiters`].
///
/// ```
/// use std::time::Duration;
/// use trifuse::{KeyedRateLimiters, LimiterKind, RateLimiter};
///
/// let each = RateLimiter::per(100, Duration::from_secs(60)).kind(LimiterKind::SlidingCounter).name("users");
/// let users = KeyedRateLimiters::<String>::builder(each).max_keys(100_000).build()?;
/// # assert!(users.is_empty());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use]
pub struct KeyedRateLimitersBuilder<K> {
    each: RateLimiterBuilder,
    max_keys: usize,
    keys: PhantomData<fn() -> K>,
}

impl<K> KeyedRateLimitersBuilder<K> {
    pub(crate) fn new(each: RateLimiterBuilder) -> Self {
        Self { each, max_keys: 1000, keys: PhantomData }
    }

    /// The most keys that have a limiter of their own, at least 1, by default 1,000.
    ///
    /// ```
    /// use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let none = KeyedRateLimiters::<String>::builder(RateLimiter::per_second(5.0)).max_keys(0);
    /// assert_eq!(none.build().unwrap_err().to_string(), "max_keys = 0 is not allowed: at least 1");
    /// ```
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Makes the family and its overflow limiter.
    ///
    /// # Errors
    /// An empty name, no keys, or a limiter that is refused.
    ///
    /// ```
    /// use trifuse::{KeyedRateLimiters, RateLimiter};
    /// let bad = KeyedRateLimiters::<String>::builder(RateLimiter::per_second(-1.0)).build();
    /// assert_eq!(bad.unwrap_err().field, "rate");
    /// ```
    pub fn build(self) -> Result<KeyedRateLimiters<K>, ConfigError> {
        let Self { each, max_keys, .. } = self;
        named(&each.name)?;
        if max_keys == 0 {
            return Err(ConfigError::new("max_keys", ConfigValue::Integer(0), "at least 1"));
        }
        let overflow = made(&each, format!("{}[overflow]", each.name).into(), each.config)?;
        Ok(KeyedRateLimiters::new(each, max_keys, overflow))
    }
}

/// A limiter like `each`.
pub(crate) fn made(
    each: &RateLimiterBuilder,
    name: Name,
    config: RateLimiterConfig,
) -> Result<RateLimiter, ConfigError> {
    let RateLimiterBuilder { clock, max_wait, zero, .. } = each;
    RateLimiter::made(RateLimiterBuilder {
        name,
        config,
        clock: clock.clone(),
        max_wait: *max_wait,
        zero: *zero,
    })
}

impl<K> fmt::Debug for KeyedRateLimitersBuilder<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedRateLimitersBuilder").field("each", &self.each).finish_non_exhaustive()
    }
}
