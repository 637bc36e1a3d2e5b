// SPDX-License-Identifier: MIT OR Apache-2.0
use std::mem;
use std::task::{Context, Poll, ready};

use tower_service::Service;

use crate::tower::oneshot::Oneshot;

/// A service within a layer, and whether it has been polled ready. A clone of it has not.
pub(crate) struct Readied<S> {
    pub(crate) service: S,
    ready: bool,
}

impl<S> Readied<S> {
    pub(crate) fn new(service: S) -> Self {
        Self { service, ready: false }
    }

    pub(crate) fn poll<R>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<R>,
    {
        let polled = ready!(self.service.poll_ready(cx));
        self.ready = polled.is_ok();
        Poll::Ready(polled)
    }

    /// Takes the service that was polled ready out and leaves a clone.
    pub(crate) fn take(&mut self) -> Self
    where
        S: Clone,
    {
        let clone = self.clone();
        mem::replace(self, clone)
    }

    /// The call of a request, begun when it is first polled.
    pub(crate) fn oneshot<R>(&mut self, request: R) -> Oneshot<S, R>
    where
        S: Service<R> + Clone,
    {
        Oneshot::new(self.take(), request)
    }

    /// Waits for the service where it has not been polled ready.
    pub(crate) fn until_ready<R>(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>>
    where
        S: Service<R>,
    {
        if self.ready { Poll::Ready(Ok(())) } else { self.poll(cx) }
    }

    pub(crate) fn call<R>(&mut self, request: R) -> S::Future
    where
        S: Service<R>,
    {
        self.ready = false;
        self.service.call(request)
    }
}

impl<S: Clone> Clone for Readied<S> {
    fn clone(&self) -> Self {
        Self::new(self.service.clone())
    }
}
