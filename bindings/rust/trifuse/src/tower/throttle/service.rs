// SPDX-License-Identifier: MIT OR Apache-2.0
use std::task::{Context, Poll};

use tower_service::Service;

use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::throttle::Throttle;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;
use crate::tower::throttle::ThrottleFuture;

/// The service of [`ThrottleLayer`](crate::tower::ThrottleLayer).
///
/// ```
/// use trifuse::tower::ThrottleService;
/// use trifuse::{ErrIsFailure, Throttle};
///
/// let service = ThrottleService::new("any service", Throttle::builder("search").build()?, ErrIsFailure);
/// assert_eq!(service.into_inner(), "any service");
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ThrottleService<S, C = ErrIsFailure> {
    inner: Readied<S>,
    throttle: Throttle,
    classifier: C,
}

inner! { ThrottleService<S, C> }

impl<S, C> ThrottleService<S, C> {
    /// Around a service.
    pub fn new(inner: S, throttle: Throttle, classifier: C) -> Self {
        Self { inner: Readied::new(inner), throttle, classifier }
    }
}

impl<S, R, C, E> Service<R> for ThrottleService<S, C>
where
    S: Service<R, Error = CallError<E>> + Clone,
    C: Classifier<S::Response, E> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = ThrottleFuture<S, R, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let oneshot = self.inner.oneshot(request);
        ThrottleFuture::new(self.throttle.clone(), self.classifier.clone(), oneshot)
    }
}
