// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retrying an asynchronous function.
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::classify::{Classifier, ErrIsFailure};
use crate::retry::{Progress, Retry};
use crate::retry_error::{RetriesExhausted, StopReason};
use crate::retry_run::{Always, Exhausted, Nobody, Rules, rules};
use crate::scope::{Retrying as Within, Scoped};
use crate::timer::Timer;

/// Calls of an asynchronous function that are retried, made by [`Retryable::retry`]; `.await` makes them.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use trifuse::{Retry, Retryable};
///
/// async fn fetch() -> Result<u16, u16> {
///     Err(503)
/// }
///
/// let policy = Retry::builder("search").build()?;
/// let answer = fetch.retry(&policy).when(|status| *status >= 500).await;
/// assert_eq!((answer, policy.snapshot().retries), (Err(503), 3));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct Retrying<F, A, T, E, W = Always<E>, N = Nobody<E>, C = ErrIsFailure> {
    operation: F,
    retry: Retry,
    rules: Rules<W, N, C>,
    #[allow(clippy::type_complexity)]
    result: PhantomData<fn() -> (A, Result<T, E>)>,
}

/// Gives every function that returns a future of a `Result` a `retry` method.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use trifuse::{Retry, Retryable};
///
/// let policy = Retry::builder("search").build()?;
/// assert_eq!((|| async { Ok::<_, ()>(7) }).retry(&policy).await, Ok(7));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
pub trait Retryable<A, T, E>: FnMut() -> A + Sized
where
    A: Future<Output = Result<T, E>>,
{
    /// This function, retried as the policy says.
    ///
    /// # Cancel safety
    /// Dropped, the attempt in progress is dropped and no other is made; the call is counted nowhere.
    ///
    /// # Panics
    /// When it has to wait outside of a tokio runtime with its timer on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # use trifuse::{Retry, Retryable};
    /// let policy = Retry::builder("search").build()?;
    /// assert_eq!((|| async { Ok::<_, ()>(7) }).retry(&policy).await, Ok(7));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    fn retry(self, policy: &Retry) -> Retrying<Self, A, T, E> {
        Retrying { operation: self, retry: policy.clone(), rules: Rules::new(), result: PhantomData }
    }
}

impl<F, A, T, E> Retryable<A, T, E> for F
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, E>>,
{
}

rules! { Retrying<F, A>, Retryable, "await" }

impl<F, A, T, E, W, N, C> IntoFuture for Retrying<F, A, T, E, W, N, C>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, E>>,
    W: FnMut(&E) -> bool,
    N: FnMut(&E, Duration),
    C: Classifier<T, E>,
{
    type Output = Result<T, E>;
    type IntoFuture = RetryFuture<F, A, W, N, C>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { operation, retry, rules, .. } = self;
        let state = RetryState {
            operation,
            retry,
            rules,
            progress: None,
            over: false,
            ended: (0, StopReason::NotRetried),
        };
        RetryFuture { attempt: None, timer: Timer::default(), state }
    }
}

impl<F, A, T, E, W, N, C> Retrying<F, A, T, E, W, N, C> {
    /// Returns what the call was given up for beside the last error.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
    /// # use trifuse::{Retry, Retryable};
    /// let policy = Retry::builder("search").build()?;
    /// let given_up = (|| async { Err::<(), _>("no") }).retry(&policy).exhausted().await.unwrap_err();
    /// assert_eq!((given_up.attempts, given_up.last_error), (4, "no"));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn exhausted(self) -> Exhausted<Self> {
        Exhausted(self)
    }
}

impl<F, A, T, E, W, N, C> IntoFuture for Exhausted<Retrying<F, A, T, E, W, N, C>>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, E>>,
    W: FnMut(&E) -> bool,
    N: FnMut(&E, Duration),
    C: Classifier<T, E>,
{
    type Output = Result<T, RetriesExhausted<E>>;
    type IntoFuture = ExhaustedFuture<RetryFuture<F, A, W, N, C>>;

    fn into_future(self) -> Self::IntoFuture {
        ExhaustedFuture { future: self.0.into_future() }
    }
}

