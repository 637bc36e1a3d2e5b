// SPDX-License-Identifier: MIT OR Apache-2.0
//! For services with [axum](https://docs.rs/axum): limits for what comes in, answers for what is refused,
//! health and readiness, and routes for operators.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::time::Duration;
//! use axum::{Router, body::Body, extract::Request, routing::post};
//! use tower::ServiceExt;
//! use trifuse::axum::{Failed, ResilienceLayer, health_routes};
//! use trifuse::health::Health;
//! use trifuse::{AdaptiveLimit, CircuitBreaker, Preset};
//!
//! let payments = CircuitBreaker::builder("payments").preset(Preset::Payment).build()?;
//! let (guard, told) = (payments.clone(), payments.clone());
//! let pay = async move || -> Result<&'static str, Failed> {
//!     Ok(guard.call_async(async { Ok::<_, std::io::Error>("paid") }).await?)
//! };
//!
//! let app: Router = Router::new()
//!     .route("/orders", post(pay))
//!     .layer(
//!         ResilienceLayer::new()
//!             .concurrency(AdaptiveLimit::gradient2("inbound").build()?)
//!             .timeout(Duration::from_secs(10)),
//!     )
//!     .merge(health_routes(Health::builder().version("1.4.2").breakers(told).build()?));
//!
//! let ask = || app.clone().oneshot(Request::post("/orders").body(Body::empty()).unwrap());
//! assert_eq!(ask().await.unwrap().status(), 200);
//! payments.trip(Duration::from_secs(20));
//! let answer = ask().await.unwrap();
//! assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"20".parse().unwrap()));
//! # Ok::<(), trifuse::ConfigError>(())
//! # }).unwrap();
//! ```
//!
//! - A handler returns [`CallError`](crate::CallError), [`Refused`](crate::Refused), [`TimedOut`](crate::TimedOut)
//!   as they are (the operation's own error must be an answer itself), or [`Failed`], which every `CallError`
//!   becomes by `?`.
//! - [`ResilienceLayer`] limits by rate, by how many requests are worked at, by circuit breaker and by time;
//!   [`by key`](ResilienceLayer::by_key) where wished. All clones and all services that it makes share them.
//! - The layers of [`trifuse::tower`](crate::tower) go with a `Router` where a [`ResilienceLayer`] is around
//!   them, which makes their errors answers.
//! - [`health_routes`] and [`admin_routes`].

mod admin;
mod authorize;
mod by_key;
mod failed;
mod future;
mod health;
mod holding;
mod key;
mod layer;
mod limits;
mod log;
mod outcome;
mod problem;
mod service;

pub use admin::admin_routes;
pub use authorize::Authorization;
pub use by_key::ByKey;
pub use failed::Failed;
pub use future::ResilienceFuture;
pub use health::{HealthRoutes, health_routes};
pub use key::{by_header, by_path, by_peer, by_route};
pub use layer::{ResilienceLayer, Select, Shared};
pub use limits::{Concurrency, KeyedConcurrency};
pub use problem::TooManyRequests;
pub use service::ResilienceService;
