// SPDX-License-Identifier: MIT OR Apache-2.0
//! The policies as layers of [tower](https://docs.rs/tower).
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::time::Duration;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use trifuse::tower::{CircuitBreakerLayer, OperationLayer, RateLimitLayer, RetryLayer, TimeoutLayer};
//! use trifuse::{CircuitBreaker, RateLimiter, Retry, Timeout};
//!
//! let search = ServiceBuilder::new()
//!     .layer(RetryLayer::new(Retry::builder("search").max_retries(2).build()?))
//!     .layer(CircuitBreakerLayer::new(CircuitBreaker::builder("search").build()?))
//!     .layer(RateLimitLayer::new(RateLimiter::per_second(100.0).build()?))
//!     .layer(TimeoutLayer::new(Timeout::after(Duration::from_secs(2))))
//!     .layer(OperationLayer) // innermost
//!     .service(service_fn(|question: String| async move { Ok::<_, std::io::Error>(question.len()) }));
//! assert_eq!(search.oneshot("what".to_owned()).await.unwrap(), 4);
//! # Ok::<(), trifuse::ConfigError>(())
//! # }).unwrap();
//! ```
//!
//! # One error
//! The error of every layer is [`CallError<E>`](crate::CallError), where `E` is the error of the service
//! itself, however many layers there are: a layer passes on what the ones within refused or timed out, and
//! knows it from a failure of the service. So the service within a layer must have such an error already,
//! and the innermost layer is [`OperationLayer`] (or tower's `map_err(CallError::Operation)`); where it is
//! forgotten the compiler says that the error is no `CallError`.
//!
//! # Which results are failures
//! `Err` is, unless the layer has another [`Classifier`](crate::Classifier) by its `classify` method.
//! It is asked about what the service itself answered. A refusal from within says nothing about the service
//! (to a circuit breaker that of another circuit breaker within is a failure), a timeout within is a
//! timeout, and neither is refusal retried.
//!
//! # Readiness
//! - `poll_ready` passes the readiness of the service within on. Permission, tokens and places are asked for
//!   when the future of a call is first polled, not before: a service that is polled ready and never called
//!   holds nothing of a policy.
//! - [`CircuitBreakerService`] says that it is ready at once while its circuit is not closed, whatever the
//!   service within says: the call is refused, or it is a probe, which waits for the service as a part of the
//!   call. A caller that waits for a service that is not ready, and was so before the circuit opened, goes on
//!   waiting for that service.
//! - What was polled ready is what is called: `call` leaves a clone in its place. A clone shares the policy
//!   and has to be polled ready itself. A service that is called without being polled ready is waited for
//!   in the call.
//! - An error of `poll_ready` within is passed on: tower says that such a service is to be discarded. No
//!   layer retries it or answers in its place; a circuit breaker counts it as it would count an answer.
//!
//! # Cancel safety
//! A future that is dropped gives back what it has: the permit of the circuit breaker, the place in a
//! bulkhead, tokens that it waits for. The call says nothing about the service, unless the breaker's
//! `cancelled_counts_after` says so.

pub(crate) mod macros;

mod adaptive_limit;
mod breaker;
mod bulkhead;
mod fallback;
mod hedge;
mod judging;
pub(crate) mod oneshot;
mod operation;
mod placed;
mod rate_limit;
pub(crate) mod readied;
mod request;
mod retry;
mod throttle;
mod timeout;

#[cfg(feature = "http")]
pub(crate) use breaker::breaker_readiness;

pub use adaptive_limit::{AdaptiveLimitFuture, AdaptiveLimitLayer, AdaptiveLimitService};
pub use breaker::{
    CircuitBreakerFuture, CircuitBreakerLayer, CircuitBreakerService, KeyedCircuitBreakerLayer,
    KeyedCircuitBreakerService,
};
pub use bulkhead::{BulkheadFuture, BulkheadLayer, BulkheadService};
pub use fallback::{FallbackFuture, FallbackLayer, FallbackService};
pub use hedge::{HedgeFuture, HedgeLayer, HedgeService};
pub use operation::{OperationFuture, OperationLayer, OperationService};
pub use rate_limit::{
    KeyedRateLimitLayer, KeyedRateLimitService, RateLimitFuture, RateLimitLayer, RateLimitService,
};
pub use request::{CloneRequest, Cloned};
pub use retry::{RetryFuture, RetryLayer, RetryService};
pub use throttle::{ThrottleFuture, ThrottleLayer, ThrottleService};
pub use timeout::{TimeoutFuture, TimeoutLayer, TimeoutService};