/// The future of a retried call; nothing in it is boxed.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::future::IntoFuture;
/// use trifuse::{Retry, Retryable};
///
/// let policy = Retry::builder("search").build()?;
/// let call = tokio::spawn((|| async { Ok::<_, ()>(7) }).retry(&policy).into_future());
/// assert_eq!(call.await.unwrap(), Ok(7));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct RetryFuture<F, A, W, N, C> {
    /// Pinned. `None` while it waits, and when it is over.
    pub(crate) attempt: Option<Scoped<A, Within>>,
    /// Pinned.
    pub(crate) timer: Timer,
    pub(crate) state: RetryState<F, W, N, C>,
}

/// What is not pinned.
pub(crate) struct RetryState<F, W, N, C> {
    operation: F,
    retry: Retry,
    rules: Rules<W, N, C>,
    progress: Option<Progress>,
    /// It has ended, or an attempt has panicked.
    over: bool,
    /// Attempts, and why there was no other.
    ended: (u32, StopReason),
}

impl<F, A, T, E, W, N, C> Future for RetryFuture<F, A, W, N, C>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, E>>,
    W: FnMut(&E) -> bool,
    N: FnMut(&E, Duration),
    C: Classifier<T, E>,
{
    type Output = Result<T, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut attempt, mut timer, state) = self.project();
        assert!(!std::mem::replace(&mut state.over, true), "polled after its end");
        let shared = &*state.retry.shared;
        let progress = state.progress.get_or_insert_with(|| shared.begin());
        let mut run = || loop {
            if timer.is_armed() {
                ready!(timer.as_mut().poll(cx));
                timer.as_mut().disarm();
            }
            if attempt.is_none() {
                attempt.set(Some(Scoped::new(Within::new(), &mut state.operation)));
            }
            let result = ready!(attempt.as_mut().as_pin_mut().expect("just made").poll(cx));
            attempt.set(None);
            match state.rules.judge(shared, progress, &result) {
                Ok(delay) if delay.is_zero() => {
                    cx.waker().wake_by_ref(); // others run first, and may end it
                    return Poll::Pending;
                }
                Ok(delay) => timer.as_mut().arm_surely(delay),
                Err(reason) => {
                    state.ended = (progress.call.retries + 1, reason);
                    return Poll::Ready(result);
                }
            }
        };
        let polled = run();
        state.over = polled.is_ready();
        polled
    }
}

impl<F, A, W, N, C> RetryFuture<F, A, W, N, C> {
    fn given_up<E>(&self, last_error: E) -> RetriesExhausted<E> {
        let (attempts, reason) = self.state.ended;
        RetriesExhausted { name: self.state.retry.shared.name.clone(), attempts, reason, last_error }
    }
}

impl<F, A, W, N, C> std::fmt::Debug for RetryFuture<F, A, W, N, C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetryFuture").field("retry", &self.state.retry).finish_non_exhaustive()
    }
}

/// The future of a retried call that ends in [`RetriesExhausted`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use trifuse::{Retry, Retryable};
///
/// let policy = Retry::builder("search").build()?;
/// assert_eq!((|| async { Ok::<_, ()>(7) }).retry(&policy).exhausted().await.unwrap(), 7);
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct ExhaustedFuture<R> {
    /// Pinned.
    pub(crate) future: R,
}

impl<F, A, T, E, W, N, C> Future for ExhaustedFuture<RetryFuture<F, A, W, N, C>>
where
    F: FnMut() -> A,
    A: Future<Output = Result<T, E>>,
    W: FnMut(&E) -> bool,
    N: FnMut(&E, Duration),
    C: Classifier<T, E>,
{
    type Output = Result<T, RetriesExhausted<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut future = self.project();
        let result = ready!(future.as_mut().poll(cx));
        Poll::Ready(result.map_err(|error| future.given_up(error)))
    }
}

impl Retry {
    /// Calls an asynchronous function until it succeeds or is given up; short for
    /// `operation.retry(&policy)`, with the same cancel safety and panics.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let retry = trifuse::Retry::builder("search").build()?;
    /// assert_eq!(retry.call_async(|| async { Ok::<_, ()>(7) }).await, Ok(7));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn call_async<F, A, T, E>(
        &self,
        operation: F,
    ) -> RetryFuture<F, A, Always<E>, Nobody<E>, ErrIsFailure>
    where
        F: FnMut() -> A,
        A: Future<Output = Result<T, E>>,
    {
        Retryable::retry(operation, self).into_future()
    }
}
