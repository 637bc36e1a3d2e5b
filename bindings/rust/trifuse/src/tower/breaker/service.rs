// SPDX-License-Identifier: MIT OR Apache-2.0
use std::task::{Context, Poll, ready};

use tower_service::Service;

use crate::breaker::CircuitBreaker;
use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::future::Held;
use crate::layer::classify;
use crate::layer_once::seen;
use crate::text::State;
use crate::tower::breaker::CircuitBreakerFuture;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;

/// The service of [`CircuitBreakerLayer`](crate::tower::CircuitBreakerLayer).
///
/// ```
/// use trifuse::tower::CircuitBreakerService;
/// use trifuse::{CircuitBreaker, ErrIsFailure};
///
/// let breaker = CircuitBreaker::builder("search").build()?;
/// let service = CircuitBreakerService::new("any service", breaker, ErrIsFailure);
/// assert_eq!((service.get_ref(), service.breaker().name()), (&"any service", "search"));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct CircuitBreakerService<S, C = ErrIsFailure> {
    inner: Readied<S>,
    breaker: CircuitBreaker,
    classifier: C,
}

inner! { CircuitBreakerService<S, C> }

impl<S, C> CircuitBreakerService<S, C> {
    /// Around a service.
    pub fn new(inner: S, breaker: CircuitBreaker, classifier: C) -> Self {
        Self { inner: Readied::new(inner), breaker, classifier }
    }

    /// The breaker.
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }
}

impl<S, R, C, E> Service<R> for CircuitBreakerService<S, C>
where
    S: Service<R, Error = CallError<E>> + Clone,
    C: Classifier<S::Response, E> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = CircuitBreakerFuture<S, R, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        breaker_readiness(&mut self.inner, &self.breaker, &self.classifier, cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let oneshot = self.inner.oneshot(request);
        CircuitBreakerFuture::new(self.breaker.clone(), self.classifier.clone(), oneshot)
    }
}

/// The readiness of a service behind a circuit breaker.
pub(crate) fn breaker_readiness<S, R, C, E>(
    service: &mut Readied<S>,
    breaker: &CircuitBreaker,
    classifier: &C,
    cx: &mut Context<'_>,
) -> Poll<Result<(), CallError<E>>>
where
    S: Service<R, Error = CallError<E>>,
    C: Classifier<S::Response, E>,
{
    if matches!(breaker.state(), State::Open | State::HalfOpen | State::ForcedOpen) {
        return Poll::Ready(Ok(())); // the call is refused, or waits for the service
    }
    let polled = ready!(service.poll(cx));
    Poll::Ready(polled.map_err(|error| not_ready(breaker, classifier, error)))
}

/// A service that cannot be called counts as an answer would.
fn not_ready<T, E, C>(breaker: &CircuitBreaker, classifier: &C, error: CallError<E>) -> CallError<E>
where
    C: Classifier<T, E>,
{
    let mut held = Held::new(breaker.clone());
    let _ = held.ask();
    let (verdict, result) = held.watched(|| classify(classifier, Err(error)));
    held.report(seen(verdict, &result));
    match result {
        Err(error) => error,
        Ok(_) => unreachable!("an error stays one"),
    }
}
