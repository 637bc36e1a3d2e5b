// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt::{self, Display};
use std::hash::Hash;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::classify::{Classifier, ErrIsFailure};
use crate::error::CallError;
use crate::keyed::KeyedBreakers;
use crate::tower::breaker::CircuitBreakerFuture;
use crate::tower::macros::inner;
use crate::tower::readied::Readied;

/// A circuit breaker for each key of the requests, made by
/// [`CircuitBreakerLayer::by_key`](crate::tower::CircuitBreakerLayer::by_key).
///
/// Which breaker it is, is known when the service is called: until then `poll_ready` is the service's own.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::tower::{CircuitBreakerLayer, OperationLayer};
/// use trifuse::KeyedBreakers;
///
/// let hosts = Arc::new(KeyedBreakers::<String>::builder("http").build()?);
/// let service = ServiceBuilder::new()
///     .layer(CircuitBreakerLayer::by_key(hosts.clone(), |host: &&str| host.to_string()))
///     .layer(OperationLayer)
///     .service(service_fn(|host: &'static str| async move { Ok::<_, std::io::Error>(host) }));
/// service.clone().oneshot("a.example").await.unwrap();
/// service.oneshot("b.example").await.unwrap();
/// assert_eq!(hosts.len(), 2);
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
pub struct KeyedCircuitBreakerLayer<K, F, C = ErrIsFailure> {
    breakers: Arc<KeyedBreakers<K>>,
    key: F,
    classifier: C,
}

impl<K, F> KeyedCircuitBreakerLayer<K, F> {
    pub(crate) fn new(breakers: Arc<KeyedBreakers<K>>, key: F) -> Self {
        Self { breakers, key, classifier: ErrIsFailure }
    }
}

impl<K, F, C> KeyedCircuitBreakerLayer<K, F, C> {
    /// Says which answers of the service are failures, and which say nothing.
    pub fn classify<D>(self, classifier: D) -> KeyedCircuitBreakerLayer<K, F, D> {
        KeyedCircuitBreakerLayer { breakers: self.breakers, key: self.key, classifier }
    }
}

impl<K, F: Clone, C: Clone> Clone for KeyedCircuitBreakerLayer<K, F, C> {
    fn clone(&self) -> Self {
        let Self { breakers, key, classifier } = self;
        Self { breakers: breakers.clone(), key: key.clone(), classifier: classifier.clone() }
    }
}

impl<K, F, C> fmt::Debug for KeyedCircuitBreakerLayer<K, F, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreakerLayer").field("breakers", &self.breakers).finish_non_exhaustive()
    }
}

impl<S, K, F: Clone, C: Clone> Layer<S> for KeyedCircuitBreakerLayer<K, F, C> {
    type Service = KeyedCircuitBreakerService<S, K, F, C>;

    fn layer(&self, inner: S) -> Self::Service {
        KeyedCircuitBreakerService { inner: Readied::new(inner), policy: self.clone() }
    }
}

/// The service of [`KeyedCircuitBreakerLayer`].
pub struct KeyedCircuitBreakerService<S, K, F, C = ErrIsFailure> {
    inner: Readied<S>,
    policy: KeyedCircuitBreakerLayer<K, F, C>,
}

inner! { KeyedCircuitBreakerService<S, K, F, C> }

impl<S: Clone, K, F: Clone, C: Clone> Clone for KeyedCircuitBreakerService<S, K, F, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), policy: self.policy.clone() }
    }
}

impl<S, R, K, F, C, E> Service<R> for KeyedCircuitBreakerService<S, K, F, C>
where
    S: Service<R, Error = CallError<E>> + Clone,
    K: Hash + Eq + Clone + Display,
    F: Fn(&R) -> K,
    C: Classifier<S::Response, E> + Clone,
{
    type Response = S::Response;
    type Error = CallError<E>;
    type Future = CircuitBreakerFuture<S, R, C>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let breaker = self.policy.breakers.get(&(self.policy.key)(&request));
        CircuitBreakerFuture::new(breaker, self.policy.classifier.clone(), self.inner.oneshot(request))
    }
}
