// SPDX-License-Identifier: MIT OR Apache-2.0
use tower_layer::Layer;

use crate::bulkhead::Bulkhead;
use crate::classify::ErrIsFailure;
use crate::tower::bulkhead::BulkheadService;

/// A bulkhead around a service: at most so many calls in flight. With a `max_queue` others wait in line, first
/// come first served, at most `max_wait`; all else is refused at once.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::Bulkhead;
/// use trifuse::tower::{BulkheadLayer, OperationLayer};
///
/// let bulkhead = Bulkhead::builder("search").limit(20).build()?;
/// let service = ServiceBuilder::new()
///     .layer(BulkheadLayer::new(bulkhead.clone()))
///     .layer(OperationLayer)
///     .service(service_fn(|()| async { Ok::<_, std::io::Error>("found") }));
/// let call = service.oneshot(());
/// assert_eq!(bulkhead.in_flight(), 0); // not before it is polled
/// assert_eq!(call.await.unwrap(), "found");
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct BulkheadLayer<C = ErrIsFailure> {
    bulkhead: Bulkhead,
    classifier: C,
}

impl BulkheadLayer {
    /// With this bulkhead; `Err` is a failure.
    pub fn new(bulkhead: Bulkhead) -> Self {
        Self { bulkhead, classifier: ErrIsFailure }
    }
}

impl<C> BulkheadLayer<C> {
    /// Says which answers of the service are failures, and which say nothing.
    pub fn classify<D>(self, classifier: D) -> BulkheadLayer<D> {
        BulkheadLayer { bulkhead: self.bulkhead, classifier }
    }
}

impl<S, C: Clone> Layer<S> for BulkheadLayer<C> {
    type Service = BulkheadService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService::new(inner, self.bulkhead.clone(), self.classifier.clone())
    }
}

impl Bulkhead {
    /// This bulkhead as a layer of tower.
    ///
    /// ```
    /// let layer = trifuse::Bulkhead::builder("search").limit(20).build()?.layer();
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer(&self) -> BulkheadLayer {
        BulkheadLayer::new(self.clone())
    }
}
