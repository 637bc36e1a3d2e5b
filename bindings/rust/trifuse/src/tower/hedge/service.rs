// SPDX-License-Identifier: MIT OR Apache-2.0
use std::task::{Context, Poll};

use tower_service::Service;

use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::hedge::Hedge;
use crate::tower::hedge::HedgeFuture;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;
use crate::tower::{CloneRequest, Cloned};

/// The service of [`HedgeLayer`](crate::tower::HedgeLayer).
///
/// ```
/// use trifuse::tower::{Cloned, HedgeService};
/// use trifuse::{ErrIsFailure, Hedge};
///
/// let hedge = Hedge::after_quantile("search", 0.95).build()?;
/// let service = HedgeService::new("any service", hedge, Cloned, ErrIsFailure);
/// assert_eq!(service.into_inner(), "any service");
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct HedgeService<S, P = Cloned, C = ErrIsFailure> {
    inner: Readied<S>,
    hedge: Hedge,
    cloning: P,
    classifier: C,
}

inner! { HedgeService<S, P, C> }

impl<S, P, C> HedgeService<S, P, C> {
    /// Around a service.
    pub fn new(inner: S, hedge: Hedge, cloning: P, classifier: C) -> Self {
        Self { inner: Readied::new(inner), hedge, cloning, classifier }
    }
}

impl<S, R, P, C, E> Service<R> for HedgeService<S, P, C>
where
    S: Service<R, Error = CallError<E>> + Clone,
    P: CloneRequest<R> + Clone,
    C: Classifier<S::Response, E> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = HedgeFuture<S, R, P, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let rules = (self.cloning.clone(), self.classifier.clone());
        HedgeFuture::new(self.hedge.clone(), rules, self.inner.take(), request)
    }
}
