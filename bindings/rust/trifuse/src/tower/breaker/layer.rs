// SPDX-License-Identifier: MIT OR Apache-2.0
use std::sync::Arc;

use tower_layer::Layer;

use crate::breaker::CircuitBreaker;
use crate::classify::ErrIsFailure;
use crate::keyed::KeyedBreakers;
use crate::tower::breaker::{CircuitBreakerService, KeyedCircuitBreakerLayer};

/// A circuit breaker around a service. All services that it makes share the breaker.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
/// use trifuse::tower::{CircuitBreakerLayer, OperationLayer};
/// use trifuse::{CallError, CircuitBreaker, Outcome};
///
/// fn verdict(result: &Result<u16, std::io::Error>) -> Outcome {
///     match result {
///         Ok(500..) | Err(_) => Outcome::Failure,
///         Ok(_) => Outcome::Success,
///     }
/// }
///
/// let breaker = CircuitBreaker::builder("search").consecutive_failures(1).build()?;
/// let service = ServiceBuilder::new()
///     .layer(CircuitBreakerLayer::new(breaker).classify(verdict))
///     .layer(OperationLayer)
///     .service(service_fn(|()| async { Ok::<u16, std::io::Error>(503) }));
/// assert_eq!(service.clone().oneshot(()).await.unwrap(), 503);
/// assert!(matches!(service.oneshot(()).await, Err(CallError::Refused(_))));
/// # Ok::<(), trifuse::ConfigError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct CircuitBreakerLayer<C = ErrIsFailure> {
    breaker: CircuitBreaker,
    classifier: C,
}

impl CircuitBreakerLayer {
    /// With this breaker; `Err` is a failure.
    pub fn new(breaker: CircuitBreaker) -> Self {
        Self { breaker, classifier: ErrIsFailure }
    }

    /// With a breaker for each key of the requests, of a bounded number.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use trifuse::KeyedBreakers;
    /// use trifuse::tower::CircuitBreakerLayer;
    ///
    /// struct Request { host: String }
    ///
    /// let hosts = Arc::new(KeyedBreakers::<String>::builder("http").capacity(500).build()?);
    /// let layer = CircuitBreakerLayer::by_key(hosts, |request: &Request| request.host.clone());
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn by_key<K, F>(breakers: Arc<KeyedBreakers<K>>, key: F) -> KeyedCircuitBreakerLayer<K, F> {
        KeyedCircuitBreakerLayer::new(breakers, key)
    }
}

impl<C> CircuitBreakerLayer<C> {
    /// Says which answers of the service are failures, and which say nothing.
    pub fn classify<D>(self, classifier: D) -> CircuitBreakerLayer<D> {
        CircuitBreakerLayer { breaker: self.breaker, classifier }
    }

    /// The breaker.
    pub fn breaker(&self) -> &CircuitBreaker {
        &self.breaker
    }
}

impl<S, C: Clone> Layer<S> for CircuitBreakerLayer<C> {
    type Service = CircuitBreakerService<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        CircuitBreakerService::new(inner, self.breaker.clone(), self.classifier.clone())
    }
}

impl CircuitBreaker {
    /// This breaker as a layer of tower.
    ///
    /// ```
    /// let breaker = trifuse::CircuitBreaker::builder("search").build()?;
    /// assert!(breaker.layer().breaker().same_as(&breaker));
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
    pub fn layer(&self) -> CircuitBreakerLayer {
        CircuitBreakerLayer::new(self.clone())
    }
}
