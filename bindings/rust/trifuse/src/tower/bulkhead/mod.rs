// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bulkhead around a service.
mod future;
mod layer;
mod service;

pub use future::BulkheadFuture;
pub use layer::BulkheadLayer;
pub use service::BulkheadService;
