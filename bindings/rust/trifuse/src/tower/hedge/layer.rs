// SPDX-License-Identifier: MIT OR Apache-2.0
use tower_layer::Layer;

use crate::classify::ErrIsFailure;
use crate::hedge::Hedge;
use crate::tower::Cloned;
use crate::tower::hedge::HedgeService;

/// A second call beside one that takes long, as [`Hedge`] says: the first success wins, the other call is
/// dropped. A request that cannot be [made again](crate::tower::CloneRequest) is called once.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::sync::atomic::{AtomicU32, Ordering};
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::tower::{HedgeLayer, OperationLayer};
/// use trifuse::{Hedge, HedgeBudget};
///
/// static ATTEMPTS: AtomicU32 = AtomicU32::new(0);
/// let budget = HedgeBudget::builder("search").share(1.0).build()?;
/// let hedge = Hedge::after("search", Duration::from_millis(50)).budget(&budget).build()?;
/// let service = ServiceBuilder::new()
///     .layer(HedgeLayer::new(hedge))
///     .layer(OperationLayer)
///     .service(service_fn(|()| async {
///         if ATTEMPTS.fetch_add(1, Ordering::Relaxed) == 0 {
///             std::future::pending::<()>().await;
///         }
///         Ok::<_, std::io::Error>("from the second")
///     }));
/// assert_eq!(service.oneshot(()).await.unwrap(), "from the second");
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct HedgeLayer<P = Cloned, C = ErrIsFailure> {
    hedge: Hedge,
    cloning: P,
    classifier: C,
}

impl HedgeLayer {
    /// With this hedge: requests are cloned, `Err` is a failure.
    pub fn new(hedge: Hedge) -> Self {
        Self { hedge, cloning: Cloned, classifier: ErrIsFailure }
    }
}

impl<P, C> HedgeLayer<P, C> {
    /// Says which answers of the service are failures: those do not win.
    pub fn classify<D>(self, classifier: D) -> HedgeLayer<P, D> {
        HedgeLayer { hedge: self.hedge, cloning: self.cloning, classifier }
    }

    /// Says how a request is made again, if it can be: a [`CloneRequest`](crate::tower::CloneRequest).
    pub fn clone_with<Q>(self, cloning: Q) -> HedgeLayer<Q, C> {
        HedgeLayer { hedge: self.hedge, cloning, classifier: self.classifier }
    }
}

impl<S, P: Clone, C: Clone> Layer<S> for HedgeLayer<P, C> {
    type Service = HedgeService<S, P, C>;

    fn layer(&self, inner: S) -> Self::Service {
        HedgeService::new(inner, self.hedge.clone(), self.cloning.clone(), self.classifier.clone())
    }
}

impl Hedge {
    /// This hedge as a layer of tower.
    ///
    /// ```
    /// let layer = trifuse::Hedge::after_quantile("search", 0.95).build()?.layer();
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer(&self) -> HedgeLayer {
        HedgeLayer::new(self.clone())
    }
}
