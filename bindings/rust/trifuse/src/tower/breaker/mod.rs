// SPDX-License-Identifier: MIT OR Apache-2.0
//! A circuit breaker around a service, and one for each key of the requests.
mod future;
mod keyed;
mod layer;
mod service;

pub use future::CircuitBreakerFuture;
pub use keyed::{KeyedCircuitBreakerLayer, KeyedCircuitBreakerService};
pub use layer::CircuitBreakerLayer;
pub use service::CircuitBreakerService;
#[cfg(feature = "http")]
pub(crate) use service::breaker_readiness;
