// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use trifuse_sys::{
    TRIFUSE_NEVER, TRIFUSE_OK, TRIFUSE_REFUSED_RETRY_BUDGET, TRIFUSE_STOP_DEADLINE, TRIFUSE_STOP_RETRY_AFTER,
    trifuse_retry_call,
};

use crate::clock::Clock;
use crate::config::to_ns;
use crate::error::ConfigError;
use crate::name::Name;
use crate::raw::retry::{Failed, RawRetry};
use crate::retry_budget::RetryBudget;
use crate::retry_builder::{Backoff, RetryBuilder};
use crate::retry_config::RetryConfig;
use crate::retry_error::StopReason;
use crate::scope;
use crate::snapshot_policy::RetrySnapshot;

/// Tries a failed call again: how often, after what delay, until when.
///
/// One object for each kind of call; clones are handles to the same one and cheap. Functions have
/// `.retry(&policy)` by [`Retryable`](crate::Retryable) and [`RetryableBlocking`](crate::RetryableBlocking);
/// [`begin`](Self::begin) is for a loop and a timer of your own.
///
/// Only the outermost of retries within retries retries, as far as they run on the same task: what an
/// attempt spawns is not seen.
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Retry, RetryableBlocking};
///
/// let policy = Retry::builder("search").max_retries(4).delay(Duration::from_millis(1)).build()?;
/// let mut attempts = 0;
/// let fetch = || {
///     attempts += 1;
///     if attempts < 3 { Err("not yet") } else { Ok("three results") }
/// };
/// assert_eq!(fetch.retry(&policy).when(|e| *e == "not yet").call(), Ok("three results"));
/// assert_eq!(attempts, 3);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct Retry {
    pub(crate) shared: Arc<RetryShared>,
}

pub(crate) struct RetryShared {
    pub(crate) raw: RawRetry,
    pub(crate) seed: u64,
    /// As it was given, to be shown.
    pub(crate) config: Mutex<RetryConfig>,
    pub(crate) clock: Clock,
    pub(crate) name: Name,
    pub(crate) budget: Option<RetryBudget>,
    pub(crate) backoff: Option<Arc<dyn Backoff>>,
    pub(crate) nested: bool,
}

impl RetryShared {
    /// Begins a call: pays in to the budget (not as a part of another call's retries), takes the caller's deadline where that is nearer.
    #[inline]
    pub(crate) fn begin(&self) -> Progress {
        let within = !self.nested && scope::is_retrying();
        if let Some(budget) = self.budget.as_ref().filter(|_| !within) {
            budget.deposit();
        }
        let mut call = self.raw.begin(self.clock.stamp());
        if let Some(left) = scope::time_left() {
            call.deadline_ns = call.deadline_ns.min(self.clock.now().saturating_add(to_ns(left)));
        }
        Progress { call, within }
    }

    /// Whether a failed attempt is made again, and after what delay.
    pub(crate) fn next(
        &self,
        progress: &mut Progress,
        retry_after: Option<Duration>,
    ) -> Result<Duration, StopReason> {
        if progress.within {
            return Err(StopReason::Nested);
        }
        let failed = Failed {
            budget: self.budget.as_ref().map(|budget| &budget.shared.raw),
            retry_after: retry_after.map_or(TRIFUSE_NEVER, told),
            own_delay: self.own_delay(progress.call.retries).map_or(TRIFUSE_NEVER, told),
            now: self.clock.now(),
        };
        let mut delay = 0;
        match self.raw.next(&mut progress.call, &failed, &mut delay) {
            TRIFUSE_OK => Ok(Duration::from_nanos(delay)),
            TRIFUSE_STOP_DEADLINE => Err(StopReason::Deadline),
            TRIFUSE_STOP_RETRY_AFTER => Err(StopReason::RetryAfter),
            TRIFUSE_REFUSED_RETRY_BUDGET => Err(StopReason::Budget),
            _ => Err(StopReason::Retries),
        }
    }

    /// The user's own delay, asked only for a retry that there may be.
    fn own_delay(&self, retry: u32) -> Option<Duration> {
        let backoff = self.backoff.as_ref()?;
        let most = self.config.lock().unwrap_or_else(PoisonError::into_inner).max_retries();
        (retry < most).then(|| backoff.delay(retry))
    }
}

/// For ever, too, is a time that was told.
fn told(wait: Duration) -> u64 {
    to_ns(wait).min(TRIFUSE_NEVER - 1)
}

/// How far a call has come.
pub(crate) struct Progress {
    pub(crate) call: trifuse_retry_call,
    /// Within another retry, which does the retrying.
    within: bool,
}

