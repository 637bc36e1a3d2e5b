// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;

use crate::breaker::CircuitBreaker;
use crate::classify::{Classifier, ErrIsFailure};
use crate::error::{CallError, TimedOut};
use crate::future::Held;
use crate::text::Outcome;
use crate::text_refusal::TimeoutSetting;
use crate::timer::Timer;

/// A stream that is one guarded call, made by [`CircuitBreaker::guard_stream`].
///
/// ```
/// use futures::stream::{self, StreamExt};
/// use trifuse::CircuitBreaker;
///
/// let breaker = CircuitBreaker::builder("tokens").build()?;
/// # futures::executor::block_on(async {
/// let tokens = breaker.guard_stream(stream::iter([Ok::<_, ()>("one"), Ok("two")]));
/// assert_eq!(tokens.collect::<Vec<_>>().await, [Ok("one"), Ok("two")]);
/// # });
/// assert_eq!(breaker.snapshot().totals.successes, 1);
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct GuardedStream<S, C = ErrIsFailure> {
    /// Pinned. `None` once the call is over.
    pub(crate) stream: Option<S>,
    /// Pinned.
    pub(crate) timer: Timer,
    pub(crate) state: StreamState<C>,
}

/// What is not pinned.
pub(crate) struct StreamState<C> {
    held: Held,
    classifier: C,
    idle_timeout: Option<Duration>,
    /// The first item has come.
    started: bool,
}

impl CircuitBreaker {
    /// Guards a stream of results as one call: admitted at the first item asked for, one outcome.
    ///
    /// The outcome is a success at the end of the stream, a failure at the first item that the
    /// classifier calls one (its outcome is then settled; what follows is passed on), and ignored when
    /// the stream is dropped before. With the feature `tokio`, `request_timeout` is the time to the
    /// first item, and [`idle_timeout`](GuardedStream::idle_timeout) the time between two. A probe's
    /// lease is renewed at each item.
    ///
    /// A refusal and a timeout are the last item.
    ///
    /// ```
    /// use futures::stream::{self, StreamExt};
    ///
    /// # let breaker = trifuse::CircuitBreaker::builder("tokens").build()?;
    /// breaker.force_open();
    /// let mut tokens = std::pin::pin!(breaker.guard_stream(stream::iter([Ok::<_, ()>("one")])));
    /// # futures::executor::block_on(async {
    /// assert!(tokens.next().await.unwrap().is_err());
    /// assert!(tokens.next().await.is_none());
    /// # });
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "stream")))]
    pub fn guard_stream<S, T, E>(&self, stream: S) -> GuardedStream<S>
    where
        S: Stream<Item = Result<T, E>>,
    {
        GuardedStream::new(self.clone(), ErrIsFailure, stream)
    }
}

impl<S, C> GuardedStream<S, C> {
    pub(crate) fn new(breaker: CircuitBreaker, classifier: C, stream: S) -> Self {
        let held = Held::new(breaker);
        let state = StreamState { held, classifier, idle_timeout: None, started: false };
        Self { stream: Some(stream), timer: Timer::default(), state }
    }

    /// Ends the call as a timeout when no item comes for this long after another. Needs the feature
    /// `tokio` and a tokio runtime.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let breaker = trifuse::CircuitBreaker::builder("tokens").build()?;
    /// let tokens = breaker
    ///     .guard_stream(futures::stream::iter([Ok::<_, ()>("one")]))
    ///     .idle_timeout(Duration::from_secs(10));
    /// # let _ = tokens;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg(feature = "tokio")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.state.idle_timeout = limit.into();
        self
    }
}

impl<C> StreamState<C> {
    /// How long the timer is to wait for the next item.
    fn limit(&self) -> Option<Duration> {
        self.held.admission()?;
        if self.started { self.idle_timeout } else { self.held.time_left() }
    }

    fn time_out(&mut self) -> TimedOut {
        match self.idle_timeout.filter(|_| self.started) {
            Some(limit) => self.held.time_out(TimeoutSetting::IdleTimeout, limit),
            None => self.held.time_out(TimeoutSetting::RequestTimeout, self.held.request_timeout()),
        }
    }

    /// Takes note of an item, or of the end.
    fn note<T, E>(&mut self, item: Option<&Result<T, E>>)
    where
        C: Classifier<T, E>,
    {
        let Some(admission) = self.held.admission() else { return };
        let first = !std::mem::replace(&mut self.started, true);
        if first && self.held.outran(admission) {
            self.held.report(Outcome::Timeout.into());
        }
        let Some(item) = item else {
            self.held.report(Outcome::Success.into());
            return;
        };
        let classifier = &self.classifier;
        let verdict = self.held.watched(|| classifier.classify(item));
        if verdict.outcome() == Outcome::Success {
            self.held.renew();
        } else {
            self.held.report(verdict);
        }
    }
}

impl<S, C, T, E> Stream for GuardedStream<S, C>
where
    S: Stream<Item = Result<T, E>>,
    C: Classifier<T, E>,
{
    type Item = Result<T, CallError<E>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let (mut stream, mut timer, state) = self.project();
        let Some(source) = stream.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        if let Err(refused) = state.held.ask() {
            stream.set(None);
            return Poll::Ready(Some(Err(refused.into())));
        }
        if let Poll::Ready(item) = state.held.watched(|| source.poll_next(cx)) {
            timer.disarm();
            state.note(item.as_ref());
            if item.is_none() {
                stream.set(None);
            }
            return Poll::Ready(item.map(|item| item.map_err(CallError::Operation)));
        }
        if !timer.is_armed() {
            if let Some(after) = state.limit() {
                timer.as_mut().arm(after);
            }
        }
        ready!(timer.as_mut().poll(cx));
        timer.disarm();
        stream.set(None);
        Poll::Ready(Some(Err(state.time_out().into())))
    }
}

impl<S, C> fmt::Debug for GuardedStream<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedStream").field("breaker", self.state.held.breaker()).finish_non_exhaustive()
    }
}
