// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests of the Rust wrapper stand in `tests/`. The code of the documentation is tested here.

/// The page for Rust users.
#[doc = include_str!("../../../docs/rust.md")]
pub struct Page;

/// The page for Rust services.
#[doc = include_str!("../../../docs/rust-services.md")]
pub struct Services;
