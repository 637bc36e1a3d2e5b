// SPDX-License-Identifier: MIT OR Apache-2.0
use tower_layer::Layer;

use crate::tower::operation::OperationService;

/// The innermost layer: makes the error `E` of a service [`CallError::Operation`](crate::CallError::Operation).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use tower::{Layer, ServiceExt, service_fn};
/// use trifuse::CallError;
/// use trifuse::tower::OperationLayer;
///
/// let service = OperationLayer.layer(service_fn(|status: u16| async move { Err::<(), _>(status) }));
/// assert_eq!(service.oneshot(503).await, Err(CallError::Operation(503)));
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct OperationLayer;

impl<S> Layer<S> for OperationLayer {
    type Service = OperationService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        OperationService::new(inner)
    }
}
