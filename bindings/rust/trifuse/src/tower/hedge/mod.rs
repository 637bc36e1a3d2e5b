// SPDX-License-Identifier: MIT OR Apache-2.0
//! A second attempt beside a slow one.
mod future;
mod layer;
mod race;
mod service;

pub use future::HedgeFuture;
pub use layer::HedgeLayer;
pub use service::HedgeService;
