// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::breaker::{Admission, CircuitBreaker};
use crate::classify::{Classification, Classifier, ErrIsFailure};
use crate::error::{CallError, TimedOut};
use crate::refused::Refused;
use crate::text::Outcome;
use crate::text_refusal::TimeoutSetting;
use crate::timer::Timer;
use crate::timing::Asker;

/// The future of [`CircuitBreaker::call_async`]; nothing in it is boxed.
///
/// ```
/// use std::future::Ready;
/// use trifuse::{CallFuture, CircuitBreaker};
///
/// let breaker = CircuitBreaker::builder("payments").build()?;
/// let call: CallFuture<Ready<Result<u8, ()>>> = breaker.call_async(std::future::ready(Ok(1)));
/// # assert_eq!(futures::executor::block_on(call), Ok(1));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[must_use = "futures do nothing unless polled"]
pub struct CallFuture<F, C = ErrIsFailure> {
    /// Pinned. `None` once the call is over.
    pub(crate) operation: Option<F>,
    /// Pinned.
    pub(crate) timer: Timer,
    pub(crate) state: CallState<C>,
}

/// What is not pinned.
pub(crate) struct CallState<C> {
    held: Held,
    classifier: C,
}

impl CircuitBreaker {
    /// Makes an asynchronous call if the circuit admits it, which is asked at the first poll. `Ok` is
    /// a success, `Err` and a panic are failures; see [`guard`](Self::guard) for finer verdicts.
    ///
    /// With the feature `tokio`, in a tokio runtime with its timer on, a call that runs longer than
    /// `request_timeout` is dropped and [`CallError::TimedOut`] returned. Elsewhere it goes on to its
    /// end and is recorded as a timeout.
    ///
    /// # Cancel safety
    /// A future that is dropped before its end gives its permit back and counts as ignored; where
    /// `cancelled_counts_after` is set and the call has run that long, as a timeout.
    ///
    /// # Panics
    /// In a tokio runtime without its timer, with the feature `tokio` and a `request_timeout`; and,
    /// as futures do, when polled after its end.
    ///
    /// ```
    /// # let breaker = trifuse::CircuitBreaker::builder("payments").build()?;
    /// # futures::executor::block_on(async {
    /// let answer = breaker.call_async(async { Ok::<_, std::io::Error>(42) }).await?;
    /// # assert_eq!(answer, 42);
    /// # Ok::<(), trifuse::CallError<std::io::Error>>(())
    /// # }).unwrap();
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn call_async<F, T, E>(&self, operation: F) -> CallFuture<F::IntoFuture>
    where
        F: IntoFuture<Output = Result<T, E>>,
    {
        CallFuture::new(self.clone(), ErrIsFailure, operation.into_future())
    }
}

impl<F, C> CallFuture<F, C> {
    pub(crate) fn new(breaker: CircuitBreaker, classifier: C, operation: F) -> Self {
        let held = Held::new(breaker);
        Self { operation: Some(operation), timer: Timer::default(), state: CallState { held, classifier } }
    }
}

impl<F, C, T, E> Future for CallFuture<F, C>
where
    F: Future<Output = Result<T, E>>,
    C: Classifier<T, E>,
{
    type Output = Result<T, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut operation, mut timer, CallState { held, classifier }) = self.project();
        if let Err(refused) = held.ask() {
            operation.set(None);
            return Poll::Ready(Err(refused.into()));
        }
        let running = operation.as_mut().as_pin_mut().expect("polled after its end");
        if let Poll::Ready((result, verdict)) = held.watched(|| {
            let result = ready!(running.poll(cx));
            let verdict = classifier.classify(&result);
            Poll::Ready((result, verdict))
        }) {
            operation.set(None);
            timer.disarm();
            held.settle(verdict);
            return Poll::Ready(result.map_err(CallError::Operation));
        }
        if !timer.is_armed() {
            if let Some(left) = held.time_left() {
                timer.as_mut().arm(left);
            }
        }
        ready!(timer.as_mut().poll(cx));
        operation.set(None);
        timer.disarm();
        Poll::Ready(Err(held.time_out(TimeoutSetting::RequestTimeout, held.request_timeout()).into()))
    }
}

