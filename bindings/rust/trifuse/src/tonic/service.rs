// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use ::bytes::Bytes;
use ::http::{Request, Response};
use ::tonic::Status;
use ::tonic::body::Body;
use tower_service::Service;

use crate::tonic::body::GuardedBody;
use crate::tonic::call::GuardedCall;
use crate::tonic::guard::Guard;
use crate::tonic::status::{BoxError, of_error};
use crate::tower::readied::Readied;

/// A channel whose calls go through the policies of a [`GuardLayer`](crate::tonic::GuardLayer). Clones share
/// them; generated clients take it as they take a `Channel`.
#[derive(Clone)]
pub struct GuardedChannel<S> {
    pub(crate) inner: Readied<S>,
    pub(crate) guard: Arc<Guard>,
}

impl<S> GuardedChannel<S> {
    /// The channel within.
    pub fn get_ref(&self) -> &S {
        &self.inner.service
    }

    /// The channel within.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner.service
    }

    /// The channel within, without the policies.
    pub fn into_inner(self) -> S {
        self.inner.service
    }
}

impl<S, B> Service<Request<Body>> for GuardedChannel<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
    S::Error: Into<BoxError>,
    B: ::http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Response = Response<GuardedBody<B>>;
    type Error = Status;
    type Future = GuardedCall<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll(cx).map_err(|error| of_error(error.into()).0)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        GuardedCall::new(self.inner.take(), self.guard.clone(), request)
    }
}

impl<S: fmt::Debug> fmt::Debug for GuardedChannel<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedChannel").field("inner", self.get_ref()).finish_non_exhaustive()
    }
}
