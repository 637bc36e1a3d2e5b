// SPDX-License-Identifier: MIT OR Apache-2.0
//! A timeout around a service.
mod future;
mod layer;
mod service;

pub use future::TimeoutFuture;
pub use layer::TimeoutLayer;
pub use service::TimeoutService;
