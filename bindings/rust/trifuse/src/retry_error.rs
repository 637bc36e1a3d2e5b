// SPDX-License-Identifier: MIT OR Apache-2.0
use std::error::Error;
use std::fmt;

use crate::name::Name;

/// Why a failed call is not tried again.
///
/// ```
/// assert_eq!(trifuse::StopReason::Retries.to_string(), "max_retries");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// `max_retries` are used up.
    Retries,
    /// The next attempt would begin past `max_elapsed` or the caller's [`Deadline`](crate::Deadline).
    Deadline,
    /// The server's word is over `retry_after_max`.
    RetryAfter,
    /// The retry budget is spent.
    Budget,
    /// The call is within another retry, which does the retrying.
    Nested,
    /// The error is none that is retried.
    NotRetried,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Retries => "max_retries",
            Self::Deadline => "deadline",
            Self::RetryAfter => "retry_after_max",
            Self::Budget => "retry_budget",
            Self::Nested => "nested",
            Self::NotRetried => "not_retried",
        })
    }
}

/// A call that was given up, with the error of the last attempt. Only where it is asked for
/// (`.exhausted()`): by default the last error itself is returned.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Retry, RetryableBlocking, StopReason};
///
/// let policy = Retry::builder("search").max_retries(2).delay(Duration::ZERO).build()?;
/// let given_up = (|| "x".parse::<u8>()).retry(&policy).exhausted().call().unwrap_err();
/// assert_eq!((given_up.attempts, given_up.reason), (3, StopReason::Retries));
/// assert_eq!(given_up.last_error, "x".parse::<u8>().unwrap_err());
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetriesExhausted<E> {
    /// The name of the retry.
    pub name: Name,
    /// How often it was tried, the first time included.
    pub attempts: u32,
    /// Why not once more.
    pub reason: StopReason,
    /// What the last attempt returned.
    pub last_error: E,
}

impl<E: fmt::Display> fmt::Display for RetriesExhausted<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, attempts, reason, last_error } = self;
        let times = if *attempts == 1 { "attempt" } else { "attempts" };
        write!(
            f,
            "retry {:?} gave up after {attempts} {times} ({reason}); the last: {last_error}",
            name.as_str()
        )
    }
}

impl<E: Error + 'static> Error for RetriesExhausted<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.last_error)
    }
}
