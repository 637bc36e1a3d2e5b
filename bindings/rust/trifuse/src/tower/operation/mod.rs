// SPDX-License-Identifier: MIT OR Apache-2.0
//! The innermost layer: the service itself.
mod future;
mod layer;
mod service;

pub use future::OperationFuture;
pub use layer::OperationLayer;
pub use service::OperationService;
