// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::breaker::CircuitBreaker;
use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::future::CallFuture;
use crate::layer_once::unwrapped;
use crate::tower::judging::{Judging, Verdict};
use crate::tower::macros::opaque;
use crate::tower::oneshot::Oneshot;

pin_project! {
    /// The future of [`CircuitBreakerService`](crate::tower::CircuitBreakerService): asks for permission
    /// when it is first polled, and then calls the service.
    ///
    /// As [`CircuitBreaker::call_async`], with its `request_timeout`, cancel safety and panics.
    #[must_use = "futures do nothing unless polled"]
    pub struct CircuitBreakerFuture<S, R, C = ErrIsFailure>
    where
        S: Service<R>,
    {
        #[pin]
        call: CallFuture<Judging<Oneshot<S, R>, C>, Verdict>,
    }
}

opaque! { CircuitBreakerFuture<S, R, C> where S: Service<R> }

impl<S: Service<R>, R, C> CircuitBreakerFuture<S, R, C> {
    pub(crate) fn new(breaker: CircuitBreaker, classifier: C, oneshot: Oneshot<S, R>) -> Self {
        Self { call: CallFuture::new(breaker, Verdict, Judging::new(oneshot, classifier)) }
    }
}

impl<S, R, C, E> Future for CircuitBreakerFuture<S, R, C>
where
    S: Service<R, Error = CallError<E>>,
    C: Classifier<S::Response, E>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let judged = ready!(self.project().call.poll(cx));
        Poll::Ready(unwrapped(judged).unwrap_or_else(Err))
    }
}
