// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where those who watch breakers find them.
use std::sync::Arc;

use crate::breaker::CircuitBreaker;
use crate::keyed::KeyedBreakers;
use crate::registry::Registry;

/// Breakers to watch: a [`Registry`] (in an `Arc`, or a `&'static` one), [`KeyedBreakers`], a single breaker or
/// several. Asked each time anew, so breakers that are made later are found.
///
/// ```
/// use trifuse::{Breakers, CircuitBreaker, Config, Registry};
///
/// let registry = Registry::new();
/// registry.breaker("payments", Config::DEFAULT)?;
/// assert_eq!(registry.breakers().len(), 1);
/// let alone = CircuitBreaker::builder("search").build()?;
/// assert!(alone.breakers()[0].same_as(&alone));
/// # Ok::<(), trifuse::ConfigError>(())
/// ```
pub trait Breakers: Send + Sync {
    /// Handles to the breakers as they are now.
    ///
    /// ```
    /// assert!(trifuse::Breakers::breakers(&trifuse::Registry::new()).is_empty());
    /// ```
    fn breakers(&self) -> Vec<CircuitBreaker>;
}

impl Breakers for Registry {
    fn breakers(&self) -> Vec<CircuitBreaker> {
        self.iter().collect()
    }
}

impl<K: Send + Sync> Breakers for KeyedBreakers<K> {
    /// With the overflow breaker, last.
    fn breakers(&self) -> Vec<CircuitBreaker> {
        self.iter().chain([self.overflow().clone()]).collect()
    }
}

impl Breakers for CircuitBreaker {
    fn breakers(&self) -> Vec<CircuitBreaker> {
        vec![self.clone()]
    }
}

impl Breakers for Vec<CircuitBreaker> {
    fn breakers(&self) -> Vec<CircuitBreaker> {
        self.clone()
    }
}

impl<B: Breakers + ?Sized> Breakers for &B {
    fn breakers(&self) -> Vec<CircuitBreaker> {
        (**self).breakers()
    }
}

impl<B: Breakers + ?Sized> Breakers for Arc<B> {
    fn breakers(&self) -> Vec<CircuitBreaker> {
        (**self).breakers()
    }
}
