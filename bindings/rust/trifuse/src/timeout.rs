// SPDX-License-Identifier: MIT OR Apache-2.0
#[cfg(feature = "tokio")]
use std::future::Future;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::to_ns;
use crate::error::CallError;
#[cfg(feature = "tokio")]
use crate::error::TimedOut;
#[cfg(feature = "tokio")]
use crate::layer::{AsyncLayer, Next};
use crate::layer::{Layer, Reply};
use crate::name::Name;
use crate::scope::{self, Limit, Scope, Until};
use crate::text_refusal::TimeoutSetting;

/// Ends a call that takes too long: an asynchronous one is dropped at its limit.
///
/// A blocking call cannot be interrupted: it runs to its end, and its result is returned; the policies
/// around it in a [`Pipeline`](crate::Pipeline) are told that it was a timeout. What is called within, in
/// both forms, is under a deadline: retries within do not wait past the limit.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use trifuse::{CallError, Timeout, TimeoutSetting};
///
/// let timeout = Timeout::after(Duration::from_secs(2)).name("search");
/// let hang = std::future::pending::<Result<(), std::io::Error>>();
/// let Err(CallError::TimedOut(late)) = timeout.call_async(hang).await else { panic!() };
/// assert_eq!((late.setting, late.limit), (TimeoutSetting::Timeout, Duration::from_secs(2)));
/// # });
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Timeout {
    pub(crate) name: Name,
    pub(crate) limit: Duration,
    clock: Clock,
}

impl Default for Timeout {
    /// 10 s.
    fn default() -> Self {
        Self::after(Duration::from_secs(10))
    }
}

impl Timeout {
    /// Ends calls after so long; by default ([`Timeout::default`]) after 10 s.
    ///
    /// ```
    /// use std::time::Duration;
    /// use trifuse::Timeout;
    /// assert_eq!(Timeout::after(Duration::from_secs(2)).limit(), Duration::from_secs(2));
    /// assert_eq!(Timeout::default().limit(), Duration::from_secs(10));
    /// ```
    pub fn after(limit: Duration) -> Self {
        Self { name: "timeout".into(), limit, clock: Clock::default() }
    }

    /// What it is called in errors.
    ///
    /// ```
    /// let timeout = trifuse::Timeout::default().name("search");
    /// # let _ = timeout;
    /// ```
    pub fn name(mut self, name: impl Into<Name>) -> Self {
        self.name = name.into();
        self
    }

    /// Where it takes its time from; for tests.
    ///
    /// ```
    /// let timeout = trifuse::Timeout::default().clock(trifuse::ManualClock::new());
    /// # let _ = timeout;
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// The same with another limit, for a single call.
    ///
    /// ```
    /// use std::time::Duration;
    /// let usual = trifuse::Timeout::default();
    /// assert_eq!(usual.with(Duration::from_secs(60)).limit(), Duration::from_secs(60));
    /// ```
    pub fn with(&self, limit: Duration) -> Self {
        Self { limit, ..self.clone() }
    }

    /// The limit.
    ///
    /// ```
    /// assert_eq!(trifuse::Timeout::default().limit(), std::time::Duration::from_secs(10));
    /// ```
    #[must_use]
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Makes a blocking call under the limit. It is not interrupted; retries within do not wait past it.
    ///
    /// # Errors
    /// The operation's own error.
    ///
    /// ```
    /// assert_eq!(trifuse::Timeout::default().call(|| "12".parse::<u8>()), Ok(12));
    /// ```
    pub fn call<T, E>(&self, operation: impl FnOnce() -> Result<T, E>) -> Result<T, CallError<E>> {
        self.once(|| Reply::of(operation())).result
    }

    fn once<T, E>(&self, next: impl FnOnce() -> Reply<T, E>) -> Reply<T, E> {
        let (mut scope, _) = self.entered();
        let began = self.clock.now();
        let mut reply = scope.run(next);
        reply.late |= self.clock.now().saturating_sub(began) > to_ns(self.limit);
        reply
    }

    /// The scope of what is called within, and the limit that is nearest.
    fn entered(&self) -> (Until, Limit) {
        entered(self.clock.clone(), self.limit, &self.name, TimeoutSetting::Timeout)
    }

    /// The scope alone, which has the limit.
    #[cfg(feature = "tower")]
    pub(crate) fn scope(&self) -> Until {
        Until::new(nearest(self.clock.clone(), self.limit, &self.name, TimeoutSetting::Timeout))
    }
}

/// A scope with the nearer of a new limit and the caller's own.
pub(crate) fn entered(clock: Clock, limit: Duration, name: &Name, setting: TimeoutSetting) -> (Until, Limit) {
    let nearest = nearest(clock, limit, name, setting);
    (Until::new(nearest.clone()), nearest)
}

fn nearest(clock: Clock, limit: Duration, name: &Name, setting: TimeoutSetting) -> Limit {
    let at = clock.now().saturating_add(to_ns(limit));
    let own = Limit { clock, at, name: name.clone(), duration: limit, setting };
    scope::limit().filter(|outer| outer.left() <= own.left()).unwrap_or(own)
}

impl<T, E, C> Layer<T, E, C> for Timeout {
    fn run(&self, _: &C, next: impl FnMut() -> Reply<T, E>) -> Reply<T, E> {
        self.once(next)
    }
}

#[cfg(feature = "tokio")]
impl<T, E, C> AsyncLayer<T, E, C> for Timeout {
    async fn run_async<N: Next<T, E>>(self, _: C, next: N) -> Result<T, CallError<E>> {
        limited(self.entered(), || next.start()).await
    }
}

/// Runs a call in a scope, until the limit.
#[cfg(feature = "tokio")]
pub(crate) async fn limited<T, E, A>(
    (scope, limit): (Until, Limit),
    next: impl FnOnce() -> A,
) -> Result<T, CallError<E>>
where
    A: Future<Output = Result<T, CallError<E>>>,
{
    let call = scope::Scoped::new(scope, next);
    match tokio::time::timeout(limit.left(), call).await {
        Ok(result) => result,
        Err(_) => Err(TimedOut { name: limit.name, setting: limit.setting, limit: limit.duration }.into()),
    }
}

#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
impl Timeout {
    /// Makes an asynchronous call; at the limit, or at a nearer [`Deadline`](crate::Deadline) that the
    /// caller is under, it is dropped.
    ///
    /// # Cancel safety
    /// Dropped, the operation is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime with its timer on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let timeout = trifuse::Timeout::default();
    /// assert_eq!(timeout.call_async(async { Ok::<_, ()>(1) }).await, Ok(1));
    /// # });
    /// ```
    pub fn call_async<A, T, E>(
        &self,
        operation: A,
    ) -> impl Future<Output = Result<T, CallError<E>>> + use<A, T, E>
    where
        A: Future<Output = Result<T, E>>,
    {
        let timeout = self.clone();
        async move {
            let next = || async { operation.await.map_err(CallError::Operation) };
            limited(timeout.entered(), next).await
        }
    }
}
