// SPDX-License-Identifier: MIT OR Apache-2.0
use std::task::{Context, Poll};

use tower_service::Service;

use crate::error::CallError;
use crate::tower::operation::OperationFuture;

/// The service of [`OperationLayer`](crate::tower::OperationLayer).
///
/// ```
/// let service = trifuse::tower::OperationService::new("any service");
/// assert_eq!(service.into_inner(), "any service");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OperationService<S> {
    inner: S,
}

impl<S> OperationService<S> {
    /// Around a service.
    pub fn new(inner: S) -> Self {
        Self { inner }
    }

    /// The service within.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service within.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The service within, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Service<R>, R> Service<R> for OperationService<S> {
    type Response = S::Response;
    type Error = CallError<S::Error>;
    type Future = OperationFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx).map_err(CallError::Operation)
    }

    fn call(&mut self, request: R) -> Self::Future {
        OperationFuture::new(self.inner.call(request))
    }
}