impl Retry {
    /// Starts a retry with the defaults: 3 retries after 100, 200 and 400 ms, plus up to 10 %.
    ///
    /// ```
    /// let retry = trifuse::Retry::builder("search").max_retries(2).build()?;
    /// assert_eq!(retry.name(), "search");
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn builder(name: impl Into<Name>) -> RetryBuilder {
        RetryBuilder::new(name.into())
    }

    /// Begins one call, for a loop and a timer of your own: no runtime is needed.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let retry = trifuse::Retry::builder("search").delay(Duration::from_millis(1)).build()?;
    /// let mut call = retry.begin();
    /// let answer = loop {
    ///     match "12".parse::<u8>() {
    ///         Ok(answer) => break Ok(answer),
    ///         Err(error) => match call.next(None) {
    ///             Ok(delay) => std::thread::sleep(delay), // or your runtime's timer
    ///             Err(_) => break Err(error),
    ///         },
    ///     }
    /// };
    /// call.settle(answer.is_ok());
    /// # assert_eq!(answer, Ok(12));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn begin(&self) -> RetryCall {
        RetryCall { retry: self.clone(), progress: self.shared.begin() }
    }

    /// Takes a new configuration; what was counted stays, calls in progress keep their deadline.
    ///
    /// # Errors
    /// A field that is out of its range; then nothing is taken.
    ///
    /// ```
    /// use trifuse::{Retry, RetryConfig};
    /// let retry = Retry::builder("search").build()?;
    /// retry.reconfigure(RetryConfig::DEFAULT.with_max_retries(1))?;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn reconfigure(&self, config: RetryConfig) -> Result<(), ConfigError> {
        let mut raw = config.raw;
        if raw.seed == 0 {
            raw.seed = self.shared.seed;
        }
        let mut shown = self.shared.config.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.raw.reconfigure(&raw)?;
        *shown = config;
        Ok(())
    }

    /// The configuration in force.
    ///
    /// ```
    /// let retry = trifuse::Retry::builder("search").max_retries(7).build()?;
    /// assert_eq!(retry.config().max_retries(), 7);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn config(&self) -> RetryConfig {
        *self.shared.config.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Totals.
    ///
    /// ```
    /// # let retry = trifuse::Retry::builder("search").build()?;
    /// assert_eq!(retry.snapshot().calls, 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> RetrySnapshot {
        RetrySnapshot::from_raw(&self.shared.name, &self.shared.raw.snapshot())
    }
}

/// One call in progress, made by [`Retry::begin`]. Dropped without [`settle`](Self::settle) the call was
/// given up and is counted nowhere.
///
/// ```
/// use trifuse::{Retry, StopReason};
///
/// let retry = Retry::builder("search").max_retries(1).build()?;
/// let mut call = retry.begin();
/// assert!(call.next(None).is_ok());
/// assert_eq!(call.next(None), Err(StopReason::Retries));
/// assert_eq!(call.retries(), 1);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub struct RetryCall {
    retry: Retry,
    progress: Progress,
}

impl RetryCall {
    /// An attempt has failed: the delay after which it is to be made again, or why not. `retry_after` is
    /// the server's word: it replaces the delay, plus 0 to 10 %, never less.
    ///
    /// # Errors
    /// Give up, with the error of the attempt.
    ///
    /// ```
    /// use std::time::Duration;
    /// let retry = trifuse::Retry::builder("search").build()?;
    /// let delay = retry.begin().next(Some(Duration::from_secs(7))).unwrap();
    /// assert!(delay >= Duration::from_secs(7));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn next(&mut self, retry_after: Option<Duration>) -> Result<Duration, StopReason> {
        self.retry.shared.next(&mut self.progress, retry_after)
    }

    /// Retries granted so far.
    ///
    /// ```
    /// assert_eq!(trifuse::Retry::builder("search").build()?.begin().retries(), 0);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[must_use]
    pub fn retries(&self) -> u32 {
        self.progress.call.retries
    }

    /// Counts the call, which has ended well or badly.
    ///
    /// ```
    /// # let retry = trifuse::Retry::builder("search").build()?;
    /// retry.begin().settle(true);
    /// assert_eq!(retry.snapshot().successes, 1);
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn settle(self, ok: bool) {
        self.retry.shared.raw.settle(self.retries(), ok);
    }
}

impl std::fmt::Debug for RetryCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetryCall").field("retry", &self.retry).field("retries", &self.retries()).finish()
    }
}
