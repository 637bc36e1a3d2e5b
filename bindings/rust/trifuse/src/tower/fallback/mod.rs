// SPDX-License-Identifier: MIT OR Apache-2.0
//! Answers for a service that has none.
mod future;
mod layer;
mod service;

pub use future::FallbackFuture;
pub use layer::FallbackLayer;
pub use service::FallbackService;
