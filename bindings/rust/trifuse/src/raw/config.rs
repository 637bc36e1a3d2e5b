// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks and designs of the core.
use std::ffi::{CStr, c_int};
use std::mem::size_of;

use trifuse_sys as sys;

use crate::error::ConfigError;

/// A struct of the core with every byte zero but for its size.
macro_rules! zeroed_with_size {
    ($type:ty) => {{
        // SAFETY: the struct is plain numbers, for which all zero bits are values.
        let mut value: $type = unsafe { std::mem::zeroed() };
        value.struct_size = size_of::<$type>() as u32;
        value
    }};
}
pub(super) use zeroed_with_size;

/// The core's own filling of a preset, against which the constants of this crate are tested.
#[cfg(test)]
pub(crate) fn preset(preset: u32) -> sys::trifuse_breaker_config {
    let mut config = zeroed_with_size!(sys::trifuse_breaker_config);
    let size = size_of::<sys::trifuse_breaker_config>();
    // SAFETY: `config` is a struct of `size` bytes.
    let result = unsafe { sys::trifuse_breaker_config_init(&raw mut config, size, preset) };
    assert_eq!(result, sys::TRIFUSE_OK, "{}", super::text::result(result));
    config
}

pub(crate) fn check(config: &sys::trifuse_breaker_config) -> Result<(), ConfigError> {
    // SAFETY: both point to structs that carry their size.
    refused(|error| unsafe { sys::trifuse_breaker_config_check(config, error) })
}

pub(crate) fn advise(config: &sys::trifuse_breaker_config) -> Result<u32, ConfigError> {
    let mut advice = 0;
    // SAFETY: as for `check`; `advice` is a place for one u32.
    refused(|error| unsafe { sys::trifuse_breaker_config_advise(config, &raw mut advice, error) })?;
    Ok(advice)
}

pub(crate) fn solve(
    tolerated_rate: f64,
    outage_rate: f64,
    false_open_every: f64,
) -> Result<sys::trifuse_cusum_design, ConfigError> {
    let mut design = zeroed_with_size!(sys::trifuse_cusum_design);
    design.tolerated_rate = tolerated_rate;
    design.outage_rate = outage_rate;
    design.false_open_every = false_open_every;
    // SAFETY: both point to structs that carry their size.
    refused(|error| unsafe { sys::trifuse_cusum_solve(&raw mut design, error) })?;
    Ok(design)
}

/// Runs `call` with a place for the reason of a refusal.
pub(super) fn refused(
    mut call: impl FnMut(*mut sys::trifuse_config_error) -> c_int,
) -> Result<(), ConfigError> {
    let mut error = zeroed_with_size!(sys::trifuse_config_error);
    match call(&raw mut error) {
        sys::TRIFUSE_OK => Ok(()),
        sys::TRIFUSE_ERROR_CONFIG => Err(ConfigError::from_raw(error)),
        other => {
            panic!("trifuse: the core does not take this crate's structs: {}", super::text::result(other))
        }
    }
}

/// What a refused field may be, in English.
pub(crate) fn allowed(error: &sys::trifuse_config_error) -> String {
    let bytes: Vec<u8> = error.allowed.iter().map(|&byte| byte as u8).collect();
    CStr::from_bytes_until_nul(&bytes).map(|text| text.to_string_lossy().into_owned()).unwrap_or_default()
}
