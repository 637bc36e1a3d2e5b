// SPDX-License-Identifier: MIT OR Apache-2.0
use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;

use ::axum::extract::Request;

use crate::axum::layer::{Limits, ResilienceLayer, Select};
use crate::axum::limits::KeyedConcurrency;
use crate::keyed::KeyedBreakers;
use crate::keyed_limiters::KeyedRateLimiters;

/// Policies for each key of the requests.
pub struct ByKey<K, F> {
    key: F,
    rates: Option<Arc<KeyedRateLimiters<K>>>,
    concurrency: Option<Arc<KeyedConcurrency<K>>>,
    breakers: Option<Arc<KeyedBreakers<K>>>,
}

impl<K, F> ByKey<K, F> {
    pub(crate) fn new(key: F) -> Self {
        Self { key, rates: None, concurrency: None, breakers: None }
    }
}

impl<K, F: Clone> Clone for ByKey<K, F> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            rates: self.rates.clone(),
            concurrency: self.concurrency.clone(),
            breakers: self.breakers.clone(),
        }
    }
}

impl<K: Hash + Eq + Clone + Display, F: Fn(&Request) -> K> Select for ByKey<K, F> {
    fn select(&self, request: &Request) -> Limits {
        let key = (self.key)(request);
        Limits {
            rate: self.rates.as_ref().map(|rates| rates.get(&key)),
            concurrency: self.concurrency.as_ref().map(|limits| limits.get(&key)),
            breaker: self.breakers.as_ref().map(|breakers| breakers.get(&key)),
        }
    }
}

impl<K, F> ResilienceLayer<ByKey<K, F>> {
    /// How often requests of a key are let in. Refused: 429.
    pub fn rate_limit(mut self, limiters: impl Into<Arc<KeyedRateLimiters<K>>>) -> Self {
        self.settings.policies.rates = Some(limiters.into());
        self
    }

    /// How many requests of a key are worked at. Refused: 503.
    ///
    /// ```
    /// use trifuse::AdaptiveLimit;
    /// use trifuse::axum::{KeyedConcurrency, ResilienceLayer, by_header};
    ///
    /// let tenants = KeyedConcurrency::new(1_000, || AdaptiveLimit::gradient2("tenants").build())?;
    /// let layer = ResilienceLayer::by_key(by_header("x-tenant")).concurrency(tenants);
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn concurrency(mut self, limits: impl Into<Arc<KeyedConcurrency<K>>>) -> Self {
        self.settings.policies.concurrency = Some(limits.into());
        self
    }

    /// A circuit breaker for each key, such as [`by_route`](crate::axum::by_route). Refused: 503.
    ///
    /// ```
    /// use trifuse::KeyedBreakers;
    /// use trifuse::axum::{ResilienceLayer, by_route};
    ///
    /// let routes = KeyedBreakers::<String>::builder("routes").capacity(100).build()?;
    /// let layer = ResilienceLayer::by_key(by_route).circuit_breaker(routes);
    /// # let _ = layer;
    /// # Ok::<(), trifuse::ConfigError>(())
    /// ```
    pub fn circuit_breaker(mut self, breakers: impl Into<Arc<KeyedBreakers<K>>>) -> Self {
        self.settings.policies.breakers = Some(breakers.into());
        self
    }
}
