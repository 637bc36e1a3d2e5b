// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::layer::classify;
use crate::layer_once::Sent;
use crate::throttle::Throttle;
use crate::tower::macros::opaque;
use crate::tower::oneshot::Oneshot;

pin_project! {
    /// The future of [`ThrottleService`](crate::tower::ThrottleService): draws when it is first polled, and
    /// then calls the service.
    ///
    /// # Cancel safety
    /// Dropped on its way, the call is none that the service did not take on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ThrottleFuture<S, R, C = ErrIsFailure>
    where
        S: Service<R>,
    {
        throttle: Throttle,
        sent: Option<Sent<Throttle>>,
        #[pin]
        oneshot: Oneshot<S, R>,
        classifier: C,
    }
}

opaque! { ThrottleFuture<S, R, C> where S: Service<R> }

impl<S: Service<R>, R, C> ThrottleFuture<S, R, C> {
    pub(crate) fn new(throttle: Throttle, classifier: C, oneshot: Oneshot<S, R>) -> Self {
        Self { throttle, sent: None, oneshot, classifier }
    }
}

impl<S, R, C, E> Future for ThrottleFuture<S, R, C>
where
    S: Service<R, Error = CallError<E>>,
    C: Classifier<S::Response, E>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // Taken out, so that a panic drops it here.
        let mut sent = match this.sent.take() {
            Some(sent) => sent,
            None => {
                if let Err(refused) = this.throttle.try_acquire() {
                    this.oneshot.set(Oneshot::Over);
                    return Poll::Ready(Err(refused.into()));
                }
                Sent::new(this.throttle.clone())
            }
        };
        let Poll::Ready(result) = this.oneshot.poll(cx) else {
            *this.sent = Some(sent);
            return Poll::Pending;
        };
        let (verdict, result) = classify(this.classifier, result);
        sent.outcome = verdict.outcome();
        Poll::Ready(result)
    }
}
