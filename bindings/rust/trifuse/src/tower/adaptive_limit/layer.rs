// SPDX-License-Identifier: MIT OR Apache-2.0
use tower_layer::Layer;

use crate::bulkhead::AdaptiveLimit;
use crate::classify::ErrIsFailure;
use crate::tower::adaptive_limit::AdaptiveLimitService;

/// An adaptive limit around a service: how many calls may be in flight is learnt from how long they take and
/// what comes of them. With a `max_queue` others wait in line; all else is refused at once.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::AdaptiveLimit;
/// use trifuse::tower::{AdaptiveLimitLayer, OperationLayer};
///
/// let limit = AdaptiveLimit::gradient2("search").build()?;
/// let service = ServiceBuilder::new()
///     .layer(AdaptiveLimitLayer::new(limit.clone()))
///     .layer(OperationLayer)
///     .service(service_fn(|()| async { Ok::<_, std::io::Error>("found") }));
/// let call = service.oneshot(());
/// assert_eq!(limit.in_flight(), 0); // not before it is polled
/// assert_eq!(call.await.unwrap(), "found");
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct AdaptiveLimitLayer<C = ErrIsFailure> {
    limit: AdaptiveLimit,
    classifier: C,
}

impl AdaptiveLimitLayer {
    /// With this adaptive limit; `Err` is a failure.
    pub fn new(limit: AdaptiveLimit) -> Self {
        Self { limit, classifier: ErrIsFailure }
    }
}

impl<C> AdaptiveLimitLayer<C> {
    /// Says which answers of the service are failures, and which say nothing.
    pub fn classify<D>(self, classifier: D) -> AdaptiveLimitLayer<D> {
        AdaptiveLimitLayer { limit: self.limit, classifier }
    }
}

impl<S, C: Clone> Layer<S> for AdaptiveLimitLayer<C> {
    type Service = AdaptiveLimitService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        AdaptiveLimitService::new(inner, self.limit.clone(), self.classifier.clone())
    }
}

impl AdaptiveLimit {
    /// This adaptive limit as a layer of tower.
    ///
    /// ```
    /// let layer = trifuse::AdaptiveLimit::gradient2("search").build()?.layer();
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer(&self) -> AdaptiveLimitLayer {
        AdaptiveLimitLayer::new(self.clone())
    }
}
