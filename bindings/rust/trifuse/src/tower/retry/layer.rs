// SPDX-License-Identifier: MIT OR Apache-2.0
use tower_layer::Layer;

use crate::classify::ErrIsFailure;
use crate::retry::Retry;
use crate::tower::Cloned;
use crate::tower::retry::RetryService;

/// Retries around a service: what failed is called again as the [`Retry`] says, within its budget.
///
/// A classifier that says [`Classification::retry_after`](crate::Classification::retry_after) gives the time
/// that the service asked for. What policies within refused is not retried. A request that cannot be
/// [made again](crate::tower::CloneRequest) is called once.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::tower::{OperationLayer, RetryLayer};
/// use trifuse::{Retry, RetryBudget};
///
/// static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
/// let budget = RetryBudget::builder("client").build()?;
/// let retry = Retry::builder("search").max_retries(2).budget(&budget).build()?;
/// let service = ServiceBuilder::new()
///     .layer(RetryLayer::new(retry))
///     .layer(OperationLayer)
///     .service(service_fn(|()| async {
///         if ATTEMPTS.fetch_add(1, Ordering::Relaxed) < 2 { Err("busy") } else { Ok("found") }
///     }));
/// assert_eq!(service.oneshot(()).await, Ok("found"));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct RetryLayer<P = Cloned, C = ErrIsFailure> {
    retry: Retry,
    cloning: P,
    classifier: C,
}

impl RetryLayer {
    /// With this retry: requests are cloned, `Err` is a failure.
    pub fn new(retry: Retry) -> Self {
        Self { retry, cloning: Cloned, classifier: ErrIsFailure }
    }
}

impl<P, C> RetryLayer<P, C> {
    /// Says which answers of the service are failures, and when to come back.
    pub fn classify<D>(self, classifier: D) -> RetryLayer<P, D> {
        RetryLayer { retry: self.retry, cloning: self.cloning, classifier }
    }

    /// Says how a request is made again, if it can be: a [`CloneRequest`](crate::tower::CloneRequest).
    pub fn clone_with<Q>(self, cloning: Q) -> RetryLayer<Q, C> {
        RetryLayer { retry: self.retry, cloning, classifier: self.classifier }
    }
}

impl<S, P: Clone, C: Clone> Layer<S> for RetryLayer<P, C> {
    type Service = RetryService<S, P, C>;

    fn layer(&self, inner: S) -> Self::Service {
        RetryService::new(inner, self.retry.clone(), self.cloning.clone(), self.classifier.clone())
    }
}

impl Retry {
    /// This retry as a layer of tower.
    ///
    /// ```
    /// let layer = trifuse::Retry::builder("search").build()?.layer();
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer(&self) -> RetryLayer {
        RetryLayer::new(self.clone())
    }
}
