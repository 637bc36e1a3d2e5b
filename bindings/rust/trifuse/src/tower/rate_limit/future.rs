// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::error::CallError;
use crate::error_limits::LimiterError;
use crate::limiter::RateLimiter;
use crate::limiter_future::Wait;
use crate::tower::macros::opaque;
use crate::tower::oneshot::Oneshot;

pin_project! {
    /// The future of [`RateLimitService`](crate::tower::RateLimitService): takes a token, and then calls the
    /// service.
    ///
    /// # Cancel safety
    /// Dropped while it waits, what it had reserved goes back and its place in the line is free.
    ///
    /// # Panics
    /// When it has to wait outside of a tokio runtime with its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct RateLimitFuture<S, R>
    where
        S: Service<R>,
    {
        limiter: RateLimiter,
        admitted: bool,
        #[pin]
        wait: Option<Wait>,
        #[pin]
        oneshot: Oneshot<S, R>,
    }
}

opaque! { RateLimitFuture<S, R> where S: Service<R> }

impl<S: Service<R>, R> RateLimitFuture<S, R> {
    pub(crate) fn new(limiter: RateLimiter, oneshot: Oneshot<S, R>) -> Self {
        Self { limiter, admitted: false, wait: None, oneshot }
    }
}

/// At once or never, or within `max_wait`.
fn admit(
    limiter: &RateLimiter,
    mut wait: Pin<&mut Option<Wait>>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), LimiterError>> {
    let Some(most) = limiter.shared.max_wait else { return Poll::Ready(limiter.try_acquire_n(1)) };
    if wait.is_none() {
        wait.set(Some(Wait::new(limiter.shared.clone(), 1, Some(most))));
    }
    let admitted = ready!(wait.as_mut().as_pin_mut().expect("just made").poll(cx));
    wait.set(None);
    Poll::Ready(admitted)
}

impl<S, R, E> Future for RateLimitFuture<S, R>
where
    S: Service<R, Error = CallError<E>>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if !*this.admitted {
            if let Err(error) = ready!(admit(this.limiter, this.wait, cx)) {
                *this.admitted = true; // it is over
                this.oneshot.set(Oneshot::Over);
                return Poll::Ready(Err(this.limiter.refusal(error).into()));
            }
            *this.admitted = true;
        }
        this.oneshot.poll(cx)
    }
}
