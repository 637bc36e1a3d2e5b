// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sizes, offsets and constants of trifuse-sys agree with trifuse.h.
#![allow(bad_style, unused, unreachable_pub, missing_docs, clippy::all)]

use trifuse_sys::*;

include!(concat!(env!("OUT_DIR"), "/all.rs"));
