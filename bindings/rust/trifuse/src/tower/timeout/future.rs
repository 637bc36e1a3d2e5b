// SPDX-License-Identifier: MIT OR Apache-2.0
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::error::{CallError, TimedOut};
use crate::scope::{Scope, Until};
use crate::timeout::Timeout;
use crate::timer::Timer;
use crate::tower::macros::opaque;
use crate::tower::oneshot::Oneshot;

pin_project! {
    /// The future of [`TimeoutService`](crate::tower::TimeoutService). The time begins when it is first
    /// polled.
    ///
    /// # Panics
    /// When it has to wait outside of a tokio runtime with its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct TimeoutFuture<S, R>
    where
        S: Service<R>,
    {
        timeout: Timeout,
        running: Option<Until>,
        #[pin]
        timer: Timer,
        #[pin]
        oneshot: Option<Oneshot<S, R>>,
    }
}

opaque! { TimeoutFuture<S, R> where S: Service<R> }

impl<S: Service<R>, R> TimeoutFuture<S, R> {
    pub(crate) fn new(timeout: Timeout, oneshot: Oneshot<S, R>) -> Self {
        Self { timeout, running: None, timer: Timer::default(), oneshot: Some(oneshot) }
    }
}

impl<S, R, E> Future for TimeoutFuture<S, R>
where
    S: Service<R, Error = CallError<E>>,
{
    type Output = Result<S::Response, CallError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let scope = this.running.get_or_insert_with(|| this.timeout.scope());
        let call = this.oneshot.as_mut().as_pin_mut().expect("polled after its end");
        if let Poll::Ready(result) = scope.run(|| call.poll(cx)) {
            this.timer.disarm();
            this.oneshot.set(None);
            return Poll::Ready(result);
        }
        let limit = scope.limit().expect("nothing runs in it");
        if !this.timer.is_armed() {
            this.timer.as_mut().arm_surely(limit.left());
        }
        ready!(this.timer.as_mut().poll(cx));
        this.timer.disarm();
        this.oneshot.set(None);
        let (name, setting) = (limit.name.clone(), limit.setting);
        Poll::Ready(Err(TimedOut { name, setting, limit: limit.duration }.into()))
    }
}
