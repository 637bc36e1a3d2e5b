// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::places::Places;
use crate::tower::macros::opaque;
use crate::tower::oneshot::Oneshot;
use crate::tower::placed::Placed;

pin_project! {
    /// The future of [`AdaptiveLimitService`](crate::tower::AdaptiveLimitService): takes a place, and then calls the
    /// service.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it leaves the line; dropped later, its place goes to the next.
    ///
    /// # Panics
    /// When it has to wait outside of a tokio runtime with its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct AdaptiveLimitFuture<S, R, C = ErrIsFailure>
    where
        S: Service<R>,
    {
        #[pin]
        call: Placed<S, R, C>,
    }
}

opaque! { AdaptiveLimitFuture<S, R, C> where S: Service<R> }

impl<S: Service<R>, R, C> AdaptiveLimitFuture<S, R, C> {
    pub(crate) fn new(places: Arc<Places>, classifier: C, oneshot: Oneshot<S, R>) -> Self {
        Self { call: Placed::new(places, classifier, oneshot) }
    }
}

impl<S, R, C, E> Future for AdaptiveLimitFuture<S, R, C>
where
    S: Service<R, Error = CallError<E>>,
    C: Classifier<S::Response, E>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().call.poll(cx)
    }
}
