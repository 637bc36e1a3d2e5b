// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ::http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::breaker::CircuitBreaker;
use crate::classify::{Classification, Classifier};
use crate::error::CallError;
use crate::future::Held;
use crate::http::{BodyGuard, GuardedBody, StatusClassifier};
use crate::layer::classify;
use crate::layer_once::seen;
use crate::text::Outcome;
use crate::text_refusal::TimeoutSetting;
use crate::timer::Timer;
use crate::tower::macros::opaque;
use crate::tower::oneshot::Oneshot;

/// The permit of a call whose body is not at its end. Dropped, the call was given up; dropped by a panic, it
/// has failed.
pub struct CallGuard {
    held: Held,
    panicking: bool,
}

impl CallGuard {
    fn new(held: Held) -> Self {
        Self { held, panicking: std::thread::panicking() }
    }
}

impl BodyGuard for CallGuard {
    fn progress(&mut self) {
        self.held.renew();
    }

    fn end(mut self, verdict: Classification) {
        self.held.report(verdict);
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        if !self.panicking && std::thread::panicking() {
            self.held.report(Outcome::Failure.into());
        }
    }
}

impl std::fmt::Debug for CallGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallGuard").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`GuardedBodyService`](crate::http::GuardedBodyService): asks for permission when it is
    /// first polled, and then calls the service.
    ///
    /// # Cancel safety
    /// As [`CircuitBreaker::call_async`].
    #[must_use = "futures do nothing unless polled"]
    pub struct GuardedBodyFuture<S, R, C = StatusClassifier>
    where
        S: Service<R>,
    {
        #[pin]
        oneshot: Option<Oneshot<S, R>>,
        #[pin]
        timer: Timer,
        breaker: CircuitBreaker,
        held: Held,
        classifier: C,
        idle_timeout: Option<Duration>,
    }
}

opaque! { GuardedBodyFuture<S, R, C> where S: Service<R> }

impl<S: Service<R>, R, C> GuardedBodyFuture<S, R, C> {
    pub(super) fn new(
        breaker: CircuitBreaker,
        classifier: C,
        idle_timeout: Option<Duration>,
        oneshot: Oneshot<S, R>,
    ) -> Self {
        let (oneshot, timer, held) = (Some(oneshot), Timer::default(), Held::new(breaker.clone()));
        Self { oneshot, timer, breaker, held, classifier, idle_timeout }
    }
}

/// Reports what is over with the head; the rest is the body's.
fn guarded<B: Body>(
    breaker: &CircuitBreaker,
    held: &mut Held,
    idle_timeout: Option<Duration>,
    verdict: Classification,
    response: Response<B>,
) -> Response<GuardedBody<B, CallGuard>> {
    let late = held.admission().is_some_and(|admission| held.outran(admission));
    let response = if late || verdict.outcome() != Outcome::Success {
        held.settle(verdict);
        GuardedBody::unguarded(response)
    } else {
        held.renew();
        let held = std::mem::replace(held, Held::new(breaker.clone()));
        GuardedBody::of_response(response, CallGuard::new(held))
    };
    match idle_timeout {
        Some(limit) => response.map(|body| body.idle_timeout(breaker.shared.name.clone(), limit)),
        None => response,
    }
}

impl<S, R, B, C, E> Future for GuardedBodyFuture<S, R, C>
where
    S: Service<R, Response = Response<B>, Error = CallError<E>>,
    B: Body,
    C: Classifier<Response<B>, E>,
{
    type Output = Result<Response<GuardedBody<B, CallGuard>>, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let held = this.held;
        let running = this.oneshot.as_mut().as_pin_mut().expect("polled after its end");
        if let Err(refused) = held.ask() {
            this.oneshot.set(None);
            return Poll::Ready(Err(refused.into()));
        }
        let polled = held.watched(|| running.poll(cx).map(|result| classify(this.classifier, result)));
        if let Poll::Ready((verdict, result)) = polled {
            this.oneshot.set(None);
            this.timer.disarm();
            let verdict = seen(verdict, &result);
            return Poll::Ready(match result {
                Ok(response) => Ok(guarded(this.breaker, held, *this.idle_timeout, verdict, response)),
                Err(error) => {
                    held.settle(verdict);
                    Err(error)
                }
            });
        }
        if !this.timer.is_armed() {
            if let Some(left) = held.time_left() {
                this.timer.as_mut().arm(left);
            }
        }
        ready!(this.timer.as_mut().poll(cx));
        this.timer.disarm();
        this.oneshot.set(None);
        Poll::Ready(Err(held.time_out(TimeoutSetting::RequestTimeout, held.request_timeout()).into()))
    }
}
