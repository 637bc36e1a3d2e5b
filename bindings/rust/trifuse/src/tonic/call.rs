// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::bytes::Bytes;
use ::http::{Request, Response};
use ::tonic::Status;
use ::tonic::body::Body;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::client::Total;
use crate::scope::{self, Scope as _, Until};
use crate::text_refusal::TimeoutSetting;
use crate::tonic::attempts::Attempts;
use crate::tonic::body::GuardedBody;
use crate::tonic::guard::Guard;
use crate::tonic::status::BoxError;
use crate::tonic::timeout::told;
use crate::tower::readied::Readied;

pin_project! {
    /// The future of [`GuardedChannel`](crate::tonic::GuardedChannel): asks for permission when it is first
    /// polled, and then calls the channel.
    ///
    /// # Cancel safety
    /// Dropped, it gives back what it holds and counts as ignored.
    #[must_use = "futures do nothing unless polled"]
    pub struct GuardedCall<S>
    where
        S: Service<Request<Body>>,
    {
        start: Option<(Readied<S>, Arc<Guard>, Request<Body>)>,
        until: Option<Until>,
        #[pin]
        attempts: Option<Attempts<S>>,
    }
}

impl<S: Service<Request<Body>>> GuardedCall<S> {
    pub(crate) fn new(service: Readied<S>, guard: Arc<Guard>, request: Request<Body>) -> Self {
        Self { start: Some((service, guard, request)), until: None, attempts: None }
    }
}

impl<S, B> Future for GuardedCall<S>
where
    S: Service<Request<Body>, Response = Response<B>> + Clone,
    S::Error: Into<BoxError>,
    B: ::http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Output = Result<Response<GuardedBody<B>>, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let Some((service, guard, request)) = this.start.take() {
            let host = guard.hosts.get(guard.key_of(request.uri().path()));
            let own = told(request.headers()).map(|limit| (limit, TimeoutSetting::Deadline));
            let total = host.total_timeout.map(|limit| (limit, TimeoutSetting::Timeout));
            let nearest = [total, own].into_iter().flatten().min_by_key(|(limit, _)| *limit);
            let begins = |(limit, setting): (Duration, _)| {
                Total::begins_as(setting, &guard.hosts.clock, &guard.name, limit)
            };
            let total = nearest.map(begins);
            let outer = scope::limit();
            *this.until = total.as_ref().map(Total::scope);
            this.attempts.set(Some(Attempts::new(service, guard, host, request, total, outer)));
        }
        let attempts = this.attempts.as_mut().as_pin_mut().expect("just made");
        match this.until {
            Some(until) => until.run(|| attempts.poll(cx)),
            None => attempts.poll(cx),
        }
    }
}

impl<S: Service<Request<Body>>> fmt::Debug for GuardedCall<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedCall").finish_non_exhaustive()
    }
}
