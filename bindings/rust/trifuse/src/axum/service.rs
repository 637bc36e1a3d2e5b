// SPDX-License-Identifier: MIT OR Apache-2.0
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::axum::extract::Request;
use ::axum::response::{IntoResponse, Response};
use tower_service::Service;

use crate::axum::future::ResilienceFuture;
use crate::axum::layer::{Limits, Select, Settings, Shared};
use crate::tower::macros::inner;
use crate::tower::readied::Readied;

/// The service of [`ResilienceLayer`](crate::axum::ResilienceLayer).
pub struct ResilienceService<S, P = Shared> {
    inner: Readied<S>,
    settings: Arc<Settings<P>>,
}

inner! { ResilienceService<S, P> }

impl<S, P> ResilienceService<S, P> {
    pub(crate) fn new(inner: S, settings: Arc<Settings<P>>) -> Self {
        Self { inner: Readied::new(inner), settings }
    }
}

impl<S: Clone, P> Clone for ResilienceService<S, P> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), settings: self.settings.clone() }
    }
}

impl<S, P> Service<Request> for ResilienceService<S, P>
where
    S: Service<Request, Response = Response> + Clone,
    S::Error: IntoResponse,
    P: Select,
{
    type Response = Response;
    type Error = Infallible;
    type Future = ResilienceFuture<S>;

    /// Always ready: a service within that is not is waited for in the call, and one that cannot be called
    /// is answered for.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let settings = &*self.settings;
        let (limits, deadline) = if settings.exempts(request.uri().path()) {
            (Limits::default(), None)
        } else {
            (settings.policies.select(&request), settings.deadline.clone())
        };
        let method = request.method().clone();
        let call = self.inner.oneshot(request);
        ResilienceFuture::new(call, limits, deadline, settings.judge.clone(), method)
    }
}
