// SPDX-License-Identifier: MIT OR Apache-2.0
//! An adaptive throttle around a service.
mod future;
mod layer;
mod service;

pub use future::ThrottleFuture;
pub use layer::ThrottleLayer;
pub use service::ThrottleService;
