// SPDX-License-Identifier: MIT OR Apache-2.0
use std::time::Duration;

use crate::text::Outcome;

/// What a result says about the dependency.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Classification, Outcome};
///
/// assert_eq!(Classification::from(Outcome::Ignored).outcome(), Outcome::Ignored);
/// let busy = Classification::retry_after(Duration::from_secs(20));
/// assert_eq!(busy.outcome(), Outcome::Failure);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classification {
    outcome: Outcome,
    trip_for: Option<Duration>,
    in_vain: bool,
}

impl Classification {
    /// A failure with the server's word when to come back: the breaker opens for that long.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::{Classification, CircuitBreaker, State};
    ///
    /// let breaker = CircuitBreaker::builder("api").build()?;
    /// let busy = breaker.guard(|_: &Result<(), u64>| Classification::retry_after(Duration::from_secs(20)));
    /// assert!(busy.call(|| Err(429)).is_err());
    /// assert_eq!(breaker.state(), State::Open);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn retry_after(wait: Duration) -> Self {
        Self { outcome: Outcome::Failure, trip_for: Some(wait), in_vain: false }
    }

    /// The same, and no retry is of use: a [`Retry`](crate::Retry) ends with this result. To a breaker it is
    /// what it was.
    ///
    /// ```
    /// use trifuse::{Classification, Outcome, Retry, RetryableBlocking};
    ///
    /// let policy = Retry::builder("api").build()?;
    /// let mut calls = 0;
    /// let pay = || {
    ///     calls += 1;
    ///     Err::<(), _>(402)
    /// };
    /// let verdict = |_: &Result<(), u16>| Classification::from(Outcome::Failure).without_retry();
    /// assert_eq!(pay.retry(&policy).classify(verdict).call(), Err(402));
    /// assert_eq!(calls, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub const fn without_retry(mut self) -> Self {
        self.in_vain = true;
        self
    }

    /// Whether a retry may be of use, where it is a failure.
    ///
    /// ```
    /// # use trifuse::{Classification, Outcome};
    /// let failure = Classification::from(Outcome::Failure);
    /// assert!(failure.may_retry() && !failure.without_retry().may_retry());
    /// ```
    #[must_use]
    pub const fn may_retry(self) -> bool {
        !self.in_vain
    }

    /// The outcome to report.
    ///
    /// ```
    /// # use trifuse::{Classification, Outcome};
    /// assert_eq!(Classification::from(Outcome::Timeout).outcome(), Outcome::Timeout);
    /// ```
    #[must_use]
    pub const fn outcome(self) -> Outcome {
        self.outcome
    }

    /// How long to open for, where the server said so.
    ///
    /// ```
    /// # use trifuse::{Classification, Outcome};
    /// assert_eq!(Classification::from(Outcome::Failure).trip_for(), None);
    /// ```
    #[must_use]
    pub const fn trip_for(self) -> Option<Duration> {
        self.trip_for
    }
}

impl From<Outcome> for Classification {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, trip_for: None, in_vain: false }
    }
}

/// Says what a result means. Closures from `&Result<T, E>` to [`Outcome`] or [`Classification`] are
/// classifiers; a classifier that panics makes the call a failure.
///
/// ```
/// use trifuse::{CircuitBreaker, Outcome};
///
/// enum HttpError { Status(u16) }
///
/// fn verdict<T>(result: &Result<T, HttpError>) -> Outcome {
///     match result {
///         Ok(_) => Outcome::Success,
///         Err(HttpError::Status(400..=499)) => Outcome::Ignored, // the caller's mistake
///         Err(_) => Outcome::Failure,
///     }
/// }
///
/// let breaker = CircuitBreaker::builder("api").build()?;
/// let _ = breaker.guard(verdict::<()>).call(|| Err(HttpError::Status(404)));
/// assert_eq!(breaker.snapshot().totals.ignored, 1);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub trait Classifier<T, E> {
    /// What this result means.
    ///
    /// ```
    /// use trifuse::{Classifier, ErrIsFailure, Outcome};
    /// assert_eq!(ErrIsFailure.classify(&Ok::<_, ()>(1)).outcome(), Outcome::Success);
    /// ```
    fn classify(&self, result: &Result<T, E>) -> Classification;
}

/// The classifier where none is given: `Ok` is a success, `Err` a failure.
///
/// ```
/// use trifuse::{Classifier, ErrIsFailure, Outcome};
/// assert_eq!(ErrIsFailure.classify(&Err::<(), _>("no")).outcome(), Outcome::Failure);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ErrIsFailure;

impl<T, E> Classifier<T, E> for ErrIsFailure {
    #[inline]
    fn classify(&self, result: &Result<T, E>) -> Classification {
        if result.is_ok() { Outcome::Success.into() } else { Outcome::Failure.into() }
    }
}

impl<F, R, T, E> Classifier<T, E> for F
where
    F: Fn(&Result<T, E>) -> R,
    R: Into<Classification>,
{
    fn classify(&self, result: &Result<T, E>) -> Classification {
        self(result).into()
    }
}
