// SPDX-License-Identifier: MIT OR Apache-2.0
use std::task::{Context, Poll};

use tower_service::Service;

use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::retry::Retry;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;
use crate::tower::retry::RetryFuture;
use crate::tower::{CloneRequest, Cloned};

/// The service of [`RetryLayer`](crate::tower::RetryLayer).
///
/// ```
/// use trifuse::tower::{Cloned, RetryService};
/// use trifuse::{ErrIsFailure, Retry};
///
/// let retry = Retry::builder("search").build()?;
/// let service = RetryService::new("any service", retry, Cloned, ErrIsFailure);
/// assert_eq!(service.into_inner(), "any service");
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct RetryService<S, P = Cloned, C = ErrIsFailure> {
    inner: Readied<S>,
    retry: Retry,
    cloning: P,
    classifier: C,
}

inner! { RetryService<S, P, C> }

impl<S, P, C> RetryService<S, P, C> {
    /// Around a service.
    pub fn new(inner: S, retry: Retry, cloning: P, classifier: C) -> Self {
        Self { inner: Readied::new(inner), retry, cloning, classifier }
    }
}

impl<S, R, P, C, E> Service<R> for RetryService<S, P, C>
where
    S: Service<R, Error = CallError<E>> + Clone,
    P: CloneRequest<R> + Clone,
    C: Classifier<S::Response, E> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = RetryFuture<S, R, P, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let rules = (self.cloning.clone(), self.classifier.clone());
        RetryFuture::new(self.retry.clone(), rules, self.inner.take(), request)
    }
}
