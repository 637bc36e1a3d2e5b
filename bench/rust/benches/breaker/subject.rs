// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every library must do to be measured.
use std::fmt;

/// The error of the operation.
#[derive(Clone, Debug)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// One breaker of one library.
pub trait Subject: Sync {
    fn name(&self) -> &'static str;

    /// A protected call: whether it was made and succeeded. Each thread has its own.
    fn caller(&self) -> Box<dyn FnMut() -> bool + '_>;

    /// Opens the circuit by failing calls; `false`: leave it out of the refusals.
    fn open(&self) -> bool;
}
