// SPDX-License-Identifier: MIT OR Apache-2.0
//! An adaptive limit around a service.
mod future;
mod layer;
mod service;

pub use future::AdaptiveLimitFuture;
pub use layer::AdaptiveLimitLayer;
pub use service::AdaptiveLimitService;
