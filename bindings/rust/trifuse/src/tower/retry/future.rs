// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::retry::{Progress, Retry};
use crate::scope::{Retrying, Scoped};
use crate::timer::Timer;
use crate::tower::macros::opaque;
use crate::tower::readied::Readied;
use crate::tower::{CloneRequest, Cloned};

pin_project! {
    /// The future of [`RetryService`](crate::tower::RetryService). All attempts are made by the one service
    /// that was polled ready, which is waited for between them.
    ///
    /// # Cancel safety
    /// Dropped, the attempt in progress is dropped and no other is made; the call is counted nowhere.
    ///
    /// # Panics
    /// When it has to wait outside of a tokio runtime with its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct RetryFuture<S, R, P = Cloned, C = ErrIsFailure>
    where
        S: Service<R>,
    {
        #[pin]
        attempt: Option<Scoped<S::Future, Retrying>>,
        #[pin]
        timer: Timer,
        service: Readied<S>,
        request: Option<R>,
        retry: Retry,
        progress: Option<Progress>,
        cloning: P,
        classifier: C,
    }
}

opaque! { RetryFuture<S, R, P, C> where S: Service<R> }

impl<S: Service<R>, R, P, C> RetryFuture<S, R, P, C> {
    pub(crate) fn new(retry: Retry, (cloning, classifier): (P, C), service: Readied<S>, request: R) -> Self {
        Self {
            attempt: None,
            timer: Timer::default(),
            service,
            request: Some(request),
            retry,
            progress: None,
            cloning,
            classifier,
        }
    }
}

impl<S, R, P, C, E> Future for RetryFuture<S, R, P, C>
where
    S: Service<R, Error = CallError<E>>,
    P: CloneRequest<R>,
    C: Classifier<S::Response, E>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let shared = &*this.retry.shared;
        let progress = this.progress.get_or_insert_with(|| shared.begin());
        assert!(this.request.is_some() || this.attempt.is_some(), "polled after its end");
        loop {
            if this.timer.is_armed() {
                ready!(this.timer.as_mut().poll(cx));
                this.timer.as_mut().disarm();
            }
            if this.attempt.is_none() {
                if let Err(error) = ready!(this.service.until_ready(cx)) {
                    *this.request = None;
                    return Poll::Ready(shared.last(progress, this.classifier, Err(error)));
                }
                let request = this.request.take().expect("there until the end");
                *this.request = this.cloning.clone_request(&request);
                let call = || this.service.call(request);
                this.attempt.set(Some(Scoped::new(Retrying::new(), call)));
            }
            let result = ready!(this.attempt.as_mut().as_pin_mut().expect("just made").poll(cx));
            this.attempt.set(None);
            // Taken out: there is no other attempt after the end, nor after a panic.
            let Some(request) = this.request.take() else {
                return Poll::Ready(shared.last(progress, this.classifier, result));
            };
            match shared.after(progress, this.classifier, result) {
                (Some(delay), _) if delay.is_zero() => {
                    *this.request = Some(request);
                    cx.waker().wake_by_ref(); // others run first, and may end it
                    return Poll::Pending;
                }
                (Some(delay), _) => {
                    *this.request = Some(request);
                    this.timer.as_mut().arm_surely(delay);
                }
                (None, result) => return Poll::Ready(result),
            }
        }
    }
}
