// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

use crate::fallback::Fallback;
use crate::fallback_level::AtOnce;
use crate::tower::fallback::FallbackService;

/// Answers in place of a service: every refusal, timeout and error that the fallback is for.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::Fallback;
/// use trifuse::tower::{FallbackLayer, OperationLayer};
///
/// let service = ServiceBuilder::new()
///     .layer(FallbackLayer::new(Fallback::new("search").value("nothing found")))
///     .layer(OperationLayer)
///     .service(service_fn(|()| async { Err::<&str, _>(std::io::Error::other("down")) }));
/// assert_eq!(service.oneshot(()).await.unwrap(), "nothing found");
/// # });
/// ```
pub struct FallbackLayer<T, E, W = AtOnce> {
    fallback: Arc<Fallback<T, E, W>>,
}

impl<T, E, W> FallbackLayer<T, E, W> {
    /// With this fallback, whose levels may wait.
    pub fn new(fallback: Fallback<T, E, W>) -> Self {
        Self { fallback: Arc::new(fallback) }
    }
}

impl<T, E, W> Clone for FallbackLayer<T, E, W> {
    fn clone(&self) -> Self {
        Self { fallback: self.fallback.clone() }
    }
}

impl<T, E, W> fmt::Debug for FallbackLayer<T, E, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FallbackLayer").field("fallback", &self.fallback).finish()
    }
}

impl<S, T, E, W> Layer<S> for FallbackLayer<T, E, W> {
    type Service = FallbackService<S, T, E, W>;

    fn layer(&self, inner: S) -> Self::Service {
        FallbackService::new(inner, self.fallback.clone())
    }
}

impl<T, E, W> Fallback<T, E, W> {
    /// This fallback as a layer of tower.
    ///
    /// ```
    /// let layer = trifuse::Fallback::<_, std::io::Error>::new("search").value(1).layer();
    /// # let _ = layer;
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer(&self) -> FallbackLayer<T, E, W> {
        FallbackLayer::new(self.clone())
    }
}
