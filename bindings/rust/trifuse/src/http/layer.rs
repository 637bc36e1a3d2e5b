// SPDX-License-Identifier: MIT OR Apache-2.0
//! A circuit breaker around a service of HTTP, whose calls end with their bodies.
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::Response;
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::breaker::CircuitBreaker;
use crate::classify::Classifier;
use crate::error::CallError;
use crate::http::{GuardedBody, StatusClassifier};
use crate::tower::breaker_readiness;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;

mod future;

pub use future::{CallGuard, GuardedBodyFuture};

/// A circuit breaker around a service of HTTP: a call that began well ends with the body of its response.
///
/// A body that breaks off is a failure, one that is dropped by the client is ignored; gRPC is judged by its
/// trailers. The permit is held until then, and its lease renewed as parts come. `request_timeout` is the
/// time to the head; [`idle_timeout`](Self::idle_timeout) is one between the parts of the body. Responses
/// are judged by [`StatusClassifier`] unless [`classify`](Self::classify) says otherwise; what is no success
/// by its head is reported at once.
///
/// ```
/// # use http_body_util::{BodyExt, Full};
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use http::{Request, Response};
/// use std::time::Duration;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::CircuitBreaker;
/// use trifuse::http::GuardedBodyLayer;
/// use trifuse::tower::OperationLayer;
///
/// let breaker = CircuitBreaker::builder("search").build()?;
/// let service = ServiceBuilder::new()
///     .layer(GuardedBodyLayer::new(breaker.clone()).idle_timeout(Duration::from_secs(10)))
///     .layer(OperationLayer)
///     .service(service_fn(|_: Request<()>| async {
///         Ok::<_, std::io::Error>(Response::new(Full::new(&b"three results"[..])))
///     }));
/// let response = service.oneshot(Request::new(())).await?;
/// assert_eq!(breaker.snapshot().totals.calls, 0);
/// response.into_body().collect().await?;
/// assert_eq!(breaker.snapshot().totals.successes, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct GuardedBodyLayer<C = StatusClassifier> {
    breaker: CircuitBreaker,
    classifier: C,
    idle_timeout: Option<Duration>,
}

impl GuardedBodyLayer {
    /// With this breaker.
    pub fn new(breaker: CircuitBreaker) -> Self {
        Self { breaker, classifier: StatusClassifier, idle_timeout: None }
    }
}

impl<C> GuardedBodyLayer<C> {
    /// Says what the heads of responses, and errors, mean.
    pub fn classify<D>(self, classifier: D) -> GuardedBodyLayer<D> {
        GuardedBodyLayer { breaker: self.breaker, classifier, idle_timeout: self.idle_timeout }
    }

    /// Ends a body, with a timeout, when nothing has come for so long. Off by default.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.idle_timeout = limit.into();
        self
    }
}

impl<S, C: Clone> Layer<S> for GuardedBodyLayer<C> {
    type Service = GuardedBodyService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        GuardedBodyService { inner: Readied::new(inner), policy: self.clone() }
    }
}

/// The service of [`GuardedBodyLayer`].
#[derive(Clone)]
pub struct GuardedBodyService<S, C = StatusClassifier> {
    inner: Readied<S>,
    policy: GuardedBodyLayer<C>,
}

inner! { GuardedBodyService<S, C> }

impl<S, C> GuardedBodyService<S, C> {
    /// The breaker.
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.policy.breaker
    }
}

impl<S, R, B, C, E> Service<R> for GuardedBodyService<S, C>
where
    S: Service<R, Response = Response<B>, Error = CallError<E>> + Clone,
    B: Body,
    C: Classifier<Response<B>, E> + Clone,
{
    type Response = Response<GuardedBody<B, CallGuard>>;
    type Error = CallError<E>;
    type Future = GuardedBodyFuture<S, R, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        breaker_readiness(&mut self.inner, &self.policy.breaker, &self.policy.classifier, cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let GuardedBodyLayer { breaker, classifier, idle_timeout } = self.policy.clone();
        GuardedBodyFuture::new(breaker, classifier, idle_timeout, self.inner.oneshot(request))
    }
}
