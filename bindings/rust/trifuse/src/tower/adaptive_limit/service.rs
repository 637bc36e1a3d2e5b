// SPDX-License-Identifier: MIT OR Apache-2.0
use std::task::{Context, Poll};

use tower_service::Service;

use crate::bulkhead::AdaptiveLimit;
use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::tower::adaptive_limit::AdaptiveLimitFuture;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;

/// The service of [`AdaptiveLimitLayer`](crate::tower::AdaptiveLimitLayer).
///
/// ```
/// use trifuse::tower::AdaptiveLimitService;
/// use trifuse::{AdaptiveLimit, ErrIsFailure};
///
/// let limit = AdaptiveLimit::gradient2("search").build()?;
/// let service = AdaptiveLimitService::new("any service", limit, ErrIsFailure);
/// assert_eq!(service.into_inner(), "any service");
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct AdaptiveLimitService<S, C = ErrIsFailure> {
    inner: Readied<S>,
    limit: AdaptiveLimit,
    classifier: C,
}

inner! { AdaptiveLimitService<S, C> }

impl<S, C> AdaptiveLimitService<S, C> {
    /// Around a service.
    pub fn new(inner: S, limit: AdaptiveLimit, classifier: C) -> Self {
        Self { inner: Readied::new(inner), limit, classifier }
    }
}

impl<S, R, C, E> Service<R> for AdaptiveLimitService<S, C>
where
    S: Service<R, Error = CallError<E>> + Clone,
    C: Classifier<S::Response, E> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = AdaptiveLimitFuture<S, R, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let oneshot = self.inner.oneshot(request);
        AdaptiveLimitFuture::new(self.limit.shared.clone(), self.classifier.clone(), oneshot)
    }
}
