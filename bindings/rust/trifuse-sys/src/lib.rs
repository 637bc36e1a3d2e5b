// SPDX-License-Identifier: MIT OR Apache-2.0
//! Raw declarations of the trifuse C core. The crate `trifuse` is the safe way to use them; the
//! header `trifuse/trifuse.h` is the documentation.
//!
//! | set | effect on the build |
//! |---|---|
//! | feature `bundled` (default) | compiles the C core that this crate carries |
//! | feature `system` without `bundled` | links the system's trifuse, found by pkg-config |
//! | `TRIFUSE_NO_BUNDLED=1` | as `system`, even where another crate asks for `bundled` |
//! | `TRIFUSE_LIB_DIR` (with `TRIFUSE_INCLUDE_DIR`, `TRIFUSE_STATIC=1`) | links the library in that folder |
//!
//! Each of them stops the build, saying why, when it cannot be met.
#![no_std]
#![allow(non_camel_case_types)]

mod constants;
mod constants_fields;
mod functions;
mod functions_latency;
mod functions_limits;
mod functions_retry;
mod structs;
mod structs_latency;
mod structs_limits;
mod structs_retry;

pub use constants::*;
pub use constants_fields::*;
pub use functions::*;
pub use functions_latency::*;
pub use functions_limits::*;
pub use functions_retry::*;
pub use structs::*;
pub use structs_latency::*;
pub use structs_limits::*;
pub use structs_retry::*;
