// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retries around a service.
mod future;
mod layer;
mod service;

pub use future::RetryFuture;
pub use layer::RetryLayer;
pub use service::RetryService;
