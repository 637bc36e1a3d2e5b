// SPDX-License-Identifier: MIT OR Apache-2.0
use tower_layer::Layer;

use crate::timeout::Timeout;
use crate::tower::timeout::TimeoutService;

/// A timeout around a service: a call that takes longer is dropped. What is called within is under a
/// [`Deadline`](crate::Deadline): retries and waits within do not go past it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::tower::{OperationLayer, TimeoutLayer};
/// use trifuse::{CallError, Timeout};
///
/// let service = ServiceBuilder::new()
///     .layer(TimeoutLayer::new(Timeout::after(Duration::from_secs(2)).name("search")))
///     .layer(OperationLayer)
///     .service(service_fn(|()| std::future::pending::<Result<(), std::io::Error>>()));
/// let Err(CallError::TimedOut(late)) = service.oneshot(()).await else { panic!() };
/// assert_eq!(late.limit, Duration::from_secs(2));
/// # });
/// ```
#[derive(Clone, Debug)]
pub struct TimeoutLayer {
    timeout: Timeout,
}

impl TimeoutLayer {
    /// With this timeout.
    pub fn new(timeout: Timeout) -> Self {
        Self { timeout }
    }
}

impl<S> Layer<S> for TimeoutLayer {
    type Service = TimeoutService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeoutService::new(inner, self.timeout.clone())
    }
}

impl Timeout {
    /// This timeout as a layer of tower.
    ///
    /// ```
    /// let layer = trifuse::Timeout::default().layer();
    /// # let _ = layer;
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer(&self) -> TimeoutLayer {
        TimeoutLayer::new(self.clone())
    }
}