impl<F, C> fmt::Debug for CallFuture<F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFuture").field("breaker", &self.state.held.breaker).finish_non_exhaustive()
    }
}

/// The permit of a call that others drive; dropped on its way it is a cancellation.
pub(crate) struct Held {
    breaker: CircuitBreaker,
    stage: Stage,
}

enum Stage {
    Unasked,
    Running(Admission),
    Over,
}

impl Held {
    pub(crate) fn new(breaker: CircuitBreaker) -> Self {
        Self { breaker, stage: Stage::Unasked }
    }

    #[cfg(any(feature = "stream", feature = "axum"))]
    pub(crate) fn breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }

    /// Asks for the permit where that has not been done.
    #[inline]
    pub(crate) fn ask(&mut self) -> Result<(), Refused> {
        if matches!(self.stage, Stage::Unasked) {
            self.stage = Stage::Over;
            let shared = &self.breaker.shared;
            let admission = shared.admit(Asker::Future).map_err(|refusal| shared.refuse(refusal))?;
            self.stage = Stage::Running(admission);
        }
        Ok(())
    }

    pub(crate) fn admission(&self) -> Option<Admission> {
        match self.stage {
            Stage::Running(admission) => Some(admission),
            Stage::Unasked | Stage::Over => None,
        }
    }

    fn take(&mut self) -> Option<Admission> {
        let admission = self.admission();
        self.stage = Stage::Over;
        admission
    }

    /// Runs a step of the call; a panic of it is a failure.
    pub(crate) fn watched<R>(&mut self, step: impl FnOnce() -> R) -> R {
        let unwinding = FailsOnDrop(self);
        let result = step();
        std::mem::forget(unwinding);
        result
    }

    #[inline]
    pub(crate) fn settle(&mut self, verdict: Classification) {
        if let Some(admission) = self.take() {
            self.breaker.shared.settle(admission, verdict);
        }
    }

    pub(crate) fn report(&mut self, verdict: Classification) {
        if let Some(admission) = self.take() {
            self.breaker.shared.report(admission, verdict.outcome());
            if let Some(wait) = verdict.trip_for() {
                self.breaker.trip(wait);
            }
        }
    }

    /// Reports a timeout and says which setting it was.
    pub(crate) fn time_out(&mut self, setting: TimeoutSetting, limit: Duration) -> TimedOut {
        self.report(Outcome::Timeout.into());
        TimedOut { name: self.breaker.shared.name.clone(), setting, limit }
    }

    /// Whether it has run longer than `request_timeout`.
    #[cfg(any(feature = "stream", all(feature = "http", feature = "tower")))]
    pub(crate) fn outran(&self, admission: Admission) -> bool {
        let (limit, (_, run)) =
            (self.breaker.shared.timing.request_timeout(), self.breaker.shared.measure(admission));
        limit != 0 && run > limit
    }

    /// Extends the lease of a probe.
    #[cfg(any(feature = "stream", feature = "reqwest", all(feature = "http", feature = "tower")))]
    pub(crate) fn renew(&self) {
        if let Some(admission) = self.admission() {
            self.breaker.shared.raw.renew(admission.permit, self.breaker.shared.clock.stamp());
        }
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_nanos(self.breaker.shared.timing.request_timeout())
    }

    /// What is left of the request timeout, if there is one.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let limit = self.request_timeout();
        let admission = self.admission().filter(|_| !limit.is_zero())?;
        let (_, run) = self.breaker.shared.measure(admission);
        Some(limit.saturating_sub(Duration::from_nanos(run)))
    }
}

struct FailsOnDrop<'a>(&'a mut Held);

impl Drop for FailsOnDrop<'_> {
    fn drop(&mut self) {
        self.0.report(Outcome::Failure.into());
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(admission) = self.take() {
            self.breaker.shared.cancel(admission);
        }
    }
}
