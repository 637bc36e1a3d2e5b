// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use crate::error::CallError;
use crate::fallback::Fallback;
use crate::fallback_level::AtOnce;
use crate::tower::fallback::FallbackFuture;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;

/// The service of [`FallbackLayer`](crate::tower::FallbackLayer).
///
/// ```
/// use std::sync::Arc;
/// use trifuse::Fallback;
/// use trifuse::tower::FallbackService;
///
/// let fallback = Arc::new(Fallback::<_, std::io::Error>::new("search").value(1));
/// assert_eq!(FallbackService::new("any service", fallback).into_inner(), "any service");
/// ```
pub struct FallbackService<S, T, E, W = AtOnce> {
    inner: Readied<S>,
    fallback: Arc<Fallback<T, E, W>>,
}

inner! { FallbackService<S, T, E, W> }

impl<S, T, E, W> FallbackService<S, T, E, W> {
    /// Around a service.
    pub fn new(inner: S, fallback: Arc<Fallback<T, E, W>>) -> Self {
        Self { inner: Readied::new(inner), fallback }
    }
}

impl<S: Clone, T, E, W> Clone for FallbackService<S, T, E, W> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), fallback: self.fallback.clone() }
    }
}

impl<S, R, E, W> Service<R> for FallbackService<S, S::Response, E, W>
where
    S: Service<R, Error = CallError<E>> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = FallbackFuture<S, R, E, W>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        FallbackFuture::new(self.fallback.clone(), self.inner.oneshot(request))
    }
}
