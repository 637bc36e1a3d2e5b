// SPDX-License-Identifier: MIT OR Apache-2.0
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::error::{CallError, ConfigError};
use crate::name::Name;
use crate::refused::Refused;
use crate::text_policy::LimiterKind;
use crate::text_refusal::{PolicyKind, RefusalReason};

/// A rate limiter has not enough tokens now.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{ManualClock, RateLimiter};
///
/// let limiter = RateLimiter::per(2, Duration::from_secs(1)).clock(ManualClock::new()).build()?;
/// limiter.try_acquire_n(2)?;
/// let limited = limiter.try_acquire().unwrap_err();
/// assert_eq!(limited.retry_after, Some(Duration::from_millis(500)));
/// assert_eq!((limited.requested, limited.available), (1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimited {
    /// The name of the limiter.
    pub name: Name,
    /// The wait after which the same request is granted if nothing else takes tokens; `None`: not known,
    /// because others wait before it.
    pub retry_after: Option<Duration>,
    /// Tokens asked for.
    pub requested: u64,
    /// Whole tokens that were there.
    pub available: u64,
}

impl From<RateLimited> for Refused {
    fn from(limited: RateLimited) -> Self {
        Self::new(PolicyKind::RateLimit, limited.name, RefusalReason::RateLimited, limited.retry_after)
            .with_tokens(limited.requested, limited.available)
    }
}

impl<E> From<RateLimited> for CallError<E> {
    fn from(limited: RateLimited) -> Self {
        Self::Refused(limited.into())
    }
}

impl fmt::Display for RateLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Refused::from(self.clone()).fmt(f)
    }
}

impl Error for RateLimited {}

/// Why a rate limiter did not do what it was asked for.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{LimiterError, RateLimiter};
///
/// let limiter = RateLimiter::per(100, Duration::from_secs(1)).build()?;
/// let Err(LimiterError::OverCapacity { capacity, .. }) = limiter.try_acquire_n(101) else { panic!() };
/// assert_eq!(capacity, 100);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LimiterError {
    /// Not enough tokens now, or within the time that may be waited.
    RateLimited(RateLimited),
    /// More tokens than there can ever be: no wait helps.
    #[non_exhaustive]
    OverCapacity {
        /// The name of the limiter.
        name: Name,
        /// Tokens asked for.
        requested: u64,
        /// The most that there can be.
        capacity: u64,
    },
    /// A limiter of this kind cannot do that.
    #[non_exhaustive]
    Unsupported {
        /// The name of the limiter.
        name: Name,
        /// What was asked of it.
        operation: &'static str,
        /// Its kind.
        kind: LimiterKind,
    },
    /// An argument out of its range.
    Argument(ConfigError),
}

impl LimiterError {
    /// The refusal, if it is one that time heals.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let limiter = trifuse::RateLimiter::per(1, Duration::from_secs(1)).build()?;
    /// limiter.try_acquire_n(1)?;
    /// assert_eq!(limiter.try_acquire_n(1).unwrap_err().rate_limited().unwrap().requested, 1);
    /// assert!(limiter.try_acquire_n(2).unwrap_err().rate_limited().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn rate_limited(&self) -> Option<&RateLimited> {
        match self {
            Self::RateLimited(limited) => Some(limited),
            _ => None,
        }
    }
}

impl fmt::Display for LimiterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RateLimited(limited) => limited.fmt(f),
            Self::OverCapacity { name, requested, capacity } => write!(
                f,
                "n = {requested} is not allowed: 1 to {capacity}, the most tokens that rate limiter {:?} can \
                 ever have; no wait helps",
                name.as_str()
            ),
            Self::Unsupported { name, operation, kind } => write!(
                f,
                "rate limiter {:?} is a {kind}, which cannot {operation}; a {} can",
                name.as_str(),
                if *operation == SET_PERMITS { "kind with a window" } else { "token_bucket" }
            ),
            Self::Argument(error) => error.fmt(f),
        }
    }
}

/// The one operation that a token bucket does not have.
pub(crate) const SET_PERMITS: &str = "set_permits";

impl Error for LimiterError {}

impl From<RateLimited> for LimiterError {
    fn from(limited: RateLimited) -> Self {
        Self::RateLimited(limited)
    }
}

impl From<ConfigError> for LimiterError {
    fn from(error: ConfigError) -> Self {
        Self::Argument(error)
    }
}
