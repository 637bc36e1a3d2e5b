// SPDX-License-Identifier: MIT OR Apache-2.0
use tower_layer::Layer;

use crate::classify::ErrIsFailure;
use crate::throttle::Throttle;
use crate::tower::throttle::ThrottleService;

/// A throttle around a service: while the service takes on too few calls, some are refused by chance
/// before they are made.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::Throttle;
/// use trifuse::tower::{OperationLayer, ThrottleLayer};
///
/// let throttle = Throttle::builder("search").build()?;
/// let service = ServiceBuilder::new()
///     .layer(ThrottleLayer::new(throttle.clone()))
///     .layer(OperationLayer)
///     .service(service_fn(|()| async { Ok::<_, std::io::Error>("found") }));
/// assert_eq!(service.oneshot(()).await.unwrap(), "found");
/// assert_eq!(throttle.snapshot().accepts, 1);
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct ThrottleLayer<C = ErrIsFailure> {
    throttle: Throttle,
    classifier: C,
}

impl ThrottleLayer {
    /// With this throttle; `Err` is a call that the service did not take on.
    pub fn new(throttle: Throttle) -> Self {
        Self { throttle, classifier: ErrIsFailure }
    }
}

impl<C> ThrottleLayer<C> {
    /// Says which answers of the service are failures, and which say nothing.
    pub fn classify<D>(self, classifier: D) -> ThrottleLayer<D> {
        ThrottleLayer { throttle: self.throttle, classifier }
    }
}

impl<S, C: Clone> Layer<S> for ThrottleLayer<C> {
    type Service = ThrottleService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        ThrottleService::new(inner, self.throttle.clone(), self.classifier.clone())
    }
}

impl Throttle {
    /// This throttle as a layer of tower.
    ///
    /// ```
    /// let layer = trifuse::Throttle::builder("search").build()?.layer();
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer(&self) -> ThrottleLayer {
        ThrottleLayer::new(self.clone())
    }
}
