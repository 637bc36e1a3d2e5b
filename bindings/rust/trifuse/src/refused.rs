// SPDX-License-Identifier: MIT OR Apache-2.0
use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::name::Name;
use crate::text_refusal::{PolicyKind, RefusalReason};

/// A call was refused by a policy and not made.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{CircuitBreaker, PolicyKind, RefusalReason};
///
/// let breaker = CircuitBreaker::builder("payments").build()?;
/// breaker.trip(Duration::from_secs(30));
/// let refused = breaker.try_acquire().unwrap_err();
/// assert_eq!((&*refused.name, refused.reason), ("payments", RefusalReason::Open));
/// assert_eq!(refused.policy, PolicyKind::CircuitBreaker);
/// assert!(refused.retry_after <= Some(Duration::from_secs(30)));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The name of the policy that refused.
    pub name: Name,
    /// Its kind.
    pub policy: PolicyKind,
    /// Why.
    pub reason: RefusalReason,
    /// The wait after which this call would be tried; `None`: not known.
    pub retry_after: Option<Duration>,
    /// Tokens asked for and there; (0, 0) for what is no rate limiter.
    tokens: (u64, u64),
}

impl Refused {
    pub(crate) fn new(
        policy: PolicyKind,
        name: Name,
        reason: RefusalReason,
        retry_after: Option<Duration>,
    ) -> Self {
        Self { name, policy, reason, retry_after, tokens: (0, 0) }
    }

    pub(crate) fn with_tokens(mut self, requested: u64, available: u64) -> Self {
        self.tokens = (requested, available);
        self
    }

    /// The tokens that the call wanted, if a rate limiter refused it.
    ///
    /// ```
    /// use trifuse::{CallError, RateLimiter};
    ///
    /// let limiter = RateLimiter::per_second(1.0).build()?;
    /// limiter.try_acquire().unwrap();
    /// let Err(CallError::Refused(refused)) = limiter.call(|| Ok::<_, ()>(1)) else { panic!() };
    /// assert_eq!((refused.requested(), refused.available()), (Some(1), Some(0)));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn requested(&self) -> Option<u64> {
        (self.tokens.0 != 0).then_some(self.tokens.0)
    }

    /// The whole tokens that were there, if a rate limiter refused the call.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// breaker.force_open();
    /// assert_eq!(breaker.try_acquire().unwrap_err().available(), None);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn available(&self) -> Option<u64> {
        (self.tokens.0 != 0).then_some(self.tokens.1)
    }

    fn of_breaker(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_str();
        match (self.reason, self.retry_after) {
            (RefusalReason::Open, Some(wait)) => write!(
                f,
                "{name:?} is cut off because it has been failing, and was not called; \
                 answer without it and try again in {wait:.3?}"
            ),
            (RefusalReason::Open, None) => write!(
                f,
                "{name:?} is cut off because it has been failing, and was not called; answer without it"
            ),
            (RefusalReason::HalfOpenLimit, _) => write!(
                f,
                "{name:?} is being tried by other calls to see whether it has recovered, and was not called; \
                 answer without it and try again soon"
            ),
            _ => write!(
                f,
                "{name:?} was cut off by hand (force_open) and was not called; \
                 answer without it until somebody calls reset() or close()"
            ),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, policy) = (self.name.as_str(), self.policy);
        let not_called = "the call was not made";
        match self.reason {
            RefusalReason::RateLimited => {
                let (requested, available) = self.tokens;
                write!(
                    f,
                    "{policy} {name:?} has {available} of the {requested} tokens asked for; {not_called}"
                )?;
                match self.retry_after {
                    Some(wait) => write!(f, "; try again in {wait:.3?}"),
                    None => f.write_str("; others wait in line before it"),
                }
            }
            RefusalReason::BulkheadFull => write!(
                f,
                "{policy} {name:?} has as many calls in flight as it allows; {not_called}; \
                 try again when one of them has ended"
            ),
            RefusalReason::Throttled => write!(
                f,
                "{policy} {name:?} drew this call, because the backend takes on too few; {not_called}; \
                 answer without it"
            ),
            RefusalReason::RetryBudget => {
                write!(f, "{policy} {name:?} is spent: too many of the recent calls were retries")
            }
            _ => self.of_breaker(f),
        }
    }
}

impl Error for Refused {}
