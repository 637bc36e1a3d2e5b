// SPDX-License-Identifier: MIT OR Apache-2.0
use std::task::{Context, Poll};

use tower_service::Service;

use crate::bulkhead::Bulkhead;
use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::tower::bulkhead::BulkheadFuture;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;

/// The service of [`BulkheadLayer`](crate::tower::BulkheadLayer).
///
/// ```
/// use trifuse::tower::BulkheadService;
/// use trifuse::{Bulkhead, ErrIsFailure};
///
/// let bulkhead = Bulkhead::builder("search").limit(20).build()?;
/// let service = BulkheadService::new("any service", bulkhead, ErrIsFailure);
/// assert_eq!(service.into_inner(), "any service");
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct BulkheadService<S, C = ErrIsFailure> {
    inner: Readied<S>,
    bulkhead: Bulkhead,
    classifier: C,
}

inner! { BulkheadService<S, C> }

impl<S, C> BulkheadService<S, C> {
    /// Around a service.
    pub fn new(inner: S, bulkhead: Bulkhead, classifier: C) -> Self {
        Self { inner: Readied::new(inner), bulkhead, classifier }
    }
}

impl<S, R, C, E> Service<R> for BulkheadService<S, C>
where
    S: Service<R, Error = CallError<E>> + Clone,
    C: Classifier<S::Response, E> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = BulkheadFuture<S, R, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let oneshot = self.inner.oneshot(request);
        BulkheadFuture::new(self.bulkhead.shared.clone(), self.classifier.clone(), oneshot)
    }
}
