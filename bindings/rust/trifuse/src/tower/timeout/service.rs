// SPDX-License-Identifier: MIT OR Apache-2.0
use std::task::{Context, Poll};

use tower_service::Service;

use crate::error::CallError;
use crate::timeout::Timeout;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;
use crate::tower::timeout::TimeoutFuture;

/// The service of [`TimeoutLayer`](crate::tower::TimeoutLayer).
///
/// ```
/// use trifuse::Timeout;
/// use trifuse::tower::TimeoutService;
///
/// let service = TimeoutService::new("any service", Timeout::default());
/// assert_eq!(service.into_inner(), "any service");
/// ```
#[derive(Clone)]
pub struct TimeoutService<S> {
    inner: Readied<S>,
    timeout: Timeout,
}

inner! { TimeoutService<S> }

impl<S> TimeoutService<S> {
    /// Around a service.
    pub fn new(inner: S, timeout: Timeout) -> Self {
        Self { inner: Readied::new(inner), timeout }
    }
}

impl<S, R, E> Service<R> for TimeoutService<S>
where
    S: Service<R, Error = CallError<E>> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = TimeoutFuture<S, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        TimeoutFuture::new(self.timeout.clone(), self.inner.oneshot(request))
    }
}
