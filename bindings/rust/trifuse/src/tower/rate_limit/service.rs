// SPDX-License-Identifier: MIT OR Apache-2.0
use std::task::{Context, Poll};

use tower_service::Service;

use crate::error::CallError;
use crate::limiter::RateLimiter;
use crate::tower::macros::inner;
use crate::tower::rate_limit::RateLimitFuture;
use crate::tower::readied::Readied;

/// The service of [`RateLimitLayer`](crate::tower::RateLimitLayer).
///
/// ```
/// use trifuse::RateLimiter;
/// use trifuse::tower::RateLimitService;
///
/// let service = RateLimitService::new("any service", RateLimiter::per_second(5.0).build()?);
/// assert_eq!(service.into_inner(), "any service");
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct RateLimitService<S> {
    inner: Readied<S>,
    limiter: RateLimiter,
}

inner! { RateLimitService<S> }

impl<S> RateLimitService<S> {
    /// Around a service.
    pub fn new(inner: S, limiter: RateLimiter) -> Self {
        Self { inner: Readied::new(inner), limiter }
    }
}

impl<S, R, E> Service<R> for RateLimitService<S>
where
    S: Service<R, Error = CallError<E>> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = RateLimitFuture<S, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        RateLimitFuture::new(self.limiter.clone(), self.inner.oneshot(request))
    }
}
