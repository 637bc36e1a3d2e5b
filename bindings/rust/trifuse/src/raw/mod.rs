// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one module with unsafe code: calls into the core, and pin projections.
#![allow(unsafe_code)]

pub(crate) mod breaker;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod latency;
pub(crate) mod limits;
mod object;
pub(crate) mod pin;
pub(crate) mod retry;
pub(crate) mod text;
