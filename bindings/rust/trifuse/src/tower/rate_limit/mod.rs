// SPDX-License-Identifier: MIT OR Apache-2.0
//! A rate limit around a service, and one for each key of the requests.
mod future;
mod keyed;
mod layer;
mod service;

pub use future::RateLimitFuture;
pub use keyed::{KeyedRateLimitLayer, KeyedRateLimitService};
pub use layer::RateLimitLayer;
pub use service::RateLimitService;
