// SPDX-License-Identifier: MIT OR Apache-2.0
#[cfg(feature = "tokio")]
use std::future::Future;
use std::time::Duration;

use crate::clock::Clock;
#[cfg(feature = "tokio")]
use crate::error::CallError;
use crate::name::Name;
use crate::scope::{self, Scope};
use crate::text_refusal::TimeoutSetting;

/// The time that a whole request has: timeouts, waits and delays of retries within never outlive it.
///
/// It goes with the call, not with the thread or the runtime: blocking calls within have it, and futures
/// while they are polled within. What they spawn has not; make a new one there from
/// [`time_left`](Self::time_left).
///
/// ```
/// use std::time::Duration;
/// use trifuse::{Deadline, ManualClock, Retry};
///
/// let clock = ManualClock::new();
/// let retry = Retry::builder("search").delay(Duration::from_secs(3)).clock(clock.clone()).build()?;
/// let answer = Deadline::after(Duration::from_secs(5)).clock(clock).call(|| {
///     retry.call(|| Err::<(), _>("no"))
/// });
/// assert_eq!((answer, retry.snapshot().retries), (Err("no"), 1)); // a second one would end after 9 s
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Deadline {
    limit: Duration,
    name: Name,
    clock: Clock,
}

impl Deadline {
    /// So long from when a call is made under it; an outer deadline that is nearer holds.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::Deadline;
    /// Deadline::after(Duration::from_secs(5)).call(|| {
    ///     Deadline::after(Duration::from_secs(60)).call(|| {
    ///         assert!(Deadline::time_left() <= Some(Duration::from_secs(5)));
    ///     });
    /// });
    /// ```
    pub fn after(limit: Duration) -> Self {
        Self { limit, name: "deadline".into(), clock: Clock::default() }
    }

    /// What it is called in errors.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let deadline = trifuse::Deadline::after(Duration::from_secs(5)).name("GET /search");
    /// # let _ = deadline;
    /// ```
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }

    /// Where it takes its time from; for tests.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let deadline = trifuse::Deadline::after(Duration::from_secs(5)).clock(trifuse::ManualClock::new());
    /// # let _ = deadline;
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// What is left of the deadline that the caller is under, zero when it has passed; `None`: none.
    ///
    /// ```
    /// assert_eq!(trifuse::Deadline::time_left(), None);
    /// ```
    #[must_use]
    pub fn time_left() -> Option<Duration> {
        scope::time_left()
    }

    /// Runs a blocking function under it. It is not interrupted.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::Deadline;
    /// Deadline::after(Duration::from_secs(5)).call(|| assert!(Deadline::time_left().is_some()));
    /// ```
    pub fn call<R>(&self, operation: impl FnOnce() -> R) -> R {
        self.entered().0.run(operation)
    }

    pub(crate) fn entered(&self) -> (scope::Until, scope::Limit) {
        crate::timeout::entered(self.clock.clone(), self.limit, &self.name, TimeoutSetting::Deadline)
    }

    /// Runs a future under it, which is dropped when it has passed.
    ///
    /// # Cancel safety
    /// Dropped, the operation is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its timer on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// use std::time::Duration;
    /// use trifuse::{CallError, Deadline, TimeoutSetting};
    ///
    /// let hang = std::future::pending::<Result<(), ()>>();
    /// let late = Deadline::after(Duration::from_secs(5)).call_async(hang).await.unwrap_err();
    /// assert!(matches!(late, CallError::TimedOut(late) if late.setting == TimeoutSetting::Deadline));
    /// # });
    /// ```
    #[cfg(feature = "tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
    pub fn call_async<A, T, E>(
        &self,
        operation: A,
    ) -> impl Future<Output = Result<T, CallError<E>>> + use<A, T, E>
    where
        A: Future<Output = Result<T, E>>,
    {
        let deadline = self.clone();
        async move {
            let next = || async { operation.await.map_err(CallError::Operation) };
            crate::timeout::limited(deadline.entered(), next).await
        }
    }
}
